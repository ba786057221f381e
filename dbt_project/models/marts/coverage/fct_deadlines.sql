{#- For each stream: the available span, the next loss, and the date before which a sync must run. -#}
with deadlines as (

    select
        *,
        {{ say_when('exchange_ends_at') }} as ends_on,
        {{ say_when('missing_from') }} as missing_from_on,
        {{ say_when('next_loss_at') }} as next_loss_on
    from {{ ref('int_deadlines') }}

),

wordings as (

    select code, text
    from {{ ref('wordings') }}
    where part = 'deadline'

),

final as (

    select
        -- keys
        md5(account_id || '|' || stream) as deadline_id,
        account_id,
        exchange,
        stream,

        -- what can be read, what is lost next
        oldest_obtainable_at,
        next_loss_from,
        next_loss_at,
        sync_before,
        is_estimate,
        at_risk,
        reason,

        -- the limits behind it
        to_days(cast(retention_seconds // 86400 as integer))
        + to_seconds(retention_seconds % 86400) as retention,
        newest_rows,
        exchange_ends_at as hard_deadline_at,
        scope_count,
        explanation_code,
        {{ fill_in('wordings.text', [
            'title', 'stream', 'ends_on', 'newest_rows', 'busiest_week_rows', 'missing_from_on',
            'next_loss_on'
        ]) }} as explanation,
        docs_url
    from deadlines
    left join wordings on deadlines.explanation_code = wordings.code

)

select * from final
