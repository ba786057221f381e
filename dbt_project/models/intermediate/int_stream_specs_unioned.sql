with specs as (

    {{ union_raw('stream_specs') }}

),

-- Every change of an exchange's limits records all of them again, as one version. Streams that the
-- newest version lacks have ended; without recorded versions, none has ended.
newest_versions as (

    select
        exchange,
        arg_max(version_hash, recorded_at) as version_hash
    from specs
    group by exchange

),

last_named as (

    select
        specs.exchange,
        specs.stream,
        max(specs.recorded_at) as recorded_at,
        bool_or(specs.version_hash is not distinct from newest_versions.version_hash) as is_named
    from specs
    inner join newest_versions on specs.exchange = newest_versions.exchange
    group by specs.exchange, specs.stream

),

ends as (

    select
        last_named.exchange,
        last_named.stream,
        min(specs.recorded_at) as ended_at
    from last_named
    inner join specs
        on
            last_named.exchange = specs.exchange
            and last_named.recorded_at < specs.recorded_at
            and specs.version_hash is not null
    where not last_named.is_named
    group by last_named.exchange, last_named.stream

),

numbered as (

    select
        -- keys
        specs.exchange || ':' || specs.stream || ':' || specs.spec_hash as stream_spec_id,
        specs.exchange,
        specs.stream,
        specs.spec_hash,

        -- what it is
        specs.method,
        specs.path,
        specs.kind,
        specs.entities,
        specs.part_of,
        specs.fields,
        specs.key_fields,
        specs.time_field,
        nullif(specs.status_field, '') as status_field,
        specs.final_statuses,
        specs.wallet,
        nullif(specs.balance_kind, '') as balance_kind,
        nullif(specs.asset_field, '') as asset_field,
        nullif(specs.amount_field, '') as amount_field,
        specs.compared_with,
        coalesce(specs.scope, '') as scope,
        specs.private as is_private,
        nullif(specs.needs_right, '') as needs_right,
        specs.account_kinds,
        specs.time_filter as has_time_filter,

        -- limits
        specs.retention_kind,
        specs.retention_seconds,
        specs.newest_rows,
        specs.max_window_seconds,
        specs.overlap_seconds,
        specs.page_size,
        specs.rate_requests,
        specs.rate_seconds,

        -- what a hole means
        specs.affects,
        specs.remedy,
        coalesce(specs.remedy_is_file, false) as is_remedy_a_file,
        nullif(specs.site_format, '') as site_format,
        specs.reason,
        specs.docs_url,
        specs.checked_on,
        specs.confidence,

        -- the exchange
        specs.exchange_title,
        specs.lifecycle,
        specs.ends_at,

        -- when
        specs.recorded_at,
        ends.ended_at,
        row_number() over (
            partition by specs.exchange, specs.stream
            order by specs.recorded_at desc, specs.spec_hash desc
        ) = 1
        -- A former history keeps its coverage; other rows are listed only while a spec names them.
        and (ends.ended_at is null or specs.kind = 'history')
        -- A route that is not a stream is listed only until it becomes a stream.
        and (
            specs.kind not in ('probe', 'left_out')
            or specs.recorded_at = max(specs.recorded_at) over (
                partition by specs.exchange, specs.method, specs.path
            )
        ) as is_current
    from specs
    left join ends on specs.exchange = ends.exchange and specs.stream = ends.stream

)

select * from numbered
