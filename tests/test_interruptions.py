"""An error while a stream is read ends only that stream, with a failed receipt."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipelines import registry
from pipelines.config.accounts import configured_accounts
from pipelines.errors import RequestError
from pipelines.extract import stream_reader
from pipelines.extract.client import ReadOnlySession, StreamClient, set_clock
from pipelines.extract.exchange import Identity
from pipelines.extract.paginators import Paginator
from pipelines.extract.progress import Progress
from pipelines.extract.records import RecordReader
from pipelines.extract.stream_reader import PageFilter, StreamReader
from pipelines.extract.work import Failure, Round, Tally
from pipelines.load import source, writer
from pipelines.load.account_sync import AccountSync
from pipelines.load.source import StreamLoad
from pipelines.sandbox.engine.server import Sandbox
from pipelines.spec import StreamSpec
from tests.conftest import Lab

NOW = datetime(2026, 9, 20, 12, tzinfo=UTC)  # every exchange is still there
STEPS: dict[str, tuple[Any, str]] = {
    "plan": (stream_reader, "plan_windows"),
    "ask": (Paginator, "init_request"),
    "parse": (StreamClient, "extract_response"),
    "read": (RecordReader, "_read_one"),
    "turn the page": (Paginator, "update_state"),
    "take": (PageFilter, "take"),
    "write": (source, "record_rows"),
    "write balances": (StreamLoad, "_keep_balances"),
    "close": (StreamReader, "_close"),
    "watch": (source, "vanished_rows"),
    "hand over": (writer, "rows_of"),
}


@dataclass
class Brought:
    """The items handed over by one read of a stream."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    receipts: list[dict[str, Any]] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with (
        Sandbox(size=3, pace=None, now=NOW, years=0.1) as box,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("LOOKBACK_HOME", str(tmp_path_factory.mktemp("interruptions")))
        patch.setattr("pipelines.extract.client._wait_before_next", lambda state: 0.0)
        yield Lab(box, history_home(), patch)


def history_home() -> Any:
    from pipelines.home import home

    return home()


def read(session: ReadOnlySession, stream: StreamSpec) -> Brought:
    """One reading of the stream, from its first question to its last receipt."""
    tally = Tally(10**9)
    visit = Round(
        session=session,
        identity=Identity(uid="1", kind=(stream.account_kinds or ("main",))[0]),
        account_id=f"{session.exchange.spec.name}:1",
        progress=Progress(scopes={stream.name: frozenset({"BTC-USDT"})} if stream.scope else {}),
        opened_at=NOW.replace(month=8),
        now=NOW,
        work_lists={},
        tally=tally,
        on_event=lambda stream, rows, share: None,
    )
    brought = Brought(failures=tally.failures)
    for item in StreamLoad(visit, stream).items():
        table = item.meta.hints["table_name"]
        found = item.data.to_pylist()
        if table == stream.name:
            brought.rows += found
        elif table == "receipts":
            brought.receipts += found
    assert tally.delivered == {stream.name}
    assert not visit.work_lists[stream.name].left
    return brought


def counted(patch: pytest.MonkeyPatch, calls: Counter[str], fail: tuple[str, int] | None) -> None:
    """Count the calls of each step; the one that `fail` names, by step and number, raises."""
    for step, (owner, name) in STEPS.items():
        patch.setattr(owner, name, counting(getattr(owner, name), step, calls, fail))


def counting(
    real: Callable[..., Any], step: str, calls: Counter[str], fail: tuple[str, int] | None
) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        calls[step] += 1
        if fail == (step, calls[step]):
            raise RecursionError("maximum recursion depth exceeded")
        return real(*args, **kwargs)

    return call


@pytest.mark.parametrize("name", registry.names())
def test_an_error_at_any_step_ends_one_stream_as_failed(lab: Lab, name: str) -> None:
    exchange = registry.exchange(name)
    account = configured_accounts([lab.declare(name)])[0]
    session = ReadOnlySession(exchange, account)
    set_clock(session)  # what is within reach depends on the exchange's time
    tried: Counter[str] = Counter()
    for stream in exchange.spec.streams:
        calls: Counter[str] = Counter()
        with pytest.MonkeyPatch.context() as patch:
            counted(patch, calls, None)
            whole = read(session, stream)
        for step, count in calls.items():
            for number in {1, count}:
                with pytest.MonkeyPatch.context() as patch:
                    counted(patch, Counter(), (step, number))
                    assert_recorded(whole, read(session, stream), f"{stream.name}: {step} {number}")
                tried[step] += 1
    session.close()
    assert set(tried) == set(STEPS)


def assert_recorded(whole: Brought, broken: Brought, case: str) -> None:
    """All rows lost by the error are in spans of failed receipts, per scope."""
    assert "unexpected" in {failure.kind for failure in broken.failures}, case
    assert "failed" in {receipt["outcome"] for receipt in broken.receipts}, case
    assert spans(broken) == spans(whole), case
    ids = {receipt["receipt_id"] for receipt in broken.receipts}
    assert {row["receipt_id"] for row in broken.rows} <= ids, case
    have = {row["record_hash"] for row in broken.rows}
    requested = spans(whole).values()
    for row in whole.rows:
        at = row["occurred_at"] or NOW
        # A list without a time filter also returns rows from before the requested span.
        was_asked = any(start <= at <= end for start, end in requested)
        if row["record_hash"] not in have and was_asked:
            assert any(
                receipt["outcome"] != "exhausted"
                and receipt["asked_from"] <= at <= receipt["asked_to"]
                for receipt in broken.receipts
            ), case


def spans(brought: Brought) -> dict[str, tuple[datetime, datetime]]:
    """From where to where the receipts of each scope reach."""
    found: dict[str, list[dict[str, Any]]] = {}
    for receipt in brought.receipts:
        found.setdefault(receipt["scope"], []).append(receipt)
    return {
        scope: (min(r["asked_from"] for r in of), max(r["asked_to"] for r in of))
        for scope, of in found.items()
    }


def synced(lab: Lab, label: str) -> set[tuple[Any, ...]]:
    """The rows that a sync stores in a new home; an interrupted round is repeated."""
    run = AccountSync(configured_accounts([label])[0], lab.home)
    run.prepare()
    cut_off = 0
    while not run.done:
        try:
            run.extract()
        except Exception:
            cut_off += 1
            assert cut_off < 2
            run.extract()
        run.load()
    assert run.result.failures == []
    return {
        (stream.name, *row)
        for stream in registry.exchange("bigone").spec.streams
        for row in lab.query(f"select record_id, record_hash from raw_bigone.{stream.name}")
    }


def test_an_interrupted_round_is_read_again(
    lab: Lab, tmp_path: Path, empty_warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dlt.extract.extractors import ArrowExtractor

    label = lab.declare("bigone")
    stored = []
    for place in ("undisturbed", "cut"):
        monkeypatch.setenv("LOOKBACK_HOME", str(tmp_path / place))
        there = Lab(lab.box, history_home(), lab.patch)
        shutil.copyfile(empty_warehouse, there.home.warehouse)
        if place == "cut":
            real, calls = ArrowExtractor.write_items, Counter[str]()

            def write(*args: Any, real: Any = real, calls: Any = calls) -> Any:
                calls["write"] += 1
                if calls["write"] == 6:
                    raise OSError("no space left on device")
                return real(*args)

            monkeypatch.setattr(ArrowExtractor, "write_items", write)
        stored.append(synced(there, label))
    assert stored[0] and stored[0] == stored[1]


def test_a_round_that_delivers_less_than_it_read_fails(
    lab: Lab, tmp_path: Path, empty_warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOOKBACK_HOME", str(tmp_path / "less"))
    home = history_home()
    shutil.copyfile(empty_warehouse, home.warehouse)
    run = AccountSync(configured_accounts([lab.declare("bigone")])[0], home)
    run.prepare()
    with monkeypatch.context() as patch:
        patch.setattr(StreamLoad, "items", lambda self: (item for item in ()))
        with pytest.raises(RequestError, match="not all rows that were read"):
            run.extract()
    run.extract()
    run._delivery.receipts += 1  # one that the warehouse will lack
    with pytest.raises(RequestError, match="not all rows that were read"):
        run.load()


def test_an_odd_answer_about_the_key_is_one_sentence(
    lab: Lab, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOOKBACK_HOME", str(tmp_path / "identity"))
    run = AccountSync(configured_accounts([lab.declare("bigone")])[0], history_home())
    run.prepare()
    monkeypatch.setattr("pipelines.exchanges.bigone.api.field_of", lambda raw, name: [][0])
    with pytest.raises(RequestError, match="IndexError"):
        run.extract()
