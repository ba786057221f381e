select * from {{ ref('int_balance_checks') }}
