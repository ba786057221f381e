-- Numbers of more digits than are held, as findings. Where a row of a mart lacks an amount for it,
-- its sums leave that row out; elsewhere nothing depends on the number.
with inexact as (

    select * from {{ ref('int_inexact_amounts') }}

),

-- Rows that a mart keeps outside its sums, or without a quantity.
left_out as (

    select account_id, stream, record_id from {{ ref('int_unreadable_rows') }}
    where field = 'amount'

    union

    select account_id, stream, record_id from {{ ref('int_ledger_entries') }}
    where status = 'unclassified'

    union

    select account_id, stream, record_id from {{ ref('int_deposits_unioned') }}
    where status = 'unclassified'

    union

    select account_id, stream, record_id from {{ ref('int_withdrawals_unioned') }}
    where status = 'unclassified'

    union

    select account_id, stream, record_id from {{ ref('int_transfers_united') }}
    where status = 'unclassified'

    union

    select account_id, stream, record_id from {{ ref('int_trades') }}
    where
        fee_amount is null
        or value_amount is null
        or (price is null and price_reason is null)
        or coalesce(base_quantity, contract_quantity) is null

),

counted as (

    select
        inexact.account_id,
        inexact.exchange,
        inexact.stream,
        inexact.field,
        left_out.record_id is not null as is_left_out,
        count(distinct inexact.record_id) as record_count,
        min(inexact.record_id) as first_record_id,
        arg_min(left(inexact.value, 60), inexact.record_id) as example,
        min(inexact.occurred_at) as first_at,
        max(inexact.occurred_at) as last_at
    from inexact
    left join left_out
        on
            inexact.account_id = left_out.account_id
            and inexact.stream = left_out.stream
            and inexact.record_id = left_out.record_id
    group by all

),

final as (

    select
        {{ finding_id('unreadable_value', [
            "'digits'", 'account_id', 'stream', 'field', 'first_record_id', 'record_count'
        ]) }} as finding_id,
        'unreadable_value' as kind,
        case when is_left_out then 'critical' else 'info' end as severity,
        account_id,
        exchange,
        stream,
        cast(null as varchar) as wallet,
        cast(null as varchar) as asset,
        first_at as span_start,
        last_at as span_end,
        cast(record_count as decimal(38, 18)) as size,
        first_record_id as evidence_id,
        'record' as evidence_kind,
        case when is_left_out then 'digits_left_out' else 'digits_unused' end as what_code,
        case when is_left_out then 'report_record' else 'record_is_stored' end as remedy_code,
        cast(null as varchar) as explained_by,
        cast(null as varchar) as explanation_code,
        cast(null as varchar) as fix_code,
        {{ words({
            'records': say_count('record_count', 'record'), 'field': 'field', 'example': 'example',
            'first_record_id': 'first_record_id',
        }) }} as words
    from counted

)

select * from final
