"""The tables that tax tools import: header, words, times and fee rule of each.

The facts were collected on 2026-11-30 from the vendors' help pages and from programs that write or
read these files; `source` names the better of both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

TradeFee = Literal["separate", "included", "included_and_stated"]

Words = dict[str, str]
"""Kind of event → the tool's word; kinds without an entry cannot be written."""

MONEY_IN = ("move_in", "one_sided_in")
MONEY_OUT = ("move_out", "one_sided_out")


@dataclass(frozen=True)
class Table:
    """One file of a format: columns in order, each with the field that it holds.

    A field is one of `tables.FIELDS`, or "" for a column that stays empty. `kinds` are the kinds of
    event that the file takes.
    """

    columns: tuple[tuple[str, str], ...]
    kinds: frozenset[str] = frozenset()
    suffix: str = ""


@dataclass(frozen=True)
class Format:
    """A format of one tool.

    `trade_fee` states how the fee of a trade is written: `separate`, beside the amounts before the
    fee; `included` in the amount of the same asset, else beside; or `included_and_stated`, also
    beside, where only the amounts count. `deposit_fee` is True where a row of a deposit can hold a
    fee; else the credited amount is written. `withdrawal_fee_included` is True where the amount of
    a withdrawal includes its fee; `third_fee_row` where a fee in a third asset is a row of its own.
    `merges_equal` adds up equal trades of one millisecond, of which the tool would drop all but
    one. `only_fiat` leaves out all but trades against a national currency.
    `times` is a strftime pattern of UTC, or "milliseconds". `none` is what the tool expects in an
    empty cell, by field or by its ending; `=name` repeats another field. `notes` are printed with
    the result.
    """

    name: str
    title: str
    source: str
    tables: tuple[Table, ...]
    words: Words
    times: str
    trade_fee: TradeFee = "separate"
    deposit_fee: bool = False
    withdrawal_fee_included: bool = False
    third_fee_row: bool = False
    merges_equal: bool = False
    only_fiat: bool = False
    needs_template: bool = False
    labels: Words = field(default_factory=dict)
    none: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def columns(*pairs: str) -> tuple[tuple[str, str], ...]:
    """Columns from `header=field` texts; the header may hold any sign but `=`."""
    return tuple((header, name) for header, _, name in (pair.partition("=") for pair in pairs))


def like(words: Words) -> Words:
    """Words, with transfers and one-sided trades as deposits and withdrawals."""
    derived = dict.fromkeys(MONEY_IN, words["deposit"]) | dict.fromkeys(
        MONEY_OUT, words["withdrawal"]
    )
    return derived | words


def formats() -> dict[str, Format]:
    """All formats by name."""
    return {each.name: each for each in ALL}


KOINLY = like(
    {
        "trade": "", "deposit": "", "withdrawal": "", "interest": "lending interest",
        "loan_interest": "loan fee", "reward": "reward", "reward_expired": "lost",
        "rebate": "fee refund", "realised_profit": "realized gain",
        "realised_loss": "realized gain", "funding_received": "realized gain",
        "funding_paid": "margin fee", "derivative_fee": "margin fee", "fee": "cost",
        "borrow": "loan", "repay": "loan repayment",
    }
)  # fmt: skip

COINTRACKING = like(
    {
        "trade": "Trade", "deposit": "Deposit", "withdrawal": "Withdrawal",
        "interest": "Interest Income", "loan_interest": "Borrowing Fee",
        "reward": "Reward / Bonus", "reward_expired": "Lost", "rebate": "Reward / Bonus",
        "realised_profit": "Derivatives / Futures Profit",
        "realised_loss": "Derivatives / Futures Loss",
        "funding_received": "Derivatives / Futures Profit",
        "funding_paid": "Derivatives / Futures Loss", "derivative_fee": "Margin Fee",
        "fee": "Other Fee",
    }
)  # fmt: skip

COINTRACKER = like(
    {
        "trade": "", "deposit": "", "withdrawal": "", "interest": "interest",
        "loan_interest": "interest expense", "reward": "other income",
        "reward_expired": "lost", "rebate": "rebate", "realised_profit": "margin gain",
        "realised_loss": "margin loss", "funding_received": "margin gain",
        "funding_paid": "margin fee", "derivative_fee": "margin fee", "fee": "",
        "borrow": "borrow", "repay": "loan repayment",
    }
)  # fmt: skip

RECAP = like(
    {
        "trade": "Trade", "deposit": "Deposit", "withdrawal": "Withdrawal", "interest": "Income",
        "loan_interest": "LoanInterest", "reward": "Income", "reward_expired": "Lost",
        "rebate": "FeeRebate", "realised_profit": "MarginGain", "realised_loss": "MarginLoss",
        "funding_received": "MarginGain", "funding_paid": "Fee", "derivative_fee": "Fee",
        "fee": "Fee", "borrow": "LoanPrincipal", "repay": "LoanPrincipalPayment",
    }
)  # fmt: skip

BITTYTAX = like(
    {
        "trade": "Trade", "deposit": "Deposit", "withdrawal": "Withdrawal",
        "interest": "Interest", "loan_interest": "Loan-Interest", "reward": "Income",
        "reward_expired": "Lost", "rebate": "Fee-Rebate", "realised_profit": "Margin-Gain",
        "realised_loss": "Margin-Loss", "funding_received": "Margin-Fee-Rebate",
        "funding_paid": "Margin-Fee", "derivative_fee": "Margin-Fee", "fee": "Spend",
        "borrow": "Loan", "repay": "Loan-Repayment",
    }
)  # fmt: skip

SUMM = like(
    {
        "trade": "buy", "deposit": "receive", "withdrawal": "send", "interest": "interest",
        "loan_interest": "expense", "reward": "income", "reward_expired": "lost",
        "rebate": "rebate", "realised_profit": "realized-profit",
        "realised_loss": "realized-loss", "funding_received": "realized-profit",
        "funding_paid": "margin-fee", "derivative_fee": "margin-fee", "fee": "fee",
        "borrow": "borrow", "repay": "loan-repayment",
    }
)  # fmt: skip

ROTKI = like(
    {
        "deposit": "Deposit", "withdrawal": "Withdrawal", "interest": "Income",
        "loan_interest": "Spend", "reward": "Income", "reward_expired": "Loss",
        "rebate": "Income", "realised_profit": "Income", "realised_loss": "Loss",
        "funding_received": "Income", "funding_paid": "Spend", "derivative_fee": "Spend",
        "fee": "Spend",
    }
)  # fmt: skip

COINLEDGER = like(
    {
        "trade": "", "deposit": "Deposit", "withdrawal": "Withdrawal", "interest": "Interest",
        "loan_interest": "Interest Payment", "reward": "Income", "rebate": "Income",
    }
)  # fmt: skip

BLOCKPIT = like(
    {
        "trade": "Trade", "deposit": "Deposit", "withdrawal": "Withdrawal", "reward": "Income",
        "interest": "Income", "rebate": "Income", "realised_profit": "Derivative Profit",
        "realised_loss": "Derivative Loss", "funding_received": "Derivative Profit",
        "funding_paid": "Derivative Loss", "derivative_fee": "Derivative Fee", "fee": "Payment",
    }
)  # fmt: skip

ALL = (
    Format(
        name="koinly",
        title="Koinly, universal format",
        source="support.koinly.io 9489976",
        tables=(
            Table(
                columns(
                    "Date=time", "Sent Amount=sent_amount", "Sent Currency=sent_asset",
                    "Received Amount=received_amount", "Received Currency=received_asset",
                    "Fee Amount=fee_amount", "Fee Currency=fee_asset", "Net Worth Amount=",
                    "Net Worth Currency=", "Label=word", "Description=description",
                    "TxHash=tx_hash",
                )
            ),
        ),
        words=KOINLY,
        times="%Y-%m-%d %H:%M:%S UTC",
        notes=("Import every account: Koinly matches a transfer only if it has both sides.",),
    ),
    Format(
        name="cointracking",
        title="CoinTracking, CSV import",
        source="cointracking.freshdesk.com 29000007202",
        tables=(
            Table(
                columns(
                    "Type=word", "Buy Amount=received_amount", "Buy Currency=received_asset",
                    "Sell Amount=sent_amount", "Sell Currency=sent_asset", "Fee=fee_amount",
                    "Fee Currency=fee_asset", "Exchange=exchange_and_label", "Trade-Group=",
                    "Comment=description", "Date=time", "Tx-ID=id",
                )
            ),
        ),
        words=COINTRACKING,
        times="%Y-%m-%d %H:%M:%S",
        trade_fee="included_and_stated",
        withdrawal_fee_included=True,
        third_fee_row=True,
        notes=(
            "CoinTracking reads times in the zone of your account there: set it to UTC before "
            "the import.",
        ),
    ),
    Format(
        name="rotki",
        title="rotki, generic trades and events",
        source="rotki/rotki docs/files/rotki_generic_*.csv",
        tables=(
            Table(
                columns(
                    "Location=exchange", "Spend Currency=sent_asset",
                    "Receive Currency=received_asset", "Receive Amount=received_amount",
                    "Spend Amount=sent_amount", "Fee=fee_amount", "Fee Currency=fee_asset",
                    "Description=description", "Timestamp=time",
                ),
                kinds=frozenset({"trade"}),
                suffix=".trades",
            ),
            Table(
                columns(
                    "Type=word", "Location=exchange", "Currency=asset", "Amount=amount",
                    "Fee=fee_amount", "Fee Currency=fee_asset", "Description=description",
                    "Timestamp=time",
                ),
                kinds=frozenset(ROTKI),
                suffix=".events",
            ),
        ),
        words=ROTKI | {"trade": "Trade"},
        times="milliseconds",
        deposit_fee=True,
        merges_equal=True,
        notes=(
            "rotki doubles events that are imported twice: import the file of events once.",
            "rotki shows an exchange that it does not know as `external`.",
        ),
    ),
    Format(
        name="bittytax",
        title="BittyTax records",
        source="BittyTax/BittyTax README and data/example.csv",
        tables=(
            Table(
                columns(
                    "Type=word", "Buy Quantity=received_amount", "Buy Asset=received_asset",
                    "Buy Value in GBP=", "Sell Quantity=sent_amount", "Sell Asset=sent_asset",
                    "Sell Value in GBP=", "Fee Quantity=fee_amount", "Fee Asset=fee_asset",
                    "Fee Value in GBP=", "Wallet=exchange_and_label", "Timestamp=time",
                    "Note=description",
                )
            ),
        ),
        words=BITTYTAX,
        times="%Y-%m-%dT%H:%M:%S.%f UTC",
        deposit_fee=True,
    ),
    Format(
        name="summ",
        title="Summ (Crypto Tax Calculator), advanced CSV",
        source="help.summ.com 5777675",
        tables=(
            Table(
                columns(
                    "Timestamp (UTC)=time", "Type=word", "Base Currency=base_asset",
                    "Base Amount=base_amount", "Quote Currency (Optional)=quote_asset",
                    "Quote Amount (Optional)=quote_amount", "Fee Currency (Optional)=fee_asset",
                    "Fee Amount (Optional)=fee_amount", "From (Optional)=from",
                    "To (Optional)=to", "Blockchain (Optional)=", "ID (Optional)=id",
                    "Description (Optional)=description",
                    "Reference Price Per Unit (Optional)=",
                    "Reference Price Currency (Optional)=",
                )
            ),
        ),
        words=SUMM,
        times="%Y-%m-%d %H:%M:%S",
    ),
    Format(
        name="recap",
        title="Recap, custom account",
        source="help.recap.io 2631702",
        tables=(
            Table(
                columns(
                    "Type=word", "Date=time", "InOrBuyAmount=received_amount",
                    "InOrBuyCurrency=received_asset", "OutOrSellAmount=sent_amount",
                    "OutOrSellCurrency=sent_asset", "FeeAmount=fee_amount",
                    "FeeCurrency=fee_asset",
                )
            ),
        ),
        words=RECAP,
        times="%Y-%m-%d %H:%M:%S",
        notes=(
            "Recap replaces all earlier rows of a custom account: export the whole history, "
            "without --from and --to.",
        ),
    ),
    Format(
        name="coinledger",
        title="CoinLedger, universal template",
        source="help.coinledger.io 6028758",
        tables=(
            Table(
                columns(
                    "Date (UTC)=time", "Platform (Optional)=exchange_and_label",
                    "Asset Sent=sent_asset", "Amount Sent=sent_amount",
                    "Asset Received=received_asset", "Amount Received=received_amount",
                    "Fee Currency (Optional)=fee_asset", "Fee Amount (Optional)=fee_amount",
                    "Type=word", "Description (Optional)=description",
                    "TxHash (Optional)=tx_hash",
                )
            ),
        ),
        words=COINLEDGER,
        times="%m/%d/%Y %H:%M:%S",
        trade_fee="included",
        notes=("CoinLedger may read amounts of more than 15 digits inexactly.",),
    ),
    Format(
        name="cointracker",
        title="CoinTracker",
        source="support.cointracker.io 4413071299729",
        tables=(
            Table(
                columns(
                    "Date=time", "Received Quantity=received_amount",
                    "Received Currency=received_asset", "Sent Quantity=sent_amount",
                    "Sent Currency=sent_asset", "Fee Amount=fee_amount",
                    "Fee Currency=fee_asset", "Tag=word",
                )
            ),
        ),
        words=COINTRACKER,
        times="%m/%d/%Y %H:%M:%S",
        notes=("CoinTracker doubles rows that are imported twice: it has no column for an id.",),
    ),
    Format(
        name="blockpit",
        title="Blockpit, custom import",
        source="help.blockpit.io 13586376244124",
        tables=(
            Table(
                columns(
                    "Date (UTC)=time", "Integration Name=exchange_and_label", "Label=word",
                    "Outgoing Asset=sent_asset", "Outgoing Amount=sent_amount",
                    "Incoming Asset=received_asset", "Incoming Amount=received_amount",
                    "Fee Asset (optional)=fee_asset", "Fee Amount (optional)=fee_amount",
                    "Comment (optional)=description", "Trx. ID (optional)=id",
                )
            ),
        ),
        words=BLOCKPIT,
        times="%d.%m.%Y %H:%M:%S",
        notes=(
            "Blockpit imports XLSX files: open the CSV in a spreadsheet, with all columns as "
            "text, and save it as XLSX.",
        ),
    ),
    Format(
        name="cryptact",
        title="Cryptact, custom file",
        source="support.cryptact.com 360002571312",
        tables=(
            Table(
                columns(
                    "Timestamp=time", "Action=word", "Source=exchange_and_label",
                    "Base=base_asset", "Volume=base_amount", "Price=price",
                    "Counter=quote_asset", "Fee=fee_amount", "FeeCcy=fee_asset",
                    "Comment=description",
                )
            ),
        ),
        words={"trade": "BUY"},
        times="%Y/%m/%d %H:%M:%S",
        none={"fee_amount": "0", "fee_asset": "=quote_asset"},
        notes=(
            "Cryptact takes no deposits, withdrawals and transfers; rewards, funding and profits "
            "need a price and must be entered by hand.",
            "Cryptact ignores rows that are older than its newest one.",
            "Choose UTC as the time zone when you upload the file.",
        ),
    ),
    Format(
        name="koinx",
        title="KoinX, custom file",
        source="koinx.com/guides/integrations/how-to-upload-custom-file-koinx",
        tables=(
            Table(
                columns(
                    "Date and Time (UTC)=time", "Type=word", "Label=label",
                    "Received Coin=received_asset", "Received Coin Amount=received_amount",
                    "Sent Coin=sent_asset", "Sent Coin Amount=sent_amount",
                    "Fee Coin=fee_asset", "Fee Coin Amount=fee_amount",
                )
            ),
        ),
        words=like({"trade": "Trade", "deposit": "Deposit", "withdrawal": "Withdrawal"})
        | {"reward": "Deposit"},
        labels=like(
            {"trade": "Swap", "deposit": "External Deposit", "withdrawal": "External Withdraw"}
        )
        | {"reward": "Reward"},
        times="%Y-%m-%d %H:%M:%S",
        none={"amount": "0", "asset": "-"},
        needs_template=True,
        notes=("KoinX doubles rows that are imported twice.",),
    ),
    Format(
        name="ghostfolio",
        title="Ghostfolio activities",
        source="ghostfolio/ghostfolio import-activities.service.ts",
        tables=(
            Table(
                columns(
                    "Date=time", "Code=code", "DataSource=data_source", "Currency=fiat",
                    "Price=fiat_price", "Quantity=coin_amount", "Action=action",
                    "Fee=fee_amount", "Note=description",
                )
            ),
        ),
        words={"trade": "BUY"},
        times="%Y-%m-%dT%H:%M:%S.%fZ",
        only_fiat=True,
        none={"fee_amount": "0"},
        notes=(
            "Ghostfolio takes only trades against a national currency; all other events are left "
            "out. It rounds numbers to floating point.",
        ),
    ),
)  # fmt: skip
