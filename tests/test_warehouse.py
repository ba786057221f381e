"""A warehouse that an older version of the program made gets what the present one needs."""

from __future__ import annotations

from dataclasses import replace

import duckdb
import pytest

from pipelines.home import Home
from pipelines.load import source, tables
from pipelines.load.tables import AUXILIARY, STREAM_SPECS
from pipelines.load.warehouse import prepare_warehouse


def columns(home: Home) -> set[str]:
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        rows = connection.execute(
            "select column_name from information_schema.columns "
            "where table_schema = 'raw_bitget' and table_name = 'stream_specs'"
        ).fetchall()
    return {name for (name,) in rows}


def test_a_column_that_came_later_is_added_to_tables_that_are_there(private_home: Home):
    names = [name for name in STREAM_SPECS.schema.names if name != "account_kinds"]
    older = replace(
        STREAM_SPECS, schema=tables.pa.schema([STREAM_SPECS.schema.field(n) for n in names])
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source, "STREAM_SPECS", older)
        others = tuple(older if t is STREAM_SPECS else t for t in AUXILIARY)
        patch.setattr(source, "AUXILIARY", others)
        prepare_warehouse(private_home)
    assert "account_kinds" not in columns(private_home)
    prepare_warehouse(private_home)
    assert "account_kinds" in columns(private_home)
