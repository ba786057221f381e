-- For each entity of a stream, the other streams of the same wallet that contain it completely.
with entities as (

    select * from {{ ref('int_stream_entities') }}

),

final as (

    select
        entities.exchange,
        entities.stream,
        entities.entity,
        entities.entity_count,
        substitutes.stream as filler
    from entities
    inner join entities as substitutes
        on
            entities.exchange = substitutes.exchange
            -- A stream with the whole entity has each part of it, but not the other way round.
            and substitutes.is_whole
            and substitutes.entity in (entities.entity, split_part(entities.entity, '/', 1))
            and entities.wallet is not distinct from substitutes.wallet
            and entities.stream != substitutes.stream

)

select * from final
