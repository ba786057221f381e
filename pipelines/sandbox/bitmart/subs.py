"""Transfers between a main account of BitMart and its sub-account, as listed for both.

No row of theirs has an id, and times are whole seconds: two of them are legitimate duplicates.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from pipelines.sandbox.engine.account import DAY, SECOND, Movement, exact

MAIN_NAME, SUB_NAME = "main@example.com", "sub1@example.com"
# Days before the end, whole USDT, sender, receiver, wallet. Two of them differ in nothing.
MOVES = (
    (40, 5, SUB_NAME, MAIN_NAME, "spot"),
    (39, 2, MAIN_NAME, SUB_NAME, "spot"),
    (39, 2, MAIN_NAME, SUB_NAME, "spot"),
    (38, 1, SUB_NAME, MAIN_NAME, "futures"),
)


@dataclass(frozen=True)
class SubMove:
    """One transfer between two accounts of one owner, as listed for one of them."""

    at: int
    event: int
    amount: int
    """In units of `scale`; positive if this account received it."""
    scale: int
    sender: str
    receiver: str
    wallet: str
    copy: int
    """The number among equal transfers, from 1."""

    @property
    def row(self) -> dict[str, str | int]:
        """The row of BitMart's routes."""
        kind = "future" if self.wallet == "futures" else "spot"
        return {
            "fromAccount": self.sender,
            "fromWalletType": kind,
            "toAccount": self.receiver,
            "toWalletType": kind,
            "currency": "USDT",
            "amount": exact(abs(self.amount), self.scale),
            "submissionTime": self.at // SECOND,
        }

    @property
    def record_id(self) -> str:
        """The identity of the row: its fields, and a number for duplicates."""
        whole = "|".join(str(value) for value in self.row.values())
        return whole if self.copy == 1 else f"{whole}|{self.copy}"

    @property
    def movement(self) -> Movement:
        """Its movements in this account."""
        return Movement(self.at, self.wallet, "USDT", self.amount, "transfer", self.event, 0)


def moves_of(name: str, end: int, scale: int) -> Iterator[SubMove]:
    """The transfers listed for that account, by time."""
    seen: Counter[tuple[object, ...]] = Counter()
    for n, (days, whole, sender, receiver, wallet) in enumerate(MOVES):
        key = (days, whole, sender, wallet)
        seen[key] += 1
        yield SubMove(
            at=(end - days * DAY) // SECOND * SECOND,
            event=-10 - n,
            amount=(1 if receiver == name else -1) * whole * 10**scale,
            scale=scale,
            sender=sender,
            receiver=receiver,
            wallet=wallet,
            copy=seen[key],
        )
