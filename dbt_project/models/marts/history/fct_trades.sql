{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='trade_id',
        on_schema_change='fail',
        post_hook="{{ delete_superseded('int_superseded_trades', 'trade_id') }}"
    )
}}

with trades as (

    select * from {{ ref('int_trades_unioned') }}
    {{ only_new_rows() }}

)

select * from trades
