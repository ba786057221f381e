"""Bitget: how to connect an account, and the data that is not available through its API."""

from pipelines.spec import Excluded, Guide

DOCS = "https://www.bitget.com/api-doc"
CRYPTACT = "https://support.cryptact.com/hc/en-us/articles/30791524189721"
ASK_SUPPORT = "use the history page of the product on the site, or ask Bitget's support for a file"

GUIDE = Guide(
    steps=(
        "Log in at bitget.com on a computer, open your profile and choose **API Keys**.",
        "Choose **Create API key**, then **System-generated API key**.",
        "Give it a name, and choose a **passphrase** of 8 to 32 letters and digits. Write it "
        "down: it cannot be shown again.",
        "Choose **Read-only**, and tick the read items of every product you have used: spot, "
        "futures, margin, wallet, copy trading, P2P, pledge loans, sub-accounts, tax. Do not tick "
        "permissions to trade or withdraw.",
        "Leave the list of IP addresses empty, or enter the address of the machine that runs "
        "`lookback`.",
        "Confirm with your second factor, and copy the key and the secret. The secret is shown "
        "only once.",
        "Run `lookback connect bitget` and enter `key`, `secret` and `passphrase`.",
        "As an alternative, create a **Tax API key** at bitget.com/taxes-api. It has a key and a "
        "secret but no passphrase, and reads the tax records. All other routes are expected to "
        "refuse it: fills, addresses and balances then remain gaps.",
    ),
    alerts=(
        "Data older than 90 days is only on the site: sync at least once per quarter.",
        "The tax records are requested in windows of 30 days, and Bitget does not document how far "
        "back they reach. For some accounts they reached back 18 months, for others to the first "
        "day; an empty window does not mean that older ones are empty.",
    ),
    notes=(
        "Each sub-account is a separate account and needs its own key. Only the main account can "
        "list the transfers between them.",
        "Executions on crossed margin are not read: the moved amounts are, the prices are not.",
        "An account is either *classic* or *unified*, and each kind has separate routes. "
        "After a change to unified, the data of the classic routes may be unavailable, so sync "
        "before the change.",
        "The opening date comes from the key check itself (`regisTime`); a Tax key may not "
        "get it: in that case, set `opened_at`, and `uid`, which identifies the account.",
        "A trade is two rows in the tax records: the received and the paid amount; only the fills "
        "have price and order.",
        "Bitget allows at most ten keys per account.",
    ),
    products=(
        ("deposits and withdrawals", ("deposit_records", "withdrawal_records")),
        ("spot", ("spot_fills", "spot_orders", "spot_bills", "tax_spot_records")),
        ("convert", ("convert_records", "bgb_convert_records")),
        ("transfers between wallets", ("transfer_records",)),
        (
            "futures",
            (
                "mix_fills", "mix_orders", "mix_bills", "mix_closed_positions", "mix_interest",
                "tax_future_records",
            ),
        ),
        (
            "margin",
            (
                "tax_margin_records", "crossed_margin_records", "crossed_margin_borrows",
                "crossed_margin_repayments", "crossed_margin_interest",
                "crossed_margin_liquidations", "isolated_margin_records",
                "isolated_margin_borrows", "isolated_margin_repayments",
                "isolated_margin_interest", "isolated_margin_liquidations",
                "isolated_margin_fills",
            ),
        ),
        ("earn", ("savings_records", "sharkfin_records")),
        ("loans", ("loan_borrows", "loan_repayments", "loan_revisions", "loan_reductions")),
        (
            "copy trading",
            ("copied_positions", "led_positions", "copied_spot_orders", "led_spot_orders"),
        ),
        ("P2P", ("p2p_orders", "tax_p2p_records")),
        ("sub-accounts", ("sub_account_transfers", "sub_account_deposits")),
        (
            "unified account",
            (
                "unified_fills", "unified_orders", "unified_financial_records",
                "unified_tax_records", "unified_deposit_records", "unified_withdrawal_records",
                "unified_convert_records", "unified_small_conversions",
                "unified_transfer_records", "unified_positions", "unified_funding_records",
                "unified_p2p_orders",
            ),
        ),
    ),
    problems=(
        (
            "`40006`, `40009` or `40012`: the key, the secret or the passphrase is wrong",
            "Copy all three again. The passphrase is the one that you chose for this key, not the "
            "password of your account.",
        ),
        (
            "`40037`: the key does not exist",
            "It was deleted or has expired. Create a new key, and put it under the same label.",
        ),
        (
            "`40014`: the key lacks a permission",
            "Edit the key on the site, tick the read item that is named, and sync again.",
        ),
        (
            "`40018` or `40038`: the address is not on the key's list",
            "Add the IP address of the machine that runs `lookback` to the key, or empty the list.",
        ),
        (
            "`40008`: the request has expired",
            "This machine's clock is off by more than 30 seconds and could not be corrected: "
            "synchronise it over the network.",
        ),
        (
            "`40084`, `40085` or `25245`: the account has the other kind",
            "The account was changed between classic and unified, and the routes of one kind "
            "refuse a key of the other: create a new key.",
        ),
        (
            "`40068`: not for sub-accounts",
            "Only the main account's key can request this. Connect the main account too.",
        ),
        (
            "`429`: too many requests",
            "Another program uses the same account. The block can last five minutes; the next sync "
            "resumes where this one stopped.",
        ),
    ),
)

EXCLUDED = (
    Excluded(
        name="bots_and_strategies",
        entities=("trades",),
        what="the orders and fills inside trading bots and strategies (grids, DCA and the like); "
        "only deposits to and withdrawals from them are listed",
        remedy="the ledger has every transfer to and from a bot, so the profit or loss of each bot "
        f"is known; for its single trades: {ASK_SUPPORT}",
        docs_url=f"{DOCS}/common/tax/Get-Spot-Account-Record",
        evidence="the tax records have labels for transfers to and from strategy accounts, and no "
        "classic route lists the records inside one",
        confidence="seen_in_client",
    ),
    Excluded(
        name="onchain_trades",
        entities=("trades",),
        what="trades made with Bitget Onchain",
        remedy=ASK_SUPPORT,
        docs_url=CRYPTACT,
        evidence="no documented route lists them; a tax tool lists them as missing",
        confidence="seen_in_client",
    ),
    Excluded(
        name="dual_investment",
        entities=("trades", "ledger"),
        what="subscriptions to and settlements of Dual Investment",
        remedy=ASK_SUPPORT,
        docs_url=CRYPTACT,
        evidence="no documented route lists them; a tax tool lists them as missing",
        confidence="seen_in_client",
    ),
    Excluded(
        name="card",
        entities=("ledger",),
        what="payments with the Bitget card",
        remedy=ASK_SUPPORT,
        docs_url=CRYPTACT,
        evidence="no documented route lists them; a tax tool lists them as missing",
        confidence="seen_in_client",
    ),
)
