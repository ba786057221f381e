select * from {{ ref('int_gaps') }}
