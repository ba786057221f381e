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
from pathlib import Path
from typing import Any

import duckdb
import pytest

import flows
from flows.runtime.prefect_server import temporary_server, wait_until_up
from pipelines.home import PROJECT
from tests.conftest import Lab


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
def test_the_schedule_of_the_readme_publishes_rows(lab: Lab) -> None:
    lab.declare("bigone")
    lab.patch.setenv("PREFECT_HOME", str(lab.home.data / "prefect"))
    command = re.search(r'python -c "(.+sync\.serve\(.+)"', (PROJECT / "README.md").read_text())
    assert command is not None
    with temporary_server() as api:
        wait_until_up(api)
        with served(command[1], api):
            deployment = wait_for(lambda: get(f"{api}/deployments/name/sync/daily"))
            run = post(f"{api}/deployments/{deployment['id']}/create_flow_run", {})
            ended = wait_for(
                lambda: (
                    found
                    if (found := get(f"{api}/flow_runs/{run['id']}"))["state_type"]
                    in {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
                    else None
                )
            )
    assert ended["state_type"] == "COMPLETED", ended["state"]
    with duckdb.connect(str(lab.home.published), read_only=True) as published:
        [[rows]] = published.execute("select count(*) from marts.fct_ledger_entries").fetchall()
    assert rows > 0


@contextmanager
def served(code: str, api: str) -> Iterator[None]:
    """Inside the context, a separate process serves the flow."""
    environment = os.environ | {"PREFECT_API_URL": api, "PREFECT_RUNNER_POLL_FREQUENCY": "1"}
    with subprocess.Popen([sys.executable, "-c", code], cwd=PROJECT, env=environment) as server:
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
