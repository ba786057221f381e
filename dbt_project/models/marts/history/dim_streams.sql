with specs as (

    select * from {{ ref('int_stream_specs_unioned') }}
    where is_current

),

streams as (

    select
        -- keys
        exchange || '/' || stream as stream_id,
        exchange,
        stream,

        -- what it is
        method,
        path,
        kind,
        entities,
        wallet,
        scope,
        is_private,
        needs_right,
        has_time_filter,

        -- limits
        retention_kind,
        retention_seconds,
        newest_rows,
        max_window_seconds,
        overlap_seconds,
        page_size,
        rate_requests,
        rate_seconds,

        -- what a hole in it means
        affects,
        remedy,

        -- why it is no stream
        reason,

        -- who says so
        docs_url,
        checked_on,
        confidence,
        recorded_at,
        ended_at
    from specs

)

select * from streams
