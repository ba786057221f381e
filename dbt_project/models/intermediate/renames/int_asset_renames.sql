-- Coins that exchanges changed into others, from this project's seed and from the user.
with known as (

    select
        nullif(exchange, '') as exchange,
        from_asset,
        to_asset,
        ratio,
        changed_from,
        changed_until,
        kind,
        source
    from {{ ref('asset_renames') }}

),

own as (

    select
        exchange,
        from_asset,
        to_asset,
        ratio,
        changed_from,
        changed_until,
        kind,
        source
    from {{ raw_table('user', 'asset_renames') }}

),

stacked as (

    select * from known
    union all
    select * from own

),

final as (

    select
        exchange,
        from_asset,
        to_asset,
        {{ amount('ratio') }} as ratio,
        changed_from,
        changed_until,
        kind,
        source
    from stacked

)

select * from final
