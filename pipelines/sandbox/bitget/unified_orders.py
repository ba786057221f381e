"""Executions, orders, closed positions and P2P orders in Bitget's unified routes (v3).

Ids are those of the classic books. Times of executions lie a little before their ledger rows.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import partial
from typing import Any

from pipelines.sandbox.bitget.books import Books, Table, snowflake
from pipelines.sandbox.bitget.futures_books import (
    Closed,
    ProductBooks,
    futures_of,
    is_burst,
    is_opening,
    plain,
    quote_volume,
    volume,
)
from pipelines.sandbox.bitget.unified_words import FUNDING, futures_books, line_of, wallet_of
from pipelines.sandbox.engine.account import MINUTE, ContractFill, SpotFill, Transfer, exact

FILL_LAG = 5
"""Milliseconds from an execution to its rows in the ledger."""
Fill = SpotFill | ContractFill
Item = tuple[int, int, Any]
"""When, under which id, what."""


def _table(
    items: Iterable[Item],
    render: Callable[[Any, int, int], str],
    last_of: Callable[[Any], Any] = lambda item: item,
    settles: Callable[[Any], int] | None = None,
) -> Table:
    """A table in the order of time and id; `last_of` gives the event that stands for an item."""
    ordered = sorted(items, key=lambda item: item[:2])
    at, ids = (array("q", (item[place] for item in ordered)) for place in (0, 1))

    def row(n: int, now: int) -> str:
        return render(ordered[n][2], ids[n], now)

    def settled(n: int) -> int:
        assert settles is not None
        return settles(ordered[n][2])

    events = [last_of(item[2]) for item in ordered]
    return Table(at, ids, row, settled if settles else None, events)


# -- executions


def fill_table(books: Books, since: int) -> Table:
    """Executions of spot and of every futures product."""
    spot = zip(books.fills.events, books.fills.ids, strict=True)
    futures = (
        pair
        for product in futures_of(books).values()
        for pair in zip(product.chosen, product.fills.ids, strict=True)
    )
    items = [
        (fill.at - FILL_LAG, number, fill)
        for pairs in (spot, futures)
        for fill, number in pairs
        if fill.at >= since
    ]
    return _table(items, lambda fill, number, now: _fill_row(books, fill, number))


def _fill_row(books: Books, fill: Fill, number: int) -> str:
    order = _order_id(fill)
    price, quantity, value = _sizes(books, [fill])
    fee = exact(fill.fee, books.scale[_fee_coin(fill)])
    pnl = "0"
    if isinstance(fill, ContractFill):
        pnl = exact(fill.realised_pnl, books.scale[fill.contract.settle])
    return (
        f'{{"execId":"{number}","execLinkId":"{number - 1}","orderId":"{order}",'
        f'"clientOid":"{order + 1}","category":"{line_of(fill)}","symbol":"{_symbol(fill)}",'
        f'"orderType":"{fill.order_type}","side":"{fill.side}","posSide":"{pos_side(books, fill)}",'
        f'"execPrice":"{price}","execQty":"{quantity}","execValue":"{value}",'
        f'"tradeScope":"{"maker" if fill.is_maker else "taker"}",'
        f'"tradeSide":"{trade_side(books, fill)}",'
        f'"feeDetail":[{{"feeCoin":"{_fee_coin(fill)}","fee":"{fee}"}}],'
        f'"createdTime":"{fill.at - FILL_LAG}","updatedTime":"{fill.at + 3}",'
        f'"execPnl":"{pnl}","isRPI":"no"}}'
    )


def pos_side(books: Books, fill: Fill) -> str:
    """The position a fill belongs to in hedge mode; its `side` is the trade's own."""
    futures = futures_books(books, fill)
    if futures is None or not isinstance(fill, ContractFill) or _is_one_way(futures):
        return ""
    return "long" if (fill.side == "buy") == is_opening(fill) else "short"


def trade_side(books: Books, fill: Fill) -> str:
    """Whether a futures fill opens or closes, and whether the exchange forced it."""
    futures = futures_books(books, fill)
    if futures is None or not isinstance(fill, ContractFill):
        return ""
    return futures.trade_side(fill)


def _is_one_way(futures: ProductBooks) -> bool:
    return futures.pos_mode == "one_way_mode"


def _order_id(fill: Fill) -> int:
    return snowflake(fill.order_at, "order", fill.order)


def _symbol(fill: Fill) -> str:
    return fill.market.symbol if isinstance(fill, SpotFill) else fill.contract.symbol


def _fee_coin(fill: Fill) -> str:
    return fill.fee_asset if isinstance(fill, SpotFill) else fill.contract.settle


def _sizes(books: Books, fills: list[Any]) -> tuple[str, str, str]:
    """Price, quantity in the base coin and value in the quote coin of fills of one order."""
    first = fills[0]
    quantity = sum(fill.quantity for fill in fills)
    if isinstance(first, SpotFill):
        market = first.market
        worth = sum(fill.quote_amount for fill in fills)
        return (
            exact(first.price, market.price_scale),
            exact(quantity, books.scale[market.base]),
            exact(worth, books.scale[market.quote]),
        )
    contract, scale = first.contract, books.scale[first.contract.settle]
    worth = sum(fill.value for fill in fills)
    return (
        exact(first.price, contract.price_scale),
        volume(contract, quantity, worth, scale),
        quote_volume(contract, quantity, worth, scale),
    )


# -- orders


def order_table(books: Books, since: int) -> Table:
    """Orders placed since then; each event is an order's last fill, after which it is listed."""
    grouped: dict[int, list[Any]] = {}
    for fill in fill_table(books, since).events:
        grouped.setdefault(_order_id(fill), []).append(fill)  # type: ignore[arg-type]
    items = [
        (fills[0].order_at, number, sorted(fills, key=lambda fill: fill.seq))
        for number, fills in grouped.items()
        if fills[0].order_at >= since
    ]
    return _table(
        items, lambda fills, number, now: _order_row(books, fills, number), lambda fills: fills[-1]
    )


def _order_row(books: Books, fills: list[Any], number: int) -> str:
    first, futures = fills[0], futures_books(books, fills[0])
    price, quantity, value = _sizes(books, fills)
    is_limit = first.order_type == "limit"
    fee = exact(sum(fill.fee for fill in fills), books.scale[_fee_coin(first)])
    is_market_buy = futures is None and first.side == "buy" and not is_limit
    forced = isinstance(first, ContractFill) and is_burst(first)
    return (
        f'{{"orderId":"{number}","clientOid":"{number + 1}","category":"{line_of(first)}",'
        f'"symbol":"{_symbol(first)}","orderType":"{first.order_type}","side":"{first.side}",'
        f'"price":"{price if is_limit else ""}","qty":"{"0" if is_market_buy else quantity}",'
        f'"amount":"{value if is_market_buy else "0"}","cumExecQty":"{quantity}",'
        f'"cumExecValue":"{value}","avgPrice":"{price}","timeInForce":"gtc",'
        f'"orderStatus":"filled","posSide":"{pos_side(books, first)}",'
        f'"holdMode":"{futures.pos_mode if futures else ""}",'
        f'"delegateType":"{"liquidation" if forced else "normal" if is_limit else "market"}",'
        f'"reduceOnly":"NO","marginMode":"{"crossed" if futures else ""}","stpMode":"none",'
        f'"takeProfit":"","stopLoss":"","tpTriggerBy":"","slTriggerBy":"","tpOrderType":"",'
        f'"slOrderType":"","tpLimitPrice":"","slLimitPrice":"",'
        f'"feeDetail":[{{"feeCoin":"{_fee_coin(first)}","fee":"{fee}"}}],"cancelReason":"",'
        f'"execType":"{"liquidation" if forced else "normal"}",'
        f'"createdTime":"{first.order_at}","updatedTime":"{fills[-1].at}"}}'
    )


# -- closed positions


def position_tables(books: Books, since: int) -> dict[str, Table]:
    """Per product the positions closed since then; fees are negative here."""
    return {
        name: _table(
            [
                (closed.at, number, closed)
                for closed, number in zip(product.closed, product.positions.ids, strict=True)
                if closed.at >= since
            ],
            partial(_position_row, product),
        )
        for name, product in futures_of(books).items()
    }


def _position_row(product: ProductBooks, closed: Closed, number: int, now: int) -> str:
    held, contract = closed.held, closed.contract
    scale = product.scale[contract.settle]
    opened, left = held.prices()
    return (
        f'{{"positionId":"{number}","category":"{product.product}","symbol":"{contract.symbol}",'
        f'"marginCoin":"{contract.settle}","holdMode":"{product.pos_mode}",'
        f'"posSide":"{held.side}","marginMode":"crossed","openPriceAvg":"{opened}",'
        f'"closePriceAvg":"{left}","openTotalPos":"{plain(held.opened)}",'
        f'"closeTotalPos":"{plain(held.closed)}","cumRealisedPnl":"{exact(held.pnl, scale)}",'
        f'"netProfit":"{exact(held.net, scale)}","totalFunding":"{exact(held.funding, scale)}",'
        f'"openFeeTotal":"{exact(-held.open_fee, scale)}",'
        f'"closeFeeTotal":"{exact(-held.close_fee, scale)}",'
        f'"createdTime":"{held.opened_at}","updatedTime":"{closed.at}"}}'
    )


# -- P2P


def p2p_table(books: Books, since: int) -> Table:
    """Orders that came to nothing: what is moved to the funding wallet is offered for sale."""
    items = [
        (event.at + MINUTE, snowflake(event.at + MINUTE, "p2p", event.seq), event)
        for event in books.events
        if isinstance(event, Transfer) and wallet_of(event.to_wallet) == FUNDING
        if event.at >= since
    ]
    return _table(
        items,
        lambda event, number, now: _p2p_row(books, event, number, now),
        settles=lambda event: int(event.at) + 31 * MINUTE,
    )


def _p2p_row(books: Books, event: Transfer, number: int, now: int) -> str:
    quantity = Decimal(event.amount).scaleb(-books.scale[event.asset])
    price, made_at, ended_at = Decimal("0.92"), event.at + MINUTE, event.at + 31 * MINUTE
    has_ended = ended_at <= now
    status = "cancelled" if has_ended else "pending_payment"
    return (
        f'{{"orderId":"{number}","side":"sell","token":"{event.asset}","fiat":"EUR",'
        f'"price":"{price}","amount":"{plain(price * quantity)}","quantity":"{plain(quantity)}",'
        f'"fee":"0","counterparty":"somebody","status":"{status}",'
        f'"createdTime":"{made_at}","updatedTime":"{ended_at if has_ended else made_at}"}}'
    )
