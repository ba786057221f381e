"""Bitget: what a person must know to connect an account, and what no route of it tells."""

from pipelines.spec import Excluded, Guide

DOCS = "https://www.bitget.com/api-doc"
CRYPTACT = "https://support.cryptact.com/hc/en-us/articles/30791524189721"
ASK_SUPPORT = "look for its own history page on the site, or ask Bitget's support for a file"

GUIDE = Guide(
    steps=(
        "Log in at bitget.com on a computer, open your profile and choose **API Keys**.",
        "Choose **Create API key**, then **System-generated API key**.",
        "Give it a name, and make up a **passphrase** of 8 to 32 letters and digits. Write it "
        "down: nobody can show it to you again.",
        "Choose **Read-only**, and tick the read items of every product you have used: spot, "
        "futures, margin, wallet, copy trading, P2P, pledge loans, sub-accounts, tax. Tick nothing "
        "that trades or withdraws.",
        "Leave the list of IP addresses empty, or enter the address `lookback` runs at.",
        "Confirm with your second factor, and copy the key and the secret: the secret is shown "
        "only this once.",
        "Put `key`, `secret` and `passphrase` under the account in `.dlt/secrets.toml`.",
        "Instead of all that, a **Tax API key** can be made at bitget.com/taxes-api. It reads the "
        "tax records, has a key and a secret and asks for no passphrase, and is expected to be "
        "refused everywhere else: fills, addresses and balances then stay open as gaps.",
    ),
    alerts=(
        "What is older than 90 days is on the site alone: sync at least once a quarter.",
        "The tax records are asked in spans of 30 days, and Bitget does not say how far back they "
        "reach. Accounts were read from 18 months back to their first day; a quiet span in the "
        "middle is not the end.",
    ),
    notes=(
        "Each sub-account has an identity of its own and needs a key of its own. Moves between it "
        "and the main account are told to the main account alone.",
        "Executions on crossed margin are not read: what they moved is, their price is not.",
        "An account is either *classic* or *unified*, and each kind has routes of its own. A "
        "change to unified may put what the classic routes gave out of reach, so sync before it.",
        "The opening date comes from the key check itself (`regisTime`); a Tax key may not be "
        "told it: set `opened_at` then, and `uid`, by which the account is known.",
        "A trade stands in the tax records as two rows, what was received and what was paid; price "
        "and order are in the fills alone.",
        "Bitget lets at most ten keys exist for one account at a time.",
    ),
    problems=(
        (
            "`40006`, `40009` or `40012`: the key, the secret or the passphrase is wrong",
            "Copy all three again. The passphrase is the one you made up for this key, not the "
            "password of your account.",
        ),
        (
            "`40037`: the key does not exist",
            "It was deleted or has expired. Make another, and put it under the same label.",
        ),
        (
            "`40014`: the key lacks a permission",
            "Edit the key on the site, tick the read item that is named, and sync again.",
        ),
        (
            "`40018` or `40038`: the address is not on the key's list",
            "Add the address `lookback` runs at to the key, or empty the list.",
        ),
        (
            "`40008`: the request has expired",
            "This machine's clock is off by more than 30 seconds and could not be corrected: set "
            "it by the network.",
        ),
        (
            "`40084`, `40085` or `25245`: the account is of the other kind",
            "The account was changed between classic and unified, and a key of one kind does not "
            "open the routes of the other: make the key anew.",
        ),
        (
            "`40068`: not for sub-accounts",
            "Only the main account's key may ask that. Connect the main account too.",
        ),
        (
            "`429`: too many requests",
            "Another program uses the same account. It can take five minutes to pass; the next "
            "sync goes on from where this one was.",
        ),
    ),
)

EXCLUDED = (
    Excluded(
        name="bots_and_strategies",
        entities=("trades",),
        what="the orders and fills inside trading bots and strategies (grids, DCA and the like); "
        "only what went into and came out of them is told",
        remedy="the ledger has every move of money into and out of a bot, so what each one won or "
        f"lost is known; for its single trades: {ASK_SUPPORT}",
        docs_url=f"{DOCS}/common/tax/Get-Spot-Account-Record",
        evidence="the tax records have labels for moves to and from strategy accounts, and no "
        "classic route lists what happens within one",
        confidence="seen_in_client",
    ),
    Excluded(
        name="onchain_trades",
        entities=("trades",),
        what="trades made with Bitget Onchain",
        remedy=ASK_SUPPORT,
        docs_url=CRYPTACT,
        evidence="no documented route lists them; a tax tool names them as missing",
        confidence="seen_in_client",
    ),
    Excluded(
        name="dual_investment",
        entities=("trades", "ledger"),
        what="subscriptions to and settlements of Dual Investment",
        remedy=ASK_SUPPORT,
        docs_url=CRYPTACT,
        evidence="no documented route lists them; a tax tool names them as missing",
        confidence="seen_in_client",
    ),
    Excluded(
        name="card",
        entities=("ledger",),
        what="payments with the Bitget card",
        remedy=ASK_SUPPORT,
        docs_url=CRYPTACT,
        evidence="no documented route lists them; a tax tool names them as missing",
        confidence="seen_in_client",
    ),
)
