"""What there is at Bitget's stand-in: coins, pairs, and the public lists of them."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from pipelines.sandbox.bitget.request import Refusal
from pipelines.sandbox.engine.account import DAY, Asset, Contract, Market, Venue, exact

VENUE = Venue(
    name="bitget",
    cash="USDT",
    home="spot",
    fee_coin="BGB",
    assets=(
        Asset(
            code="USDT", scale=12, usd=Decimal(1), networks=("TRC20", "ERC20", "BEP20"),
            withdraw_fee=Decimal("1.5"),
        ),
        Asset(
            code="BTC", scale=12, usd=Decimal(64000), networks=("BTC",),
            withdraw_fee=Decimal("0.0003"),
        ),
        Asset(
            code="ETH", scale=12, usd=Decimal(3100), networks=("ERC20", "ArbitrumOne"),
            withdraw_fee=Decimal("0.002"),
        ),
        Asset(
            code="SOL", scale=12, usd=Decimal(150), networks=("SOL",), withdraw_fee=Decimal("0.01")
        ),
        Asset(code="USDC", scale=12, usd=Decimal(1), networks=("ERC20",), withdraw_fee=Decimal(2)),
        Asset(code="BGB", scale=12, usd=Decimal("4.6"), networks=("MORPH",)),
        Asset(code="$ALT", scale=12, usd=Decimal("0.12"), networks=("ERC20",)),
        Asset(code="MOONX", scale=12, usd=Decimal(2), networks=("ERC20",)),
        Asset(code="WEIX", scale=18, usd=Decimal("0.4"), networks=("ERC20",)),
    ),
    markets=(
        Market(
            symbol="BTCUSDT", base="BTC", quote="USDT", price_scale=2, quantity_scale=6,
            start_price=6_400_000,
        ),
        Market(
            symbol="ETHUSDT", base="ETH", quote="USDT", price_scale=2, quantity_scale=4,
            start_price=310_000,
        ),
        Market(
            symbol="SOLUSDT", base="SOL", quote="USDT", price_scale=2, quantity_scale=4,
            start_price=15_000,
        ),
        Market(
            symbol="ETHBTC", base="ETH", quote="BTC", price_scale=6, quantity_scale=4,
            start_price=48_400,
        ),
        Market(
            symbol="$ALTUSDT", base="$ALT", quote="USDT", price_scale=5, quantity_scale=2,
            start_price=12_000,
        ),
        Market(
            symbol="MOONXUSDT", base="MOONX", quote="USDT", price_scale=4, quantity_scale=2,
            start_price=20_000, brief=True,
        ),
    ),
    contracts=(
        Contract(
            symbol="BTCUSDT", base="BTC", quote="USDT", settle="USDT", inverse=False,
            size=Decimal("0.001"), price_scale=1, start_price=640_000, lot=1, taker_ppm=600,
            maker_ppm=200, wallet="usdt_futures",
        ),
        Contract(
            symbol="ETHUSDT", base="ETH", quote="USDT", settle="USDT", inverse=False,
            size=Decimal("0.01"), price_scale=2, start_price=310_000, lot=1, taker_ppm=600,
            maker_ppm=200, wallet="usdt_futures",
        ),
        Contract(
            symbol="ETHPERP", base="ETH", quote="USDC", settle="USDC", inverse=False,
            size=Decimal("0.01"), price_scale=2, start_price=310_000, lot=1, taker_ppm=600,
            maker_ppm=200, wallet="usdc_futures",
        ),
        Contract(
            symbol="BTCUSDU26", base="BTC", quote="USD", settle="BTC", inverse=True,
            size=Decimal(1), price_scale=1, start_price=642_000, lot=10, taker_ppm=600,
            maker_ppm=200, expires_before_end=35 * DAY, wallet="coin_futures",
        ),
        Contract(
            symbol="BTCUSD", base="BTC", quote="USD", settle="BTC", inverse=True,
            size=Decimal(1), price_scale=1, start_price=640_000, lot=10, taker_ppm=600,
            maker_ppm=200, wallet="coin_futures",
        ),
    ),
    other_wallets=("usdt_futures", "p2p", "crossed_margin", "isolated_margin", "bots", "earn"),
    pledged_loans=True,
    rewards=(
        "airdrop", "rebate", "interest", "savings", "coupon", "gift", "financial", "unlabelled",
        "unknown",
    ),
)  # fmt: skip
OFFLINE = Market(
    symbol="OLDXUSDT", base="OLDX", quote="USDT", price_scale=4, quantity_scale=2, start_price=1
)
"""A pair nobody traded, still listed as offline; a delisted one is not listed at all."""


KNOWN_SYMBOLS = frozenset(market.symbol for market in (*VENUE.markets, OFFLINE))
"""Every pair there is or was; one that is offline is no unknown one."""


def list_coins(wanted: str, is_late: bool) -> bytes:
    """The public coin list as JSON, or one coin of it; `is_late`: after the delisting."""
    brief = {market.base for market in VENUE.markets if market.brief}
    coins = [asset for asset in VENUE.assets if not (is_late and asset.code in brief)]
    coins = [asset for asset in coins if wanted in ("", asset.code)]
    if wanted and not coins:
        raise Refusal("40034", "Parameter coin does not exist")
    rows = [coin_row(n, asset) for n, asset in enumerate(coins)]
    return json.dumps(rows, separators=(",", ":")).encode()


def list_symbols(wanted: str, is_late: bool) -> bytes:
    """The public list of pairs as JSON, or one of them; `is_late`: after the delisting."""
    listed = [market for market in VENUE.markets if not (is_late and market.brief)]
    rows = [symbol_row(market, "online") for market in listed]
    rows.append(symbol_row(OFFLINE, "offline"))
    rows = [row for row in rows if wanted in ("", row["symbol"])]
    if wanted and not rows:
        raise Refusal("40034", "Parameter symbol does not exist")
    return json.dumps(rows, separators=(",", ":")).encode()


def list_instruments(category: str, wanted: str, is_late: bool) -> bytes:
    """The public list of a business line's instruments, as unified accounts are told it.

    Nobody here trades anything but spot that way.
    """
    if not category:
        raise Refusal("40019", "Parameter category cannot be empty")
    if category not in ("SPOT", "MARGIN", "USDT-FUTURES", "COIN-FUTURES", "USDC-FUTURES"):
        raise Refusal("40020", "Parameter category error")
    rows = [
        {
            "symbol": market.symbol,
            "category": "SPOT",
            "baseCoin": market.base,
            "quoteCoin": market.quote,
            "buyLimitPriceRatio": "0.05",
            "sellLimitPriceRatio": "0.05",
            "feeRateUpRatio": "",
            "minOrderQty": exact(1, market.quantity_scale),
            "maxOrderQty": "",
            "pricePrecision": str(market.price_scale),
            "quantityPrecision": str(market.quantity_scale),
            "quotePrecision": str(market.price_scale + market.quantity_scale),
            "minOrderAmount": "1",
            "maxSymbolOrderNum": "",
            "maxProductOrderNum": "",
            "status": "online",
            "offTime": "",
            "limitOpenTime": "",
            "maintainTime": "",
            "areaSymbol": "no",
        }
        for market in VENUE.markets
        if category == "SPOT" and not (is_late and market.brief) and wanted in ("", market.symbol)
    ]
    if wanted and not rows:
        raise Refusal("40034", "Parameter symbol does not exist")
    return json.dumps(rows, separators=(",", ":")).encode()


def coin_row(n: int, asset: Asset) -> dict[str, Any]:
    """A coin as the public list has it; truth values are strings there."""
    return {
        "coinId": str(n + 2),
        "coin": asset.code,
        "transfer": "true",
        "chains": [
            {
                "chain": network,
                "needTag": "false",
                "withdrawable": "true",
                "rechargeable": "true",
                "withdrawFee": exact(int(asset.withdraw_fee * 10**8), 8),
                "extraWithdrawFee": "0",
                "depositConfirm": "1",
                "withdrawConfirm": "1",
                "minDepositAmount": "0.01",
                "minWithdrawAmount": "10",
                "browserUrl": "https://explorer.invalid/tx/",
                "contractAddress": None if network == asset.code else f"0x{n:040x}",
                "withdrawStep": "0",
                "withdrawMinScale": "6",
                "congestion": "normal",
            }
            for network in asset.networks
        ],
    }


def symbol_row(market: Market, status: str) -> dict[str, Any]:
    """A pair as the public list has it."""
    return {
        "symbol": market.symbol,
        "baseCoin": market.base,
        "quoteCoin": market.quote,
        "minTradeAmount": "0",
        "maxTradeAmount": "900000000000000000000",
        "takerFeeRate": "0.001",
        "makerFeeRate": "0.0008",
        "pricePrecision": str(market.price_scale),
        "quantityPrecision": str(market.quantity_scale),
        "quotePrecision": str(market.price_scale + market.quantity_scale),
        "status": status,
        "minTradeUSDT": "1",
        "buyLimitPriceRatio": "0.05",
        "sellLimitPriceRatio": "0.05",
        "areaSymbol": "no",
        "orderQuantity": "200",
        "openTime": "1628000000000",
        "offTime": "1717200000000" if status == "offline" else "",
    }
