"""BitMart's coins, pairs and contracts, and the public lists of them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from pipelines.sandbox.engine.account import Asset, Contract, Market, Venue, exact
from pipelines.sandbox.engine.clock import to_ms

TRADING_ENDS = to_ms(datetime(2026, 8, 26, 1, 0, tzinfo=UTC))
PLATFORM_ENDS = to_ms(datetime(2027, 1, 31, 15, 59, tzinfo=UTC))

VENUE = Venue(
    name="bitmart",
    cash="USDT",
    home="spot",
    other_wallets=("futures",),
    contract_wallet="futures",
    fees_in_quote=True,
    fee_coin="BMX",
    rewards=("airdrop", "interest"),  # no route of BitMart lists them
    conversions=False,
    assets=(
        Asset("USDT", 12, Decimal(1), ("TRC20", "ERC20", "BEP20"), Decimal(1)),
        Asset("BTC", 12, Decimal(61000), ("BTC",), Decimal("0.0005")),
        Asset("ETH", 12, Decimal(2400), ("ETH", "ARBITRUM"), Decimal("0.003")),
        Asset("ADA", 12, Decimal("0.41"), ("ADA",), Decimal(1)),
        Asset("BMX", 12, Decimal("0.35"), ("ERC20",)),
        Asset("OLDX", 12, Decimal(2), ("ERC20",)),
    ),
    markets=(
        Market("BTC_USDT", "BTC", "USDT", 2, 5, 6_100_000),
        Market("ETH_USDT", "ETH", "USDT", 2, 4, 240_000),
        Market("ADA_USDT", "ADA", "USDT", 6, 2, 412_310),
        Market("OLDX_USDT", "OLDX", "USDT", 4, 2, 20_000, brief=True),
    ),
    contracts=(
        Contract(
            symbol="BTCUSDT", base="BTC", quote="USDT", settle="USDT", inverse=False,
            size=Decimal("0.001"), price_scale=1, start_price=610_000, lot=1, taker_ppm=600,
            maker_ppm=200,
        ),
        Contract(
            symbol="ETHUSDT", base="ETH", quote="USDT", settle="USDT", inverse=False,
            size=Decimal("0.01"), price_scale=2, start_price=240_000, lot=1, taker_ppm=600,
            maker_ppm=200,
        ),
    ),
)  # fmt: skip

SUFFIXES = {
    ("USDT", "TRC20"): "USDT-TRC20",
    ("USDT", "ERC20"): "USDT-ERC20",
    ("USDT", "BEP20"): "USDT-BSC_BNB",  # the suffix is not the network's name
    ("ETH", "ARBITRUM"): "ETH-ARB",
}


def currency(code: str, network: str) -> str:
    """The code of a coin on a network in deposits and withdrawals, often with a suffix."""
    return SUFFIXES.get((code, network), code)


def currencies(is_late: bool, wanted: frozenset[str]) -> list[dict[str, Any]]:
    """The public list of coins, one row a network; `is_late`: after the delisting."""
    gone = {market.base for market in VENUE.markets if market.brief} if is_late else set()
    rows = [
        {
            "currency": currency(asset.code, network),
            "name": currency(asset.code, network),
            "contract_address": None if network == asset.code else f"0x{n:040x}",
            "network": network,
            "withdraw_enabled": True,
            "deposit_enabled": False,
            "withdraw_minsize": "10",
            "withdraw_minfee": None,
            "withdraw_fee": str(asset.withdraw_fee),
            "withdraw_fee_estimate": str(asset.withdraw_fee * asset.usd),
            "recharge_minsize": "0.01",
        }
        for n, asset in enumerate(VENUE.assets)
        for network in asset.networks
        if asset.code not in gone
    ]
    return [row for row in rows if not wanted or row["currency"] in wanted]


def coins(is_late: bool) -> list[dict[str, Any]]:
    """The spot list of coins, one row a coin."""
    gone = {market.base for market in VENUE.markets if market.brief} if is_late else set()
    return [
        {"id": asset.code, "name": asset.code, "withdraw_enabled": True, "deposit_enabled": False}
        for asset in VENUE.assets
        if asset.code not in gone
    ]


def maintenance() -> list[dict[str, Any]]:
    """Maintenance times: one span in the past."""
    return [
        {
            "title": "Spot maintenance",
            "service_type": "spot",
            "status": "2",
            "start_time": 1_782_864_000_000,
            "end_time": 1_782_866_000_000,
        }
    ]


def symbols(is_late: bool) -> list[dict[str, Any]]:
    """The public list of pairs; a delisted one is not on it."""
    return [
        {
            "symbol": market.symbol,
            "symbol_id": 53 + n,
            "base_currency": market.base,
            "quote_currency": market.quote,
            "quote_increment": exact(1, market.quantity_scale),
            "base_min_size": exact(1, market.quantity_scale),
            "base_max_size": "100000000.000000000000000000000000000000",
            "price_min_precision": 0,
            "price_max_precision": market.price_scale,
            "expiration": "NA",
            "min_buy_amount": "5",
            "min_sell_amount": "5",
            "trade_status": "trading",
        }
        for n, market in enumerate(VENUE.markets)
        if not (is_late and market.brief)
    ]


def contracts(now: int, wanted: str = "") -> list[dict[str, Any]]:
    """The public list of contracts, or one of them, with what it stands for."""
    return [
        {
            "symbol": contract.symbol,
            "product_type": 1,
            "open_timestamp": 1_594_080_000_123,
            "expire_timestamp": 0,
            "settle_timestamp": 0,
            "base_currency": contract.base,
            "quote_currency": contract.quote,
            "last_price": exact(contract.start_price, contract.price_scale),
            "volume_24h": "1",
            "turnover_24h": "1",
            "index_price": exact(contract.start_price, contract.price_scale),
            "index_name": contract.symbol,
            "contract_size": str(contract.size),
            "min_leverage": "1",
            "max_leverage": "100",
            "price_precision": exact(1, contract.price_scale),
            "vol_precision": "1",
            "max_volume": "500000",
            "market_max_volume": "500000",
            "min_volume": "1",
            "funding_rate": "0.0001",
            "expected_funding_rate": "0.0001",
            "open_interest": "1",
            "open_interest_value": "1",
            "high_24h": "1",
            "low_24h": "1",
            "change_24h": "0.004",
            "funding_interval_hours": 8,
            "status": "Trading" if now < TRADING_ENDS else "Delisted",
            "delist_time": 0 if now < TRADING_ENDS else TRADING_ENDS // 1_000,
        }
        for contract in VENUE.contracts
        if wanted in ("", contract.symbol)
    ]
