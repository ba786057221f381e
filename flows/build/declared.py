"""Which accounts are declared, and what kept one from being read, put where the models look.

Raw tables of an exchange begin with an account's first successful check: an account that never
had one would be invisible without `raw_user.declared_accounts`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pipelines import registry
from pipelines.config.accounts import declared_accounts
from pipelines.errors import LookbackError
from pipelines.home import Home
from pipelines.extract.progress import known_account

TABLE = """
    create schema if not exists raw_user;
    create table if not exists raw_user.declared_accounts (
        label varchar primary key, exchange varchar, is_declared boolean not null,
        last_error varchar, last_error_at timestamptz, retired_at timestamptz
    )
"""


def record(home: Home, synced: Iterable[str], errors: Mapping[str, str]) -> None:
    """Note every declared account, and what became of those that a run tried to read.

    `errors` are sentences by label, without secrets; labels count without case.
    """
    import duckdb

    declared = {label.lower(): exchange for label, exchange in declared_accounts().items()}
    told = {label.lower(): error for label, error in errors.items()}
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
        for label in {*(label.lower() for label in synced), *told}:
            connection.execute(
                """
                update raw_user.declared_accounts
                set last_error = $2, last_error_at = case when $2 is not null then now() end
                where label = $1
                """,
                [label, told.get(label)],
            )


def retire(home: Home, label: str) -> None:
    """Note that an account which is no longer declared is not to be synced any more."""
    import duckdb

    declared = {name.lower() for name in declared_accounts()}
    if label.lower() in declared:
        raise LookbackError(
            "it is still declared",
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
    """Where an account that older versions synced was."""
    for name in registry.names():
        if known_account(home.warehouse, registry.exchange(name).spec, label):
            return name
    raise LookbackError("no account has or had this label", account=label)
