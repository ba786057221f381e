"""The repository is reproducible, has no secrets, and does not depend on a machine."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from pipelines.home import PROJECT

LOCK = PROJECT / "requirements.lock"


def tracked() -> list[Path]:
    """All files of the repository; skips the test in an unpacked archive."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    files = [PROJECT / name for name in listed.stdout.split("\0") if name]
    return [file for file in files if file.is_file()]


def requirements() -> dict[str, list[str]]:
    """Each requirement of the lock file with its hashes."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in LOCK.read_text().splitlines():
        if match := re.match(r"([A-Za-z0-9_.\[\],-]+)==(\S+)", line):
            name = match[1]
            found[name] = []
        if match := re.search(r"--hash=sha256:([0-9a-f]{64})\b", line):
            found[name].append(match[1])
    return found


def test_every_locked_requirement_has_a_hash() -> None:
    found = requirements()
    assert len(found) > 100
    assert not [name for name, hashes in found.items() if not hashes]


def test_the_lock_file_names_no_host() -> None:
    text = LOCK.read_text()
    assert not re.search(r"https?:|file:|--(extra-)?index|find-links|trusted-host", text)


def test_the_project_itself_installs_without_the_network() -> None:
    assert {"setuptools", "wheel"} <= set(requirements())


def test_no_tracked_file_names_a_package_index() -> None:
    host = re.compile(r"(index-url|extra-index\S*|find-links)[=:\s]+(https?:|file:|/)\S*", re.I)
    for file in tracked():
        if file.name == Path(__file__).name or file.suffix in {".duckdb", ".gz", ".png"}:
            continue
        found = host.search(file.read_text(encoding="utf-8", errors="replace"))
        assert not found, f"{file}: {found[0] if found else ''}"


def test_nothing_private_is_tracked() -> None:
    names = {str(file.relative_to(PROJECT)) for file in tracked()}
    assert not {name for name in names if name.endswith((".duckdb", ".wal", ".db", ".pem"))}
    assert not {name for name in names if Path(name).name in {"secrets.toml", ".env"}}
    assert {name for name in names if name.startswith("data/")} <= {"data/.gitkeep"}
    assert {name for name in names if name.startswith(".dlt/")} <= {".dlt/config.toml"}


def test_secrets_would_not_be_tracked_by_accident() -> None:
    for path in (".dlt/secrets.toml", "data/warehouse.duckdb", "data/lookback.duckdb", ".venv/x"):
        ignored = subprocess.run(
            ["git", "check-ignore", "-q", path], cwd=PROJECT, check=False, capture_output=True
        )
        if ignored.returncode == 128:
            pytest.skip("not a git checkout")
        assert ignored.returncode == 0, path


def test_no_source_file_is_ignored() -> None:
    folders = ("flows", "pipelines", "dbt_project/models", "dbt_project/macros", "tests")
    listed = subprocess.run(
        ["git", "ls-files", "--others", "--ignored", "--exclude-standard", "--", *folders],
        cwd=PROJECT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode:
        pytest.skip("not a git checkout")
    sources = (".py", ".sql", ".yml", ".csv", ".md")
    assert [name for name in listed.stdout.splitlines() if name.endswith(sources)] == []


def test_make_offers_what_the_readme_says() -> None:
    makefile = (PROJECT / "Makefile").read_text()
    readme = (PROJECT / "README.md").read_text()
    for target in ("setup", "demo", "check", "test", "docs"):
        assert re.search(rf"^{target}:", makefile, re.M)
        assert f"make {target}" in readme


@pytest.mark.xdist_group("grouped")
def test_tests_of_a_group_run_on_one_worker(request: pytest.FixtureRequest) -> None:
    """Fixtures depend on the worker's name: without it, each worker makes its own copy."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        pytest.skip("there is only one process")
    assert request.node.nodeid.endswith("@grouped")
