"""Transfers between main accounts of different exchanges have two sides that agree."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from pipelines.sandbox.engine.moves import draw_moves
from pipelines.sandbox.engine.server import Sandbox
from tests.truth_reference import moves_between

NOW = datetime(2026, 8, 20, 12, tzinfo=UTC)
NAMES = ("bitget-main", "bitmart-main", "bigone-main")


@pytest.fixture(scope="module")
def moved() -> Iterator[Sandbox]:
    with Sandbox(seed=3, now=NOW, moves=True) as box:
        yield box


def test_every_move_leaves_one_account_and_reaches_another(moved):
    world = moved.shell.world
    planned = {move.name: move for move in world.moves}
    found = moves_between([moved.truth(name) for name in NAMES])
    assert {name for name, *_ in found} == planned.keys()
    for name, sender, gone, receiver, came in found:
        move = planned[name]
        assert (sender["exchange"], receiver["exchange"]) == (move.sender, move.receiver)
        assert Decimal(gone["amount"]) - Decimal(gone["fee_amount"]) == Decimal(came["amount"])
        assert gone["requested_at"] < came["requested_at"]
        assert gone["tx_hash"] == move.sent_hash
        assert came["tx_hash"] == (move.received_hash or None)


def test_a_receiver_can_change_or_omit_the_hash(moved):
    shown = {move.name: move.received_hash for move in moved.shell.world.moves}
    sent = {move.name: move.sent_hash for move in moved.shell.world.moves}
    assert shown["same-hash"] == sent["same-hash"]
    assert shown["other-case"] == "0x" + sent["other-case"].upper() != sent["other-case"]
    assert shown["no-hash"] == ""


def test_the_ledger_still_balances(moved):
    for name in NAMES:
        truth = moved.truth(name)
        balances = {
            asset: Decimal(amount) for asset, amount in truth["balances"]["spot"].items()
        }
        assert min(balances.values()) >= 0


def test_transfers_between_exchanges_are_optional_and_seeded(moved):
    assert draw_moves(1, 0, 10**11) == draw_moves(1, 0, 10**11) != draw_moves(2, 0, 10**11)
    with Sandbox(seed=3, now=NOW) as quiet:
        assert moves_between([quiet.truth(name) for name in NAMES]) == []
