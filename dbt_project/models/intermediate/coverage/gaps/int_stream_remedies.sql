-- The other source of the missing rows of a stream, if it can still be used. A closed exchange has
-- no site to download from, unless its remedy was recorded after its closing. A file of the site is
-- imported by its header, or with a mapping of its columns.
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
        case
            when {{ is_over('specs') }} and lifecycle != 'closed' then 'exchange_closed'
            when is_remedy_a_file and site_format is not null then 'import_file'
            when is_remedy_a_file then 'map_file'
            else 'other_source'
        end as other_source_code
    from specs

),

final as (

    select
        coded.exchange,
        coded.stream,
        coded.other_source_code,
        nullif({{ fill_in('wordings.text', ['title', 'spec_remedy', 'exchange', 'stream']) }}, '')
            as other_source
    from coded
    inner join wordings on coded.other_source_code = wordings.code

)

select * from final
