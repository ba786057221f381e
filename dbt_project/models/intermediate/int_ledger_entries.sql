{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='ledger_entry_id',
        on_schema_change='fail',
        post_hook=[
            "{{ delete_superseded('int_superseded_ledger_entries', 'ledger_entry_id') }}",
            "{{ delete_gone('ledger_entries', 'ledger_entry_id') }}"
        ]
    )
}}

with ledger_entries as (

    select * from {{ ref('int_ledger_entries_unioned') }}
    {{ only_new_rows() }}

    {{ and_changed_rows('ledger_entries') }}

),

final as (

    select
        *,
        {{ utc_day('occurred_at') }} as occurred_on
    from ledger_entries

)

select * from final
