"""Conversions of a simulated account of Bitget: those with a price, and rests that became BGB."""

from __future__ import annotations

from typing import Any

from pipelines.sandbox.bitget.market import VENUE
from pipelines.sandbox.bitget.rows import Dated, dated
from pipelines.sandbox.engine.account import Conversion, exact
from pipelines.sandbox.engine.ledger import Ledger
from pipelines.sandbox.engine.table import Table

FEE_PERCENT = 2
"""The fee of a conversion of small balances, deducted in BGB."""
LATEST = 400
"""A record is at most this many milliseconds later than its ledger rows."""


def tables(ledger: Ledger) -> dict[str, Table]:
    """Both lists; in this simulator every conversion into BGB is one of a rest."""
    scales = ledger.scales

    def dated_row(event: Conversion, row: dict[str, Any], time: str) -> Dated:
        at = event.at + event.seq % LATEST
        return at, {**row, "fromCoin": event.from_asset, "toCoin": event.to_asset, time: str(at)}

    def conversion(event: Conversion) -> Dated:
        """A size given is a bare number in the docs' sample, and a string live."""
        given = exact(event.from_amount, scales[event.from_asset])
        bare = event.from_amount % 10 ** scales[event.from_asset] == 0
        paid = event.from_amount * 10 ** scales[event.to_asset]
        price = event.to_amount * 10 ** (8 + scales[event.from_asset]) // paid
        return dated_row(event, {
            "cnvtPrice": exact(price, 8), "fee": "0", "fromCoinSize": int(given) if bare else given,
            "toCoinSize": exact(event.to_amount, scales[event.to_asset]),
        }, "ts")  # fmt: skip

    def rest(event: Conversion) -> Dated:
        """The fee is positive, and not in the amount that was paid out."""
        coin, scale = event.to_asset, scales[event.to_asset]
        fee = event.to_amount * FEE_PERCENT // (100 - FEE_PERCENT)
        return dated_row(event, {
            "fromAmount": exact(event.from_amount, scales[event.from_asset]),
            "fromCoinPrice": str(VENUE.asset(event.from_asset).usd),
            "toAmount": exact(event.to_amount, scale), "toCoinPrice": str(VENUE.asset(coin).usd),
            "feeDetail": [{"feeCoin": coin, "fee": exact(fee, scale)}], "status": "success",
        }, "ctime")  # fmt: skip

    events = ledger.of(Conversion)
    return {
        "convert_records": dated(
            (conversion(e) for e in events if e.to_asset != VENUE.fee_coin), "id"),
        "bgb_convert_records": dated(
            (rest(e) for e in events if e.to_asset == VENUE.fee_coin), "orderId"),
    }  # fmt: skip
