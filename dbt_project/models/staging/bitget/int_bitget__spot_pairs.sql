{{ config(materialized='table') }}

{#-
    The two coins of every spot pair: of those in the public list, and of those that were traded and
    have left it. A symbol has no separator, so evidence comes before the name, best first:

    1. the public list, today's or an earlier one (records of it are kept)
    2. the coin a fee was taken in, which is one of the two unless it was deducted in a third one
    3. two coins that one trade of the ledger received and paid
    4. two coins that are known to exist, where only one cut of the name gives two such
    5. the name: a known quote coin at its end
-#}
with symbols as (

    select * from {{ ref('base_bitget__symbols') }}

),

fills as (

    select
        {{ bitget_pair_symbol('symbol') }} as pair,
        symbol,
        lower(side) as side,
        fee_coin,
        coalesce(is_fee_deducted, false) as is_deducted
    from {{ ref('base_bitget__spot_fills') }}

    union all

    select
        {{ bitget_pair_symbol('symbol') }} as pair,
        symbol,
        lower(side) as side,
        fee_coin,
        false as is_deducted
    from {{ ref('base_bitget__unified_fills') }}
    where category in ('SPOT', 'MARGIN')

),

ledger_pairs as (

    select distinct
        received_coin,
        paid_coin
    from {{ ref('int_bitget__ledger_pairs') }}
    where kind = 'trade'

),

coins as (

    select coin from {{ ref('base_bitget__coins') }}
    union
    select base_coin from symbols
    union
    select quote_coin from symbols
    union
    select received_coin from ledger_pairs
    union
    select paid_coin from ledger_pairs

),

traded as (

    select distinct
        symbol,
        pair
    from fills
    where symbol is not null

),

by_list as (

    select
        symbol,
        base_coin,
        quote_coin,
        1 as evidence
    from symbols
    where symbol is not null and base_coin is not null and quote_coin is not null

),

-- A fee is taken from what was received; the side says which of the two that most often is.
by_fee as (

    select
        symbol,
        case when fee_comes_first then fee_coin else left(pair, length(pair) - length(fee_coin)) end
            as base_coin,
        case when fee_comes_first then substr(pair, length(fee_coin) + 1) else fee_coin end
            as quote_coin,
        2 as evidence
    from (
        select
            *,
            starts_with(pair, fee_coin) and (side = 'buy' or not ends_with(pair, fee_coin))
                as fee_comes_first
        from fills
    )
    where
        not is_deducted
        and (starts_with(pair, fee_coin) or ends_with(pair, fee_coin))
        and length(pair) > length(fee_coin)

),

by_legs as (

    select
        traded.symbol,
        case when traded.pair = received_coin || paid_coin then received_coin else paid_coin end
            as base_coin,
        case when traded.pair = received_coin || paid_coin then paid_coin else received_coin end
            as quote_coin,
        3 as evidence
    from traded
    inner join ledger_pairs
        on traded.pair in (received_coin || paid_coin, paid_coin || received_coin)

),

cuts as (

    select
        symbol,
        pair,
        unnest(range(1, length(pair))) as base_length
    from traded

),

by_coins as (

    select
        cuts.symbol,
        any_value(bases.coin) as base_coin,
        any_value(quotes.coin) as quote_coin,
        4 as evidence
    from cuts
    inner join coins as bases on left(cuts.pair, cuts.base_length) = bases.coin
    inner join coins as quotes on substr(cuts.pair, cuts.base_length + 1) = quotes.coin
    group by cuts.symbol
    having count(*) = 1

),

by_name as (

    select
        symbol,
        {{ bitget_coin_by_name('symbol', 1) }} as base_coin,
        {{ bitget_coin_by_name('symbol', 2) }} as quote_coin,
        5 as evidence
    from traded
    where {{ bitget_coin_by_name('symbol', 1) }} is not null

),

stacked as (

    select * from by_list
    union all
    select * from by_fee
    union all
    select * from by_legs
    union all
    select * from by_coins
    union all
    select * from by_name

),

final as (

    select
        symbol,
        base_coin,
        quote_coin,
        ['list', 'fee_coin', 'ledger', 'known_coins', 'name'][stacked.evidence] as evidence
    from stacked
    group by symbol, base_coin, quote_coin, stacked.evidence
    qualify row_number() over (
        partition by symbol order by stacked.evidence, count(*) desc, base_coin, quote_coin
    ) = 1

)

select * from final
