-- Ledger entries of unified accounts in canonical columns: the unified and the funding wallet.
with ledger as (

    select * from {{ ref('int_bitget__unified_ledger') }}
    where is_entry

),

funding as (

    select * from {{ ref('base_bitget__unified_funding_records') }}

),

since as (

    select * from {{ ref('int_bitget__unified_since') }}

),

labels as (

    select * from {{ ref('bitget_unified_labels') }}

),

movements as (

    select
        account_id,
        stream,
        record_id,
        'unified' as wallet,
        coin,
        symbol,
        record_type as label,
        amount,
        -fee as fee_said,
        balance,
        booked_at as occurred_at,
        origin,
        receipt_id,
        loaded_at
    from ledger

    union all

    select
        funding.account_id,
        'unified_funding_records' as stream,
        funding.record_id,
        'funding' as wallet,
        funding.coin,
        cast(null as varchar) as symbol,
        {{ bitget_label('funding.record_type', 'funding.group_type') }} as label,
        funding.amount,
        cast(0 as decimal(38, 18)) as fee_said,
        funding.balance,
        coalesce(funding.booked_at, funding.occurred_at) as occurred_at,
        funding.origin,
        funding.receipt_id,
        funding.loaded_at
    from funding
    left join since on funding.account_id = since.account_id
    where coalesce(funding.booked_at, funding.occurred_at) >= coalesce(since.counts_from, '-infinity')

),

named as (

    select
        movements.*,
        {{ canonical_id_by_stream('movements.stream', 'movements.record_id') }} as ledger_entry_id,
        labels.entry_type,
        -- If a row is only a fee or a funding payment, the fee is the whole amount.
        case
            when labels.entry_type in ('fee', 'funding') and movements.fee_said = 0
                then -movements.amount
            else movements.fee_said
        end as fee_amount
    from movements
    left join labels on lower(trim(movements.label)) = labels.label_key

),

canonical as (

    select
        {{ bitget_entry_columns() }}
    from named

)

select * from canonical
