with specs as (

    {{ union_raw('stream_specs') }}

),

numbered as (

    select
        -- keys
        exchange || ':' || stream || ':' || spec_hash as stream_spec_id,
        exchange,
        stream,
        spec_hash,

        -- what it is
        path,
        kind,
        entities,
        wallet,
        coalesce(scope, '') as scope,
        private as is_private,
        account_kinds,
        time_filter as has_time_filter,

        -- limits
        retention_kind,
        retention_seconds,
        max_window_seconds,
        overlap_seconds,
        page_size,
        rate_requests,
        rate_seconds,

        -- what a hole means
        affects,
        remedy,
        docs_url,
        checked_on,
        confidence,

        -- the exchange
        exchange_title,
        lifecycle,
        ends_at,

        -- when
        recorded_at,
        row_number() over (
            partition by exchange, stream order by recorded_at desc, spec_hash desc
        ) = 1 as is_current
    from specs

)

select * from numbered
