-- Rows of lists that are not, or no longer, completed.
with listed as (

    select
        {{ canonical_id('deposits') }} as row_id,
        {{ bigone_deposit_status() }} as status,
        [''] as legs
    from {{ ref('base_bigone__deposits') }}

    union all

    select
        {{ canonical_id('withdrawals') }} as row_id,
        {{ bigone_withdrawal_status() }} as status,
        [''] as legs
    from {{ ref('base_bigone__withdrawals') }}

    union all

    select
        {{ canonical_id('convert_trades') }} as row_id,
        {{ bigone_conversion_status() }} as status,
        ['/paid', '/received'] as legs
    from {{ ref('base_bigone__convert_trades') }}

)

select
    'ledger_entries' as entity,
    row_id || unnest(legs) as row_id
from listed
where status in ('pending', 'failed', 'canceled')
