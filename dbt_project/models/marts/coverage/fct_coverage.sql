select * from {{ ref('int_coverage_spans') }}
