{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'event_key'],
        on_schema_change='fail'
    )
}}

{#
    What was received and what was paid, put together from the rows of the spot ledger, and of the
    unified one's tax records: trades and conversions. An event is taken again whenever a row of it, or a fill of its order, is new.
#}

with tax_rows as (

    select
        *,
        'tax_spot_records' as stream
    from {{ ref('base_bitget__tax_spot_records') }}

    union all by name

    select
        account_id,
        stream,
        record_id,
        cast(null as varchar) as biz_order_id,
        coin,
        record_type as spot_tax_type,
        amount,
        fee,
        booked_at as occurred_at,
        origin,
        receipt_id,
        loaded_at
    from {{ ref('int_bitget__unified_ledger') }}
    where
        stream = 'unified_tax_records'
        and coalesce(line, '') not like '%FUTURES'
        and not is_before_change

),

fills as (

    select * from {{ ref('base_bitget__spot_fills') }}

),

labels as (

    select * from {{ ref('bitget_labels') }}
    where part like 'trade_%' or part like 'conversion_%'

),

-- Rows of one event share the order id; older rows have none and are held together by their time.
legs as (

    select
        tax_rows.account_id,
        coalesce(
            tax_rows.biz_order_id, 'ms:' || epoch_ms(tax_rows.occurred_at)
        ) as event_key,
        split_part(labels.part, '_', 1) as kind,
        split_part(labels.part, '_', 2) as part,
        tax_rows.stream,
        tax_rows.record_id,
        tax_rows.coin,
        tax_rows.amount,
        coalesce(tax_rows.fee, 0) as fee,
        tax_rows.occurred_at,
        tax_rows.origin,
        tax_rows.receipt_id,
        tax_rows.loaded_at
    from tax_rows
    inner join labels on lower(trim(tax_rows.spot_tax_type)) = labels.label_key
    where tax_rows.amount is not null

),

fills_by_event as (

    select
        account_id,
        unnest([order_id, trade_id, 'ms:' || epoch_ms(occurred_at)]) as event_key,
        trade_id,
        case when lower(side) = 'buy' then size else amount end as received_quantity,
        case when lower(side) = 'buy' then amount else size end as paid_quantity,
        loaded_at
    from fills

),

{% if is_incremental() -%}
events_with_news as (

    select
        account_id,
        event_key
    from legs
    {{ only_new_rows() }}

    union

    select
        account_id,
        event_key
    from fills_by_event
    {{ only_new_rows() }}

),

{% endif -%}
legs_to_take as (

    select legs.* from legs
    {%- if is_incremental() %}
    inner join events_with_news
        on legs.account_id = events_with_news.account_id and legs.event_key = events_with_news.event_key
    {%- endif %}

),

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
    from legs_to_take

),

moments as (

    select
        account_id,
        event_key,
        kind,
        occurred_at,
        count(*) filter (where part = 'received') as received_legs,
        count(*) filter (where part = 'paid') as paid_legs
    from ranked
    group by account_id, event_key, kind, occurred_at

),

-- Where receipts and payments do not match moment by moment, the event is one pair as a whole.
events as (

    select
        account_id,
        event_key,
        kind,
        bool_and(received_legs = paid_legs) as is_one_by_one
    from moments
    group by account_id, event_key, kind

),

coins as (

    select
        account_id,
        event_key,
        kind
    from ranked
    where part != 'fee'
    group by account_id, event_key, kind
    having
        min(coin) filter (where part = 'received') = max(coin) filter (where part = 'received')
        and min(coin) filter (where part = 'paid') = max(coin) filter (where part = 'paid')

),

placed as (

    select
        ranked.*,
        case when events.is_one_by_one then ranked.occurred_at end as pair_at,
        case when events.is_one_by_one then ranked.leg_number else 1 end as pair_number
    from ranked
    inner join events using (account_id, event_key, kind)
    -- Several coins on one side (moments held together by time alone) would be a guess.
    inner join coins using (account_id, event_key, kind)

),

pairs as (

    select
        account_id,
        event_key,
        kind,
        pair_at,
        pair_number,
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
    from placed
    group by account_id, event_key, kind, pair_at, pair_number

),

-- A fee row without its own receipt and payment belongs to no pair.
whole_pairs as (

    select * from pairs
    where received_coin is not null and paid_coin is not null

),

fills_of_events as (

    select
        fills_by_event.account_id,
        fills_by_event.event_key,
        count(distinct fills_by_event.trade_id) as fill_count,
        max(fills_by_event.loaded_at) as fills_loaded_at
    from fills_by_event
    inner join (select distinct account_id, event_key from whole_pairs) as wanted
        using (account_id, event_key)
    group by fills_by_event.account_id, fills_by_event.event_key

),

equal_fills as (

    select distinct
        whole_pairs.account_id,
        whole_pairs.record_id
    from whole_pairs
    inner join fills_by_event
        on
            whole_pairs.account_id = fills_by_event.account_id
            and whole_pairs.event_key = fills_by_event.event_key
            and whole_pairs.received_quantity = fills_by_event.received_quantity
            and whole_pairs.paid_quantity = fills_by_event.paid_quantity

),

-- n fills of an order explain n of its pairs: those of equal quantities first, then the newest,
-- as it is the oldest fills that the exchange no longer gives.
explained as (

    select
        whole_pairs.*,
        coalesce(fills_of_events.fill_count, 0) as fill_count,
        whole_pairs.kind = 'trade' and row_number() over (
            partition by whole_pairs.account_id, whole_pairs.event_key, whole_pairs.kind
            order by
                equal_fills.record_id is not null desc,
                whole_pairs.occurred_at desc,
                whole_pairs.record_id desc
        ) <= coalesce(fills_of_events.fill_count, 0) as is_explained_by_fill,
        greatest(whole_pairs.loaded_at, fills_of_events.fills_loaded_at) as changed_at
    from whole_pairs
    left join fills_of_events using (account_id, event_key)
    left join equal_fills using (account_id, record_id)

),

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
        is_explained_by_fill,
        fill_count,

        -- when
        occurred_at,

        -- where it came from
        origin,
        receipt_id,
        changed_at as loaded_at
    from explained

)

select * from final
