{#-
    The exchange's own figures reconciled with ours. `expected` is what the exchange says, `computed`
    what the stored ledger comes to, `residual` the first less the second: positive where the
    account holds more than our rows explain. What each kind proves: the docs block
    `balance_check_kind`. Each kind is a model of intermediate/checks.
-#}
{%- set kinds = [
    'chain', 'opening', 'sum', 'snapshot', 'account_total', 'snapshot_change', 'total', 'position',
] -%}
with all_checks as (

    {% for kind in kinds -%}
    select * from {{ ref('int_' ~ kind ~ '_checks') }}
    {{ 'union all by name' if not loop.last }}
    {% endfor %}
),

renamed as (

    {{ renamed_differences() }}

),

explained as (

    select
        all_checks.* exclude (cause_code, words, severity),
        renamed.rename_id,
        case when renamed.rename_id is not null then 'info' else severity end as severity,
        case when renamed.rename_id is not null then 'renamed' else cause_code end as cause_code,
        coalesce(renamed.words, all_checks.words) as words
    from all_checks
    left join renamed using (account_id, wallet, asset, net_residual)

),

wordings as (

    select code, text
    from {{ ref('wordings') }}
    where part = 'check_cause'

),

final as (

    select
        -- keys
        md5(concat_ws('|',
            kind, account_id, wallet, exchange_asset, detail,
            case when kind in ('balance_chain', 'snapshot_change') and break_count > 0
                then epoch_us(checked_at) end
        )) as check_id,
        account_id,
        exchange,
        wallet,
        asset,
        exchange_asset,

        -- what was checked
        kind,
        detail,
        since_at,
        checked_at,
        cast(row_count as bigint) as row_count,

        -- what came of it
        cast(expected as decimal(38, 18)) as expected,
        cast(computed as decimal(38, 18)) as computed,
        cast(expected - computed as decimal(38, 18)) as residual,
        cast(net_residual as decimal(38, 18)) as net_residual,
        break_count = 0 as is_ok,
        cast(break_count as bigint) as break_count,
        severity,
        cause_code,
        {{ fill_in('wordings.text', 'words') }} as likely_cause,
        record_id,
        rename_id
    from explained
    left join wordings on explained.cause_code = wordings.code

)

select * from final
