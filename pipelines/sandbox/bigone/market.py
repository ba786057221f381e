"""BigONE's coins, pairs and contracts, and the public lists of them."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

import msgspec

from pipelines.sandbox.engine.account import HOUR, Asset, Contract, Market, Venue, exact

SPOT = Venue(
    name="bigone",
    cash="USDT",
    home="spot",
    assets=(
        Asset("USDT", 12, Decimal(1), ("Tron", "Ethereum"), Decimal(1)),
        Asset("BTC", 12, Decimal(60000), ("Bitcoin",), Decimal("0.0005")),
        Asset("ETH", 12, Decimal(3000), ("Ethereum",), Decimal("0.003")),
        Asset("XIN", 12, Decimal(70), ("Mixin",), Decimal("0.01")),
        Asset("ONE", 12, Decimal("0.002"), ("Ethereum",)),
        Asset("MOONX", 12, Decimal(200), ("Ethereum",)),
        Asset("WEIX", 18, Decimal("0.4"), ("Ethereum",)),
    ),
    # Scales of price and quantity add up to eight at most: the exchange states no quote total,
    # and price x amount is it to the last digit.
    markets=(
        Market("BTC-USDT", "BTC", "USDT", 2, 6, 6_000_000),
        Market("ETH-USDT", "ETH", "USDT", 2, 4, 300_000),
        Market("XIN-USDT", "XIN", "USDT", 2, 6, 7_000),
        Market("ETH-BTC", "ETH", "BTC", 5, 3, 5_000),
        Market("MOONX-USDT", "MOONX", "USDT", 0, 4, 200, brief=True),
    ),
    other_wallets=("fund",),
    rewards=("air_drop", "one_holder_dividend", "referral_mining", "trade_mining"),
)  # fmt: skip

CONTRACTS = Venue(
    name="bigone-contract",
    cash="USDT",
    home="contract",
    assets=(
        Asset("USDT", 8, Decimal(1), ("Tron",), Decimal(0)),
        Asset("BTC", 12, Decimal(60000), ("Bitcoin",)),
    ),
    contracts=(
        Contract(
            symbol="BTCUSDT", base="BTC", quote="USDT", settle="USDT", inverse=False,
            size=Decimal("0.0001"), price_scale=1, start_price=600_000, lot=1, taker_ppm=600,
            maker_ppm=200,
        ),
        Contract(
            symbol="BTCUSD", base="BTC", quote="USD", settle="BTC", inverse=True, size=Decimal(1),
            price_scale=1, start_price=600_000, lot=1, taker_ppm=600, maker_ppm=200,
        ),
    ),
    rewards=(),
    conversions=False,
)  # fmt: skip
"""The contract wallet is separate: it only gets deposits that name it as target."""


FUNDING_EVERY = 8 * HOUR


def stable_uuid(*parts: object) -> str:
    """The same UUID for the same words."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, ":".join(str(part) for part in parts)))


def list_pairs(is_late: bool) -> list[dict[str, Any]]:
    """The public list of pairs; delisted ones are not on it."""
    names = {asset.code: coin(asset) for asset in SPOT.assets}
    return [
        {
            "id": stable_uuid("pair", market.symbol),
            "name": market.symbol,
            "base_scale": market.quantity_scale,
            "quote_scale": market.price_scale,
            "base_asset": names[market.base],
            "quote_asset": names[market.quote],
            "min_quote_value": "1",
            "max_quote_value": "1000000",
        }
        for market in SPOT.markets
        if not (is_late and market.brief)
    ]


def coin(asset: Asset) -> dict[str, Any]:
    """A coin as a pair names it."""
    name = f"{asset.code.title()} Coin"
    return {"id": stable_uuid("asset", asset.code), "symbol": asset.code, "name": name}


def list_assets(is_late: bool) -> list[dict[str, Any]]:
    """The public list of coins, with the networks of each."""
    brief = {market.base for market in SPOT.markets if market.brief}
    return [
        {
            "uuid": stable_uuid("asset", asset.code),
            "symbol": asset.code,
            "name": f"{asset.code.title()} Coin",
            "scale": asset.scale,
            "is_fiat": False,
            "is_transfer_enabled": True,
            "transfer_scale": asset.scale,
            "binding_gateways": [
                {
                    "guid": stable_uuid("gateway", asset.code, network),
                    "is_deposit_enabled": True,
                    "gateway_name": network,
                    "min_withdrawal_amount": "10",
                    "withdrawal_fee": exact(int(asset.withdraw_fee * 10**8), 8),
                    "is_withdrawal_enabled": True,
                    "min_deposit_amount": "0.01",
                    "is_memo_required": False,
                    "withdrawal_scale": 6,
                    "scale": 6,
                }
                for network in asset.networks
            ],
        }
        for asset in SPOT.assets
        if not (is_late and asset.code in brief)
    ]


def list_contracts() -> list[dict[str, Any]]:
    """The public list of contracts; amounts are JSON numbers."""
    return [
        {
            "symbol": c.symbol, "baseName": "Bitcoin", "baseCurrency": c.base,
            "quoteCurrency": c.quote, "settleCurrency": c.settle, "isInverse": c.inverse,
            "multiplier": msgspec.Raw(str(c.size).encode()), "enable": True, "priceStep": 0.5,
            "pricePrecision": 1, "valuePrecision": 4, "feePrecision": 8, "priceMin": 0.5,
            "priceMax": 1000000.0, "initialMargin": 0.01, "maintenanceMargin": 0.005,
            "minRiskLimit": 100, "maxRiskLimit": 1000, "riskStep": 1, "riskLimit": 100,
        }
        for c in CONTRACTS.contracts
    ]  # fmt: skip


def list_instruments(now: int) -> list[dict[str, Any]]:
    """The public list of contracts' prices; amounts are JSON numbers."""
    return [
        {
            "symbol": c.symbol,
            **dict.fromkeys(("latestPrice", "markPrice", "indexPrice"), c.start_price / 10),
            "fundingRate": 0.0001, "nextFundingRate": 0.0001,
            "nextFundingTime": (now // FUNDING_EVERY + 1) * FUNDING_EVERY,
            "openInterest": 1, "volume24h": 1,
        }
        for c in CONTRACTS.contracts
    ]  # fmt: skip


def list_fees(is_late: bool) -> list[dict[str, str]]:
    """The fee rates of the account, per pair."""
    return [
        {"asset_pair_name": pair["name"], "maker_fee_rate": "0.0008", "taker_fee_rate": "0.001"}
        for pair in list_pairs(is_late)
    ]
