with deposits as (

    select * from {{ ref('int_deposits_unioned') }}

)

select * from deposits
