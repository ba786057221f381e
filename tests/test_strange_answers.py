"""Answers no document describes: every row is stored as it came, or a receipt says what is missing.

Never a crash, never a silent hole, never a loop, never a secret in a message.
"""

from __future__ import annotations

import gzip
import json
import random
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import duckdb
import pytest

from pipelines import registry
from pipelines.account import Account, Credentials
from pipelines.errors import LookbackError, RequestError
from pipelines.extract.client import ReadOnlySession, fetch, set_clock
from pipelines.extract.exchange import Identity
from pipelines.extract.progress import Progress
from pipelines.extract.rate_limits import RateLimiter
from pipelines.extract.records import micros
from pipelines.extract.work import Failure, Round, Tally
from pipelines.home import Home
from pipelines.load.account_sync import AccountSync
from pipelines.load.source import StreamLoad
from tests.strange_server import ENOUGH, Answer, Exchange, Manners, Row, serving, zipped
from tests.strange_server import to_ms as server_ms

NOW = datetime.now(UTC).replace(microsecond=0)
NOW_MS = int(NOW.timestamp() * 1_000)
DAY_MS = 86_400_000
OPENED = NOW - timedelta(days=80)
OWN = 1000001
"""The account whose rows BitMEX gives; every row says whose it is."""

SECRETS = {
    "key": "a-key-that-must-not-show",
    "secret": "a-secret-that-must-not-show",
    "passphrase": "a-phrase-that-must-not-show",
}
FILLS = "/api/v2/spot/trade/fills"
TAX = "/api/v2/tax/spot-record"
DEPOSITS = "/api/v2/spot/wallet/deposit-records"
TRANSFERS = "/api/v2/spot/account/transferRecords"
ASSETS = "/api/v2/spot/account/assets"
LEDGER = "/api/v1/user/walletHistory"
TRADES = "/api/v1/execution/tradeHistory"
INSTRUMENTS = "/api/v1/instrument"
HISTORY = [FILLS, TAX, DEPOSITS, TRANSFERS, LEDGER, TRADES]
PAGED_BY_TIME = [FILLS, TAX, DEPOSITS, TRADES]
PAGE = {FILLS: 100, TAX: 500, DEPOSITS: 100, TRANSFERS: 500, LEDGER: 10_000, TRADES: 500}


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.extract.client._wait_before_next", lambda state: 0.0)


# Rows ---------------------------------------------------------------------------------------------


def raw_of(path: str, number: int, at_ms: int) -> bytes:
    """A record of that route, as its document shows one."""
    when = iso(at_ms)
    shapes: dict[str, dict[str, Any]] = {
        FILLS: {
            "tradeId": str(number), "symbol": "SOLUSDT", "size": "1.2", "amount": "180.3",
            "feeDetail": {"feeCoin": "SOL", "totalFee": "-0.0012"}, "cTime": str(at_ms),
        },
        TAX: {
            "id": str(number), "coin": "USDT", "spotTaxType": "Sell", "amount": "-1",
            "fee": "0", "balance": "5", "bizOrderId": "7", "ts": str(at_ms),
        },
        DEPOSITS: {
            "orderId": str(number), "coin": "USDT", "size": "500", "status": "success",
            "cTime": str(at_ms), "uTime": str(at_ms + 60_000),
        },
        TRANSFERS: {
            "transferId": str(number), "coin": "USDT", "status": "Successful", "size": "75",
            "ts": str(at_ms),
        },
        LEDGER: {
            "transactID": f"00000000-0077-1000-0000-{number:012d}", "account": OWN,
            "currency": "XBt", "transactType": "RealisedPNL", "amount": -12850, "fee": 0,
            "transactStatus": "Completed", "transactTime": when, "timestamp": when,
        },
        TRADES: {
            "execID": f"00000000-006d-1000-0000-{number:012d}", "account": OWN,
            "symbol": "XBTUSD", "lastQty": 100, "lastPx": 60600.5, "execType": "Trade",
            "execCost": -165017, "timestamp": when,
        },
        INSTRUMENTS: {"symbol": f"XBT{number}", "state": "Open"},
    }  # fmt: skip
    return json.dumps(shapes[path], separators=(",", ":")).encode()


def iso(at_ms: int) -> str:
    moment = datetime.fromtimestamp(at_ms // 1_000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at_ms % 1_000:03d}Z"


def life(path: str, count: int, *, crowd: int = 0, days: float = 70.0, seed: int = 1) -> list[Row]:
    """Rows in three busy spells with nothing in between, `crowd` of them in one millisecond."""
    chance = random.Random(seed)
    spells = [chance.uniform(0.05, 1.0) * days for _ in range(3)]
    times = [
        NOW_MS - int((chance.choice(spells) - chance.uniform(0, 0.04) * days) * DAY_MS)
        for _ in range(count)
    ]
    times += [NOW_MS - int(spells[0] * DAY_MS)] * crowd
    times.sort()
    return [
        Row(n, at, raw_of(path, n, at)) for n, at in enumerate(times, start=1_338_000_000_000_000)
    ]


# Reading ------------------------------------------------------------------------------------------


@dataclass
class Brought:
    """What a visit to one stream came to."""

    raws: list[bytes]
    rows: list[dict[str, Any]]
    receipts: list[dict[str, Any]]
    failures: list[Failure]
    asked: int

    @property
    def outcomes(self) -> set[str]:
        return {receipt["outcome"] for receipt in self.receipts}


def exchange_of(path: str) -> str:
    return "bitmex" if path.startswith("/api/v1/") else "bitget"


def speaker(path: str, rows: list[Row], **manners: Any) -> Exchange:
    """An exchange that serves those rows at that route with such manners."""
    return Exchange(exchange_of(path), {path: rows}, Manners(**manners), opened_at_ms=to_ms(OPENED))


def to_ms(moment: datetime) -> int:
    return micros(moment) // 1_000


def account(name: str, url: str) -> Account:
    return Account("odd", name, Credentials(SECRETS), url, pace=1e9)


def read(
    exchange: Exchange,
    path: str,
    opened_at: datetime = OPENED,
    scopes: frozenset[str] = frozenset({"USDT"}),
) -> Brought:
    """One visit to the stream of that path."""
    asked_before = exchange.asked
    with serving(exchange) as url:
        ours = registry.exchange(exchange.name)
        session = ReadOnlySession(ours, account(exchange.name, url), limiter=RateLimiter())
        stream = next(each for each in ours.spec.streams if each.path == path)
        visit = Round(
            session=session,
            identity=Identity(uid="1", kind="classic"),
            account_id=f"{exchange.name}:{OWN}",
            progress=Progress(scopes={"transfer_records": scopes}),
            opened_at=opened_at,
            now=NOW,
            work_lists={},
            tally=Tally(10**9),
            on_event=lambda stream, rows, share: None,
        )
        tables: dict[str, list[dict[str, Any]]] = {}
        for item in StreamLoad(visit, stream).items():
            tables.setdefault(item.meta.hints["table_name"], []).extend(item.data.to_pylist())
        session.close()
    rows = tables[stream.name]
    return Brought(
        raws=[row["record"].encode() for row in rows],
        rows=rows,
        receipts=tables.get("receipts", []),
        failures=visit.tally.failures,
        asked=exchange.asked - asked_before,
    )


def assert_accounted(brought: Brought, truth: list[Row]) -> None:
    """Every row is there, or lies in a span that a receipt calls incomplete."""
    assert brought.asked < ENOUGH
    spans = sorted((each["asked_from"], each["asked_to"]) for each in brought.receipts)
    assert spans[-1][1] == NOW
    assert all(before[1] == after[0] for before, after in pairwise(spans)), "a hole in receipts"
    assert len(brought.raws) == len(set(brought.raws)), "a row twice"
    have = set(brought.raws)
    for row in truth:
        at = datetime.fromtimestamp(row.at_ms // 1_000, UTC) + timedelta(
            milliseconds=row.at_ms % 1_000
        )
        if row.raw not in have and spans[0][0] <= at < NOW:
            said = {r["outcome"] for r in brought.receipts if r["asked_from"] <= at < r["asked_to"]}
            assert said != {"exhausted"}, f"a silent hole at {at}"
    for receipt in brought.receipts:
        assert (receipt["outcome"] == "failed") <= bool(receipt["error_text"])
    told = json.dumps([str(receipt["error_text"]) for receipt in brought.receipts])
    told += "".join(f"{failure.what} {failure.remedy}" for failure in brought.failures)
    assert not any(secret in told for secret in SECRETS.values())


def assert_complete(brought: Brought, truth: list[Row]) -> None:
    """Every row is there, and every receipt says so."""
    assert_accounted(brought, truth)
    inside = {row.raw for row in truth if row.at_ms >= to_ms(brought.receipts[0]["floor_at"])}
    assert inside <= set(brought.raws)
    assert brought.outcomes == {"exhausted"}
    assert brought.failures == []


# How lists are served -----------------------------------------------------------------------------


@pytest.mark.parametrize("cap", [3, 30, 37, 250, 499])
@pytest.mark.parametrize("path", HISTORY)
def test_a_page_cut_at_any_size_is_not_the_end(path, cap):
    rows = life(path, min(20 * cap, 620))
    assert_complete(read(speaker(path, rows, cap=cap), path), rows)


@pytest.mark.parametrize("cap", [500, 1_000])
def test_a_ledger_cut_at_a_thousand_rows_is_walked_on(cap):
    rows = life(LEDGER, 3_000)
    assert_complete(read(speaker(LEDGER, rows, cap=cap), LEDGER), rows)


@pytest.mark.parametrize("pages", [1, 2, 3])
@pytest.mark.parametrize("path", HISTORY)
def test_a_full_last_page_exactly_at_the_limit(path, pages):
    rows = life(path, PAGE[path] * pages if path != LEDGER else 10_000, days=20)
    assert_complete(read(speaker(path, rows), path), rows)


@pytest.mark.parametrize("order", ["turned", "shuffled"])
@pytest.mark.parametrize("cap", [None, 37])
@pytest.mark.parametrize("path", HISTORY)
def test_pages_in_another_order_lose_nothing(path, cap, order):
    rows = life(path, 620)
    assert_complete(read(speaker(path, rows, cap=cap, order=order), path), rows)


@pytest.mark.parametrize("path", HISTORY)
def test_an_end_that_does_not_count_as_inside(path):
    rows = life(path, 620)
    assert_complete(read(speaker(path, rows, exclusive_end=True, cap=37), path), rows)


@pytest.mark.parametrize("order", ["documented", "turned", "shuffled"])
@pytest.mark.parametrize("path", HISTORY)
def test_bounds_that_are_ignored(path, order):
    rows = life(path, 620)
    ignores = frozenset({"startTime", "endTime"})
    brought = read(speaker(path, rows, ignores=ignores, order=order), path)
    assert_accounted(brought, rows)
    if order == "documented":
        assert {row.raw for row in rows} <= set(brought.raws)


@pytest.mark.parametrize("ignored", ["startTime", "endTime"])
@pytest.mark.parametrize("path", PAGED_BY_TIME)
def test_one_bound_that_is_ignored(path, ignored):
    rows = life(path, 620)
    brought = read(speaker(path, rows, ignores=frozenset({ignored})), path)
    assert_accounted(brought, rows)
    assert {row.raw for row in rows} <= set(brought.raws)
    assert brought.asked < 100


@pytest.mark.parametrize("crowd", [0, 90, 730])
@pytest.mark.parametrize("path", HISTORY)
def test_a_cursor_or_offset_that_is_ignored(path, crowd):
    rows = life(path, 620, crowd=crowd)
    ignores = frozenset({"idLessThan", "start", "pageNum"})
    brought = read(speaker(path, rows, ignores=ignores), path)
    assert_accounted(brought, rows)
    if crowd == 0 and path in PAGED_BY_TIME:
        assert brought.outcomes == {"exhausted"}


@pytest.mark.parametrize("path", PAGED_BY_TIME)
def test_only_the_crowded_moment_is_in_doubt_when_the_cursor_is_ignored(path):
    rows = life(path, 620, crowd=730)
    brought = read(speaker(path, rows, ignores=frozenset({"idLessThan"})), path)
    assert_accounted(brought, rows)
    lost = {row.at_ms for row in rows if row.raw not in set(brought.raws)}
    assert len(lost) <= 1


@pytest.mark.parametrize("cap", [None, 37])
@pytest.mark.parametrize("path", HISTORY)
def test_the_same_page_for_ever_ends(path, cap):
    rows = life(path, 620)
    assert_accounted(read(speaker(path, rows, same_page=True), path), [])
    assert read(speaker(path, rows, same_page=True, cap=cap), path).asked < 200


@pytest.mark.parametrize("path", HISTORY)
def test_two_pages_in_turn_for_ever_end(path):
    rows = life(path, 2 * PAGE[path])
    pages = [rows[: PAGE[path]], rows[PAGE[path] :]]
    turn = iter(range(10**9))
    exchange = speaker(path, rows)
    exchange.instead[path] = lambda _, params: exchange._page(pages[next(turn) % 2], {})
    assert read(exchange, path).asked < 500


@pytest.mark.parametrize("path", HISTORY)
def test_new_pages_for_ever_end_as_unresolved(path, monkeypatch):
    monkeypatch.setattr("pipelines.extract.paginators.STANDING_PAGES", 15)
    monkeypatch.setattr("pipelines.extract.paginators.MOST_PAGES", 30)
    exchange = speaker(path, [])
    turn = iter(range(1_338_000_000_000_000, 10**18))
    at = NOW_MS - 10 * DAY_MS

    def answer(_: str, params: dict[str, str]) -> Answer:
        if PAGE[path] > 500:
            raws = [raw_of(path, next(turn), at) for _ in range(100)]
        else:
            low = server_ms(params.get("startTime")) or at
            raws = [raw_of(path, next(turn), low + 5) for _ in range(PAGE[path])]
        return Answer(exchange._envelope(b"[" + b",".join(raws) + b"]"))

    exchange.instead[path] = answer
    brought = read(exchange, path)
    assert brought.asked < 3 * 30 + 10
    assert brought.outcomes & {"unresolved", "row_cap"}


def test_scopes_that_the_exchange_does_not_know_end(monkeypatch):
    monkeypatch.setattr("pipelines.extract.stream_reader.UNKNOWN_SCOPES", 20)
    exchange = speaker(TRANSFERS, [])
    exchange.instead[TRANSFERS] = lambda path, params: in_place(
        b'{"code":"40034","msg":"Parameter coin does not exist","data":null}', 400
    )
    coins = frozenset(f"COIN{number}" for number in range(500))
    brought = read(exchange, TRANSFERS, scopes=coins)
    assert brought.asked == 20
    assert [failure.kind for failure in brought.failures] == ["budget"]
    assert {receipt["scope"] for receipt in brought.receipts} == coins


def test_a_run_reads_no_more_of_a_stream_than_its_budget(monkeypatch):
    monkeypatch.setattr("pipelines.extract.stream_reader.PAGES_A_RUN", 25)
    exchange = speaker(TRANSFERS, [])
    coins = frozenset(f"COIN{number}" for number in range(500))
    brought = read(exchange, TRANSFERS, scopes=coins)
    assert brought.asked <= 26
    assert [failure.kind for failure in brought.failures] == ["budget"]
    assert brought.outcomes == {"exhausted", "failed"}


@pytest.mark.parametrize("path", HISTORY)
def test_doubles_in_a_page_are_stored_once(path):
    rows = life(path, 620)
    assert_complete(read(speaker(path, rows, twice=True), path), rows)


@pytest.mark.parametrize("path", PAGED_BY_TIME)
def test_pages_that_lost_a_row_after_they_were_cut_are_not_the_end(path):
    rows = life(path, 2_000, days=20)
    brought = read(speaker(path, rows, drops=True), path)
    assert brought.asked >= 2_000 // PAGE[path]
    assert len(brought.raws) > 1_900


@pytest.mark.parametrize("days", [-4_000, -100, 100])
@pytest.mark.parametrize("path", HISTORY)
def test_a_row_outside_the_window_misleads_nobody(path, days):
    rows = life(path, 620)
    at = NOW_MS + days * DAY_MS
    stray = Row(1, at, raw_of(path, 1, at))
    brought = read(speaker(path, rows, stray=stray, cap=40), path)
    assert_accounted(brought, rows)
    if path != TRANSFERS:
        assert {row.raw for row in rows} <= set(brought.raws)


@pytest.mark.parametrize("shrinks", [1, 5, 40])
def test_a_ledger_that_shrinks_while_it_is_read(shrinks):
    rows = life(LEDGER, 620)
    brought = read(speaker(LEDGER, rows, cap=60, shrinks=shrinks), LEDGER)
    assert_accounted(brought, rows)
    assert (brought.outcomes == {"exhausted"}) is (shrinks <= 10)


def test_reference_lists_are_read_to_their_end():
    rows = [Row(n, 0, raw_of(INSTRUMENTS, n, 0)) for n in range(1_300)]
    for cap in (None, 100, 37):
        assert len(read(speaker(INSTRUMENTS, rows, cap=cap), INSTRUMENTS).raws) == 1_300


# What a record looks like -------------------------------------------------------------------------

ODD_FIELDS = [
    b'"extra":{"a":[1,{"b":null}]}',
    b'"note":"caf\xc3\xa9 \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x8e\x89"',
    rb'"note":"\u65e5\u672c \ud83c\udf89 \u0000 \/ \"quoted\" \\ud800"',
    b'"size":123456789012345678901234567890.12345678901234567890',
    b'"size":1e400,"fee":-0,"amount":-0.0000000000000000000000000001E-9',
    b'"size":{"value":"1","scale":[]},"feeDetail":""',
    b'"coin":null,"symbol":null,"currency":null',
    b'"coin":17,"symbol":["a"],"currency":{"a":"b"}',
    b'"size":"1","size":"2"',
    b'"":"","_dlt_id":"x","record":"y"',
    b'"deep":' + b"[" * 400 + b"]" * 400,
    b'"fee":' + b"9" * 5_000,
    b' "spaced" : \t[ 1 , 2 ]\n ',
]


@pytest.mark.parametrize("odd", ODD_FIELDS, ids=range(len(ODD_FIELDS)))
@pytest.mark.parametrize("path", HISTORY)
def test_odd_fields_are_kept_byte_for_byte(path, odd):
    rows = [replace(row, raw=row.raw[:-1] + b"," + odd + b"}") for row in life(path, 20)]
    assert_complete(read(speaker(path, rows), path), rows)


ID = {FILLS: "tradeId", TAX: "id", DEPOSITS: "orderId", TRANSFERS: "transferId"} | {
    LEDGER: "transactID",
    TRADES: "execID",
}
TIME = {FILLS: "cTime", TAX: "ts", DEPOSITS: "cTime", TRANSFERS: "ts"} | {
    LEDGER: "timestamp",
    TRADES: "timestamp",
}
MISSING = object()


def changed(path: str, rows: list[Row], field: str, value: Any) -> list[Row]:
    """The rows with another value (of the row, if it is a function) in one field."""
    found = []
    for row in rows:
        record = json.loads(row.raw)
        new = value(row) if callable(value) else value
        record[field] = new
        if new is MISSING:
            del record[field]
        found.append(replace(row, raw=json.dumps(record).encode()))
    return found


ODD_IDS = {
    "number": lambda row: row.number,
    "long": lambda row: 10**30 + row.number,
    "float": lambda row: float(row.number),
    "list": lambda row: [row.number],
    "object": lambda row: {"id": row.number},
    "unicode": lambda row: f"№ {row.number} \x00 🎉",
    "empty": "",
    "null": None,
    "zeros": "00000000-0000-0000-0000-000000000000",
    "missing": MISSING,
}


@pytest.mark.parametrize("odd", ODD_IDS)
@pytest.mark.parametrize("path", HISTORY)
def test_odd_ids_lose_no_row(path, odd):
    rows = [
        replace(row, raw=row.raw[:-1] + b',"n":%d}' % row.number)
        for row in changed(path, life(path, 60), ID[path], ODD_IDS[odd])
    ]
    brought = read(speaker(path, rows), path)
    assert_complete(brought, rows)
    if odd == "long":
        assert len({row["record_id"] for row in brought.rows}) == 60


ODD_TIMES = {
    "missing": MISSING,
    "null": None,
    "empty": "",
    "zero": 0,
    "minus one": "-1",
    "negative": -1_754_999_000_123,
    "word": "yesterday",
    "list": [1_754_999_000_123],
    "endless": "9" * 400,
    "huge": 10**300,
    "year one": "0001-01-01T00:00:00Z",
}
OTHER_UNITS = {
    "seconds": lambda row: row.at_ms // 1_000,
    "milliseconds": lambda row: row.at_ms,
    "text": lambda row: str(row.at_ms),
    "fraction": lambda row: row.at_ms / 1_000,
    "float": lambda row: float(row.at_ms),
    "microseconds": lambda row: str(row.at_ms * 1_000),
    "nanoseconds": lambda row: row.at_ms * 1_000_000,
    "iso": lambda row: iso(row.at_ms),
    "iso without zone": lambda row: iso(row.at_ms)[:-1].replace("T", " "),
}


@pytest.mark.parametrize("odd", ODD_TIMES)
@pytest.mark.parametrize("count", [12, 620])
@pytest.mark.parametrize("path", HISTORY)
def test_rows_without_a_time_are_stored_all_the_same(path, count, odd):
    rows = changed(path, life(path, count, days=20), TIME[path], ODD_TIMES[odd])
    brought = read(speaker(path, rows), path)
    assert_accounted(brought, [])
    if len(brought.raws) < count:
        assert brought.outcomes - {"exhausted"}
    else:
        assert {row["occurred_at"] for row in brought.rows} == {None}


@pytest.mark.parametrize("unit", OTHER_UNITS)
@pytest.mark.parametrize("path", HISTORY)
def test_a_time_in_another_unit_is_that_time(path, unit):
    rows = changed(path, life(path, 620), TIME[path], OTHER_UNITS[unit])
    brought = read(speaker(path, rows), path)
    assert_accounted(brought, rows)
    told = sorted(row["occurred_at"].replace(microsecond=0) for row in brought.rows)
    kept = {row.raw: row.at_ms for row in rows}
    at = [datetime.fromtimestamp(kept[raw] // 1_000, UTC) for raw in brought.raws]
    assert told == sorted(at)
    if unit != "seconds":
        assert_complete(brought, rows)


@pytest.mark.parametrize("status", [None, 1, "", "SUCCESS", ["success"], {"is": "success"}])
def test_a_status_nobody_knows_keeps_the_span_open(status):
    rows = changed(DEPOSITS, life(DEPOSITS, 12), "status", status)
    brought = read(speaker(DEPOSITS, rows), DEPOSITS)
    assert_complete(brought, rows)
    assert any(receipt["held_from"] for receipt in brought.receipts)


def test_a_record_that_changes_between_two_pages_has_one_version_under_one_receipt():
    """The row at the edge of a page comes twice: nobody could tell which of two is the newer."""
    rows = changed(DEPOSITS, life(DEPOSITS, 250), "status", "pending")
    exchange = speaker(DEPOSITS, rows)
    ended: list[Row] = []

    def answer(path: str, params: dict[str, str]) -> Answer:
        told = exchange._page(rows, params)
        edge = next((row for row in rows if row.raw in told.body), None)  # the oldest one of it
        if edge is not None and not ended:
            ended.append(replace(edge, raw=edge.raw.replace(b'"pending"', b'"success"')))
            rows[rows.index(edge)] = ended[0]
        return told

    exchange.instead[DEPOSITS] = answer
    first = read(exchange, DEPOSITS)
    assert len(first.rows) == len({row["record_id"] for row in first.rows}) == len(rows)
    assert ended and ended[0].raw not in first.raws
    at = datetime.fromtimestamp(ended[0].at_ms / 1_000, UTC)
    assert min(r["held_from"] for r in first.receipts if r["held_from"]) <= at
    assert ended[0].raw in read(exchange, DEPOSITS).raws


@pytest.mark.parametrize(
    "pseudo",
    [
        {"transactID": "00000000-0000-0000-0000-000000000000", "transactTime": None},
        {"transactTime": iso(NOW_MS), "timestamp": iso(NOW_MS)},
        {"transactID": None, "timestamp": None},
        {"transactID": ""},
    ],
)
def test_the_pseudo_row_in_each_of_its_forms_is_no_record(pseudo):
    rows = life(LEDGER, 30)
    body = {"account": OWN, "currency": "XBt", "transactType": "UnrealisedPNL", "amount": 5}
    body |= pseudo
    exchange = speaker(LEDGER, rows)
    exchange.wrap = lambda raws: (
        b"[" + b",".join([json.dumps(body | {"transactStatus": "Pending"}).encode(), *raws]) + b"]"
    )
    brought = read(exchange, LEDGER)
    assert_complete(brought, rows)
    assert len(brought.raws) == 30
    assert sum(receipt["skipped"] for receipt in brought.receipts) >= 1


def test_half_a_character_is_kept_as_its_escape():
    rows = life(TAX, 3)
    rows[1] = replace(rows[1], raw=rows[1].raw[:-1] + rb',"note":"a\ud83d b\udf89c \ud83c\udf89"}')
    brought = read(speaker(TAX, rows), TAX)
    assert brought.outcomes == {"exhausted"}
    assert rows[0].raw in brought.raws
    assert any(rb'"a\\ud83d b\\udf89c \ud83c\udf89"' in raw for raw in brought.raws)


def test_a_value_nested_too_deep_is_kept_as_its_text():
    rows = life(TAX, 3)
    deep = b'[{"a]":' * 2_500 + b"1" + b"}]" * 2_500
    rows[1] = replace(rows[1], raw=rows[1].raw[:-1] + b',"deep":' + deep + b"}")
    brought = read(speaker(TAX, rows), TAX)
    assert brought.outcomes == {"exhausted"} and brought.failures == []
    assert {rows[0].raw, rows[2].raw} < set(brought.raws)
    (kept,) = set(brought.raws) - {rows[0].raw, rows[2].raw}
    assert kept.startswith(rows[1].raw[:100]) and kept.count(b"a]") == 2_500


@pytest.mark.parametrize("odd", [b"17", b'"text"', b"null", b"[1]", b"1e400"])
@pytest.mark.parametrize("path", HISTORY)
def test_an_item_that_is_no_record_is_kept_and_leaves_its_span_unresolved(path, odd):
    rows = life(path, 12)
    exchange = speaker(path, [*rows, Row(rows[6].number, rows[6].at_ms, odd)])
    brought = read(exchange, path)
    assert {row.raw for row in rows} | {odd} == set(brought.raws)
    assert "unresolved" in brought.outcomes
    assert [row["occurred_at"] for row in brought.rows if row["record"].encode() == odd] == [None]


# What an answer looks like ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrapping",
    [
        b'{"list":%s,"endId":"7"}',
        b'{"maxId":"9","minId":null,"fillList":%s}',
        b'{"items":%s,"nextId":"","total":3}',
        b" \n %s \t",
    ],
)
@pytest.mark.parametrize("path", [FILLS, TAX, DEPOSITS, LEDGER, TRADES])
def test_an_object_around_the_list_is_seen_through(path, wrapping):
    rows = life(path, 30)
    exchange = speaker(path, rows)
    exchange.wrap = lambda raws: exchange._envelope(wrapping % (b"[" + b",".join(raws) + b"]"))
    assert_complete(read(exchange, path), rows)


NOT_LISTS = [b"{}", b'{"a":1}', b'"text"', b"17", b"true", b'""', b'{"a":[1],"b":[2]}']


@pytest.mark.parametrize("data", NOT_LISTS)
@pytest.mark.parametrize("path", [TAX, LEDGER])
def test_what_is_no_list_of_records_is_said_not_stored(path, data):
    exchange = speaker(path, [])
    exchange.instead[path] = lambda _, params: Answer(exchange._envelope(data))
    brought = read(exchange, path)
    assert_accounted(brought, [])
    assert brought.outcomes == {"failed"}
    assert brought.raws == []


@pytest.mark.parametrize("items", [[b"1", b"2"], [b"null"], [b"[]"], [b'{"id":"1"}', b'"x"']])
@pytest.mark.parametrize("path", [TAX, LEDGER])
def test_items_that_are_no_records_are_stored_and_unresolved(path, items):
    exchange = speaker(path, [])
    data = b"[" + b",".join(items) + b"]"
    exchange.instead[path] = lambda _, params: Answer(exchange._envelope(data))
    brought = read(exchange, path)
    assert set(brought.raws) == set(items)
    assert "unresolved" in brought.outcomes
    assert not brought.outcomes & {"failed", "refused"}


@pytest.mark.parametrize("code", [b"40017", b"40704", b"43111"])
def test_spans_too_old_to_be_answered_keep_no_newer_one_from_being_asked(code):
    """How far back a list reaches is not always told, or not as it is."""
    rows = life(TAX, 40, days=180)
    exchange = speaker(TAX, rows)

    def answer(path: str, params: dict[str, str]) -> Answer:
        if int(params["startTime"]) >= NOW_MS - 200 * DAY_MS:
            return exchange._page(rows, params)
        return in_place(b'{"code":"%b","msg":"too old","data":null}' % code, 400)

    exchange.instead[TAX] = answer
    brought = read(exchange, TAX, NOW - timedelta(days=500))
    assert_accounted(brought, rows)
    assert set(brought.raws) == {row.raw for row in rows}
    refused = [each for each in brought.receipts if each["outcome"] == "failed"]
    assert all(each["error_kind"] != "gave_up" for each in brought.receipts) and len(refused) > 6
    assert len(brought.failures) == 1


def test_a_coin_that_is_gone_fails_no_stream():
    """It is asked for again each time, as coins come back; the others are asked all the same."""
    exchange = speaker(TRANSFERS, [])
    exchange.instead[TRANSFERS] = lambda path, params: in_place(
        b'{"code":"40034","msg":"Parameter coin does not exist","data":null}', 400
    )
    brought = read(exchange, TRANSFERS)
    assert brought.failures == []
    told = {(each["outcome"], each["error_kind"]) for each in brought.receipts}
    assert told == {("refused", "unknown_scope")}


def test_a_question_that_is_never_answered_is_soon_given_up():
    exchange = speaker(TAX, [])
    exchange.instead[TAX] = lambda path, params: in_place(b'{"code":"40017","msg":"no"}', 400)
    brought = read(exchange, TAX, NOW - timedelta(days=500))
    assert brought.asked == 2 * 4  # the oldest three and the newest, with smaller pages too
    assert {each["outcome"] for each in brought.receipts} == {"failed"}
    assert [failure.kind for failure in brought.failures] == ["bad_request"]


def in_place(body: bytes, status: int = 200, **headers: str) -> Answer:
    return Answer(body, status, {name.replace("_", "-"): text for name, text in headers.items()})


LEAK = f"{SECRETS['key']} {SECRETS['secret']}".encode()
ODD_ANSWERS: dict[str, tuple[Answer, str]] = {
    "nothing": (in_place(b""), "cut_short"),
    "204": (in_place(b"", 204), "cut_short"),
    "cut": (in_place(b'{"code":"00000","data":[{"id":"1"'), "cut_short"),
    "no data": (in_place(b'{"code":"00000","msg":"success"}'), "not_understood"),
    "code as number": (in_place(b'{"code":40009,"msg":"sign"}', 400), "wrong_secret"),
    "message": (in_place(b'{"code":"40014","message":"need right"}', 400), "no_permission"),
    "message is an object": (in_place(b'{"code":"40099","msg":{"en":"no"}}'), "no_permission"),
    "unknown code": (in_place(b'{"code":"99999","msg":"hm"}'), "bad_request"),
    "code missing": (in_place(b'{"msg":"hm","data":[]}'), "not_understood"),
    "code null": (in_place(b'{"code":null,"data":[]}'), "not_understood"),
    "403 json": (in_place(b'{"detail":"forbidden"}', 403), "no_permission"),
    "401 text": (in_place(b"go away", 401, Content_Type="text/plain"), None),
    "404 json": (in_place(b'{"detail":"Not Found"}', 404), "not_found"),
    "list": (in_place(b"[]"), "not_understood"),
    "number": (in_place(b"17"), "not_understood"),
    "NaN": (in_place(b'{"code":"00000","data":[{"id":"1","size":NaN}]}'), "not_understood"),
    "latin": (in_place(b'{"code":"00000","data":[{"id":"1","n":"caf\xe9"}]}'), "not_understood"),
    "deep": (in_place(b"[" * 100_000 + b"]" * 100_000), "not_understood"),
    "leak": (in_place(b'{"code":"1","msg":"' + LEAK + b'"}', 400), "bad_request"),
    "long": (in_place(b'{"code":"1","msg":"' + b"x" * 10**6 + b'"}', 400), "bad_request"),
    "control": (in_place(rb'{"code":"1","msg":"a\u0000\u001b[31m\n\ud800"}', 400), "bad_request"),
    "429 date": (in_place(b"{}", 429, Retry_After="Fri, 21 Nov 2036 10:00:00 GMT"), "rate_limited"),
    "429 day": (in_place(b"{}", 429, Retry_After="86400"), "rate_limited"),
    "429 odd": (in_place(b"{}", 429, Retry_After="nan"), "rate_limited"),
    "429 word": (in_place(b"{}", 429, Retry_After="soon"), "rate_limited"),
    "500": (in_place(b"", 500, Retry_After="inf"), "server_error"),
    "redirect": (in_place(b"", 302, Location="http://127.0.0.1:9/"), "redirected"),
    "falsely zipped": (in_place(b"{}", Content_Encoding="gzip"), "unreachable"),
    "page": (in_place(b"<html>hi</html>", Content_Type="text/html"), "blocked"),
}


@pytest.mark.parametrize("case", ODD_ANSWERS)
def test_an_odd_answer_of_bitget_is_a_failure_with_its_kind(case):
    answer, kind = ODD_ANSWERS[case]
    exchange = speaker(TAX, [])
    exchange.instead[TAX] = lambda path, params: answer
    brought = read(exchange, TAX)
    assert_accounted(brought, [])
    assert brought.outcomes <= {"failed", "refused"}
    if kind:
        assert {failure.kind for failure in brought.failures} == {kind}
    assert all(len(failure.what) < 400 for failure in brought.failures)
    assert all(failure.what.isprintable() for failure in brought.failures)


MEX_ANSWERS: dict[str, tuple[Answer, str | None]] = {
    "404 json": (in_place(b'{"detail":"Not Found"}', 404), "not_found"),
    "error as text": (in_place(b'{"error":"Not Found"}', 404), "not_found"),
    "error and 200": (in_place(b'{"error":{"message":"Access Denied"}}'), "no_permission"),
    "error without words": (in_place(b'{"error":{}}', 400), "bad_request"),
    "error null": (in_place(b'{"error":null}', 403), "no_permission"),
    "403 empty": (in_place(b"", 403), "no_permission"),
    "nothing": (in_place(b""), "cut_short"),
    "204": (in_place(b"", 204), "cut_short"),
    "envelope": (in_place(b'{"code":"00000","data":{"a":1}}'), "not_understood"),
    "429 date": (in_place(b"{}", 429, Retry_After="Fri, 21 Nov 2036 10:00:00 GMT"), "rate_limited"),
    "expired": (in_place(b'{"error":{"message":"This request has expired"}}', 400), "clock"),
    "503": (in_place(b'{"error":{"message":"overloaded"}}', 503), "server_error"),
    "leak": (in_place(b'{"error":{"message":"' + LEAK + b'"}}', 400), "bad_request"),
}


@pytest.mark.parametrize("case", MEX_ANSWERS)
def test_an_odd_answer_of_bitmex_is_a_failure_with_its_kind(case):
    answer, kind = MEX_ANSWERS[case]
    exchange = speaker(LEDGER, [])
    exchange.instead[LEDGER] = lambda path, params: answer
    brought = read(exchange, LEDGER)
    assert_accounted(brought, [])
    assert {failure.kind for failure in brought.failures} == {kind}
    assert brought.raws == []


def test_a_long_ban_is_obeyed_without_sleeping_through_it():
    """A day without requests is a receipt now, not a sync that hangs until tomorrow."""
    exchange = speaker(TAX, [])
    exchange.instead[TAX] = lambda path, params: in_place(b"{}", 429, Retry_After="86400")
    brought = read(exchange, TAX)
    assert brought.asked == 1
    assert brought.outcomes == {"failed"}


DRESSES = {
    "gzip": zipped,
    "gzip in one": lambda a: replace(
        a, body=gzip.compress(a.body), headers=a.headers | {"Content-Encoding": "gzip"}
    ),
    "chunked": lambda a: replace(a, chunked=True),
    "byte order mark": lambda a: replace(a, body=b"\xef\xbb\xbf" + a.body),
    "hangs up": lambda a: replace(a, close=True),
    "no date": lambda a: replace(a, headers=a.headers | {"Date": ""}),
    "wrong date": lambda a: replace(a, headers=a.headers | {"Date": "tomorrow"}),
    "text": lambda a: replace(a, headers=a.headers | {"Content-Type": "text/plain"}),
    "latin": lambda a: replace(
        a, headers=a.headers | {"Content-Type": "application/json; charset=iso-8859-1"}
    ),
    "no limits told": lambda a: a,
    "odd limits told": lambda a: replace(
        a, headers=a.headers | {"x-ratelimit-remaining": "-1", "x-ratelimit-reset": "never"}
    ),
}


@pytest.mark.parametrize("dress", DRESSES)
@pytest.mark.parametrize("path", [FILLS, LEDGER])
def test_the_wire_changes_nothing(path, dress):
    rows = [replace(r, raw=r.raw[:-1] + ',"n":"é日🎉"}'.encode()) for r in life(path, 230)]
    exchange = speaker(path, rows)
    exchange.dress = DRESSES[dress]
    assert_complete(read(exchange, path), rows)


# Whole accounts -----------------------------------------------------------------------------------


def sync(exchange: Exchange, home: Home) -> AccountSync:
    """The real sync of the account, to its end."""
    with serving(exchange) as url:
        ours = registry.exchange(exchange.name)
        keys = account(exchange.name, url)
        run = AccountSync(keys, home, session=ReadOnlySession(ours, keys, limiter=RateLimiter()))
        run.prepare()
        while not run.done:
            run.extract()
            run.load()
    assert exchange.asked < ENOUGH
    return run


def stored(home: Home, table: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        return connection.execute(
            f"select record_id, record::varchar from {table} order by all"
        ).fetchall()


def test_lead_trader_whom_one_stream_refuses_is_told_why():
    exchange = speaker(DEPOSITS, [])
    refusal = b'{"code":"40731","msg":"This product does not support copy trading"}'
    exchange.instead[DEPOSITS] = lambda path, params: Answer(refusal, 400)
    brought = read(exchange, DEPOSITS)
    (failure,) = brought.failures
    assert brought.outcomes == {"refused"}
    assert (failure.outcome, failure.kind) == ("refused", "account_mode")
    assert "do not read the account of a lead trader" in failure.what
    assert "export its history" in failure.remedy and "sync again" not in failure.remedy


@pytest.mark.parametrize("path", [TAX, LEDGER])
def test_every_oddity_reaches_the_warehouse_as_it_came(path, prepared_home):
    rows = life(path, 40 * len(ODD_FIELDS))
    rows = [
        replace(row, raw=row.raw[:-1] + b"," + ODD_FIELDS[n % len(ODD_FIELDS)] + b"}")
        for n, row in enumerate(rows)
    ]
    exchange = speaker(path, rows, cap=37)
    table = "raw_bitget.tax_spot_records" if path == TAX else "raw_bitmex.wallet_history"
    for _ in range(2):
        run = sync(exchange, prepared_home)
        assert run.result.failures == []
        found = [record.encode() for _, record in stored(prepared_home, table)]
        assert sorted(found) == sorted(row.raw for row in rows)


def test_a_snapshot_that_names_a_coin_twice_is_stored_once(prepared_home):
    exchange = speaker(TAX, life(TAX, 3))
    exchange.instead[ASSETS] = lambda path, params: Answer(
        exchange._envelope(
            b'[{"coin":"BTC","available":"1"},{"coin":"BTC","available":"2"},{"available":"3"}]'
        )
    )
    for _ in range(2):
        sync(exchange, prepared_home)
        ids = [record_id for record_id, _ in stored(prepared_home, "raw_bitget.spot_assets")]
        assert len(ids) == 2 and "BTC" in ids


def identified(exchange: Exchange) -> Identity:
    """Whose key it is, as the exchange's answers tell."""
    with serving(exchange) as url:
        ours = registry.exchange(exchange.name)
        keys = account(exchange.name, url)
        session = ReadOnlySession(ours, keys, limiter=RateLimiter())
        set_clock(session)
        identity = ours.identify(lambda path, params=None: fetch(session, path, params), keys)
        session.close()
    return identity


@pytest.mark.parametrize(
    ("part", "body"),
    [
        ("/user/wallet", b'{"account":1000001,"currency":"XBt","amount":5}'),
        ("/user/wallet", b'[{"account":1000001,"currency":"XBt","amount":5}]'),
        ("/apiKey/self", b'{"id":null,"permissions":null,"cidrs":null,"created":0}'),
        ("/apiKey/self", b'{"id":"a-key-that-must-not-show","permissions":"order","cidrs":"x"}'),
        ("/apiKey/self", b"[]"),
        ("/user", b'{"id":1,"created":"soon"}'),
        ("/user", b'{"id":1,"created":"2199-01-01T00:00:00Z"}'),
        ("/user", b"[]"),
    ],
)
def test_bitmex_accounts_in_any_form_are_known(part, body):
    exchange = speaker(LEDGER, [])
    exchange.instead[part] = lambda path, params: Answer(body)
    assert identified(exchange).uid == "1000001"


@pytest.mark.parametrize(
    ("status", "body"),
    [(404, b'{"detail":"Not Found"}'), (403, b"<html>no</html>"), (401, b""), (500, b"no")],
)
def test_bitmex_routes_that_are_not_there_are_not_needed(status, body, prepared_home):
    exchange = speaker(LEDGER, life(LEDGER, 12))
    parts = ["/wallet/assets"] + ["/apiKey/self", "/apiKey", "/api/v1/user"] * (status < 500)
    for part in parts:
        exchange.instead[part] = lambda path, params: Answer(body, status)
    run = sync(exchange, prepared_home)
    assert run.result.account_id == "bitmex:1000001"
    assert len(stored(prepared_home, "raw_bitmex.wallet_history")) == 12


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("ips", "1.2.3.4, 5.6.7.8"),
        ("ips", {"a": 1}),
        ("authorities", "stor,taxr"),
        ("authorities", None),
        ("regisTime", "yesterday"),
        ("regisTime", 10**40),
        ("userId", 7000000001),
        ("parentId", None),
    ],
)
def test_bitget_accounts_in_any_form_are_known(field, value):
    exchange = speaker(DEPOSITS, [])
    info = {"userId": "7000000001", "regisTime": str(to_ms(OPENED)), "authorities": []}
    answer = exchange._envelope(json.dumps(info | {field: value}).encode())
    exchange.instead["/account/info"] = lambda path, params: Answer(answer)
    exchange.instead["/public/time"] = lambda path, params: Answer(b"<html>no</html>", 404)
    assert identified(exchange).uid == "7000000001"


@pytest.mark.parametrize(
    "told", [NOW_MS + 10**9, NOW_MS // 1_000 - 80 * 86_400], ids=["to come", "in seconds"]
)
def test_an_opening_that_cannot_be_hides_nothing(told, prepared_home):
    exchange = speaker(DEPOSITS, life(DEPOSITS, 12))
    answer = exchange._envelope(json.dumps({"userId": "1", "regisTime": told}).encode())
    exchange.instead["/account/info"] = lambda path, params: Answer(answer)
    assert sync(exchange, prepared_home).result.failures == []
    assert len(stored(prepared_home, "raw_bitget.deposit_records")) == 12


@pytest.mark.parametrize("body", [b'{"serverTime":"soon"}', b"[]", b"null", b'"x"', b"{}"])
def test_a_time_route_that_tells_no_time_is_done_without(body):
    exchange = speaker(DEPOSITS, [])
    exchange.instead["/public/time"] = lambda path, params: Answer(exchange._envelope(body))
    assert identified(exchange).uid


@pytest.mark.parametrize(
    "body",
    [b"null", b'{"userId":""}', b'{"userId":"[/x]"}', b'{"userId":"1%s"}' % (b"0" * 1_000_000)],
    ids=["nothing", "empty", "markup", "endless"],
)
def test_an_account_that_is_not_named_is_one_clear_error(body, prepared_home):
    exchange = speaker(TAX, [])
    exchange.instead["/account/info"] = lambda path, params: Answer(exchange._envelope(body))
    with pytest.raises(LookbackError, match="did not say whose key"):
        sync(exchange, prepared_home)


@pytest.mark.parametrize("name", ["bitget", "bitmex"])
def test_a_secret_in_the_exchanges_own_words_is_masked(name, prepared_home):
    exchange = Exchange(name, {}, opened_at_ms=to_ms(OPENED))
    body = {"code": "40006", "msg": LEAK.decode(), "error": {"message": LEAK.decode()}}
    for part in ("/account/info", "/user/wallet"):
        exchange.instead[part] = lambda path, params: Answer(json.dumps(body).encode(), 400)
    with pytest.raises(RequestError) as caught:
        sync(exchange, prepared_home)
    assert not any(secret in str(caught.value) for secret in SECRETS.values())


@pytest.mark.parametrize("name", ["bitget", "bitmex"])
def test_one_broken_route_stops_no_other(name, prepared_home):
    ours = registry.exchange(name).spec
    good = TAX if name == "bitget" else LEDGER
    rows = life(good, 30)
    exchange = speaker(good, rows)
    for stream in ours.streams:
        if stream.path != good and stream.path not in ours.probes:
            exchange.instead[stream.path] = lambda path, params: Answer(b'[{"id"', 200)
    run = sync(exchange, prepared_home)
    table = "tax_spot_records" if name == "bitget" else "wallet_history"
    assert len(stored(prepared_home, f"raw_{name}.{table}")) == 30
    broken = {failure.stream for failure in run.result.failures}
    assert table not in broken and len(broken) >= 3


def test_rows_of_another_account_are_no_answer():
    """The paginator has moved on before they are checked, and its position does not count."""
    rows = life(LEDGER, 20)
    strange = [replace(row, raw=row.raw.replace(b"1000001", b"2000002")) for row in rows]
    brought = read(speaker(LEDGER, strange), LEDGER)
    assert brought.raws == []
    assert {receipt["outcome"] for receipt in brought.receipts} == {"failed"}
    assert {receipt["error_kind"] for receipt in brought.receipts} == {"other_account"}
    assert_accounted(brought, strange)
