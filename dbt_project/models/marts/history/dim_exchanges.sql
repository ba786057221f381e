with specs as (

    select * from {{ ref('int_stream_specs_unioned') }}
    where is_current

),

accounts as (

    select * from {{ ref('dim_accounts') }}

),

accounts_by_exchange as (

    select
        exchange,
        count(*) as account_count
    from accounts
    group by exchange

),

-- Limits of one stream can be recorded later than another's: the latest row of the exchange counts.
exchanges as (

    select
        exchange,
        arg_max(exchange_title, recorded_at) as exchange_title,
        arg_max(lifecycle, recorded_at) as lifecycle,
        max_by(ends_at, recorded_at) as ends_at,
        count(*) filter (where kind in ('history', 'snapshot', 'reference')) as stream_count,
        max(checked_on) as checked_on
    from specs
    group by exchange

),

counted as (

    select
        exchanges.exchange,
        exchanges.exchange_title,
        exchanges.lifecycle,
        exchanges.ends_at,
        exchanges.stream_count,
        coalesce(accounts_by_exchange.account_count, 0) as account_count,
        exchanges.checked_on
    from exchanges
    left join accounts_by_exchange on exchanges.exchange = accounts_by_exchange.exchange

)

select * from counted
