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
        record_type,
        amount,
        -fee as fee_said,
        balance,
        booked_at,
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
        funding.record_type,
        funding.amount,
        cast(0 as decimal(38, 18)) as fee_said,
        funding.balance,
        coalesce(funding.booked_at, funding.occurred_at) as booked_at,
        funding.origin,
        funding.receipt_id,
        funding.loaded_at
    from funding
    left join since on funding.account_id = since.account_id
    where coalesce(funding.booked_at, funding.occurred_at) >= coalesce(since.counts_from, '-infinity')

),

canonical as (

    select
        -- keys
        {{ canonical_id_by_stream('movements.stream', 'movements.record_id') }} as ledger_entry_id,
        movements.account_id,
        'bitget' as exchange,
        movements.stream,
        movements.record_id,
        cast(null as varchar) as event_id,

        -- what
        movements.wallet,
        movements.coin as asset,
        movements.coin as exchange_asset,
        coalesce(labels.entry_type, 'unclassified') as entry_type,
        movements.record_type as exchange_entry_type,
        movements.symbol as market,
        cast(null as varchar) as note,
        cast(null as varchar) as accounting_regime,
        'completed' as status,
        cast(null as varchar) as exchange_status,

        -- how much
        movements.amount,
        -- A row that is nothing but a fee, or a funding payment, has it all in the amount.
        case
            when labels.entry_type in ('fee', 'funding') and movements.fee_said = 0
                then -movements.amount
            else movements.fee_said
        end as fee_amount,
        movements.balance as balance_after,

        -- when
        movements.booked_at as occurred_at,

        -- where it came from
        movements.origin,
        movements.receipt_id,
        movements.loaded_at
    from movements
    left join labels on lower(trim(movements.record_type)) = labels.label_key

)

select * from canonical
