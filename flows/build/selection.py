"""Which models and tests a build may leave out, because their rows are the same as before.

Each successful build records a mark of every raw table. While the project stays the same, a later
build leaves out what depends only on tables with the same mark. Views are made once: they read what
is stored when they are queried.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pipelines import registry
from pipelines.home import Home

TAG = "unchanged"
"""The tag of the nodes that a build leaves out."""

ARRIVES_WITH_ROWS = {"receipts", "_dlt_loads"}
"""What a base model reads about its own rows, which never changes after the rows were loaded."""


def marks(home: Home) -> dict[str, str]:
    """The mark of each raw table, by `<exchange>.<table>`: equal marks, equal rows.

    Rows of histories are only ever added, and other lists are replaced at each load. A public list
    is compared by its records, as most loads bring the same ones.
    """
    import duckdb

    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        stored = set(
            connection.execute("select schema_name, table_name from duckdb_tables()").fetchall()
        )
        queries = [
            f"select '{exchange}.{table}', concat_ws(' ', count(*), {mark}) "
            f'from "raw_{exchange}"."{table}"'
            for exchange in registry.names()
            for table, mark in _marked(exchange)
            if (f"raw_{exchange}", table) in stored
        ]
        return dict(connection.execute(" union all ".join(queries)).fetchall()) if queries else {}


def _marked(exchange: str) -> Iterable[tuple[str, str]]:
    """The marked tables, with what marks each. All other tables count as changed in each build."""
    newest_load = "max(_dlt_load_id)"
    records = "bit_xor(hash(account_id, record_id, record_hash))"
    yield "file_rows", newest_load
    for stream in registry.exchange(exchange).spec.streams:
        yield stream.name, records if stream.kind == "reference" else newest_load


def relations(home: Home) -> list[str]:
    """The tables and views that the warehouse has, as `<schema>.<name>`."""
    import duckdb

    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        return [
            name
            for (name,) in connection.execute(
                "select concat_ws('.', table_schema, table_name) from information_schema.tables"
            ).fetchall()
        ]


def unchanged_ids(
    nodes: Mapping[str, Any], sources: Mapping[str, Any], tables: set[str], built: set[str]
) -> list[str]:
    """The ids of the nodes to leave out.

    `nodes` and `sources` are those of dbt's manifest; `tables` are the raw tables with the same
    mark as before, `built` the relations that the warehouse has.
    """
    changed: dict[str, bool] = {}

    def has_changed(each: str) -> bool:
        if each not in changed:
            changed[each] = _has_changed(each)
        return changed[each]

    def _has_changed(each: str) -> bool:
        if each in sources:
            source = sources[each]
            return f"{source.source_name}.{source.name}" not in tables
        node = nodes[each]
        if node.resource_type != "test" and f"{node.schema}.{node.alias}" not in built:
            return True
        parents = node.depends_on.nodes if node.resource_type != "seed" else []
        if node.name.startswith("base_"):
            parents = [
                name
                for name in parents
                if name not in sources or sources[name].name not in ARRIVES_WITH_ROWS
            ]
        return any(has_changed(name) for name in parents)

    def is_left_out(each: str) -> bool:
        node = nodes[each]
        if node.resource_type == "model" and node.config.materialized == "view":
            return f"{node.schema}.{node.alias}" in built
        return not has_changed(each)

    return [
        each
        for each, node in nodes.items()
        if node.resource_type in {"model", "seed", "test"} and is_left_out(each)
    ]


def leave_out(manifest: Any, tables: Iterable[str], built: Iterable[str]) -> None:
    """Tag the nodes of dbt's manifest that a build may leave out.

    `tables` and `built` are those of `unchanged_ids`.
    """
    for each in unchanged_ids(manifest.nodes, manifest.sources, set(tables), set(built)):
        manifest.nodes[each].tags.append(TAG)
