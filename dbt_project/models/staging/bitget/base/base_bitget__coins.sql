with source as (

    select * from {{ raw_table('bitget', 'coins') }}

),

renamed as (

    select
        -- keys
        record_id,
        {{ json_text('coinId') }} as coin_id,

        -- what
        upper({{ json_text('coin') }}) as coin,
        {{ json_bool('transfer') }} as is_transferable,
        record -> '$.chains' as chains,

        -- where it came from
        receipt_id,
        origin
    from source

)

select * from renamed
