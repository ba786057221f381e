"""The example is added to a copy of the project as CONTRIBUTING.md says, synced and built."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import requests

from flows.runtime.environment import without_secrets
from pipelines.home import PROJECT

EXAMPLE = Path(__file__).parent / "example_exchange"
NAME = "harbor"
GUIDE = (PROJECT / "CONTRIBUTING.md").read_text(encoding="utf-8")
LEFT = shutil.ignore_patterns("target", "logs", "example_exchange", "*__unit_tests.yml")
"""What the copy lacks. A sync runs no unit test, and parsing them takes seconds."""
pytestmark = pytest.mark.xdist_group("example_exchange")


def listed_files(text: str) -> list[str]:
    """The files of an exchange that the guide lists, with `<name>` and the like."""
    section = text.partition("## Add an exchange")[2].partition("\n## ")[0]
    return re.findall(r"^\| \[`([^`]+)`\]\(", section, re.MULTILINE)


def example_files() -> dict[str, list[str]]:
    """The example's files by the entry of the guide that lists them."""
    return {
        place: [
            path.relative_to(EXAMPLE).as_posix()
            for path in EXAMPLE.glob(re.sub(r"<\w+>", "*", place.replace("<name>", NAME)))
        ]
        for place in listed_files(GUIDE)
    }


def insert(file: Path, after: str, line: str) -> None:
    """Add a line after another one."""
    text = file.read_text(encoding="utf-8")
    assert text.count(after) == 1
    file.write_text(text.replace(after, after + line), encoding="utf-8")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with the example, of which only listed files are added."""
    copy = tmp_path_factory.mktemp("example") / "project"
    for folder in ("pipelines", "flows", "dbt_project", "tests"):
        shutil.copytree(PROJECT / folder, copy / folder, ignore=LEFT)
    for file in ("README.md", "CONTRIBUTING.md", "pyproject.toml"):
        shutil.copyfile(PROJECT / file, copy / file)
    for file in (file for files in example_files().values() for file in files):
        (copy / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(EXAMPLE / file, copy / file)
    (registration,) = re.findall(rf"^    {NAME}: .*\n", GUIDE, re.MULTILINE)
    insert(copy / "dbt_project" / "dbt_project.yml", "  exchanges:\n", registration)
    insert(copy / "README.md", "| status |\n|---|---|---|\n", "| Harbor | all | made up |\n")
    return copy


def run(project: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python in the copy of the project."""
    return subprocess.run(
        [sys.executable, *arguments], cwd=project, env=clean_environment(project) | environment,
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip


def clean_environment(project: Path) -> dict[str, str]:
    """The environment without accounts, with a home of its own."""
    home = str(project.parent / "home")
    return without_secrets() | {"PYTHONPATH": str(project), "LOOKBACK_HOME": home, "HOME": home}


@pytest.fixture(scope="module")
def synced(project: Path) -> Iterator[tuple[dict[str, Any], duckdb.DuckDBPyConnection]]:
    """What really happened to the simulated account, and the published marts after a sync."""
    with subprocess.Popen(
        [sys.executable, "-m", "flows.cli", "sandbox", "--pace", "0", "--size", "400"],
        cwd=project, env=clean_environment(project), stdout=subprocess.PIPE, text=True,
    ) as server:  # fmt: skip
        assert server.stdout is not None
        sandbox = json.loads(server.stdout.readline())
        card = next(card for card in sandbox["accounts"] if card["label"] == f"{NAME}-main")
        declared = {
            f"ACCOUNTS__MINE__{field}".upper(): card[field]
            for field in ("exchange", "base_url", "key", "secret")
        }
        done = run(project, "-m", "flows.cli", "sync", ACCOUNTS__MINE__PACE="1000", **declared)
        assert done.returncode == 0, done.stdout + done.stderr
        truth = requests.get(f"{sandbox['url']}/_truth/{NAME}-main", timeout=30).json()
        server.terminate()
    published = project.parent / "home" / "data" / "lookback.duckdb"
    with duckdb.connect(str(published), read_only=True) as marts:
        yield truth, marts


def test_the_guide_lists_each_file_of_the_example_once() -> None:
    listed = example_files()
    files = {
        path.relative_to(EXAMPLE).as_posix()
        for path in EXAMPLE.rglob("*.*")
        if "__pycache__" not in path.parts
    }
    assert sorted(file for found in listed.values() for file in found) == sorted(files)
    assert all(listed.values())


@pytest.mark.parametrize("entity", ["trades", "deposits", "withdrawals"])
def test_an_added_exchange_fills_the_marts(synced, entity: str) -> None:
    truth, marts = synced
    rows = marts.execute(f"select record_id from marts.fct_{entity}").fetchall()
    assert len(rows) > 5
    assert sorted(row for (row,) in rows) == sorted(row["record_id"] for row in truth[entity])


def test_an_added_exchange_has_complete_coverage(synced) -> None:
    _, marts = synced
    spans = marts.execute(
        "select entity, bool_and(is_complete) from marts.fct_entity_coverage group by 1"
    )
    assert dict(spans.fetchall()) == dict.fromkeys(
        ("trades", "deposits", "withdrawals", "ledger_entries"), True
    )
    assert marts.execute("select * from marts.fct_gaps").fetchall() == []


def test_an_added_exchange_has_balances_that_its_ledger_explains(synced) -> None:
    _, marts = synced
    checks = marts.execute(
        "select asset, is_ok from marts.fct_balance_checks where kind = 'snapshot'"
    )
    assert sorted(checks.fetchall()) == [("BTC", True), ("USDT", True)]
    assert marts.execute("select what from marts.fct_findings").fetchall() == []


def test_the_projects_own_checks_pass_with_the_example(project: Path) -> None:
    done = run(
        project, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "0",
        "tests/test_project_agrees.py", "tests/test_exchange_names.py",
        "tests/exchanges/test_harbor.py", "tests/sandbox/test_harbor.py",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
