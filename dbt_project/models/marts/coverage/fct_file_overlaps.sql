select * from {{ ref('int_file_overlaps') }}
