-- One-sided transfers of the wallets other than spot without a transfer record.
with entries as (

    select * from {{ ref('int_bitget__futures_entries') }}

    union all by name

    select * from {{ ref('int_bitget__margin_entries') }}

),

labels as (

    select * from {{ ref('bitget_futures_labels') }}
    where part = 'transfer' or other_wallet is not null

),

records as (

    select * from {{ ref('base_bitget__transfer_records') }}

),

sub_records as (

    select * from {{ ref('base_bitget__sub_account_transfers') }}
    where {{ bitget_transfer_status() }} = 'completed'

),

legs as (

    select
        entries.*,
        labels.other_wallet
    from entries
    inner join labels
        on replace(lower(trim(entries.exchange_entry_type)), '-', '_') = labels.label_key
    where entries.amount != 0

),

-- A transfer record counts for each wallet it names, with its sign there.
record_ends as (

    select
        account_id,
        coin,
        lower(from_type) as wallet,
        -size as amount,
        coalesce(transferred_at, occurred_at) as moved_at
    from records
    where {{ bitget_transfer_status() }} = 'completed'

    union all

    select
        account_id,
        coin,
        lower(to_type) as wallet,
        size as amount,
        coalesce(transferred_at, occurred_at) as moved_at
    from records
    where {{ bitget_transfer_status() }} = 'completed'

    union all

    select
        unnest(['bitget:' || from_user_id, 'bitget:' || to_user_id]) as account_id,
        coin,
        unnest([from_type, to_type]) as wallet,
        unnest([-size, size]) as amount,
        coalesce(transferred_at, occurred_at) as moved_at
    from sub_records

),

counted_ends as (

    select
        account_id,
        wallet,
        coin,
        amount,
        moved_at,
        count(*) as record_count
    from record_ends
    group by all

),

-- The futures ledger books a move some milliseconds after the transfer's own time.
nearest as (

    select
        legs.*,
        counted_ends.moved_at as told_at,
        counted_ends.record_count
    from legs
    asof left join counted_ends
        on
            legs.account_id = counted_ends.account_id
            and legs.wallet = counted_ends.wallet
            and legs.asset = counted_ends.coin
            and legs.amount = counted_ends.amount
            and legs.occurred_at >= counted_ends.moved_at

),

numbered as (

    select
        *,
        coalesce(occurred_at - told_at <= interval 5 seconds, false) as is_near,
        row_number() over (
            partition by account_id, wallet, asset, amount, told_at
            order by occurred_at, record_id
        ) as duplicate_number
    from nearest

),

untold as (

    select * from numbered
    where not is_near or duplicate_number > record_count

),

canonical as (

    select
        {{ bitget_one_end(
            'ledger_entry_id', asset='asset', label='exchange_entry_type', moved_at='occurred_at'
        ) }}
    from untold

)

select * from canonical
