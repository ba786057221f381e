with withdrawals as (

    select * from {{ ref('int_withdrawals_unioned') }}

)

select * from withdrawals
