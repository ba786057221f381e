with accounts as (

    {{ union_raw('accounts') }}

),

numbered as (

    select
        -- keys
        account_id,
        exchange,
        uid,
        parent_uid,

        -- what the user calls it, and what it is
        label,
        account_kind,

        -- since when
        opened_at,
        opened_at_evidence,

        -- what the key may do
        can_trade,
        can_withdraw,
        permissions,
        key_fingerprint,
        key_created_at,
        key_expires_at,
        ip_allow_list,

        -- the check itself
        checked_at,
        clock_skew_ms,
        origin,
        -- An imported file has only the account's id, and no state of the account or its key.
        row_number() over (
            partition by account_id
            order by
                origin is not distinct from 'file',
                checked_at desc nulls last,
                _dlt_load_id desc nulls last
        ) = 1 as is_current
    from accounts

)

select * from numbered
