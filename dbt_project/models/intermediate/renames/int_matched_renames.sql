{{ config(materialized='table') }}

{#-
    Renames that an account went through without a row of its own: what is missing of the old coin
    is exactly what appears of the new one, at the ratio of a known rename and in its time. Where
    only the unit of a coin changed, the old balance at that ratio explains the difference.

    Differences come from running balances (a break, an opening balance) and from the newest
    snapshot of a wallet.
-#}
with renames as (

    select * from {{ ref('int_asset_renames') }}

),

moments as (

    select * from {{ ref('int_balance_moments') }}

),

breaks as (

    select * from {{ ref('int_balance_breaks') }}
    where break_kind = 'missing'

),

balances as (

    select * from {{ ref('int_balances_unioned') }}

),

openings as (

    select
        account_id,
        exchange,
        wallet,
        any_value(asset) as asset,
        exchange_asset,
        arg_min(level, occurred_at) as residual,
        min(occurred_at) as found_at
    from moments
    where level is not null
    group by account_id, exchange, wallet, exchange_asset

),

looks as (

    select
        account_id,
        exchange,
        wallet,
        max(taken_at) as taken_at
    from balances
    group by account_id, exchange, wallet

),

-- What a wallet's newest snapshot leaves out is zero.
snapshots as (

    select
        looks.account_id,
        looks.exchange,
        looks.wallet,
        coalesce(held.asset, summed.asset) as asset,
        coalesce(held.exchange_asset, summed.exchange_asset) as exchange_asset,
        coalesce(held.amount, 0) as said,
        coalesce(summed.amount, 0) as added_up,
        looks.taken_at
    from looks
    inner join (
        select moments.account_id, moments.wallet, moments.exchange_asset,
            any_value(moments.asset) as asset,
            arg_max(moments.running_amount, moments.occurred_at) as amount
        from moments
        inner join looks
            on moments.account_id = looks.account_id and moments.wallet = looks.wallet
        where moments.occurred_at <= looks.taken_at
        group by moments.account_id, moments.wallet, moments.exchange_asset
    ) as summed
        on looks.account_id = summed.account_id and looks.wallet = summed.wallet
    left join balances as held
        on
            looks.account_id = held.account_id
            and looks.wallet = held.wallet
            and looks.taken_at = held.taken_at
            and summed.exchange_asset = held.exchange_asset

),

differences as (

    select
        breaks.account_id,
        breaks.exchange,
        breaks.wallet,
        breaks.asset,
        breaks.net_residual as residual,
        breaks.computed - moments.amount as held_before,
        breaks.after_at,
        breaks.broken_at as found_at,
        true as is_of_chain
    from breaks
    inner join moments
        on
            breaks.account_id = moments.account_id
            and breaks.wallet = moments.wallet
            and breaks.exchange_asset = moments.exchange_asset
            and breaks.broken_at = moments.occurred_at

    union all

    select
        account_id,
        exchange,
        wallet,
        asset,
        residual,
        cast(null as decimal(38, 18)) as held_before,
        cast(null as timestamptz) as after_at,
        found_at,
        true as is_of_chain
    from openings
    where residual != 0

    union all

    select
        account_id,
        exchange,
        wallet,
        asset,
        said - added_up as residual,
        added_up as held_before,
        cast(null as timestamptz) as after_at,
        taken_at as found_at,
        false as is_of_chain
    from snapshots
    where said != added_up

),

-- A difference can be of a rename only where it lies in the time of it.
in_time as (

    select
        differences.*,
        renames.from_asset,
        renames.to_asset,
        renames.ratio,
        renames.kind,
        renames.source,
        renames.changed_from,
        renames.changed_until
    from differences
    inner join renames
        on
            differences.exchange = coalesce(renames.exchange, differences.exchange)
            and differences.asset in (renames.from_asset, renames.to_asset)
            and differences.found_at >= renames.changed_from
            and coalesce(differences.after_at, '-infinity') <= renames.changed_until

),

-- Exchanges cut what they pay out after eight digits.
into_another as (

    select
        lost.account_id,
        lost.exchange,
        lost.wallet,
        lost.from_asset,
        lost.to_asset,
        lost.kind,
        lost.source,
        -lost.residual as from_amount,
        gained.residual as to_amount,
        lost.residual as from_residual,
        gained.residual as to_residual,
        greatest(lost.changed_from, lost.after_at) as changed_from,
        case when gained.is_of_chain then gained.found_at else lost.changed_until end
            as changed_until,
        lost.is_of_chain,
        lost.found_at
    from in_time as lost
    inner join in_time as gained
        on
            lost.account_id = gained.account_id
            and lost.wallet = gained.wallet
            and lost.from_asset = gained.from_asset
            and lost.to_asset = gained.to_asset
            and lost.changed_from = gained.changed_from
    where
        lost.from_asset != lost.to_asset
        and lost.asset = lost.from_asset
        and gained.asset = gained.to_asset
        and lost.residual < 0
        and gained.residual > 0
        and abs(
            gained.residual - {{ exact_product('abs(lost.residual)', 'lost.ratio') }}
        ) <= 0.00000001

),

of_units as (

    select
        account_id,
        exchange,
        wallet,
        from_asset,
        to_asset,
        kind,
        source,
        held_before as from_amount,
        held_before + residual as to_amount,
        residual as from_residual,
        residual as to_residual,
        greatest(changed_from, after_at) as changed_from,
        case when is_of_chain then found_at else changed_until end as changed_until,
        is_of_chain,
        found_at
    from in_time
    where
        from_asset = to_asset
        and held_before > 0
        and abs(held_before + residual - {{ exact_product('held_before', 'ratio') }}) <= 0.00000001

),

stacked as (

    select * from into_another
    union all
    select * from of_units

),

final as (

    select
        -- keys
        md5(concat_ws('|', account_id, wallet, from_asset, to_asset)) as rename_id,
        account_id,
        exchange,
        wallet,

        -- what became what
        from_asset,
        to_asset,
        kind,
        source,

        -- how much
        from_amount,
        to_amount,
        from_residual,
        to_residual,

        -- when
        changed_from,
        changed_until
    from stacked
    qualify row_number() over (
        partition by account_id, wallet, from_asset, to_asset
        order by is_of_chain desc, found_at, changed_until
    ) = 1

)

select * from final
