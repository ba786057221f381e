"""Exports hold what the ledger holds: each file is read back and its sums are compared."""

from __future__ import annotations

import csv
import io
import re
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import beancount.loader
import pytest
from beancount.core import data as bean
from duckdb import DuckDBPyConnection as Connection
from typer.testing import CliRunner

from flows.cli.app import app
from flows.exports import accounting, tables
from flows.exports.events import Amount, Event, Leg, events_of
from flows.exports.export import Exported, Span, export, titles
from flows.exports.formats import formats
from flows.exports.notice import notice
from flows.reports import answers
from pipelines.errors import LookbackError
from pipelines.home import PROJECT
from tests.shared_history import SharedHistory

AT = datetime(2026, 5, 4, 3, 2, 1, 234_000, tzinfo=UTC)
ACCOUNT = tables.Account("acme", "Acme", "main")
REFERENCE = PROJECT.parent / "shared" / "exchanges" / "export-formats.md"
READ_BACK = ("koinly", "cointracking", "bittytax", "summ", "recap", "coinledger", "cointracker")
Sums = dict[str, Decimal]


@pytest.fixture
def warehouse(shared: SharedHistory) -> Iterator[Connection]:
    with answers.opened(shared.published) as opened:
        yield opened


def ledger_sums(warehouse: Connection, account_id: str, column: str = "asset") -> Sums:
    rows = answers.select(
        warehouse,
        f"""
        select {column} as name, sum(amount) as amount from marts.fct_ledger_entries
        where account_id = ? and status = 'completed' group by 1 having sum(amount) <> 0
        """,
        [account_id],
    )
    return {row["name"]: row["amount"] for row in rows}


def summed(movements: Iterator[tuple[str, Decimal]]) -> Sums:
    found: Sums = defaultdict(Decimal)
    for asset, amount in movements:
        found[asset] += amount
    return {asset: amount for asset, amount in found.items() if amount}


def of_events(events: list[Event]) -> Sums:
    return summed(pair for event in events for pair in event.movements().items())


def accounts_of(warehouse: Connection) -> dict[str, str]:
    """The simulated accounts, without those of single cases."""
    rows = answers.select(
        warehouse,
        "select account_id, label from marts.dim_accounts "
        "where label like '%main' or label like '%unified'",
    )
    return {row["label"]: row["account_id"] for row in rows}


def test_events_hold_each_entry_once(warehouse: Connection) -> None:
    kinds = set()
    for account_id in accounts_of(warehouse).values():
        events = events_of(warehouse, account_id, None, None)
        assert of_events(events) == ledger_sums(warehouse, account_id)
        legs = summed(
            (f"{leg.wallet}|{leg.asset}", leg.amount) for event in events for leg in event.legs
        )
        assert legs == ledger_sums(warehouse, account_id, "wallet || '|' || asset")
        assert len({event.id for event in events}) == len(events)
        kinds |= {event.kind for event in events}
    assert {"trade", "deposit", "withdrawal", "internal", "realised_loss", "funding_paid"} <= kinds


def test_almost_all_trades_have_both_sides(warehouse: Connection) -> None:
    for account_id in accounts_of(warehouse).values():
        events = events_of(warehouse, account_id, None, None)
        trades = [event for event in events if event.kind == "trade"]
        one_sided = [event for event in events if event.kind.startswith("one_sided")]
        assert len(one_sided) <= len(trades) / 10


def movements_of(name: str, row: dict[str, str]) -> Iterator[tuple[str, Decimal]]:
    """What a tool books for a row, by the fee rule that its vendor states."""
    pairs = {
        "koinly": ("Received Amount", "Received Currency", "Sent Amount", "Sent Currency"),
        "cointracking": ("Buy Amount", "Buy Currency", "Sell Amount", "Sell Currency"),
        "bittytax": ("Buy Quantity", "Buy Asset", "Sell Quantity", "Sell Asset"),
        "recap": ("InOrBuyAmount", "InOrBuyCurrency", "OutOrSellAmount", "OutOrSellCurrency"),
        "coinledger": ("Amount Received", "Asset Received", "Amount Sent", "Asset Sent"),
        "cointracker": (
            "Received Quantity", "Received Currency", "Sent Quantity", "Sent Currency",
        ),
    }  # fmt: skip
    if name == "summ":
        is_in = row["Type"] in ("buy", "receive", "interest", "income", "rebate", "borrow",
                                "realized-profit")  # fmt: skip
        yield row["Base Currency"], Decimal(row["Base Amount"]) * (1 if is_in else -1)
        yield row["Quote Currency (Optional)"], -Decimal(row["Quote Amount (Optional)"] or 0)
    else:
        got, got_asset, gave, gave_asset = pairs[name]
        yield row[got_asset], Decimal(row[got] or 0)
        yield row[gave_asset], -Decimal(row[gave] or 0)
    if name != "cointracking":  # there the amounts include the fee
        fee = next(key for key in row if re.match(r"Fee ?(Amount|Quantity)", key))
        asset = next(key for key in row if re.match(r"Fee ?(Asset|Currency)", key))
        yield row[asset], -Decimal(row[fee] or 0)


def exported(warehouse: Connection, name: str, folder: Path) -> None:
    export(warehouse, name, folder, list(accounts_of(warehouse)))


@pytest.mark.parametrize("name", READ_BACK)
def test_a_tool_gets_the_sums_of_the_ledger(
    name: str, warehouse: Connection, tmp_path: Path
) -> None:
    exported(warehouse, name, tmp_path)
    form = formats()[name]
    for label, account_id in accounts_of(warehouse).items():
        with (tmp_path / f"{label}.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        missing = of_events(tables.left_out(form, events_of(warehouse, account_id, None, None)))
        booked = summed(pair for row in rows for pair in movements_of(name, row))
        expected = summed(
            pair
            for sums, sign in ((ledger_sums(warehouse, account_id), 1), (missing, -1))
            for pair in ((asset, sign * amount) for asset, amount in sums.items())
        )
        assert booked == expected
        for row in rows:
            assert not any(text.startswith("-") or "E" in text for key, text in row.items()
                           if "Amount" in key or "Quantity" in key)  # fmt: skip


def test_rotki_gets_the_sums_of_the_ledger(warehouse: Connection, tmp_path: Path) -> None:
    exported(warehouse, "rotki", tmp_path)
    signs = {"Deposit": 1, "Income": 1, "Withdrawal": -1, "Loss": -1, "Spend": -1}
    for label, account_id in accounts_of(warehouse).items():
        trades = csv.DictReader(io.StringIO((tmp_path / f"{label}.trades.csv").read_text()))
        events = csv.DictReader(io.StringIO((tmp_path / f"{label}.events.csv").read_text()))
        booked = summed(
            pair
            for rows, columns in (
                (trades, (("Receive", 1), ("Spend", -1))),
                (events, (("", 1),)),
            )
            for row in rows
            for pair in (
                *(
                    (
                        row[f"{side} Currency".strip()],
                        Decimal(row[f"{side} Amount".strip()])
                        * (signs[row["Type"]] if "Type" in row else sign),
                    )
                    for side, sign in columns
                ),
                (row["Fee Currency"], -Decimal(row["Fee"] or 0)),
            )
        )
        everything = events_of(warehouse, account_id, None, None)
        missing = of_events(tables.left_out(formats()["rotki"], everything))
        ledger = ledger_sums(warehouse, account_id)
        assert booked == summed(
            (asset, ledger.get(asset, Decimal(0)) - missing.get(asset, Decimal(0)))
            for asset in {**ledger, **missing}
        )


def test_beancount_finds_the_balances_of_the_ledger(warehouse: Connection, tmp_path: Path) -> None:
    exported(warehouse, "beancount", tmp_path)
    for label, account_id in accounts_of(warehouse).items():
        entries, errors, _ = beancount.loader.load_file(str(tmp_path / f"{label}.beancount"))
        assert not errors
        original = {
            entry.currency: entry.meta["asset"]
            for entry in entries
            if isinstance(entry, bean.Commodity)
        }
        booked = summed(
            (original[posting.units.currency], posting.units.number)
            for entry in entries
            if isinstance(entry, bean.Transaction)
            for posting in entry.postings
            if posting.account.startswith("Assets:")
        )
        assert booked == ledger_sums(warehouse, account_id)


@pytest.mark.skipif(not shutil.which("hledger"), reason="hledger is not installed")
def test_hledger_finds_the_balances_of_the_ledger(warehouse: Connection, tmp_path: Path) -> None:
    exported(warehouse, "hledger", tmp_path)
    for label, account_id in accounts_of(warehouse).items():
        done = subprocess.run(
            ["hledger", "-f", tmp_path / f"{label}.journal", "balance", "assets", "-N", "-O",
             "csv", "--layout=bare", "--depth=1"],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        rows = csv.DictReader(io.StringIO(done.stdout))
        booked = summed((row["commodity"], Decimal(row["balance"])) for row in rows)
        assert booked == ledger_sums(warehouse, account_id)


def test_a_part_of_the_history_starts_from_its_opening_balances(
    warehouse: Connection, tmp_path: Path
) -> None:
    account_id = accounts_of(warehouse)["bitmex_main"]
    since = datetime(2026, 3, 1, tzinfo=UTC)
    export(warehouse, "beancount", tmp_path, ["bitmex_main"], Span(since))
    entries, errors, _ = beancount.loader.load_file(str(tmp_path / "bitmex_main.beancount"))
    assert not errors
    opening, *others = [entry for entry in entries if isinstance(entry, bean.Transaction)]
    assert opening.narration == "Opening balances"
    assert others
    assert all(entry.date >= since.date() for entry in others)
    booked = summed(
        (posting.units.currency, posting.units.number)
        for entry in (opening, *others)
        for posting in entry.postings
        if posting.account.startswith("Assets:")
    )
    assert booked == ledger_sums(warehouse, account_id)


def test_a_notice_names_gaps_and_what_is_left_out(warehouse: Connection, tmp_path: Path) -> None:
    done = {each.label: each for each in export(warehouse, "koinly", tmp_path)}
    gapped = done["bitget_main"]
    assert gapped.gaps
    assert gapped.notice
    text = gapped.notice.read_text()
    assert "## Missing history" in text
    assert "*Remedy:*" in text
    assert "## Left out" in text
    events = events_of(warehouse, accounts_of(warehouse)["bitget_main"], None, None)
    assert gapped.left_out == len(tables.left_out(formats()["koinly"], events))


def test_a_complete_account_has_no_notice() -> None:
    assert notice("Koinly", gaps=[], left_out=[], one_sided=[], differences=[]) == ""


@pytest.mark.skipif(not REFERENCE.exists(), reason="the reference is not here")
def test_headers_are_those_of_the_reference() -> None:
    known = REFERENCE.read_text()
    for form in formats().values():
        for table in form.tables:
            header = ",".join(column for column, _ in table.columns)
            if form.needs_template:
                assert all(column in known for column, _ in table.columns)
            else:
                assert header in known, form.name


# Fee rules, for a trade of 2 COIN for 10 USDT and a fee of 1 in each possible asset.


def trade(fee: str) -> Event:
    return Event(
        "acme:1/fills/7",
        AT,
        "trade",
        received=Amount("COIN", Decimal(2)),
        sent=Amount("USDT", Decimal(10)),
        fee=Amount(fee, Decimal(1)),
    )


def amounts(name: str, event: Event) -> list[tuple[str, str, str, str]]:
    form = formats()[name]
    return [
        (row["word"], row["received_amount"], row["sent_amount"], row["fee_amount"])
        for row in tables.rows_of(form, form.tables[0], [event], ACCOUNT)
    ]


@pytest.mark.parametrize(
    ("name", "fee", "rows"),
    [
        ("cointracking", "COIN", [("Trade", "1", "10", "1")]),
        ("cointracking", "USDT", [("Trade", "2", "11", "1")]),
        ("cointracking", "BNB", [("Trade", "2", "10", ""), ("Other Fee", "", "1", "")]),
        ("coinledger", "COIN", [("", "1", "10", "")]),
        ("coinledger", "USDT", [("", "2", "11", "")]),
        ("coinledger", "BNB", [("", "2", "10", "1")]),
        ("koinly", "COIN", [("", "2", "10", "1")]),
        ("bittytax", "USDT", [("Trade", "2", "10", "1")]),
    ],
)
def test_fee_of_a_trade(name: str, fee: str, rows: list[tuple[str, str, str, str]]) -> None:
    assert amounts(name, trade(fee)) == rows


@pytest.mark.parametrize(
    ("name", "deposit", "withdrawal"),
    [
        ("koinly", ("", "9", "", ""), ("", "", "10", "1")),
        ("cointracking", ("Deposit", "9", "", ""), ("Withdrawal", "", "11", "1")),
        ("bittytax", ("Deposit", "10", "", "1"), ("Withdrawal", "", "10", "1")),
    ],
)
def test_fee_of_a_deposit_and_a_withdrawal(
    name: str, deposit: tuple[str, ...], withdrawal: tuple[str, ...]
) -> None:
    ten, one = Amount("USDT", Decimal(10)), Amount("USDT", Decimal(1))
    assert amounts(name, Event("d", AT, "deposit", received=ten, fee=one)) == [deposit]
    assert amounts(name, Event("w", AT, "withdrawal", sent=ten, fee=one)) == [withdrawal]


def test_equal_trades_of_one_millisecond_are_added_up_for_rotki() -> None:
    form = formats()["rotki"]
    later = AT + timedelta(milliseconds=1)
    events = [trade("COIN"), trade("COIN"), replace(trade("COIN"), at=later, fee=None)]
    rows = tables.rows_of(form, form.tables[0], events, ACCOUNT)
    assert [(row["received_amount"], row["fee_amount"]) for row in rows] == [("4", "2"), ("2", "")]
    assert "2 equal trades added up" in rows[0]["description"]
    assert rows[0]["time"] == "1777863721234"


def test_amounts_are_written_without_exponent() -> None:
    event = Event("i", AT, "interest", received=Amount("COIN", Decimal("1E-18")))
    assert amounts("koinly", event) == [("lending interest", "0.000000000000000001", "", "")]


def test_ghostfolio_takes_only_trades_against_a_currency(tmp_path: Path) -> None:
    form = formats()["ghostfolio"]
    sale = Event(
        "s", AT, "trade",
        received=Amount("EUR", Decimal(7)), sent=Amount("BTC", Decimal(2)),
        fee=Amount("EUR", Decimal("0.5")),
    )  # fmt: skip
    rows = tables.rows_of(form, form.tables[0], [trade("USDT"), sale], ACCOUNT)
    wanted = ("code", "fiat", "fiat_price", "coin_amount", "action", "fee_amount")
    assert [tuple(row[name] for name in wanted) for row in rows] == [
        ("BTCEUR", "EUR", "3.5", "2", "SELL", "0.5")
    ]
    assert tables.left_out(form, [trade("USDT"), sale]) == [trade("USDT")]


def test_journals_keep_every_asset_name_apart() -> None:
    names = accounting._commodities(["1INCH", "$ALT", "BTC", "btc", "X1INCH", "Ünïcode"])
    assert len(set(names.values())) == 6
    assert names["BTC"] == "BTC"
    assert all(accounting.COMMODITY.fullmatch(name) for name in names.values())


def test_a_journal_shows_an_event_of_unknown_type() -> None:
    event = Event(
        "u", AT, "unknown_out", sent=Amount("1INCH", Decimal(3)),
        legs=(Leg("spot", "1INCH", Decimal(-3)),),
    )  # fmt: skip
    entries = accounting.entries_of([event], ACCOUNT)
    text = accounting.hledger(entries, accounting.balances_of(entries))
    assert '    equity:unknown  3 "1INCH"' in text
    assert '    assets:acme:main:spot  0 "1INCH" = -3 "1INCH"' in text


# Command line


def run(shared: SharedHistory, *arguments: str) -> tuple[int, str, Exception | None]:
    done = CliRunner(env={"LOOKBACK_HOME": str(shared.home.root)}).invoke(app, arguments)
    return done.exit_code, done.output, done.exception  # type: ignore[return-value]


def test_every_format_is_listed(shared: SharedHistory) -> None:
    code, shown, _ = run(shared, "export")
    assert code == 0
    assert all(name in shown for name in titles())


def test_the_command_prints_rows_notices_and_the_folder(
    shared: SharedHistory, tmp_path: Path
) -> None:
    code, shown, _ = run(
        shared, "export", "koinly", "--account", "bitget_main", "--folder", str(tmp_path)
    )
    assert code == 0
    assert "bitget_main.csv" in shown
    assert "read first: bitget_main.notice.md" in shown
    assert (tmp_path / "bitget_main.csv").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["quicken"], "no such format: quicken"),
        (["koinx"], "takes only files in its own template"),
        (["koinly", "--account", "nobody"], "no account nobody"),
        (["koinly", "--from", "2026-05-02", "--to", "2026-05-02"], "--from must be before --to"),
        (["parquet", "--account", "bitget_main"], "parquet holds the marts of all accounts"),
    ],
)
def test_wrong_use_says_what_to_do(
    arguments: list[str], what: str, shared: SharedHistory, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    _, _, error = run(shared, "export", *arguments, "--folder", str(folder))
    assert isinstance(error, LookbackError)
    assert what in error.what
    assert error.remedy
    assert not folder.exists()


def test_koinx_fills_the_template_of_the_user(warehouse: Connection, tmp_path: Path) -> None:
    template = tmp_path / "template.csv"
    known = [column for column, _ in formats()["koinx"].tables[0].columns]
    template.write_text(",".join(["TDS Coin", *known, "More"]) + "\n")
    folder = tmp_path / "out"
    (done,) = export(warehouse, "koinx", folder, ["bitmex_main"], template=template)
    with done.files[0].open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows
    assert list(rows[0]) == ["TDS Coin", *known, "More"]
    assert {row["Type"] for row in rows} <= {"Trade", "Deposit", "Withdrawal"}
    template.write_text("Date,Amount\n")
    with pytest.raises(LookbackError, match="it lacks"):
        export(warehouse, "koinx", folder, ["bitmex_main"], template=template)


def test_marts_are_copied_whole(warehouse: Connection, tmp_path: Path) -> None:
    (done,) = export(warehouse, "parquet", tmp_path)
    assert isinstance(done, Exported)
    path = tmp_path / "fct_ledger_entries.parquet"
    (stored,) = warehouse.execute("select count(*) from marts.fct_ledger_entries").fetchone() or (
        0,
    )
    (copied,) = warehouse.execute(f"select count(*) from '{path}'").fetchone() or (-1,)
    assert copied == stored
