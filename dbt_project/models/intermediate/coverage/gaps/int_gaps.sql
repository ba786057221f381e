{#- The gaps with the texts of their codes. -#}
with gaps as (

    select * from {{ ref('int_gaps_coded') }}

),

wordings as (

    select * from {{ ref('wordings') }}

),

placeholders as (

    select
        *,
        regexp_replace(scope_parameter, 'y$', 'ie') || 's' as scope_plural,
        {{ say_seconds('retention_seconds') }} as retention,
        {{ say_when('span_start') }} as span_from,
        {{ say_when('span_end') }} as span_to,
        {{ say_when('span_end + to_seconds(retention_seconds)') }} as in_reach_until,
        case when span_start < obtainable_from then {{ say_when('obtainable_from') }} end as reaches_back_to,
        {{ say_when('asked_at') }} as asked_on,
        {{ say_when('last_asked_at') }} as last_asked_on,
        {{ say_when('unasked_at') }} as unasked_on,
        {{ say_when('served_from') }} as served_from_on,
        {{ say_when('exchange_ends_at') }} as exchange_ended_on,
        {{ say_when('opening_at') }} as opening_on,
        {{ say_amount('opening_balance') }} as opening_amount,
        case when is_obtainable then '' end as if_obtainable
    from gaps

),

named as (

    select
        placeholders.*,
        {{ fill_in('subjects.text', [
            'stream', 'scope', 'scope_plural', 'scope_count', 'stream_scope_count'
        ]) }} as subject,
        {{ fill_in('sync_steps.text', ['exchange', 'label']) }} as sync_step
    from placeholders
    left join wordings as subjects
        on subjects.part = 'gap_subject' and placeholders.subject_code = subjects.code
    left join wordings as sync_steps
        on sync_steps.part = 'sync_step' and placeholders.sync_step_code = sync_steps.code

),

final as (

    select
        -- keys
        md5(concat_ws('|',
            named.account_id, named.stream,
            case when named.scope_count = named.stream_scope_count then named.scope
                else named.scope_names end,
            named.verdict, epoch_us(named.span_start)
        )) as gap_id,
        named.account_id,
        named.exchange,
        named.stream,
        named.scope,

        -- the gap
        named.span_start,
        named.span_end,
        named.span_end - named.span_start as duration,
        named.verdict,
        named.severity,
        named.is_proven_incomplete,
        named.balance_proof,
        named.affects,

        -- why, and what to do
        named.cause_code,
        named.proof_code,
        named.remedy_code,
        concat(
            case when named.cause_code in ('lost_to_retention', 'sync_lapse')
                then {{ fill_in('limits.text', ['title', 'stream', 'retention']) }} end,
            {{ fill_in('causes.text', [
                'title', 'stream', 'subject', 'span_from', 'span_to', 'asked_on', 'in_reach_until',
                'scope_parameter', 'newest_rows', 'page_size', 'served_from_on',
                'exchange_ended_on', 'affects', 'reason', 'unasked_on', 'unasked_reason',
                'last_asked_on', 'error_text'
            ]) }},
            {{ fill_in('proofs.text', ['opening_asset', 'opening_on', 'opening_amount']) }}
        ) as cause,
        nullif({{ fill_in('remedies.text', [
            'lacking_right', 'scope_parameter', 'if_obtainable', 'exchange', 'sync_step',
            'reaches_back_to', 'other_source'
        ]) }}, '') as remedy,
        named.other_source,
        named.is_obtainable,
        named.lacking_right,

        -- whether another stream has it
        named.state,
        named.filled_by,
        named.is_fill_proven,

        -- how many scopes share the row
        named.scope_count,
        named.stream_scope_count,
        named.scope_names,

        -- how we know
        named.evidence_id,
        named.evidence_kind,
        named.docs_url,
        named.start_reason
    from named
    left join wordings as limits on limits.part = 'gap_limit'
    left join wordings as causes
        on causes.part = 'gap_cause' and named.cause_code = causes.code
    left join wordings as proofs
        on proofs.part = 'gap_proof' and named.proof_code = proofs.code
    left join wordings as remedies
        on remedies.part = 'gap_remedy' and named.remedy_code = remedies.code

)

select * from final
