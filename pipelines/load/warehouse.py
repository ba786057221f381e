"""The raw tables of every exchange, which exist before anything is loaded into them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import duckdb

from pipelines import registry
from pipelines.home import Home
from pipelines.load.pipeline import load_source, pipeline_name, pipeline_named
from pipelines.load.source import empty_tables
from pipelines.load.tables import all_tables
from pipelines.spec import ExchangeSpec


def prepare_warehouse(home: Home) -> None:
    """Give every exchange its raw tables, empty where nothing was loaded yet.

    Tables of an older version, which lack a column that models read, get it.
    """
    for name in registry.names():
        exchange = registry.exchange(name)
        if not _has_tables(home.warehouse, exchange.spec):
            pipeline = pipeline_named(home, exchange.spec, f"{pipeline_name(name)}_tables")
            load_source(pipeline, empty_tables(exchange, datetime.now(UTC)))


def _has_tables(warehouse: Path, spec: ExchangeSpec) -> bool:
    if not warehouse.exists():
        return False
    wanted = {(table.name, column) for table in all_tables(spec) for column in table.schema.names}
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        rows = connection.execute(
            "select table_name, column_name from information_schema.columns "
            "where table_schema = ?",
            [f"raw_{spec.name}"],
        ).fetchall()
    return wanted <= set(rows)
