{{ config(materialized='table') }}

-- Rows that do not say when they were or how much they moved, so that they are no facts: one for
-- each value that is missing. `fct_data_quality` counts them.
with final as (

{{ unreadable_rows() }}

)

select * from final
