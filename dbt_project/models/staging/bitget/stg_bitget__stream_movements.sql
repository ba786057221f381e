-- What each of the three lists of the spot wallet tells by itself: which coin moved, and by how much.
-- Tax records and bills tell everything (`all`) and trades within it (`trade`); fills tell trades alone.
with tax_rows as (

    select * from {{ ref('base_bitget__tax_spot_records') }}

),

bills as (

    select * from {{ ref('base_bitget__spot_bills') }}

),

fills as (

    select * from {{ ref('stg_bitget__trades') }}
    where stream = 'spot_fills'

),

labels as (

    select * from {{ ref('bitget_labels') }}

),

tax_movements as (

    select
        account_id,
        'tax_spot_records' as stream,
        unnest(
            case when labels.part like 'trade_%' then ['all', 'trade'] else ['all'] end
        ) as part,
        record_id,
        coin as exchange_asset,
        amount,
        coalesce(recorded_at, occurred_at) as occurred_at
    from tax_rows
    left join labels on lower(trim(tax_rows.spot_tax_type)) = labels.label_key

),

-- `size` has the fee inside, as the tax record's amount has.
bill_movements as (

    select
        account_id,
        'spot_bills' as stream,
        'all' as part,
        record_id,
        coin as exchange_asset,
        size as amount,
        coalesce(billed_at, occurred_at) as occurred_at
    from bills

),

fill_movements as (

    select
        account_id,
        'spot_fills' as stream,
        'trade' as part,
        record_id,
        unnest([base_asset, quote_asset, fee_asset]) as exchange_asset,
        unnest([
            case when side = 'buy' then base_quantity else -base_quantity end,
            case when side = 'buy' then -quote_quantity else quote_quantity end,
            -fee_amount
        ]) as amount,
        traded_at as occurred_at
    from fills

),

stacked as (

    select * from tax_movements
    union all
    select * from bill_movements
    union all
    select * from fill_movements

),

final as (

    select
        account_id,
        'bitget' as exchange,
        stream,
        part,
        record_id,
        exchange_asset as asset,
        exchange_asset,
        amount,
        occurred_at
    from stacked
    where exchange_asset is not null and amount is not null

)

select * from final
