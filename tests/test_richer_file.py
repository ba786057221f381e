"""A published file is replaced only by a warehouse that has all its API receipts."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from flows.build.publish import require_richer
from pipelines.errors import LookbackError


def file_of(path: Path, receipts: str, staged: str) -> Path:
    """A DuckDB file with those receipts, a letter each, and those in dlt's staging schema."""
    with duckdb.connect(str(path)) as connection:
        for schema, ids in (("raw_acme", receipts), ("raw_acme_staging", staged)):
            connection.execute(f"create schema {schema}")
            connection.execute(
                f"create table {schema}.receipts as select unnest({list(ids)}::varchar[]) "
                "as receipt_id, 'api' as origin"
            )
    return path


def test_a_later_load_replaces_the_published_file(tmp_path: Path) -> None:
    published = file_of(tmp_path / "published.duckdb", receipts="ab", staged="b")
    require_richer(file_of(tmp_path / "warehouse.duckdb", receipts="abc", staged="c"), published)


def test_a_warehouse_without_a_published_receipt_is_refused(tmp_path: Path) -> None:
    published = file_of(tmp_path / "published.duckdb", receipts="ab", staged="b")
    with pytest.raises(LookbackError, match="lacks 1 of the receipts"):
        require_richer(file_of(tmp_path / "other.duckdb", receipts="ac", staged="c"), published)
