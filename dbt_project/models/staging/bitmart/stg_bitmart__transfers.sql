-- One row per transfer from all sources: the futures ledger first, because every key can read it.
with ledger as (

    select
        *,
        coalesce(moved_at, occurred_at) as at_time
    from {{ ref('base_bitmart__futures_ledger') }}
    where
        (lower(flow_name) = 'transfer' or (flow_name is null and flow_type = 1))
        and amount != 0

),

listed as (

    select
        *,
        {{ bitmart_transfer_status() }} as status,
        coalesce(moved_at, occurred_at) as at_time,
        case lower(direction)
            when 'spot_to_contract' then amount
            when 'contract_to_spot' then -amount
        end as futures_amount
    from {{ ref('base_bitmart__transfer_list') }}

),

between_accounts as (

    select * from {{ ref('int_bitmart__sub_account_moves') }}

),

-- A transfer that both routes list: matched by its id, or by all common fields. That the ledger's
-- `tran_id` is the list's `transfer_id` is nowhere stated, nor how far their times may differ.
ledger_moves as (

    select
        ledger.*,
        coalesce(ledger.account, 'futures') = 'futures' as is_of_spot,
        max(listed.state) as listed_state,
        count(listed.record_id) > 0 as is_listed
    from ledger
    left join listed
        on
            ledger.account_id = listed.account_id
            and (
                ledger.tran_id = listed.transfer_id
                or (
                    ledger.asset = listed.currency
                    and ledger.amount = listed.futures_amount
                    and abs(epoch_ms(ledger.at_time) - epoch_ms(listed.at_time)) <= 60000
                )
            )
            and listed.status = 'completed'
    anti join between_accounts
        on
            ledger.account_id = between_accounts.account_id
            and between_accounts.wallet = 'futures'
            and ledger.asset = between_accounts.asset
            and abs(ledger.amount) = between_accounts.amount_sent
            and coalesce((ledger.amount < 0) = (between_accounts.direction = 'out'), true)
            and abs(epoch_ms(ledger.at_time) - epoch_ms(between_accounts.at_time)) <= 60000
    group by all

),

only_listed as (

    select listed.*
    from listed
    anti join ledger
        on
            listed.account_id = ledger.account_id
            and listed.status = 'completed'
            and (
                listed.transfer_id = ledger.tran_id
                or (
                    listed.currency = ledger.asset
                    and listed.futures_amount = ledger.amount
                    and abs(epoch_ms(ledger.at_time) - epoch_ms(listed.at_time)) <= 60000
                )
            )

),

-- BitMart does not state the source of transfers to copy trading (or another futures wallet).
of_ledger as (

    select
        {{ canonical_id('futures_ledger') }} as transfer_id,
        account_id,
        'futures_ledger' as stream,
        record_id,
        case when amount < 0 or is_of_spot then account_id end as from_account_id,
        case
            when amount < 0 then {{ bitmart_futures_wallet() }}
            when is_of_spot then 'spot'
        end as from_wallet,
        case when amount > 0 or is_of_spot then account_id end as to_account_id,
        case
            when amount > 0 then {{ bitmart_futures_wallet() }}
            when is_of_spot then 'spot'
        end as to_wallet,
        asset,
        case when is_listed then 'exchange_record' else 'ledger_leg' end as method,
        case when is_listed then 'certain' else 'one_sided' end as confidence,
        flow_name as note,
        'completed' as status,
        listed_state as exchange_status,
        abs(amount) as amount_sent,
        abs(amount) as amount_received,
        at_time,
        origin, receipt_id, loaded_at
    from ledger_moves

),

of_list as (

    select
        {{ canonical_id('transfer_list') }} as transfer_id,
        account_id,
        'transfer_list' as stream,
        record_id,
        account_id as from_account_id,
        case when futures_amount > 0 then 'spot' when futures_amount < 0 then 'futures' end
            as from_wallet,
        account_id as to_account_id,
        case when futures_amount > 0 then 'futures' when futures_amount < 0 then 'spot' end
            as to_wallet,
        currency as asset,
        'exchange_record' as method,
        case when futures_amount is null then 'one_sided' else 'certain' end as confidence,
        direction as note,
        case when futures_amount is null then 'unclassified' else status end as status,
        state as exchange_status,
        amount as amount_sent,
        amount as amount_received,
        at_time,
        origin, receipt_id, loaded_at
    from only_listed

),

united as (

    select * from of_ledger
    union all by name
    select * from of_list
    union all by name
    select * from between_accounts

),

canonical as (

    select
        -- keys
        transfer_id,
        account_id,
        'bitmart' as exchange,
        stream,
        record_id,

        -- from where to where
        from_account_id,
        from_wallet,
        to_account_id,
        to_wallet,
        counterparty,

        -- what
        coalesce(asset, 'UNKNOWN') as asset,
        asset as exchange_asset,
        method,
        confidence,
        note,
        {{ bitmart_status_if_whole('status', 'asset', 'amount_sent') }} as status,
        exchange_status,

        -- how much
        amount_sent,
        amount_received,

        -- when
        at_time as sent_at,
        at_time as received_at,

        -- where it came from
        origin,
        receipt_id,
        loaded_at
    from united

)

select * from canonical
