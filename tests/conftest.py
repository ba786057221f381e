"""Fixtures of many tests: the `lab` is a sandbox with its own home."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from filelock import FileLock

from flows.build import dbt, publish
from pipelines.config.accounts import configured_accounts
from pipelines.home import PROJECT, Home, home
from pipelines.load import account_sync
from pipelines.load.account_sync import AccountResult, AccountSync
from pipelines.load.warehouse import prepare_warehouse
from pipelines.sandbox.engine.server import Sandbox
from tests.suites import SLOW

if TYPE_CHECKING:
    from tests.shared_history import SharedHistory

PACE = 1000.0
collect_ignore = ["example_exchange"]  # its tests run in a copy of the project


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of the exhaustive files, which `make test` leaves out.

    The tests that read the shared history are first, and on one worker: the others run meanwhile.
    """
    for item in items:
        if item.path.relative_to(PROJECT).as_posix() in SLOW:
            item.add_marker(pytest.mark.slow)
        if reads_shared_history(item):
            item.add_marker(pytest.mark.xdist_group("shared_history"))
    items.sort(key=lambda item: not reads_shared_history(item))


def reads_shared_history(item: pytest.Item) -> bool:
    """Whether the test needs the fixture `shared`."""
    return "shared" in getattr(item, "fixturenames", ())


@dataclass
class Lab:
    """Sandbox accounts, a home in a temporary folder, and the pipelines between them."""

    box: Sandbox
    home: Home
    patch: pytest.MonkeyPatch
    declared: list[str] = field(default_factory=list)

    def declare(self, name: str, *, label: str = "", **fields: str) -> str:
        """Configure the sandbox account `name` (or an exchange's main one); gives its label.

        `fields` replace what the sandbox says: `secret="wrong"`, `opened_at="2021-03-01"`.
        """
        card = self.box.account(name)
        label = label or card["label"].replace("-", "_")
        names = ("exchange", "base_url", "key", "secret", "passphrase")
        values = {name: card[name] for name in names if card[name]} | {"pace": str(PACE)} | fields
        for field_name, value in values.items():
            self.patch.setenv(variable(label, field_name), value)
        self.declared.append(label)
        return label

    def sync(self, *labels: str, full: bool = False) -> dict[str, AccountResult]:
        """Extract and load those accounts, or all declared ones, without Prefect; results by label.

        `full` requests everything again.

        Raises LookbackError where an account cannot be read at all.
        """
        prepare_warehouse(self.home)
        results = {}
        for account in configured_accounts(labels):
            run = AccountSync(account, self.home, full=full)
            run.prepare()
            while not run.done:
                run.extract()
                run.load()
            results[account.label] = run.result
        return results

    def build(self, as_of: datetime | None = None, *, unit_tests: bool = False) -> list[dbt.Node]:
        """Run the models and their tests on the warehouse."""
        prepare_warehouse(self.home)
        return dbt.build(self.home, as_of, unit_tests=unit_tests)

    def publish(self) -> Path:
        """Publish the warehouse as it is."""
        return publish.publish(self.home)

    def query(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Rows of one query on the warehouse itself, times in UTC."""
        with duckdb.connect(str(self.home.warehouse), read_only=True) as connection:
            connection.execute("set TimeZone = 'UTC'")
            return connection.execute(sql, list(parameters)).fetchall()

    def cli(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run `lookback` as a separate process, in this lab's home."""
        return run_cli(arguments, environment)


def variable(label: str, name: str) -> str:
    """The environment variable of one field of an account."""
    return f"ACCOUNTS__{label}__{name}".upper()


def run_cli(
    arguments: Sequence[str], environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `lookback` with those arguments; output as text."""
    return subprocess.run(
        [sys.executable, "-m", "flows.cli", *arguments],
        cwd=PROJECT,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )


def call_cli(
    arguments: Sequence[str], environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `lookback` like `run_cli`, but in this process, which saves the imports."""
    from flows.cli.app import main

    out, error, code = io.StringIO(), io.StringIO(), 0
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(error):
        for name, value in (environment or {}).items():
            patch.setenv(name, value)
        try:
            main(list(arguments))
        except SystemExit as ended:
            code = int(ended.code or 0)
    return subprocess.CompletedProcess(list(arguments), code, out.getvalue(), error.getvalue())


@pytest.fixture(autouse=True)
def no_claims() -> Iterator[None]:
    """Forget the accounts that a test began to sync and did not finish, as a new process does."""
    yield
    account_sync._claims.clear()


@pytest.fixture
def private_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """An empty home, and no account of whoever runs the tests."""
    for name in list(os.environ):
        if name.upper().startswith("ACCOUNTS__"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("LOOKBACK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path))
    return home()


@pytest.fixture(scope="session")
def empty_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse with every raw table and no row, made once for all workers."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    finished = folder / "empty.duckdb"
    with FileLock(folder / "empty.lock"):
        if not finished.exists():
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("LOOKBACK_HOME", str(tmp_path_factory.mktemp("empty")))
                made = home()
                prepare_warehouse(made)
            shutil.copyfile(made.warehouse, finished)
    return finished


@pytest.fixture(scope="session")
def built_history(tmp_path_factory: pytest.TempPathFactory, empty_warehouse: Path) -> SharedHistory:
    """The shared history, built once: one worker runs all tests that read it."""
    from tests.shared_history import build_history

    folder = tmp_path_factory.mktemp("shared")
    place = Home(folder / "home")
    place.data.mkdir(parents=True)
    shutil.copyfile(empty_warehouse, place.warehouse)
    return build_history(folder)


@pytest.fixture
def shared(
    built_history: SharedHistory, private_home: Home, monkeypatch: pytest.MonkeyPatch
) -> SharedHistory:
    """The shared history, for reading; its home is the one in force."""
    monkeypatch.setenv("LOOKBACK_HOME", str(built_history.home.root))
    home()
    return built_history


@pytest.fixture
def prepared_home(private_home: Home, empty_warehouse: Path) -> Home:
    """A private home whose warehouse has its raw tables already."""
    shutil.copyfile(empty_warehouse, private_home.warehouse)
    return private_home


@pytest.fixture
def lab(prepared_home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """A small sandbox without rate limits and a home to load it into."""
    with Sandbox(size="tiny", pace=None) as box:
        yield Lab(box, prepared_home, monkeypatch)
