"""BigONE's routes of one thing: a balance, an order, a withdrawal, an address, a conversion.

What a path names comes beside the parameters, by its place: `params[0]`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from pipelines.sandbox.bigone.books import Books, Listing
from pipelines.sandbox.bigone.keys import API, CONTRACT, CONVERT, Anomaly, Refusal
from pipelines.sandbox.bigone.market import SPOT, stable_uuid
from pipelines.sandbox.engine.account import exact

Params = Mapping[Any, str]
UNKNOWN = (404, 10013, "Resource not found")


def one(data: str) -> bytes:
    """One object in the envelope."""
    return f'{{"code":0,"data":{data}}}'.encode()


def by_id(listing: Listing, text: str, now: int) -> str:
    """The row of that id, if it is there by now."""
    for number in (text, int(text) if text.isascii() and text.isdigit() else text):
        place = listing.place.get(number)
        if place is not None and place < listing.visible(now):
            return listing.row(place, now)
    raise Refusal(*UNKNOWN)


def account(wallet: str) -> Callable[[Books, Params, int], bytes]:
    """One coin's balance in that wallet; a listed coin that was never held has none."""

    def tell(books: Books, params: Params, now: int) -> bytes:
        asset = params[0].upper()
        if asset not in books.spot_scale:
            raise Refusal(*UNKNOWN)
        scale = books.spot_scale[asset]
        locked = books.held(now).get(asset, 0) if wallet == "spot" else 0
        row = {
            "asset_symbol": asset,
            "balance": exact(books.balances(now)[wallet].get(asset, 0), scale),
            "locked_balance": exact(locked, scale),
        }
        return one(json.dumps(row, separators=(",", ":")))

    return tell


def order(books: Books, params: Params, now: int) -> bytes:
    """A spot order by its id."""
    return one(by_id(books.orders, params[0], now))


def order_by_parameter(books: Books, params: Params, now: int) -> bytes:
    """The same, named by a parameter; nobody here gave an order an id of their own."""
    wanted = params.get("order_id") or params.get("id") or ""
    if not wanted and not params.get("client_order_id"):
        raise Refusal(400, 10007, "Parameter error")
    return one(by_id(books.orders, wanted, now))


def withdrawal(books: Books, params: Params, now: int) -> bytes:
    """A withdrawal by its id."""
    return one(by_id(books.withdrawals, params[0], now))


def transfer(books: Books, params: Params, now: int) -> bytes:
    """A move between own wallets by the guid it was given; there is no list that tells one."""
    if not params.get("guid"):
        raise Refusal(400, 10007, "Parameter error: guid")
    for n, (asset, _, _, amount, at) in enumerate(books.transfers(now)):
        if stable_uuid(books.uid, "transfer", n) == params["guid"]:
            when = books.time_of(at)
            row = {
                "guid": params["guid"], "symbol": asset, "state": "SUCCEED",
                "amount": exact(amount, books.spot_scale[asset]),
                "created_at": when, "updated_at": when,
            }  # fmt: skip
            return one(json.dumps(row, separators=(",", ":")))
    raise Refusal(*UNKNOWN)


def address(books: Books, params: Params, now: int) -> bytes:
    """Where a coin can be deposited: one address a network."""
    for n, asset in enumerate(SPOT.assets):
        if asset.code == params[0].upper():
            rows = [
                {
                    "id": 6_374_000 + 10 * n + k,
                    "chain": network,
                    "value": stable_uuid(books.uid, "address", asset.code, network),
                    "memo": "",
                }
                for k, network in enumerate(asset.networks)
            ]
            data = json.dumps(rows, separators=(",", ":"))
            return f'{{"code":0,"message":"","data":{data}}}'.encode()
    raise Refusal(*UNKNOWN)


def conversion(books: Books, params: Params, now: int) -> bytes:
    """A conversion by its id or its quote's."""
    listing, quote = books.conversions, params.get("quote_id", "")
    if not quote:
        if not params.get("id"):
            raise Refusal(400, 10007, "Parameter error")
        return one(by_id(listing, params["id"], now))
    for n in listing.newest_first(now):
        if json.loads(listing.row(n, now))["quote_id"] == quote:
            return one(listing.row(n, now))
    raise Refusal(*UNKNOWN)


def contract_order(books: Books, params: Params, now: int) -> bytes:
    """A contract order by its id: bare, as all of that service."""
    try:
        return by_id(books.contract_orders, params[0], now).encode()
    except Refusal:
        raise Anomaly from None


SINGLE: tuple[tuple[str, Callable[[Books, Params, int], bytes]], ...] = (
    (f"{API}/viewer/accounts/([^/]+)", account("spot")),
    (f"{API}/viewer/fund/accounts/([^/]+)", account("fund")),
    (f"{API}/viewer/orders/([^/]+)", order),
    (f"{API}/viewer/order", order_by_parameter),
    (f"{API}/viewer/withdrawals/([^/]+)", withdrawal),
    (f"{API}/viewer/transfer", transfer),
    (f"{API}/viewer/assets/([^/]+)/address", address),
    (f"{CONVERT}/viewer/trade", conversion),
    (f"{CONTRACT}/orders/([^/]+)", contract_order),
)
"""Path patterns and what answers them."""
