"""Bitget's stand-in: the read routes of unified accounts (v3).

Their windows, floors and page sizes are those of the spec; cursors are opaque where the real ones
are. What an account did before it was unified is not told here.

Switches: bitget.upgraded_at (Unix ms; from when the `upgraded` account is a unified one, never if
absent), bitget.unified_tax_max_limit (500), bitget.unified_tax_cursor_defect (False),
bitget.unified_fees_outside (False: of rows that are no futures).
"""

from __future__ import annotations

import json
from collections.abc import Callable

from pipelines.sandbox.bitget.books import Books, Table
from pipelines.sandbox.bitget.keys import Profile
from pipelines.sandbox.bitget.request import STREAMS, Refusal, Request
from pipelines.sandbox.bitget.unified_books import Ledger, UnifiedBooks
from pipelines.sandbox.bitget.unified_words import line_of
from pipelines.sandbox.engine.account import MINUTE, SECOND, exact
from pipelines.sandbox.engine.dialect import World

INFO, SETTINGS = "/api/v3/account/info", "/api/v3/account/settings"
LINES = ("SPOT", "MARGIN", "USDT-FUTURES", "COIN-FUTURES", "USDC-FUTURES", "OTHER")
SWITCHING = MINUTE
"""How long an upgrade takes."""
MASK = 0x2A5F_31C7_08B9_64D3
"""Makes an opaque cursor of a row's id."""
NOT_UNIFIED = {
    "account": ("40084", "You are in Classic Account mode, and the Unified Account API is not "
                         "supported at this time"),
    "": ("25245", "The account is not the unified account mode"),
}  # fmt: skip
"""Two refusals that mean the same: one seen in answers of the account routes, one documented."""


class Unified:
    """The v3 routes over the accounts of this world that are unified, or become so."""

    def __init__(self, world: World, books: Callable[[str], Books]) -> None:
        self._world, self._classic = world, books
        self._upgraded_at: int | None = world.option("bitget.upgraded_at", None)
        self._tax_max = int(world.option("bitget.unified_tax_max_limit", 500))
        self._tax_defect = bool(world.option("bitget.unified_tax_cursor_defect", False))
        self._fees_outside = bool(world.option("bitget.unified_fees_outside", False))
        self._books: dict[str, UnifiedBooks] = {}
        self._routes: dict[str, Callable[[Request, UnifiedBooks], bytes]] = {
            "/api/v3/account/financial-records": self._financial,
            "/api/v3/account/funding-financial-records": self._funding,
            "/api/v3/tax/records": self._tax,
            "/api/v3/trade/fills": self._fills,
            "/api/v3/trade/history-orders": self._orders,
            "/api/v3/account/deposit-records": lambda r, b: self._wallet_page(r, b.deposits),
            "/api/v3/account/withdrawal-records": lambda r, b: self._wallet_page(r, b.withdrawals),
            "/api/v3/account/convert-records": lambda r, b: self._page(
                r, b.converts, fromCoin="fromCoin", toCoin="toCoin"
            ),
            "/api/v3/convert/small-assets-history": lambda r, b: self._page(r, b.dust),
            "/api/v3/p2p/all-orders": self._p2p_orders,
            "/api/v3/account/sub-transfer-record": lambda r, b: self._page(
                r, b.transfers, coin="coin", clientOid="clientOid"
            ),
            "/api/v3/position/history-position": self._positions,
            "/api/v3/account/assets": self._assets,
            "/api/v3/account/funding-assets": self._funding_assets,
        }

    def knows(self, path: str) -> bool:
        """Whether there is such a route."""
        return path in self._routes or path in (INFO, SETTINGS)

    def since(self, profile: Profile) -> int | None:
        """From when the account is a unified one; None where it is a classic one for good."""
        if profile.unified:
            return self._world.opened_at
        return self._upgraded_at if profile.upgradable else None

    def is_unified(self, profile: Profile, now: int) -> bool:
        """Whether classic routes refuse this account, and these answer it."""
        since = self.since(profile)
        return since is not None and since <= now

    def books(self, profile: Profile) -> UnifiedBooks | None:
        """The v3 tables of that account, from the moment it is unified."""
        since = self.since(profile)
        if since is not None and profile.uid not in self._books:
            self._books[profile.uid] = UnifiedBooks(
                self._classic(profile.uid), since, fees_outside=self._fees_outside
            )
        return self._books.get(profile.uid)

    def answer(self, request: Request, profile: Profile) -> bytes:
        """The `data` of one signed and permitted request."""
        if not self.is_unified(profile, request.now):
            group = request.path.split("/")[3]
            raise Refusal(*NOT_UNIFIED.get(group, NOT_UNIFIED[""]))
        books = self.books(profile)
        assert books is not None
        if request.path == SETTINGS:
            return self._settings(request, books)
        if request.path == INFO:
            return self._info(books, profile)
        return self._routes[request.path](request, books)

    # -- who it is

    def _settings(self, request: Request, books: UnifiedBooks) -> bytes:
        is_fresh = request.now < books.since + SWITCHING
        return json.dumps(
            {
                "uid": books.uid,
                "accountMode": "switching" if is_fresh else "unified",
                "assetMode": "multi_assets",
                "holdMode": "hedge_mode",
                "stpMode": "none",
                "symbolConfigList": [],
                "coinConfigList": [{"coin": "USDT", "leverage": "6"}],
            },
            separators=(",", ":"),
        ).encode()

    @staticmethod
    def _info(books: UnifiedBooks, profile: Profile) -> bytes:
        rights = ["uta_mgt", "uta_trade", *(["withdraw"] if profile.can_write else [])]
        return json.dumps(
            {
                "userId": books.uid,
                "inviterId": "",
                "parentId": "",
                "channelCode": "abcd",
                "channel": "",
                "ips": ",".join(profile.ips),
                "permType": "read-and-write" if profile.can_write else "read-only",
                "permissions": rights,
                "regisTime": str(books.life.opened_at),
            },
            separators=(",", ":"),
        ).encode()

    # -- ledgers

    @staticmethod
    def _line(request: Request, name: str, lines: tuple[str, ...] = LINES) -> str:
        """The business line asked for, which must be said; its case does not count."""
        line = request.params.get(name, "").upper()
        if not line:
            raise Refusal("40019", f"Parameter {name} cannot be empty")
        if line not in lines:
            raise Refusal("40020", f"Parameter {name} error")
        return line

    def _financial(self, request: Request, books: UnifiedBooks) -> bytes:
        line = self._line(request, "category")
        return self._page(
            request, books.financial, lambda n: books.line_at(n) == line, coin="coin", type="type"
        )

    def _funding(self, request: Request, books: UnifiedBooks) -> bytes:
        return self._page(request, books.funding_rows, coin="coin", type="type")

    def _tax(self, request: Request, books: UnifiedBooks) -> bytes:
        line = self._line(request, "bizType")
        margin_type = request.params.get("marginType", "crossed").lower()
        if margin_type not in ("crossed", "isolated"):
            raise Refusal("40020", "Parameter marginType error")
        coin = request.params.get("coin", "").upper()
        start, end = request.span()
        limit = request.limit(500, self._tax_max)
        # The range is documented, what lies beyond it is not: windows there hold no rows.
        start = max(start, self._floor(request))
        below = request.number("cursor") if request.params.get("cursor") else None
        low, high = books.tax.bounds(start, end, below, self._tax_defect)
        wanted = [
            n
            for n in range(high - 1, low - 1, -1)
            if books.line_at(n) == line
            and (line != "MARGIN" or books.margin_type_at(n) == margin_type)
            and coin in ("", books.coin_at(n))
        ]
        return self._rows(books.tax, wanted[:limit], request.now)

    # -- pages

    @staticmethod
    def _floor(request: Request) -> int:
        retention = STREAMS[request.path].retention
        assert retention is not None
        return request.now - int(retention.total_seconds()) * SECOND

    @staticmethod
    def _rows(table: Table, numbers: list[int], now: int) -> bytes:
        return b"[" + b",".join(table.row(n, now) for n in numbers) + b"]"

    def _page(
        self,
        request: Request,
        table: Table,
        wanted: Callable[[int], bool] = lambda n: True,
        wrapper: bytes = b'{"list":%b,"cursor":%b}',
        **fields: str,
    ) -> bytes:
        """A page in its wrapper; a page with rows has a cursor, the last one too.

        `fields` are the filters the route has: parameter → field of the row.
        """
        start, end = request.span()
        if STREAMS[request.path].retention is not None:
            start = self._within(request, start, end)
        limit = request.limit()
        below = None
        if request.params.get("cursor"):
            below = request.number("cursor") ^ MASK
        low, high = table.bounds(start, end, below, False)
        filters = request.filters(table, **fields)
        rows = request.rows(table, low, high, high - low, filters)
        numbers = [n for n in rows if wanted(n)][:limit]
        cursor = f'"{table.ids[numbers[-1]] ^ MASK}"' if numbers else '""'
        return wrapper % (self._rows(table, numbers, request.now), cursor.encode())

    @staticmethod
    def _within(request: Request, start: int, end: int) -> int:
        return request.within_retention(
            start, end, "40705", "The start and end time cannot exceed 90 days"
        )

    def _wallet_page(self, request: Request, table: Table) -> bytes:
        """Deposits and withdrawals: a plain list, whose cursor is the smallest order id."""
        start, end = request.span()
        limit = request.limit(20)
        below = request.number("cursor") if request.params.get("cursor") else None
        low, high = table.bounds(start, end, below, False)
        filters = request.filters(table, coin="coin", orderId="orderId", clientOid="clientOid")
        return self._rows(
            table, list(request.rows(table, low, high, limit, filters)), request.now
        )

    def _fills(self, request: Request, books: UnifiedBooks) -> bytes:
        """Fills may be asked for one line or for all."""
        line = self._line(request, "category") if request.params.get("category") else ""
        events = books.fills.events
        return self._page(
            request,
            books.fills,
            lambda n: line in ("", line_of(events[n])),
            symbol="symbol",
            orderId="orderId",
        )

    def _orders(self, request: Request, books: UnifiedBooks) -> bytes:
        """Orders that have come to their end, line by line."""
        line = self._line(request, "category", LINES[:-1])
        return self._page(
            request,
            books.orders,
            lambda n: line_of(books.orders.events[n]) == line
            and books.orders.events[n].at <= request.now,
            symbol="symbol",
        )

    def _positions(self, request: Request, books: UnifiedBooks) -> bytes:
        line = self._line(request, "category", tuple(line for line in LINES if "FUTURES" in line))
        return self._page(request, books.positions[line], symbol="symbol")

    def _p2p_orders(self, request: Request, books: UnifiedBooks) -> bytes:
        return self._page(request, books.p2p_orders, wrapper=b'{"items":%b,"nextId":%b}')

    # -- balances

    def _assets(self, request: Request, books: UnifiedBooks) -> bytes:
        held, owed = books.held(request.now), books.debts(request.now)
        rows = [
            f'{{"coin":"{coin}","equity":"{exact(balance - owed.get(coin, 0), scale)}",'
            f'"usdValue":"0","balance":"{exact(balance, scale)}",'
            f'"available":"{exact(balance - held.get(coin, 0), scale)}",'
            f'"debt":"{exact(owed.get(coin, 0), scale)}",'
            f'"locked":"{exact(held.get(coin, 0), scale)}"}}'
            for coin, balance, scale in self._held_coins(books, books.unified, request.now)
        ]
        return (
            '{"accountEquity":"0","usdtEquity":"0","btcEquity":"0","unrealisedPnl":"0",'
            '"usdtUnrealisedPnl":"0","btcUnrealizedPnl":"0","effEquity":"0","mmr":"0","imr":"0",'
            f'"mgnRatio":"0","positionMgnRatio":"0","assets":[{",".join(rows)}]}}'
        ).encode()

    def _funding_assets(self, request: Request, books: UnifiedBooks) -> bytes:
        rows = [
            f'{{"coin":"{coin}","available":"{exact(balance, scale)}","frozen":"0",'
            f'"balance":"{exact(balance, scale)}"}}'
            for coin, balance, scale in self._held_coins(books, books.funding, request.now)
        ]
        return f"[{','.join(rows)}]".encode()

    @staticmethod
    def _held_coins(
        books: UnifiedBooks, ledger: Ledger, now: int
    ) -> list[tuple[str, int, int]]:
        """Coin, balance and decimal places of what is not zero; no other coin is listed."""
        balances = ledger.balances_at(now)
        return [(coin, held, books.scale[coin]) for coin, held in balances.items() if held]


