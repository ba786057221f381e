"""BitMart: signature, error table, identity and what a key may read."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime
from typing import Any

from requests import PreparedRequest

from pipelines.account import Account, Credentials
from pipelines.errors import RequestError
from pipelines.exchanges.bitmart.spec import MOVES_BETWEEN_ACCOUNTS, SPEC, TRADES_FUTURES
from pipelines.extract.exchange import Exchange, Fetch, Identity
from pipelines.extract.failures import (
    Case,
    ErrorTable,
    busy,
    clock,
    rate_limited,
    refused,
    unknown_scope,
)
from pipelines.extract.paginators import MILLISECOND
from pipelines.extract.records import Record, micros
from pipelines.spec import StreamSpec

CHECK_KEY = "check the key in .dlt/secrets.toml, or make a new read-only one"
CHECK_MEMO = "check secret and memo in .dlt/secrets.toml; the memo is the one given to this key"
NEEDS_MAIN = "use a key of the main account for this"
LOCKED = "ask BitMart's support while it is still there"

GONE = Case(
    kind="not_found",
    what="the route is not there any more",
    remedy="BitMart is winding down and may close routes before its end; save the site's own "
    "history pages now",
    may_mean_closed=True,
)
OUT_OF_RANGE = Case(
    kind="out_of_range",
    what="the exchange does not answer for this span",
    remedy="what lies before its about three months is lost through the API",
)
BUSY = busy("the exchange is busy or under maintenance", may_mean_closed=True)
BANNED = rate_limited(is_ban=True)
UNKNOWN_PAIR = unknown_scope(
    "pair",
    "what was stored stays; save the site's own history pages of delisted pairs",
    "symbol",
)

ERRORS = ErrorTable(
    codes={
        "30001": refused("wrong_key", "the key is missing", CHECK_KEY),
        "30002": refused("wrong_key", "the exchange does not know this key", CHECK_KEY),
        "30003": refused(
            "wrong_key", "the key is frozen", "unfreeze it on the site, or make a new one"
        ),
        "30004": refused("wrong_secret", "the signature is missing", CHECK_MEMO),
        "30005": refused(
            "wrong_secret", "the secret or the memo does not belong to this key", CHECK_MEMO
        ),
        "30010": refused(
            "ip_refused", "the key is bound to other addresses", "add this machine's address"
        ),
        "40006": refused(
            "ip_refused", "the key is bound to other addresses", "add this machine's address"
        ),
        "30011": refused("key_expired", "the key has expired", "make a new read-only key"),
        "30012": refused(
            "no_permission", "the key lacks the right for this", "tick Read-Only on the key"
        ),
        "30019": refused("no_permission", "the account may not read this", LOCKED),
        "40047": refused("no_permission", "futures are closed to this account's region", LOCKED),
        "53000": refused("no_permission", "the account is frozen", LOCKED),
        "53001": refused("no_permission", "the account's country is shut out", LOCKED),
        "53003": refused("no_permission", "only the main account may read this", NEEDS_MAIN),
        "53005": refused("no_permission", "the account has no right to this", LOCKED),
        "53007": refused("no_permission", "the account must be verified first", LOCKED),
        "53008": refused("no_permission", "the account's region is shut out", LOCKED),
        "60026": refused("no_permission", "sub-accounts may not read this", NEEDS_MAIN),
        "60027": refused("no_permission", "only sub-accounts may read this", NEEDS_MAIN),
        "60028": refused("no_permission", "the account is disabled", LOCKED),
        "60029": refused("no_permission", "the main account froze this one", NEEDS_MAIN),
        "60063": refused("no_permission", "the account is frozen", LOCKED),
        **dict.fromkeys(("30006", "30007", "30008"), clock("a few seconds")),
        **dict.fromkeys(("30013", "HTTP 429"), rate_limited()),
        **dict.fromkeys(("30017", "HTTP 418"), BANNED),
        **dict.fromkeys(("30014", "30016", "40012", "59001", "60051", "70003"), BUSY),
        **dict.fromkeys(("30000", "30030", "30031"), GONE),
        **dict.fromkeys(("50041", "60066", "60067", "40039"), OUT_OF_RANGE),
        **dict.fromkeys(("50001", "50040", "40034"), UNKNOWN_PAIR),
    },
    empty={"51001": "isolated margin", "40046": "futures", "61006": "sub-accounts"},
    wait_header="X-BM-RateLimit-Reset",  # how long the window is, in seconds
)


def sign(request: PreparedRequest, target: str, keys: Credentials, now: datetime) -> None:
    """HMAC-SHA256 over `timestamp#memo#body`, hex; the body as sent, byte for byte.

    GETs carry the bare key: the exchange checks no signature on them.
    """
    request.headers["X-BM-KEY"] = keys["key"]
    if request.method != "POST":
        return
    body = request.body or b""
    body = body.encode() if isinstance(body, str) else body
    sent_at = str(micros(now) // MILLISECOND)
    message = f"{sent_at}#{keys['memo']}#".encode() + body
    digest = hmac.new(keys["secret"].encode(), message, hashlib.sha256)
    request.headers["X-BM-TIMESTAMP"] = sent_at
    request.headers["X-BM-SIGN"] = digest.hexdigest()
    request.headers["Content-Type"] = "application/json"


Params = dict[str, str]
Body = dict[str, Any]

# Reads that show a right beyond Read-Only: (path, parameters, body). Whether a key may trade is
# not shown by the first: that Read-Only is refused is documented, not tested.
PROBES: dict[str, tuple[str, Params | None, Body | None]] = {
    TRADES_FUTURES: ("/account/v1/transfer-contract-list", None, {"page": 1, "limit": 10}),
    MOVES_BETWEEN_ACCOUNTS: (
        "/account/sub-account/v1/transfer-history", {"moveType": "spot to spot", "N": "1"}, None,
    ),
}  # fmt: skip
SUB_ACCOUNTS = "/account/sub-account/main/v1/subaccount-list"
MAIN_ONLY = frozenset({"sub_accounts", "deposit_withdraw_history"})


def identify(fetch: Fetch, account: Account) -> Identity:
    """No route tells whose key it is: the account goes by its key, or by the `uid` one sets.

    Most routes check only the key, so secret and memo are tested with a signed query.
    A route that only such a key may read shows whether the key can withdraw.
    """
    fetch("/spot/v1/user_fee")
    fetch("/spot/v4/query/trades", body={"limit": 1})
    can_withdraw = _may(fetch, "/account/v1/withdraw/charge", {"currency": "BTC"})
    rights = [right for right, probe in PROBES.items() if _has_right(fetch, *probe)]
    # Only the main account may list sub-accounts; every account may list their moves.
    is_sub = MOVES_BETWEEN_ACCOUNTS in rights and not _has_right(fetch, SUB_ACCOUNTS, None, None)
    return Identity(
        uid=account.uid or f"key-{account.credentials.fingerprint}",
        kind="sub" if is_sub else "main",
        can_withdraw=can_withdraw,
        permissions=(*(["Withdraw"] if can_withdraw else []), *rights),
    )


def _has_right(fetch: Fetch, path: str, params: Params | None, body: Body | None) -> bool:
    """Whether a route that wants a right answers; False only where the exchange says so."""
    try:
        fetch(path, params, body=body)
    except RequestError as problem:
        return problem.kind != "no_permission"
    return True


def beyond(identity: Identity, stream: StreamSpec) -> RequestError | None:
    """What only a key with more than Read-Only may read is not tried with less.

    Nor is a sub-account's key, where it shows as one, tried on what the main account alone has.
    """
    if identity.kind == "sub" and stream.name in MAIN_ONLY:
        what = "sub-accounts may not read this"
        return RequestError(what, kind="no_permission", outcome="refused", remedy=NEEDS_MAIN)
    if not stream.needs_right or stream.needs_right in identity.permissions:
        return None
    return RequestError(
        f"only a key with the right {stream.needs_right} may read this",
        kind="no_permission",
        outcome="refused",
        remedy="nothing; a key that only reads is the better one",
    )


def _may(fetch: Fetch, path: str, params: dict[str, str]) -> bool | None:
    """Whether the key has the right a read needs; None where the answer does not tell."""
    try:
        fetch(path, params)
    except RequestError as problem:
        if problem.kind == "no_permission":
            return False
        if problem.kind in ("not_found", "bad_request"):
            return None
        raise
    return True


def balance_of(stream: StreamSpec, record: Record) -> tuple[str, str] | None:
    """The account's wallet repeats the spot balances of `spot_wallet`, which are counted once."""
    wallets: dict[str, str] = {"account_wallet": "spot", "futures_assets": "futures"}
    wallet = wallets.get(stream.name)
    return None if wallet is None else (wallet, record.id)


EXCHANGE = Exchange(
    spec=SPEC,
    sign=sign,
    errors=ERRORS,
    identify=identify,
    clock_path="/system/time",
    clock_at=("data.server_time",),
    balance_of=balance_of,
    beyond=beyond,
)
