{#
    The canonical columns of each entity. Every `stg_<exchange>__<entity>` serves exactly these;
    one that lacks a column, or has it in another type, stops the build.
#}
{% macro canonical_columns(entity) -%}
    {%- set shared = {
        'account_id': 'varchar', 'exchange': 'varchar', 'stream': 'varchar',
        'record_id': 'varchar',
    } -%}
    {%- set coin = {
        'wallet': 'varchar', 'asset': 'varchar', 'exchange_asset': 'varchar',
    } -%}
    {%- set status = {'status': 'varchar', 'exchange_status': 'varchar'} -%}
    {%- set source = {
        'origin': 'varchar', 'receipt_id': 'varchar', 'loaded_at': 'timestamptz',
    } -%}
    {%- set movement = {
        'amount': 'decimal(38, 18)', 'fee_amount': 'decimal(38, 18)', 'fee_asset': 'varchar',
        'network': 'varchar', 'address': 'varchar', 'address_tag': 'varchar',
        'tx_hash': 'varchar', 'is_internal': 'boolean',
    } -%}
    {%- set request = {'requested_at': 'timestamptz', 'completed_at': 'timestamptz'} -%}

    {%- set columns = {} -%}
    {%- if entity == 'deposits' -%}
        {%- set parts = [
            {'deposit_id': 'varchar'}, shared, coin, movement, {'from_address': 'varchar'},
            status, request, source,
        ] -%}
    {%- elif entity == 'withdrawals' -%}
        {%- set parts = [
            {'withdrawal_id': 'varchar'}, shared, coin, movement,
            {'received_amount': 'decimal(38, 18)'}, status, request, source,
        ] -%}
    {%- elif entity == 'trades' -%}
        {%- set parts = [
            {'trade_id': 'varchar'}, shared,
            {
                'wallet': 'varchar', 'market': 'varchar', 'product_type': 'varchar',
                'contract_type': 'varchar', 'side': 'varchar', 'base_asset': 'varchar',
                'quote_asset': 'varchar', 'settle_asset': 'varchar',
                'base_quantity': 'decimal(38, 18)', 'quote_quantity': 'decimal(38, 18)',
                'contract_quantity': 'decimal(38, 18)', 'value_amount': 'decimal(38, 18)',
                'price': 'decimal(38, 18)', 'price_reason': 'varchar',
                'fee_amount': 'decimal(38, 18)', 'fee_asset': 'varchar',
                'is_maker': 'boolean', 'is_forced': 'boolean', 'order_id': 'varchar',
                'exchange_type': 'varchar', 'traded_at': 'timestamptz',
            },
            source,
        ] -%}
    {%- elif entity == 'transfers' -%}
        {%- set parts = [
            {'transfer_id': 'varchar'}, shared,
            {
                'from_account_id': 'varchar', 'from_wallet': 'varchar',
                'to_account_id': 'varchar', 'to_wallet': 'varchar', 'counterparty': 'varchar',
                'asset': 'varchar', 'exchange_asset': 'varchar',
                'amount_sent': 'decimal(38, 18)', 'amount_received': 'decimal(38, 18)',
                'method': 'varchar', 'confidence': 'varchar', 'note': 'varchar',
            },
            status,
            {'sent_at': 'timestamptz', 'received_at': 'timestamptz'},
            source,
        ] -%}
    {%- elif entity == 'internal_ids' -%}
        {%- set parts = [
            {
                'leg_id': 'varchar', 'account_id': 'varchar', 'exchange': 'varchar',
                'internal_id': 'varchar',
            },
        ] -%}
    {%- elif entity == 'ledger_entries' -%}
        {%- set parts = [
            {'ledger_entry_id': 'varchar'}, shared, coin,
            {
                'entry_type': 'varchar', 'exchange_entry_type': 'varchar',
                'amount': 'decimal(38, 18)', 'fee_amount': 'decimal(38, 18)',
                'balance_after': 'decimal(38, 18)', 'market': 'varchar', 'event_id': 'varchar',
                'note': 'varchar', 'accounting_regime': 'varchar',
            },
            status, {'occurred_at': 'timestamptz'}, source,
        ] -%}
    {%- elif entity == 'balances' -%}
        {%- set parts = [
            shared,
            {
                'receipt_id': 'varchar', 'wallet': 'varchar', 'exchange_asset': 'varchar',
                'amount': 'decimal(38, 18)', 'taken_at': 'timestamptz', 'origin': 'varchar',
            },
        ] -%}
    {%- elif entity == 'assets' -%}
        {%- set parts = [
            {
                'exchange': 'varchar', 'exchange_asset': 'varchar', 'major_code': 'varchar',
                'unit_scale': 'integer', 'asset_name': 'varchar', 'evidence': 'varchar',
            },
        ] -%}
    {%- else -%}
        {{ exceptions.raise_compiler_error("no canonical entity is called '" ~ entity ~ "'") }}
    {%- endif -%}
    {%- for part in parts -%}
        {%- do columns.update(part) -%}
    {%- endfor -%}
    {{ return(columns) }}
{%- endmacro %}

{#
    A column of an entity as all exchanges have it. What names no coin, or no amount that can be
    told exactly, is no movement that can be added up, whatever its state: it is kept as it is, and
    named where words are that nobody knows. What does not say when counts from when it was stored.
#}
{% macro canonical_column(entity, column) -%}
    {%- set amount = {
        'deposits': 'amount', 'withdrawals': 'amount', 'ledger_entries': 'amount',
        'transfers': 'coalesce(amount_sent, amount_received)',
    }.get(entity) -%}
    {%- if amount and column == 'asset' -%}
        coalesce(asset, 'UNKNOWN') as asset
    {%- elif entity == 'trades' and column == 'market' -%}
        coalesce(market, 'UNKNOWN') as market
    {%- elif entity == 'trades' and column == 'product_type' -%}
        case when market is null then 'unclassified' else product_type end as product_type
    {%- elif amount == 'amount' and column == 'amount' -%}
        coalesce(amount, 0) as amount
    {%- elif entity == 'ledger_entries' and column == 'fee_amount' -%}
        coalesce(fee_amount, 0) as fee_amount
    {%- elif column in ('requested_at', 'traded_at', 'occurred_at') -%}
        coalesce({{ column }}, loaded_at) as {{ column }}
    {%- elif amount and column == 'status' -%}
        case when asset is null or {{ amount }} is null then 'unclassified' else status end as status
    {%- else -%}
        {{ column }}
    {%- endif -%}
{%- endmacro %}

{# `stg_<exchange>__<entity>` of every exchange that serves the entity, one under the other. #}
{% macro union_exchanges(entity) -%}
    {%- for exchange in var('entities')[entity] %}
    select
        {%- for column, type in canonical_columns(entity).items() %}
        {{ canonical_column(entity, column) }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ ref('stg_' ~ exchange ~ '__' ~ entity) }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{# The id of a canonical row: where it came from, readable, and the same in every build. #}
{% macro canonical_id(stream, record_id='record_id', account_id='account_id') -%}
    concat({{ account_id }}, '/{{ stream }}/', {{ record_id }})
{%- endmacro %}
