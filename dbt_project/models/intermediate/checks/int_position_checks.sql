{#-
    Open positions reconciled with the stored executions, in contracts. Of each exchange that has an
    `int_<exchange>__position_checks`.
-#}
with positions as (

    {{ union_exchanges('position_checks') }}

),

reaches as (

    select * from {{ ref('int_stream_reaches') }}

),

read_positions as (

    select
        positions.*,
        reaches.read_until,
        reaches.read_until >= positions.checked_at as is_read,
        -- Positions are requested shortly after the executions: there may be trades in between.
        reaches.read_until
        >= positions.checked_at - interval '{{ var("sliver_minutes", 10) }} minutes' as is_nearly_read
    from positions
    left join reaches
        on positions.account_id = reaches.account_id and positions.stream = reaches.stream

),

checks as (

    select
        account_id,
        exchange,
        'positions' as wallet,
        symbol as asset,
        symbol as exchange_asset,
        'position' as kind,
        currency as detail,
        expected,
        computed,
        expected - computed as net_residual,
        execution_count as row_count,
        case when expected = computed then 0 else 1 end as break_count,
        cast(null as timestamptz) as since_at,
        checked_at,
        cast(null as varchar) as record_id,
        case
            when expected = computed then 'none'
            when is_read then 'critical'
            when is_nearly_read then 'warning'
            else 'info'
        end as severity,
        case
            when expected = computed then null
            when is_read then 'executions_missing'
            when is_nearly_read then 'perhaps_traded_meanwhile'
            else 'executions_not_read'
        end as cause_code,
        {{ words({'stream': 'stream', 'read_until': say_when('read_until')}) }} as words
    from read_positions

)

select * from checks
