-- The other source of the missing rows of a stream, if it can still be used. A closed exchange has
-- no site to download from, unless its remedy was recorded after its closing; a file that cannot be
-- imported must be kept.
with specs as (

    select * from {{ ref('int_stream_specs_unioned') }}
    where is_current

),

wordings as (

    select code, text
    from {{ ref('wordings') }}
    where part = 'other_source'

),

coded as (

    select
        exchange,
        stream,
        coalesce(exchange_title, exchange) as title,
        remedy as spec_remedy,
        case when imports_files then '' end as if_imports_files,
        case
            when {{ is_over('specs') }} and lifecycle != 'closed' then 'exchange_closed'
            when not imports_files and is_remedy_a_file then 'keep_file'
            else 'other_source'
        end as other_source_code
    from specs

),

final as (

    select
        coded.exchange,
        coded.stream,
        coded.other_source_code,
        nullif({{ fill_in('wordings.text', ['title', 'spec_remedy', 'if_imports_files']) }}, '')
            as other_source
    from coded
    inner join wordings on coded.other_source_code = wordings.code

)

select * from final
