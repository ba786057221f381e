{#
    Every amount that was there could be typed as decimal(38, 18) without losing a digit. Fails
    with the asset, the field and its text: the type is too small for that asset, or it is no
    number. Nothing is ever rounded to make it fit.
#}
{% test amounts_are_exact(model, asset) %}
    with unreadable as (

        select
            concat_ws(' ', {{ asset }}, unreadable_amounts, '(' || account_id, record_id || ')')
                as what
        from {{ model }}
        where unreadable_amounts is not null

    )

    -- A failing test shows no rows, so the error itself says what they are.
    select count(*) as unreadable_rows
    from unreadable
    having error(
        'inexact: ' || string_agg(what, '; ' order by what) || ': ' || count(*)
        || ' records of {{ model.identifier }} have amounts that decimal(38, 18) cannot hold'
    ) is null and count(*) > 0
{% endtest %}
