-- The entities that each history stream contains: whole, or a part of them.
with specs as (

    select * from {{ ref('int_stream_specs_unioned') }}
    where is_current and kind = 'history'

),

named as (

    {{ entities_of('specs') }}

),

final as (

    select
        exchange,
        stream,
        wallet,
        entity,
        bool_or(is_whole) as is_whole,
        count(*) over (partition by exchange, stream) as entity_count
    from named
    group by exchange, stream, wallet, entity

)

select * from final
