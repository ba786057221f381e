with checks as (

    select * from {{ ref('int_accounts_unioned') }}

),

receipts as (

    select * from {{ ref('int_receipts_unioned') }}

),

starts as (

    select * from {{ ref('int_account_openings') }}

),

retired as (

    select
        account_id,
        max(retired_at) as retired_at
    from {{ ref('int_declared_accounts') }}
    where account_id is not null
    group by account_id
    having bool_and(retired_at is not null)

),

-- Of several keys and labels of one account the last check speaks; all labels are kept.
labels as (

    select
        account_id,
        list_sort(list_distinct(list(label))) as labels,
        min(checked_at) as first_checked_at
    from checks
    group by account_id

),

openings as (

    select
        account_id,
        arg_max(opened_at, checked_at) as opened_at,
        arg_max(opened_at_evidence, checked_at) as opened_at_evidence
    from checks
    where opened_at is not null
    group by account_id

),

checked as (

    select
        checks.account_id,
        checks.exchange,
        checks.uid,
        checks.parent_uid,
        checks.label,
        checks.account_kind,
        openings.opened_at,
        openings.opened_at_evidence,
        checks.can_trade,
        checks.can_withdraw,
        checks.permissions,
        checks.key_fingerprint,
        checks.key_created_at,
        checks.key_expires_at,
        checks.ip_allow_list,
        checks.checked_at,
        checks.clock_skew_ms,
        checks.origin
    from checks
    left join openings on checks.account_id = openings.account_id
    where checks.is_current

),

-- An account that only ever appears on receipts is an account all the same.
only_asked as (

    select distinct
        receipts.account_id,
        receipts.exchange
    from receipts
    anti join checks on receipts.account_id = checks.account_id
    where receipts.account_id != receipts.exchange

),

accounts as (

    select * from checked

    union all by name

    select
        account_id,
        exchange,
        split_part(account_id, ':', 2) as uid
    from only_asked

),

final as (

    select
        -- keys
        accounts.account_id,
        accounts.exchange,
        accounts.uid,
        accounts.parent_uid,

        -- what the user calls it, and what it is
        accounts.label,
        array_to_string(labels.labels, ', ') as labels,
        accounts.account_kind,

        -- since when
        accounts.opened_at,
        accounts.opened_at_evidence,
        starts.history_starts_at,
        starts.history_start_evidence,
        starts.history_start_rank,

        -- the key of the last check
        accounts.can_trade,
        accounts.can_withdraw,
        accounts.permissions,
        accounts.key_fingerprint,
        accounts.key_created_at,
        accounts.key_expires_at,
        accounts.ip_allow_list,

        -- the checks
        labels.first_checked_at,
        accounts.checked_at,
        accounts.clock_skew_ms,
        accounts.origin,
        retired.retired_at
    from accounts
    left join labels on accounts.account_id = labels.account_id
    left join retired on accounts.account_id = retired.account_id
    left join starts on accounts.account_id = starts.account_id

)

select * from final
