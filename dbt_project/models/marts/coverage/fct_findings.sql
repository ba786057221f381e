{#-
    The inbox: everything that somebody should know of, one row a finding. What the kinds and
    states mean: the docs blocks `finding_kind` and `finding_state`.
-#}
with findings as (

    {{ union_findings([
        'int_gap_findings', 'int_balance_findings', 'int_label_findings', 'int_value_findings',
        'int_vanished_findings', 'int_drift_findings', 'int_overlap_findings',
        'int_residual_findings', 'int_version_findings', 'int_rename_findings', 'int_inexact_findings',
    ]) }}

),

dismissals as (

    select * from {{ ref('int_dismissals') }}

),

final as (

    select
        -- keys
        findings.finding_id,
        findings.kind,
        findings.severity,
        case
            when findings.fixed_by is not null then 'fixed'
            when dismissals.finding_id is not null then 'dismissed'
            when findings.explanation is not null then 'explained'
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
        findings.what,
        findings.remedy,

        -- how we know
        findings.evidence_id,
        findings.evidence_kind,

        -- what became of it
        findings.explained_by,
        findings.explanation,
        findings.fixed_by,
        dismissals.reason as dismissal_reason,
        dismissals.dismissed_by,
        dismissals.dismissed_on
    from findings
    left join dismissals on findings.finding_id = dismissals.finding_id

)

select * from final
