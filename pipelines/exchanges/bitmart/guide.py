"""BitMart for people: how a key is made, what is lost and when, and which reads are left out."""

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
        reason=f"holds {holds}, but no answer of it was ever published, so no field is known; "
        "save the page of the site instead",
        docs_url=SDK,
    )


LEFT_OUT = (
    _spot("POST /spot/v4/query/order-trades", "the fills of one order; spot_fills has them all"),
    _spot("POST /spot/v4/query/order", "one order; spot_orders has those that ended"),
    _spot("POST /spot/v4/query/client-order", "one order; spot_orders has those that ended"),
    _spot(
        "POST /spot/v4/query/open-orders",
        "open orders have moved nothing yet; what they traded is in spot_fills",
    ),
    LeftOut(
        path="POST /spot/v4/query/algo/history-orders",
        reason="trigger orders move nothing; what they set off is in spot_fills",
        docs_url=SDK,
    ),
    _spot("/account/v1/deposit-withdraw/detail", "one row of deposit_withdraw_history"),
    _spot("/account/v1/deposit/address", "addresses of today; each deposit names its own"),
    _spot("/account/v1/withdraw/address/list", "saved addresses; each withdrawal names its own"),
    _spot("/spot/v1/margin/isolated/pairs", "what a loan would cost today; loans name their rate"),
    _spot("/spot/v1/trade_fee", "today's rates of one pair; fills have the fee that was paid"),
    _spot(
        "/account/sub-account/main/v1/transfer-list",
        "the moves of sub_transfers again, asked from the main account",
    ),
    _spot(
        "/account/sub-account/main/v1/wallet",
        "a sub-account is an account of its own here: connect a key of it",
    ),
    _futures(
        "/account/contract/sub-account/main/v1/transfer-list",
        "the moves of futures_sub_transfers again, asked sub-account by sub-account",
    ),
    _futures(
        "/account/contract/sub-account/main/v1/wallet",
        "a sub-account is an account of its own here: connect a key of it",
    ),
    _futures("/contract/private/order", "one order; futures_orders has those that ended"),
    _futures("/contract/private/get-open-orders", "open orders have moved nothing yet"),
    _futures("/contract/private/current-plan-order", "plans that wait have moved nothing yet"),
    _futures("/contract/private/position-v2", "futures_positions in other words"),
    _futures("/contract/private/position-risk", "futures_positions in other words"),
    _futures("/contract/private/get-position-mode", "a setting, no history"),
    _futures("/contract/private/trade-fee-rate", "today's rates of one contract"),
    _futures(
        "/contract/private/affiliate/rebate-list",
        "for affiliates only: totals per invited person, without a time; what was paid out goes "
        "to the spot wallet, where no route tells of it",
    ),
    _futures("/contract/private/affiliate/trade-list", "trades of people the affiliate invited"),
    _unseen("/contract/private/affiliate/rebate-user", "an affiliate's rebates by user"),
    _unseen("/contract/private/affiliate/rebate-api", "an affiliate's rebates by API user"),
    _unseen("/contract/private/auto_repayment", "automatic repayments of cross collateral"),
    _unseen("/contract/private/cross_collateral/interest_log", "interest on cross collateral"),
    _unseen("/newearn/cloud/v1/earn", "what lies in Earn"),
    _unseen("/newearn/cloud/v1/saving/earn", "what lies in flexible savings"),
    _unseen("/newearn/cloud/v1/saving/fixed/earn", "what lies in fixed savings"),
    _unseen("/newearn/cloud/v1/saving/record", "deposits to, and interest of, flexible savings"),
    _unseen("/newearn/cloud/v1/saving/fixed/record", "deposits to, and interest of, fixed savings"),
)

GUIDE = Guide(
    steps=(
        "Log in at **bitmart.com** in a browser. Two security factors (e-mail and an "
        "authenticator app, for instance) must be on before keys can be made.",
        "Open **Account > API Management** (bitmart.com/api-config) and create a key.",
        "Type a **memo**. It is part of the secret: choose letters and digits only, and keep it.",
        "Leave **Read-Only** ticked and nothing else: no trading, no withdrawals, no transfers "
        "between accounts.",
        "Bind the key to this machine's address if that does not change.",
        "Confirm with the codes you are sent. Copy the access key, the secret key, which is "
        "shown once, and the memo, and put `key`, `secret` and `memo` under the account in "
        "`.dlt/secrets.toml`.",
    ),
    alerts=(
        "BitMart is winding down. Deposits and new spot orders ended on 2026-07-26, all trading "
        "on 2026-08-26, and the platform ends on **2027-01-31 15:59 UTC**: what is not read by "
        "then cannot be asked for again.",
        "Trades and orders are kept for about **90 days**. The last trades of 2026-08-26 drop out "
        "of reach on **2026-11-24**; after that the API has none.",
        "Save the site's own history pages (spot, futures, deposits, withdrawals, Earn) before "
        "the platform ends. Their columns are documented nowhere: keep the files as they are.",
    ),
    notes=(
        "No route names the account. It goes by its key: with a new key for the same account set "
        "`uid` in `.dlt/config.toml` to the old `key-…`, or it counts as another account. "
        "Connecting one account by two keys doubles everything.",
        "Airdrops, referral commissions, Earn, small conversions, purchases with money and moves "
        "to isolated margin are told by no route that can be read. They show as differences in "
        "`fct_balance_checks`.",
        "Moves between main account and sub-accounts, and the list of moves between spot and "
        "futures, want more than a key that reads. They are left alone without it; the futures "
        "ledger has the moves between spot and futures all the same.",
        "A sub-account's key reads no deposits and no withdrawals: those are the main account's.",
        "BitMart US is another exchange with another API, and is not read.",
    ),
    problems=(
        (
            "30005, the signature is wrong",
            "The secret or the memo is not the one of this key. Nothing tells which: copy both "
            "again, or make a new key.",
        ),
        ("30002, the key is not found", "It was deleted or mistyped. Make a new one."),
        ("30003, the key is frozen", "Unfreeze it under API Management, or make a new one."),
        ("30007, the time is wrong", "Set this machine's clock; BitMart allows five seconds."),
        ("30010, the address is forbidden", "Add this machine's address to the key."),
        ("30011, the key has expired", "Make a new one, and set `uid` as the notes say."),
        (
            "30012, the key may not ask this",
            "Tick **Read-Only** on the key. Nothing more is needed.",
        ),
        (
            "30013 or 30017, too many requests",
            "Another program uses the same key, or the same address. Stop it, and sync again "
            "later; the sync goes on where it was.",
        ),
        (
            "50041, out of the time range",
            "What lies before about 90 days is lost through the API.",
        ),
        ("60026, not for sub-accounts", "Connect a key of the main account for money in and out."),
        (
            "30014, 30016 or 30031, or a web page instead of an answer",
            "BitMart is under repair, or has closed this route for good as it winds down. "
            "Nothing is taken for empty: try again, and save the site's pages meanwhile.",
        ),
        (
            "No trades, although there were some",
            "They are older than 90 days. Balances, deposits and withdrawals are still read.",
        ),
    ),
)
