with conversions as (

    {{ union_exchanges('conversions') }}

),

final as (

    select
        *,
        {{ utc_day('converted_at') }} as converted_on
    from conversions

)

select * from final
