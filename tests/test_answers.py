"""Queries of a built warehouse: parameters, and their cost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from flows.reports import answers
from pipelines.home import PROJECT


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    file = tmp_path / "a.duckdb"
    with duckdb.connect(str(file)) as made:
        made.execute("create table t as select 'it''s' as id, true as is_ok, 1.50 as amount")
    return file


def test_parameters_are_values_and_never_sql(warehouse: Path) -> None:
    with answers.opened(warehouse) as connection:
        query = "select amount from t where id = ? and is_ok = ?"
        [row] = answers.select(connection, query, ["it's", True])
        assert str(row["amount"]) == "1.50"
        assert answers.select(connection, query, ["it's", False]) == []
        assert answers.select(connection, query, ["' or true or '", True]) == []


def test_a_query_with_parameters_imports_no_pandas(warehouse: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from flows.reports import answers\n"
        "with answers.opened(Path(sys.argv[1])) as warehouse:\n"
        "    assert answers.select(warehouse, 'from t where id = ?', [\"it's\"])\n"
        "assert 'pandas' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(warehouse)], cwd=PROJECT, check=True)
