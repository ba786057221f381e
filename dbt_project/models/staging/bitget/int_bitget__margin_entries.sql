-- The ledgers of margin and P2P in canonical columns, from their tax records.
with margin_rows as (

    select * from {{ ref('base_bitget__tax_margin_records') }}

),

p2p_rows as (

    select * from {{ ref('base_bitget__tax_p2p_records') }}

),

labels as (

    select * from {{ ref('bitget_margin_labels') }}

),

movements as (

    select
        {{ canonical_id('tax_margin_records') }} as ledger_entry_id,
        account_id,
        'tax_margin_records' as stream,
        record_id,
        case when lower(margin_type) = 'isolated' then 'isolated_margin' else 'crossed_margin' end
            as wallet,
        coin,
        symbol,
        margin_tax_type as label,
        amount as stated,
        coalesce(fee, 0) as fee,
        -- Isolated margin has a wallet for every pair, and shows the balance of that one alone.
        case when lower(margin_type) = 'crossed' then total end as balance,
        coalesce(recorded_at, occurred_at) as occurred_at,
        origin,
        receipt_id,
        loaded_at
    from margin_rows

    union all

    select
        {{ canonical_id('tax_p2p_records') }} as ledger_entry_id,
        account_id,
        'tax_p2p_records' as stream,
        record_id,
        'p2p' as wallet,
        coin,
        cast(null as varchar) as symbol,
        p2p_tax_type as label,
        quantity as stated,
        cast(0 as decimal(38, 18)) as fee,
        cast(null as decimal(38, 18)) as balance,
        coalesce(recorded_at, occurred_at) as occurred_at,
        origin,
        receipt_id,
        loaded_at
    from p2p_rows

),

named as (

    select
        movements.*,
        labels.entry_type,
        -- The label gives the direction, because amounts may be unsigned.
        case labels.direction
            when 'in' then abs(movements.stated)
            when 'out' then -abs(movements.stated)
            else movements.stated
        end as amount,
        case
            when labels.entry_type = 'fee' and movements.fee = 0 then abs(movements.stated)
            else -movements.fee
        end as fee_amount
    from movements
    left join labels on replace(lower(trim(movements.label)), '-', '_') = labels.label_key

),

canonical as (

    select
        {{ bitget_entry_columns() }}
    from named

)

select * from canonical
