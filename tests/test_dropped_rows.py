"""Rows dropped from ledgers at random, 200 times: every hole is found, with its exact size.

One build has all of them, one account per seed. The expected result follows from the dropped rows;
the models have only the others. Each ledger is there three times: with the running balances of the
exchange, without them, and as the deposits and withdrawals of an exchange without a ledger
(BitMart), where only a snapshot shows it.
"""

from __future__ import annotations

import json
import random
import shutil
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from flows.build import dbt, dismissals
from flows.reports import answers, dossier
from pipelines.home import Home

pytestmark = pytest.mark.xdist_group("dropped_rows")

SEEDS = 200
ASSETS = ("BTC", "ETH", "USDT")
START = datetime(2025, 1, 1, tzinfo=UTC)
TAKEN_BEFORE = START + timedelta(days=15)
TAKEN = START + timedelta(days=200)
"""Snapshot times: one early in most ledgers, and one after all rows."""

Hole = tuple[datetime, datetime, Decimal]
"""After which moment, not after which, and how much is missing: expected or found."""


@dataclass(frozen=True)
class Entry:
    """One row of a ledger, with the balance it left."""

    id: int
    asset: str
    at: datetime
    amount: Decimal
    balance: Decimal


@dataclass(frozen=True)
class Book:
    """One account's whole ledger, and the ids of the rows that were dropped."""

    number: int
    entries: tuple[Entry, ...]
    dropped: frozenset[int]

    @property
    def kept(self) -> list[Entry]:
        return [entry for entry in self.entries if entry.id not in self.dropped]


def any_book(number: int) -> Book:
    """Some sixty rows of three assets, now and then several in one millisecond, a few dropped."""
    rng = random.Random(number)
    at, balances, entries = START, defaultdict(Decimal), []
    for count in range(rng.randint(30, 90)):
        if rng.random() > 0.15:
            at += timedelta(milliseconds=rng.randint(1, 86_400_000))
        asset = rng.choice(ASSETS)
        # No two amounts cancel: dropped rows with a sum of zero cannot be detected.
        amount = Decimal(rng.randint(1, 10**12)).scaleb(-8) + Decimal(count).scaleb(-18)
        amount = amount if balances[asset] < amount or rng.random() < 0.6 else -amount
        balances[asset] += amount
        entries.append(Entry(number * 1_000 + count, asset, at, amount, balances[asset]))
    chosen = rng.sample(entries, rng.randint(0, 8))
    return Book(number, tuple(entries), frozenset(entry.id for entry in chosen))


def expected_holes(book: Book, asset: str) -> tuple[Decimal, list[Hole]]:
    """The missing amount before the first row, and each hole after it, for one asset.

    Rows of one moment have no order, so what is missing is known from moment to moment: all that
    was dropped up to the last row kept there.
    """
    levels: dict[datetime, Decimal] = {}
    missing = Decimal(0)
    for entry in book.entries:
        if entry.asset != asset:
            continue
        if entry.id in book.dropped:
            missing += entry.amount
        else:
            levels[entry.at] = missing
    moments = list(levels.items())
    opening = moments[0][1] if moments else Decimal(0)
    holes = [
        (before_at, at, level - before)
        for (before_at, before), (at, level) in pairwise(moments)
        if level != before
    ]
    return opening, holes


EXCHANGES = {"shown": "bitget", "silent": "bitget", "without": "bitmart"}
"""The formats of a ledger, and their streams."""
ODD = "odd"
"""Ledgers of Bitget with a few repeated amounts, and ids in no order."""
EMPTIED = "emptied"
"""Ledgers of BitMart whose snapshot has no coins."""
LEDGERS = {"bitget": "tax_spot_records", "bitmart": "deposit_withdraw_history"}
WALLETS = {"bitget": "spot_assets", "bitmart": "account_wallet"}


def exchange_of(kind: str) -> str:
    return "bitmart" if kind == EMPTIED else EXCHANGES.get(kind, "bitget")


def account(book: Book, kind: str) -> str:
    return f"{exchange_of(kind)}:{kind}-{book.number}"


def odd_book(number: int) -> Book:
    """A few rows of the same few amounts, half of them in ties, whose ids say nothing; all kept."""
    rng = random.Random(number)
    at, balances, entries = START, defaultdict(Decimal), []
    count = rng.randint(4, 25)
    for id in rng.sample(range(number * 1_000, number * 1_000 + 1_000), count):
        if rng.random() > 0.5:
            at += timedelta(milliseconds=rng.randint(1, 86_400_000))
        asset = rng.choice(("BTC", "ETH"))
        amount = Decimal(rng.choice((5, 5, 3, 8)))
        amount = amount if balances[asset] < amount or rng.random() < 0.5 else -amount
        balances[asset] += amount
        entries.append(Entry(id, asset, at, amount, balances[asset]))
    return Book(number, tuple(entries), frozenset())


def cancelling_book() -> Book:
    """Day by day 10, 5, 1, -5 and 1 of one coin, of which both fives were dropped."""
    amounts = [Decimal(amount) for amount in (10, 5, 1, -5, 1)]
    entries = tuple(
        Entry(number, "BTC", START + timedelta(days=number), amount, sum(amounts[: number + 1]))
        for number, amount in enumerate(amounts)
    )
    return Book(SEEDS, entries, frozenset({1, 3}))


def emptied_books() -> list[Book]:
    """5 came on the first day and left: listed late, or at once and dropped."""
    return [
        Book(
            number,
            (
                Entry(number * 2, "BTC", START, Decimal(5), Decimal(5)),
                Entry(number * 2 + 1, "BTC", START + timedelta(days=day), Decimal(-5), Decimal(0)),
            ),
            dropped,
        )
        for number, (day, dropped) in enumerate(((100, frozenset()), (1, frozenset({3}))))
    ]


def bitget_record(entry: Entry, kind: str) -> dict[str, object]:
    """A row of the tax records, with its running balance or without."""
    return {
        "id": str(entry.id),
        "coin": entry.asset,
        "spotTaxType": "Deposit",
        "amount": f"{entry.amount:f}",
        "fee": "0",
        **({"balance": f"{entry.balance:f}"} if kind in ("shown", ODD) else {}),
        "ts": str(round(entry.at.timestamp() * 1000)),
    }


def bitmart_record(entry: Entry) -> dict[str, object]:
    """A deposit, or a withdrawal without a fee."""
    is_deposit = entry.amount > 0
    return {
        "deposit_id": str(entry.id) if is_deposit else "",
        "withdraw_id": "" if is_deposit else str(entry.id),
        "operation_type": "deposit" if is_deposit else "withdraw",
        "currency": entry.asset,
        "arrival_amount": f"{abs(entry.amount):f}",
        "fee": "0",
        "status": 3,
        "apply_time": round(entry.at.timestamp() * 1000),
    }


def raw_rows(ledger: Sequence[Book], kind: str) -> Iterator[dict[str, object]]:
    """The responses of the exchange for the remaining rows."""
    for book in ledger:
        for entry in book.kept:
            is_bitget = exchange_of(kind) == "bitget"
            record = bitget_record(entry, kind) if is_bitget else bitmart_record(entry)
            yield {
                "account_id": account(book, kind),
                "record_id": str(entry.id),
                "record_hash": str(entry.id),
                "occurred_at": entry.at,
                "record": json.dumps(record),
                "receipt_id": f"ledger-{kind}-{book.number}",
                "origin": "api",
                "_dlt_load_id": "done",
            }


def snapshots(ledger: Sequence[Book], kind: str) -> Iterator[dict[str, object]]:
    """The true balance of each wallet, at both moments."""
    for book in ledger:
        for number, moment in enumerate((TAKEN_BEFORE, TAKEN)):
            held = {e.asset: e.balance for e in book.entries if e.at <= moment}
            for asset, amount in held.items():
                if kind == EMPTIED and not amount:
                    continue
                yield {
                    "account_id": account(book, kind),
                    "stream": WALLETS[exchange_of(kind)],
                    "wallet": "spot",
                    "asset": asset,
                    "record_id": asset,
                    "taken_at": moment,
                    "record": json.dumps(
                        {"coin": asset, "currency": asset, "available": f"{amount:f}"}
                    ),
                    "record_hash": asset,
                    "receipt_id": f"assets{number}-{kind}-{book.number}",
                    "origin": "api",
                    "_dlt_load_id": "done",
                }


def receipts(ledger: Sequence[Book], kind: str) -> Iterator[dict[str, object]]:
    exchange = exchange_of(kind)
    requested = (
        ("ledger", LEDGERS[exchange], START, TAKEN),
        ("assets0", WALLETS[exchange], TAKEN_BEFORE, TAKEN_BEFORE),
        ("assets1", WALLETS[exchange], TAKEN, TAKEN),
    )
    for book in ledger:
        for name, stream, start, end in requested:
            yield {
                "receipt_id": f"{name}-{kind}-{book.number}",
                "account_id": account(book, kind),
                "stream": stream,
                "scope": "",
                "asked_from": start,
                "asked_to": end,
                "floor_at": START,
                "floor_reason": "opened_at",
                "outcome": "exhausted",
                "asked_at": end,
                "finished_at": end,
                "origin": "api",
                "_dlt_load_id": "done",
            }


@pytest.fixture(scope="module")
def checked(
    tmp_path_factory: pytest.TempPathFactory, empty_warehouse: Path
) -> tuple[list[Book], Home]:
    """Every ledger in each format, in one warehouse, checked."""
    place = Home(tmp_path_factory.mktemp("dropped"))
    place.data.mkdir()
    shutil.copyfile(empty_warehouse, place.warehouse)
    ledger = [any_book(number) for number in range(SEEDS)]
    with duckdb.connect(str(place.warehouse)) as warehouse:
        for exchange in LEDGERS:
            warehouse.execute(
                f"insert into raw_{exchange}._dlt_loads by name select 'done' as load_id, "
                f"'{exchange}' as schema_name, 0 as status, now() as inserted_at"
            )
        odd = [*(odd_book(number) for number in range(SEEDS)), cancelling_book()]
        others = {ODD: odd, EMPTIED: emptied_books()}
        for kind in (*EXCHANGES, *others):
            exchange, reported = exchange_of(kind), others.get(kind, ledger)
            for table, rows in (
                (LEDGERS[exchange], raw_rows(reported, kind)),
                ("balances", snapshots(reported, kind)),
                ("receipts", receipts(reported, kind)),
            ):
                warehouse.register("rows", pa.Table.from_pylist(list(rows)))
                warehouse.execute(
                    f"insert into raw_{exchange}.{table} by name select * from rows"
                )
                warehouse.unregister("rows")
    dismissals.load(place)
    done = dbt.run_dbt(
        place,
        ["build", "--select", "+fct_balance_checks", "--resource-type", "model",
         "--resource-type", "seed"],
        TAKEN,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return ledger, place


def found(place: Home, kinds: Sequence[str]) -> dict[tuple[str, str], list[Hole]]:
    """The findings of those kinds by account and asset: since, until, and how much."""
    with duckdb.connect(str(place.warehouse), read_only=True) as warehouse:
        warehouse.execute("set TimeZone = 'UTC'")
        rows = warehouse.execute(
            """
            select account_id, asset, since_at, checked_at, net_residual
            from marts.fct_balance_checks
            where not is_ok and kind in (select unnest(?))
            order by checked_at
            """,
            [list(kinds)],
        ).fetchall()
    holes: dict[tuple[str, str], list[Hole]] = defaultdict(list)
    for account_id, asset, since, until, size in rows:
        holes[account_id, asset].append((since, until, size))
    return holes


def test_every_hole_is_found_with_its_exact_size(
    checked: tuple[list[Book], Home],
) -> None:
    ledger, place = checked
    breaks, openings = found(place, ["balance_chain"]), found(place, ["opening_balance"])
    count = 0
    for book in ledger:
        for asset in ASSETS:
            opening, holes = expected_holes(book, asset)
            key = account(book, "shown"), asset
            assert breaks.get(key, []) == holes, key
            assert [size for *_, size in openings.get(key, [])] == ([opening] if opening else [])
            count += len(holes) + bool(opening)
    assert count > 2 * SEEDS, "too few rows were dropped to prove anything"


def test_a_snapshot_shows_the_exact_missing_amount(
    checked: tuple[list[Book], Home],
) -> None:
    ledger, place = checked
    residuals = found(place, ["snapshot"])
    for kind in EXCHANGES:
        for book in ledger:
            for asset in ASSETS:
                missing = sum(
                    (e.amount for e in book.entries if e.id in book.dropped and e.asset == asset),
                    Decimal(0),
                )
                sizes = [size for *_, size in residuals.get((account(book, kind), asset), [])]
                assert sizes == ([missing] if missing else []), (account(book, kind), asset)
    breaks = found(place, ["balance_chain", "opening_balance", "sum_rule"])
    breaks = {key: holes for key, holes in breaks.items() if f":{ODD}-" not in key[0]}
    assert {account_id.split(":")[1].split("-")[0] for account_id, _ in breaks} == {"shown"}


def test_two_snapshots_show_the_missing_amount_between_them(
    checked: tuple[list[Book], Home],
) -> None:
    """The sum of what was dropped after the first, to the last digit, or nothing at all."""
    ledger, place = checked
    changes = found(place, ["snapshot_change"])
    count = 0
    for kind in EXCHANGES:
        for book in ledger:
            for asset in ASSETS:
                missing = sum(
                    (
                        e.amount
                        for e in book.entries
                        if e.id in book.dropped and e.asset == asset and e.at > TAKEN_BEFORE
                    ),
                    Decimal(0),
                )
                reported = changes.get((account(book, kind), asset), [])
                assert reported == ([(TAKEN_BEFORE, TAKEN, missing)] if missing else [])
                count += bool(missing)
    assert count > SEEDS


def test_a_complete_ledger_has_no_finding(checked: tuple[list[Book], Home]) -> None:
    ledger, place = checked
    kept = [book for book in ledger if not book.dropped]
    whole = {account(book, kind) for book in kept for kind in EXCHANGES}
    assert whole
    kinds = [
        "balance_chain", "opening_balance", "sum_rule", "snapshot", "snapshot_change",
        "account_total",
    ]  # fmt: skip
    assert not {account_id for account_id, _ in found(place, kinds)} & whole


def test_a_ledger_of_repeated_amounts_has_no_finding(
    checked: tuple[list[Book], Home],
) -> None:
    """Rows of one moment pass the same balance twice, so only their neighbours show the end."""
    _, place = checked
    kinds = ["balance_chain", "opening_balance", "sum_rule", "snapshot", "snapshot_change"]
    odd = {account(odd_book(number), ODD) for number in range(SEEDS)}
    assert not {account_id for account_id, _ in found(place, kinds)} & odd


def test_dropped_rows_that_cancel_are_a_finding_without_proof(
    checked: tuple[list[Book], Home],
) -> None:
    """They look like one balance printed out of step: neither can be ruled out."""
    _, place = checked
    cancelling = account(cancelling_book(), ODD)
    with duckdb.connect(str(place.warehouse), read_only=True) as warehouse:
        checks = warehouse.execute(
            "select detail, severity, residual, net_residual from marts.fct_balance_checks "
            "where account_id = ? and not is_ok",
            [cancelling],
        ).fetchall()
        proofs = warehouse.execute(
            "select account_id, proof from intermediate.int_ledger_proofs "
            "where account_id = any(?) order by 1 desc",
            [[cancelling, account(odd_book(0), ODD)]],
        ).fetchall()
    assert checks == [("swing", "warning", 5, 0)]
    assert proofs == [(cancelling, "rows_between_missing"), (account(odd_book(0), ODD), "whole")]


def test_a_wallet_that_names_no_coin_holds_none(checked: tuple[list[Book], Home]) -> None:
    """Not what it held when it still named some; and where it never did, rows are missing."""
    _, place = checked
    gone, never = (account(book, EMPTIED) for book in emptied_books())
    with duckdb.connect(str(place.warehouse), read_only=True) as warehouse:
        checks = warehouse.execute(
            "select account_id, kind, expected, computed, severity from marts.fct_balance_checks "
            "where account_id = any(?) order by account_id",
            [[gone, never]],
        ).fetchall()
    assert checks == [(gone, "snapshot", 0, 0, "none"), (never, "snapshot", 0, 5, "critical")]
    with answers.opened(place.warehouse) as warehouse:
        (held,) = dossier.newest_balances(warehouse, gone)
    assert (held["amount_before"], held["taken_before"]) == (5, TAKEN_BEFORE)
    assert (held["amount"], held["taken_at"]) == (0, TAKEN)
