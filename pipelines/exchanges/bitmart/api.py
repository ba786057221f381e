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
from pipelines.extract.records import micros
from pipelines.spec import StreamSpec

CHECK_KEY = "check the key in .dlt/secrets.toml, or make a new read-only one"
CHECK_MEMO = "check secret and memo in .dlt/secrets.toml; the memo is the one given to this key"
NEEDS_MAIN = "use a key of the main account for this"
LOCKED = "ask BitMart's support before the platform ends"

GONE = Case(
    kind="not_found",
    what="the route no longer exists",
    remedy="BitMart is winding down and may close routes before its end; save the site's own "
    "history pages now",
    may_mean_closed=True,
)
OUT_OF_RANGE = Case(
    kind="out_of_range",
    what="the exchange does not return data of this span",
    remedy="data older than about three months is not available through the API",
)
BUSY = busy("the exchange is busy or under maintenance", may_mean_closed=True)
BANNED = rate_limited(is_ban=True)
UNKNOWN_PAIR = unknown_scope(
    "pair",
    "stored data is kept; save the site's history pages of delisted pairs",
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
        "53001": refused("no_permission", "the account's country is excluded", LOCKED),
        "53003": refused("no_permission", "only the main account may read this", NEEDS_MAIN),
        "53005": refused("no_permission", "the account has no right to this", LOCKED),
        "53007": refused("no_permission", "the account must be verified first", LOCKED),
        "53008": refused("no_permission", "the account's region is excluded", LOCKED),
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

    GET requests have only the key: the exchange does not check a signature on them.
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

# Requests that only a key with more than Read-Only can make: (path, parameters, body). The first
# does not show whether a key can trade: that it refuses Read-Only is documented, but not tested.
PROBES: dict[str, tuple[str, Params | None, Body | None]] = {
    TRADES_FUTURES: ("/account/v1/transfer-contract-list", None, {"page": 1, "limit": 10}),
    MOVES_BETWEEN_ACCOUNTS: (
        "/account/sub-account/v1/transfer-history", {"moveType": "spot to spot", "N": "1"}, None,
    ),
}  # fmt: skip
SUB_ACCOUNTS = "/account/sub-account/main/v1/subaccount-list"
MAIN_ONLY = frozenset({"sub_accounts", "deposit_withdraw_history"})


def identify(fetch: Fetch, account: Account) -> Identity:
    """The account, identified by its key or the configured `uid`: no route returns the owner.

    Most routes check only the key, so a signed request tests secret and memo. A route for keys with
    the right to withdraw shows whether the key has it.
    """
    fetch("/spot/v1/user_fee")
    fetch("/spot/v4/query/trades", body={"limit": 1})
    can_withdraw = _may(fetch, "/account/v1/withdraw/charge", {"currency": "BTC"})
    rights = [right for right, probe in PROBES.items() if _has_right(fetch, *probe)]
    # Only the main account can list sub-accounts; every account can list their transfers.
    is_sub = MOVES_BETWEEN_ACCOUNTS in rights and not _has_right(fetch, SUB_ACCOUNTS, None, None)
    return Identity(
        uid=account.uid or f"key-{account.credentials.fingerprint}",
        kind="sub" if is_sub else "main",
        can_withdraw=can_withdraw,
        permissions=(*(["Withdraw"] if can_withdraw else []), *rights),
    )


def _has_right(fetch: Fetch, path: str, params: Params | None, body: Body | None) -> bool:
    """Whether the key has the right that the route requires; False only if the exchange says so."""
    try:
        fetch(path, params, body=body)
    except RequestError as problem:
        return problem.kind != "no_permission"
    return True


def beyond(identity: Identity, stream: StreamSpec) -> RequestError | None:
    """Why a stream is not requested: it needs a right that the key lacks.

    Streams of the main account are not requested with the key of a known sub-account.
    """
    if identity.kind == "sub" and stream.name in MAIN_ONLY:
        what = "sub-accounts may not read this"
        return RequestError(what, kind="no_permission", outcome="refused", remedy=NEEDS_MAIN)
    if not stream.needs_right or stream.needs_right in identity.permissions:
        return None
    return RequestError(
        f"only a key with the right {stream.needs_right} can read this",
        kind="no_permission",
        outcome="refused",
        remedy="no action required; a read-only key is safer",
    )


def _may(fetch: Fetch, path: str, params: dict[str, str]) -> bool | None:
    """Whether the key has the right that a read needs; None if the response does not show it."""
    try:
        fetch(path, params)
    except RequestError as problem:
        if problem.kind == "no_permission":
            return False
        if problem.kind in ("not_found", "bad_request"):
            return None
        raise
    return True


EXCHANGE = Exchange(
    spec=SPEC,
    sign=sign,
    errors=ERRORS,
    identify=identify,
    clock_path="/system/time",
    clock_at=("data.server_time",),
    beyond=beyond,
)
