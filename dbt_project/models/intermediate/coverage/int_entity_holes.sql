{#-
    Spans in which stored rows prove that an entity lacks rows, even if the span was read. The wallet
    is that of the stream that proves it. Four proofs (`reason`): `unpaired` ledger entries,
    executions of unknown side (`unsided`), profit in a market without trades
    (`untraded`), and settlements of contracts that no trade opened (`unopened`).
-#}
with unpaired as (

    select * from {{ ref('int_unpaired_entries') }}

),

untraded as (

    select * from {{ ref('int_untraded_profits') }}

),

unsided as (

    select * from {{ ref('int_trades_unioned') }}
    where coalesce(side, '') not in ('buy', 'sell')

),

settlements as (

    {{ union_exchanges('settlement_checks') }}

),

specs as (

    select * from {{ ref('int_stream_specs_unioned') }}
    where is_current and kind = 'history'

),

-- Unpaired entries less than a day apart are one hole.
unpaired_steps as (

    select
        *,
        coalesce(
            occurred_at > lag(occurred_at) over entries + interval 1 day, true
        ) as is_new_hole
    from unpaired
    window entries as (partition by account_id, stream, entity order by occurred_at, record_id)

),

unpaired_numbered as (

    select
        *,
        count_if(is_new_hole) over (
            partition by account_id, stream, entity order by occurred_at, record_id
        ) as hole_number
    from unpaired_steps

),

proofs as (

    select
        'unpaired' as reason,
        account_id,
        exchange,
        stream,
        entity,
        string_agg(distinct asset, ', ' order by asset) as subject,
        min(occurred_at) as span_start,
        min(occurred_at) as first_proof_at,
        max(occurred_at) as last_proof_at,
        count(*) as row_count,
        -- Each is one side of a trade.
        greatest(count_if(amount > 0), count_if(amount < 0)) as size,
        arg_min(record_id, (occurred_at, record_id)) as record_id
    from unpaired_numbered
    group by account_id, exchange, stream, entity, hole_number

    union all

    select
        'unsided' as reason,
        account_id,
        exchange,
        stream,
        'trades' as entity,
        market as subject,
        traded_at as span_start,
        traded_at as first_proof_at,
        traded_at as last_proof_at,
        1 as row_count,
        1 as size,
        record_id
    from unsided

    union all

    select
        'untraded' as reason,
        account_id,
        exchange,
        stream,
        'trades' as entity,
        market as subject,
        missing_from as span_start,
        min(occurred_at) as first_proof_at,
        max(occurred_at) as last_proof_at,
        count(*) as row_count,
        count(*) as size,
        arg_min(record_id, (occurred_at, record_id)) as record_id
    from untraded
    group by account_id, exchange, stream, market, missing_from

    union all

    select
        'unopened' as reason,
        account_id,
        exchange,
        stream,
        'trades' as entity,
        market as subject,
        missing_from as span_start,
        settled_at as first_proof_at,
        settled_at as last_proof_at,
        1 as row_count,
        contracts as size,
        record_id
    from settlements

),

final as (

    select
        -- keys
        md5(concat_ws('|',
            proofs.account_id, proofs.stream, proofs.entity, proofs.reason, proofs.subject,
            proofs.record_id
        )) as entity_hole_id,
        proofs.account_id,
        proofs.exchange,
        proofs.entity,
        coalesce(specs.wallet, '') as wallet,

        -- where rows are missing
        proofs.span_start,
        proofs.last_proof_at + interval 1 microsecond as span_end,

        -- what proves it
        proofs.reason,
        proofs.stream,
        proofs.subject,
        proofs.row_count,
        cast(proofs.size as decimal(38, 18)) as size,
        proofs.record_id,
        proofs.first_proof_at,
        proofs.last_proof_at
    from proofs
    left join specs on proofs.exchange = specs.exchange and proofs.stream = specs.stream

)

select * from final
