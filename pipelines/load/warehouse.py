"""The raw tables of the exchanges, which exist before anything is loaded into them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from pipelines import registry
from pipelines.config.accounts import readable_accounts
from pipelines.home import Home
from pipelines.load.pipeline import load_source, pipeline_name, pipeline_named
from pipelines.load.source import empty_tables
from pipelines.load.tables import all_tables

Columns = set[tuple[str, str, str]]
"""(schema, table, column)."""


def prepare_warehouse(home: Home, exchanges: Iterable[str] = ()) -> None:
    """Give `exchanges`, or all, their raw tables, empty where nothing was loaded yet.

    Tables of an older version, which lack a column that models read, get it.
    """
    present = _columns(home.warehouse)
    for name in set(exchanges) or registry.names():
        exchange = registry.exchange(name)
        wanted: Columns = {
            (f"raw_{name}", table.name, column)
            for table in all_tables(exchange.spec)
            for column in table.schema.names
        }
        if not wanted <= present:
            pipeline = pipeline_named(home, exchange.spec, f"{pipeline_name(name)}_tables")
            load_source(pipeline, empty_tables(exchange, datetime.now(UTC)), all_tables=True)


def exchanges_in_use(home: Home) -> set[str]:
    """The exchanges with a declared account or with stored receipts."""
    accounts, _ = readable_accounts()
    return {account.exchange for account in accounts} | _stored_exchanges(home.warehouse)


def _stored_exchanges(warehouse: Path) -> set[str]:
    if not warehouse.exists():
        return set()
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        schemas = connection.execute(
            "select schema_name from duckdb_tables() where table_name = 'receipts'"
        ).fetchall()
        return {
            name
            for name in registry.names()
            if (f"raw_{name}",) in schemas
            and connection.execute(f"select 1 from raw_{name}.receipts limit 1").fetchall()
        }


def _columns(warehouse: Path) -> Columns:
    if not warehouse.exists():
        return set()
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return set(
            connection.execute(
                "select schema_name, table_name, column_name from duckdb_columns()"
            ).fetchall()
        )
