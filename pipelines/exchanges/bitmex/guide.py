"""BitMEX in words: how to connect or import an account, and the reads that are no stream."""

from pipelines.spec import Guide, LeftOut

DOCS = "https://www.bitmex.com/api/explorer"


def _left_out(page: str, reason: str, *paths: str) -> tuple[LeftOut, ...]:
    """Routes that one reason speaks for, below the API's root."""
    return tuple(
        LeftOut(path=f"/api/v1{path}", reason=reason, docs_url=f"{DOCS}/#!/{page}")
        for path in paths
    )


LEFT_OUT = (
    *_left_out(
        "Execution/Execution_get",
        "What moved a balance is in trade_history and each order's last state in orders; this "
        "adds only the reports on the way (placed, amended, canceled). A saved answer of it can "
        "be imported: it counts as trade_history, which it contains.",
        "/execution",
    ),
    *_left_out(
        "User/User_getExecutionHistory",
        "The executions behind one daily profit row, asked day by day and symbol by symbol; "
        "trade_history has the same ones by time.",
        "/user/executionHistory",
    ),
    *_left_out(
        "User/User_getDepositAddress",
        "Asking for a deposit address may make one, so it is no plain read.",
        "/user/depositAddress",
        "/user/depositAddressInformation",
    ),
    *_left_out(
        "User/User_getCommission",
        "Today's fee rates; what was paid stands in every execution.",
        "/user/commission",
    ),
    *_left_out(
        "User/User_getTradingVolume",
        "A moving average of turnover, which the executions give exactly.",
        "/user/tradingVolume",
    ),
    *_left_out(
        "UserAffiliates/UserAffiliates_get",
        "A tree of other people's accounts; what came of them is paid out in wallet_history and "
        "summed up in affiliate_status.",
        "/userAffiliates",
    ),
    *_left_out(
        "User/User_getUnstakingRequests",
        "It must be asked by a status, and no page says which statuses there are.",
        "/user/unstakingRequests",
    ),
    *_left_out(
        "User/User_getStakingInstruments",
        "Terms that staking is offered at, nothing of the account's.",
        "/user/staking/instruments",
        "/user/staking/tiers",
    ),
    *_left_out(
        "User/User_getWalletTransferAccounts",
        "What it answers is documented nowhere, and nobody was seen to get an account from it: "
        "sub-accounts cannot be listed by a key.",
        "/user/getWalletTransferAccounts",
    ),
    *_left_out(
        "UserEvent/UserEvent_get",
        "A log of logins and changes with network addresses. Its money events carry no documented "
        "amount, and neither its order nor the direction of its cursor is documented; deposits, "
        "withdrawals and transfers are in wallet_history.",
        "/userEvent",
    ),
    *_left_out(
        "User/User_getCSA",
        "Collateral agreements of institutions, whose content is documented nowhere.",
        "/user/csa",
    ),
    *_left_out(
        "User/User_getQuoteFillRatio",
        "Statistics for market makers; no movement is told there.",
        "/user/quoteFillRatio",
        "/user/quoteValueRatio",
    ),
    *_left_out(
        "User",
        "A setting or a ranking of today, known by its name alone: its answer is documented "
        "nowhere.",
        "/addressConfig",
        "/user/marginingMode",
        "/user/tradingSettings",
        "/userStats/volumeRank",
        "/referralCode",
        "/managedSubAccountBinding",
    ),
)
"""Of `/managedSubAccountBinding` only a root is known; the routes below it share its reason."""

SITE_FILES = (
    "Files exported on the site (Wallet history, Trade history) are **not** imported. They have no "
    "ids, no account and no currency column, and their times are in the language and time zone of "
    "the browser that made them: rows could be neither told from those of the API nor placed in "
    "time. Keep them: they are evidence, and `lookback` says so when it meets one."
)

GUIDE = Guide(
    steps=(
        "BitMEX ended trading on **2026-09-23**. What you saved before is worth most: go to step "
        "5. Steps 1 to 4 help only where the site still lets you in.",
        "Log in on www.bitmex.com, choose the account (each sub-account has keys of its own), and "
        "open **Account & Security > API Keys > Create**.",
        "Give it a name, leave **Key Permissions empty** (a key without permissions reads "
        "everything and can do nothing else), and set CIDR to this machine's address with `/32`, "
        "or leave it empty.",
        "Confirm with the second factor. Id and secret are shown **once**: put them into "
        "`.dlt/secrets.toml` as `key` and `secret`, then run `lookback sync`.",
        "Import saved answers of the API: `lookback import bitmex FILE... --account LABEL`. JSON, "
        "JSON lines or CSV as `_format=csv` gives it, plain or gzipped; which endpoint a file "
        "came from is told by its columns. Most useful: walletHistory (`currency=all`), "
        "execution/tradeHistory, order, then user/wallet and user/walletSummary "
        "(`currency=all`), which prove that the first is whole.",
    ),
    alerts=(
        "At that moment the exchange closed every open position itself. No page says how long the "
        "API, the site or withdrawals outlive that day: whatever still answers should be read "
        "now.",
        "While it was open, the API gave wallet history and executions of an account's whole "
        "life. Of orders nobody said so, and none from before 2020 were seen.",
    ),
    notes=(
        "**Before April 2024** the ledger has one row per contract and day, with fees and funding "
        "inside. Both are told one by one by the executions: save or import tradeHistory too.",
        "**Sub-accounts** are accounts of their own here: `bitmex:<account number>`, one key and "
        "one label each. A main account's key may name another account when it asks for wallet "
        "history and executions, but not for orders, balances or totals, and no route lists the "
        "accounts: so it is not done. An answer with another account's rows in it is refused "
        "whole.",
        "**Not told by any route**: deposit addresses and hashes of old deposits, the cost of a "
        "conversion (it is in the rate), what a transfer was for (its text is the only hint), "
        "staking rewards and airdrops (they come as transfers), positions that were closed "
        "(their executions tell).",
        SITE_FILES,
        "The testnet is an exchange of its own: set `base_url = \"https://testnet.bitmex.com\"` "
        "for such an account. Keys of one are unknown to the other.",
    ),
    problems=(
        (
            "`Invalid API Key.`",
            "The key is mistyped, deleted, or of the testnet: keys of the two are separate.",
        ),
        (
            "`Signature not valid.`",
            "The secret does not belong to the key id. It cannot be shown again: make a new key.",
        ),
        (
            "`This request has expired`",
            "This machine's clock is slow. `lookback` corrects it by the exchange's own; set it.",
        ),
        ("`This key is disabled.`", "Enable it on the site under API Keys, or make a new one."),
        (
            "`This IP address is not allowed to use this key.`",
            "Add this machine's address to the key's CIDR list.",
        ),
        (
            "`Access Denied`",
            "The key belongs to another account than the one that is asked for, or the account "
            "is restricted. Make a key while the right account is selected.",
        ),
        (
            "A web page with status 403 instead of an answer",
            "While the exchange was open: too many errors bar an address for an hour, later for "
            "a week. Since it closed: it is gone.",
        ),
        (
            "`BitMEX ended on 2026-09-23 and no longer answers`",
            "Import what you saved, and ask BitMEX support for statements.",
        ),
        (
            "`the answer has rows of another account`",
            "The key reads for several accounts. Make one key for each, under labels of their "
            "own.",
        ),
        (
            "`is an export of BitMEX's site`",
            "See above why it is not imported. The API's own answers have what it lacks.",
        ),
    ),
)
