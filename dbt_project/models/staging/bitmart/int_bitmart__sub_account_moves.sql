-- Moves between an account and its sub-accounts, in canonical columns.
with between_accounts as (

    select *, 'sub_transfers' as stream, 'spot' as wallet
    from {{ ref('base_bitmart__sub_transfers') }}

    union all by name

    select *, 'futures_sub_transfers' as stream, 'futures' as wallet
    from {{ ref('base_bitmart__futures_sub_transfers') }}

),

sub_accounts as (

    select distinct
        account_id,
        account_name
    from {{ ref('base_bitmart__sub_accounts') }}

),

-- No route returns this account's own name: it is the end that is not one of its sub-accounts.
sided as (

    select
        between_accounts.*,
        coalesce(submitted_at, occurred_at) as at_time,
        case
            when receiver.account_name is not null and sender.account_name is null then 'out'
            when sender.account_name is not null and receiver.account_name is null then 'in'
        end as direction
    from between_accounts
    left join sub_accounts as sender
        on
            between_accounts.account_id = sender.account_id
            and between_accounts.from_account = sender.account_name
    left join sub_accounts as receiver
        on
            between_accounts.account_id = receiver.account_id
            and between_accounts.to_account = receiver.account_name

),

moves as (

    select
        concat(account_id, '/', stream, '/', record_id) as transfer_id,
        account_id,
        stream,
        record_id,
        case when direction = 'out' then account_id end as from_account_id,
        case when direction = 'out' then wallet end as from_wallet,
        case when direction = 'in' then account_id end as to_account_id,
        case when direction = 'in' then wallet end as to_wallet,
        case direction
            when 'out' then to_account
            when 'in' then from_account
            else from_account || ' > ' || to_account
        end as counterparty,
        currency as asset,
        'exchange_record' as method,
        case when direction is null then 'one_sided' else 'certain' end as confidence,
        from_wallet_type || ' > ' || to_wallet_type as note,
        case when direction is null then 'unclassified' else 'completed' end as status,
        amount as amount_sent,
        amount as amount_received,
        wallet,
        direction,
        at_time,
        origin,
        receipt_id,
        loaded_at
    from sided

)

select * from moves
