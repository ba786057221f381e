"""One published warehouse for many tests: synced, imported and built once in a session.

It has simulated accounts of every exchange, and the cases of the modules in `CASES`, each with its
own accounts. A test reads it by the fixture `shared` and never changes it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import duckdb
import pytest

from flows.build import dbt
from pipelines import registry
from pipelines.home import Home, home
from pipelines.sandbox.engine.server import Sandbox
from tests.conftest import Lab
from tests.test_truth import Story, is_unified
from tests.truth_reference import Reach

NOW = datetime(2026, 9, 20, 12, tzinfo=UTC)
"""The simulators' time at the sync, when every exchange still answers. The build is of today."""
MORE_ACCOUNTS = ("bitget-second", "bitget-unified")
"""Accounts in addition to the main one of each exchange."""
CASES = (
    "test_facts",
    "test_queries",
    "test_imported_history",
    "test_meaning_of_rows",
    "test_coverage_claims",
)
"""Modules with a function `store_cases(place, folder)` that loads rows of their own accounts."""


@dataclass(frozen=True)
class SharedHistory:
    """The warehouse after the build, the published file, and what is true of each account."""

    home: Home
    published: Path
    nodes: list[dbt.Node]
    truths: dict[str, dict[str, Any]]
    reaches: dict[str, Reach]
    cases: dict[str, Any]
    """The results of `store_cases` of each module."""

    def query(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Rows of one query on the warehouse, times in UTC."""
        with duckdb.connect(str(self.home.warehouse), read_only=True) as connection:
            connection.execute("set TimeZone = 'UTC'")
            return connection.execute(sql, list(parameters)).fetchall()


def account_names() -> tuple[str, ...]:
    """The simulated accounts."""
    return (*(f"{name}-main" for name in registry.names()), *MORE_ACCOUNTS)


def build_history(folder: Path) -> SharedHistory:
    """Sync, import, build with all tests and unit tests, and publish, in a home in `folder`."""
    with (
        pytest.MonkeyPatch.context() as patch,
        far_time_zone(patch),
        Sandbox(size="tiny", seed=6, now=NOW, pace=None) as box,
    ):
        for name in [name for name in os.environ if name.upper().startswith("ACCOUNTS__")]:
            patch.delenv(name)
        patch.setenv("LOOKBACK_HOME", str(folder / "home"))
        patch.setenv("HOME", str(folder))
        patch.setattr("pipelines.extract.client._wait_before_next", lambda state: 0.0)
        story = Story(Lab(box, home(), patch), account_names())
        truths = story.sync()
        place = story.lab.home
        cases = {}
        for name in CASES:
            (folder / name).mkdir()
            cases[name] = import_module(f"tests.{name}").store_cases(place, folder / name)
        nodes = story.lab.build(datetime.now(UTC), unit_tests=True)
        reaches = {
            name: story.unified_reach(truth) if is_unified(truth) else story.reach(truth)
            for name, truth in truths.items()
        }
        return SharedHistory(place, story.lab.publish(), nodes, truths, reaches, cases)


@contextmanager
def far_time_zone(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """The machine's time zone is New York's: no row may depend on it."""
    patch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        yield
    finally:
        patch.delenv("TZ")
        time.tzset()
