-- Unified accounts, and since when their v3 rows count; classic streams have everything before.
with checks as (

    select * from {{ ref('int_accounts_unioned') }}
    where exchange = 'bitget'

),

specs as (

    select * from {{ ref('int_stream_specs_unioned') }}
    where is_current and exchange = 'bitget' and stream = 'unified_tax_records'

),

lives as (

    {{ stream_lives('checks', 'specs') }}

),

since as (

    select
        account_id,
        coalesce(served_after, '-infinity') as counts_from
    from lives
    where is_served

)

select * from since
