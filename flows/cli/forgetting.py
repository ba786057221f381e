"""Delete the history of an account, and prove that nothing is left."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

from flows.build import dbt, publish
from flows.build.backup import restore_if_lost
from flows.runtime import lock, watch
from pipelines import registry
from pipelines.config.accounts import SETTINGS
from pipelines.config.edit import remove_account, settings_lock
from pipelines.errors import LookbackError
from pipelines.extract.progress import known_account
from pipelines.home import Home
from pipelines.load.pipeline import pipeline_name


@dataclass
class Forgotten:
    """What was deleted, what was searched, and which copies the user has to delete."""

    deleted: int = 0
    searched: int = 0
    copies: tuple[Path, ...] = ()


def account_id_of(label: str, place: Home) -> str:
    """The account whose history has this label. Raises LookbackError if none has."""
    for name in registry.names():
        if found := known_account(place.warehouse, registry.exchange(name).spec, label):
            return found.account_id
    raise LookbackError(
        "no history has this label",
        account=label,
        remedy="to remove its key, run `lookback accounts disconnect`",
    )


def forget(label: str, account_id: str, place: Home) -> Forgotten:
    """Remove the account from the settings and from the warehouse; build and publish the rest.

    Raises LookbackError if a row is left.
    """
    done = Forgotten()
    with lock.run_lock(place, "forget"):
        restore_if_lost(place)
        with settings_lock(place):
            for name in SETTINGS:
                remove_account(place.settings / name, label)
        watch.tell_stage("deleting the history")
        with duckdb.connect(str(place.warehouse)) as connection:
            for table, condition in _rows_of(connection, label, raw_only=True):
                values = [account_id if "account_id" in condition else label]
                found = connection.execute(f"delete from {table} where {condition}", values)
                done.deleted += int((found.fetchone() or (0,))[0])
        shutil.rmtree(place.dlt_state / pipeline_name(account_id), ignore_errors=True)
        dbt.forget_build(place)
        watch.tell_stage("building and testing the models")
        dbt.build(place)
        _rewrite(place.warehouse)
        watch.tell_stage("publishing")
        place.published.unlink(missing_ok=True)  # it has receipts that are now deleted
        publish.publish(place)
        done.searched = sum(
            _require_gone(file, label, account_id) for file in (place.warehouse, place.published)
        )
    backups = place.data / "backups"
    done.copies = tuple(sorted(backups.glob("*"))) if backups.is_dir() else ()
    return done


def _rows_of(
    connection: duckdb.DuckDBPyConnection, label: str, *, raw_only: bool
) -> Iterator[tuple[str, str]]:
    """(table, condition with one parameter) for each table that can have rows of an account."""
    rows = connection.execute(
        """
        select schema_name, table_name, column_name
        from duckdb_columns() inner join duckdb_tables() using (schema_name, table_name)
        where column_name in ('account_id', 'label')
        order by all
        """
    ).fetchall()
    for schema, table, column in rows:
        is_raw = str(schema).startswith("raw_")
        if raw_only and not is_raw:
            continue
        has_account_id = (schema, table, "account_id") in rows
        if column == "account_id":
            yield f'"{schema}"."{table}"', "account_id = ?"
        elif not has_account_id:
            yield f'"{schema}"."{table}"', "lower(label) = lower(?)"


def _require_gone(file: Path, label: str, account_id: str) -> int:
    """The number of tables searched. Raises LookbackError if one has a row of the account."""
    count = 0
    with duckdb.connect(str(file), read_only=True) as connection:
        for table, condition in list(_rows_of(connection, label, raw_only=False)):
            value = account_id if "account_id" in condition else label
            found = connection.execute(f"select count(*) from {table} where {condition}", [value])
            if (found.fetchone() or (0,))[0]:
                raise LookbackError(
                    f"{file.name} still has rows in {table}", account=label, remedy="report this"
                )
            count += 1
    return count


def _rewrite(warehouse: Path) -> None:
    """Copy the database into a new file: deleted rows stay in the free blocks of the old one."""
    copy = warehouse.with_name(f".{warehouse.name}.rewritten")
    copy.unlink(missing_ok=True)
    with duckdb.connect() as connection:
        quoted = [str(path).replace("'", "''") for path in (warehouse, copy)]
        connection.execute(f"attach '{quoted[0]}' as old (read_only)")
        connection.execute(f"attach '{quoted[1]}' as new")
        connection.execute("copy from database old to new")
    copy.chmod(0o600)
    copy.replace(warehouse)
