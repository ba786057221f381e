-- Each gap's severity, cause and remedy as codes; `wordings` has their texts.
with gaps as (

    select * from {{ ref('int_gaps_explained') }}

),

final as (

    select
        *,
        case
            when state = 'filled' then 'info'
            when is_proven_incomplete then 'critical'
            when verdict in ('unverified', 'excluded_by_exchange') then 'info'
            when lacking_right is not null then 'info'
            when has_no_known_value then 'info'
            when is_unknown_scope then case when is_lost_scope then 'warning' else 'info' end
            when verdict in ('failed', 'never_asked') and is_obtainable then 'warning'
            else 'critical'
        end as severity,
        case
            when scope_count = 1 and scope = '' then 'stream'
            when scope_count = 1 then 'scope'
            when scope_count != stream_scope_count then 'some'
            when scope_count = 2 then 'both'
            else 'all'
        end as subject_code,
        case
            when has_no_known_value then 'no_value_known'
            when is_lost_scope then 'scope_removed_with_rows'
            when is_unknown_scope then 'scope_removed_without_rows'
            when verdict = 'venue_closed' and asked_at is null then 'closed_before_read'
            when verdict = 'venue_closed' then 'closed'
            when verdict = 'unverified' and span_end <= served_from then 'account_changed'
            when verdict != 'never_asked' then verdict
            when unasked_at is not null then 'not_requested'
            -- A file of a stream proves nothing about the time before or after it.
            when last_asked_at is null and has_files then 'in_no_file'
            when last_asked_at is null then 'never_asked'
            when last_asked_at < span_end then 'not_asked_since'
            else 'span_never_asked'
        end as cause_code,
        case
            when cause_code != 'unverified' then null
            when is_proven_incomplete and span_end <= opening_at then 'opening_balance'
            when is_proven_incomplete then 'missing_rows'
            when balance_proof = 'whole' then 'whole'
            when balance_proof = 'rows_before_missing' and break_count = 0
                then 'whole_from_first_row'
        end as proof_code,
        case
            when lacking_right is not null then 'right_not_needed'
            when has_no_known_value then 'no_value_known'
            when is_unknown_scope and not is_lost_scope then 'only_if_traded'
            when verdict = 'refused' and is_obtainable then 'grant_right'
            when verdict in ('failed', 'never_asked') and is_obtainable then 'sync'
            when verdict = 'unverified' and not is_proven_incomplete then 'compare'
            when verdict = 'sync_lapse' then 'other_source_then_sync_in_time'
            else 'other_source'
        end as remedy_code,
        {{ sync_step_code('account_origin') }} as sync_step_code
    from gaps

)

select * from final
