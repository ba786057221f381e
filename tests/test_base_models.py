"""Base models: dbt compiles them, and DuckDB runs them on made-up raw records."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from flows.build import dbt
from pipelines import registry
from pipelines.fields import STAGING
from pipelines.home import PROJECT, Home, home

CASES: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parent / "base_models.yml").read_text(encoding="utf-8")
)["unit_tests"]
pytestmark = pytest.mark.xdist_group("base_models")


@pytest.fixture(scope="module")
def compiled(empty_warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home whose warehouse has empty raw tables, and the SQL of the models under test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOOKBACK_HOME", str(tmp_path_factory.mktemp("base_models")))
        place = home()
        place.data.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(empty_warehouse, place.warehouse)
        models = sorted({case["model"] for case in CASES})
        done = dbt.run_dbt(place, ["compile", "--quiet", "--select", *models], unused=())
        assert done.returncode == 0, done.stdout
        yield place


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_base_model_makes_of_records(case: dict[str, Any], compiled: Home) -> None:
    model = case["model"]
    (sql,) = dbt.target_folder(compiled).glob(f"compiled/**/{model}.sql")
    with duckdb.connect(str(compiled.warehouse)) as warehouse:
        warehouse.execute("set TimeZone = 'UTC'")
        warehouse.begin()
        for given in case["given"]:
            exchange, table = re.findall(r"'(\w+)'", given["input"])
            raw = f"raw_{exchange}.{table}"
            warehouse.execute(f"create or replace table {raw} as from {raw} limit 0")  # nullable
            warehouse.execute(f"insert into {raw} by name {given['rows']}")
        warehouse.execute(f"create temp table found as {sql.read_text(encoding='utf-8')}")
        expected = case["expect"]["rows"]
        columns = list(expected[0])
        warehouse.execute("create temp table expected as from found limit 0")
        for row in expected:
            warehouse.execute(
                f"insert into expected ({', '.join(row)}) values ({', '.join('?' * len(row))})",
                [None if value is None else str(value) for value in row.values()],
            )
        rows = [
            warehouse.execute(f"select {', '.join(columns)} from {table} order by all").fetchall()
            for table in ("found", "expected")
        ]
        warehouse.rollback()
    assert rows[0] == rows[1]


LAZY = """
from pipelines import registry
from pipelines.fields import declared_fields
specs = [registry.exchange(name).spec for name in registry.names()]
assert declared_fields.cache_info().currsize == 0
assert specs[0].streams[0].fields
assert declared_fields.cache_info().currsize == 1
"""


def test_an_imported_spec_reads_no_declaration() -> None:
    subprocess.run([sys.executable, "-c", LAZY], cwd=PROJECT, check=True)


@pytest.mark.parametrize("name", registry.names())
def test_what_a_spec_names_is_a_declared_field(name: str) -> None:
    for stream in registry.exchange(name).spec.streams:
        named = {
            *stream.record_id, *stream.known_by, *stream.other_times,
        }  # fmt: skip
        assert named <= set(stream.fields), stream.name


@pytest.mark.parametrize("name", registry.names())
def test_a_column_is_declared_on_one_line(name: str) -> None:
    text = (STAGING / name / f"_{name}__base.yml").read_text(encoding="utf-8")
    declared = yaml.safe_load(text)["models"]
    assert text.count("\n      - {name: ") == len(
        # An alias repeats columns that are declared elsewhere.
        {id(column) for model in declared for column in model["columns"]}
    )
    for model in declared:
        assert all(column["description"] for column in model["columns"]), model["name"]
