with conversions as (

    select * from {{ ref('int_conversions_unioned') }}

),

final as (

    select
        *,
        {{ utc_day('converted_at') }} as converted_on
    from conversions

)

select * from final
