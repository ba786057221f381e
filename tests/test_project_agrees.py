"""Registry, simulators, models, settings and README have the same exchanges, streams and limits."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines import registry
from pipelines.fields import declared_fields
from pipelines.home import PROJECT
from pipelines.load import tables
from pipelines.sandbox.engine.server import adapter_names
from tests.test_example_exchange import listed_files

DBT = PROJECT / "dbt_project"
STAGING = DBT / "models" / "staging"
EXCHANGES = registry.names()
SETTINGS: dict[str, Any] = yaml.safe_load((DBT / "dbt_project.yml").read_text())
SERVED: dict[str, list[str]] = SETTINGS["vars"]["exchanges"]
MODELLED_AS = {"ledger": "ledger_entries"}
AUXILIARY = {table.name for table in tables.AUXILIARY} | {"_dlt_loads"}


def sources_of(name: str) -> set[str]:
    """The raw tables that the exchange's staging folder declares as dbt sources."""
    file = STAGING / name / f"_{name}__base.yml"
    (source,) = yaml.safe_load(file.read_text())["sources"]
    assert source["tables"].startswith("{{ var('raw_tables') + fromyaml('[")
    return set(re.findall(r"{name: (\w+)}", source["tables"]))


def test_every_exchange_has_its_stand_in():
    assert set(EXCHANGES) == set(adapter_names())


@pytest.mark.parametrize("name", EXCHANGES)
def test_balance_streams_are_complete_and_have_a_wallet(name):
    """An answer without a coin is taken for an empty wallet: it must be the only answer of one."""
    reported = [stream for stream in registry.exchange(name).spec.streams if stream.balance_kind]
    assert reported
    for stream in reported:
        assert (stream.kind, stream.scope) == ("snapshot", ""), stream.name
        assert stream.wallet, stream.name
    assert len({stream.wallet for stream in reported}) == len(reported)


@pytest.mark.parametrize("name", EXCHANGES)
def test_every_exchange_has_its_spec_under_its_own_name(name):
    spec = registry.exchange(name).spec
    assert spec.name == name
    assert (PROJECT / "pipelines" / "exchanges" / name / "spec.py").exists()


def test_every_staging_folder_is_of_an_exchange():
    folders = sorted(path.name for path in STAGING.iterdir() if path.is_dir())
    assert folders == list(EXCHANGES)


@pytest.mark.parametrize("name", EXCHANGES)
def test_every_exchange_serves_an_entity_its_streams_feed(name):
    """The entities of a spec's streams equal those of the models."""
    streams = registry.exchange(name).spec.streams
    fed = {entity.partition("/")[0] for stream in streams for entity in stream.entities}
    assert {MODELLED_AS.get(entity, entity) for entity in fed} <= set(SERVED[name])


@pytest.mark.parametrize("name", EXCHANGES)
def test_every_exchange_has_docs_and_a_guide(name):
    assert (STAGING / name / f"_docs_{name}.md").exists()
    guide = registry.exchange(name).spec.guide
    assert guide.steps and guide.problems, f"`lookback guide {name}` has nothing to say"


def test_raw_tables_of_every_exchange_are_sources():
    assert {table["name"] for table in SETTINGS["vars"]["raw_tables"]} == AUXILIARY


@pytest.mark.parametrize("name", EXCHANGES)
def test_every_stream_is_a_source_and_has_its_base_model(name):
    streams = registry.exchange(name).spec.streams
    assert sources_of(name) == {stream.name for stream in streams}
    folder = STAGING / name / "base"
    calls = {
        file.stem.removeprefix(f"base_{name}__"): file.read_text() for file in folder.glob("*.sql")
    }
    assert calls == {
        stream.name: f"{{{{ base_{'history' if stream.kind == 'history' else 'state'}() }}}}\n"
        for stream in streams
    }
    assert set(declared_fields(name)) == set(calls)


def test_a_base_model_is_stored_if_another_model_reads_it():
    sql = [path for path in (DBT / "models").rglob("*.sql") if path.parent.name != "base"]
    read = {model for path in sql for model in re.findall(r"\bbase_\w+__\w+", path.read_text())}
    stored = {
        model["name"]: model.get("config", {}).get("materialized", "view") != "view"
        for name in EXCHANGES
        for model in yaml.safe_load((STAGING / name / f"_{name}__base.yml").read_text())["models"]
    }
    assert {model for model, is_stored in stored.items() if is_stored} == read


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


@pytest.mark.parametrize("name", EXCHANGES)
def test_every_exchange_has_the_files_that_contributing_lists(name):
    missing = [
        place
        for place in listed_files((PROJECT / "CONTRIBUTING.md").read_text())
        if not any(PROJECT.glob(re.sub(r"<\w+>", "*", place.replace("<name>", name))))
    ]
    assert not missing
