-- Spans in which stored rows prove that a stream's entity lacks rows. `is_own`: the stream contains
-- the whole entity, so the stream itself lacks rows there.
with entities as (

    select * from {{ ref('int_stream_entities') }}

),

holes as (

    select * from {{ ref('int_entity_holes') }}

),

final as (

    select distinct
        holes.account_id,
        entities.stream,
        entities.entity,
        holes.span_start,
        holes.span_end,
        entities.is_whole and entities.entity = holes.entity as is_own
    from entities
    inner join holes
        on
            entities.exchange = holes.exchange
            and split_part(entities.entity, '/', 1) = holes.entity
            and entities.wallet = holes.wallet

)

select * from final
