-- Coins that the exchange changed into others without a row in its ledger, as findings.
with renames as (

    select * from {{ ref('int_matched_renames') }}

),

wordings as (

    select * from {{ ref('wordings') }}

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
        'asset_renamed' as what_code,
        'no_step_for_rename' as remedy_code,
        cast(null as varchar) as explained_by,
        cast(null as varchar) as explanation_code,
        cast(null as varchar) as fix_code,
        {{ words({
            'rename': fill_in('wordings.text', rename_words()),
            'other_coin': 'case when from_asset != to_asset then from_asset end',
        }) }} as words
    from renames
    inner join wordings on wordings.part = 'check_cause' and wordings.code = 'renamed'

)

select * from final
