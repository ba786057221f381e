{#
    The ledger of wallets of which an exchange returns none: `stg_<exchange>__ledger_entries` derived from
    `stg_<exchange>__<list>` for each of `lists` (trades, deposits, withdrawals, transfers), and from `others`,
    a relation of movements that no such list has. It is stored, as a row of one list can change what an older row
    of another one became. Records that are pending or failed have no entry. With `wallets`, movements of other
    wallets are left out.

    A fee in the coin that a trade received is a part of its entry; any other fee has an entry of its own. The amount
    of a withdrawal includes its fee.
#}
{% macro derived_ledger(exchange, lists, others=none, wallets=none) -%}
    {{ config(materialized='table') }}

with movements as (

    {%- for list in lists %}
    {{ movements_of(list, ref('stg_' ~ exchange ~ '__' ~ list)) }}
    {{ 'union all by name' if not loop.last or others }}
    {%- endfor %}
    {%- if others %}
    select * from {{ others }}
    {%- endif %}

)

select
    {{ ledger_columns(
        exchange,
        wallet="coalesce(wallet, 'spot')",
        entry_type="case status when 'completed' then entry_type else 'unclassified' end",
    ) }}
from movements
where
    status in ('completed', 'unclassified')
    {%- if wallets %}
    and coalesce(wallet, 'spot') in ({{ quoted(wallets) }})
    {%- endif %}
{%- endmacro %}

{#
    The canonical columns of the ledger rows of an exchange that shows no balance with them. The arguments are the
    expressions of the columns of these names. `leg` distinguishes the movements of one record.
#}
{% macro ledger_columns(
    exchange,
    ledger_entry_id="concat(account_id, '/', stream, '/', record_id, leg)",
    wallet='wallet',
    asset='asset',
    exchange_asset='exchange_asset',
    entry_type='entry_type',
    status='status'
) -%}
    -- keys
    {{ ledger_entry_id }} as ledger_entry_id,
    account_id,
    '{{ exchange }}' as exchange,
    stream,
    record_id,
    event_id,

    -- what
    {{ wallet }} as wallet,
    {{ asset }} as asset,
    {{ exchange_asset }} as exchange_asset,
    {{ entry_type }} as entry_type,
    exchange_entry_type,
    market,
    {{ not_stated('ledger_entries', ['note', 'accounting_regime']) }},
    {{ status }} as status,
    exchange_status,

    -- how much
    cast(amount as decimal(38, 18)) as amount,
    cast(coalesce(fee_amount, 0) as decimal(38, 18)) as fee_amount,
    {{ not_stated('ledger_entries', ['balance_after']) }},

    -- when
    occurred_at,

    -- where it came from
    origin,
    receipt_id,
    loaded_at
{%- endmacro %}

{# The movements of the rows of one list. #}
{% macro movements_of(list, rows) -%}
    {%- if list == 'trades' %}
    select
        stream, account_id, record_id, wallet, market, '/' || part as leg,
        order_id as event_id,
        case part when 'fee' then 'fee' else 'trade' end as entry_type,
        side as exchange_entry_type,
        case when part = 'fee' then fee_asset when is_base then base_asset else quote_asset end as asset,
        asset as exchange_asset,
        case part
            when 'fee' then -fee_amount
            when 'paid' then -case when is_base then base_quantity else quote_quantity end
            else
                case when is_base then base_quantity else quote_quantity end
                - case when is_fee_inside then fee_amount else 0 end
        end as amount,
        case when part = 'fee' or (part = 'received' and is_fee_inside) then fee_amount end as fee_amount,
        'completed' as status,
        cast(null as varchar) as exchange_status,
        traded_at as occurred_at,
        origin, receipt_id, loaded_at
    from (
        select
            *,
            coalesce(fee_asset = case side when 'buy' then base_asset else quote_asset end, false) as is_fee_inside,
            unnest(
                ['paid', 'received'] || case when fee_amount = 0 or is_fee_inside then [] else ['fee'] end
            ) as part,
            (side = 'buy') = (part = 'received') as is_base
        from {{ rows }}
    )
    {%- elif list in ('deposits', 'withdrawals') %}
    {%- set kind = list[:-1] %}
    select
        stream, account_id, record_id, wallet,
        '' as leg,
        cast(null as varchar) as event_id,
        cast(null as varchar) as market,
        '{{ kind }}' as entry_type,
        '{{ kind }}' as exchange_entry_type,
        asset, exchange_asset,
        {{ '-' if kind == 'withdrawal' }}amount as amount,
        fee_amount, status, exchange_status,
        coalesce(completed_at, requested_at) as occurred_at,
        origin, receipt_id, loaded_at
    from {{ rows }}
    {%- elif list == 'transfers' %}
    select
        stream, account_id, record_id,
        case part when 'out' then from_wallet else to_wallet end as wallet,
        '/' || part as leg,
        cast(null as varchar) as event_id,
        cast(null as varchar) as market,
        'transfer' as entry_type,
        note as exchange_entry_type,
        asset, exchange_asset,
        case part when 'out' then -amount_sent else amount_received end as amount,
        status, exchange_status,
        sent_at as occurred_at,
        origin, receipt_id, loaded_at
    from (select *, unnest(['out', 'in']) as part from {{ rows }})
    {%- else %}
    {{ exceptions.raise_compiler_error("no movements are derived from a list called '" ~ list ~ "'") }}
    {%- endif %}
{%- endmacro %}
