"""Store the declared accounts and their last errors in `raw_user.declared_accounts`.

The raw tables of an exchange have an account only after its first successful check. Without this
table, the models could not report an account that never had one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pipelines import registry
from pipelines.config.accounts import declared_accounts
from pipelines.errors import LookbackError
from pipelines.extract.progress import known_account
from pipelines.home import Home

TABLE = """
    create schema if not exists raw_user;
    create table if not exists raw_user.declared_accounts (
        label varchar primary key, exchange varchar, is_declared boolean not null,
        last_error varchar, last_error_at timestamptz, retired_at timestamptz
    )
"""


def record(home: Home, synced: Iterable[str], errors: Mapping[str, str]) -> None:
    """Store every declared account, and the errors of the accounts that a run tried to read.

    `errors` are sentences by label, without secrets; labels are compared without case.
    """
    import duckdb

    declared = {label.lower(): exchange for label, exchange in declared_accounts().items()}
    reported = {label.lower(): error for label, error in errors.items()}
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute(TABLE)
        connection.execute("update raw_user.declared_accounts set is_declared = false")
        for label, exchange in declared.items():
            connection.execute(
                """
                insert into raw_user.declared_accounts (label, exchange, is_declared)
                values (?, ?, true)
                on conflict (label) do update
                set exchange = excluded.exchange, is_declared = true, retired_at = null
                """,
                [label, exchange],
            )
        for label in {*(label.lower() for label in synced), *reported}:
            connection.execute(
                """
                update raw_user.declared_accounts
                set last_error = $2, last_error_at = case when $2 is not null then now() end
                where label = $1
                """,
                [label, reported.get(label)],
            )


def retire(home: Home, label: str) -> None:
    """Store that an account is retired: it is no longer declared and will not be synced."""
    import duckdb

    declared = {name.lower() for name in declared_accounts()}
    if label.lower() in declared:
        raise LookbackError(
            "the account is still declared",
            account=label,
            remedy=f"remove [accounts.{label}] from .dlt/config.toml and .dlt/secrets.toml first",
        )
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute(TABLE)
        noted = connection.execute(
            "select exchange from raw_user.declared_accounts where label = lower(?)", [label]
        ).fetchone()
    exchange = noted[0] if noted else _exchange_of(home, label)
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute(
            """
            insert into raw_user.declared_accounts (label, exchange, is_declared, retired_at)
            values (lower(?), ?, false, now())
            on conflict (label) do update set is_declared = false, retired_at = now()
            """,
            [label, exchange],
        )


def _exchange_of(home: Home, label: str) -> str:
    """The exchange of an account that an older version synced."""
    for name in registry.names():
        if known_account(home.warehouse, registry.exchange(name).spec, label):
            return name
    raise LookbackError("no account has or had this label", account=label)
