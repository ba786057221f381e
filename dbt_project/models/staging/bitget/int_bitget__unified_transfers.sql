-- Moves of unified accounts, in canonical columns: records that name both ends, and legs of the
-- two ledgers that no record tells.
with records as (

    select * from {{ ref('base_bitget__unified_transfer_records') }}

),

since as (

    select * from {{ ref('int_bitget__unified_since') }}

),

ledger as (

    select * from {{ ref('int_bitget__unified_ledger') }}
    where stream = 'unified_tax_records' and not is_before_change

),

funding as (

    select * from {{ ref('base_bitget__unified_funding_records') }}

),

labels as (

    select * from {{ ref('bitget_unified_labels') }}
    where entry_type = 'transfer'

),

known_accounts as (

    select distinct account_id from {{ raw_table('bitget', 'accounts') }}

),

-- An account that has no key here is the counterparty of a move.
from_records as (

    select
        {{ bitget_both_ends(
            'unified_transfer_records',
            from_wallet=bitget_unified_wallet('records.from_type'),
            to_wallet=bitget_unified_wallet('records.to_type'),
            amount='records.amount', moved_at='records.created_at'
        ) }}
    from records
    left join since on records.account_id = since.account_id
    left join known_accounts as senders
        on coalesce('bitget:' || records.from_user_id, records.account_id) = senders.account_id
    left join known_accounts as receivers
        on coalesce('bitget:' || records.to_user_id, records.account_id) = receivers.account_id
    where
        coalesce(records.created_at, records.occurred_at) >= coalesce(since.counts_from, '-infinity')
        -- Inside one wallet of one account nothing moves.
        and not (
            coalesce(records.from_user_id, '') = coalesce(records.to_user_id, '')
            and {{ bitget_unified_wallet('records.from_type') }}
            = {{ bitget_unified_wallet('records.to_type') }}
        )

),

legs as (

    select
        ledger.account_id,
        'unified_tax_records' as stream,
        ledger.record_id,
        'unified' as wallet,
        ledger.coin,
        ledger.amount,
        ledger.booked_at as moved_at,
        ledger.record_type as label,
        ledger.origin,
        ledger.receipt_id,
        ledger.loaded_at
    from ledger
    semi join labels on lower(trim(ledger.record_type)) = labels.label_key
    where ledger.amount != 0

    union all

    select
        funding.account_id,
        'unified_funding_records' as stream,
        funding.record_id,
        'funding' as wallet,
        funding.coin,
        funding.amount,
        coalesce(funding.booked_at, funding.occurred_at) as moved_at,
        {{ bitget_label('funding.record_type', 'funding.group_type') }} as label,
        funding.origin,
        funding.receipt_id,
        funding.loaded_at
    from funding
    left join since on funding.account_id = since.account_id
    semi join labels
        on
            lower(trim({{ bitget_label('funding.record_type', 'funding.group_type') }}))
            = labels.label_key
    where
        funding.amount != 0
        and coalesce(funding.booked_at, funding.occurred_at)
        >= coalesce(since.counts_from, '-infinity')

),

-- A record and its ledger rows agree in coin and amount, and in time to some seconds.
told_legs as (

    select distinct
        legs.stream,
        legs.account_id,
        legs.record_id
    from legs
    inner join from_records
        on
            legs.account_id = from_records.account_id
            and legs.coin = from_records.asset
            and abs(legs.amount)
            = coalesce(from_records.amount_sent, from_records.amount_received)
            and legs.wallet
            = case when legs.amount < 0 then from_records.from_wallet else from_records.to_wallet end
            and abs(
                epoch_ms(legs.moved_at)
                - epoch_ms(coalesce(from_records.sent_at, from_records.received_at))
            ) < 10000
    where from_records.status != 'failed'

),

untold_legs as (

    select * from legs
    anti join told_legs using (stream, account_id, record_id)

),

from_ledger as (

    select
        {{ bitget_one_end(canonical_id_by_stream(), other_wallet='cast(null as varchar)') }}
    from untold_legs

),

-- Where both accounts list a transfer, the record of the sender counts.
told_once as (

    select * from from_records
    qualify row_number() over (
        partition by
            record_id, case when confidence = 'certain' then 'both' else account_id end
        order by (account_id = from_account_id) desc, account_id
    ) = 1

),

united as (

    select * from told_once

    union all by name

    select * from from_ledger

)

select * from united
