"""Registry, stand-ins, models, settings and README name the same exchanges, streams and limits."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines import registry
from pipelines.home import PROJECT
from pipelines.load import tables
from pipelines.sandbox.engine.server import dialect_names

DBT = PROJECT / "dbt_project"
STAGING = DBT / "models" / "staging"
EXCHANGES = registry.names()
SETTINGS: dict[str, Any] = yaml.safe_load((DBT / "dbt_project.yml").read_text())
VARS: dict[str, Any] = SETTINGS["vars"]
MODELLED_AS = {"ledger": "ledger_entries"}
BESIDE = {table.name for table in tables.BESIDE} | {"_dlt_loads"}


def sources_of(name: str) -> set[str]:
    """The raw tables that the exchange's staging folder declares as dbt sources."""
    (file,) = (STAGING / name).glob("*sources.yml")
    declared = yaml.safe_load(file.read_text())["sources"]
    return {table["name"] for source in declared for table in source["tables"]}


def test_every_exchange_has_its_stand_in():
    assert set(EXCHANGES) <= set(dialect_names())


def test_every_exchange_is_in_the_models_settings():
    assert sorted(VARS["exchanges"]) == list(EXCHANGES)
    for entity, serving in VARS["entities"].items():
        assert set(serving) <= set(EXCHANGES), entity


@pytest.mark.parametrize("name", EXCHANGES)
def test_what_tells_a_wallets_balance_is_read_whole_and_names_its_wallet(name):
    """An answer without a coin is taken for an empty wallet: it must be the only answer of one."""
    streams = {stream.name: stream for stream in registry.exchange(name).spec.streams}
    told = [streams[stream] for stream in VARS["balance_streams"][name]]
    assert told
    for stream in told:
        assert (stream.kind, stream.scope) == ("snapshot", ""), stream.name
        assert stream.wallet, stream.name
    assert len({stream.wallet for stream in told}) == len(told)


@pytest.mark.parametrize("name", EXCHANGES)
def test_every_exchange_has_its_spec_under_its_own_name(name):
    spec = registry.exchange(name).spec
    assert spec.name == name
    assert (PROJECT / "pipelines" / "exchanges" / name / "spec.py").exists()


def test_every_staging_folder_is_of_an_exchange_and_set_up():
    folders = sorted(path.name for path in STAGING.iterdir() if path.is_dir())
    assert folders == list(EXCHANGES)
    kept = SETTINGS["models"]["lookback"]["staging"]
    for name in EXCHANGES:
        assert kept.get(name) == {"base": {"+schema": "base", "+materialized": "table"}}, name


@pytest.mark.parametrize("name", EXCHANGES)
def test_every_exchange_serves_an_entity_its_streams_feed(name):
    """What a spec says its streams feed, and what the models make of them, are the same."""
    fed = {entity for stream in registry.exchange(name).spec.streams for entity in stream.entities}
    served = {entity for entity, serving in VARS["entities"].items() if name in serving}
    assert {MODELLED_AS.get(entity, entity) for entity in fed} <= served


@pytest.mark.parametrize("name", EXCHANGES)
def test_every_exchange_has_its_page_in_the_docs_and_its_guide(name):
    assert (DBT / "models" / f"_docs_{name}.md").exists()
    guide = registry.exchange(name).spec.guide
    assert guide.steps and guide.problems, f"`lookback guide {name}` has nothing to say"


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


def test_the_readme_says_what_an_exchange_is_made_of():
    """Each place that is told exists for the exchanges there are, and none of theirs is untold."""
    text = (PROJECT / "README.md").read_text()
    section = text.partition("## Adding an exchange")[2].partition("\n## ")[0]
    told = {
        match.replace("<name>", "{name}")
        for match in re.findall(r"`((?:pipelines|dbt_project|tests)/[^`]+)`", section)
    }
    assert {
        "pipelines/exchanges/{name}/spec.py",
        "pipelines/exchanges/{name}/api.py",
        "pipelines/exchanges/{name}/guide.py",
        "pipelines/sandbox/{name}/",
        "dbt_project/models/staging/{name}/",
        "dbt_project/models/_docs_{name}.md",
        "dbt_project/dbt_project.yml",
        "tests/exchanges/test_{name}.py",
        "tests/sandbox/test_{name}.py",
    } <= told
    for place in told:
        for name in EXCHANGES:
            assert (PROJECT / place.format(name=name)).exists(), place.format(name=name)
