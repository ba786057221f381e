"""BitMEX's contracts, with simulated prices and integer arithmetic.

Prices are integers in units of 10**-`digits`; costs are integers in the settlement coin's minor
unit; rates are integers in millionths.
"""

from __future__ import annotations

import hashlib
import math
from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import msgspec

from pipelines.sandbox.bitmex.keys import iso
from pipelines.sandbox.engine.account import DAY, HOUR
from pipelines.sandbox.engine.clock import to_ms

CLOSED_AT = to_ms(datetime(2026, 9, 23, 4, tzinfo=UTC))
"""Trading ended and every position was closed."""

Shape = Literal["inverse", "linear", "quanto", "spot"]

# Rough US dollar prices at the start of each year, 2016 first; made up between those.
YEARLY = {
    "XBT": (430, 960, 13_800, 3_700, 7_200, 29_000, 46_300, 16_500, 42_300, 93_400, 88_000, 64_000),
    "ETH": (1, 8, 740, 133, 129, 730, 3_680, 1_195, 2_280, 3_330, 2_950, 2_100),
    "AAVE": (30, 30, 30, 30, 30, 88, 255, 52, 109, 310, 160, 120),
    "SOL": (1, 1, 1, 1, 1, 2, 170, 10, 101, 190, 125, 90),
}  # fmt: skip
YEAR_STARTS = tuple(to_ms(datetime(2016 + i, 1, 1, tzinfo=UTC)) for i in range(12))


@dataclass(frozen=True, kw_only=True)
class Market:
    """A contract, or a spot pair, in one of its periods: a symbol can return in another currency.

    `multiplier`: minor units of the settlement coin that a contract is worth per unit of price
    (inverse: divided by the price; spot: not used). `base_scale` is for spot, where quantities are
    minor units of the base coin.
    """

    symbol: str
    root: str
    shape: Shape
    underlying: str
    quote: str
    settle: str
    multiplier: int
    lot: int
    digits: int
    listed_at: int
    ends_at: int
    expires: bool = False
    maker_ppm: int = 200
    taker_ppm: int = 500
    base_scale: int = 0
    typ: str = "FFWCSX"
    home_per_contract: float = 0.0

    def price_at(self, at: int) -> int:
        """The made-up price at a moment: smooth, the same in every run."""
        starts = YEARLY[self.underlying]
        place = min(max(bisect_right(YEAR_STARTS, at) - 1, 0), len(starts) - 2)
        share = (at - YEAR_STARTS[place]) / (YEAR_STARTS[place + 1] - YEAR_STARTS[place])
        trend: float = starts[place] ** (1 - share) * starts[place + 1] ** share
        days = at / DAY
        wave = 1 + 0.05 * math.sin(days / 9.7) + 0.02 * math.sin(days / 1.3)
        wave += 0.004 * math.sin(days * 11)
        return max(1, round(trend * wave * float(10**self.digits)))

    def cost(self, quantity: int, price: int) -> int:
        """Signed value of a signed quantity. A long inverse position has a negative one."""
        if self.shape == "inverse":
            return nearest(self.multiplier * quantity * 10**self.digits, price)
        if self.shape == "spot":
            return nearest(quantity * price * 1_000_000, 10 ** (self.digits + self.base_scale))
        return nearest(self.multiplier * quantity * price, 10**self.digits)

    def notionals(self, quantity: int, price: int, cost: int) -> tuple[float, float]:
        """`homeNotional` and `foreignNotional`: signed, with the noise of floats, as served."""
        value = price / 10**self.digits
        if self.shape == "inverse":
            return -cost / 1e8, float(-quantity)
        if self.shape == "spot":
            home = quantity / 10**self.base_scale
        else:
            home = quantity * self.home_per_contract
        return home, -home * value

    def trades_at(self, at: int) -> bool:
        """Whether it is open for trading."""
        return self.listed_at <= at < self.ends_at


def nearest(numerator: int, denominator: int) -> int:
    """The quotient, rounded to the nearest integer; halves away from zero."""
    below = abs(denominator)
    quotient = (2 * abs(numerator) + below) // (2 * below)
    return quotient if (numerator < 0) == (denominator < 0) else -quotient


def decimal_text(units: int, digits: int) -> str:
    """`units` of 10**-digits as a JSON number without trailing zeros."""
    whole, part = divmod(units if units >= 0 else -units, 10**digits)
    sign = "-" if units < 0 else ""
    if not part:
        return f"{sign}{whole}"
    return f"{sign}{whole}.{part:0{digits}d}".rstrip("0")


def funding_ppm(symbol: str, at: int) -> int:
    """The funding rate of a perpetual at a moment; positive: longs pay."""
    digest = hashlib.blake2b(f"{symbol} {at}".encode(), digest_size=4).digest()
    draw = int.from_bytes(digest, "big") % 1_000
    return 100 if draw < 500 else draw - 700


def _day(year: int, month: int, day: int, hour: int = 12) -> int:
    return to_ms(datetime(year, month, day, hour, tzinfo=UTC))


XBTUSD = Market(
    symbol="XBTUSD", root="XBT", shape="inverse", underlying="XBT", quote="USD", settle="XBt",
    multiplier=-100_000_000, lot=100, digits=1, listed_at=_day(2016, 5, 4), ends_at=CLOSED_AT,
)  # fmt: skip
ETHUSD = Market(
    symbol="ETHUSD", root="ETH", shape="quanto", underlying="ETH", quote="USD", settle="XBt",
    multiplier=100, lot=1, digits=2, listed_at=_day(2018, 8, 2), ends_at=CLOSED_AT,
    home_per_contract=100 / 1279,
)  # fmt: skip
XBTUSDT = Market(
    symbol="XBTUSDT", root="XBT", shape="linear", underlying="XBT", quote="USDT", settle="USDt",
    multiplier=1, lot=1_000, digits=1, listed_at=_day(2021, 11, 9), ends_at=CLOSED_AT,
    home_per_contract=1e-6,
)  # fmt: skip
AAVE_QUANTO = Market(
    symbol="AAVEUSDT", root="AAVE", shape="quanto", underlying="AAVE", quote="USDT", settle="XBt",
    multiplier=1_000, lot=1, digits=2, listed_at=_day(2021, 2, 25), ends_at=_day(2021, 11, 2),
    maker_ppm=-250, taker_ppm=750, home_per_contract=0.01,
)  # fmt: skip
AAVE_LINEAR = Market(
    symbol="AAVEUSDT", root="AAVE", shape="linear", underlying="AAVE", quote="USDT", settle="USDt",
    multiplier=10_000, lot=1, digits=2, listed_at=_day(2022, 2, 15), ends_at=CLOSED_AT,
    home_per_contract=0.01,
)  # fmt: skip
SPOT_XBT = Market(
    symbol="XBT_USDT", root="XBT", shape="spot", underlying="XBT", quote="USDT", settle="",
    multiplier=0, lot=1_000, digits=1, listed_at=_day(2022, 5, 17), ends_at=CLOSED_AT,
    maker_ppm=0, taker_ppm=0, base_scale=8, typ="IFXXXP",
)  # fmt: skip
SPOT_ETH = Market(
    symbol="ETH_USDT", root="ETH", shape="spot", underlying="ETH", quote="USDT", settle="",
    multiplier=0, lot=1_000_000, digits=2, listed_at=_day(2022, 5, 17), ends_at=CLOSED_AT,
    maker_ppm=0, taker_ppm=0, base_scale=9, typ="IFXXXP",
)  # fmt: skip

MINOR = {"XBT": "XBt", "ETH": "Gwei", "USDT": "USDt"}
"""The wallet currency of a spot pair's coin."""


def _last_friday(year: int, month: int) -> datetime:
    after = datetime(year + month // 12, month % 12 + 1, 1, 12, tzinfo=UTC)
    day = after - timedelta(days=1)
    return day - timedelta(days=(day.weekday() - 4) % 7)


def _future(root: str, letter: str, year: int, month: int) -> Market:
    expiry = to_ms(_last_friday(year, month))
    inverse = root == "XBT"
    return Market(
        symbol=f"{root}{letter}{year % 100:02d}", root=root,
        shape="inverse" if inverse else "quanto", underlying=root if inverse else "ETH",
        quote="USD", settle="XBt", multiplier=-100_000_000 if inverse else 100,
        lot=100 if inverse else 1, digits=1 if inverse else 2, listed_at=expiry - 182 * DAY,
        ends_at=min(expiry, CLOSED_AT), expires=True, typ="FFCCSX",
        home_per_contract=0.0 if inverse else 100 / 1279,
    )  # fmt: skip


QUARTERS = (("H", 3), ("M", 6), ("U", 9), ("Z", 12))
FUTURES = tuple(
    _future("XBT", letter, year, month)
    for year in range(2018, 2027)
    for letter, month in QUARTERS
    if (year, month) < (2026, 9)
)
FUTURES_BY_SYMBOL = {future.symbol: future for future in FUTURES}
TRADED = (XBTUSD, ETHUSD, XBTUSDT, AAVE_QUANTO, AAVE_LINEAR, SPOT_XBT, SPOT_ETH, *FUTURES)
PERPETUALS = (XBTUSD, ETHUSD, XBTUSDT, AAVE_QUANTO, AAVE_LINEAR)
FILLER_ROOTS = (
    "ADA", "BCH", "BNB", "DOGE", "DOT", "EOS", "ETH", "LINK", "LTC", "SOL", "TRX", "XRP", "YFI",
)  # fmt: skip
"""Roots whose settled futures only fill the list of instruments, so that it has several pages."""

INSTRUMENT_COLUMNS = (
    "symbol", "rootSymbol", "state", "typ", "listing", "front", "expiry", "settle",
    "positionCurrency", "underlying", "quoteCurrency", "underlyingSymbol", "reference",
    "referenceSymbol", "maxOrderQty", "maxPrice", "lotSize", "tickSize", "multiplier",
    "settlCurrency", "underlyingToPositionMultiplier", "underlyingToSettleMultiplier",
    "quoteToSettleMultiplier", "isQuanto", "isInverse", "initMargin", "maintMargin", "makerFee",
    "takerFee", "settlementFee", "fundingInterval", "fundingRate", "markPrice", "settledPrice",
    "timestamp",
)  # fmt: skip
EIGHT_HOURS = "2000-01-01T08:00:00.000Z"


def number(units: int, digits: int) -> msgspec.Raw:
    """A JSON number of integer units, exact."""
    return msgspec.Raw(decimal_text(units, digits).encode())


def instrument(market: Market, now: int) -> dict[str, Any]:
    """The public terms of a contract or pair at a moment; nulls are left out."""
    settled = market.expires and now >= market.ends_at
    gone = market is AAVE_QUANTO
    row: dict[str, Any] = {
        "symbol": market.symbol,
        "rootSymbol": market.root,
        "state": "Settled" if settled or gone else "Open",
        "typ": market.typ,
        "listing": iso(market.listed_at),
        "front": iso(market.listed_at),
        "positionCurrency": "USD" if market.shape == "inverse" else market.root,
        "underlying": market.root,
        "quoteCurrency": market.quote,
        "underlyingSymbol": f"{market.root}=",
        "reference": "BMEX",
        "referenceSymbol": f".B{market.root}",
        "maxOrderQty": 10_000_000,
        "maxPrice": 1_000_000,
        "lotSize": market.lot,
        "tickSize": number(1, market.digits),
    }
    if market.expires:
        row["expiry"] = row["settle"] = iso(market.ends_at)
    if market.shape == "spot":
        row["underlyingToPositionMultiplier"] = 10**market.base_scale
        row["quoteToSettleMultiplier"] = 1_000_000
    else:
        row["multiplier"] = market.multiplier
        row["settlCurrency"] = market.settle
    if market.shape == "inverse":
        row["underlyingToSettleMultiplier"] = -100_000_000
    elif market.shape == "quanto":
        row["quoteToSettleMultiplier"] = 1279
    elif market.shape == "linear":
        row["underlyingToPositionMultiplier"] = round(1 / market.home_per_contract)
        row["quoteToSettleMultiplier"] = 1_000_000
    row |= {
        "isQuanto": market.shape == "quanto",
        "isInverse": market.shape == "inverse",
        "makerFee": number(market.maker_ppm, 6),
        "takerFee": number(market.taker_ppm, 6),
        "settlementFee": 0,
    }
    if market.shape != "spot":
        row |= {"initMargin": msgspec.Raw(b"0.01"), "maintMargin": msgspec.Raw(b"0.005")}
    if market.typ == "FFWCSX":
        row["fundingInterval"] = EIGHT_HOURS
        row["fundingRate"] = number(funding_ppm(market.symbol, now // (8 * HOUR)), 6)
    moment = min(now, market.ends_at)
    row["markPrice"] = number(market.price_at(moment), market.digits)
    if settled or gone:
        row["settledPrice"] = row["markPrice"]
    row["timestamp"] = iso(moment)
    return row


def _filler() -> list[Market]:
    markets = []
    for root in FILLER_ROOTS:
        for year in range(2017, 2027):
            for letter, month in QUARTERS:
                if (year, month) < (2026, 9):
                    markets.append(_future(root, letter, year, month))
    return markets


FILLERS = tuple(_filler())


def instruments(now: int) -> list[dict[str, Any]]:
    """Every instrument listed by `now`, settled ones included, by symbol.

    Of a symbol with two periods only the later is listed, as the exchange does.
    """
    by_symbol: dict[str, Market] = {}
    for market in (*FILLERS, *TRADED):
        if market.listed_at <= now:
            by_symbol[market.symbol] = market
    return [instrument(by_symbol[symbol], now) for symbol in sorted(by_symbol)]


def resolve_symbol(given: str, now: int) -> str:
    """The symbol meant by a symbol, a root, or a root with a timeframe; unknown text as it is."""
    root, _, frame = given.partition(":")
    if not frame and any(m.symbol == given for m in (*TRADED, *FILLERS)):
        return given
    futures = [m for m in (*TRADED, *FILLERS) if m.root == root and m.expires and m.trades_at(now)]
    if futures and frame in ("", "nearest", "quarterly", "monthly"):
        return min(futures, key=lambda m: m.ends_at).symbol
    if frame in ("", "perpetual"):
        for market in PERPETUALS:
            if market.root == root:
                return market.symbol
    return given


def _asset(
    asset_id: int, code: str, currency: str, name: str, scale: int, networks: tuple[str, ...],
    *, margin: bool = False, fee: int = 0, memo: bool = False,
) -> dict[str, Any]:  # fmt: skip
    return {
        "assetID": asset_id, "asset": code, "currency": currency,
        "majorCurrency": code, "name": name, "currencyType": "Crypto", "scale": scale,
        "enabled": True, "isMarginCurrency": margin, "memoRequired": memo,
        "minDepositAmount": 10 ** max(0, scale - 4), "minWithdrawalAmount": 10 ** max(0, scale - 3),
        "maxWithdrawalAmount": 10 ** (scale + 6),
        "networks": [
            {"asset": network, "tokenAddress": "", "depositEnabled": True,
             "withdrawalEnabled": True, "withdrawalFee": fee, "minFee": fee, "maxFee": 500 * fee}
            for network in networks
        ],
    }  # fmt: skip


ASSETS = (
    _asset(1, "XBT", "XBt", "Bitcoin", 8, ("btc",), margin=True, fee=20_000),
    _asset(2, "USDT", "USDt", "Tether", 6, ("eth", "tron"), margin=True, fee=5_000_000),
    _asset(3, "ETH", "Gwei", "Ethereum", 9, ("eth", "arbitrum"), fee=2_000_000),
    _asset(4, "SOL", "LAMp", "Solana", 9, ("sol",), fee=10_000_000),
    _asset(5, "BMEX", "BMEx", "BitMEX Token", 6, ("eth",), fee=3_000_000),
    _asset(6, "POL", "POl", "Polygon", 9, ("eth",), fee=5_000_000_000),
    _asset(7, "XRP", "XRp", "Ripple", 6, ("xrp",), fee=200_000, memo=True),
    _asset(8, "DOGE", "DOGe", "Dogecoin", 6, ("doge",), fee=5_000_000),
    _asset(9, "TRX", "TRx", "Tron", 6, ("tron",), fee=1_000_000),
    _asset(10, "USDC", "USDc", "USD Coin", 6, ("eth",), fee=5_000_000),
    _asset(11, "SHIB", "SHIb", "Shiba Inu", 5, ("eth",), fee=50_000_000_000),
    _asset(12, "ADA", "ADa", "Cardano", 8, ("ada",), fee=80_000_000),
    _asset(13, "LTC", "LTc", "Litecoin", 8, ("ltc",), fee=100_000),
    _asset(14, "AVAX", "AVAx", "Avalanche", 8, ("avax",), fee=1_000_000),
    _asset(15, "LINK", "LINk", "Chainlink", 8, ("eth",), fee=50_000_000),
)
SCALES = {str(asset["currency"]): int(asset["scale"]) for asset in ASSETS}
OUR_CODES = {"XBt": "BTC", **{
    str(a["currency"]): str(a["asset"]) for a in ASSETS if a["currency"] != "XBt"
}}  # fmt: skip
"""The usual ticker of each wallet currency."""

NETWORKS = tuple(
    {
        "network": code, "name": name, "currency": currency, "networkSymbol": symbol,
        "transactionExplorer": f"https://explorer.example/{code}/tx/", "tokenExplorer": "",
        "depositConfirmations": confirmations, "enabled": True,
    }
    for code, name, currency, symbol, confirmations in (
        ("btc", "Bitcoin", "XBt", "BTC", 1),
        ("eth", "Ethereum", "Gwei", "ETH", 12),
        ("sol", "Solana", "LAMp", "SOL", 30),
        ("tron", "Tron", "TRx", "TRX", 20),
        ("arbitrum", "Arbitrum", "Gwei", "ETH", 20),
    )
)  # fmt: skip


def funding_history(now: int) -> list[tuple[int, bytes]]:
    """The public funding rates up to a moment, oldest first, at 04:00, 12:00 and 20:00 UTC."""
    rows = []
    at = XBTUSD.listed_at - XBTUSD.listed_at % DAY + 4 * HOUR
    last = min(now, CLOSED_AT)
    while at <= last:
        for market in PERPETUALS:
            if market.trades_at(at):
                rate = funding_ppm(market.symbol, at)
                rows.append((at, (
                    f'{{"timestamp":"{iso(at)}","symbol":"{market.symbol}",'
                    f'"fundingInterval":"{EIGHT_HOURS}",'
                    f'"fundingRate":{decimal_text(rate, 6)},'
                    f'"fundingRateDaily":{decimal_text(3 * rate, 6)}}}'
                ).encode()))  # fmt: skip
        at += 8 * HOUR
    return rows


def settlement_history() -> list[tuple[int, bytes]]:
    """The public settlements of futures, oldest first."""
    rows = []
    for market in sorted((m for m in FUTURES), key=lambda m: m.ends_at):
        price = decimal_text(market.price_at(market.ends_at), market.digits)
        rows.append((market.ends_at, (
            f'{{"timestamp":"{iso(market.ends_at)}","symbol":"{market.symbol}",'
            f'"settlementType":"Settlement","settledPrice":{price}}}'
        ).encode()))  # fmt: skip
    return rows
