{#
    Amounts whose text could not be typed as decimal(38, 18) without losing a digit, or is no number.
    Nothing is rounded: such a value is null, and a row of a mart that needs it is kept outside the
    sums. A warning: one record must not stop the rows of all accounts. `int_inexact_amounts` lists
    the numbers for the user.
#}
{% test amounts_are_exact(model, asset) %}
    {{ config(severity='warn') }}

    select
        concat_ws(' ', {{ asset }}, unreadable_amounts, '(' || account_id, record_id || ')') as what
    from {{ model }}
    where unreadable_amounts is not null
{% endtest %}
