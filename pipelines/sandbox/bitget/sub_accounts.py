"""A main account and its sub-account in Bitget's stand-in: the moves between them, from both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pipelines.sandbox.bitget.books import Books
from pipelines.sandbox.bitget.keys import MAIN, SUB
from pipelines.sandbox.bitget.lists import Shelf, Told, chosen, listed, shelf, wanted, written
from pipelines.sandbox.bitget.request import Refusal, Request
from pipelines.sandbox.engine.account import DAY, MINUTE, Deposit, Event, Life, Transfer, exact

ROLES = ("initiator", "receiver")
HERE, THERE = "main_account", "sub_account"
"""What each of the two lives calls the wallet at the other end."""


def life_of_sub(main: Life) -> Life:
    """What the main account moved, seen from the other end; and a deposit of its own."""
    events: list[Event] = []
    moves = [e for e in main.events if isinstance(e, Transfer) and THERE in ends_of(e)]
    at = main.opened_at + 9 * DAY
    own = Deposit(
        seq=0, at=at, wallet="spot", asset="USDT", amount=25 * 10**12, status="completed",
        done_at=at + MINUTE, network="TRC20", address="in-of-the-sub-account", tx="5ab0" * 16,
    )  # fmt: skip
    for event in sorted([own, *moves], key=lambda each: each.at):
        if isinstance(event, Transfer):
            came = event.to_wallet == THERE
            source, target = (HERE, "spot") if came else ("spot", HERE)
            events.append(
                Transfer(
                    seq=len(events), at=event.at, asset=event.asset, amount=event.amount,
                    from_wallet=source, to_wallet=target,
                )
            )  # fmt: skip
        else:
            assert isinstance(event, Deposit)
            events.append(own)
            events[-1] = Deposit(
                **{f: getattr(own, f) for f in own.__struct_fields__} | {"seq": len(events) - 1}
            )
    venue = replace(main.plan.venue, other_wallets=(HERE,))
    return Life(plan=replace(main.plan, venue=venue, fills=0), events=events)


def ends_of(event: Transfer) -> tuple[str, str]:
    """Both wallets of a move."""
    return event.from_wallet, event.to_wallet


def moves_of(books: Books) -> list[Transfer]:
    """The moves between a main account and its sub-account."""
    return [e for e in books.events if isinstance(e, Transfer) and THERE in ends_of(e)]


def records(books: Books) -> Shelf:
    """Those moves as rows, whoever sent."""

    def row(event: Transfer) -> Told:
        users = {"spot": MAIN, THERE: SUB}
        return event.at, {
            "coin": event.asset,
            "status": "Successful",
            "toType": "spot",
            "fromType": "spot",
            "size": exact(event.amount, books.scale[event.asset], 8),
            "ts": str(event.at),
            "clientOid": f"c-{event.seq}",
            "fromUserId": users[event.from_wallet],
            "toUserId": users[event.to_wallet],
        }

    told = Shelf((row(event) for event in moves_of(books)), "transferId")
    for n, known in enumerate(told.rows):
        told.rows[n] = {**known, "newTransferId": known["transferId"]}
    return told


def records_of(books: Books) -> Shelf:
    """An account's list of those moves, made when first asked for."""
    return shelf(books, "sub_accounts", lambda: records(books))


class SubAccountDesk:
    """The routes that only a main account may ask; `books` gives those of any account."""

    def __init__(self, books: Callable[[str], Books]) -> None:
        self._books = books

    def routes(self) -> dict[str, Callable[[Request], bytes]]:
        """Path → answer."""
        return {
            "/api/v2/spot/account/sub-main-trans-record": self._transfers,
            "/api/v2/spot/wallet/subaccount-deposit-records": self._deposits,
            "/api/v2/spot/account/subaccount-assets": self._assets,
        }

    @staticmethod
    def _transfers(request: Request) -> bytes:
        """By role: who started a move is who sent it, here."""
        role = request.params.get("role", ROLES[0]).lower()
        if role not in ROLES:
            raise Refusal("40020", "Parameter role error")
        found = records_of(request.books)
        uid = request.books.uid
        field = "fromUserId" if role == "initiator" else "toUserId"
        filters = wanted(found, request, coin="coin", clientOid="clientOid")
        filters.append((field, uid, lambda n: str(found.rows[n][field])))
        return listed(request, found, chosen(request, found, 100, filters))

    def _sub(self, request: Request) -> Books | None:
        return self._books(SUB) if request.books.uid == MAIN else None

    def _deposits(self, request: Request) -> bytes:
        uid = request.params.get("subUid", "")
        if not uid:
            raise Refusal("40019", "Parameter subUid cannot be empty")
        books = self._sub(request)
        if books is None or uid != books.uid:
            raise Refusal("40020", "Parameter subUid error")

        def row(event: Deposit) -> Told:
            final = event.done_at <= request.now
            return event.at, {
                "tradeId": event.tx,
                "coin": event.asset,
                "size": exact(event.amount, books.scale[event.asset], 8),
                "status": "success" if final else "pending",
                "toAddress": event.address,
                "dest": "on_chain",
                "chain": event.network,
                "fromAddress": None,
                "cTime": str(event.at),
                "uTime": str(event.done_at if final else event.at),
            }

        deposits = [event for event in books.events if isinstance(event, Deposit)]
        found = Shelf((row(event) for event in deposits), "orderId")
        filters = wanted(found, request, coin="coin")
        return listed(request, found, chosen(request, found, 20, filters))

    def _assets(self, request: Request) -> bytes:
        """Ids are numbers here."""
        request.limit(10)
        books, below = self._sub(request), request.cursor()
        number = int(SUB[-6:])
        if books is None or (below is not None and number >= below):
            return b"[]"
        coins: list[dict[str, Any]] = [
            {
                "coin": coin,
                "available": exact(balance, books.scale[coin]),
                "limitAvailable": "0",
                "frozen": "0",
                "locked": "0",
                "uTime": str(changed),
            }
            for coin, (balance, changed) in books.spot_balances(request.now).items()
            if balance
        ]
        held = [{"id": number, "userId": int(SUB), "assetsList": coins}] if coins else []
        return written(held).encode()


def counts(books: Books, now: int) -> dict[str, int]:
    """How many moves there are by then."""
    return {"sub_account_transfers": records_of(books).until(now)}


