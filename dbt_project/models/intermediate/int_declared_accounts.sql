-- The declared labels, with the account of each at the last check.
with declared as (

    select * from {{ raw_table('user', 'declared_accounts') }}

),

checks as (

    select
        exchange,
        lower(label) as label,
        arg_max(account_id, checked_at) as account_id
    from {{ ref('int_accounts_unioned') }}
    group by all

),

final as (

    select
        declared.label,
        coalesce(nullif(declared.exchange, ''), 'unknown') as exchange,
        checks.account_id,
        declared.is_declared,
        declared.last_error,
        declared.last_error_at,
        declared.retired_at
    from declared
    left join checks on declared.exchange = checks.exchange and declared.label = checks.label

)

select * from final
