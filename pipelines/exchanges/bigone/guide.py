"""BigONE: how to connect an account, and the routes that are not read."""

from pipelines.spec import Guide, LeftOut

DOCS = "https://github.com/bigone-eng/openapi-specs/blob/main"
SPOT, CONVERT, CONTRACT = "/api/v3", "/sapi/v1/convert", "/api/contract/v2"
IN_THE_LIST = "Returns one record of a list that is read."
ONLY_A_COUNT = "Returns only the number of records."

GUIDE = Guide(
    steps=(
        "Log in at big.one on a computer and open **Account**, then **API management**.",
        "Create a key and give it a name.",
        "Tick only these permissions: **View Account Balance Information**, **View Order "
        "Information**, **View Trade Information** (spot trades and conversions), **View Deposit "
        "History**, **View Withdrawal History**, and **Access Contract** where you have used "
        "contracts. Do not tick **Create Orders**, **Execute Withdrawals** and **Create "
        "Contract**.",
        "Leave the list of IP addresses empty, or enter the address of the machine that runs "
        "`lookback`; a key takes up to 20 addresses or networks.",
        "Confirm with your second factor, and copy the key and the secret. The secret is shown "
        "only once. There is no passphrase.",
        "Run `lookback connect bigone` and enter `key` and `secret`.",
    ),
    alerts=(
        "A tax tool mentions two years of history. BigONE does not confirm or deny this, so sync "
        "early: stored data is kept.",
        "A delisted pair is removed from the public list, and requests for it may then fail. Sync "
        "while your pairs are still listed.",
    ),
    notes=(
        "Transfers between your spot, fund and contract wallets, and those of sub-accounts, cannot "
        "be listed. The balance of a single wallet therefore differs by the transferred amount; "
        "the check `account_total` adds up all wallets, where such transfers cancel out.",
        "Earn, OTC, NFT and mining products have no route. Their payouts by deposit are read, as "
        "rewards.",
        "Trades must be requested for each pair. `lookback` requests all listed pairs, all pairs "
        "ever seen, and, for coins that you moved or that no listed pair trades, every possible "
        "pair with a quote coin.",
        "BigONE states neither the permissions nor the owner of a key, so `lookback` cannot verify "
        "that a key is read-only. `lookback` sends only read requests with any key.",
        "The account is identified by the customer number on its withdrawals, else by its contract "
        "account, else by its first key. For a new key of an account that is identified by its "
        "key, set `uid` to the value in `dim_accounts`.",
        "`ONE` is BigONE's own token and is called `BIGONE` here; elsewhere, that ticker "
        "belongs to Harmony.",
        "The documentation and the examples contradict each other on whether the amount of a "
        "withdrawal includes the fee. `lookback` assumes that it does not. If `account_total` "
        "differs by your fees, set `bigone_withdrawal_amount: gross`.",
    ),
    products=(
        ("deposits and withdrawals", ("deposits", "withdrawals")),
        ("spot", ("spot_trades", "spot_orders")),
        ("convert", ("convert_trades",)),
        ("contracts", ("contract_trades", "contract_orders")),
    ),
    problems=(
        (
            "`40004` Unauthorized, `invalid jwt`",
            "The key or the secret is wrong, or the key was deleted; BigONE does not state which. "
            "Copy both again. A clock error of more than 30 seconds gives the same response; "
            "`lookback` corrects it with BigONE's clock and reports it.",
        ),
        (
            "`40106` or `40107`: the token is not understood",
            "The key or the secret is incomplete or has a space in it: copy both again.",
        ),
        (
            "`10403` Permission denied",
            "The permission for this list is not ticked, or this machine's IP address is not on "
            "the key's list: BigONE sends the same response for both. If every list is refused, "
            "it is the address.",
        ),
        (
            "`10013` Resource not found, for a pair",
            "The pair was delisted and requests for it fail. Stored data is kept; ask BigONE's "
            "support for the rest.",
        ),
        (
            "`10429` Too many requests",
            "One IP address may send 500 requests in ten seconds, over all programs and keys. The "
            "next sync resumes where this one stopped.",
        ),
        (
            "`10005` Internal error",
            "An error at BigONE. `lookback` retries; if the error continues, sync later.",
        ),
        (
            "a wallet differs by the amount that you transferred to another wallet",
            "No data is missing: see the check `account_total` of the same coin.",
        ),
    ),
)


def _left_out(page: str, reason: str, *paths: str) -> tuple[LeftOut, ...]:
    return tuple(LeftOut(path=path, reason=reason, docs_url=f"{DOCS}/{page}") for path in paths)


LEFT_OUT = (
    *_left_out(
        "spot_rest.yml",
        IN_THE_LIST,
        f"{SPOT}/viewer/accounts/{{asset_symbol}}",
        f"{SPOT}/viewer/orders/{{id}}",
        f"{SPOT}/viewer/order",
    ),
    *_left_out(
        "wallet_rest.yml",
        IN_THE_LIST,
        f"{SPOT}/viewer/fund/accounts/{{asset_symbol}}",
        f"{SPOT}/viewer/withdrawals/{{guid}}",
    ),
    *_left_out(
        "wallet_rest.yml",
        "Needs the id that the sender of the transfer chose; no route lists these ids.",
        f"{SPOT}/viewer/transfer",
    ),
    *_left_out(
        "wallet_rest.yml",
        "Deposit addresses: neither history nor balances.",
        f"{SPOT}/viewer/assets/{{asset_symbol}}/address",
    ),
    *_left_out("convert_rest.yml", IN_THE_LIST, f"{CONVERT}/viewer/trade"),
    *_left_out(
        "contract_rest.yml",
        IN_THE_LIST,
        f"{CONTRACT}/orders/{{id}}",
    ),
    *_left_out(
        "contract_rest.yml",
        "Open orders are in the list of all orders.",
        f"{CONTRACT}/orders/opening",
    ),
    *_left_out(
        "contract_rest.yml",
        ONLY_A_COUNT,
        f"{CONTRACT}/trades/count",
        f"{CONTRACT}/orders/count",
        f"{CONTRACT}/orders/opening/count",
    ),
)
