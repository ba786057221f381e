{{ config(materialized='table') }}

-- Rows without a time or an amount, which are not facts: one row per missing value.
-- `fct_data_quality` counts them.
with final as (

{{ unreadable_rows() }}

)

select * from final
