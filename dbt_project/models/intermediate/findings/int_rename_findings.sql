-- Coins that the exchange changed into others without a row in its ledger, as findings.
with renames as (

    select * from {{ ref('int_matched_renames') }}

),

final as (

    select
        {{ finding_id('asset_renamed', ['rename_id']) }} as finding_id,
        'asset_renamed' as kind,
        'info' as severity,
        account_id,
        exchange,
        cast(null as varchar) as stream,
        wallet,
        from_asset as asset,
        changed_from as span_start,
        changed_until as span_end,
        from_amount as size,
        rename_id as evidence_id,
        'rename' as evidence_kind,
        concat(
            {{ rename_text() }},
            case when from_asset != to_asset then concat(
                ' What is called ', from_asset, ' afterwards is another coin.'
            ) end
        ) as what,
        'nothing to do for the balances; tax tools take such a change as a swap without a sale'
            as remedy,
        cast(null as varchar) as explained_by,
        cast(null as varchar) as explanation,
        cast(null as varchar) as fixed_by
    from renames

)

select * from final
