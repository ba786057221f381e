"""Coverage claims no more than the marts contain, and every remedy can be followed.

One warehouse: simulated accounts, saved responses of BitMEX (only a wallet, an incomplete trade
history, one of a few markets), and a Bitget ledger with rows that cannot be paired.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipelines import registry
from pipelines.files.importer import import_files
from pipelines.files.mapping import template_of
from pipelines.home import PROJECT, Home, home
from tests.malformed_server import Answer, Exchange, Row
from tests.shared_history import SharedHistory
from tests.test_malformed_responses import NOW, NOW_MS, OPENED, TAX, speaker, sync, to_ms

CASES = PROJECT.parent / "shared" / "cases"
SERVED = "bitget:7000009999"
"""The account that has rows which nothing can pair."""
DAY_MS = 86_400_000
COMPLETE_TRADES = """
    select wallet, span_start, span_end from marts.fct_entity_coverage
    where account_id = ? and entity = 'trades' and is_complete
"""
GAPS = """
    select state, span_start, span_end from marts.fct_gaps
    where account_id = ? and stream = 'trade_history'
"""
FINDINGS = """
    select stream, size, what from marts.fct_findings
    where account_id = ? and kind = 'missing_rows' and state = 'open' order by what
"""


def moment(day: int, hour: int = 12) -> str:
    """A moment of 2018, so many days after October began."""
    at = datetime(2018, 10, 1, hour, tzinfo=UTC) + timedelta(days=day)
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def wallet_row(uid: int, number: int, day: int, market: str, amount: int) -> dict[str, Any]:
    kind = "RealisedPNL" if market else "Deposit"
    return {
        "transactID": f"00000000-0000-4000-8000-{uid:06}{number:06}", "account": uid,
        "currency": "XBt", "transactType": kind, "amount": amount, "fee": 0,
        "transactStatus": "Completed", "address": market, "tx": "", "text": "",
        "transactTime": moment(day), "timestamp": moment(day), "walletBalance": 100_000_000,
    }  # fmt: skip


def execution(
    uid: int, number: int, day: int, market: str, side: str, quantity: int, kind: str = "Trade"
) -> dict[str, Any]:
    return {
        "execID": f"00000000-0000-4000-9000-{uid:06}{number:06}", "orderID": "", "account": uid,
        "symbol": market, "side": side, "lastQty": quantity, "lastPx": 4000, "currency": "USD",
        "settlCurrency": "XBt", "execType": kind, "ordType": "Limit", "ordStatus": "Filled",
        "commission": 0, "execCost": 25_000_000, "execComm": 0, "text": "",
        "transactTime": moment(day, 9), "timestamp": moment(day, 9),
    }  # fmt: skip


WALLET = [
    wallet_row(0, 1, 0, "", 100_000_000),
    wallet_row(0, 2, 14, "XBTUSD", -2_500_000),
    wallet_row(0, 3, 55, "XBTUSD", 1_000_000),
]
CUT = [
    execution(0, 1, 50, "XBTUSD", "Buy", 1000),
    execution(0, 2, 55, "XBTUSD", "Sell", 1000),
]
SOME_MARKETS = [
    execution(0, 1, 1, "XBTUSD", "Buy", 1000),
    execution(0, 2, 20, "XBTZ18", "Sell", 700, "Settlement"),
    execution(0, 3, 55, "XBTUSD", "Sell", 1000),
]
SOME_WALLET = [*WALLET, wallet_row(0, 4, 30, "ETHUSD", 5_000)]


def of_account(rows: Sequence[dict[str, Any]], uid: int) -> str:
    """Those rows as a saved answer of that account."""
    keys = ("transactID", "execID")
    return json.dumps(
        [
            row | {"account": uid} | {k: row[k][:-12] + f"{uid:06}" + row[k][-6:]
                                      for k in keys if k in row}
            for row in rows
        ]
    )  # fmt: skip


def bring(folder: Path, label: str, uid: int, *answers: Sequence[dict[str, Any]]) -> None:
    """Import saved answers of one BitMEX account."""
    paths = []
    for number, rows in enumerate(answers):
        paths.append(folder / f"{label}-{number}.json")
        paths[-1].write_text(of_account(rows, uid))
    import_files("bitmex", paths, label, home())


def case_rows() -> list[Row]:
    """The rows of the case, the newest a week old; ours where the case is not here."""
    path = CASES / "17-bitget-two-trades-one-moment" / "tax.json"
    if not path.exists():
        return tax_rows()
    records = json.loads(path.read_text(encoding="utf-8"))
    later_ms = NOW_MS - 7 * DAY_MS - max(int(record["ts"]) for record in records)
    rows = []
    for record in records:
        at_ms = int(record["ts"]) + later_ms
        raw = json.dumps(record | {"ts": str(at_ms)}).encode()
        rows.append(Row(int(record["id"]), at_ms, raw))
    return rows


def served_account(rows: list[Row]) -> Exchange:
    """An exchange with one account that has those tax records."""
    exchange = speaker(TAX, rows)
    info = {
        "userId": SERVED.partition(":")[2], "authorities": [], "regisTime": str(to_ms(OPENED)),
    }  # fmt: skip
    answer = Answer(exchange._envelope(json.dumps(info).encode()))
    exchange.instead["/account/info"] = lambda path, params: answer
    return exchange


def tax_rows() -> list[Row]:
    """Two trades that share a moment, three conversions that do, and a trade that can be paired."""
    reported = [
        ("SOL", "Buy", "1", 9), ("BTC", "Sell", "-0.1", 9), ("ETH", "Buy", "1.5", 9),
        ("USDT", "Sell", "-100", 9), ("XRP", "Exchange spending", "-3", 8),
        ("DOGE", "Exchange spending", "-9", 8), ("TRX", "Exchange spending", "-20", 8),
        ("BGB", "Exchange income", "0.5", 8), ("BGB", "Exchange income", "0.7", 8),
        ("BGB", "Exchange income", "0.9", 8), ("USDT", "Sell", "-50", 7), ("SOL", "Buy", "0.5", 7),
    ]  # fmt: skip
    rows = []
    for number, (coin, label, amount, days_ago) in enumerate(reported, start=1):
        at_ms = NOW_MS - days_ago * DAY_MS
        record = {
            "id": str(number), "coin": coin, "spotTaxType": label, "amount": amount, "fee": "0",
            "balance": amount, "bizOrderId": "", "ts": str(at_ms),
        }  # fmt: skip
        rows.append(Row(number, at_ms, json.dumps(record).encode()))
    return rows


def store_cases(place: Home, folder: Path) -> None:
    """Sync the served account, and import the saved answers."""
    sync(served_account(case_rows()), place)
    bring(folder, "wallet_only", 900_001, WALLET)
    bring(folder, "cut", 900_002, WALLET, CUT)
    bring(folder, "some_markets", 900_003, SOME_WALLET, SOME_MARKETS)
    case = CASES / "15-bitmex-tradehistory-cut"
    if case.exists():
        paths = [folder / "wallet.json", folder / "executions.json"]
        for path in paths:
            path.write_text((case / path.name).read_text().replace("1000001", "900004"))
        import_files("bitmex", paths, "case", place)


@pytest.fixture
def built(shared: SharedHistory) -> SharedHistory:
    return shared


def test_a_wallet_alone_makes_no_trades_complete(built: SharedHistory) -> None:
    assert built.query(COMPLETE_TRADES, "bitmex:900001") == []
    gaps = built.query(GAPS, "bitmex:900001")
    assert gaps and {state for state, *_ in gaps} == {"open"}


def assert_cut(built: SharedHistory, account_id: str) -> None:
    first, cut = datetime(2018, 10, 2, tzinfo=UTC), datetime(2018, 11, 20, tzinfo=UTC)
    reached = first
    # Gaps that touch each other differ in what proves them.
    for state, start, end in sorted(built.query(GAPS, account_id), key=lambda gap: gap[1]):
        assert state == "open"
        reached = end if start <= reached else reached
    assert reached >= cut
    assert all(start >= cut for _, start, _ in built.query(COMPLETE_TRADES, account_id))


def test_trades_before_a_cut_history_stay_an_open_gap(built: SharedHistory) -> None:
    assert_cut(built, "bitmex:900002")


@pytest.mark.skipif(not CASES.exists(), reason="the cases are not here")
def test_the_cut_history_of_the_case_stays_an_open_gap(built: SharedHistory) -> None:
    assert_cut(built, "bitmex:900004")


def test_a_history_of_some_markets_is_not_complete(built: SharedHistory) -> None:
    complete = built.query(COMPLETE_TRADES, "bitmex:900003")
    assert all(start > datetime(2018, 10, 31, tzinfo=UTC) for _, start, _ in complete)
    found = {what: size for _, size, what in built.query(FINDINGS, "bitmex:900003")}
    (unopened,) = [what for what in found if "XBTZ18" in what]
    (untraded,) = [what for what in found if "ETHUSD" in what]
    assert "700 contracts" in unopened and found[unopened] == 700
    assert found[untraded] == 1


def test_unpaired_rows_are_counted_and_named(built: SharedHistory) -> None:
    trades, conversions = built.query(FINDINGS, SERVED)
    assert trades[1] == 2 and "4 ledger rows of 2 trades" in trades[2]
    assert conversions[1] == 3 and "6 ledger rows of 3 conversions" in conversions[2]
    incomplete = built.query(
        "select distinct entity from marts.fct_entity_coverage "
        "where account_id = ? and verdict = 'rows_missing' and not is_complete order by 1",
        SERVED,
    )
    assert incomplete == [("conversions",), ("trades",)]


def test_no_span_with_profit_and_no_trades_is_complete(built: SharedHistory) -> None:
    assert not built.query(
        """
        select entries.account_id, entries.market, entries.occurred_at
        from marts.fct_ledger_entries as entries
        inner join marts.fct_entity_coverage as coverage
            on
                entries.account_id = coverage.account_id
                and coverage.entity = 'trades'
                and ends_with(entries.wallet, coverage.wallet)
                and coverage.is_complete
                and entries.occurred_at >= coverage.span_start
                and entries.occurred_at < coverage.span_end
        where
            entries.entry_type in ('realised_pnl', 'trade')
            and not exists (
                select 1 from marts.fct_trades as trades
                where
                    trades.account_id = entries.account_id
                    and trades.traded_at <= entries.occurred_at + interval 1 minute
            )
        """
    )


def test_simulated_accounts_lack_no_rows(built: SharedHistory) -> None:
    simulated = [truth["account_id"] for truth in built.truths.values()]
    lacking = built.query(
        "select account_id, what from marts.fct_findings "
        "where kind = 'missing_rows' and state = 'open' and list_contains(?, account_id)",
        simulated,
    )
    assert not lacking


def test_every_remedy_can_be_followed(built: SharedHistory) -> None:
    remedies = built.query(
        """
        select account_id, remedy
        from (
            select account_id, remedy from marts.fct_gaps
            union
            select account_id, remedy from marts.fct_findings
            union
            select account_id, reason from marts.fct_sync_status
        )
        where account_id in (select account_id from intermediate.int_accounts_unioned)
        """  # rows that a test wrote itself are of accounts without a key or a file
    )
    with_keys = {
        account_id
        for (account_id,) in built.query(
            "select distinct account_id from intermediate.int_accounts_unioned "
            "where origin = 'api' or origin is null"
        )
    }
    assert {account_id.partition(":")[0] for account_id, _ in remedies} == set(registry.names())
    for account_id, remedy in remedies:
        exchange = registry.exchange(account_id.partition(":")[0])
        is_over = exchange.spec.ends_at is not None and exchange.spec.ends_at <= NOW
        if "lookback sync" in remedy or "next sync" in remedy:
            assert not is_over, (account_id, remedy)
            assert account_id in with_keys or "connect the account" in remedy, (account_id, remedy)
        name = exchange.spec.name
        for command in re.findall(r"`(lookback import [^`]*)`", remedy):
            template = re.fullmatch(rf"lookback import {name} --template (\w+)", command)
            if template:
                assert template_of(exchange.spec, template[1]), (account_id, remedy)
            else:
                assert command == f"lookback import {name} FILE --account LABEL"
                assert exchange.spec.site_formats, (account_id, remedy)


def test_a_stream_without_a_request_since_its_file_says_so(built: SharedHistory) -> None:
    causes = built.query(
        "select cause from marts.fct_gaps where stream = 'trade_history' "
        "and account_id in ('bitmex:900002', 'bitmex:900003')"
    )
    assert causes and not any("from BitMEX yet" in cause for (cause,) in causes)


def test_unverified_spans_counts_unverified_gaps_alone(built: SharedHistory) -> None:
    counted = built.query(
        """
        select account_id, stream, unverified_spans from marts.fct_sync_status
        where unverified_spans != (
            select count(*) from marts.fct_gaps as gaps
            where gaps.account_id = fct_sync_status.account_id
                and gaps.stream = fct_sync_status.stream
                and gaps.verdict = 'unverified' and gaps.state = 'open'
        )
        """
    )
    assert counted == []
