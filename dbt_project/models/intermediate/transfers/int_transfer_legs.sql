{#-
    Everything that could be one side of a move between own accounts: completed withdrawals and
    deposits, and completed moves of which the exchange tells one side only. Each leg says what it
    can be recognized by, and what its other side may look like at most.
-#}
with withdrawals as (

    select * from {{ ref('int_withdrawals_unioned') }}
    where status = 'completed' and amount > 0

),

deposits as (

    select * from {{ ref('int_deposits_unioned') }}
    where status = 'completed' and amount > 0

),

transfers as (

    select * from {{ ref('int_transfers_unioned') }}
    where
        status = 'completed'
        and (from_account_id is null) != (to_account_id is null)
        and coalesce(amount_sent, amount_received) > 0

),

internal_ids as (

    select * from {{ ref('int_internal_ids_unioned') }}

),

tolerances as (

    select * from {{ ref('transfer_tolerances') }}

),

chains as (

    select * from {{ ref('chain_names') }}

),

-- What arrived over the chain is what was credited and what the exchange kept of it.
united as (

    select
        withdrawal_id as leg_id,
        'withdrawal' as leg_kind,
        'out' as direction,
        account_id,
        exchange,
        wallet,
        asset,
        network,
        coalesce(is_internal, false) as is_internal,
        tx_hash,
        address,
        nullif(trim(address_tag), '') as address_tag,
        cast(null as varchar) as counterparty,
        amount,
        amount as most_amount,
        received_amount as stated_amount,
        fee_amount,
        fee_asset,
        requested_at as happened_at,
        greatest(requested_at, completed_at) as ended_at
    from withdrawals

    union all by name

    select
        deposit_id as leg_id,
        'deposit' as leg_kind,
        'in' as direction,
        account_id,
        exchange,
        wallet,
        asset,
        network,
        coalesce(is_internal, false) as is_internal,
        tx_hash,
        address,
        nullif(trim(address_tag), '') as address_tag,
        amount,
        case when fee_asset = asset then amount + greatest(fee_amount, 0) else amount end
            as most_amount,
        requested_at as happened_at,
        greatest(requested_at, completed_at) as ended_at
    from deposits

    union all by name

    select
        transfer_id as leg_id,
        'transfer' as leg_kind,
        case when to_account_id is null then 'out' else 'in' end as direction,
        account_id,
        exchange,
        coalesce(from_wallet, to_wallet) as wallet,
        asset,
        true as is_internal,
        -- Only a number can be compared with the other account's; names appear on one side only.
        case when regexp_full_match(counterparty, '[0-9]+') then counterparty end as counterparty,
        coalesce(amount_sent, amount_received) as amount,
        coalesce(amount_sent, amount_received) as most_amount,
        coalesce(amount_sent, amount_received) as stated_amount,
        coalesce(sent_at, received_at) as happened_at,
        coalesce(sent_at, received_at) as ended_at
    from transfers

),

bounded as (

    select
        united.*,
        internal_ids.internal_id,
        tolerances.clock_seconds,
        tolerances.arrival_seconds,
        tolerances.unknown_fee_share
    from united
    left join internal_ids on united.leg_id = internal_ids.leg_id
    left join tolerances as own_rules on united.asset = own_rules.applies_to
    inner join tolerances
        on tolerances.applies_to = case
            when united.is_internal then 'internal'
            else coalesce(own_rules.applies_to, 'default')
        end

),

final as (

    select
        -- keys
        bounded.leg_id,
        bounded.leg_kind,
        bounded.direction,
        bounded.account_id,
        bounded.exchange,
        bounded.wallet,

        -- what it can be recognized by
        bounded.asset,
        bounded.is_internal,
        bounded.internal_id,
        {{ hash_key('bounded.tx_hash') }} as hash_key,
        {{ hash_output('bounded.tx_hash') }} as hash_output,
        case when not bounded.is_internal then {{ address_key('bounded.address') }} end
            as address_key,
        bounded.address_tag,
        chains.chain,
        bounded.counterparty,
        regexp_extract(bounded.account_id, '[^:/]+$') as account_number,

        -- how much: a leg out from the least to the most that may arrive, a leg in what did
        bounded.amount,
        case
            when bounded.direction = 'in' then bounded.most_amount
            when bounded.fee_amount > 0 and bounded.fee_asset = bounded.asset
                then bounded.amount - bounded.fee_amount
            when bounded.fee_amount > 0 or bounded.is_internal then bounded.amount
            else bounded.amount - coalesce(
                {{ exact_product('bounded.amount', 'bounded.unknown_fee_share') }}, 0
            )
        end as least_amount,
        bounded.most_amount,
        bounded.stated_amount,

        -- when: the other side lies within these, its own clock allowed for
        bounded.happened_at,
        bounded.ended_at,
        bounded.happened_at - to_seconds(
            bounded.clock_seconds
            + case when bounded.direction = 'in' then bounded.arrival_seconds else 0 end
        ) as other_side_from,
        case when bounded.direction = 'in' then bounded.happened_at else bounded.ended_at end
        + to_seconds(
            case
                when bounded.direction = 'in' then bounded.clock_seconds
                else bounded.arrival_seconds
            end
        ) as other_side_until
    from bounded
    left join chains on {{ chain_word('bounded.network') }} = chains.chain_word

)

select * from final
