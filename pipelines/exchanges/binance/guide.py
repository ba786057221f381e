"""Binance: how to connect an account, and what is not read."""

from pipelines.spec import Excluded, Guide, LeftOut

DOCS = "https://developers.binance.com/docs"
EXPORT = "export the site's transaction history (Orders, Export): it lists every wallet"
LATER = "Futures, margin, options and portfolio margin are not read yet."
EARN = "Earn, staking and loans are not read yet."

GUIDE = Guide(
    steps=(
        "Log in at binance.com on a computer, open your profile and choose **Account**, then **API "
        "Management**.",
        "Choose **Create API**, then **System generated**, and give the key a name.",
        "Leave **Enable Reading** ticked. Do not tick any other permission.",
        "Leave the access unrestricted, or enter the IP address of the machine that runs "
        "`lookback`.",
        "Confirm with your second factor, and copy the key and the secret. The secret is shown "
        "only once. There is no passphrase.",
        "Run `lookback connect binance` and enter `key` and `secret`.",
    ),
    alerts=(
        "Transfers between own wallets and P2P orders are available for 6 months: sync at least "
        "once per quarter.",
        "Binance returns the last 100 conversions of small balances (dust): sync before you make "
        "more.",
        "Trades of a delisted pair are refused. Sync while your pairs are still listed.",
    ),
    notes=(
        "Binance does not document how far back spot trades reach; reports range from 3 months to "
        "all. The balance checks show whether trades are missing.",
        "Spot has no ledger. `lookback` derives one from the lists, and compares it with the "
        "balances of the spot and the funding wallet.",
        "Trades must be requested for each pair. `lookback` requests all listed pairs, all pairs "
        "ever seen, and every possible pair of a coin that you moved and a quote coin. The first "
        "sync takes about ten minutes for this.",
        "Withdrawals may be requested 10 times and fiat orders 4 times per minute, in windows of "
        "90 days: the first sync of an account takes about half an hour.",
        "Binance does not tell when an account was opened. Set `opened_at` to save requests for "
        "the years before it.",
        "Coins with `LD` before their name are shares of flexible Earn that Binance lists in the "
        "spot wallet; what moves them is not read yet.",
        "The trading rights of a key are shown by `lookback accounts`; `lookback` sends only read "
        "requests with any key.",
        "Each sub-account is a separate account and needs its own key.",
        "binance.us, binance.tr and binance.th are other exchanges.",
    ),
    products=(
        ("deposits and withdrawals", ("deposits", "withdrawals")),
        ("spot", ("trades",)),
        ("convert and dust", ("conversions", "dust")),
        ("rewards", ("dividends",)),
        ("transfers between wallets", ("transfers",)),
        ("fiat and card", ("fiat_orders", "fiat_payments")),
        ("P2P", ("p2p_orders",)),
    ),
    problems=(
        (
            "`-2014` or `-2008`: the key is not known",
            "Copy the key again, or create a new one.",
        ),
        (
            "`-1022`: the signature is not valid",
            "Copy the secret again. Keys of the kinds Ed25519 and RSA are not supported: create a "
            "system-generated one.",
        ),
        (
            "`-2015`: invalid API key, IP, or permissions",
            "The key was deleted, or this machine's IP address is not on its list, or **Enable "
            "Reading** is not ticked: Binance sends the same response for all three.",
        ),
        (
            "`-1021`: the timestamp is outside of the window",
            "This machine's clock is off and could not be corrected: synchronise it over the "
            "network.",
        ),
        (
            "`-1121`: invalid symbol, for a pair",
            "The pair was delisted and requests for it fail. Stored data is kept; export the "
            "site's transaction history for the rest.",
        ),
        (
            "`-1003` with HTTP 418: this address is banned",
            "Another program used up the weight of this IP address. Wait for the time that is "
            "given, and sync again.",
        ),
        (
            "HTTP 451: restricted location",
            "Binance refuses addresses of some countries and data centres: sync from another "
            "network.",
        ),
    ),
)


def _excluded(name: str, entities: tuple[str, ...], what: str, page: str) -> Excluded:
    return Excluded(
        name=name, entities=entities, what=what, remedy=EXPORT, docs_url=f"{DOCS}/{page}"
    )


EXCLUDED = (
    _excluded(
        "futures_and_margin",
        ("trades", "ledger"),
        "what happens inside the futures, options and margin wallets, which `lookback` does not "
        "read yet; transfers to and from them are listed",
        "derivatives",
    ),
    _excluded(
        "earn_and_loans",
        ("ledger",),
        "subscriptions, redemptions and rewards of Earn and staking, loans and mining, which "
        "`lookback` does not read yet",
        "simple_earn",
    ),
    _excluded(
        "pay_and_gift_cards",
        ("ledger",),
        "payments by Binance Pay, gift cards and rebates, which `lookback` does not read yet",
        "pay",
    ),
)


def _left_out(page: str, reason: str, *paths: str) -> tuple[LeftOut, ...]:
    return tuple(LeftOut(path=path, reason=reason, docs_url=f"{DOCS}/{page}") for path in paths)


LEFT_OUT = (
    *_left_out(
        "binance-spot-api-docs/rest-api/account-endpoints",
        "Orders: their fills are read. Orders without a fill moved nothing.",
        "/api/v3/allOrders",
        "/api/v3/allOrderList",
        "/sapi/v1/algo/spot/historicalOrders",
    ),
    *_left_out(
        "binance-spot-api-docs/rest-api/account-endpoints",
        "Fills of smart order routing, pair by pair; few pairs have any.",
        "/api/v3/myAllocations",
        "/api/v3/myPreventedMatches",
    ),
    *_left_out(
        "wallet/account",
        "The state of the account or past balances of a month; the wallets' balances are read.",
        "/sapi/v1/account/*",
        "/sapi/v1/accountSnapshot",
        "/sapi/v1/asset/wallet/balance",
    ),
    *_left_out(
        "wallet/asset",
        "Lists of retired or rare products: cloud mining, BUSD conversion, custody, travel rule.",
        "/sapi/v1/asset/ledger-transfer/cloud-mining/queryByPage",
        "/sapi/v1/asset/convert-transfer/queryByPage",
        "/sapi/v1/asset/custody/transfer-history",
        "/sapi/v1/localentity/*",
    ),
    *_left_out(
        "pay",
        "Pay, rebates, equities and prediction markets are not read yet.",
        "/sapi/v1/pay/transactions",
        "/sapi/v1/rebate/taxQuery",
        "/sapi/v1/equity/*",
        "/sapi/v1/w3w/*",
    ),
    *_left_out(
        "derivatives",
        LATER,
        "/sapi/v1/margin/*",
        "/sapi/v1/portfolio/*",
        "/fapi/*",
        "/dapi/*",
        "/eapi/*",
        "/papi/*",
    ),
    *_left_out(
        "simple_earn",
        EARN,
        "/sapi/v1/simple-earn/*",
        "/sapi/v1/bfusd/*",
        "/sapi/v1/rwusd/*",
        "/sapi/v1/eth-staking/*",
        "/sapi/v2/eth-staking/*",
        "/sapi/v1/sol-staking/*",
        "/sapi/v1/onchain-yields/*",
        "/sapi/v1/soft-staking/*",
        "/sapi/v1/loan/*",
        "/sapi/v2/loan/*",
        "/sapi/v1/dci/*",
        "/sapi/v1/mining/*",
    ),
    *_left_out(
        "sub_account",
        "What a master account reads of its sub-accounts; each is read by a key of its own.",
        "/sapi/v1/sub-account/*",
        "/sapi/v1/capital/deposit/subHisrec",
        "/sapi/v1/managed-subaccount/*",
    ),
)
