with records as (

    select * from {{ ref('base_bitget__transfer_records') }}

),

sub_records as (

    select * from {{ ref('base_bitget__sub_account_transfers') }}

),

ledger as (

    select * from {{ ref('base_bitget__tax_spot_records') }}

),

labels as (

    select * from {{ ref('bitget_labels') }}
    where part = 'transfer' or other_wallet is not null

),

from_records as (

    select
        -- keys
        {{ canonical_id('transfer_records') }} as transfer_id,
        account_id,
        'bitget' as exchange,
        'transfer_records' as stream,
        record_id,

        -- from where to where
        account_id as from_account_id,
        lower(from_type) as from_wallet,
        account_id as to_account_id,
        lower(to_type) as to_wallet,
        nullif(concat_ws(' > ', from_symbol, to_symbol), '') as counterparty,

        -- what
        coin as asset,
        coin as exchange_asset,
        'exchange_record' as method,
        'certain' as confidence,
        cast(null as varchar) as note,
        {{ bitget_transfer_status() }} as status,
        status as exchange_status,

        -- how much
        size as amount_sent,
        size as amount_received,

        -- when
        coalesce(transferred_at, occurred_at) as sent_at,
        case
            when {{ bitget_transfer_status() }} = 'completed'
                then coalesce(transferred_at, occurred_at)
        end as received_at,

        -- where it came from
        origin,
        receipt_id,
        loaded_at
    from records

),

known_accounts as (

    select distinct account_id from {{ raw_table('bitget', 'accounts') }}

),

-- A main account gets both accounts of a transfer. An account without a key is the counterparty.
from_sub_records as (

    select
        {{ bitget_both_ends(
            'sub_account_transfers',
            from_wallet='records.from_type', to_wallet='records.to_type',
            amount='records.size', moved_at='records.transferred_at'
        ) }}
    from sub_records as records
    left join known_accounts as senders
        on coalesce('bitget:' || records.from_user_id, records.account_id) = senders.account_id
    left join known_accounts as receivers
        on coalesce('bitget:' || records.to_user_id, records.account_id) = receivers.account_id

),

legs as (

    select
        ledger.account_id,
        ledger.record_id,
        ledger.coin,
        ledger.amount,
        coalesce(ledger.recorded_at, ledger.occurred_at) as moved_at,
        ledger.spot_tax_type as label,
        labels.other_wallet,
        row_number() over (
            partition by ledger.account_id, ledger.coin, ledger.amount, ledger.recorded_at
            order by ledger.record_id
        ) as twin_number,
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
    where status = 'completed' and (from_wallet = 'spot') != (to_wallet = 'spot')
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
    from from_sub_records
    where status = 'completed'

),

numbered_sub_ends as (

    select
        *,
        row_number() over (
            partition by account_id, asset, amount, sent_at order by transfer_id
        ) as twin_number
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
            and legs.twin_number = numbered_sub_ends.twin_number
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
    where legs.twin_number > coalesce(told_by_records.records, 0)

),

from_ledger as (

    select
        -- keys
        {{ canonical_id('tax_spot_records') }} as transfer_id,
        account_id,
        'bitget' as exchange,
        'tax_spot_records' as stream,
        record_id,

        -- from where to where; the other end only where the label shows it
        case when amount < 0 or other_wallet is not null then account_id end as from_account_id,
        case when amount < 0 then 'spot' else other_wallet end as from_wallet,
        case when amount > 0 or other_wallet is not null then account_id end as to_account_id,
        case when amount > 0 then 'spot' else other_wallet end as to_wallet,
        cast(null as varchar) as counterparty,

        -- what
        coin as asset,
        coin as exchange_asset,
        'ledger_leg' as method,
        'one_sided' as confidence,
        label as note,
        'completed' as status,
        cast(null as varchar) as exchange_status,

        -- how much
        case when amount < 0 then -amount end as amount_sent,
        case when amount > 0 then amount end as amount_received,

        -- when
        case when amount < 0 then moved_at end as sent_at,
        case when amount > 0 then moved_at end as received_at,

        -- where it came from
        origin,
        receipt_id,
        loaded_at
    from untold_legs

),

united as (

    select * from from_records

    union all by name

    select * from from_sub_records

    union all by name

    select * from from_ledger

    union all by name

    select * from {{ ref('int_bitget__unified_transfers') }}

    union all by name

    select * from {{ ref('int_bitget__wallet_legs') }}

)

select * from united
