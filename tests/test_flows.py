"""The flow through a real Prefect server once; its handling of failures without one."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest

from flows.runtime.environment import without_secrets
from flows.runtime.outcome import Summary, SyncFailed, as_failure, merged_failures
from flows.runtime.prefect_server import quiet_prefect
from pipelines import registry
from pipelines.errors import LookbackError, RequestError
from pipelines.extract.work import Failure
from pipelines.home import Home
from tests.conftest import Lab

RAISES = """
from pipelines.extract.records import RecordReader

read = RecordReader.read


def read_or_raise(self, raws):
    if self.stream.exchange == "bigone" and self.stream.name == "withdrawals":
        raise RecursionError("maximum recursion depth exceeded")
    return read(self, raws)


RecordReader.read = read_or_raise
"""
"""A `sitecustomize` with which one stream of BigONE cannot be read."""


@pytest.mark.xdist_group("prefect")
def test_one_failure_is_a_gap_and_stops_no_other_stream(lab: Lab, tmp_path: Path) -> None:
    good = lab.declare("bitget")
    bad = lab.declare("bitmex", secret="not-the-right-secret-0123456789")
    lab.patch.setenv("ACCOUNTS__UNFINISHED__EXCHANGE", "bitmex")
    lab.patch.setenv("ACCOUNTS__UNFINISHED__KEY", "visible-nowhere-1234")
    partly = lab.declare("bigone")
    (tmp_path / "sitecustomize.py").write_text(RAISES)

    done = lab.cli("sync", PYTHONPATH=str(tmp_path))

    assert done.returncode == 1
    reported = done.stderr.split("could not be synced")[1]
    assert f"  {bad} · " in reported
    assert f"  {partly} · withdrawals: " in reported
    assert good not in reported
    assert "Traceback" not in done.stdout + done.stderr
    assert "secret missing" in done.stderr and "secrets.toml" in done.stderr
    for private in ("not-the-right-secret", "visible-nowhere"):
        assert private not in done.stdout + done.stderr
    with duckdb.connect(str(lab.home.published), read_only=True) as published:
        counted = published.execute(
            "select exchange, count(*) from marts.fct_ledger_entries group by exchange order by 1"
        ).fetchall()
        receipts = published.execute(
            "select stream, outcome = 'failed' from raw_bigone.receipts group by all order by 1"
        ).fetchall()
    assert [exchange for exchange, _ in counted] == ["bigone", "bitget"]
    assert counted[1][1] > 100
    # Every stream of that round left its receipts, and one of them alone says that it failed.
    history = {each.name for each in registry.exchange("bigone").spec.streams}
    assert [stream for stream, is_failed in receipts if is_failed] == ["withdrawals"]
    assert {stream for stream, _ in receipts} == history

    gaps = json.loads(lab.cli("gaps", "--json").stdout)
    assert {gap["label"] for gap in gaps} >= {good}
    for command in ("status", "gaps", "deadlines", "checks"):
        shown = lab.cli(command)
        assert shown.returncode == 0, shown.stderr
        assert max(len(line) for line in shown.stdout.splitlines()) <= 100
        assert isinstance(json.loads(lab.cli(command, "--json").stdout), list)

    # Of each stream one line, and each reason once below them.
    lights = json.loads(lab.cli("status", "--json").stdout)
    # An account that never could be read has a row in each answer, with the reason.
    [unread] = [light for light in lights if light["label"] == bad]
    assert (unread["light"], unread["state"]) == ("red", "never_connected")
    for command in ("gaps", "deadlines", "accounts"):
        rows = json.loads(lab.cli(command, "--json").stdout)
        assert unread["reason"] in [value for row in rows for value in row.values()]
    counts, lines, notes = lab.cli("status", "--all").stdout.split("\n\n", 2)
    assert counts.startswith(f"{len(lights)} streams: ")
    assert len(lines.splitlines()) == len(lights) + 2
    assert len(re.findall(r"^\[\d+\] ", notes, re.MULTILINE)) == len(
        {light["reason"] for light in lights}
    )

    # Without an option, each account has one line.
    lines, notes = lab.cli("status").stdout.split("\n\n", 1)
    assert [line.split()[0] for line in lines.splitlines()[2:]] == sorted([good, bad])
    assert f"{bad}: " in notes
    assert lab.cli("status", "--check").returncode == 1

    again = lab.cli("sync", good)
    assert again.returncode == 0, again.stderr

    # The server, the logs and the state of the run know labels, and no key.
    card = lab.box.account("bitget")
    for file in (lab.home.data / "prefect").rglob("*"):
        if file.is_file():
            assert card["secret"].encode() not in file.read_bytes(), file


def test_failures_of_many_scopes_are_reported_once() -> None:
    failures = [
        Failure(
            stream="transfer_records",
            outcome="failed",
            kind="cut_short",
            what="the answer was cut short",
            remedy="run the sync again",
            scope=scope,
        )
        for scope in ("BTC", "ETH", "SOL", "USDT")
    ]
    [reported] = merged_failures("main", [*failures, *failures])
    assert str(reported) == (
        "main · transfer_records: the answer was cut short (BTC, ETH, SOL and 1 more). "
        "Run the sync again."
    )


def test_any_error_names_its_account_and_what_to_do() -> None:
    foreseen = as_failure(RequestError("wrong key", kind="wrong_key", stream="identity"), "main")
    assert (foreseen.account, foreseen.stream) == ("main", "identity")
    unforeseen = as_failure(ZeroDivisionError("division by zero"), "main")
    assert "ZeroDivisionError: division by zero" in str(unforeseen)
    assert unforeseen.account == "main"
    assert unforeseen.remedy


def test_a_failed_sync_says_all_that_failed() -> None:
    errors = [LookbackError("no", account=name, remedy=f"mend {name}") for name in ("a", "b")]
    failed = SyncFailed(Summary(failures=errors))
    assert "2 streams or accounts" in str(failed)
    assert "Mend a" in str(failed)
    assert "Mend b" in str(failed)


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (ConnectionResetError("gone"), True),
        (RequestError("busy", kind="overloaded", retry=True), True),
        (RequestError("wrong key", kind="wrong_key", outcome="refused"), False),
        (LookbackError("another account"), False),
    ],
)
def test_only_what_may_pass_is_tried_again(error: Exception, again: bool) -> None:
    from flows.sync import may_pass

    state: Any = SimpleNamespace(result=lambda raise_on_failure: error)
    assert may_pass(None, None, state) is again


def test_children_do_not_inherit_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCOUNTS__MAIN__SECRET", "x")
    monkeypatch.setenv("WAREHOUSE_PATH", "kept")
    environment = without_secrets()
    assert "ACCOUNTS__MAIN__SECRET" not in environment
    assert environment["WAREHOUSE_PATH"] == "kept"


def test_what_the_user_set_for_prefect_stays(
    private_home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_LOGGING_LEVEL", "DEBUG")
    monkeypatch.delenv("PREFECT_HOME", raising=False)
    import os

    with monkeypatch.context():
        before = dict(os.environ)
        quiet_prefect(private_home)
        assert os.environ["PREFECT_LOGGING_LEVEL"] == "DEBUG"
        assert os.environ["PREFECT_HOME"] == str(private_home.data / "prefect")
        os.environ.clear()
        os.environ.update(before)
