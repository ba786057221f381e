"""A build leaves out only nodes whose raw tables have the same mark as before."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import duckdb

from flows.build import selection
from pipelines.home import Home


def node(name: str, *parents: str, kind: str = "model", materialized: str = "table") -> Any:
    return SimpleNamespace(
        name=name,
        resource_type=kind,
        schema="built",
        alias=name,
        depends_on=SimpleNamespace(nodes=list(parents)),
        config=SimpleNamespace(materialized=materialized),
    )


NODES = {
    "seed": node("seed", kind="seed"),
    "base_x__fills": node("base_x__fills", "fills", "receipts"),
    "base_x__orders": node("base_x__orders", "orders", "receipts"),
    "stg_fills": node("stg_fills", "base_x__fills", "seed", materialized="view"),
    "stg_orders": node("stg_orders", "base_x__orders", materialized="view"),
    "fct_fills": node("fct_fills", "stg_fills"),
    "fct_orders": node("fct_orders", "stg_orders"),
    "fct_coverage": node("fct_coverage", "receipts"),
    "unique_stg_fills": node("unique_stg_fills", "stg_fills", kind="test"),
    "unique_stg_orders": node("unique_stg_orders", "stg_orders", kind="test"),
    "fills_have_orders": node("fills_have_orders", "fct_fills", "fct_orders", kind="test"),
}
SOURCES = {
    name: SimpleNamespace(source_name="x", name=name) for name in ("fills", "orders", "receipts")
}
BUILT = {f"built.{name}" for name, each in NODES.items() if each.resource_type != "test"}


def built(tables: set[str], relations: set[str]) -> set[str]:
    """The nodes that a build runs."""
    return NODES.keys() - set(selection.unchanged_ids(NODES, SOURCES, tables, relations))


def test_a_build_runs_what_depends_on_changed_tables() -> None:
    assert built({"x.fills"}, BUILT) == {
        "base_x__orders", "fct_orders", "fct_coverage", "unique_stg_orders", "fills_have_orders",
    }  # fmt: skip


def test_a_receipt_alone_builds_no_record_again() -> None:
    assert built({"x.fills", "x.orders"}, BUILT) == {"fct_coverage"}


def test_a_missing_relation_is_built_with_what_reads_it() -> None:
    without = BUILT - {"built.stg_fills"}
    assert built({"x.fills", "x.orders"}, without) == {
        "stg_fills", "fct_fills", "unique_stg_fills", "fct_coverage", "fills_have_orders",
    }  # fmt: skip


def test_marks_follow_new_rows_and_changed_public_records(prepared_home: Home) -> None:
    def add(table: str, record_id: str, record_hash: str, load: str) -> None:
        with duckdb.connect(str(prepared_home.warehouse)) as warehouse:
            warehouse.execute(f"delete from raw_bigone.{table} where record_id = ?", [record_id])
            warehouse.execute(
                f"insert into raw_bigone.{table} by name select 'a' as account_id, "
                "? as record_id, ? as record_hash, ? as _dlt_load_id",
                [record_id, record_hash, load],
            )

    def changed(table: str, *row: str) -> bool:
        before = selection.marks(prepared_home)
        add(table, *row)
        after = selection.marks(prepared_home)
        assert {name for name in after if before[name] != after[name]} <= {f"bigone.{table}"}
        return before != after

    assert changed("deposits", "1", "first", "load 1")
    assert changed("deposits", "2", "first", "load 1")
    assert changed("assets", "BTC", "first", "load 1")
    assert not changed("assets", "BTC", "first", "load 2")
    assert changed("assets", "BTC", "second", "load 3")
