"""BitMart: how to connect an account, what expires and when, and the routes that are not read."""

from pipelines.spec import Guide, LeftOut

SPOT_DOCS = "https://developer-pro.bitmart.com/en/spot"
FUTURES_DOCS = "https://developer-pro.bitmart.com/en/futuresv2"
SDK = "https://github.com/bitmartexchange/bitmart-go-sdk-api"


def _spot(path: str, reason: str) -> LeftOut:
    return LeftOut(path=path, reason=reason, docs_url=SPOT_DOCS)


def _futures(path: str, reason: str) -> LeftOut:
    return LeftOut(path=path, reason=reason, docs_url=FUTURES_DOCS)


def _unseen(path: str, holds: str) -> LeftOut:
    return LeftOut(
        path=path,
        reason=f"returns {holds}, but no response was ever published, so its fields are unknown; "
        "save the page of the site instead",
        docs_url=SDK,
    )


LEFT_OUT = (
    _spot("POST /spot/v4/query/order-trades", "the fills of one order; spot_fills has all fills"),
    _spot("POST /spot/v4/query/order", "one order; spot_orders has all finished orders"),
    _spot("POST /spot/v4/query/client-order", "one order; spot_orders has all finished orders"),
    _spot(
        "POST /spot/v4/query/open-orders",
        "open orders are not final; their trades are in spot_fills",
    ),
    LeftOut(
        path="POST /spot/v4/query/algo/history-orders",
        reason="trigger orders change no balance; the trades that they trigger are in spot_fills",
        docs_url=SDK,
    ),
    _spot("/account/v1/deposit-withdraw/detail", "one row of deposit_withdraw_history"),
    _spot("/account/v1/deposit/address", "current addresses; each deposit has its address"),
    _spot("/account/v1/withdraw/address/list", "saved addresses; each withdrawal has its address"),
    _spot("/spot/v1/margin/isolated/pairs", "current cost of a loan; each loan has its rate"),
    _spot("/spot/v1/trade_fee", "current rates of one pair; fills have the fee that was paid"),
    _spot(
        "/account/sub-account/main/v1/transfer-list",
        "the transfers of sub_transfers, requested from the main account",
    ),
    _spot(
        "/account/sub-account/main/v1/wallet",
        "a sub-account is a separate account here: connect it with its own key",
    ),
    _futures(
        "/account/contract/sub-account/main/v1/transfer-list",
        "the transfers of futures_sub_transfers, requested for each sub-account",
    ),
    _futures(
        "/account/contract/sub-account/main/v1/wallet",
        "a sub-account is a separate account here: connect it with its own key",
    ),
    _futures("/contract/private/order", "one order; futures_orders has all finished orders"),
    _futures("/contract/private/get-open-orders", "open orders are not final"),
    _futures("/contract/private/current-plan-order", "waiting plan orders have no trades yet"),
    _futures("/contract/private/position-v2", "the data of futures_positions in another format"),
    _futures("/contract/private/position-risk", "the data of futures_positions in another format"),
    _futures("/contract/private/get-position-mode", "a setting, not history"),
    _futures("/contract/private/trade-fee-rate", "current rates of one contract"),
    _futures(
        "/contract/private/affiliate/rebate-list",
        "for affiliates only: totals per invited person, without a time; payouts go to the spot "
        "wallet, and no route lists them",
    ),
    _futures("/contract/private/affiliate/trade-list", "trades of people the affiliate invited"),
    _unseen("/contract/private/affiliate/rebate-user", "an affiliate's rebates by user"),
    _unseen("/contract/private/affiliate/rebate-api", "an affiliate's rebates by API user"),
    _unseen("/contract/private/auto_repayment", "automatic repayments of cross collateral"),
    _unseen("/contract/private/cross_collateral/interest_log", "interest on cross collateral"),
    _unseen("/newearn/cloud/v1/earn", "balances in Earn"),
    _unseen("/newearn/cloud/v1/saving/earn", "balances in flexible savings"),
    _unseen("/newearn/cloud/v1/saving/fixed/earn", "balances in fixed savings"),
    _unseen("/newearn/cloud/v1/saving/record", "deposits to, and interest of, flexible savings"),
    _unseen("/newearn/cloud/v1/saving/fixed/record", "deposits to, and interest of, fixed savings"),
)

GUIDE = Guide(
    steps=(
        "Log in at **bitmart.com** in a browser. Two security factors (e-mail and an "
        "authenticator app, for instance) must be enabled before you can create keys.",
        "Open **Account > API Management** (bitmart.com/api-config) and create a key.",
        "Enter a **memo**. It is part of the secret: use only letters and digits, and store it.",
        "Tick only **Read-Only**: no trading, no withdrawals, no transfers "
        "between accounts.",
        "Bind the key to this machine's IP address if that address does not change.",
        "Confirm with the codes that you receive. Copy the access key, the secret key (shown only "
        "once) and the memo, run `lookback connect bitmart`, and enter them as `key`, `secret` and "
        "`memo`.",
    ),
    alerts=(
        "BitMart is winding down. Deposits and new spot orders ended on 2026-07-26, all trading "
        "on 2026-08-26, and the platform ends on **2027-01-31 15:59 UTC**: data that is not "
        "read by then is lost.",
        "Trades and orders are kept for about **90 days**. The last trades of 2026-08-26 "
        "expire on **2026-11-24**; after that, the API returns none.",
        "Save the site's own history pages (spot, futures, deposits, withdrawals, Earn) before "
        "the platform ends. Their columns are not documented: keep the files unchanged.",
    ),
    notes=(
        "No route identifies the account, so its key identifies it. For a new key of the same "
        "account, set `uid` in `.dlt/config.toml` to the old `key-…`, else it counts as another "
        "account. If you connect one account with two keys, all its rows are duplicated.",
        "Airdrops, referral commissions, Earn, small conversions, purchases with fiat money and "
        "transfers to isolated margin are not available through any route that can be read. They "
        "appear as differences in `fct_balance_checks`.",
        "Transfers between main account and sub-accounts, and the list of transfers between spot "
        "and futures, need more than a read-only key. They are not read without it; the futures "
        "ledger has the transfers between spot and futures.",
        "A sub-account's key cannot read deposits and withdrawals: the main account has them.",
        "BitMart US is another exchange with another API, and is not supported.",
    ),
    products=(
        ("deposits and withdrawals", ("deposit_withdraw_history",)),
        ("spot", ("spot_fills", "spot_orders")),
        ("futures", ("futures_fills", "futures_orders", "futures_ledger")),
        ("isolated margin", ("margin_borrows", "margin_repayments")),
        ("transfers between wallets", ("transfer_list",)),
        ("sub-accounts", ("sub_transfers", "futures_sub_transfers")),
    ),
    problems=(
        (
            "30005, the signature is wrong",
            "The secret or the memo does not belong to this key; the response does not state "
            "which. Copy both again, or create a new key.",
        ),
        ("30002, the key is not found", "It was deleted or mistyped. Create a new key."),
        ("30003, the key is frozen", "Unfreeze it under API Management, or create a new key."),
        ("30007, the time is wrong", "Set this machine's clock; BitMart allows five seconds."),
        ("30010, the address is forbidden", "Add this machine's address to the key."),
        ("30011, the key has expired", "Create a new key, and set `uid` (see the notes)."),
        (
            "30012, the key lacks the permission",
            "Tick **Read-Only** on the key. No other permission is needed.",
        ),
        (
            "30013 or 30017, too many requests",
            "Another program uses the same key, or the same IP address. Stop it, and sync again "
            "later; the sync resumes where it stopped.",
        ),
        (
            "50041, out of the time range",
            "Data older than about 90 days is not available through the API.",
        ),
        ("60026, not for sub-accounts", "Connect the main account for deposits and withdrawals."),
        (
            "30014, 30016 or 30031, or a web page instead of a response",
            "BitMart is under maintenance, or has closed this route permanently as it winds down. "
            "`lookback` does not record the data as empty: try again, and save the site's pages.",
        ),
        (
            "No trades, although there were some",
            "They are older than 90 days. Balances, deposits and withdrawals are still read.",
        ),
    ),
)
