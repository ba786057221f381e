-- Numbers in records that decimal(38, 18) cannot hold to the last digit, as int_record_shapes found
-- them in the records' own text, whether a model reads the field or not.
with records as (

    select
        account_id,
        exchange,
        stream,
        load_id,
        is_state,
        loaded_at,
        unnest(long_numbers, recursive := true)
    from {{ ref('int_record_shapes') }}

),

found as (

    select
        * exclude (texts),
        unnest(texts) as text
    from records

),

parted as (

    select
        *,
        regexp_extract(text, '^"([^"]+)"', 1) as field,
        trim(regexp_extract(text, ':[[:space:]]*"?([^],}"]+)', 1)) as value
    from found

),

final as (

    select
        -- keys
        md5(concat_ws('|',
            exchange, account_id, stream, record_id, record_hash, field, value
        )) as inexact_amount_id,
        account_id,
        exchange,
        stream,
        record_id,

        -- the number
        field,
        value,
        is_state,

        -- when
        occurred_at,
        loaded_at
    from parted
    qualify row_number() over (
        partition by exchange, account_id, stream, record_id, record_hash, field, value
        order by load_id
    ) = 1

)

select * from final
