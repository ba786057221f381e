{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='trade_id',
        on_schema_change='fail',
        post_hook=[
            "{{ delete_superseded('int_superseded_trades', 'trade_id') }}",
            "{{ delete_gone('trades', 'trade_id') }}"
        ]
    )
}}

with trades as (

    select * from {{ ref('int_trades_unioned') }}
    {{ only_new_rows() }}

    {{ and_changed_rows('trades') }}

),

-- Without a known side a row is not a trade. The ledger has what it moved, and
-- `fct_data_quality` names it.
sided as (

    select
        *,
        {{ utc_day('traded_at') }} as traded_on
    from trades
    where side in ('buy', 'sell')

)

select * from sided
