"""The command line as a process: its output and its exit code."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import duckdb
import pytest
import typer
from typer.testing import CliRunner

from flows.cli import app as cli
from pipelines.home import PROJECT, Home
from tests.conftest import call_cli, run_cli

COMMANDS = sorted(typer.main.get_command(cli.app).commands)  # type: ignore[attr-defined]
READERS = ["status", "gaps", "deadlines", "checks", "findings"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_and_is_in_the_readme(command: str) -> None:
    shown = CliRunner().invoke(cli.app, [command, "--help"], prog_name="lookback")
    assert shown.exit_code == 0
    assert f"lookback {command}" in shown.stdout
    assert f"lookback {command}" in (PROJECT / "README.md").read_text()


def test_help_names_every_command_and_costs_little() -> None:
    seconds = []
    for _ in range(3):
        started = time.monotonic()
        shown = run_cli(["--help"])
        seconds.append(time.monotonic() - started)
    assert all(re.search(rf"^  {name}\b", shown.stdout, re.M) for name in COMMANDS)
    assert min(seconds) < 1.0  # 0.15 s on an idle machine; heavy imports take 2 s and more


def test_nothing_heavy_is_imported_for_help() -> None:
    import subprocess
    import sys

    code = "import sys, flows.cli.app; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"prefect", "dlt", "dbt", "duckdb", "pyarrow", "pandas", "uvicorn"} & set(loaded)


@pytest.mark.parametrize("command", READERS)
def test_a_reader_says_when_nothing_is_published(command: str, private_home: Home) -> None:
    shown = call_cli([command])
    assert shown.returncode == 1
    assert shown.stdout == ""
    assert "nothing is published yet" in shown.stderr
    assert "lookback sync" in shown.stderr
    assert "Traceback" not in shown.stderr


@pytest.mark.parametrize("command", READERS)
def test_an_error_stays_parseable_with_json(command: str, private_home: Home) -> None:
    shown = call_cli([command, "--json"])
    assert shown.returncode == 1
    error = json.loads(shown.stdout)["error"]
    assert error["what"] == "nothing is published yet"
    assert set(error) == {"what", "account", "stream", "remedy"}


@pytest.mark.parametrize("command", READERS)
def test_a_published_file_that_is_none_is_one_message(command: str, private_home: Home) -> None:
    private_home.published.write_bytes(b"not a database" * 1000)
    shown = call_cli([command, "--json"])
    assert shown.returncode == 1
    assert json.loads(shown.stdout)["error"]["what"]
    assert "Traceback" not in shown.stderr


@pytest.mark.parametrize("command", READERS)
def test_a_published_file_without_marts_is_one_message(command: str, private_home: Home) -> None:
    duckdb.connect(str(private_home.published)).close()
    shown = call_cli([command])
    assert shown.returncode == 1
    assert "Traceback" not in shown.stderr
    assert len(shown.stderr.strip().splitlines()) == 1


def test_sync_without_accounts_says_how_to_declare_one(private_home: Home) -> None:
    shown = call_cli(["sync"])
    assert shown.returncode == 1
    assert "no account is declared yet" in shown.stderr
    assert "config.toml" in shown.stderr
    assert not private_home.published.exists()


def test_sync_of_an_unknown_label_lists_the_known_ones(
    private_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    for field, value in {"EXCHANGE": "bitmex", "KEY": "k" * 24, "SECRET": "s" * 48}.items():
        monkeypatch.setenv(f"ACCOUNTS__MAIN__{field}", value)
    shown = call_cli(["sync", "other"])
    assert shown.returncode == 1
    assert shown.stderr.startswith("other: ")
    assert "main" in shown.stderr


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (
            ["import", "bitmex", "missing.json", "--account", "main"],
            "main: cannot read missing.json: no such file or directory. Check the path",
        ),
        (["import", "bitmex", "README.md", "--account", "main"], "README.md"),
        (["import", "nowhere", "README.md", "--account", "main"], "no such exchange: nowhere"),
        (["demo", "--size", "huge"], "no such size: huge"),
        (["sandbox", "--size", "huge"], "no such size: huge"),
        (["sandbox", "--pace", "-1"], "--pace must not be negative"),
    ],
)
def test_bad_input_is_one_message_and_not_a_traceback(
    arguments: list[str], complaint: str, prepared_home: Home
) -> None:
    shown = call_cli(arguments)
    assert shown.returncode == 1
    assert complaint in shown.stderr
    assert "Traceback" not in shown.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["gaps", "--nonsense"],
        ["sync", "--as-of", "yesterday"],
        ["import", "bitmex", "README.md"],
        ["sandbox", "--port", "many"],
    ],
)
def test_wrong_usage_exits_with_two(arguments: list[str]) -> None:
    shown = call_cli(arguments)
    assert shown.returncode == 2
    assert shown.stdout == ""
    assert "Traceback" not in shown.stderr


def test_a_port_that_is_taken_is_named(private_home: Home) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        shown = run_cli(["sandbox", "--port", port])
    assert shown.returncode == 1
    assert f"cannot listen on port {port}" in shown.stderr


def test_sandbox_first_prints_its_address_and_accounts(private_home: Home) -> None:
    import subprocess
    import sys

    with subprocess.Popen(
        [sys.executable, "-m", "flows.cli", "sandbox", "--size", "tiny"],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        text=True,
    ) as served:
        try:
            assert served.stdout is not None
            said = json.loads(served.stdout.readline())
        finally:
            served.terminate()
    assert said["url"].startswith("http://127.0.0.1:")
    for account in said["accounts"]:
        assert account["base_url"] == f"{said['url']}/{account['exchange']}"
        assert {"label", "key", "secret", "uid", "profile"} <= set(account)
    assert {"bitget", "bitmex"} <= {account["exchange"] for account in said["accounts"]}


def test_the_readme_shows_no_command_that_does_not_exist() -> None:
    text = (PROJECT / "README.md").read_text()
    named = set(re.findall(r"(?:^|[`/ ])lookback ([a-z]+)\b", text, re.M))
    prose = {"cannot", "needs", "is", "does", "keeps", "says", "pulls", "asks"}
    assert named - prose <= set(COMMANDS)


def test_reading_does_not_touch_the_warehouse(private_home: Home) -> None:
    run_cli(["gaps"])
    assert not private_home.warehouse.exists()
    assert not list(Path(private_home.data).glob("*.duckdb"))
