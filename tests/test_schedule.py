"""Flows on a schedule of Prefect: run in another process, as README.md describes."""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

import flows
from flows.reports import answers, schedule
from flows.runtime.prefect_server import temporary_server, wait_until_up
from pipelines.home import PROJECT
from tests.conftest import Lab
from tests.shared_history import SharedHistory


def flows_of_the_package() -> list[str]:
    """Every flow as `module:name`."""
    from prefect import Flow  # its import takes seconds, which the collection would pay for

    names = []
    for found in pkgutil.walk_packages(flows.__path__, "flows."):
        module = importlib.import_module(found.name)
        names += [
            f"{found.name}:{name}"
            for name, value in vars(module).items()
            if isinstance(value, Flow) and value.fn.__module__ == found.name
        ]
    return names


def test_pickled_flows_validate_their_parameters_elsewhere(tmp_path: Path) -> None:
    found = flows_of_the_package()
    assert found
    for flow in found:
        assert_validates(flow, tmp_path)


def assert_validates(flow: str, tmp_path: Path) -> None:
    module, _, name = flow.partition(":")
    pickled = tmp_path / "flow.pickle"
    write = (
        f"import sys, cloudpickle; from {module} import {name} as flow;"
        "open(sys.argv[1], 'wb').write(cloudpickle.dumps(flow))"
    )
    read = (
        "import sys, cloudpickle; flow = cloudpickle.load(open(sys.argv[1], 'rb'));"
        "print(flow.validate_parameters({name: each.default"
        " for name, each in __import__('inspect').signature(flow.fn).parameters.items()}))"
    )
    for code in (write, read):
        done = subprocess.run(
            [sys.executable, "-c", code, str(pickled)],
            cwd=PROJECT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.xdist_group("prefect")
def test_served_deployments_publish_rows(lab: Lab) -> None:
    lab.declare("bigone")
    lab.patch.setenv("PREFECT_HOME", str(lab.home.data / "prefect"))
    readme = (PROJECT / "README.md").read_text()
    own = re.search(r'python -c "(.+sync\.serve\(.+)"', readme)
    assert own is not None
    assert "\nlookback serve\n" in readme
    with temporary_server() as api:
        wait_until_up(api)
        with served(["-m", "flows.cli", "serve"], api):
            deployment = wait_for(lambda: get(f"{api}/deployments/name/sync/sync"))
            assert deployment["schedules"][0]["schedule"]["interval"] == 86_400
            assert "no account is synced yet" in deployment["description"]
            assert deployment["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"
            assert run_of(api, deployment)["state_type"] == "COMPLETED"
        with duckdb.connect(str(lab.home.published), read_only=True) as published:
            [[rows]] = published.execute("select count(*) from marts.fct_ledger_entries").fetchall()
        assert rows > 0
        with served(["-c", own[1]], api):
            daily = wait_for(lambda: get(f"{api}/deployments/name/sync/daily"))
            assert run_of(api, daily)["state_type"] == "COMPLETED"


def run_of(api: str, deployment: dict[str, Any]) -> dict[str, Any]:
    """Start a run of a deployment; the run when it has ended."""
    run = post(f"{api}/deployments/{deployment['id']}/create_flow_run", {})
    ended: dict[str, Any] = wait_for(
        lambda: (
            found
            if (found := get(f"{api}/flow_runs/{run['id']}"))["state_type"]
            in {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
            else None
        )
    )
    return ended


def test_serving_without_a_server_says_how_to_start_one(lab: Lab) -> None:
    lab.declare("bigone")
    done = lab.cli("serve", PREFECT_API_URL="")
    assert done.returncode == 1
    assert "prefect server start" in done.stderr


@pytest.mark.parametrize(
    ("window", "hours"),
    [
        (None, 24),
        (timedelta(days=90), 24),
        (timedelta(days=2), 12),
        (timedelta(hours=7), 1),
        (timedelta(minutes=5), 1),
    ],
)
def test_an_account_is_synced_four_times_before_a_row_expires(
    window: timedelta | None, hours: int
) -> None:
    assert schedule.every(window) == timedelta(hours=hours)


def test_each_account_has_an_interval_with_its_reason(shared: SharedHistory) -> None:
    with answers.published(shared.home) as warehouse:
        rows = {row["label"]: row for row in schedule.plan(warehouse)}
    assert {"bitget_main", "bigone_main", "bitmart_main"} <= rows.keys()
    assert not any(row["exchange"] == "bitmex" for row in rows.values())  # it has closed
    assert rows["bitget_main"]["reason"].endswith("are lost after 90 days")
    assert rows["bigone_main"]["reason"] == "no stream states when its rows expire"
    every, reason = schedule.shortest(list(rows.values()))
    assert every == min(row["every"] for row in rows.values())
    assert reason.split(":")[0] in rows


@contextmanager
def served(arguments: list[str], api: str) -> Iterator[None]:
    """Inside the context, a separate process serves the flow."""
    environment = os.environ | {"PREFECT_API_URL": api, "PREFECT_RUNNER_POLL_FREQUENCY": "1"}
    with subprocess.Popen([sys.executable, *arguments], cwd=PROJECT, env=environment) as server:
        try:
            yield
        finally:
            server.terminate()


def wait_for(look: Any, seconds: float = 240) -> Any:
    """Wait until `look` returns a value, and return it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if found := look():
                return found
        except OSError:  # it is not there yet
            pass
        time.sleep(0.5)
    raise AssertionError("nothing came")


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)


def post(url: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    return get(request)  # type: ignore[arg-type]
