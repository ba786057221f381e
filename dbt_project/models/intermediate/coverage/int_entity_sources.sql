{#-
    Which streams answer for which entity, wallet by wallet. A source is one stream that carries
    the entity whole, or all the streams that carry a part of it.
-#}
with specs as (

    select * from {{ ref('int_stream_specs_unioned') }}
    where is_current and kind = 'history'

),

named as (

    select
        *,
        case when is_whole then stream else 'all parts' end as source
    from ({{ entities_of('specs') }})
    where is_whole or ended_at is null

),

-- A part such as `trades/spot` makes no entity complete.
carried as (

    select * from named
    where not contains(entity, '/')

),

-- A stream without a wallet covers all wallets.
wallets as (

    select distinct exchange, entity, wallet
    from carried
    qualify wallet != '' or count(*) filter (where wallet != '') over (
        partition by exchange, entity
    ) = 0

),

final as (

    select
        carried.exchange,
        case carried.entity when 'ledger' then 'ledger_entries' else carried.entity end as entity,
        wallets.wallet,
        carried.source,
        carried.stream
    from carried
    inner join wallets
        on
            carried.exchange = wallets.exchange
            and carried.entity = wallets.entity
            and (carried.wallet = wallets.wallet or carried.wallet = '')

)

select * from final
