"""BitMart: how a request is signed, how pages are walked, what errors mean."""

from __future__ import annotations

import hashlib
import hmac
import math
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from requests import PreparedRequest, Response

from pipelines.account import Account, Credentials
from pipelines.errors import Trouble
from pipelines.exchanges.bitmart.spec import MOVES_BETWEEN_ACCOUNTS, SPEC, TRADES_FUTURES
from pipelines.extract.client import blocked, closed, has_ended, misread, retry_after
from pipelines.extract.exchange import Ask, Exchange, Identity
from pipelines.extract.paginators import (
    MILLISECOND,
    ByPageNumber,
    NewestOnly,
    NewestPage,
    OnePage,
    Walk,
)
from pipelines.extract.records import Record, cut_list, micros
from pipelines.extract.windows import Window
from pipelines.spec import StreamSpec

SUCCESS = 1000
SECOND = 1_000 * MILLISECOND

# Answers that say "never used": there is nothing, and nothing is wrong.
NEVER_USED = {51001: "isolated margin", 40046: "futures", 61006: "sub-accounts"}

# Where the records are inside `data`; `data` itself where a path is not named.
LIST_IN = {
    "/account/v2/deposit-withdraw/history": "records",
    "/spot/v1/margin/isolated/borrow_record": "records",
    "/spot/v1/margin/isolated/repay_record": "records",
    "/account/v1/transfer-contract-list": "records",
    "/account/sub-account/v1/transfer-history": "historyList",
    "/account/sub-account/main/v1/subaccount-list": "subAccountList",
    "/account/v1/wallet": "wallet",
    "/spot/v1/wallet": "wallet",
    "/spot/v1/margin/isolated/account": "symbols",
    "/account/v1/currencies": "currencies",
    "/spot/v1/symbols/details": "symbols",
    "/contract/public/details": "symbols",
}

# Routes whose newest rows come first, as two independent clients rely on. Of the others nobody
# says so, and a full page of theirs is cut in halves, which works in any order.
NEWEST_FIRST = frozenset({"spot_fills", "spot_orders", "deposit_withdraw_history"})

# What is asked of the routes that give their newest rows and take no time at all.
NEWEST: dict[str, dict[str, str | int]] = {
    "sub_transfers": {"moveType": "spot to spot", "N": 100},
    "futures_sub_transfers": {"limit": 100},
}

CHECK_KEY = "check the key in .dlt/secrets.toml, or make a new read-only one"
CHECK_MEMO = "check secret and memo in .dlt/secrets.toml; the memo is the one given to this key"
NEEDS_MAIN = "use a key of the main account for this"
LOCKED = "ask BitMart's support while it is still there"

# code: (kind, what happened, remedy)
REFUSALS: dict[int, tuple[str, str, str]] = {
    30001: ("wrong_key", "the key is missing", CHECK_KEY),
    30002: ("wrong_key", "the exchange does not know this key", CHECK_KEY),
    30003: ("wrong_key", "the key is frozen", "unfreeze it on the site, or make a new one"),
    30004: ("wrong_secret", "the signature is missing", CHECK_MEMO),
    30005: ("wrong_secret", "the secret or the memo does not belong to this key", CHECK_MEMO),
    30010: ("ip_refused", "the key is bound to other addresses", "add this machine's address"),
    40006: ("ip_refused", "the key is bound to other addresses", "add this machine's address"),
    30011: ("key_expired", "the key has expired", "make a new read-only key"),
    30012: ("no_permission", "the key lacks the right for this", "tick Read-Only on the key"),
    30019: ("no_permission", "the account may not ask this", LOCKED),
    40047: ("no_permission", "futures are closed to this account's region", LOCKED),
    53000: ("no_permission", "the account is frozen", LOCKED),
    53001: ("no_permission", "the account's country is shut out", LOCKED),
    53003: ("no_permission", "only the main account may ask this", NEEDS_MAIN),
    53005: ("no_permission", "the account has no right to this", LOCKED),
    53007: ("no_permission", "the account must be verified first", LOCKED),
    53008: ("no_permission", "the account's region is shut out", LOCKED),
    60026: ("no_permission", "sub-accounts may not ask this", NEEDS_MAIN),
    60027: ("no_permission", "only sub-accounts may ask this", NEEDS_MAIN),
    60028: ("no_permission", "the account is disabled", LOCKED),
    60029: ("no_permission", "the main account froze this one", NEEDS_MAIN),
    60063: ("no_permission", "the account is frozen", LOCKED),
}
CLOCK = frozenset({30006, 30007, 30008})
RATE = frozenset({30013, 30017})
BUSY = frozenset({30014, 30016, 40012, 59001, 60051, 70003})
GONE = frozenset({30000, 30030, 30031})
OUT_OF_RANGE = frozenset({50041, 60066, 60067, 40039})
NOT_THERE = frozenset({50001, 50040, 40034})


class Envelope(msgspec.Struct):
    """What every answer is wrapped in."""

    code: int | str
    message: Any = None
    data: msgspec.Raw = msgspec.Raw()


_ENVELOPE = msgspec.json.Decoder(Envelope)


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


def explain(response: Response, now: datetime) -> Trouble | None:
    """What is wrong with an answer: its code says it, the HTTP status often does not."""
    try:
        envelope = _ENVELOPE.decode(response.content)
        code = int(envelope.code)
    except (msgspec.DecodeError, ValueError):
        return blocked(SPEC, response, now) or misread(response)
    if code == SUCCESS or code in NEVER_USED:
        return None
    text = f"{code}: {envelope.message or 'no reason given'}"
    if code in REFUSALS:
        kind, what, remedy = REFUSALS[code]
        return Trouble(f"{what} ({text})", kind=kind, outcome="refused", remedy=remedy)
    if has_ended(SPEC, now) and (code in BUSY | GONE or response.status_code >= 500):
        return closed(SPEC, text)
    if code in RATE or response.status_code in (418, 429):
        return _too_many(response, text, is_ban=code == 30017 or response.status_code == 418)
    return _failed(response, code, text)


def _failed(response: Response, code: int, text: str) -> Trouble:
    """An answer that is neither rows nor a refusal of the key."""
    if code in CLOCK:
        return Trouble(
            f"the exchange finds the request's time wrong ({text})",
            kind="clock",
            remedy="set this machine's clock; the exchange allows a few seconds",
            retry=True,  # after the clocks were compared again
            wait=0.0,
        )
    if code in GONE:
        return Trouble(
            f"the route is not there any more ({text})",
            kind="not_found",
            remedy="BitMart is winding down and may close routes before its end; save the site's "
            "own history pages now",
        )
    if code in OUT_OF_RANGE:
        return Trouble(
            f"the exchange does not answer for this span ({text})",
            kind="out_of_range",
            remedy="what lies before its about three months is lost through the API",
        )
    if code in NOT_THERE and "symbol=" in (response.url or ""):
        return Trouble(
            f"the exchange does not know this pair, or not any more ({text})",
            kind="unknown_scope",
            outcome="refused",
            remedy="what was stored stays; save the site's own history pages of delisted pairs",
        )
    if code in BUSY or response.status_code >= 500:
        return Trouble(
            f"the exchange is busy or under maintenance ({text})",
            kind="server_error",
            remedy="run the sync again later; nothing is lost",
            retry=True,
        )
    return Trouble(
        f"the exchange refused the question ({text})",
        kind="bad_request",
        remedy="sync again; if it fails again, the limits in this exchange's spec.py are outdated",
    )


def _too_many(response: Response, text: str, *, is_ban: bool) -> Trouble:
    """`…-Reset` is how long the window is, in seconds; a ban is told by Retry-After, if at all."""
    return Trouble(
        f"too many requests ({text})",
        kind="rate_limited",
        remedy="another program may be using the same key; the next run goes on from here",
        retry=not is_ban,
        wait=retry_after(response) if is_ban else _reset(response),
    )


def _reset(response: Response) -> float | None:
    """The longer of what the exchange and what a gateway before it asks for."""
    try:
        window = float(response.headers["X-BM-RateLimit-Reset"])
    except (KeyError, ValueError):
        window = math.nan
    waits = [wait for wait in (window, retry_after(response)) if wait is not None]
    return max((max(0.0, wait) for wait in waits if math.isfinite(wait)), default=None)


def items(stream: StreamSpec, body: bytes) -> list[msgspec.Raw]:
    """The list inside `data`, or `data` itself; null and "never used" are empty lists.

    An answer without `data`, or an object without the list, says nothing about records.
    """
    envelope = _ENVELOPE.decode(body)
    if int(envelope.code) in NEVER_USED:
        return []
    if not bytes(envelope.data):
        raise Trouble("the answer says success and has no data", kind="not_understood")
    name = LIST_IN.get(stream.path)
    if name is None:
        return cut_list(envelope.data, stream.record_id)
    inside = msgspec.json.decode(envelope.data, type=dict[str, msgspec.Raw] | None)
    if inside is not None and name not in inside:
        raise Trouble(f"the answer has no {name}", kind="not_understood")
    return cut_list(inside[name], stream.record_id) if inside else []


def walk(stream: StreamSpec, window: Window, scope: str) -> Walk:
    """Spans of time, each in the endpoint's own names and unit; there is no cursor anywhere."""
    if stream.name == "transfer_list":
        return _numbered_pages(stream, window)
    if stream.newest_rows is not None:
        return NewestPage(NEWEST[stream.name], window, stream.newest_rows)
    if not stream.time_filter:
        return OnePage({}, window, stream.page_size)
    sent: dict[str, str | int] = {}
    if stream.scope:
        sent[own_name(stream, stream.scope)] = scope
    if stream.name == "futures_orders":
        sent[own_name(stream, "account")] = "futures"
    for word in ("limit", "pagesize", "n"):
        if has_name(stream, word):
            sent[own_name(stream, word)] = stream.page_size
    in_seconds = stream.bound_unit == "seconds"
    return NewestOnly(
        sent,
        window,
        stream.page_size,
        bounds=(own_name(stream, "starttime"), own_name(stream, "endtime")),
        write=to_seconds if in_seconds else to_millis,
        grain=SECOND if in_seconds else MILLISECOND,
        sorted_rows=stream.name in NEWEST_FIRST,
    )


def _numbered_pages(stream: StreamSpec, window: Window) -> Walk:
    """The one route with pages, a thousand of them at most."""
    first, last = own_name(stream, "timestart"), own_name(stream, "timeend")
    return ByPageNumber(
        {own_name(stream, "limit"): stream.page_size},
        window,
        stream.page_size,
        number=own_name(stream, "page"),
        last_number=1_000,
        write_bounds={
            first: to_millis(micros(window.start)),
            last: to_millis(micros(window.end)) + 1,
        },
    )


def has_name(stream: StreamSpec, word: str) -> bool:
    """Whether the endpoint has a parameter of that meaning."""
    return any(name.replace("_", "").lower() == word.replace("_", "") for name in stream.params)


def own_name(stream: StreamSpec, word: str) -> str:
    """How the endpoint spells a parameter: `start_time` or `startTime`. Raises KeyError.

    A wrong spelling would be ignored without a word, and answered with the last seven days.
    """
    for name in stream.params:
        if name.replace("_", "").lower() == word.replace("_", ""):
            return name
    raise KeyError(f"{stream.path} takes no {word}")


def to_millis(moment: int) -> int:
    """Microseconds as milliseconds."""
    return moment // MILLISECOND


def to_seconds(moment: int) -> int:
    """Microseconds as seconds."""
    return moment // SECOND


Params = dict[str, str]
Body = dict[str, Any]

# Reads that show a right beyond Read-Only: (path, parameters, body). Whether a key may trade is
# not told by the first: it is only documented, not known, that Read-Only is refused.
PROBES: dict[str, tuple[str, Params | None, Body | None]] = {
    TRADES_FUTURES: ("/account/v1/transfer-contract-list", None, {"page": 1, "limit": 10}),
    MOVES_BETWEEN_ACCOUNTS: (
        "/account/sub-account/v1/transfer-history", {"moveType": "spot to spot", "N": "1"}, None,
    ),
}  # fmt: skip
SUB_ACCOUNTS = "/account/sub-account/main/v1/subaccount-list"
MAIN_ONLY = frozenset({"sub_accounts", "deposit_withdraw_history"})


def identify(ask: Ask, account: Account) -> Identity:
    """No route tells whose key it is: the account goes by its key, or by the `uid` one sets.

    Most routes look at the bare key alone, so secret and memo are tested with a signed query.
    Whether the key can withdraw is told by a route that only such a key may read.
    """
    ask("/spot/v1/user_fee")
    ask("/spot/v4/query/trades", body={"limit": 1})
    can_withdraw = _may(ask, "/account/v1/withdraw/charge", {"currency": "BTC"})
    rights = [right for right, probe in PROBES.items() if _has_right(ask, *probe)]
    # The list of sub-accounts is the main account's alone, their moves are everybody's.
    is_sub = MOVES_BETWEEN_ACCOUNTS in rights and not _has_right(ask, SUB_ACCOUNTS, None, None)
    return Identity(
        uid=account.uid or f"key-{account.credentials.fingerprint}",
        kind="sub" if is_sub else "main",
        can_withdraw=can_withdraw,
        permissions=(*(["Withdraw"] if can_withdraw else []), *rights),
    )


def _has_right(ask: Ask, path: str, params: Params | None, body: Body | None) -> bool:
    """Whether a route that wants a right answers; False only where the exchange says so."""
    try:
        ask(path, params, body=body)
    except Trouble as trouble:
        return trouble.kind != "no_permission"
    return True


def beyond(identity: Identity, stream: StreamSpec) -> Trouble | None:
    """What only a key with more than Read-Only may read is not tried with less.

    Nor is a sub-account's key, where it shows as one, tried on what the main account alone has.
    """
    if identity.kind == "sub" and stream.name in MAIN_ONLY:
        what = "sub-accounts may not ask this"
        return Trouble(what, kind="no_permission", outcome="refused", remedy=NEEDS_MAIN)
    if not stream.needs_right or stream.needs_right in identity.permissions:
        return None
    return Trouble(
        f"only a key with the right {stream.needs_right} may read this",
        kind="no_permission",
        outcome="refused",
        remedy="nothing; a key that only reads is the better one",
    )


def _may(ask: Ask, path: str, params: dict[str, str]) -> bool | None:
    """Whether the key has the right a read needs; None where the answer does not tell."""
    try:
        ask(path, params)
    except Trouble as trouble:
        if trouble.kind == "no_permission":
            return False
        if trouble.kind in ("not_found", "bad_request"):
            return None
        raise
    return True


def read_clock(response: Response) -> datetime | None:
    """`data.server_time`, milliseconds."""
    try:
        data: Any = msgspec.json.decode(_ENVELOPE.decode(response.content).data)
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(data["server_time"]))
    except (msgspec.DecodeError, KeyError, TypeError, ValueError):
        return None


def balance_of(stream: StreamSpec, record: Record) -> tuple[str, str] | None:
    """The account's wallet is the spot money, told by `spot_wallet` once more: counted once."""
    wallets: dict[str, str] = {"account_wallet": "spot", "futures_assets": "futures"}
    wallet = wallets.get(stream.name)
    return None if wallet is None else (wallet, record.id)


EXCHANGE = Exchange(
    spec=SPEC,
    sign=sign,
    explain=explain,
    items=items,
    walk=walk,
    identify=identify,
    clock_path="/system/time",
    read_clock=read_clock,
    balance_of=balance_of,
    beyond=beyond,
)
