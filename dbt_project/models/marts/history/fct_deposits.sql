with deposits as (

    select * from {{ ref('int_deposits_unioned') }}

),

final as (

    select
        *,
        {{ utc_day('requested_at') }} as requested_on
    from deposits

)

select * from final
