{#-
    Every scope of every stream of an account, with the moment at which its history starts and the
    moment up to which the account is known. `scope_key` is a short key for the steps that follow.
-#}
with receipts as (

    select * from {{ ref('int_coverage_receipts') }}

),

-- Public history (rates, prices) belongs to no account: missing rows are not a gap.
all_specs as (

    select * from {{ ref('int_stream_specs_unioned') }}
    where kind in ('history', 'excluded') and coalesce(is_private, true)

),

specs as (

    select * from all_specs
    where is_current

),

account_checks as (

    select * from {{ ref('int_accounts_unioned') }}

),

-- A file shows that the account exists, but neither its opening nor how far it was read.
checked as (

    select
        account_id,
        exchange,
        arg_max(opened_at, checked_at) as opened_at,
        max(checked_at) as mentioned_at,
        max(checked_at) filter (where origin is distinct from 'file') as checked_at
    from account_checks
    group by account_id, exchange

),

account_evidence as (

    select
        account_id,
        exchange,
        min(asked_from) as asked_from,
        min(oldest_at) as oldest_record_at,
        max(asked_to) as asked_to,
        max(asked_to) filter (where outcome in ('exhausted', 'row_cap', 'unresolved')) as read_to,
        bool_or(origin = 'api') as is_requested
    from receipts
    semi join all_specs using (exchange, stream)
    group by account_id, exchange

),

accounts as (

    select
        account_id,
        exchange,
        case
            when checked.opened_at is not null
                then least(checked.opened_at, account_evidence.oldest_record_at)
            else coalesce(
                least(account_evidence.asked_from, account_evidence.oldest_record_at),
                checked.mentioned_at
            )
        end as starts_at,
        case
            when checked.opened_at is null then 'unknown_start'
            when account_evidence.oldest_record_at < checked.opened_at then 'earlier_record'
            else 'opened_at'
        end as start_reason,
        account_evidence.read_to,
        greatest(
            account_evidence.asked_to,
            checked.checked_at,
            case when not coalesce(account_evidence.is_requested, false) and checked.checked_at is null
                then checked.mentioned_at end
        ) as known_until
    from checked
    full join account_evidence using (account_id, exchange)

),

stream_lives as (

    {{ stream_lives('account_checks', 'specs') }}

),

known_scopes as (

    select distinct account_id, stream, scope
    from receipts
    where scope != ''

),

-- A stream that never served this kind of account is none of its streams.
final as (

    select
        row_number() over (order by accounts.account_id, specs.stream, known_scopes.scope) as scope_key,
        accounts.account_id,
        accounts.exchange,
        specs.stream,
        coalesce(known_scopes.scope, '') as scope,
        specs.stream_spec_id,
        specs.kind,
        specs.lifecycle,
        specs.ends_at as exchange_ends_at,
        greatest(accounts.starts_at, stream_lives.served_after) as starts_at,
        case
            when stream_lives.served_after > accounts.starts_at then 'account_changed'
            else accounts.start_reason
        end as start_reason,
        stream_lives.served_from,
        stream_lives.served_until,
        accounts.read_to,
        accounts.known_until
    from accounts
    inner join specs on accounts.exchange = specs.exchange
    left join known_scopes
        on
            accounts.account_id = known_scopes.account_id
            and specs.stream = known_scopes.stream
    left join stream_lives
        on
            accounts.account_id = stream_lives.account_id
            and specs.stream = stream_lives.stream
    where coalesce(stream_lives.is_served, true)

)

select * from final
