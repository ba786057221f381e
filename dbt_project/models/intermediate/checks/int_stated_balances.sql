{#-
    The balances that the exchange states: one row per answer, or file, and asset. An asset that a
    snapshot leaves out is zero, and so are all of a wallet whose every snapshot was empty.
-#}
with levels as (

    select * from {{ ref('int_wallet_levels') }}

),

balances as (

    select * from {{ ref('int_balances_unioned') }}

),

receipts as (

    select * from {{ ref('int_receipts_unioned') }}
    where outcome = 'exhausted'

),

file_states as (

    select * from {{ ref('int_file_states_unioned') }}

),

specs as (

    select * from {{ ref('int_stream_specs_unioned') }}
    where
        is_current
        and kind = 'snapshot'
        and balance_kind is not null

),

snapshot_streams as (

    select distinct account_id, exchange, stream, wallet
    from balances

    union all

    select distinct receipts.account_id, receipts.exchange, receipts.stream, specs.wallet
    from receipts
    inner join specs on receipts.exchange = specs.exchange and receipts.stream = specs.stream
    anti join balances
        on receipts.account_id = balances.account_id and receipts.stream = balances.stream

),

snapshots as (

    select
        snapshot_streams.account_id,
        snapshot_streams.exchange,
        snapshot_streams.stream,
        snapshot_streams.wallet,
        receipts.receipt_id,
        receipts.asked_at as taken_at
    from receipts
    inner join snapshot_streams
        on
            receipts.account_id = snapshot_streams.account_id
            and receipts.stream = snapshot_streams.stream
    where receipts.origin is distinct from 'file'

),

held_assets as (

    select account_id, wallet, exchange_asset, any_value(asset) as asset
    from (
        select account_id, wallet, exchange_asset, asset from levels
        union all
        select account_id, wallet, exchange_asset, asset from balances where amount != 0
    )
    group by account_id, wallet, exchange_asset

),

-- A balance in a file is of its own last change. What a file of all balances leaves out was zero
-- when the file was taken.
whole_files as (

    select
        file_states.account_id,
        file_states.stream,
        snapshot_streams.exchange,
        snapshot_streams.wallet,
        file_states.receipt_id,
        any_value(file_states.taken_at) as taken_at
    from file_states
    inner join snapshot_streams
        on
            file_states.account_id = snapshot_streams.account_id
            and file_states.stream = snapshot_streams.stream
    where file_states.taken_at is not null
    group by all
    having bool_and(file_states.is_whole)

),

listed_in_files as (

    select distinct
        file_states.receipt_id,
        balances.exchange_asset
    from file_states
    inner join balances
        on
            file_states.account_id = balances.account_id
            and file_states.stream = balances.stream
            and file_states.record_id = balances.record_id

),

left_out_of_files as (

    select
        whole_files.*,
        held_assets.asset,
        held_assets.exchange_asset
    from whole_files
    inner join held_assets
        on
            whole_files.account_id = held_assets.account_id
            and whole_files.wallet = held_assets.wallet
    anti join listed_in_files
        on
            whole_files.receipt_id = listed_in_files.receipt_id
            and held_assets.exchange_asset = listed_in_files.exchange_asset

),

stated_balances as (

    select
        account_id, exchange, stream, wallet, receipt_id, taken_at, asset, exchange_asset,
        amount as expected
    from balances
    where origin = 'file'

    union all

    select
        account_id, exchange, stream, wallet, receipt_id, taken_at, asset, exchange_asset,
        cast(0 as decimal(38, 18)) as expected
    from left_out_of_files

    union all

    select
        snapshots.*,
        held_assets.asset,
        held_assets.exchange_asset,
        case when balances.balance_id is null then 0 else balances.amount end as expected
    from snapshots
    inner join held_assets
        on snapshots.account_id = held_assets.account_id and snapshots.wallet = held_assets.wallet
    left join balances
        on
            snapshots.account_id = balances.account_id
            and snapshots.stream = balances.stream
            and snapshots.wallet = balances.wallet
            and snapshots.receipt_id = balances.receipt_id
            and held_assets.exchange_asset = balances.exchange_asset

)

select * from stated_balances
