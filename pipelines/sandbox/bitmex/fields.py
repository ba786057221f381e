"""Fields of BitMEX's responses without meaning for a simulated account, with their values."""

from __future__ import annotations

from typing import Any

ORDER_FIELDS = dict.fromkeys(("displayQty", "stopPx", "pegOffsetValue"))
INSTRUMENT_FIELDS = (
    dict.fromkeys(
        (
            "askPrice", "bidPrice", "fairBasis", "fairBasisRate", "fairPrice",
            "foreignNotional24h", "fundingBaseRate", "fundingQuoteRate", "highPrice",
            "homeNotional24h", "impactAskPrice", "impactBidPrice", "impactMidPrice",
            "indicativeFundingRate", "indicativeSettlePrice", "instantPnl", "instrumentID",
            "lastChangePcnt", "lastPrice", "lastPriceProtected", "limit", "limitDownPrice",
            "limitUpPrice", "lowPrice", "midPrice", "minPrice", "minTick", "openInterest",
            "openValue", "prevClosePrice", "prevPrice24h", "prevTotalTurnover",
            "prevTotalVolume", "riskLimit", "riskStep", "settledPriceAdjustmentRate",
            "totalTurnover", "totalVolume", "turnover", "turnover24h", "volume", "volume24h",
            "vwap",
        ),
        0,
    )
    | dict.fromkeys(
        (
            "fairMethod", "fundingBaseSymbol", "fundingPremiumSymbol", "fundingQuoteSymbol",
            "lastTickDirection", "markMethod", "pool",
        ),
        "",
    )
    | dict.fromkeys(("capped", "deleverage", "hasLiquidity", "taxed"), False)
    | dict.fromkeys(
        (
            "calcInterval", "closingTimestamp", "fundingTimestamp", "listedSettle",
            "openingTimestamp", "publishInterval", "publishTime", "rebalanceInterval",
            "rebalanceTimestamp",
        )
    )
)  # fmt: skip
IDLE_FIELDS: dict[str, dict[str, Any]] = {
    "/execution": ORDER_FIELDS,
    "/execution/tradeHistory": ORDER_FIELDS,
    "/order": ORDER_FIELDS,
    "/instrument": INSTRUMENT_FIELDS,
    "/instrument/active": INSTRUMENT_FIELDS,
    "/instrument/activeAndIndices": INSTRUMENT_FIELDS,
    "/position": {"posState": ""} | dict.fromkeys(
        (
            "bankruptPrice", "breakEvenPrice", "liquidationPrice", "marginCallPrice",
            "openingQty", "prevUnrealisedPnl", "unrealisedPnlPcnt", "unrealisedRoePcnt",
        ),
        0,
    ),
    "/settlement": dict.fromkeys(
        ("bankrupt", "optionStrikePrice", "optionUnderlyingPrice", "taxBase", "taxRate")
    ),
    "/user": dict.fromkeys(("dateOfBirth", "firstname", "geoipRegion", "lastname", "phone"), ""),
    "/user/affiliateStatus": {"referralDiscount": 0, "referrerAccount": 0},
    "/user/margin": {"grossExecCost": 0, "prevRealisedPnl": 0, "state": ""},
}  # fmt: skip
"""By route: what an answer has next to the fields that the simulator works out."""
