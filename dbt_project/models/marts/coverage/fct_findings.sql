{#-
    The inbox: everything that somebody should know of, one row a finding. What the kinds and
    states mean: the docs blocks `finding_kind` and `finding_state`.
-#}
with findings as (

    {{ union_findings([
        'int_gap_findings', 'int_balance_findings', 'int_label_findings', 'int_value_findings',
        'int_vanished_findings', 'int_drift_findings', 'int_overlap_findings',
        'int_residual_findings', 'int_version_findings', 'int_rename_findings', 'int_inexact_findings',
        'int_hole_findings',
    ]) }}

),

dismissals as (

    select * from {{ ref('int_dismissals') }}

),

accounts as (

    select * from {{ ref('int_accounts_unioned') }}
    where is_current

),

exchanges as (

    select exchange, any_value(exchange_title) as title
    from {{ ref('int_stream_specs_unioned') }}
    where is_current
    group by exchange

),

remedies as (

    select * from {{ ref('int_stream_remedies') }}

),

wordings as (

    select * from {{ ref('wordings') }}

),

located as (

    select
        findings.*,
        coalesce(accounts.label, findings.account_id) as label,
        coalesce(exchanges.title, findings.exchange) as title,
        remedies.other_source,
        sync_steps.text as sync_step
    from findings
    left join accounts on findings.account_id = accounts.account_id
    left join exchanges on findings.exchange = exchanges.exchange
    left join remedies
        on findings.exchange = remedies.exchange and findings.stream = remedies.stream
    left join wordings as sync_steps
        on
            sync_steps.part = 'sync_step'
            and {{ sync_step_code('accounts.origin') }} = sync_steps.code

),

worded as (

    select
        * exclude (words),
        map_concat(words, {{ words({
            'title': 'title', 'exchange': 'exchange', 'stream': 'stream', 'label': 'label',
            'other_source': 'other_source',
            'sync_step': fill_in('sync_step', ['exchange', 'label']),
        }) }}) as words
    from located

),

final as (

    select
        -- keys
        findings.finding_id,
        findings.kind,
        findings.severity,
        case
            when findings.fix_code is not null then 'fixed'
            when dismissals.finding_id is not null then 'dismissed'
            when findings.explanation_code is not null then 'explained'
            else 'open'
        end as state,
        findings.account_id,
        findings.exchange,
        findings.stream,
        findings.wallet,
        findings.asset,

        -- where and how much
        findings.span_start,
        findings.span_end,
        findings.size,

        -- what it is, and what to do
        findings.what_code,
        {{ fill_in('whats.text', 'findings.words') }} as what,
        findings.remedy_code,
        nullif({{ fill_in('remedies.text', 'findings.words') }}, '') as remedy,

        -- how we know
        findings.evidence_id,
        findings.evidence_kind,

        -- what became of it
        findings.explained_by,
        findings.explanation_code,
        {{ fill_in('explanations.text', 'findings.words') }} as explanation,
        {{ fill_in('fixes.text', 'findings.words') }} as fixed_by,
        dismissals.reason as dismissal_reason,
        dismissals.dismissed_by,
        dismissals.dismissed_on
    from worded as findings
    left join wordings as whats
        on whats.part = 'finding_what' and findings.what_code = whats.code
    left join wordings as remedies
        on remedies.part = 'finding_remedy' and findings.remedy_code = remedies.code
    left join wordings as explanations
        on explanations.part = 'finding_explanation' and findings.explanation_code = explanations.code
    left join wordings as fixes
        on fixes.part = 'finding_fix' and findings.fix_code = fixes.code
    left join dismissals on findings.finding_id = dismissals.finding_id

)

select * from final
