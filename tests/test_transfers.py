"""Transfers between own accounts: the pairs in the marts equal the ground truth.

Four accounts of three exchanges. The sandbox knows the deposit of each withdrawal; the marts have
only hashes, amounts and times.
"""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from flows.build import dbt
from flows.cli import show
from flows.reports import answers
from pipelines import registry
from pipelines.home import home
from pipelines.sandbox.engine.server import Sandbox
from tests.conftest import Lab
from tests.truth_reference import millis, moves_between

NOW = datetime(2026, 9, 20, 12, tzinfo=UTC)
ACCOUNTS = ("bitget-main", "bitget-second", "bitmart-main", "bigone-main")
DUPLICATES = {"twin-1", "twin-2"}

PAIRS = """
    select
        from_account_id, from_record_id, to_account_id, to_record_id, asset, amount_sent,
        amount_received, fee_amount, sent_at, method, confidence
    from marts.fct_transfers
    where from_account_id <> to_account_id
"""
CANDIDATES = """
    select account_id, record_id, open_because, candidate_count, gap_account_id, gap_stream, gap_id
    from marts.fct_transfer_candidates
"""


@dataclass
class Reported:
    """The marts after a build, and what was true then."""

    truths: dict[str, dict[str, Any]]
    pairs: list[tuple[Any, ...]]
    candidates: dict[tuple[str, str], tuple[Any, ...]]
    gaps: dict[str, tuple[Any, ...]]
    methods: list[dict[str, Any]]

    def account(self, name: str) -> str:
        return str(self.truths[name]["account_id"])

    def moves(self) -> list[tuple[Any, ...]]:
        """The true moves as `PAIRS` would say them, with their name."""
        return [
            (
                move,
                (
                    sender["account_id"], gone["record_id"], receiver["account_id"],
                    came["record_id"], gone["asset"], Decimal(gone["amount"]),
                    Decimal(came["amount"]), Decimal(gone["fee_amount"]),
                    millis(gone["requested_at"]),
                ),
            )
            for move, sender, gone, receiver, came in moves_between(self.truths.values())
        ]  # fmt: skip


def look(lab: Lab) -> Reported:
    truths = {name: lab.box.truth(name) for name in ACCOUNTS}
    found = [(*row[:8], millis(row[8]), *row[9:]) for row in lab.query(PAIRS)]
    gaps = lab.query("select gap_id, stream, verdict, state from marts.fct_gaps")
    with answers.opened(lab.home.warehouse) as warehouse:
        matched = answers.moves(warehouse)
    return Reported(
        truths,
        found,
        {(row[0], row[1]): row[2:] for row in lab.query(CANDIDATES)},
        {row[0]: row for row in gaps},
        matched,
    )


@pytest.fixture(scope="module")
def stages(
    tmp_path_factory: pytest.TempPathFactory, empty_warehouse: Path
) -> tuple[Reported, Reported]:
    """First BigONE's deposits cannot be read, then they can."""
    deposits = registry.exchange("bigone").spec.stream("deposits")
    folder = tmp_path_factory.mktemp("moves")
    with (
        pytest.MonkeyPatch.context() as patch,
        Sandbox(size="tiny", seed=1, now=NOW, years=1, moves=True) as box,
    ):
        patch.setenv("LOOKBACK_HOME", str(folder / "home"))
        patch.setenv("HOME", str(folder))
        patch.setattr("pipelines.extract.client._wait_before_next", lambda state: 0.0)
        lab = Lab(box, home(), patch)
        lab.home.warehouse.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(empty_warehouse, lab.home.warehouse)
        for name in ACCOUNTS:
            lab.declare(name)
        box.fault("500", exchange="bigone", path=deposits.path, times=None)
        lab.sync()
        # The models alone; all of their tests run on what comes after it.
        done = dbt.run_dbt(
            lab.home,
            [
                "build", "--exclude-resource-type", "test", "--exclude-resource-type", "unit_test",
                "--select", "+fct_transfer_candidates", "+fct_transfers",
            ],
            NOW,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
        before = look(lab)
        box.clear_faults()
        lab.sync()
        lab.build(NOW)
        return before, look(lab)


@pytest.mark.xdist_group("moves")
def test_what_is_paired_is_what_happened(stages):
    _, reported = stages
    true = {row: move for move, row in reported.moves()}
    expected = {row for row, move in true.items() if move not in DUPLICATES}
    assert {row[:9] for row in reported.pairs} == expected
    how = {true[row[:9]]: row[9:] for row in reported.pairs}
    assert how["same-hash"] == how["other-case"] == ("tx_hash", "certain")
    # Both sides name the address; BigONE's deposits name none.
    assert how["no-hash"] == how["no-hash-back"] == ("amount_and_time", "high")


@pytest.mark.xdist_group("moves")
def test_two_accounts_of_one_exchange_are_paired_too(stages):
    _, reported = stages
    second = reported.account("bitget-second")
    assert [row[9:] for row in reported.pairs if row[2] == second] == [("tx_hash", "certain")] * 2


@pytest.mark.xdist_group("moves")
def test_ambiguous_transfers_are_left_open(stages):
    _, reported = stages
    legs = [
        leg
        for move, row in reported.moves()
        if move in DUPLICATES
        for leg in ((row[0], row[1]), (row[2], row[3]))
    ]
    assert len(set(legs)) == 4
    assert {reported.candidates[leg][:2] for leg in legs} == {("tie", 2)}


@pytest.mark.xdist_group("moves")
def test_a_withdrawal_names_the_gap_of_its_deposit(stages):
    before, after = stages
    ((_, row),) = [found for found in after.moves() if found[0] == "other-case"]
    reason, candidates, account_id, stream, gap_id = before.candidates[row[0], row[1]]
    assert (reason, candidates, account_id, stream) == (
        "gap", 0, before.account("bigone-main"), "deposits",
    )  # fmt: skip
    assert before.gaps[gap_id][1:] == ("deposits", "failed", "open")
    assert row[:9] not in {pair[:9] for pair in before.pairs}
    # Once the gap is filled it is a transfer and no candidate any more.
    assert (row[0], row[1]) not in after.candidates
    assert (row[2], row[3]) not in after.candidates


@pytest.mark.xdist_group("moves")
def test_every_completed_leg_is_in_one_place(stages):
    for reported in stages:
        sides = [leg for row in reported.pairs for leg in (row[0:2], row[2:4])]
        paired = set(sides)
        assert len(sides) == len(paired)
        assert not paired & reported.candidates.keys()
    _, reported = stages
    legs = {
        (truth["account_id"], row["record_id"])
        for truth in reported.truths.values()
        for part in ("deposits", "withdrawals")
        for row in truth[part]
        if row["status"] == "completed"
    }
    assert legs == paired | reported.candidates.keys()


@pytest.mark.xdist_group("moves")
def test_the_demo_prints_matched_transfers_by_method(stages, capsys):
    _, reported = stages
    by_method = Counter(row[9] for row in reported.pairs)
    assert {row["method"]: row["rows"] for row in reported.methods} == by_method
    show.moves(reported.methods, show.console())
    assert " ".join(capsys.readouterr().out.split()) == (
        f"~ {len(reported.pairs)} transfers between accounts matched: {by_method['tx_hash']} by "
        f"the transaction's hash, {by_method['amount_and_time']} by amount and time."
    )


def test_where_nothing_was_put_together_nothing_is_said(capsys):
    show.moves([], show.console())
    assert capsys.readouterr().out == ""
