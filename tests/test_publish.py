"""The published file is always complete: the last successful one, until the next."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from flows.build import dbt, publish
from flows.cli.run import run_import
from flows.reports import answers
from flows.runtime import lock
from pipelines.errors import LookbackError
from pipelines.home import PROJECT, Home


def fill(place: Home, number: int) -> None:
    place.data.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(place.warehouse)) as connection:
        connection.execute("create or replace table t as select ? as n", [number])


def number_in(path: Path) -> Any:
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute("select n from t").fetchall()[0][0]


@pytest.fixture
def place(tmp_path: Path) -> Home:
    found = Home(tmp_path)
    fill(found, 1)
    publish.publish(found)
    return found


def test_an_open_reader_keeps_its_file(place: Home) -> None:
    with duckdb.connect(str(place.published), read_only=True) as reader:
        fill(place, 2)
        publish.publish(place)
        assert reader.execute("select n from t").fetchall() == [(1,)]
    assert number_in(place.published) == 2


def test_a_reader_in_another_process_does_not_block_publishing(place: Home) -> None:
    code = "import duckdb, sys; c = duckdb.connect(sys.argv[1], read_only=True); input('open\\n')"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(place.published)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "open\n"
        fill(place, 2)
        publish.publish(place)
        assert number_in(place.published) == 2
        reader.communicate("\n")


def test_a_crash_while_copying_leaves_the_old_file(
    place: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(source: Path, target: Path) -> None:
        target.write_bytes(source.read_bytes()[:1000])
        raise KeyboardInterrupt

    fill(place, 2)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(publish, "copy_to_disk", die)
        publish.publish(place)
    assert number_in(place.published) == 1
    assert list(place.data.glob(".*.tmp"))

    publish.publish(place)
    assert number_in(place.published) == 2
    assert not list(place.data.glob(".*.tmp"))


def test_a_full_disk_publishes_nothing_and_says_so(
    place: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(source: Path, target: Path) -> None:
        target.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    fill(place, 2)
    monkeypatch.setattr(publish, "copy_to_disk", refuse)
    with pytest.raises(LookbackError, match=r"nothing was published.*No space left"):
        publish.publish(place)
    assert number_in(place.published) == 1
    assert not list(place.data.glob(".*.tmp"))


def test_what_is_published_is_private_to_its_owner(place: Home) -> None:
    assert place.published.stat().st_mode & 0o077 == 0


def project_of(folder: Path, model: str) -> Path:
    """A dbt project of one model, `late`."""
    project = folder / "project_of_one_model"
    (project / "models").mkdir(parents=True)
    (project / "dbt_project.yml").write_text("name: one\nconfig-version: 2\nprofile: lookback\n")
    (project / "profiles.yml").write_text((dbt.DBT_PROJECT / "profiles.yml").read_text())
    (project / "models" / "late.sql").write_text(model)
    return project


def test_a_failed_build_publishes_nothing_and_names_what_failed(
    place: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = project_of(tmp_path, "select nothing_like_it from t")
    monkeypatch.setattr(dbt, "DBT_PROJECT", project)
    fill(place, 2)
    with pytest.raises(LookbackError, match=r"nothing was published: model late .*nothing_like_it"):
        dbt.build(place)
    assert number_in(place.published) == 1


def test_two_runs_at_once_do_not_meet(place: Home) -> None:
    busy = pytest.raises(LookbackError, match=rf"another run.*sync, process {os.getpid()}")
    with lock.run_lock(place, "sync"), busy, lock.run_lock(place, "import"):
        pass
    with lock.run_lock(place, "import"):
        pass


def test_a_lock_ends_with_the_process_that_held_it(place: Home) -> None:
    code = (
        "import os, sys; from pathlib import Path; from flows.runtime import lock;"
        "from pipelines.home import Home;"
        "holder = lock.run_lock(Home(Path(sys.argv[1])), 'sync'); holder.__enter__(); os._exit(9)"
    )
    killed = subprocess.run(
        [sys.executable, "-c", code, str(place.root)], cwd=PROJECT, check=False
    )
    assert killed.returncode == 9
    with lock.run_lock(place, "sync"):
        pass


def test_dbt_ends_when_its_parent_is_killed(place: Home, tmp_path: Path) -> None:
    project = project_of(tmp_path, "select max(hash(range)) as x from range(1000000000000)")
    code = (
        "import sys; from pathlib import Path; from flows.build import dbt;"
        "from pipelines.home import Home;"
        "dbt.DBT_PROJECT = Path(sys.argv[2]); dbt.run_dbt(Home(Path(sys.argv[1])), ['run'])"
    )
    command = [sys.executable, "-c", code, str(place.root), str(project)]
    log = dbt.log_folder(place) / "dbt.log"
    with subprocess.Popen(command, cwd=PROJECT) as parent:
        until(lambda: log.exists() and "START sql" in log.read_text(), seconds=400)
        assert not is_free(place)
        parent.kill()
    until(lambda: is_free(place), seconds=30)


def is_free(place: Home) -> bool:
    try:
        with lock.run_lock(place, "sync"):
            return True
    except LookbackError as error:
        assert "open in another program" in str(error)
        return False


def until(is_so: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_warehouse_open_in_another_program_is_named(place: Home) -> None:
    code = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); input('open\\n')"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(place.warehouse)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "open\n"
        refused = pytest.raises(LookbackError, match=r"warehouse\.duckdb is open in another")
        with refused, lock.run_lock(place, "sync"):
            pass
        writer.communicate("\n")


def test_nothing_published_is_an_answer_with_a_remedy(tmp_path: Path) -> None:
    refused = pytest.raises(LookbackError, match=r"nothing is published yet.*lookback sync")
    with refused, answers.published(Home(tmp_path)):
        pass


def test_an_import_that_fails_builds_and_publishes_nothing(
    private_home: Home, tmp_path: Path
) -> None:
    nonsense = tmp_path / "x.json"
    nonsense.write_text("no json at all")
    with pytest.raises(LookbackError):
        run_import("bitmex", [nonsense], "main")
    assert not private_home.published.exists()
