with from_records as (

    select * from {{ ref('int_bitget__listed_transfers') }}

),

ledger as (

    select * from {{ ref('base_bitget__tax_spot_records') }}

),

labels as (

    select * from {{ ref('bitget_labels') }}
    where part = 'transfer' or other_wallet is not null

),

legs as (

    select
        ledger.account_id,
        'tax_spot_records' as stream,
        ledger.record_id,
        ledger.coin,
        ledger.amount,
        coalesce(ledger.recorded_at, ledger.occurred_at) as moved_at,
        ledger.spot_tax_type as label,
        labels.other_wallet,
        row_number() over (
            partition by ledger.account_id, ledger.coin, ledger.amount, ledger.recorded_at
            order by ledger.record_id
        ) as duplicate_number,
        ledger.origin,
        ledger.receipt_id,
        ledger.loaded_at
    from ledger
    inner join labels on lower(trim(ledger.spot_tax_type)) = labels.label_key
    where ledger.amount != 0

),

-- A transfer record and its ledger row share coin, amount and millisecond; duplicates are counted.
told_by_records as (

    select
        account_id,
        asset,
        case when from_wallet = 'spot' then -amount_sent else amount_received end as amount,
        sent_at,
        count(*) as records
    from from_records
    where
        stream = 'transfer_records'
        and status = 'completed'
        and (from_wallet = 'spot') != (to_wallet = 'spot')
    group by all

),

-- Moves between accounts: every account shows its own side, within some seconds.
sub_ends as (

    select
        transfer_id,
        unnest([from_account_id, to_account_id]) as account_id,
        unnest([from_wallet, to_wallet]) as wallet,
        asset,
        unnest([-amount_sent, amount_received]) as amount,
        coalesce(sent_at, received_at) as sent_at
    from from_records
    where stream = 'sub_account_transfers' and status = 'completed'

),

numbered_sub_ends as (

    select
        *,
        row_number() over (
            partition by account_id, asset, amount, sent_at order by transfer_id
        ) as duplicate_number
    from sub_ends
    where account_id is not null and wallet = 'spot'

),

told_by_sub_records as (

    select
        legs.account_id,
        legs.record_id
    from legs
    inner join numbered_sub_ends
        on
            legs.account_id = numbered_sub_ends.account_id
            and legs.coin = numbered_sub_ends.asset
            and legs.amount = numbered_sub_ends.amount
            and legs.duplicate_number = numbered_sub_ends.duplicate_number
    where
        legs.other_wallet is null
        and abs(epoch_ms(legs.moved_at) - epoch_ms(numbered_sub_ends.sent_at)) <= 5000
    qualify
        row_number() over (
            partition by legs.account_id, legs.record_id
            order by abs(epoch_ms(legs.moved_at) - epoch_ms(numbered_sub_ends.sent_at))
        ) = 1
        and row_number() over (
            partition by legs.account_id, numbered_sub_ends.transfer_id
            order by abs(epoch_ms(legs.moved_at) - epoch_ms(numbered_sub_ends.sent_at))
        ) = 1

),

untold_legs as (

    select legs.*
    from legs
    anti join told_by_sub_records using (account_id, record_id)
    left join told_by_records
        on
            legs.account_id = told_by_records.account_id
            and legs.coin = told_by_records.asset
            and legs.amount = told_by_records.amount
            and legs.moved_at = told_by_records.sent_at
    where legs.duplicate_number > coalesce(told_by_records.records, 0)

),

from_ledger as (

    select
        {{ bitget_one_end(canonical_id('tax_spot_records'), wallet="'spot'") }}
    from untold_legs

),

united as (

    select * from from_records

    union all by name

    select * from from_ledger

    union all by name

    select * from {{ ref('int_bitget__unified_transfers') }}

    union all by name

    select * from {{ ref('int_bitget__wallet_legs') }}

)

select * from united
