{#-
    Every fee once. The ledger states it, except where an exchange wrote its ledger net of fees
    (`ledger_states_fees_since`): there the executions state those of trading.
-#}
{%- set net_exchanges = var('ledger_states_fees_since') -%}
with ledger_entries as (

    select * from {{ ref('fct_ledger_entries') }}
    where
        status = 'completed'
        and fee_amount != 0
        -- Funding is profit or loss of a position: see fct_realised_pnl.
        and entry_type != 'funding'

),

trades as (

    select * from {{ ref('fct_trades') }}
    where fee_amount != 0

),

of_ledger as (

    select
        ledger_entry_id as fee_id,
        account_id,
        exchange,
        stream,
        record_id,
        wallet,
        asset,
        market,
        case
            when entry_type in ('trade', 'fee', 'realised_pnl', 'settlement') then 'trading'
            when entry_type in ('deposit', 'withdrawal', 'transfer', 'conversion', 'interest')
                then entry_type
            else 'other'
        end as fee_kind,
        fee_amount,
        occurred_at as charged_at,
        origin
    from ledger_entries

),

of_trades as (

    select
        trade_id as fee_id,
        account_id,
        exchange,
        stream,
        record_id,
        wallet,
        coalesce(fee_asset, 'UNKNOWN') as asset,
        market,
        'trading' as fee_kind,
        fee_amount,
        traded_at as charged_at,
        origin
    from trades

),

stated as (

    select * from of_ledger
    {%- for exchange, since in net_exchanges.items() %}
    {{ 'where' if loop.first else 'and' }} not (
        exchange = '{{ exchange }}' and fee_kind = 'trading' and charged_at < timestamptz '{{ since }}'
    )
    {%- endfor %}
    {%- for exchange, since in net_exchanges.items() %}

    union all

    select * from of_trades
    where exchange = '{{ exchange }}' and charged_at < timestamptz '{{ since }}'
    {%- endfor %}

),

final as (

    select
        *,
        {{ utc_day('charged_at') }} as charged_on
    from stated

)

select * from final
