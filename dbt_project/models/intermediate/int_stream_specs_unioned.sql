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
        method,
        path,
        kind,
        entities,
        part_of,
        fields,
        key_fields,
        time_field,
        wallet,
        coalesce(scope, '') as scope,
        private as is_private,
        nullif(needs_right, '') as needs_right,
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
        reason,
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
        ) = 1
        -- A route that is no stream is told only as long as no stream has come of it.
        and (
            kind not in ('probe', 'left_out')
            or recorded_at = max(recorded_at) over (partition by exchange, method, path)
        ) as is_current
    from specs

)

select * from numbered
