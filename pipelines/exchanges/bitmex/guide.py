"""BitMEX: how to connect or import an account, and the routes that are not read."""

from pipelines.spec import Guide, LeftOut

DOCS = "https://www.bitmex.com/api/explorer"


def _left_out(page: str, reason: str, *paths: str) -> tuple[LeftOut, ...]:
    """Routes with the same reason; paths are relative to the API's root."""
    return tuple(
        LeftOut(path=f"/api/v1{path}", reason=reason, docs_url=f"{DOCS}/#!/{page}")
        for path in paths
    )


LEFT_OUT = (
    *_left_out(
        "Execution/Execution_get",
        "Balance changes are in trade_history, and the last state of each order is in orders; this "
        "route only adds intermediate reports (placed, amended, canceled). A saved response can "
        "be imported as trade_history, which it contains.",
        "/execution",
    ),
    *_left_out(
        "User/User_getExecutionHistory",
        "The executions of one daily profit row, requested per day and symbol; trade_history has "
        "the same executions by time.",
        "/user/executionHistory",
    ),
    *_left_out(
        "User/User_getDepositAddress",
        "A request for a deposit address may create one, so it is not read-only.",
        "/user/depositAddress",
        "/user/depositAddressInformation",
    ),
    *_left_out(
        "User/User_getCommission",
        "Current fee rates; every execution has the fee that was paid.",
        "/user/commission",
    ),
    *_left_out(
        "User/User_getTradingVolume",
        "A moving average of turnover; the executions have the exact data.",
        "/user/tradingVolume",
    ),
    *_left_out(
        "UserAffiliates/UserAffiliates_get",
        "A tree of other people's accounts; wallet_history has the payouts, and affiliate_status "
        "their sum.",
        "/userAffiliates",
    ),
    *_left_out(
        "User/User_getUnstakingRequests",
        "A request needs a status, and the statuses are not documented.",
        "/user/unstakingRequests",
    ),
    *_left_out(
        "User/User_getStakingInstruments",
        "Terms of staking, no data of the account.",
        "/user/staking/instruments",
        "/user/staking/tiers",
    ),
    *_left_out(
        "User/User_getWalletTransferAccounts",
        "Its response is not documented, and no client was seen to get an account from it: a key "
        "cannot list sub-accounts.",
        "/user/getWalletTransferAccounts",
    ),
    *_left_out(
        "UserEvent/UserEvent_get",
        "A log of logins and changes with IP addresses. Its money events have no documented "
        "amount, and neither its order nor the direction of its cursor is documented; deposits, "
        "withdrawals and transfers are in wallet_history.",
        "/userEvent",
    ),
    *_left_out(
        "User/User_getCSA",
        "Collateral agreements of institutions; the content is not documented.",
        "/user/csa",
    ),
    *_left_out(
        "User/User_getQuoteFillRatio",
        "Statistics for market makers, without balance changes.",
        "/user/quoteFillRatio",
        "/user/quoteValueRatio",
    ),
    *_left_out(
        "User",
        "A current setting or ranking, known only by name: the response is not documented.",
        "/addressConfig",
        "/user/marginingMode",
        "/user/tradingSettings",
        "/userStats/volumeRank",
        "/referralCode",
        "/managedSubAccountBinding",
    ),
)
"""Only the root of `/managedSubAccountBinding` is known; its subroutes have the same reason."""

SITE_FILES = (
    "Files exported from the site (Wallet history, Trade history) are **not** imported. They have "
    "no ids, no account and no currency column, and their times are in the language and time zone "
    "of the browser that made them: `lookback` could neither match the rows with those of the API "
    "nor determine their times. Keep the files: they are evidence."
)

GUIDE = Guide(
    steps=(
        "BitMEX ended trading on **2026-09-23**. The files that you saved before are the "
        "main source: go to step 5. The steps before it work only if you can still log in.",
        "Log in on www.bitmex.com, choose the account (each sub-account has its own keys), and "
        "open **Account & Security > API Keys > Create**.",
        "Give it a name, leave **Key Permissions empty** (a key without permissions can "
        "read everything and nothing else), and set CIDR to this machine's address with `/32`, "
        "or leave it empty.",
        "Confirm with your second factor. Id and secret are shown **once**: run "
        "`lookback connect bitmex` and enter them as `key` and `secret`.",
        "Import saved API responses: `lookback import bitmex FILE... --account LABEL`. JSON, "
        "JSON lines or CSV as returned with `_format=csv`, plain or gzipped; the endpoint of a "
        "file is recognised by its columns. Most useful: walletHistory (`currency=all`), "
        "execution/tradeHistory, order, then user/wallet and user/walletSummary "
        "(`currency=all`), which prove that walletHistory is complete.",
    ),
    alerts=(
        "The exchange closed every open position at that time. It is not documented how long the "
        "API, the site and withdrawals remain available: read all data that is still available "
        "now.",
        "While the exchange was open, the API returned wallet history and executions since the "
        "account was opened. For orders this was not documented, and none older than 2020 were "
        "seen.",
    ),
    notes=(
        "**Before April 2024** the ledger has one row per contract and day, which "
        "includes fees and funding. The executions list both one by one: save or import "
        "tradeHistory too.",
        "**Sub-accounts** are separate accounts here: `bitmex:<account number>`, with one key and "
        "one label each. A main account's key can request wallet history and executions of another "
        "account, but not orders, balances or totals, and no route lists the accounts; `lookback` "
        "therefore does not use this. A response with rows of another account is refused as a "
        "whole.",
        "**Not available through any route**: deposit addresses and hashes of old deposits, the "
        "cost of a conversion (it is part of the rate), the purpose of a transfer (only its text "
        "indicates it), staking rewards and airdrops (they are listed as transfers), closed "
        "positions (they can be derived from executions).",
        SITE_FILES,
        "The testnet is a separate exchange: set `base_url = \"https://testnet.bitmex.com\"` "
        "for such an account. A key is valid on only one of the two.",
    ),
    products=(
        ("ledger, deposits and withdrawals", ("wallet_history",)),
        ("contracts and spot", ("trade_history", "orders")),
    ),
    problems=(
        (
            "`Invalid API Key.`",
            "The key is mistyped, deleted, or of the testnet: keys of the two are separate.",
        ),
        (
            "`Signature not valid.`",
            "The secret does not belong to the key id. It cannot be shown again: create a new key.",
        ),
        (
            "`This request has expired`",
            "This machine's clock is slow. `lookback` corrects it with the exchange's clock; set "
            "the clock.",
        ),
        ("`This key is disabled.`", "Enable it on the site under API Keys, or create a new one."),
        (
            "`This IP address is not allowed to use this key.`",
            "Add this machine's address to the key's CIDR list.",
        ),
        (
            "`Access Denied`",
            "The key belongs to another account than the requested one, or the account is "
            "restricted. Create a key while the right account is selected.",
        ),
        (
            "A web page with status 403 instead of a response",
            "While the exchange was open: too many errors block an IP address for an hour, later "
            "for a week. Since it closed: the API is gone.",
        ),
        (
            "`BitMEX ended on 2026-09-23 and no longer answers`",
            "Import what you saved, and ask BitMEX support for statements.",
        ),
        (
            "`the response has rows of another account`",
            "The key reads several accounts. Create one key for each, under separate labels.",
        ),
        (
            "`is an export of BitMEX's site`",
            "See the notes for the reason. Saved API responses have the missing columns.",
        ),
    ),
)
