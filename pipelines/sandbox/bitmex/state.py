"""BitMEX's answers about the moment: balances, margin, positions, summaries, saved addresses.

All of them are worked out from the account's ledger, so that they hold against its history.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from pipelines.sandbox.bitmex.keys import iso
from pipelines.sandbox.bitmex.ledger import ZERO_GUID, Account
from pipelines.sandbox.bitmex.market import ASSETS, Market, number
from pipelines.sandbox.bitmex.plan import MIGRATED_AT
from pipelines.sandbox.engine.account import DAY
from pipelines.sandbox.engine.history import NEVER

MARGIN_CURRENCIES = {str(asset["currency"]) for asset in ASSETS if asset["isMarginCurrency"]}


POSITION_COLUMNS = (
    "account", "symbol", "currency", "underlying", "quoteCurrency", "commission", "initMarginReq",
    "maintMarginReq", "riskLimit", "leverage", "crossMargin", "deleveragePercentile",
    "rebalancedPnl", "prevRealisedPnl", "openOrderBuyQty", "openOrderBuyCost",
    "openOrderBuyPremium", "openOrderSellQty", "openOrderSellCost", "openOrderSellPremium",
    "currentQty", "currentCost", "currentComm", "realisedCost", "unrealisedCost",
    "grossOpenPremium", "isOpen", "markPrice", "markValue", "riskValue", "homeNotional",
    "foreignNotional", "posCost", "posCross", "posComm", "posLoss", "posMargin", "posMaint",
    "initMargin", "maintMargin", "realisedPnl", "unrealisedPnl", "strategy", "avgCostPrice",
    "avgEntryPrice", "timestamp",
)  # fmt: skip


def wallet_object(ledger: Account, currency: str, now: int) -> dict[str, Any]:
    """/user/wallet of one currency; one never used has zeros and the account's first day."""

    def total(kind: str) -> int:
        totals = ledger.totals.get((currency, kind, ""))
        return totals.between(None, now)[1] if totals else 0

    def moved(side: Mapping[str, Any]) -> int:
        return side[currency].between(None, now)[1] if currency in side else 0

    changes = ledger.balances.get(currency)
    rows = changes.between(None, now)[0] if changes else 0
    changed = changes.times[rows - 1] if changes and rows else ledger.plan.opened_at
    return {
        "account": ledger.plan.account, "currency": currency, "deposited": total("Deposit"),
        "withdrawn": -total("Withdrawal"), "transferIn": moved(ledger.incoming),
        "transferOut": moved(ledger.outgoing), "amount": ledger.balance(currency, now),
        "pendingCredit": 0, "pendingDebit": ledger.pending_debit(currency, now),
        "confirmedDebit": 0, "timestamp": iso(changed),
    }  # fmt: skip


def pseudo_rows(ledger: Account, currency: str, now: int) -> list[tuple[int, bytes, int]]:
    """Unrealised profit of open positions, written among the wallet rows though it is none.

    Before 2024 it had an all-zero id and null times; later no id, and the moment of the call.
    """
    rows = []
    for market, _, _, profit in ledger.open_positions(now):
        if currency not in ("all", market.settle):
            continue
        balance = ledger.balance(market.settle, now)
        time = f'"{iso(now)}"' if now >= MIGRATED_AT else "null"
        head = "" if now >= MIGRATED_AT else f'"transactID":"{ZERO_GUID}","tx":"","text":"",'
        rows.append((now, (
            f'{{{head}"account":{ledger.plan.account},"currency":"{market.settle}",'
            f'"transactType":"UnrealisedPNL","amount":{profit},"walletBalance":{balance},'
            f'"fee":0,"transactStatus":"Pending","address":"{market.symbol}",'
            f'"marginBalance":{balance + profit},"transactTime":{time},"timestamp":{time}}}'
        ).encode(), NEVER))  # fmt: skip
    return rows[::-1]


def summary_rows(
    ledger: Account, currency: str, since: int | None, until: int, now: int
) -> list[dict[str, Any]]:
    """One currency's wallet history by type and, for profit, symbol; and its total."""
    unrealised = {
        market.symbol: profit for market, _, _, profit in ledger.open_positions(now)
        if market.settle == currency
    }  # fmt: skip
    pending = ledger.pending_debit(currency, now)
    rows, amounts, fees = [], 0, 0
    for (of, kind, symbol), totals in sorted(ledger.totals.items()):
        count, amount, fee = totals.between(since, until)
        if of != currency or not count:
            continue
        amounts, fees = amounts + amount, fees + fee
        debit = pending if kind == "Withdrawal" else 0
        rows.append(_summary(ledger, currency, kind, symbol, amount, fee, amount,
                             unrealised.get(symbol, 0) if symbol else 0, debit))  # fmt: skip
    balance = ledger.balance(currency, until)
    rows.append(_summary(ledger, currency, "Total", "", amounts, fees, balance,
                         sum(unrealised.values()), pending))  # fmt: skip
    return rows


def _summary(
    ledger: Account, currency: str, kind: str, symbol: str, amount: int, fee: int, balance: int,
    unrealised: int, pending: int,
) -> dict[str, Any]:  # fmt: skip
    row: dict[str, Any] = {
        "account": ledger.plan.account, "currency": currency, "transactType": kind,
    }  # fmt: skip
    if symbol:
        row["symbol"] = symbol
    return row | {
        "amount": amount, "fee": fee, "pendingDebit": pending, "realisedPnl": 0,
        "walletBalance": balance, "unrealisedPnl": unrealised,
        "marginBalance": balance + unrealised,
    }  # fmt: skip


def margin_object(ledger: Account, currency: str, now: int) -> dict[str, Any]:
    """/user/margin of one currency."""
    balance, pending = ledger.balance(currency, now), ledger.pending_debit(currency, now)
    value = profit = 0
    for market, _, cost, unrealised in ledger.open_positions(now):
        if market.settle == currency:
            value += abs(cost + unrealised)
            profit += unrealised
    margin, needed = balance + profit, value // 100
    limit = {"riskLimit": 1_000_000_000_000} if currency in MARGIN_CURRENCIES else {}
    return {
        "account": ledger.plan.account, "currency": currency, **limit, "amount": balance,
        "grossComm": 0, "grossOpenCost": 0, "grossOpenPremium": 0,
        "grossMarkValue": value, "riskValue": value, "initMargin": needed,
        "maintMargin": needed // 2, "targetExcessMargin": 0, "realisedPnl": 0,
        "unrealisedPnl": profit, "walletBalance": balance, "marginBalance": margin,
        "marginLeverage": round(value / margin, 4) if margin else 0,
        "marginUsedPcnt": round(needed / margin, 4) if margin else 0,
        "excessMargin": margin - needed // 2, "availableMargin": margin - needed,
        "withdrawableMargin": max(0, min(balance, margin) - needed - pending),
        "systemWithdrawableMargin": max(0, min(balance, margin) - needed - pending),
        "foreignMarginBalance": 0, "foreignRequirement": 0, "isolatedUnrealisedPnl": 0,
        "makerFeeDiscount": 0, "takerFeeDiscount": 0, "timestamp": iso(now),
    }  # fmt: skip


def position_object(ledger: Account, symbol: str, now: int) -> dict[str, Any] | None:
    """/position of one symbol; closed ones stay listed, None before the first trade."""
    state = ledger.positions[symbol].at(now)
    if state is None:
        return None
    market, quantity, cost = state
    mark = market.price_at(now)
    value = market.cost(quantity, mark)
    realised = ledger.totals.get((market.settle, "RealisedPNL", symbol))
    home, foreign = market.notionals(quantity, mark, value)
    held = abs(value)
    row: dict[str, Any] = {
        "account": ledger.plan.account, "symbol": symbol, "currency": market.settle,
        "underlying": market.root, "quoteCurrency": market.quote,
        "commission": number(market.taker_ppm, 6), "initMarginReq": msgspec.Raw(b"0.01"),
        "maintMarginReq": msgspec.Raw(b"0.005"), "riskLimit": 20_000_000_000, "leverage": 100,
        "crossMargin": True, "deleveragePercentile": msgspec.Raw(b"0.2"),
        "rebalancedPnl": realised.between(None, now)[1] if realised else 0, "prevRealisedPnl": 0,
        "openOrderBuyQty": 0, "openOrderBuyCost": 0, "openOrderBuyPremium": 0,
        "openOrderSellQty": 0, "openOrderSellCost": 0, "openOrderSellPremium": 0,
        "currentQty": quantity, "currentCost": cost, "currentComm": 0, "realisedCost": 0,
        "unrealisedCost": cost, "grossOpenPremium": 0, "isOpen": quantity != 0,
        "markPrice": number(mark, market.digits), "markValue": value, "riskValue": held,
        "homeNotional": home, "foreignNotional": foreign, "posCost": cost, "posCross": 0,
        "posComm": 0, "posLoss": 0, "posMargin": held // 200, "posMaint": held // 200,
        "initMargin": held // 100, "maintMargin": held // 200, "realisedPnl": 0,
        "unrealisedPnl": value - cost, "strategy": "OneWay",
    }  # fmt: skip
    if not quantity:
        del row["deleveragePercentile"]  # an absent value is left out
    if quantity:
        row["avgCostPrice"] = row["avgEntryPrice"] = _entry_price(market, quantity, cost)
    return row | {"timestamp": iso(now)}


def _entry_price(market: Market, quantity: int, cost: int) -> float:
    """A snapshot's average price; shown to four digits, and no basis for accounting."""
    if market.shape == "inverse":
        return round(market.multiplier * quantity / cost, 4)
    return round(cost / (market.multiplier * quantity), 4)


def affiliate_object(ledger: Account, currency: str, now: int) -> dict[str, Any]:
    """/user/affiliateStatus of one currency; the payouts are those of the wallet history."""
    payouts = ledger.totals.get((currency, "AffiliatePayout", ""))
    count, paid, _ = payouts.between(None, now) if payouts else (0, 0, 0)
    row: dict[str, Any] = {
        "account": ledger.plan.account, "currency": currency, "prevPayout": 0, "prevTurnover": 0,
        "prevComm": 0, "execTurnover": 0, "execComm": 0, "totalReferrals": 0, "totalTurnover": 0,
        "totalComm": 0, "payoutPcnt": 0, "pendingPayout": 0, "affiliatePayout": paid,
    }  # fmt: skip
    if payouts and count:
        last = payouts.amounts[count] - payouts.amounts[count - 1]
        row |= {
            "prevPayout": last, "prevTurnover": 4_000 * last, "prevComm": 10 * last,
            "prevTimestamp": iso(payouts.times[count - 1]), "totalReferrals": 2,
            "totalTurnover": 4_000 * paid, "totalComm": 10 * paid,
            "payoutPcnt": msgspec.Raw(b"0.1"),
        }  # fmt: skip
    return row | {"timestamp": iso(now)}


def staking_rows(ledger: Account, now: int) -> list[dict[str, Any]]:
    """/user/staking: what is staked now; a fifth of the coins that there is staking for."""
    staked = ledger.balance("BMEx", now) // 5
    if not staked:
        return []
    return [{"account": ledger.plan.account, "amount": staked, "currency": "BMEx"}]


def address_rows(ledger: Account, user_id: int, now: int) -> list[dict[str, Any]]:
    """/address: destinations the user saved before withdrawing to them."""
    return [
        {
            "id": 70_001 + place, "currency": withdrawal.currency,
            "created": iso(withdrawal.asked_at - DAY), "userId": user_id,
            "address": withdrawal.address, "name": f"Wallet {place + 1}", "note": "",
            "network": withdrawal.network, "skipConfirm": False,
        }
        for place, withdrawal in enumerate(ledger.withdrawals)
        if withdrawal.asked_at <= now
    ]  # fmt: skip
