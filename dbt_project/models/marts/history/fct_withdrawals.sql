with withdrawals as (

    select * from {{ ref('int_withdrawals_unioned') }}

),

final as (

    select
        *,
        {{ utc_day('requested_at') }} as requested_on
    from withdrawals

)

select * from final
