"""An exchange's knowledge is in its own files: generic Python and SQL name no exchange."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from pipelines import registry
from pipelines.home import PROJECT

NAMES = registry.names()
DBT = PROJECT / "dbt_project"
REGISTRATION = DBT / "dbt_project.yml"
DEMO_MOVES = PROJECT / "pipelines" / "sandbox" / "engine" / "moves.py"
"""Moves between accounts of two exchanges: what the demo is about."""


def is_of_an_exchange(path: Path) -> bool:
    """Whether the file, or a folder it is in, is called after an exchange."""
    words = {re.split(r"[_.]+", part)[0] for part in path.relative_to(PROJECT).parts}
    words |= set(re.findall(r"(?:base|int|stg|assert)_([a-z]+)_", path.name))
    return bool(words & set(NAMES))


def generic_files() -> list[Path]:
    found = [
        *(PROJECT / "pipelines").rglob("*.py"),
        *(PROJECT / "flows").rglob("*.py"),
        *(path for path in DBT.rglob("*.sql") if "target" not in path.parts),
    ]
    return sorted(path for path in found if not is_of_an_exchange(path) and path != DEMO_MOVES)


def test_generic_code_names_no_exchange() -> None:
    named = re.compile("|".join(NAMES), re.IGNORECASE)
    files = generic_files()
    assert len(files) > 100
    assert [
        f"{path.relative_to(PROJECT)}: {line.strip()}"
        for path in files
        for line in path.read_text(encoding="utf-8").splitlines()
        if named.search(line)
    ] == []


def test_an_exchange_is_registered_in_one_place_of_the_settings() -> None:
    settings = yaml.safe_load(REGISTRATION.read_text(encoding="utf-8"))
    assert tuple(sorted(settings["vars"].pop("exchanges"))) == NAMES
    del settings["vars"]["ledger_states_fees_since"]  # not of the spec yet
    assert not re.search("|".join(NAMES), str(settings))


@pytest.mark.parametrize("name", NAMES)
def test_the_registered_entities_are_the_models_there_are(name: str) -> None:
    entities = yaml.safe_load(REGISTRATION.read_text(encoding="utf-8"))["vars"]["exchanges"][name]
    folder = DBT / "models" / "staging" / name
    prefix = f"_{name}__"
    staged = {path.stem.removeprefix(f"stg{prefix}") for path in folder.glob("stg_*.sql")}
    checks = {path.stem.removeprefix(f"int{prefix}") for path in folder.glob("int_*_checks.sql")}
    assert set(entities) == staged | checks
