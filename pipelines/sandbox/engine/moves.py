"""Transfers between accounts of different exchanges.

Each is a withdrawal at one exchange and a deposit at another, with one hash, address and amount.
They differ in the format in which the exchanges show the hash, if at all.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from decimal import Decimal

from pipelines.sandbox.engine.account import DAY, MINUTE, Arrival, Departure


@dataclass(frozen=True, kw_only=True)
class Move:
    """One transaction between two main accounts. Times Unix ms, amounts in units of the coin."""

    name: str
    sender: str
    """The exchange it leaves."""
    receiver: str
    asset: str
    amount: Decimal
    """The sent amount, including `fee`."""
    fee: Decimal
    sent_on: str
    """The chain in the sender's words."""
    received_on: str
    """The chain in the receiver's words."""
    asked_at: int
    seen_at: int
    done_at: int
    address: str
    sent_hash: str
    received_hash: str
    """The hash as the receiver shows it; '' where it shows none."""


@dataclass(frozen=True)
class Route:
    """A planned transfer, and the format of the hash at the receiver."""

    name: str
    sender: str
    receiver: str
    asset: str
    amount: str
    fee: str
    sent_on: str
    received_on: str
    percent: int
    """The time, as a share of the histories' length."""
    minutes: int = 0
    """So much later than that."""
    hash: str = "same"
    """same, prefixed (0x and upper case) or none."""


ROUTES = (
    Route("same-hash", "bitget", "bitmart", "USDT", "251.5", "1.5", "TRC20", "TRC20", 12),
    Route("other-case", "bitget", "bigone", "USDT", "400", "1.5", "ERC20", "Ethereum", 20,
          hash="prefixed"),
    Route("no-hash", "bitmart", "bitget", "BTC", "0.1505", "0.0005", "BTC", "BTC", 52, hash="none"),
    Route("no-hash-back", "bigone", "bitget", "ETH", "1.003", "0.003", "Ethereum", "ERC20", 70,
          hash="none"),
    # Nothing distinguishes these two.
    Route("twin-1", "bitmart", "bigone", "USDT", "78", "1", "TRC20", "Tron", 75, hash="none"),
    Route("twin-2", "bitmart", "bigone", "USDT", "78", "1", "TRC20", "Tron", 75, 11, hash="none"),
)  # fmt: skip


def draw_moves(seed: int, opened_at: int, end: int) -> tuple[Move, ...]:
    """The transfers of a world whose main accounts have histories from `opened_at` to `end`."""
    rng = random.Random(f"moves:{seed}")
    return tuple(_move(route, rng, opened_at, end - opened_at) for route in ROUTES)


def _move(route: Route, rng: random.Random, opened_at: int, span: int) -> Move:
    asked_at = (opened_at + span * route.percent // 100) // DAY * DAY + 9 * 60 * MINUTE
    asked_at += route.minutes * MINUTE + rng.randrange(5 * MINUTE)
    text = f"{rng.getrandbits(256):064x}"
    shown = {"same": text, "prefixed": f"0x{text.upper()}", "none": ""}[route.hash]
    return Move(
        name=route.name, sender=route.sender, receiver=route.receiver, asset=route.asset,
        amount=Decimal(route.amount), fee=Decimal(route.fee), sent_on=route.sent_on,
        received_on=route.received_on, asked_at=asked_at, seen_at=asked_at + 21 * MINUTE,
        done_at=asked_at + 17 * MINUTE,
        address=f"own{rng.getrandbits(128):032x}",
        sent_hash=text, received_hash=shown,
    )  # fmt: skip


def departures_of(moves: tuple[Move, ...], exchange: str) -> tuple[Departure, ...]:
    """Those that leave the exchange's main account."""
    return tuple(
        Departure(
            at=move.asked_at, done_at=move.done_at, asset=move.asset, amount=move.amount,
            fee=move.fee, network=move.sent_on, address=move.address, tx=move.sent_hash,
            move=move.name,
        )
        for move in moves
        if move.sender == exchange
    )  # fmt: skip


def arrivals_of(moves: tuple[Move, ...], exchange: str) -> tuple[Arrival, ...]:
    """Those that reach the exchange's main account."""
    return tuple(
        Arrival(
            at=move.seen_at, asset=move.asset, amount=move.amount - move.fee,
            network=move.received_on, tx=move.received_hash, address=move.address,
            move=move.name,
        )
        for move in moves
        if move.receiver == exchange
    )  # fmt: skip
