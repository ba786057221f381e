-- Transfers that a list of them states, with both ends where both accounts are known.
with records as (

    select * from {{ ref('base_bitget__transfer_records') }}

),

sub_records as (

    select * from {{ ref('base_bitget__sub_account_transfers') }}

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

united as (

    select * from from_records

    union all by name

    select * from from_sub_records

)

select * from united
