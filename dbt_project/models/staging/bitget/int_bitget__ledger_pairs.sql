{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'event_key'],
        on_schema_change='fail'
    )
}}

{#
    What was received and what was paid in trades and conversions, from the rows of the ledgers. An
    event is computed again whenever a row of it, or a fill of its order, is new.
#}
with legs as (

    select * from {{ ref('int_bitget__event_legs') }}

),

fills_by_event as (

    select
        account_id,
        unnest([order_id, trade_id, 'ms:' || epoch_ms(occurred_at)]) as event_key,
        trade_id,
        case when lower(side) = 'buy' then size else amount end as received_quantity,
        case when lower(side) = 'buy' then amount else size end as paid_quantity,
        loaded_at
    from {{ ref('base_bitget__spot_fills') }}

),

{% if is_incremental() -%}
events_with_news as (

    select account_id, event_key from legs
    {{ only_new_rows() }}

    union

    select account_id, event_key from fills_by_event
    {{ only_new_rows() }}

),

{% endif -%}
-- Prices within one order and millisecond hardly differ, so the largest receipt belongs to the
-- largest payment; ids say nothing about which row belongs to which.
ranked as (

    select
        *,
        abs(amount - fee) as gross,
        row_number() over (
            partition by account_id, event_key, kind, part, occurred_at
            order by abs(amount) desc, record_id
        ) as leg_number
    from legs
    {%- if is_incremental() %}
    semi join events_with_news using (account_id, event_key)
    {%- endif %}

),

moments as (

    select
        account_id, event_key, kind, occurred_at,
        count_if(part = 'received') = count_if(part = 'paid') as is_one_by_one,
        list(coin) filter (where part = 'received') as received_coins,
        list(coin) filter (where part = 'paid') as paid_coins
    from ranked
    group by account_id, event_key, kind, occurred_at

),

-- Where receipts and payments do not match moment by moment, the event is one pair as a whole.
-- Several coins on one side (moments held together by time alone) would be a guess.
events as (

    select account_id, event_key, kind, bool_and(is_one_by_one) as is_one_by_one
    from moments
    group by account_id, event_key, kind
    having
        len(list_distinct(flatten(list(received_coins)))) = 1
        and len(list_distinct(flatten(list(paid_coins)))) = 1

),

pairs as (

    select
        account_id,
        event_key,
        kind,
        case when events.is_one_by_one then ranked.occurred_at end as pair_at,
        case when events.is_one_by_one then ranked.leg_number else 1 end as pair_number,
        min(stream) as stream,
        min(record_id) filter (where part = 'received') as record_id,
        min(record_id) filter (where part = 'paid') as paid_record_id,
        min(coin) filter (where part = 'received') as received_coin,
        min(coin) filter (where part = 'paid') as paid_coin,
        sum(gross) filter (where part = 'received') as received_quantity,
        sum(gross) filter (where part = 'paid') as paid_quantity,
        sum(-fee) filter (where part = 'received') as received_fee,
        sum(-fee) filter (where part = 'paid') as paid_fee,
        sum(-amount) filter (where part = 'fee') as extra_fee,
        min(coin) filter (where part = 'fee') as extra_fee_coin,
        count(*) filter (where part = 'received') as received_legs,
        min(occurred_at) as occurred_at,
        min(origin) as origin,
        min(receipt_id) as receipt_id,
        max(loaded_at) as loaded_at
    from ranked
    inner join events using (account_id, event_key, kind)
    group by all
    -- A fee row without its own receipt and payment belongs to no pair.
    having received_coin is not null and paid_coin is not null

),

fills_of_events as (

    select
        account_id, event_key,
        count(distinct trade_id) as fill_count,
        max(loaded_at) as fills_loaded_at
    from fills_by_event
    semi join pairs using (account_id, event_key)
    group by account_id, event_key

),

equal_fills as (

    select distinct pairs.account_id, pairs.record_id
    from pairs
    inner join fills_by_event
        on
            pairs.account_id = fills_by_event.account_id
            and pairs.event_key = fills_by_event.event_key
            and pairs.received_quantity = fills_by_event.received_quantity
            and pairs.paid_quantity = fills_by_event.paid_quantity

),

-- n fills of an order explain n of its pairs: those of equal quantities first, then the newest,
-- as it is the oldest fills that the exchange no longer gives.
final as (

    select
        -- keys
        account_id,
        event_key,
        kind,
        stream,
        record_id,
        paid_record_id,

        -- what came in and what went out, before fees
        received_coin,
        received_quantity,
        paid_coin,
        paid_quantity,
        received_legs,

        -- what it cost: inside one of the two, or a row of its own in another coin
        case
            when received_fee != 0 then received_coin
            when paid_fee != 0 then paid_coin
            else coalesce(extra_fee_coin, received_coin)
        end as fee_coin,
        case
            when received_fee != 0 then received_fee
            when paid_fee != 0 then paid_fee
            else coalesce(extra_fee, 0)
        end as fee_quantity,

        -- whether an execution of it is stored
        kind = 'trade' and row_number() over (
            partition by account_id, event_key, kind
            order by equal_fills.record_id is not null desc, occurred_at desc, record_id desc
        ) <= coalesce(fills_of_events.fill_count, 0) as is_explained_by_fill,
        coalesce(fills_of_events.fill_count, 0) as fill_count,

        -- when
        occurred_at,

        -- where it came from
        origin,
        receipt_id,
        greatest(loaded_at, fills_of_events.fills_loaded_at) as loaded_at
    from pairs
    left join fills_of_events using (account_id, event_key)
    left join equal_fills using (account_id, record_id)

)

select * from final
