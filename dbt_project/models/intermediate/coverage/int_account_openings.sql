{#-
    Since when an account exists, by the best evidence there is: the exchange's own word, the
    user's, a ledger whose every asset starts from zero, or just the first record. A record older
    than the date somebody gave is stronger than the date; one older than a ledger's first row moves
    the date and not the reason.
-#}
with checks as (

    select * from {{ ref('int_accounts_unioned') }}

),

receipts as (

    select * from {{ ref('int_receipts_unioned') }}

),

proofs as (

    select * from {{ ref('int_ledger_proofs') }}

),

stated as (

    select
        account_id,
        case opened_at_evidence when 'exchange' then 1 else 2 end as evidence_rank,
        case opened_at_evidence when 'exchange' then 'exchange' else 'user' end as evidence,
        arg_max(opened_at, checked_at) as opened_at
    from checks
    where opened_at is not null
    group by all

),

ledgers as (

    select
        account_id,
        3 as evidence_rank,
        'ledger_from_zero' as evidence,
        min(first_row_at) as opened_at
    from proofs
    group by account_id
    having sum(opening_count) = 0

),

first_records as (

    select
        account_id,
        4 as evidence_rank,
        'first_record' as evidence,
        min(oldest_at) as opened_at
    from receipts
    where oldest_at is not null
    group by account_id

),

candidates as (

    select * from stated
    union all
    select * from ledgers
    union all
    select * from first_records

),

best as (

    select *
    from candidates
    qualify row_number() over (partition by account_id order by evidence_rank) = 1

),

accounts as (

    select account_id from checks
    union
    select account_id from receipts

),

final as (

    select
        accounts.account_id,
        least(best.opened_at, first_records.opened_at) as history_starts_at,
        -- A deposit is requested before it is in the ledger: that does not contradict the ledger.
        first_records.opened_at < best.opened_at and best.evidence in ('exchange', 'user')
            as is_contradicted,
        case
            when best.account_id is null then 'unknown_start'
            when is_contradicted then 'earlier_record'
            else best.evidence
        end as history_start_evidence,
        case
            when best.account_id is null then 5
            when is_contradicted then 4
            else best.evidence_rank
        end as history_start_rank
    from accounts
    left join best on accounts.account_id = best.account_id
    left join first_records on accounts.account_id = first_records.account_id

)

select * exclude (is_contradicted) from final
