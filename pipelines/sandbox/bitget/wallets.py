"""What lies in the wallets of P2P and of bots, in Bitget's stand-in."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from pipelines.sandbox.bitget.lists import needed, written
from pipelines.sandbox.bitget.market import VENUE
from pipelines.sandbox.bitget.request import Request
from pipelines.sandbox.engine.account import exact


def held(request: Request, wallet: str) -> dict[str, int]:
    """Per coin that was asked for, what lies in that wallet."""
    coin = request.params.get("coin", "").upper()
    return {
        code: amount
        for (name, code), amount in request.books.other_balances(request.now).items()
        if name == wallet and amount and coin in ("", code)
    }


def worth(code: str, amount: int) -> str:
    """What it is worth in USDT."""
    asset = VENUE.asset(code)
    return exact(int(Decimal(amount).scaleb(-asset.scale) * asset.usd * 10**8), 8)


def _funding(request: Request) -> bytes:
    scale = request.books.scale
    return written(
        [
            {
                "coin": code,
                "available": exact(amount, scale[code]),
                "frozen": "",
                "usdtValue": worth(code, amount),
            }
            for code, amount in held(request, "p2p").items()
        ]
    ).encode()


def _bots(request: Request) -> bytes:
    """All bots trade on spot here. `available` is what no order of theirs holds."""
    scale = request.books.scale
    in_bots = held(request, "bots") if needed(request, "accountType", KINDS) == "spot" else {}
    return written(
        [
            {
                "coin": code,
                "available": exact(amount - amount // 3, scale[code]),
                "equity": exact(amount, scale[code]),
                "bonus": "0",
                "frozen": exact(amount // 3, scale[code]),
                "usdtValue": worth(code, amount),
            }
            for code, amount in in_bots.items()
        ]
    ).encode()


KINDS = ("spot", "futures")
ROUTES: dict[str, Callable[[Request], bytes]] = {
    "/api/v2/account/funding-assets": _funding,
    "/api/v2/account/bot-assets": _bots,
}
