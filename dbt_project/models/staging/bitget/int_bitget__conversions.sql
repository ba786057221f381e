-- Conversions as the ledger tells them, with what the lists of conversions add: price and fee. Where
-- the ledger was not read, a list stands in for it (see the Bitget page).
with pairs as (

    select * from {{ ref('int_bitget__ledger_pairs') }}
    where kind = 'conversion'

),

tax_spans as (

    select * from {{ ref('int_covered_spans') }}
    where exchange = 'bitget' and stream = 'tax_spot_records'

),

listed as (

    select * from {{ ref('stg_bitget__listed_conversions') }}

),

numbered_pairs as (

    select
        *,
        row_number() over (
            partition by
                account_id, paid_coin, paid_quantity, received_coin, received_quantity, occurred_at
            order by record_id
        ) as duplicate_number
    from pairs

),

numbered_records as (

    select
        *,
        row_number() over (
            partition by account_id, from_coin, from_amount, to_coin, to_amount, converted_at
            order by stream, record_id
        ) as duplicate_number
    from listed

),

-- No id ties the two together: coins and amounts are equal, and ten seconds are more than enough.
candidates as (

    select
        numbered_pairs.account_id,
        numbered_pairs.stream as pair_stream,
        numbered_pairs.record_id as pair_record_id,
        numbered_records.stream,
        numbered_records.record_id,
        abs(
            epoch_ms(numbered_pairs.occurred_at) - epoch_ms(numbered_records.converted_at)
        ) as apart_ms
    from numbered_pairs
    inner join numbered_records
        on
            numbered_pairs.account_id = numbered_records.account_id
            and numbered_pairs.paid_coin = numbered_records.from_coin
            and numbered_pairs.paid_quantity = numbered_records.from_amount
            and numbered_pairs.received_coin = numbered_records.to_coin
            and numbered_pairs.received_quantity = numbered_records.to_amount
            and numbered_pairs.duplicate_number = numbered_records.duplicate_number
    where
        abs(epoch_ms(numbered_pairs.occurred_at) - epoch_ms(numbered_records.converted_at)) <= 10000

),

matches as (

    select * from candidates
    qualify
        row_number() over (
            partition by account_id, pair_stream, pair_record_id
            order by apart_ms, stream, record_id
        ) = 1
        and row_number() over (
            partition by account_id, stream, record_id order by apart_ms, pair_record_id
        ) = 1

),

from_ledger as (

    select
        pairs.account_id,
        pairs.stream,
        pairs.record_id,
        pairs.paid_record_id,
        case when pairs.stream = 'unified_tax_records' then 'unified' else 'spot' end as wallet,
        pairs.paid_coin as from_asset,
        pairs.paid_quantity as from_amount,
        pairs.received_coin as to_asset,
        pairs.received_quantity as to_amount,
        listed.price,
        listed.fee as fee_amount,
        listed.fee_coin as fee_asset,
        listed.stream as detail_stream,
        listed.record_id as detail_record_id,
        pairs.occurred_at as converted_at,
        pairs.origin,
        pairs.receipt_id,
        greatest(pairs.loaded_at, listed.loaded_at) as loaded_at
    from pairs
    left join matches
        on
            pairs.account_id = matches.account_id
            and pairs.stream = matches.pair_stream
            and pairs.record_id = matches.pair_record_id
    left join listed
        on
            matches.account_id = listed.account_id
            and matches.stream = listed.stream
            and matches.record_id = listed.record_id

),

unmatched as (

    select listed.*
    from listed
    anti join matches using (account_id, stream, record_id)

),

in_spans as (

    select
        unmatched.*,
        coalesce(unmatched.converted_at < tax_spans.span_end, false) as is_in_walked_span
    from unmatched
    asof left join tax_spans
        on
            unmatched.account_id = tax_spans.account_id
            and unmatched.converted_at >= tax_spans.span_start

),

from_lists as (

    select
        account_id,
        stream,
        record_id,
        cast(null as varchar) as paid_record_id,
        'spot' as wallet,
        from_coin as from_asset,
        from_amount,
        to_coin as to_asset,
        to_amount,
        price,
        fee as fee_amount,
        fee_coin as fee_asset,
        stream as detail_stream,
        record_id as detail_record_id,
        converted_at,
        origin,
        receipt_id,
        loaded_at
    from in_spans
    where
        not is_in_walked_span
        and from_coin is not null
        and from_amount is not null
        and to_coin is not null
        and to_amount is not null
        and converted_at is not null

),

united as (

    select * from from_ledger

    union all by name

    select * from from_lists

)

select * from united
