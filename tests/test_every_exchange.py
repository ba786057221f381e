"""The contract that every exchange must fulfil; a new exchange is tested without any change here.

From the sandbox over HTTP into a real warehouse; the models have their own tests.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from pipelines import registry
from pipelines.config.accounts import configured_accounts
from pipelines.errors import LookbackError
from pipelines.extract.client import ExchangeClock, NotARead, ReadOnlySession, fetch, set_clock
from pipelines.extract.progress import Progress, read_progress
from pipelines.extract.windows import FLOOR_MARGIN
from pipelines.extract.work import Round, Tally
from pipelines.home import PROJECT, Home, home
from pipelines.load.account_sync import AccountSync
from pipelines.load.source import StreamLoad
from pipelines.load.warehouse import prepare_warehouse
from pipelines.sandbox.engine.server import Sandbox
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
    "418": "rate_limited",
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
    monkeypatch.setattr("pipelines.extract.client._wait_before_next", lambda state: 0.0)
    yield Lab(box, prepared_home, monkeypatch)
    box.clear_faults()
    box.set_now(NOW)


@pytest.fixture(scope="module")
def clean(
    box: Sandbox, tmp_path_factory: pytest.TempPathFactory, empty_warehouse: Path
) -> dict[str, set[tuple]]:
    """The result of an undisturbed sync of each main account."""
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
    """Streams that are not requested with a read-only key."""
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
    """Record by record: nothing missing. That nothing is made up, the counts below say."""
    card = lab.box.account(name)
    truth = lab.box.truth(card["label"])
    stream = registry.exchange(name).spec.stream(ledger_of(name))
    known = {row[2] for row in clean[name]}
    # A ledger that is derived from many lists begins where the last of them does.
    parts = {s for s in registry.exchange(name).spec.streams if "ledger" in s.part_of} | {stream}
    opened_at = datetime.fromisoformat(truth["opened_at"])
    oldest = max(simulator_floor(name, part, opened_at) for part in parts)
    expected = {
        row["record_id"]
        for row in truth["movements"]
        if datetime.fromisoformat(row["at"]) >= oldest
        and (row["wallet"] == stream.wallet or not stream.wallet)
        # No route of BigONE lists transfers between own wallets.
        and (row["record_id"] or stream.wallet)
    }
    assert expected and expected <= known


SILENT_FLOORS = {("bitmart", "futures_ledger"): timedelta(days=180)}
"""Retentions of the simulators that are not documented, within this history."""


def simulator_floor(name: str, stream: StreamSpec, opened_at: datetime) -> datetime:
    """The oldest moment at which the simulator still has a record of that stream.

    Of a floor that moves, what a sync may leave aside lest it has gone meanwhile.
    """
    kept = stream.retention - FLOOR_MARGIN if stream.retention else None
    kept = SILENT_FLOORS.get((name, stream.name), kept)
    return opened_at if kept is None else max(opened_at, NOW - kept)


@pytest.mark.parametrize("name", EXCHANGES)
def test_every_stream_brings_as_many_records_as_there_are(name, lab, clean):
    """The rows equal the simulator's own count from the floor on."""
    label = lab.box.account(name)["label"]
    parts = frozenset({"counts", "movements"})
    truth = lab.box.truth(label, parts=parts)
    brought = Counter(stream for stream, *_ in {row[:3] for row in clean[name]})
    counted = set(history(name)) & set(truth["counts"])
    for stream in counted:
        spec = registry.exchange(name).spec.stream(stream)
        floor = simulator_floor(name, spec, datetime.fromisoformat(truth["opened_at"]))
        before = lab.box.truth(label, floor - timedelta(milliseconds=1), parts)["counts"]
        reported = truth["counts"][stream] - before[stream] - delisted(name, stream, truth)
        assert brought[stream] == reported, stream
    spec = registry.exchange(name).spec
    requested = {s for s in history(name) if not spec.stream(s).account_kinds}
    assert counted >= requested - beyond_reading(name) - UNCOUNTED.get(name, set())


DELISTED = {("binance", "trades"): {"MOONUSDT"}}
"""Pairs that are refused by the time of the first sync; their record ids begin with the pair."""


def delisted(name: str, stream: str, truth: dict) -> int:
    """The number of records of refused pairs in the stream."""
    pairs = tuple(f"{pair}|" for pair in DELISTED.get((name, stream), ()))
    ids = {str(row["record_id"]) for row in truth["movements"]}
    return sum(record_id.startswith(pairs) for record_id in ids)


UNCOUNTED: dict[str, set[str]] = {
    "bitmex": {"funding_rates", "settlements"},
}
"""History that is not the account's own, and that is not in the ground truth."""


@pytest.mark.parametrize("name", EXCHANGES)
def test_crowded_moments_are_read_completely(name, private_home, monkeypatch):
    """No row is missing by the simulator's count, unless a receipt is unresolved.

    BitMart returns one page per moment: the rest of a crowded moment cannot be requested.
    """
    streams = registry.exchange(name).spec.streams
    page = max(stream.page_size for stream in streams if "trades" in stream.entities)
    crowd = max(520, page + 20)
    with Sandbox(size=1_500, now=NOW, years=0.2, ties=(crowd,), exchanges=[name]) as box:
        lab = Lab(box, private_home, monkeypatch)
        label = lab.declare(name)
        (result,) = lab.sync(label).values()
        parts = frozenset({"counts", "movements"})
        truth = box.truth(box.account(name)["label"], parts=parts)
    assert result.failures == []
    crowds = {}
    for stream in history_of(lab, name):
        ((crowd, every),) = lab.query(
            "select coalesce(max(records), 0), coalesce(sum(records), 0) from "
            "(select count(distinct record_id) as records "
            f"from raw_{name}.{stream} group by occurred_at)"
        )
        page = registry.exchange(name).spec.stream(stream).page_size
        crowds[stream] = (crowd, page)
        if crowd >= page:
            ((unresolved,),) = lab.query(
                f"select count(*) from raw_{name}.receipts "
                f"where stream = '{stream}' and outcome = 'unresolved'"
            )
            # A cursor that is reported to drop rows is not believed even where it dropped none.
            whole = every == truth["counts"][stream] - delisted(name, stream, truth)
            assert whole or unresolved, stream
            assert not unresolved or whole or crowd == page, stream
    assert any(crowd >= page for crowd, page in crowds.values()), crowds


def ledger_of(name: str) -> str:
    """The stream with the ledger, or the first of those from which it is derived."""
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
def test_every_window_and_row_has_a_receipt(name, lab):
    lab.sync(lab.declare(name))
    for stream in history_of(lab, name):
        scope = registry.exchange(name).spec.stream(stream).scope
        requested = lab.query(
            f"select scope, asked_from, asked_to from raw_{name}.receipts "
            f"where stream = '{stream}' order by scope, asked_from"
        )
        assert requested or scope
        for before, after in pairwise(requested):
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
def test_a_sync_after_a_lasting_fault_is_complete(name, fault, lab, clean):
    """A permanent fault of one stream leaves the others complete, and no stream looks empty."""
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
    """SIGKILL at random moments, then one undisturbed sync: exactly the ground truth.

    The moment follows from the requests, so it does not depend on the machine's speed: some moments
    are during the responses, and some later, while rows are written and loaded.
    """
    lab.home.warehouse.unlink()  # the first run makes its tables, too
    label = lab.declare(name)
    chance = random.Random(7)
    cut_off = 0
    for wait in (0.0, 0.3, 0.8, 1.5):
        heard = len(lab.box.shell.log)
        child = subprocess.Popen(
            [sys.executable, "-c", SYNC_ONCE, label], cwd=PROJECT, env=dict(os.environ)
        )
        enough = heard + chance.randint(8, 20)
        while child.poll() is None and len(lab.box.shell.log) < enough:
            time.sleep(0.002)
        time.sleep(wait)
        child.send_signal(signal.SIGKILL)
        cut_off += child.wait() == -signal.SIGKILL
    assert cut_off >= 3, "the syncs were through before they were killed"
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
from pipelines.config.accounts import configured_accounts
from pipelines.home import home
from pipelines.load.account_sync import AccountSync
from pipelines.load.warehouse import prepare_warehouse
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


WRONG = [
    ("key", {"wrong_key"}),
    ("secret", {"wrong_secret"}),
    # BitMart checks its memo as a part of the signature.
    ("passphrase", {"wrong_passphrase", "wrong_secret"}),
]


@pytest.mark.parametrize(
    ("name", "field", "kinds"),
    [
        (name, field, kinds)
        for name in EXCHANGES
        for field, kinds in WRONG
        if field in registry.exchange(name).spec.credential_fields
    ],
)
def test_a_wrong_credential_is_named_and_its_value_is_not(name, field, kinds, lab):
    label = lab.declare(name, **{field: "not-the-right-one"})
    with pytest.raises(LookbackError) as caught:
        lab.sync(label)
    message = str(caught.value)
    # BigONE does not say which of the two is wrong.
    assert caught.value.kind in kinds | {"wrong_key_or_secret"}
    assert message.startswith(f"{label} · identity: ") and caught.value.remedy
    card = lab.box.account(name)
    for secret in ("not-the-right-one", card["secret"], card["passphrase"] or "not-the-right-one"):
        assert secret not in message


@pytest.mark.parametrize("name", EXCHANGES)
def test_a_key_refused_later_leaves_receipts(name, lab, clean):
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
def test_an_unusable_key_is_one_clear_error(name, profile, lab):
    label = lab.declare(f"{name}-{profile}")
    with pytest.raises(LookbackError) as caught:
        lab.sync(label)
    assert caught.value.outcome == "refused" and caught.value.remedy


SILENT_ON_RIGHTS = {"bigone"}
"""Exchanges that do not state the rights of a key; their guide says so."""


@pytest.mark.parametrize("name", EXCHANGES)
def test_a_key_with_power_is_read_with_and_warned_about(name, lab):
    label = lab.declare(f"{name}-withdrawing")
    (result,) = lab.sync(label).values()
    [(can_withdraw,)] = lab.query(f"select can_withdraw from raw_{name}.accounts")
    if name in SILENT_ON_RIGHTS:
        assert can_withdraw is None
        return
    assert can_withdraw
    assert any("withdraw" in warning for warning in result.warnings)


@pytest.mark.parametrize("name", EXCHANGES)
def test_a_key_of_another_account_is_refused(name, lab):
    label = lab.declare(name)
    lab.sync(label)
    lab.declare(f"{name}-empty", label=label)
    with pytest.raises(LookbackError, match="the label stands for"):
        lab.sync(label)


@pytest.mark.parametrize("ours", ["fast", "slow"])
@pytest.mark.parametrize("name", EXCHANGES)
def test_a_clock_that_is_off_is_corrected_and_named(name, ours, lab):
    """The sandbox is in September, or in two days, so this machine's clock is wrong."""
    if ours == "slow":
        lab.box.set_now(datetime.now(UTC) + timedelta(days=2))
    (result,) = lab.sync(lab.declare(name)).values()
    assert result.failures == [] and result.rows
    assert any("clock" in warning for warning in result.warnings)
    (skew,) = lab.query(f"select clock_skew_ms from raw_{name}.accounts")[0]
    assert skew < -1_000_000 if ours == "fast" else skew > 1_000_000


@pytest.mark.parametrize("hours", [1, -1])
@pytest.mark.parametrize("name", EXCHANGES)
def test_a_clock_change_during_a_sync_is_corrected(name, hours, lab):
    """A rejected timestamp is not a wrong key, and the request is sent again."""
    (account,) = configured_accounts([lab.declare(name)])
    exchange = registry.exchange(name)
    session = ReadOnlySession(exchange, account)
    set_clock(session)
    before = session.clock.skew
    lab.box.set_now(lab.box.now + timedelta(hours=hours))
    assert exchange.identify(partial(fetch, session), account).uid
    session.close()
    # BitMEX counts whole seconds, and a request of its may come an hour early.
    moved = timedelta(0) if (name, hours) == ("bitmex", -1) else timedelta(hours=hours)
    assert abs(session.clock.skew - before - moved) < timedelta(seconds=3)


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
    requested = {(entry["method"], entry["path"]) for entry in log}
    assert requested <= spec.reads() | {("GET", registry.exchange(name).clock_path)}
    # A POST is used only if the exchange takes queries that way.
    assert {path for method, path in requested if method == "POST"} <= {
        stream.path for stream in spec.streams if stream.method == "POST"
    }


@pytest.mark.parametrize("name", EXCHANGES)
def test_nothing_but_a_declared_read_is_ever_sent(name, lab):
    """The session sends no request that is not declared."""
    label = lab.declare(name)
    (account,) = configured_accounts([label])
    exchange = registry.exchange(name)
    session = ReadOnlySession(exchange, account)
    heard = len(lab.box.shell.log)
    reads = sorted(exchange.spec.reads())
    others = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}
    for method, path in reads:
        for other in others - {method for method, known in reads if known == path}:
            with pytest.raises(NotARead):
                session.request(other, session.url_of(path))
        for url in (
            f"{account.base_url}{path}/more", f"{account.base_url}{path}/../no-read",
            f"{account.base_url}/x{path}", f"http://127.0.0.1:1{path}",
            f"http://other.example{path}", f"{account.base_url}{path}".replace("//", "//u@"),
        ):  # fmt: skip
            with pytest.raises(NotARead):
                session.request(method, url)
    method, path = next((m, p) for m, p in reads if m == "GET")
    with pytest.raises(NotARead):
        session.get(session.url_of(path), data="a body")
    session.close()
    assert len(lab.box.shell.log) == heard


def slowest_streams(lab: Lab, name: str) -> list[StreamSpec]:
    """The history streams of this account with the lowest documented rate."""
    spec = registry.exchange(name).spec
    shared = [rate for rate in (spec.account_rate, spec.ip_rate) if rate]

    def least(stream: StreamSpec) -> float:
        return min(speed(rate) for rate in [*shared, *([stream.rate] if stream.rate else [])])

    requested = set(history_of(lab, name)) - beyond_reading(name)
    streams = [stream for stream in spec.streams if stream.name in requested]
    slowest = min(least(stream) for stream in streams)
    return [stream for stream in streams if least(stream) == slowest]


@pytest.mark.parametrize("name", EXCHANGES)
def test_a_long_extraction_uses_its_documented_budget_and_never_more(name, lab):
    """On a simulated clock: the whole history of the slowest streams, repeatedly."""
    label = lab.declare(name)
    (result,) = lab.sync(label).values()
    (account,) = configured_accounts([label])
    exchange = registry.exchange(name)
    scopes = read_progress(lab.home.warehouse, exchange.spec, result.account_id).scopes
    slowest = slowest_streams(lab, name)
    clock = TurnedClock(lab.box)
    session = ReadOnlySession(
        exchange, replace(account, pace=1.0), limiter=clock.limiter,
        clock=ExchangeClock(clock.moment),
    )
    for _ in range(400):
        for stream in slowest:
            visit = Round(
                session=session, identity=None, account_id=result.account_id,
                progress=Progress(scopes=scopes), opened_at=None, now=NOW, work_lists={},
                tally=Tally(10**9), on_event=lambda stream, rows, share: None,
            )  # fmt: skip
            assert list(StreamLoad(visit, stream).items()) and not visit.tally.failures
        rate = clock.rates[clock.tightest()]
        enough = max(20, rate.requests * 3 // 2 + (rate.burst or 0))
        if len(clock.sent[clock.tightest()]) >= enough:
            break
    session.close()
    clock.assert_no_bucket_ran_over()
    assert clock.share_of_budget(clock.tightest()) >= 0.9


@pytest.mark.parametrize("hours", [0.2, 30])
@pytest.mark.parametrize("label", ["bitget", "bitget-unified", "bitmart"])
def test_a_span_that_expires_during_a_sync_is_not_requested(
    label, hours, lab
):
    """A stream may start long after it was planned; then only the available part is requested."""
    (account,) = configured_accounts([lab.declare(label)])
    exchange = registry.exchange(account.exchange)
    session = ReadOnlySession(exchange, account)
    set_clock(session)
    identity = exchange.identify(partial(fetch, session), account)
    streams = [
        stream for stream in exchange.spec.streams
        if stream.retention and stream.serves(identity.kind)
        and bool(stream.scope) == bool(stream.scope_values)
        and not exchange.beyond(identity, stream)
    ]  # fmt: skip
    visit = Round(
        session=session, identity=identity, account_id="x",
        progress=Progress(),
        opened_at=None, now=session.clock.now(), work_lists={}, tally=Tally(10**9),
        on_event=lambda stream, rows, share: None,
    )  # fmt: skip
    for stream in streams:
        assert StreamLoad(visit, stream)._reader.work_list().left
    lab.box.set_now(lab.box.now + timedelta(hours=hours))
    set_clock(session)
    for stream in streams:
        for item in StreamLoad(visit, stream).items():
            rows = item.data.to_pylist() if hasattr(item, "data") else item.to_pylist()
            for receipt in (row for row in rows if "asked_from" in row):
                assert receipt["outcome"] == "exhausted", receipt
                assert receipt["asked_from"] >= receipt["asked_at"] - stream.retention, stream.name
                assert receipt["asked_from"] >= receipt["floor_at"], stream.name
    session.close()
    assert [(f.stream, f.kind, f.what) for f in visit.tally.failures] == []


@pytest.mark.parametrize("name", EXCHANGES)
def test_documented_rates_are_kept_without_a_single_429(name, prepared_home, monkeypatch):
    """At four times the documented rate, enforced by the simulator at that rate.

    What is sent when is tested on a turned clock with the limiter; here it has to arrive so, too.
    """
    with Sandbox(size="tiny", pace=4.0, now=NOW, years=0.4, exchanges=[name]) as box:
        lab = Lab(box, prepared_home, monkeypatch)
        label = lab.declare(name, pace="4")
        box.set_now(None)
        (result,) = lab.sync(label).values()
        assert result.failures == []
        assert "429" not in box.requests()["by_status"]
