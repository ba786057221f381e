"""From the sandbox over HTTP through dlt, DuckDB and dbt: the fact tables equal the ground truth.

Row by row and to the last digit, where available; no invented and no duplicate rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipelines import registry
from pipelines.home import home
from pipelines.sandbox.engine.server import Sandbox
from tests import truth_reference, unified_reference
from tests.conftest import Lab
from tests.truth_reference import FACTS, Reach, Row, millis

NOW = datetime(2026, 9, 20, 12, tzinfo=UTC)  # BitMEX: open positions, a pending withdrawal
MAIN = ("bitget-main", "bitget-second", "bitmex-main")
ACCOUNTS = (
    "bigone-main", "bitget-main", "bitget-second", "bitget-unified", "bitmex-main", "bitmex-older",
    "bitmex-sub",
)  # fmt: skip
WALLETS = {
    "bigone": ("",),
    "bitget": (
        "spot", "usdt_futures", "usdc_futures", "coin_futures", "crossed_margin",
        "isolated_margin", "p2p",
    ),
    "bitmex": ("main",),
}  # fmt: skip
"""Wallets with a ledger of their own; "" where only all wallets together can be added up."""
TAX_FLOOR = timedelta(days=730)
"""The default retention of tax records in the sandbox."""

LISTED_COINS = "select record_id from raw_bitget.coins"


@dataclass(frozen=True)
class Stage:
    """The warehouse after one build, and the ground truth at that time."""

    truths: dict[str, dict[str, Any]]
    differences: list[str]
    balances: list[str]
    facts: dict[str, set[tuple[Any, ...]]]

    def status(self, table: str, account_id: str, record_id: str) -> list[str]:
        """The status of each row of that record; one, unless it is duplicated."""
        index = FACTS[table].index("status")
        return [
            row[2 + index]
            for row in self.facts[table]
            if (row[0], row[2]) == (account_id, record_id)
        ]


class Story:
    """Some accounts of one sandbox in one warehouse, and how it goes on with them."""

    def __init__(self, lab: Lab, names: tuple[str, ...]) -> None:
        self.lab, self.names = lab, names
        for name in names:
            lab.declare(name)

    def sync(self) -> dict[str, dict[str, Any]]:
        """Sync all; what was true meanwhile. Once more where the clock ran past an event."""
        before: dict[str, dict[str, Any]] = {}
        for _ in range(3):
            reported = {name: self.lab.box.truth(name) for name in self.names}
            for truth in reported.values():
                truth.pop("as_of")
            if reported == before:
                break
            before = reported
            self.lab.sync()
        return before

    def build(self, truths: dict[str, dict[str, Any]], as_of: datetime | None) -> Stage:
        """Build the models and hold them against `truths`."""
        self.lab.build(as_of)
        query = self.lab.query
        differences, balances = [], []
        for truth in truths.values():
            if is_unified(truth):
                reach = self.unified_reach(truth)
                differences += unified_reference.all_differences(query, truth, reach)
                continue  # its ledger does not reach back to the start, so that it adds up to less
            reach = self.reach(truth)
            differences += truth_reference.all_differences(query, truth, reach, truths.values())
            opened = datetime.fromisoformat(truth["opened_at"])
            if reach.ledger_from is None or reach.ledger_from <= opened:
                for wallet in WALLETS[truth["exchange"]]:
                    balances += truth_reference.balance_differences(query, truth, wallet)
        facts = {
            table: set(
                query(
                    f"select account_id, {table_id(table)}, {', '.join(columns)} from marts.{table}"
                )
            )
            for table, columns in FACTS.items()
        }
        return Stage(truths, differences, balances, facts)

    def unified_reach(self, truth: dict[str, Any]) -> Reach:
        """The floors of both ledgers; executions and financial records have one and the same."""
        ((ledger_from, fills_from),) = self.lab.query(
            """
            select
                min(asked_from) filter (where stream = 'unified_tax_records'),
                min(asked_from) filter (where stream = 'unified_financial_records')
            from raw_bitget.receipts where account_id = ? and outcome = 'exhausted'
            """,
            truth["account_id"],
        )
        return Reach(ledger_from, fills_from)

    def reach(self, truth: dict[str, Any]) -> Reach:
        """The rows that were still available at the first sync."""
        if truth["exchange"] != "bitget":
            return Reach()
        ((asked_at, fills_from, bills_from, futures_from),) = self.lab.query(
            """
            select
                min(asked_at) filter (where stream = 'tax_spot_records' and outcome = 'exhausted'),
                min(floor_at) filter (where stream = 'spot_fills'),
                min(floor_at) filter (where stream = 'mix_bills'),
                min(floor_at) filter (where stream = 'mix_fills')
            from raw_bitget.receipts where account_id = ?
            """,
            truth["account_id"],
        )
        days = self.lab.box.shell.world.option("bitget.tax_floor_days", TAX_FLOOR.days)
        ledger_from = None if asked_at is None else asked_at - timedelta(days=days)
        listed = frozenset(coin for (coin,) in self.lab.query(LISTED_COINS))
        return Reach(
            ledger_from, fills_from, listed, bills_from=bills_from, futures_from=futures_from
        )


def is_unified(truth: dict[str, Any]) -> bool:
    """Whether the account is read by the routes of v3."""
    return "unified" in truth["balances"]


def table_id(table: str) -> str:
    """The key of a fact table: `fct_ledger_entries` has `ledger_entry_id`."""
    return table.removeprefix("fct_").removesuffix("ies").removesuffix("s") + (
        "y_id" if table.endswith("ies") else "_id"
    )


@contextmanager
def story(folder: Path, names: tuple[str, ...], **world: Any) -> Iterator[Story]:
    with pytest.MonkeyPatch.context() as patch, Sandbox(size="small", **world) as box:
        patch.setenv("LOOKBACK_HOME", str(folder / "home"))
        patch.setenv("HOME", str(folder))
        patch.setattr("pipelines.extract.client._wait_before_next", lambda state: 0.0)
        yield Story(Lab(box, home(), patch), names)


# -- seed 6: the whole ledger in reach; the same day again; a day later


@dataclass(frozen=True)
class ThreeBuilds:
    first: Stage
    again: Stage
    day_later: Stage


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory) -> ThreeBuilds:
    whole = {"bitget.tax_floor_days": 4_000}
    folder = tmp_path_factory.mktemp("whole")
    with story(folder, ACCOUNTS, seed=6, now=NOW, options=whole) as reported:
        first = reported.build(reported.sync(), NOW)
        again = reported.build(reported.sync(), NOW)
        later = NOW + timedelta(days=1)
        reported.lab.box.set_now(later)
        return ThreeBuilds(first, again, reported.build(reported.sync(), later))


@pytest.mark.xdist_group("truth_whole")
def test_every_fact_is_as_it_was(builds):
    assert builds.first.differences == []


@pytest.mark.xdist_group("truth_whole")
def test_the_ledger_sums_to_every_balance(builds):
    assert builds.first.balances == []
    assert builds.day_later.balances == []


@pytest.mark.xdist_group("truth_whole")
def test_a_second_sync_and_build_change_nothing(builds):
    assert builds.again.facts == builds.first.facts
    assert builds.again.differences == []


@pytest.mark.xdist_group("truth_whole")
def test_a_day_later_only_the_days_events_are_added(builds):
    assert builds.day_later.differences == []
    for table, columns in FACTS.items():
        gone = builds.again.facts[table] - builds.day_later.facts[table]
        # Only what was pending may read differently, and it stays under its id.
        assert {row[2 + columns.index("status")] for row in gone if "status" in columns} <= {
            "pending"
        }, table
        ids = {row[1] for row in builds.again.facts[table]}
        assert ids <= {row[1] for row in builds.day_later.facts[table]}, table
    added = builds.day_later.facts["fct_ledger_entries"] - builds.again.facts["fct_ledger_entries"]
    when = 2 + FACTS["fct_ledger_entries"].index("occurred_at")
    assert added
    assert {row[when] > NOW for row in added} == {True}


@pytest.mark.xdist_group("truth_whole")
def test_what_was_pending_is_completed_once(builds):
    before, after = pending(builds.again), pending(builds.day_later)
    completed = sorted(before - after)
    assert {account_id.split(":")[0] for account_id, _, _ in completed} == {"bitget", "bitmex"}
    for account_id, table, record_id in completed:
        assert builds.again.status(table, account_id, record_id) == ["pending"]
        assert builds.day_later.status(table, account_id, record_id) == ["completed"]


@pytest.mark.xdist_group("truth_whole")
def test_no_trade_is_in_both_views(builds):
    """As many trades as executions, although the ledger has rows of each spot trade as well."""
    kind = 2 + FACTS["fct_trades"].index("product_type")
    for truth in builds.day_later.truths.values():
        if is_unified(truth):
            continue  # some are older than all stored rows; other tests check for duplicates
        is_bitget = truth["exchange"] == "bitget"
        stored = [
            row
            for row in builds.day_later.facts["fct_trades"]
            if row[0] == key(truth) and (row[kind] == "spot" or not is_bitget)
        ]
        made = [t for t in truth["trades"] if t["product_type"] == "spot" or not is_bitget]
        assert len(stored) == len(made), key(truth)


def key(truth: dict[str, Any]) -> str:
    return str(truth["account_id"])


def pending(stage: Stage) -> set[tuple[str, str, str]]:
    """(account, table, record) of pending records in the ground truth."""
    return {
        (key(truth), f"fct_{part}", row["record_id"])
        for truth in stage.truths.values()
        for part in ("deposits", "withdrawals")
        for row in truth[part]
        if row["status"] == "pending"
    }


# -- seed 2: the real clock, both floors inside the history


def test_available_facts_are_exact_under_the_real_clock(tmp_path):
    with story(tmp_path, MAIN, seed=2) as reported:
        stage = reported.build(reported.sync(), None)
        assert stage.differences == []
        assert stage.balances == []
        reasons = Counter(
            row[2 + FACTS["fct_trades"].index("price_reason")]
            for row in stage.facts["fct_trades"]
            if row[0].startswith("bitget:")
        )
        assert reasons["ledger_only"] and reasons[None]


# -- seed 3: the ledger's first view fails, its second stands in, and gives way again


def test_bills_replace_missing_tax_records(tmp_path):
    tax = registry.exchange("bitget").spec.stream("tax_spot_records")
    with story(tmp_path, MAIN, seed=3, now=NOW) as reported:
        box = reported.lab.box
        box.fault("500", exchange="bitget", path=tax.path, times=None)
        stage = reported.build(reported.sync(), NOW)
        for name in ("bitget-main", "bitget-second"):
            truth = stage.truths[name]
            expected, stored = stand_ins(reported, truth), ledger(reported, truth)
            assert expected and stored == expected, name
        # Older trades are known from tax records alone; everything else is there.
        assert [line for line in stage.differences if is_other(line)] == []

        box.clear_faults()
        later = NOW + timedelta(days=5)
        box.set_now(later)
        after = reported.build(reported.sync(), later)
        assert after.differences == []
        settled = pending(stage) - pending(after)
        assert settled == pending(stage)
        for account_id, table, record_id in settled:
            assert after.status(table, account_id, record_id) in (["completed"], ["failed"])


def stand_ins(reported: Story, truth: dict[str, Any]) -> Counter[tuple[Any, ...]]:
    """The spot movements that bills still reach."""
    ((floor,),) = reported.lab.query(
        "select min(floor_at) from raw_bitget.receipts where stream = 'spot_bills'"
    )
    return Counter(
        (row["asset"], row["amount"], row["fee_amount"], row["occurred_at"])
        for row in truth_reference.expected_rows(truth, Reach(floor, floor))["fct_ledger_entries"]
        if truth["exchange"] != "bitget" or row["wallet"] == "spot"
    )


def ledger(reported: Story, truth: dict[str, Any]) -> Counter[tuple[Any, ...]]:
    query = reported.lab.query
    rows: list[Row] = truth_reference.stored_rows(query, "fct_ledger_entries", key(truth))
    return Counter(
        (row["asset"], row["amount"], row["fee_amount"], row["occurred_at"])
        for row in rows
        if truth["exchange"] != "bitget" or row["wallet"] == "spot"
    )


def is_other(line: str) -> bool:
    """Whether a difference is none of those that missing tax records explain."""
    table = line.split()[0]
    if table == "fct_ledger_entries":
        return False
    return not (table in ("fct_trades", "fct_transfers") and line.endswith("1 in truth, 0 stored"))


def test_moments_are_compared_to_the_millisecond():
    assert millis("2026-09-20T12:00:00.123Z") == 1_789_905_600_123
    assert millis(datetime(2026, 9, 20, 12, 0, 0, 999_000, tzinfo=UTC)) == 1_789_905_600_999
    with pytest.raises(ValueError):
        millis(datetime(2026, 9, 20, 12, 0, 0, 999_001, tzinfo=UTC))
