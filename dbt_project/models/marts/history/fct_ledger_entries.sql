{{ config(materialized='view') }}

select * from {{ ref('int_ledger_entries') }}
