{#- Derived from many tables and read by many tests: stored as a table. #}
{{ config(materialized='table') }}

with deposits as (

    select * from {{ ref('base_bigone__deposits') }}

),

withdrawals as (

    select * from {{ ref('stg_bigone__withdrawals') }}

),

trades as (

    select * from {{ ref('stg_bigone__trades') }}
    where product_type = 'spot'

),

untold_trades as (

    select spot_trades.*
    from {{ ref('base_bigone__spot_trades') }} as spot_trades
    anti join trades using (account_id, record_id)

),

conversions as (

    select * from {{ ref('base_bigone__convert_trades') }}

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

from_deposits as (

    select
        'deposits' as stream,
        account_id,
        record_id,
        '' as leg,
        record_id as event_id,
        coalesce(lower(target_account), 'spot') as wallet,
        asset_symbol as exchange_asset,
        {{ bigone_deposit_type() }} as entry_type,
        kind as exchange_entry_type,
        cast(null as varchar) as market,
        {{ bigone_deposit_status() }} as status,
        state as exchange_status,
        amount,
        cast(0 as decimal(38, 18)) as fee_amount,
        coalesce(updated_at, inserted_at, occurred_at) as occurred_at,
        origin,
        receipt_id,
        loaded_at
    from deposits

),

from_withdrawals as (

    select
        stream,
        account_id,
        record_id,
        '' as leg,
        record_id as event_id,
        wallet,
        exchange_asset,
        'withdrawal' as entry_type,
        'withdrawal' as exchange_entry_type,
        cast(null as varchar) as market,
        status,
        exchange_status,
        -amount as amount,
        fee_amount,
        coalesce(completed_at, requested_at) as occurred_at,
        origin,
        receipt_id,
        loaded_at
    from withdrawals

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
        cast(null as varchar) as exchange_status,
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

from_untold_trades as (

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
        cast(null as varchar) as exchange_status,
        amount,
        cast(0 as decimal(38, 18)) as fee_amount,
        coalesce(inserted_at, created_at, occurred_at) as occurred_at,
        origin,
        receipt_id,
        loaded_at
    from untold_trades

),

conversion_legs as (

    select
        *,
        unnest(['paid', 'received']) as part
    from conversions

),

from_conversions as (

    select
        'convert_trades' as stream,
        account_id,
        record_id,
        '/' || part as leg,
        quote_id as event_id,
        coalesce(lower(account_type), 'spot') as wallet,
        case part when 'paid' then from_asset else to_asset end as exchange_asset,
        'conversion' as entry_type,
        'convert' as exchange_entry_type,
        cast(null as varchar) as market,
        {{ bigone_conversion_status() }} as status,
        state as exchange_status,
        case part when 'paid' then -from_size else to_size end as amount,
        cast(0 as decimal(38, 18)) as fee_amount,
        coalesce(converted_at, occurred_at) as occurred_at,
        origin,
        receipt_id,
        loaded_at
    from conversion_legs

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
        cast(null as varchar) as exchange_status,
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

movements as (

    select * from from_deposits
    union all by name
    select * from from_withdrawals
    union all by name
    select * from from_trades
    union all by name
    select * from from_untold_trades
    union all by name
    select * from from_conversions
    union all by name
    select * from from_contracts

),

-- What is pending, or came to nothing, moved nothing. A status nobody knows is kept, outside the
-- sum; so is a row without its coin.
canonical as (

    select
        -- keys
        concat(account_id, '/', stream, '/', record_id, leg) as ledger_entry_id,
        account_id,
        'bigone' as exchange,
        stream,
        record_id,
        event_id,

        -- what
        wallet,
        {{ bigone_asset_or_unknown('exchange_asset') }} as asset,
        exchange_asset,
        entry_type,
        exchange_entry_type,
        market,
        cast(null as varchar) as note,
        cast(null as varchar) as accounting_regime,
        {{ bigone_status_if_whole('status', 'exchange_asset', 'amount') }} as status,
        exchange_status,

        -- how much
        cast(amount as decimal(38, 18)) as amount,
        cast(coalesce(fee_amount, 0) as decimal(38, 18)) as fee_amount,
        cast(null as decimal(38, 18)) as balance_after,

        -- when
        occurred_at,

        -- where it came from
        origin,
        receipt_id,
        loaded_at
    from movements
    where status in ('completed', 'unclassified')

)

select * from canonical
