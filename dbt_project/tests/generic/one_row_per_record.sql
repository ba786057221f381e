{# A base model has one row for each record of an account. #}
{% test one_row_per_record(model) %}
    select
        account_id,
        record_id,
        count(*) as row_count
    from {{ model }}
    group by account_id, record_id
    having count(*) > 1 or account_id is null or record_id is null
{% endtest %}
