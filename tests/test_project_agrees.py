"""Registry, stand-ins, models, settings and README name the same exchanges, streams and limits."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines import registry, tables
from pipelines.home import PROJECT
from pipelines.sandbox.server import dialect_names

DBT = PROJECT / "dbt_project"
STAGING = DBT / "models" / "staging"
EXCHANGES = registry.names()
VARS: dict[str, Any] = yaml.safe_load((DBT / "dbt_project.yml").read_text())["vars"]
BESIDE = {table.name for table in tables.BESIDE} | {"_dlt_loads"}


def sources_of(name: str) -> set[str]:
    """The raw tables that the exchange's staging folder declares as dbt sources."""
    (file,) = (STAGING / name).glob("*sources.yml")
    declared = yaml.safe_load(file.read_text())["sources"]
    return {table["name"] for source in declared for table in source["tables"]}


def test_every_exchange_has_its_stand_in():
    assert dialect_names() == list(EXCHANGES)


def test_every_exchange_is_in_the_models_settings():
    assert sorted(VARS["exchanges"]) == list(EXCHANGES)
    for entity, serving in VARS["entities"].items():
        assert set(serving) <= set(EXCHANGES), entity


@pytest.mark.parametrize("name", EXCHANGES)
def test_every_entity_an_exchange_serves_has_its_staging_model(name):
    for entity, serving in VARS["entities"].items():
        model = STAGING / name / f"stg_{name}__{entity}.sql"
        assert model.exists() is (name in serving), model.name


@pytest.mark.parametrize("name", EXCHANGES)
def test_every_stream_is_a_source_and_has_its_base_model(name):
    streams = {stream.name for stream in registry.exchange(name).spec.streams}
    assert sources_of(name) == streams | BESIDE
    for stream in streams:
        assert (STAGING / name / "base" / f"base_{name}__{stream}.sql").exists(), stream


@pytest.mark.parametrize("name", EXCHANGES)
def test_every_documented_field_is_read_by_the_base_model(name):
    for stream in registry.exchange(name).spec.streams:
        sql = (STAGING / name / "base" / f"base_{name}__{stream.name}.sql").read_text()
        # The id is a column of the raw table already.
        told = [field for field in stream.fields if field not in stream.record_id]
        missing = [field for field in told if not re.search(rf"\b{field}\b", sql)]
        assert missing == [], f"{stream.name} does not read {missing}"


@pytest.mark.parametrize("name", EXCHANGES)
def test_every_limit_has_its_page_and_its_day(name):
    spec = registry.exchange(name).spec
    for stream in spec.streams:
        assert stream.docs_url.startswith("https://"), stream.name
        assert stream.checked_on >= spec.began_on


@pytest.mark.parametrize("name", EXCHANGES)
def test_every_exchange_has_tests_of_its_own(name):
    tests = Path(__file__).parent
    assert (tests / "exchanges" / f"test_{name}.py").exists()
    assert (tests / "sandbox" / f"test_{name}.py").exists()


@pytest.mark.parametrize("name", EXCHANGES)
def test_the_readme_names_every_exchange(name):
    title = registry.exchange(name).spec.title
    assert re.search(rf"^\| {title}\b", (PROJECT / "README.md").read_text(), re.MULTILINE)
