"""What a unified account of Bitget's stand-in calls things: wallets, business lines, types of rows.

Spot, margin and futures wallets of the classic system are one wallet here, so a move between two of
them is none; the P2P wallet is the funding wallet.
"""

from __future__ import annotations

from pipelines.sandbox.bitget.books import REWARDS, Books
from pipelines.sandbox.bitget.futures_books import PRODUCTS, ProductBooks, futures_of
from pipelines.sandbox.engine.account import (
    ContractFill,
    Conversion,
    Deposit,
    Event,
    Funding,
    Loan,
    Reward,
    Settlement,
    SpotFill,
    Transfer,
    Withdrawal,
)

UNIFIED, FUNDING = "unified", "funding"
WALLETS = {"p2p": FUNDING, "bots": "bots", "earn": "earn"}
"""A classic wallet's name → what it is now; any other is a part of the unified one."""
SPELLED = {UNIFIED: "uta", FUNDING: "spot"}
"""How transfer records call the two wallets."""
FUTURES = (ContractFill, Funding, Settlement)
FILL_TYPES = ("ORDER_DEALT_FROZEN_OUT", "ORDER_DEALT_IN", "ORDER_PLF_FEE_OUT")
CONVERSION_TYPES = ("EXCHANGE_SOURCE_TOKEN_USER_OUT", "EXCHANGE_TARGET_TOKEN_USER_IN")
DUST_TYPES = ("SMALL_ASSET_SOURCE_TOKEN_USER_OUT", "SMALL_ASSET_TARGET_TOKEN_USER_IN")


def wallet_of(classic: str) -> str:
    """The wallet of a unified account that a classic one's wallet is a part of."""
    return WALLETS.get(classic, UNIFIED)


def is_no_move(event: Event) -> bool:
    """Whether it is a transfer between two parts of what is one wallet now."""
    return isinstance(event, Transfer) and wallet_of(event.from_wallet) == wallet_of(
        event.to_wallet
    )


def is_dust(event: Event) -> bool:
    """Whether a conversion is one of small balances, which have a list of their own."""
    return isinstance(event, Conversion) and event.seq % 3 == 0


def product_of(event: Event) -> str:
    """The futures product of an event, '' for any other."""
    if not isinstance(event, FUTURES):
        return ""
    return next(product for product, wallet in PRODUCTS.items() if wallet == event.wallet)


def futures_books(books: Books, event: Event) -> ProductBooks | None:
    """The books of the product an event belongs to, None for one that is no futures event."""
    product = product_of(event)
    return futures_of(books)[product] if product else None


def line_of(event: Event) -> str:
    """The business line that tells the event."""
    if isinstance(event, SpotFill):
        return "SPOT"
    if isinstance(event, Loan) or (isinstance(event, Reward) and event.flavour == "interest"):
        return "MARGIN"
    return product_of(event) or "OTHER"


def margin_type_of(event: Event) -> str:
    """`marginType` of a row of the margin line."""
    is_isolated = isinstance(event, Loan) and event.wallet == "isolated_margin"
    return "isolated" if is_isolated else "crossed"


def symbol_of(event: Event) -> str:
    """The pair or contract of a row, '' where it has none."""
    if isinstance(event, SpotFill):
        return event.market.symbol
    if isinstance(event, FUTURES):
        return event.contract.symbol
    return event.symbol if isinstance(event, Loan) else ""


def type_of(books: Books, event: Event, leg: int, *, in_tax: bool) -> str:
    """The `type` of a ledger row, in the words of the unified enum or of live answers.

    Of a future that is delivered no page says the word: it is that of the classic ledger.
    """
    if isinstance(event, Loan):
        return _type_of_loan(event, leg, in_tax)
    if isinstance(event, Funding):
        return f"CONTRACT_MAIN_SETTLE_FEE_USER_{'IN' if event.amount > 0 else 'OUT'}"
    futures = futures_books(books, event)
    if futures is not None:
        return futures.tax_label(event).upper()
    if isinstance(event, Reward):
        return REWARDS[event.flavour].business
    legs: dict[type[Event], tuple[str, ...]] = {
        SpotFill: FILL_TYPES,
        Conversion: DUST_TYPES if is_dust(event) else CONVERSION_TYPES,
        Transfer: ("TRANSFER_OUT", "TRANSFER_IN"),
        Deposit: ("DEPOSIT",),
        Withdrawal: ("WITHDRAW",),
    }
    return legs[type(event)][leg]


def _type_of_loan(event: Loan, leg: int, in_tax: bool) -> str:
    if not event.is_repaid:
        return "BORROW"
    if leg == 0:
        return "REPAYMENT"
    return "INTEREST_SETTLEMENT_OUT" if in_tax else "INTEREST_REPAYMENT"
