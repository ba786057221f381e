"""Bitget's coins, pairs and contracts, and the public lists of them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from pipelines.sandbox.engine.account import DAY, Asset, Contract, Market, Venue, exact
from pipelines.sandbox.engine.wire import Refusal, Request

VENUE = Venue(
    name="bitget",
    cash="USDT",
    fee_coin="BGB",
    assets=tuple(
        Asset(code, scale, Decimal(usd), tuple(networks.split()), Decimal(fee))
        for code, scale, usd, networks, fee in (
            ("USDT", 12, 1, "TRC20 ERC20 BEP20", "1.5"),
            ("BTC", 12, 64000, "BTC", "0.0003"),
            ("ETH", 12, 3100, "ERC20 ArbitrumOne", "0.002"),
            ("SOL", 12, 150, "SOL", "0.01"),
            ("USDC", 12, 1, "ERC20", 2),
            ("BGB", 12, "4.6", "MORPH", 0),
            ("$ALT", 12, "0.12", "ERC20", 0),
            ("MOONX", 12, 2, "ERC20", 0),
            ("WEIX", 18, "0.4", "ERC20", 0),
        )
    ),
    markets=(
        Market("BTCUSDT", "BTC", "USDT", 2, 6, 6_400_000),
        Market("ETHUSDT", "ETH", "USDT", 2, 4, 310_000),
        Market("SOLUSDT", "SOL", "USDT", 2, 4, 15_000),
        Market("ETHBTC", "ETH", "BTC", 6, 4, 48_400),
        Market("$ALTUSDT", "$ALT", "USDT", 5, 2, 12_000),
        Market("MOONXUSDT", "MOONX", "USDT", 4, 2, 20_000, brief=True),
    ),
    contracts=tuple(
        Contract(
            symbol=symbol, base=base, quote=quote, settle=settle, inverse=quote == "USD",
            size=Decimal(size), price_scale=price_scale, start_price=price,
            lot=10 if quote == "USD" else 1, taker_ppm=600, maker_ppm=200,
            expires_before_end=expires, wallet=wallet,
        )
        for symbol, base, quote, settle, size, price_scale, price, expires, wallet in (
            ("BTCUSDT", "BTC", "USDT", "USDT", "0.001", 1, 640_000, None, "usdt_futures"),
            ("ETHUSDT", "ETH", "USDT", "USDT", "0.01", 2, 310_000, None, "usdt_futures"),
            ("ETHPERP", "ETH", "USDC", "USDC", "0.01", 2, 310_000, None, "usdc_futures"),
            ("BTCUSDU26", "BTC", "USD", "BTC", 1, 1, 642_000, 35 * DAY, "coin_futures"),
            ("BTCUSD", "BTC", "USD", "BTC", 1, 1, 640_000, None, "coin_futures"),
        )
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
"""A pair without trades, still listed as offline; a delisted one is not listed at all."""
KNOWN_SYMBOLS = frozenset(market.symbol for market in (*VENUE.markets, OFFLINE))
"""Every pair there is or was; one that is offline is no unknown one."""
PRODUCTS = {
    "USDT-FUTURES": "usdt_futures",
    "USDC-FUTURES": "usdc_futures",
    "COIN-FUTURES": "coin_futures",
}
"""productType → wallet."""
PLAY_MONEY = ("SUSDT-FUTURES", "SCOIN-FUTURES", "SUSDC-FUTURES")


def found(rows: list[dict[str, Any]], name: str, wanted: str) -> list[dict[str, Any]]:
    """The row with that value, or all without one. Refuses an unknown value."""
    kept = [row for row in rows if wanted in ("", row[name])]
    if wanted and not kept:
        raise Refusal(400, "40034", f"Parameter {name} does not exist")
    return kept


def list_coins(request: Request, is_late: bool) -> list[dict[str, Any]]:
    """The public coin list; `is_late`: after the delisting."""
    brief = {market.base for market in VENUE.markets if market.brief}
    coins = [asset for asset in VENUE.assets if not (is_late and asset.code in brief)]
    wanted = request.text("coin")
    rows = [coin_row(n, asset) for n, asset in enumerate(coins)]
    return found(rows, "coin", wanted)


def list_symbols(request: Request, is_late: bool) -> list[dict[str, Any]]:
    """The public list of pairs; `is_late`: after the delisting."""
    listed = [market for market in VENUE.markets if not (is_late and market.brief)]
    rows = [symbol_row(market, "online") for market in listed]
    return found([*rows, symbol_row(OFFLINE, "offline")], "symbol", request.text("symbol"))


def list_instruments(request: Request, is_late: bool) -> list[dict[str, Any]]:
    """The public list of a business line's instruments; in this simulator only spot has any."""
    empty = ("feeRateUpRatio", "maxOrderQty", "maxSymbolOrderNum", "maxProductOrderNum", "offTime",
             "limitOpenTime", "maintainTime")  # fmt: skip
    rows = [
        {
            "symbol": market.symbol, "category": "SPOT", "baseCoin": market.base,
            "quoteCoin": market.quote, "buyLimitPriceRatio": "0.05", "sellLimitPriceRatio": "0.05",
            "minOrderQty": exact(1, market.quantity_scale),
            "pricePrecision": str(market.price_scale),
            "quantityPrecision": str(market.quantity_scale),
            "quotePrecision": str(market.price_scale + market.quantity_scale),
            "minOrderAmount": "1", "status": "online", "areaSymbol": "no",
            **dict.fromkeys(empty, ""),
        }
        for market in VENUE.markets
        if request.text("category") == "SPOT" and not (is_late and market.brief)
    ]  # fmt: skip
    return found(rows, "symbol", request.text("symbol"))


def coin_row(n: int, asset: Asset) -> dict[str, Any]:
    """A coin as the public list has it; truth values are strings there."""
    chains = [
        {
            "chain": network, "needTag": "false", "withdrawable": "true", "rechargeable": "true",
            "withdrawFee": exact(int(asset.withdraw_fee * 10**8), 8), "extraWithdrawFee": "0",
            "depositConfirm": "1", "withdrawConfirm": "1", "minDepositAmount": "0.01",
            "minWithdrawAmount": "10", "browserUrl": "https://explorer.invalid/tx/",
            "contractAddress": None if network == asset.code else f"0x{n:040x}",
            "withdrawStep": "0", "withdrawMinScale": "6", "congestion": "normal",
        }
        for network in asset.networks
    ]  # fmt: skip
    return {"coinId": str(n + 2), "coin": asset.code, "transfer": "true", "chains": chains}


def symbol_row(market: Market, status: str) -> dict[str, Any]:
    """A pair as the public list has it."""
    return {
        "symbol": market.symbol, "baseCoin": market.base, "quoteCoin": market.quote,
        "minTradeAmount": "0", "maxTradeAmount": "900000000000000000000", "takerFeeRate": "0.001",
        "makerFeeRate": "0.0008", "pricePrecision": str(market.price_scale),
        "quantityPrecision": str(market.quantity_scale),
        "quotePrecision": str(market.price_scale + market.quantity_scale), "status": status,
        "minTradeUSDT": "1", "buyLimitPriceRatio": "0.05", "sellLimitPriceRatio": "0.05",
        "areaSymbol": "no", "orderQuantity": "200", "openTime": "1628000000000",
        "offTime": "1717200000000" if status == "offline" else "",
    }  # fmt: skip


def list_contracts(request: Request, end: int) -> list[dict[str, Any]]:
    """The public list of one product's contracts; those that were delivered have left it.

    General clients request the products of play money, too: there are none.
    """
    wallet = PRODUCTS.get(request.text("productType"))
    return [
        contract_row(contract, end)
        for contract in VENUE.contracts
        if contract.wallet == wallet
        if contract.expires_before_end is None
        or request.now < end - contract.expires_before_end
    ]


def contract_row(contract: Contract, end: int) -> dict[str, Any]:
    """A contract as the public list has it."""
    expires = contract.expires_before_end
    return {
        "symbol": contract.symbol, "baseCoin": contract.base, "quoteCoin": contract.quote,
        "buyLimitPriceRatio": "0.05", "sellLimitPriceRatio": "0.05", "feeRateUpRatio": "0.005",
        "makerFeeRate": exact(contract.maker_ppm, 6), "takerFeeRate": exact(contract.taker_ppm, 6),
        "openCostUpRatio": "0.01", "supportMarginCoins": [contract.settle],
        "minTradeNum": "0.001", "priceEndStep": "1", "volumePlace": "3",
        "pricePlace": str(contract.price_scale), "sizeMultiplier": "0.001",
        "symbolType": "perpetual" if expires is None else "delivery", "minTradeUSDT": "5",
        "symbolStatus": "normal", "offTime": "-1", "limitOpenTime": "-1",
        "deliveryTime": "" if expires is None else str(end - expires), "deliveryStartTime": "",
        "deliveryPeriod": "" if expires is None else "this_quarter", "launchTime": "",
        "fundInterval": "8" if expires is None else "", "minLever": "1", "maxLever": "125",
    }  # fmt: skip
