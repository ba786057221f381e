"""What really happened in the futures wallets of an account of Bitget's stand-in."""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

from pipelines.sandbox.bitget.books import Books
from pipelines.sandbox.bitget.futures_books import (
    ONE_WAY,
    PRODUCTS,
    ProductBooks,
    futures_of,
    is_burst,
    is_opening,
    order_id,
    quote_volume,
    volume,
)
from pipelines.sandbox.engine.account import ContractFill, Funding, Settlement, Transfer, exact
from pipelines.sandbox.engine.clock import from_ms

WALLETS = frozenset(PRODUCTS.values())


def movements(books: Books, now: int) -> list[dict[str, Any]]:
    """Every row of the futures ledgers; `record_id` is the bill's, `tax_id` the tax record's."""
    return [
        {
            "at": iso(at),
            "wallet": product.wallet,
            "asset": product.coin_of(event),
            "amount": exact(product.net(event), books.scale[product.coin_of(event)]),
            "fee_amount": exact(_cost(product, event), books.scale[product.coin_of(event)]),
            "kind": kind_of(product, event),
            "event_id": str(event.seq),
            "record_id": str(product.bills.ids[n]),
            "tax_id": str(product.tax.ids[n]),
        }
        for product in futures_of(books).values()
        for n, (at, event) in enumerate(product.ledger)
        if at <= now
    ]


def _cost(product: ProductBooks, event: Any) -> int:
    return -product.gross(event) if isinstance(event, Funding) else product.fee(event)


def kind_of(product: ProductBooks, event: Any) -> str:
    """What a row of the futures ledger is."""
    if isinstance(event, Transfer):
        return "transfer"
    if isinstance(event, Funding):
        return "funding"
    if isinstance(event, Settlement):
        return "settlement"
    # A row that opens is nothing but its fee; in one-way mode no row says that it opens.
    opens = is_opening(event) and product.product not in ONE_WAY
    return "fee" if opens else "realised_pnl"


def balances(books: Books, now: int) -> dict[str, dict[str, str]]:
    """Per futures wallet and coin the balance, without open profit."""
    return {
        product.wallet: {
            coin: exact(amount, books.scale[coin])
            for coin, amount in sorted(product.held_balances(now).items())
        }
        for product in futures_of(books).values()
        if product.held_balances(now)
    }


def trades(books: Books, now: int) -> list[dict[str, Any]]:
    """Every execution of a futures order."""
    return [
        _trade(product, fill, product.fills.ids[n])
        for product in futures_of(books).values()
        for n, fill in enumerate(product.chosen)
        if fill.at <= now
    ]


def _trade(product: ProductBooks, fill: ContractFill, number: int) -> dict[str, Any]:
    contract, scale = fill.contract, product.scale[fill.contract.settle]
    base = volume(contract, fill.quantity, fill.value, scale)
    return {
        "record_id": str(number),
        "event_id": str(fill.seq),
        "order_id": str(order_id(fill)),
        "product_type": "inverse" if contract.inverse else "linear",
        "market": contract.symbol,
        "side": fill.side,
        "base_asset": contract.base,
        "quote_asset": contract.quote,
        "base_quantity": base,
        "quote_quantity": quote_volume(contract, fill.quantity, fill.value, scale),
        "contract_quantity": base,
        "value_amount": exact(fill.value, scale),
        "price": exact(fill.price, contract.price_scale),
        "fee_amount": exact(fill.fee, scale),
        "fee_asset": contract.settle,
        "realised_pnl": exact(fill.realised_pnl, scale),
        "is_forced": is_burst(fill),
        "is_maker": fill.is_maker,
        "traded_at": iso(fill.at),
    }


def counts(books: Books, now: int) -> dict[str, int]:
    """How many rows each futures route has by then, over all products."""
    products = futures_of(books).values()
    return {
        "tax_future_records": sum(bisect_right(p.tax.at, now) for p in products),
        "mix_bills": sum(bisect_right(p.bills.at, now) for p in products),
        "mix_fills": sum(bisect_right(p.fills.at, now) for p in products),
        "mix_orders": sum(bisect_right(p.orders.at, now) for p in products),
        "mix_closed_positions": sum(bisect_right(p.positions.at, now) for p in products),
    }


def iso(ms: int) -> str:
    """Unix milliseconds as ISO 8601 UTC with milliseconds."""
    return from_ms(ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")
