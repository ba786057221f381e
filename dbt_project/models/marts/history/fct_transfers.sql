with transfers as (

    select * from {{ ref('int_transfers_unioned') }}

)

select * from transfers
