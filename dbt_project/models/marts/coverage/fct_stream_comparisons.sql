select * from {{ ref('int_stream_comparisons') }}
