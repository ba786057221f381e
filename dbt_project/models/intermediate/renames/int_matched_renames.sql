{{ config(materialized='table') }}

{#-
    Renames that an account went through without a row of its own: what is missing of the old coin
    is exactly what appears of the new one, at the ratio of a known rename and in its time. Where
    only the unit of a coin changed, the old balance at that ratio explains the difference.
-#}
with renames as (

    select * from {{ ref('int_asset_renames') }}

),

differences as (

    select * from {{ ref('int_rename_differences') }}

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
