{#
    From when to when each stream could serve each account, for streams that exist for some kinds of
    account only, and for those that are no longer read. `checks` and `specs` are CTEs: the kind that
    an account had at each check, and current limits. A file states no kind.

    One row an account and stream. Streams without such a limit, and accounts of unknown kind,
    have none. `is_served`: whether the account was ever of the right kind. `served_after`:
    the last check that found another kind before the first right one, `served_from`; both null
    where the account was never seen to be another. `served_until`: the last right check, where a
    later one found another kind, or the last one before the stream ended; null where it goes on.
#}
{% macro stream_lives(checks, specs) -%}
    select
        account_id,
        stream,
        any_value(first_right_at) is not null as is_served,
        max(checked_at) filter (where checked_at < first_right_at) as served_after,
        any_value(first_right_at) filter (
            where is_changed_into
        ) as served_from,
        any_value(last_right_at) filter (where checked_at > last_right_at or is_ended) as served_until
    from (
        select
            *,
            min(checked_at) filter (where is_right) over account_and_stream as first_right_at,
            max(checked_at) filter (where is_right) over account_and_stream as last_right_at,
            min(checked_at) over account_and_stream < min(checked_at) filter (where is_right)
                over account_and_stream as is_changed_into
        from (
            select
                checks.account_id,
                specs.stream,
                checks.checked_at,
                specs.ended_at is not null as is_ended,
                (
                    coalesce(specs.account_kinds, '[]') not like '["%'
                    or checks.account_kind is null
                    or list_contains(
                        from_json(specs.account_kinds, '["VARCHAR"]'), checks.account_kind
                    )
                )
                and coalesce(checks.checked_at < specs.ended_at, true) as is_right
            from {{ checks }} as checks
            inner join {{ specs }} as specs on checks.exchange = specs.exchange
            where
                (
                    checks.account_kind is not null
                    and checks.origin is distinct from 'file'
                    and specs.account_kinds like '["%'
                )
                or specs.ended_at is not null
        )
        window account_and_stream as (partition by account_id, stream)
    )
    group by account_id, stream
{%- endmacro %}
