{#
    Every amount that was there could be typed as decimal(38, 18) without losing a digit. A row
    here names the record, the field and its text: the type is too small for that asset.
#}
{% test amounts_are_exact(model) %}
    select
        account_id,
        record_id,
        unreadable_amounts
    from {{ model }}
    where unreadable_amounts is not null
{% endtest %}
