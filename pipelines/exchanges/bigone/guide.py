"""BigONE: what a person must know to connect an account, and which reads are left out."""

from pipelines.spec import Guide, LeftOut

DOCS = "https://github.com/bigone-eng/openapi-specs/blob/main"
SPOT, CONVERT, CONTRACT = "/api/v3", "/sapi/v1/convert", "/api/contract/v2"
IN_THE_LIST = "One record that the list has too."
ONLY_A_COUNT = "It holds no record, only how many there are."

GUIDE = Guide(
    steps=(
        "Log in at big.one on a computer and open **Account**, then **API management**.",
        "Choose to create a key and give it a name.",
        "Tick what views, and nothing else: **View Account Balance Information**, **View Order "
        "Information**, **View Trade Information** (spot trades and conversions), **View Deposit "
        "History**, **View Withdrawal History**, and **Access Contract** where you have used "
        "contracts. Leave **Create Orders**, **Execute Withdrawals** and **Create Contract** "
        "unticked.",
        "Leave the list of addresses empty, or enter the address `lookback` runs at; a key takes "
        "up to 20 addresses or networks.",
        "Confirm with your second factor, and copy the key and the secret: the secret is shown "
        "only this once. There is no passphrase.",
        "Put `key` and `secret` under the account in `.dlt/secrets.toml`.",
    ),
    alerts=(
        "A tax tool speaks of two years of history. Nothing of BigONE confirms or denies it, so "
        "sync early: what is stored stays.",
        "A pair that is delisted leaves the public list, and may then be asked for in vain. Sync "
        "while your pairs are still listed.",
    ),
    notes=(
        "Moves between your spot, fund and contract wallets, and those of sub-accounts, cannot be "
        "listed. A single wallet is therefore off by what was moved; the check `account_total` "
        "adds up all wallets, where such moves cancel.",
        "Earn, OTC, NFT and mining products have no route. What they paid out as a deposit is "
        "there, as a reward.",
        "Trades must be asked pair by pair. Asked are all listed pairs, all pairs ever seen, and "
        "for coins you moved or that no listed pair trades, every pair they can make with a quote "
        "coin.",
        "BigONE tells neither what a key may do nor whose it is, so nobody but you can see that it "
        "only reads. `lookback` sends nothing but reads, whatever the key may do.",
        "The account is named by the customer number on its withdrawals, else by its contract "
        "account, else by its first key. For a new key of an account that is known by its key, "
        "set `uid` to the one in `dim_accounts`.",
        "`ONE` is BigONE's own token and is called `BIGONE` here; elsewhere that ticker is "
        "Harmony's.",
        "Whether the fee of a withdrawal is inside its amount is documented one way and shown "
        "another. It is read as beside it; where `account_total` is off by your fees, set "
        "`bigone_withdrawal_amount: gross`.",
    ),
    problems=(
        (
            "`40004` Unauthorized, `invalid jwt`",
            "The key or the secret is wrong, or the key was deleted: copy both again. BigONE does "
            "not say which. A clock that is off by more than 30 seconds is answered the same way; "
            "`lookback` corrects it by BigONE's own, and says so.",
        ),
        (
            "`40106` or `40107`: the token is not understood",
            "The key or the secret was cut or has a space in it: copy both again.",
        ),
        (
            "`10403` Permission denied",
            "The right for this list is not ticked, or this machine's address is not on the key's "
            "list: BigONE has one answer for both. Where every list is refused, it is the address.",
        ),
        (
            "`10013` Resource not found, for a pair",
            "The pair was delisted and is not answered for any more. What was stored stays; ask "
            "BigONE's support for the rest.",
        ),
        (
            "`10429` Too many requests",
            "500 requests in ten seconds are allowed from one address, whoever sends them. The "
            "next sync goes on from where this one was.",
        ),
        (
            "`10005` Internal error",
            "BigONE's own trouble. It is tried again; if it lasts, sync later.",
        ),
        (
            "a wallet differs by what you moved to another one",
            "That is no hole: see the check `account_total` of the same coin.",
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
        "It answers only for the id that whoever made the transfer chose; nothing lists those.",
        f"{SPOT}/viewer/transfer",
    ),
    *_left_out(
        "wallet_rest.yml",
        "Addresses to deposit to: neither history nor balance.",
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
