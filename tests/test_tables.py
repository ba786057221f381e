"""The auxiliary raw tables: the limits in force, and tables of older versions."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import duckdb
import pytest

from pipelines import registry
from pipelines.home import Home
from pipelines.load.tables import STREAM_SPECS, spec_rows
from pipelines.load.warehouse import prepare_warehouse

NOW = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.mark.parametrize("name", registry.names())
def test_limits_hold_still_and_fit_their_table(name: str) -> None:
    rows = spec_rows(registry.exchange(name).spec, NOW)
    again = spec_rows(registry.exchange(name).spec, datetime(2027, 1, 1, tzinfo=UTC))
    assert [row["spec_hash"] for row in rows] == [row["spec_hash"] for row in again]
    assert len({(row["stream"], row["spec_hash"]) for row in rows}) == len(rows)
    assert {name for row in rows for name in row} <= set(STREAM_SPECS.schema.names)
    assert STREAM_SPECS.rows(rows).num_rows == len(rows)
    assert all(row["reason"] for row in rows if row["kind"] in ("probe", "left_out"))


def test_a_changed_limit_makes_a_version_of_all() -> None:
    """So a stream that is dropped leaves a trace: the newest version does not name it."""
    spec = registry.exchange("bitget").spec
    dropped, *left = spec.streams
    before, after = spec_rows(spec, NOW), spec_rows(replace(spec, streams=tuple(left)), NOW)
    for rows in (before, after):
        assert len({row["version_hash"] for row in rows}) == 1
    assert {row["stream"] for row in before} - {row["stream"] for row in after} == {dropped.name}
    assert not {row["spec_hash"] for row in before} & {row["spec_hash"] for row in after}


def test_older_tables_get_missing_columns(
    private_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = registry.names()[0]
    monkeypatch.setattr(registry, "names", lambda: (name,))
    older = replace(
        STREAM_SPECS, schema=STREAM_SPECS.schema.remove(STREAM_SPECS.schema.names.index("reason"))
    )
    with monkeypatch.context() as before:
        before.setattr("pipelines.load.source.STREAM_SPECS", older)
        before.setattr("pipelines.load.tables.AUXILIARY", ())
        prepare_warehouse(private_home)
    assert "reason" not in columns(private_home, name)
    prepare_warehouse(private_home)
    assert set(STREAM_SPECS.schema.names) <= columns(private_home, name)


def columns(home: Home, name: str) -> set[str]:
    """The columns of the exchange's table of limits."""
    with duckdb.connect(str(home.warehouse)) as warehouse:
        found = warehouse.execute(f"describe raw_{name}.stream_specs").fetchall()
    return {column for column, *_ in found}
