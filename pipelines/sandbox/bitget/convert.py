"""Conversions in Bitget's stand-in: their price and fee, and small rests that became BGB."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pipelines.sandbox.bitget.books import Books
from pipelines.sandbox.bitget.lists import Shelf, chosen, listed, shelf, wanted, wrapped
from pipelines.sandbox.bitget.market import VENUE
from pipelines.sandbox.bitget.request import Request
from pipelines.sandbox.engine.account import Conversion, exact

FEE_PERCENT = 2
"""What a conversion of rests costs, in BGB that are not paid out."""
LATEST = 400
"""A record's time lies up to so many milliseconds after that of its ledger rows."""


def conversions(books: Books, into_bgb: bool) -> list[Conversion]:
    """Those of one kind: what became BGB was a rest, in this world."""
    return [
        event
        for event in books.events
        if isinstance(event, Conversion) and (event.to_asset == VENUE.fee_coin) is into_bgb
    ]


def sizes(books: Books, event: Conversion) -> tuple[str, str]:
    """What was given and what was received."""
    scale = books.scale
    return (
        exact(event.from_amount, scale[event.from_asset]),
        exact(event.to_amount, scale[event.to_asset]),
    )


def price_of(books: Books, event: Conversion) -> str:
    """Received for one of the coin given, to eight places."""
    scale = books.scale
    given = event.from_amount * 10 ** scale[event.to_asset]
    return exact(event.to_amount * 10 ** (8 + scale[event.from_asset]) // given, 8)


def records(books: Books) -> Shelf:
    """Conversions. A size given is a bare number in the docs' sample, and a string live."""

    def row(event: Conversion) -> dict[str, Any]:
        given, received = sizes(books, event)
        bare = event.from_amount % 10 ** books.scale[event.from_asset] == 0
        return {
            "ts": str(event.at + event.seq % LATEST),
            "cnvtPrice": price_of(books, event),
            "fee": "0",
            "fromCoinSize": int(given) if bare else given,
            "fromCoin": event.from_asset,
            "toCoinSize": received,
            "toCoin": event.to_asset,
        }

    told = conversions(books, False)
    return Shelf(((event.at + event.seq % LATEST, row(event)) for event in told), "id")


def bgb_records(books: Books) -> Shelf:
    """Rests that became BGB: the fee is positive, and not in what was paid out."""

    def row(event: Conversion) -> dict[str, Any]:
        given, received = sizes(books, event)
        fee = event.to_amount * FEE_PERCENT // (100 - FEE_PERCENT)
        coin = event.to_asset
        return {
            "fromCoin": event.from_asset,
            "fromAmount": given,
            "fromCoinPrice": str(VENUE.asset(event.from_asset).usd),
            "toCoin": coin,
            "toAmount": received,
            "toCoinPrice": str(VENUE.asset(coin).usd),
            "feeDetail": [{"feeCoin": coin, "fee": exact(fee, books.scale[coin])}],
            "status": "success",
            "ctime": str(event.at + event.seq % LATEST),
        }

    told = conversions(books, True)
    return Shelf(((event.at + event.seq % LATEST, row(event)) for event in told), "orderId")


def shelves(books: Books) -> tuple[Shelf, Shelf]:
    """Both lists of an account."""
    return (
        shelf(books, "convert", lambda: records(books)),
        shelf(books, "bgb_convert", lambda: bgb_records(books)),
    )


def _convert(request: Request) -> bytes:
    found, _ = shelves(request.books)
    return wrapped(request, found, chosen(request, found, 20, []), "dataList", "endId")


def _bgb(request: Request) -> bytes:
    _, found = shelves(request.books)
    filters = wanted(found, request, orderId="orderId")
    return listed(request, found, chosen(request, found, 20, filters))


ROUTES: dict[str, Callable[[Request], bytes]] = {
    "/api/v2/convert/convert-record": _convert,
    "/api/v2/convert/bgb-convert-records": _bgb,
}


def counts(books: Books, now: int) -> dict[str, int]:
    """How many rows each route has by then."""
    plain, bgb = shelves(books)
    return {"convert_records": plain.until(now), "bgb_convert_records": bgb.until(now)}
