-- What the user has set aside.
with dismissals as (

    select * from {{ raw_table('user', 'dismissals') }}

),

final as (

    select
        finding_id,
        reason,
        dismissed_by,
        dismissed_on,
        line
    from dismissals

)

select * from final
