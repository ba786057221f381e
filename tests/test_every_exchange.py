"""The contract every exchange keeps, over the registry: a new one is held to it by being there.

Through the sandbox over HTTP into a real warehouse; what the models make of it is tested apart.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from pipelines import registry
from pipelines.accounts import configured_accounts
from pipelines.client import ExchangeClock, ReadOnlySession
from pipelines.errors import LookbackError
from pipelines.history import StreamVisit, Tally, Visit
from pipelines.home import PROJECT, Home, home
from pipelines.load import AccountSync, prepare_warehouse
from pipelines.progress import Progress, read_progress
from pipelines.sandbox.server import Sandbox
from pipelines.spec import StreamSpec
from tests.conftest import Lab
from tests.turned_clock import TurnedClock, speed

NOW = datetime(2026, 9, 20, 12, tzinfo=UTC)  # every exchange is still there
EXCHANGES = registry.names()
PASSING = ["429", "500", "503", "cut_json", "cut_body", "reset", "slow"]
LASTING = {  # what each is called on the receipt; a closed exchange says so instead of pages
    "429": "rate_limited",
    "500": "server_error",
    "503": "server_error",
    "cut_json": "cut_short",
    "cut_body": "cut_short",
    "reset": "unreachable",
    "html_403": "blocked",
    "html_200": "blocked",
    "closed": "blocked",
}


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(size="tiny", pace=None, now=NOW, years=1.2, ties=(700,)) as running:
        yield running


@pytest.fixture
def lab(box: Sandbox, prepared_home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """A lab on the shared sandbox, whose clock and faults are put back."""
    box.set_now(NOW)
    # Waiting between attempts is tested with the client; here it would only take time.
    monkeypatch.setattr("pipelines.client._wait_before_next", lambda state: 0.0)
    yield Lab(box, prepared_home, monkeypatch)
    box.clear_faults()
    box.set_now(NOW)


@pytest.fixture(scope="module")
def clean(
    box: Sandbox, tmp_path_factory: pytest.TempPathFactory, empty_warehouse: Path
) -> dict[str, set[tuple]]:
    """What an undisturbed sync of each main account brings."""
    brought = {}
    for name in EXCHANGES:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("LOOKBACK_HOME", str(tmp_path_factory.mktemp(f"clean_{name}")))
            shutil.copyfile(empty_warehouse, home().warehouse)
            undisturbed = Lab(box, home(), patch)
            undisturbed.sync(undisturbed.declare(name))
            brought[name] = records(undisturbed, name)
    return brought


def history(name: str) -> list[str]:
    spec = registry.exchange(name).spec
    return [stream.name for stream in spec.streams if stream.kind == "history"]


def history_of(lab: Lab, name: str) -> list[str]:
    """The history streams that exist for the kind of account that was synced."""
    spec = registry.exchange(name).spec
    [(kind,)] = lab.query(f"select distinct account_kind from raw_{name}.accounts")
    return [stream for stream in history(name) if spec.stream(stream).serves(kind or "")]


def records(lab: Lab, name: str) -> set[tuple]:
    """Every stored version of every record of the history streams; doubles fail the test."""
    rows = [
        (stream, *row)
        for stream in history(name)
        for row in lab.query(f"select account_id, record_id, record_hash from raw_{name}.{stream}")
    ]
    assert len(rows) == len(set(rows)), "a record is stored twice"
    return set(rows)


def of(streams: set[str], found: set[tuple]) -> set[tuple]:
    return {row for row in found if row[0] in streams}


def beyond_reading(name: str) -> set[str]:
    """Streams that a key which only reads is not asked to read."""
    return {stream.name for stream in registry.exchange(name).spec.streams if stream.needs_right}


def open_ends(lab: Lab, name: str) -> set[str]:
    """Streams that say something was not read, but for those that reading is not enough for."""
    rows = lab.query(
        f"select distinct stream from raw_{name}.receipts where outcome not in "
        "('exhausted', 'unresolved')"
    )
    return {stream for (stream,) in rows} - beyond_reading(name)


@pytest.mark.parametrize("name", EXCHANGES)
def test_the_ledger_is_the_truth_inside_its_floor(name, lab, clean):
    """Record by record: nothing missing, nothing made up."""
    card = lab.box.account(name)
    truth = lab.box.truth(card["label"])
    known = {row[2] for row in clean[name]}
    lab.sync(lab.declare(name))
    floors = lab.query(f"select min(occurred_at) from raw_{name}.{ledger_of(name)}")
    oldest = floors[0][0]
    wallet = registry.exchange(name).spec.stream(ledger_of(name)).wallet
    expected = {
        row["record_id"]
        for row in truth["movements"]
        if datetime.fromisoformat(row["at"]) >= oldest
        and (row["wallet"] == wallet or not wallet)
        and (row["record_id"] or wallet)  # no route of BigONE tells moves between own wallets
    }
    assert expected and expected <= known


def ledger_of(name: str) -> str:
    """The stream whose rows are the ledger, or the first of those it is put together from."""
    spec = registry.exchange(name).spec
    return next(s.name for s in spec.streams if "ledger" in (*s.entities, *s.part_of))


@pytest.mark.parametrize("name", EXCHANGES)
def test_syncing_twice_adds_no_record(name, lab, clean):
    label = lab.declare(name)
    lab.sync(label)
    assert records(lab, name) == clean[name]
    lab.sync(label)
    assert records(lab, name) == clean[name]


@pytest.mark.parametrize("name", EXCHANGES)
def test_every_declared_stream_has_its_table_even_when_empty(name, lab):
    label = lab.declare(f"{name}-empty")
    lab.sync(label)
    for stream in registry.exchange(name).spec.streams:
        columns = lab.query(
            "select column_name from information_schema.columns "
            f"where table_schema = 'raw_{name}' and table_name = '{stream.name}'"
        )
        assert {"account_id", "record_id", "record", "receipt_id"} <= {c for (c,) in columns}
    assert records(lab, name) == set()
    assert open_ends(lab, name) == set()
    rows = lab.query(f"select distinct outcome from raw_{name}.receipts where outcome != 'refused'")
    assert rows == [("exhausted",)]


@pytest.mark.parametrize("name", EXCHANGES)
def test_every_window_asked_has_a_receipt_and_every_row_its_receipt(name, lab):
    lab.sync(lab.declare(name))
    for stream in history_of(lab, name):
        scope = registry.exchange(name).spec.stream(stream).scope
        asked = lab.query(
            f"select scope, asked_from, asked_to from raw_{name}.receipts "
            f"where stream = '{stream}' order by scope, asked_from"
        )
        assert asked or scope
        for before, after in pairwise(asked):
            assert before[0] != after[0] or before[2] == after[1], "a hole between receipts"
        orphans = lab.query(
            f"select count(*) from raw_{name}.{stream} where receipt_id not in "
            f"(select receipt_id from raw_{name}.receipts)"
        )
        assert orphans == [(0,)]


@pytest.mark.parametrize("fault", PASSING)
@pytest.mark.parametrize("name", EXCHANGES)
def test_passing_faults_change_nothing(name, fault, lab, clean):
    label = lab.declare(name)
    for nth in (3, 7, 12, 20, 40):
        lab.box.fault(fault, exchange=name, after=nth, times=1, seconds=0.2)
    (result,) = lab.sync(label).values()
    assert result.failures == []
    assert records(lab, name) == clean[name]


@pytest.mark.parametrize("fault", LASTING)
@pytest.mark.parametrize("name", EXCHANGES)
def test_a_lasting_fault_leaves_receipts_and_the_next_sync_the_truth(name, fault, lab, clean):
    """One stream is hit for good: the others come whole, and nothing looks empty that was not."""
    label = lab.declare(name)
    stream = registry.exchange(name).spec.stream(ledger_of(name))
    lab.box.fault(fault, exchange=name, path=stream.path, times=None)
    (result,) = lab.sync(label).values()
    assert {failure.stream for failure in result.failures} == {stream.name}
    assert all(failure.what and failure.remedy for failure in result.failures)
    closed = "venue_closed" if registry.exchange(name).spec.lifecycle == "closed" else ""
    assert result.failures[0].kind in (LASTING[fault], closed)
    # A scoped stream may lack what only the ledger names: a delisted coin, this time around.
    spec = registry.exchange(name).spec
    others = {each.name for each in spec.streams if not each.scope} - {stream.name}
    assert of(others, records(lab, name)) == of(others, clean[name])
    assert open_ends(lab, name) == {stream.name}
    lab.box.clear_faults()
    (result,) = lab.sync(label).values()
    assert result.failures == []
    assert records(lab, name) == clean[name]


@pytest.mark.parametrize("name", EXCHANGES)
def test_a_repeated_page_adds_nothing_and_loses_nothing(name, lab, clean):
    label = lab.declare(name)
    stream = registry.exchange(name).spec.stream(ledger_of(name))
    lab.box.fault("duplicate", exchange=name, path=stream.path, after=1, times=1)
    lab.sync(label)
    lab.sync(label)
    assert records(lab, name) <= clean[name]


@pytest.mark.parametrize("name", EXCHANGES)
def test_a_sync_killed_anywhere_is_finished_by_the_next(name, lab, clean):
    """SIGKILL at random moments, then one undisturbed sync: exactly the truth."""
    lab.home.warehouse.unlink()  # the first run makes its tables, too
    label = lab.declare(name)
    chance = random.Random(7)
    for _ in range(4):
        child = subprocess.Popen(
            [sys.executable, "-c", SYNC_ONCE, label], cwd=PROJECT, env=dict(os.environ)
        )
        time.sleep(1.0 + chance.random() * 3.0)
        child.send_signal(signal.SIGKILL)
        child.wait()
    lab.sync(label)
    assert records(lab, name) == clean[name]
    for table in ("receipts", "balances", "accounts"):
        doubles = lab.query(
            f"select count(*) - count(distinct ({', '.join(KEYS[table])})) from raw_{name}.{table}"
        )
        assert doubles == [(0,)]


KEYS = {
    "receipts": ("receipt_id",),
    "balances": ("account_id", "stream", "record_id", "taken_at"),
    "accounts": ("account_id", "label", "checked_at"),
}
SYNC_ONCE = """
import sys
from pipelines.accounts import configured_accounts
from pipelines.home import home
from pipelines.load import AccountSync, prepare_warehouse
prepare_warehouse(home())
(account,) = configured_accounts(sys.argv[1:])
run = AccountSync(account, home(), row_budget=100)
run.prepare()
while not run.done:
    run.extract()
    run.load()
"""


@pytest.mark.parametrize("name", EXCHANGES)
def test_small_loads_bring_the_same_as_a_large_one(name, lab, clean):
    label = lab.declare(name)
    prepare_warehouse(lab.home)
    (account,) = configured_accounts([label])
    run = AccountSync(account, lab.home, row_budget=60)
    run.prepare()
    rounds = 0
    while not run.done:
        run.extract()
        run.load()
        rounds += 1
    assert rounds > 2
    assert records(lab, name) == clean[name]


WRONG = [("key", "wrong_key"), ("secret", "wrong_secret")]


@pytest.mark.parametrize(("field", "kind"), WRONG)
@pytest.mark.parametrize("name", EXCHANGES)
def test_a_wrong_credential_is_named_and_its_value_is_not(name, field, kind, lab):
    label = lab.declare(name, **{field: "not-the-right-one"})
    with pytest.raises(LookbackError) as caught:
        lab.sync(label)
    message = str(caught.value)
    # BigONE does not say which of the two is wrong.
    assert caught.value.kind in (kind, "wrong_key_or_secret")
    assert message.startswith(f"{label} · identity: ") and caught.value.remedy
    card = lab.box.account(name)
    for secret in ("not-the-right-one", card["secret"], card["passphrase"] or "not-the-right-one"):
        assert secret not in message


@pytest.mark.parametrize("name", EXCHANGES)
def test_a_key_that_is_refused_later_leaves_receipts_and_loses_nothing(name, lab, clean):
    label = lab.declare(name)
    lab.sync(label)
    lab.declare(name, secret="revoked-by-now")
    lab.box.advance(timedelta(days=1))
    (result,) = lab.sync(label).values()
    (failure,) = result.failures
    assert failure.kind in ("wrong_secret", "wrong_key_or_secret")
    assert open_ends(lab, name) == set(history_of(lab, name)) - beyond_reading(name)
    assert records(lab, name) == clean[name]


@pytest.mark.parametrize("profile", ["disabled", "ip-bound"])
@pytest.mark.parametrize("name", EXCHANGES)
def test_a_key_that_may_not_be_used_is_one_clear_error(name, profile, lab):
    label = lab.declare(f"{name}-{profile}")
    with pytest.raises(LookbackError) as caught:
        lab.sync(label)
    assert caught.value.outcome == "refused" and caught.value.remedy


@pytest.mark.parametrize("name", EXCHANGES)
def test_a_key_with_power_is_read_with_and_warned_about(name, lab):
    label = lab.declare(f"{name}-withdrawing")
    (result,) = lab.sync(label).values()
    [(can_withdraw,)] = lab.query(f"select can_withdraw from raw_{name}.accounts")
    if can_withdraw is None:
        pytest.skip(f"{name} does not tell what a key may do")
    assert can_withdraw
    assert any("withdraw" in warning for warning in result.warnings)


@pytest.mark.parametrize("name", EXCHANGES)
def test_a_key_of_another_account_under_the_same_label_is_refused(name, lab):
    label = lab.declare(name)
    lab.sync(label)
    lab.declare(f"{name}-empty", label=label)
    with pytest.raises(LookbackError, match="the label stands for"):
        lab.sync(label)


@pytest.mark.parametrize("name", EXCHANGES)
def test_a_clock_that_is_off_is_corrected_and_named(name, lab):
    """The sandbox stands in September; this machine's clock is the one that is off."""
    (result,) = lab.sync(lab.declare(name)).values()
    assert any("clock" in warning for warning in result.warnings)
    (skew,) = lab.query(f"select clock_skew_ms from raw_{name}.accounts")[0]
    assert abs(skew) > 1_000_000


@pytest.mark.parametrize("name", EXCHANGES)
def test_no_secret_is_stored_anywhere(name, lab):
    card = lab.box.account(name)
    label = lab.declare(name)
    lab.box.fault("500", exchange=name, path=registry.exchange(name).spec.streams[0].path)
    lab.sync(label)
    secrets = [card[field] for field in ("key", "secret", "passphrase") if card[field]]
    for path in lab.home.root.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not any(secret.encode() in content for secret in secrets), path


@pytest.mark.parametrize("name", EXCHANGES)
def test_only_reads_reach_the_exchange(name, lab):
    lab.sync(lab.declare(name))
    spec = registry.exchange(name).spec
    log = [entry for entry in lab.box.requests()["log"] if entry["exchange"] == name]
    asked = {(entry["method"], entry["path"]) for entry in log}
    assert asked <= spec.reads() | {("GET", registry.exchange(name).clock_path)}
    # A POST is asked only where the exchange takes its queries so.
    assert {path for method, path in asked if method == "POST"} <= {
        stream.path for stream in spec.streams if stream.method == "POST"
    }


def slowest_streams(lab: Lab, name: str) -> list[StreamSpec]:
    """The history streams this account can be asked with the least requests a second."""
    spec = registry.exchange(name).spec
    shared = [rate for rate in (spec.account_rate, spec.ip_rate) if rate]

    def least(stream: StreamSpec) -> float:
        return min(speed(rate) for rate in [*shared, *([stream.rate] if stream.rate else [])])

    asked = set(history_of(lab, name)) - beyond_reading(name)
    streams = [stream for stream in spec.streams if stream.name in asked]
    slowest = min(least(stream) for stream in streams)
    return [stream for stream in streams if least(stream) == slowest]


@pytest.mark.parametrize("name", EXCHANGES)
def test_a_long_extraction_uses_its_documented_budget_and_never_more(name, lab):
    """On a clock that only waiting moves: the whole life, again and again, of what is slowest."""
    label = lab.declare(name)
    (result,) = lab.sync(label).values()
    (account,) = configured_accounts([label])
    exchange = registry.exchange(name)
    scopes = read_progress(lab.home.warehouse, exchange.spec, result.account_id).scopes
    slowest = slowest_streams(lab, name)
    clock = TurnedClock(lab.box)
    session = ReadOnlySession(
        exchange, replace(account, pace=1.0), pacer=clock.pacer, clock=ExchangeClock(clock.moment)
    )
    for _ in range(400):
        for stream in slowest:
            visit = Visit(
                session=session, identity=None, account_id=result.account_id,
                progress=Progress(scopes=scopes), opened_at=None, now=NOW, agendas={},
                tally=Tally(10**9), on_event=lambda stream, rows, share: None,
            )  # fmt: skip
            assert list(StreamVisit(visit, stream).items()) and not visit.tally.failures
        rate = clock.rates[clock.tightest()]
        enough = max(20, rate.requests * 3 // 2 + (rate.burst or 0))
        if len(clock.sent[clock.tightest()]) >= enough:
            break
    session.close()
    clock.assert_no_bucket_ran_over()
    assert clock.share_of_budget(clock.tightest()) >= 0.9


@pytest.mark.parametrize("name", EXCHANGES)
def test_documented_rates_are_kept_without_a_single_429(name, prepared_home, monkeypatch):
    """At four times the documented speed, enforced by the stand-in at that speed.

    What is sent when is tested on a turned clock with the pacer; here it has to arrive so, too.
    """
    with Sandbox(size="tiny", pace=4.0, now=NOW, years=0.4, exchanges=[name]) as box:
        lab = Lab(box, prepared_home, monkeypatch)
        label = lab.declare(name, pace="4")
        box.set_now(None)
        (result,) = lab.sync(label).values()
        assert result.failures == []
        assert "429" not in box.requests()["by_status"]
