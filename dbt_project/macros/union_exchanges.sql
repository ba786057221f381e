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
    {%- elif entity == 'conversions' -%}
        {%- set parts = [
            {'conversion_id': 'varchar'}, shared,
            {
                'paid_record_id': 'varchar', 'wallet': 'varchar', 'from_asset': 'varchar',
                'from_amount': 'decimal(38, 18)', 'to_asset': 'varchar',
                'to_amount': 'decimal(38, 18)', 'price': 'decimal(38, 18)',
                'fee_amount': 'decimal(38, 18)', 'fee_asset': 'varchar',
                'detail_stream': 'varchar', 'detail_record_id': 'varchar',
                'converted_at': 'timestamptz',
            },
            source,
        ] -%}
    {%- elif entity == 'superseded' -%}
        {%- set parts = [{'entity': 'varchar', 'row_id': 'varchar'}] -%}
    {%- elif entity == 'stream_movements' -%}
        {%- set parts = [
            shared,
            {
                'part': 'varchar', 'asset': 'varchar', 'exchange_asset': 'varchar',
                'amount': 'decimal(38, 18)', 'occurred_at': 'timestamptz',
            },
        ] -%}
    {%- elif entity == 'position_checks' -%}
        {%- set parts = [
            {
                'account_id': 'varchar', 'exchange': 'varchar', 'stream': 'varchar',
                'symbol': 'varchar', 'currency': 'varchar', 'expected': 'decimal(38, 18)',
                'computed': 'decimal(38, 18)', 'execution_count': 'bigint',
                'checked_at': 'timestamptz',
            },
        ] -%}
    {%- elif entity == 'settlement_checks' -%}
        {%- set parts = [
            shared,
            {
                'market': 'varchar', 'contracts': 'decimal(38, 18)',
                'missing_from': 'timestamptz', 'settled_at': 'timestamptz',
            },
        ] -%}
    {%- elif entity == 'wallet_summary_checks' -%}
        {%- set parts = [
            {
                'account_id': 'varchar', 'exchange': 'varchar', 'stream': 'varchar',
                'wallet': 'varchar', 'asset': 'varchar', 'exchange_asset': 'varchar', 'detail': 'varchar',
                'expected': 'decimal(38, 18)', 'computed': 'decimal(38, 18)',
                'checked_at': 'timestamptz',
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

{# Columns of an entity that the exchange never states. #}
{% macro not_stated(entity, columns) -%}
    {%- for column in columns -%}
        cast(null as {{ canonical_columns(entity)[column] }}) as {{ column }}{{ ', ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{#
    What a row of an entity must state to be a fact: when, and how much where it moves something.
    A row that lacks one is in `int_unreadable_rows` instead, and gets no value that no source gave.
#}
{% macro stated_time(entity) -%}
    {{ return({
        'deposits': 'coalesce(requested_at, completed_at)',
        'withdrawals': 'coalesce(requested_at, completed_at)',
        'trades': 'traded_at',
        'transfers': 'coalesce(sent_at, received_at)',
        'ledger_entries': 'occurred_at',
    }.get(entity)) }}
{%- endmacro %}

{% macro stated_amount(entity) -%}
    {{ return({
        'deposits': 'amount', 'withdrawals': 'amount', 'ledger_entries': 'amount',
        'transfers': 'coalesce(amount_sent, amount_received)',
    }.get(entity)) }}
{%- endmacro %}

{#
    A column of an entity, the same for all exchanges. A row without a coin cannot be summed, in any
    status: it is kept as unclassified.
#}
{% macro canonical_column(entity, column) -%}
    {%- set amount = stated_amount(entity) -%}
    {%- if amount and column == 'asset' -%}
        coalesce(asset, 'UNKNOWN') as asset
    {%- elif entity == 'trades' and column == 'market' -%}
        coalesce(market, 'UNKNOWN') as market
    {%- elif entity == 'trades' and column == 'product_type' -%}
        case when market is null then 'unclassified' else product_type end as product_type
    {%- elif entity == 'ledger_entries' and column == 'fee_amount' -%}
        coalesce(fee_amount, 0) as fee_amount
    {%- elif column == 'requested_at' -%}
        {{ stated_time(entity) }} as requested_at
    {%- elif amount and column == 'status' -%}
        case when asset is null then 'unclassified' else status end as status
    {%- else -%}
        {{ column }}
    {%- endif -%}
{%- endmacro %}

{#
    `stg_<exchange>__<entity>` of every exchange in use that serves the entity, one under the other,
    less the rows that do not state when or how much. Checks, which read what is known of all
    exchanges, are called `int_<exchange>__<entity>`.
#}
{% macro union_exchanges(entity) -%}
    {%- set layer = 'int' if entity.endswith('_checks') else 'stg' -%}
    {%- set stated = [stated_time(entity), stated_amount(entity)] | select | list -%}
    {%- for exchange in exchanges_in_use(entity) %}
    select
        {%- for column, type in canonical_columns(entity).items() %}
        {{ canonical_column(entity, column) }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ ref(layer ~ '_' ~ exchange ~ '__' ~ entity) }}
    {%- for value in stated %}
    {{ 'and' if loop.index > 1 else 'where' }} {{ value }} is not null
    {%- endfor %}
    {{ 'union all' if not loop.last }}
    {%- else %}
    select
        {%- for column, type in canonical_columns(entity).items() %}
        cast(null as {{ type }}) as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    where false
    {%- endfor %}
{%- endmacro %}

{#
    The exchanges in use, or those of them that serve an entity: the variable `exchanges` less those
    that LOOKBACK_UNUSED_EXCHANGES names, whose folders are disabled (see dbt_project.yml).
#}
{% macro exchanges_in_use(entity=none) -%}
    {%- set unused = env_var('LOOKBACK_UNUSED_EXCHANGES', '').split(',') -%}
    {%- set found = [] -%}
    {%- for exchange, entities in var('exchanges').items() -%}
        {%- if exchange not in unused and (entity is none or entity in entities) -%}
            {%- do found.append(exchange) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}

{#
    The rows that `union_exchanges` leaves out, of all entities, and those of lists of conversions that
    name no coin, amount or time, with the value that each lacks.
#}
{% macro unreadable_rows() -%}
    {%- set selects = [] -%}
    {%- for entity in ['deposits', 'withdrawals', 'trades', 'transfers', 'ledger_entries'] -%}
        {%- set amount = stated_amount(entity) or 'true' -%}
        {%- for exchange in exchanges_in_use(entity) -%}
            {%- set select %}
    select
        account_id,
        exchange,
        stream,
        record_id,
        receipt_id,
        '{{ entity }}' as entity,
        unnest(list_concat(
            if({{ stated_time(entity) }} is null, ['time'], []),
            if({{ amount }} is null, ['amount'], [])
        )) as field,
        {{ stated_time(entity) }} as occurred_at
    from {{ ref('stg_' ~ exchange ~ '__' ~ entity) }}
    where {{ stated_time(entity) }} is null or {{ amount }} is null
            {%- endset -%}
            {%- do selects.append(select) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- for exchange in exchanges_in_use('listed_conversions') -%}
        {%- set select %}
    select
        account_id,
        '{{ exchange }}' as exchange,
        stream,
        record_id,
        receipt_id,
        'conversions' as entity,
        case when converted_at is null then 'time' else 'amount' end as field,
        converted_at as occurred_at
    from {{ ref('stg_' ~ exchange ~ '__listed_conversions') }}
    where coalesce(from_coin, '') = '' or coalesce(to_coin, '') = ''
        or from_amount is null or to_amount is null or converted_at is null
        {%- endset -%}
        {%- do selects.append(select) -%}
    {%- endfor -%}
    {{ selects | join('\n\n    union all\n') }}
{%- endmacro %}

{# The id of a canonical row: where it came from, readable, and the same in every build. #}
{% macro canonical_id(stream, record_id='record_id', account_id='account_id') -%}
    concat({{ account_id }}, '/{{ stream }}/', {{ record_id }})
{%- endmacro %}
