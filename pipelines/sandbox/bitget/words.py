"""The labels of each kind of movement in Bitget's two spot ledgers."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.sandbox.engine.account import (
    Conversion,
    Deposit,
    Event,
    PledgedLoan,
    Reward,
    SpotFill,
    Transfer,
)


@dataclass(frozen=True, slots=True)
class Leg:
    """A kind of spot movement, with its labels in Bitget's two ledgers."""

    label: str
    """spotTaxType of the tax record."""
    group: str
    """groupType of the bill."""
    business: str
    """businessType of the bill, upper case."""


REWARDS = {
    "airdrop": Leg("Airdrop Reward-A", "other", "AIRDROP_REWARDS"),
    "rebate": Leg("Trading fee rebate", "other", "REBATE_REWARDS"),
    "interest": Leg("batch_interest_user_in", "financial", "BATCH_INTEREST_USER_IN"),
    "savings": Leg(
        "FINANCIAL_BATCH_FUND_INVESTMENT_USER_IN", "financial", "FINANCIAL_BATCH_FUND_INVESTMENT"
    ),
    "coupon": Leg("rebate_coupon_activity_user_in", "other", "REBATE_COUPON_ACTIVITY_USER_IN"),
    "gift": Leg("Reward", "other", "USDT_CONTRACT_REWARDS"),
    "financial": Leg("Financial", "financial", "FINANCIAL_USER_IN"),
    "unlabelled": Leg("", "other", ""),
    "unknown": Leg("quest_season_user_in", "other", "QUEST_SEASON_USER_IN"),
}
"""The label of each kind of reward. The last four are not in the docs."""
DEPOSIT = Leg("Deposit", "deposit", "DEPOSIT")
WITHDRAWALS = (
    Leg("Withdrawal", "withdraw", "WITHDRAW"),
    Leg("Ordinary Withdrawal", "withdraw", "WITHDRAW"),
)
TRANSFER = (
    Leg("Transfer out", "transfer", "TRANSFER_OUT"),
    Leg("Transfer in", "transfer", "TRANSFER_IN"),
)
BOTS = (
    (
        Leg("Automatic withdrawal", "strategy", "STRATEGY_TRANSFER_OUT"),
        Leg("Automatic deposit", "strategy", "STRATEGY_TRANSFER_IN"),
    ),
    (
        Leg("Withdraw to strategy account", "strategy", "STRATEGY_TRANSFER_OUT"),
        Leg("Deposit from strategy account", "strategy", "STRATEGY_TRANSFER_IN"),
    ),
)
"""Money to and from a bot has two pairs of names, and the bot's trades are on no list."""
EARN = (
    (
        Leg("Subscribe", "financial", "FINANCIAL_SUBS_OUT"),
        Leg("Redemption", "financial", "FINANCIAL_REDE_IN"),
    ),
    (
        Leg("financial_subs_out", "financial", "FINANCIAL_SUBS_OUT"),
        Leg("financial_rede_in", "financial", "FINANCIAL_REDE_IN"),
    ),
)
LOAN = {
    "taken": (
        Leg("User lock-up", "loan", "USER_LOCK"),
        Leg("pledge_loan_user_in", "loan", "PLEDGE_LOAN_USER_IN"),
    ),
    "raised": (Leg("User lock-up", "loan", "USER_LOCK"),),
    "repaid": (
        Leg("Release", "loan", "USER_UNLOCK"),
        Leg("Repayment", "loan", "PLEDGE_REPAY_USER_OUT"),
        Leg("Interest", "loan", "PLEDGE_INTEREST_USER_OUT"),
    ),
}
"""The ledger's documented labels have no word for a loan that is paid out: that one is made up."""
FILL = (
    Leg("Sell", "transaction", "SELL"),
    Leg("Buy", "transaction", "BUY"),
    Leg("Transaction fee deduct", "transaction", "DEDUCTION_HANDLING_FEE"),
)
"""The words are the coin's direction, not the order's side: paid is Sell, received is Buy."""
CONVERSION = (
    Leg("Exchange spending", "convert", "EXCHANGE_SOURCE_TOKEN_USER_OUT"),
    Leg("Exchange income", "convert", "EXCHANGE_TARGET_TOKEN_USER_IN"),
)


def words_of(event: Event, leg: int) -> Leg:
    """The labels of one movement of an event."""
    if isinstance(event, SpotFill):
        return FILL[leg]
    if isinstance(event, Transfer):
        ends = (event.from_wallet, event.to_wallet)
        words = BOTS if "bots" in ends else EARN if "earn" in ends else (TRANSFER, TRANSFER)
        return words[event.seq % 2][leg]
    if isinstance(event, PledgedLoan):
        return LOAN[event.step][leg]
    if isinstance(event, Reward):
        return REWARDS[event.flavour]
    if isinstance(event, Conversion):
        return CONVERSION[leg]
    return DEPOSIT if isinstance(event, Deposit) else WITHDRAWALS[event.seq % 2]
