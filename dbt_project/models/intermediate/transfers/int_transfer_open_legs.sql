{#-
    Legs without their other side: what left them open, and the gap of an own account that may hide
    it. Of several gaps the one is named where rows are most surely missing.
-#}
with legs as (

    select * from {{ ref('int_transfer_legs') }}

),

pairs as (

    select * from {{ ref('int_transfers_paired') }}

),

by_hash as (

    select * from {{ ref('int_transfers_by_hash') }}

),

by_amount as (

    select * from {{ ref('int_transfers_by_amount') }}

),

gaps as (

    select * from {{ ref('int_gaps') }}
    where state = 'open'

),

specs as (

    select * from {{ ref('int_stream_specs_unioned') }}
    where is_current and kind = 'history'

),

assets as (

    select distinct exchange, exchange_asset, asset from {{ ref('int_assets_unioned') }}

),

open_legs as (

    select
        legs.*,
        case
            when legs.leg_kind = 'transfer' then 'transfers'
            when legs.direction = 'out' then 'deposits'
            else 'withdrawals'
        end as other_entity
    from legs
    anti join pairs on legs.leg_id = pairs.from_leg_id
    anti join pairs as arrivals on legs.leg_id = arrivals.to_leg_id

),

-- Candidates there were, but more than one.
hash_candidates as (

    select unnest([from_leg_id, to_leg_id]) as leg_id, is_amount_right from by_hash

),

candidates as (

    select
        leg_id,
        count(*) filter (where is_amount_right) as candidate_count,
        bool_or(not is_amount_right) as has_other_amount
    from (
        select leg_id, is_amount_right from hash_candidates
        union all
        select unnest([from_leg_id, to_leg_id]) as leg_id, true as is_amount_right from by_amount
    )
    group by leg_id

),

-- Rows that a gap can hide: the entities of its stream, of the coin or kind requested.
gap_entities as (

    select
        gaps.*,
        specs.scope as scope_kind,
        unnest(from_json(specs.entities, '["VARCHAR"]')) as entity
    from gaps
    inner join specs on gaps.exchange = specs.exchange and gaps.stream = specs.stream

),

gap_scopes as (

    select
        *,
        unnest(string_split(coalesce(scope_names, ''), ', ')) as scope_name
    from gap_entities
    where entity in ('deposits', 'withdrawals', 'transfers')

),

-- A stream requested coin by coin hides only that coin, one requested by kind only that kind.
hiding_places as (

    select
        gap_scopes.*,
        case
            when gap_scopes.scope_kind = 'coin' and gap_scopes.scope_name != ''
                then coalesce(assets.asset, upper(gap_scopes.scope_name))
        end as hidden_asset
    from gap_scopes
    left join assets
        on
            gap_scopes.exchange = assets.exchange
            and gap_scopes.scope_name = assets.exchange_asset
    where
        gap_scopes.scope_kind != 'operation_type'
        or gap_scopes.scope_name = ''
        or starts_with(gap_scopes.entity, lower(gap_scopes.scope_name))

),

hidden as (

    select
        open_legs.leg_id,
        count(distinct hiding_places.gap_id) as gap_count,
        arg_min(
            {
                'gap_id': hiding_places.gap_id,
                'account_id': hiding_places.account_id,
                'stream': hiding_places.stream,
                'is_hole': hiding_places.verdict != 'unverified'
                or hiding_places.is_proven_incomplete
            },
            (
                hiding_places.verdict = 'unverified' and not hiding_places.is_proven_incomplete,
                hiding_places.span_end - hiding_places.span_start,
                hiding_places.gap_id
            )
        ) as gap
    from open_legs
    inner join hiding_places
        on
            open_legs.other_entity = hiding_places.entity
            and hiding_places.span_start <= open_legs.other_side_until
            and hiding_places.span_end > open_legs.other_side_from
            and coalesce(hiding_places.hidden_asset = open_legs.asset, true)
            and (not open_legs.is_internal or hiding_places.exchange = open_legs.exchange)
            and (
                hiding_places.account_id != open_legs.account_id
                -- The other wallet of the same account, which another stream contains.
                or (
                    open_legs.leg_kind = 'transfer'
                    and not starts_with(
                        open_legs.leg_id,
                        concat(hiding_places.account_id, '/', hiding_places.stream, '/')
                    )
                )
            )
    group by open_legs.leg_id

),

final as (

    select
        open_legs.leg_id,
        open_legs.leg_kind,
        open_legs.direction,
        case
            when candidates.candidate_count > 0 then 'tie'
            when candidates.has_other_amount then 'amounts_differ'
            when hidden.gap.is_hole then 'gap'
            when hidden.gap is not null then 'unverified'
            else 'outside'
        end as open_because,
        coalesce(candidates.candidate_count, 0) as candidate_count,
        hidden.gap.gap_id as gap_id,
        hidden.gap.account_id as gap_account_id,
        hidden.gap.stream as gap_stream,
        coalesce(hidden.gap_count, 0) as gap_count
    from open_legs
    left join candidates on open_legs.leg_id = candidates.leg_id
    left join hidden on open_legs.leg_id = hidden.leg_id

)

select * from final
