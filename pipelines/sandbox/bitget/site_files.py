"""The files that Bitget's site would export of an account, written from its history.

Format: docs of the readers of users' files (titov-vv/jal, provinzio/CoinTaxman): UTF-8 with a byte
order mark, CRLF, ids with a tab before them, whole seconds without a zone, here UTC.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from pipelines.sandbox.bitget.ledger import BitgetLedger
from pipelines.sandbox.bitget.words import words_of
from pipelines.sandbox.engine.account import exact

SPOT = "order,Date,Coin,Type,Amount,Fee,Available"
FUTURES = "Order,Date,Coin,Futures,Margin Mode,Type,Amount,Fee,Wallet balance"


def site_files(ledger: BitgetLedger, now: int) -> dict[str, str]:
    """The content of each file by its name, with all rows up to `now`."""
    spot = ledger.tables["tax_spot_records"]
    lines: list[tuple[str, ...]] = []
    for number, row in zip(spot.ids, spot.events, strict=True):
        move, scale = row.move, ledger.scales[row.move.asset]
        fee = 0 if move.kind == "fee" else move.fee
        if row.at <= now:
            cells = (
                f"\t{number}", second(row.at), move.asset, words_of(row.event, move.leg).label,
                exact(move.amount + fee, scale), exact(-fee, scale) if fee else "0",
                exact(row.balance, scale),
            )  # fmt: skip
            lines.append(cells)
    found = {"spot transactions.csv": written(SPOT, lines)}
    for product in ledger.products.values():
        lines = [
            (
                f"\t{number}", second(line.at), line.coin, line.symbol, "crossed",
                product.tax_label(line.event), exact(line.amount, ledger.scales[line.coin]),
                exact(-line.fee, ledger.scales[line.coin]) if line.fee else "0",
                exact(line.balance, ledger.scales[line.coin]),
            )
            for number, line in zip(product.tax.ids, product.tax.events, strict=True)
            if line.at <= now
        ]  # fmt: skip
        if lines:
            found[f"futures transactions {product.product}.csv"] = written(FUTURES, lines)
    return found


def second(at: int) -> str:
    """Unix milliseconds as the site writes them."""
    return f"{datetime.fromtimestamp(at // 1000, UTC):%Y-%m-%d %H:%M:%S}"


def written(header: str, rows: Sequence[tuple[str, ...]]) -> str:
    """A table, newest row first."""
    return "\ufeff" + "\r\n".join([header, *(",".join(row) for row in reversed(rows))]) + "\r\n"
