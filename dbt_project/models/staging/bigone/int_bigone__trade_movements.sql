-- What executions, and rows of them that name no side, moved in the spot and the contract wallet.
with trades as (

    select * from {{ ref('stg_bigone__trades') }}
    where product_type = 'spot'

),

unsided_trades as (

    select spot_trades.*
    from {{ ref('base_bigone__spot_trades') }} as spot_trades
    anti join trades using (account_id, record_id)

),

contract_terms as (

    select * from {{ ref('base_bigone__contract_symbols') }}
    qualify row_number() over (partition by symbol order by record_id != symbol, record_id) = 1

),

-- A row that names no coin is settled as its contract's terms say.
contract_trades as (

    select
        trades.* replace (coalesce(trades.currency, contract_terms.settle_currency) as currency),
        {{ known_or_zero('trades.fee', 'trades.unreadable_amounts') }} as known_fee,
        {{ known_or_zero('trades.pnl', 'trades.unreadable_amounts') }} as known_pnl
    from {{ ref('base_bigone__contract_trades') }} as trades
    left join contract_terms on trades.symbol = contract_terms.symbol

),

trade_legs as (

    select
        *,
        -- A trade with oneself moves nothing but its two fees.
        unnest(
            case when exchange_type = 'SELF_TRADING' then ['fee'] else ['paid', 'received'] end
        ) as part,
        {{ bigone_pair_coin('market', 1) }} as base_symbol,
        {{ bigone_pair_coin('market', 2) }} as quote_symbol
    from trades

),

from_trades as (

    select
        stream,
        account_id,
        record_id,
        -- What follows the record's id in the trade's: the side, of a trade with oneself.
        substr(trade_id, length({{ canonical_id('spot_trades') }}) + 1) || '/' || part as leg,
        order_id as event_id,
        wallet,
        case when (side = 'buy') = (part != 'paid') then base_symbol else quote_symbol end
            as exchange_asset,
        case part when 'fee' then 'fee' else 'trade' end as entry_type,
        exchange_type as exchange_entry_type,
        market,
        'completed' as status,
        case part
            when 'fee' then -fee_amount
            when 'paid' then -case side when 'buy' then quote_quantity else base_quantity end
            else case side when 'buy' then base_quantity else quote_quantity end - fee_amount
        end as amount,
        case part when 'paid' then 0 else fee_amount end as fee_amount,
        traded_at as occurred_at,
        origin,
        receipt_id,
        loaded_at
    from trade_legs

),

from_unsided_trades as (

    select
        'spot_trades' as stream,
        account_id,
        record_id,
        '' as leg,
        coalesce(taker_order_id, maker_order_id) as event_id,
        'spot' as wallet,
        {{ bigone_pair_coin('asset_pair_name', 1) }} as exchange_asset,
        'unclassified' as entry_type,
        side as exchange_entry_type,
        asset_pair_name as market,
        'unclassified' as status,
        amount,
        coalesce(inserted_at, created_at, occurred_at) as occurred_at,
        origin,
        receipt_id,
        loaded_at
    from unsided_trades

),

from_contracts as (

    select
        'contract_trades' as stream,
        account_id,
        record_id,
        '' as leg,
        order_id as event_id,
        'contract' as wallet,
        currency as exchange_asset,
        case
            when upper(side) = 'FUNDING' then 'funding'
            when side ilike '%BUY' or side ilike '%SELL' then 'realised_pnl'
            else 'unclassified'
        end as entry_type,
        side as exchange_entry_type,
        symbol as market,
        'completed' as status,
        case when coalesce(pnl, fee) is not null then known_pnl - known_fee end as amount,
        -- A funding payment is a cost as a whole, in whichever of the two it is written.
        case when upper(side) = 'FUNDING' then known_fee - known_pnl else known_fee end
            as fee_amount,
        coalesce(traded_at, occurred_at) as occurred_at,
        origin,
        receipt_id,
        loaded_at
    from contract_trades

),

united as (

    select * from from_trades
    union all by name
    select * from from_unsided_trades
    union all by name
    select * from from_contracts

)

select * from united
