"""BigONE: how a request is signed, how pages are walked, what errors mean.

No route tells whose key it is or what it may do, so rights stay unknown. The account is named by
the customer id its withdrawals carry, else by the contract account's number, else by the key's
own hash; `uid` in the configuration goes before all three, and is needed after a change of keys
where only the hash was known.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from requests import PreparedRequest, Response

from pipelines.account import Account, Credentials
from pipelines.errors import Trouble
from pipelines.exchanges.bigone.spec import CONTRACT, SPEC, SPOT
from pipelines.extract.client import blocked, misread, read_date, too_many
from pipelines.extract.exchange import Ask, Exchange, Identity
from pipelines.extract.paginators import ByCursor, OnePage, Walk
from pipelines.extract.records import Record, cut_list, field_of, micros
from pipelines.extract.windows import Window
from pipelines.spec import StreamSpec

CHECK_KEY = (
    "check key and secret in .dlt/secrets.toml, or make a new key with view rights only; BigONE "
    "does not say which of the two is wrong"
)
READ_RIGHTS = (
    "tick the view rights of the key (balances, orders, trades, deposit and withdrawal history, "
    "Access Contract), or add this machine's address to it; BigONE does not say which is missing"
)

# code: (kind, what happened, remedy)  (the errors of the OpenAPI files, and older ones)
REFUSALS: dict[str, tuple[str, str, str]] = {
    "40004": ("wrong_key_or_secret", "the exchange does not accept this key", CHECK_KEY),
    "40106": ("wrong_key_or_secret", "the exchange does not accept this token", CHECK_KEY),
    "40107": ("wrong_key_or_secret", "the token is malformed", CHECK_KEY),
    "10403": ("no_permission", "the key lacks the right for this, or this address", READ_RIGHTS),
    "40301": ("no_permission", "the key lacks the right for this", READ_RIGHTS),
}
BUSY = frozenset({"10005", "10011"})
UNAUTHORIZED = "40004"
VALID_FOR = timedelta(seconds=30)
"""How far a token's time may lie from the exchange's (`recv_window`)."""
NOT_FOUND = "10013"

# Two requests of one millisecond still carry two nonces.
_TURNS = itertools.count()


class Envelope(msgspec.Struct):
    """What spot, wallet and convert wrap their answers in; the contract service wraps nothing.

    `anomaly` is how the contract service tells an error.
    """

    code: Any = None
    message: Any = None
    data: msgspec.Raw = msgspec.Raw()
    page_token: Any = None
    anomaly: Any = None


_ENVELOPE = msgspec.json.Decoder(Envelope)


class ContractAccount(msgspec.Struct):
    """One item of the contract service's `/accounts`."""

    cash: msgspec.Raw
    positions: msgspec.Raw


_CONTRACT_ACCOUNT = msgspec.json.Decoder(ContractAccount)


def sign(request: PreparedRequest, target: str, keys: Credentials, now: datetime) -> None:
    """A JWT of its own for each request; what is asked is not signed."""
    nonce = micros(now) * 1_000 + next(_TURNS) % 1_000_000
    request.headers["Authorization"] = f"Bearer {token(keys['key'], keys['secret'], nonce)}"


def token(key: str, secret: str, nonce: int, recv_window: str = "") -> str:
    """The JWT (HS256) for a key; `nonce` is nanoseconds since 1970, sent as text."""
    claims = {"type": "OpenAPIV2", "sub": key, "nonce": str(nonce)}
    if recv_window:
        claims["recv_window"] = recv_window
    parts = (msgspec.json.encode(part) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    text = b".".join(_base64(part) for part in parts)
    digest = hmac.new(secret.encode(), text, hashlib.sha256).digest()
    return b".".join((text, _base64(digest))).decode()


def _base64(part: bytes) -> bytes:
    return base64.urlsafe_b64encode(part).rstrip(b"=")


def explain(response: Response, now: datetime) -> Trouble | None:
    """What is wrong with an answer: its code first, then what all exchanges share."""
    body = response.content.lstrip()
    if response.status_code == 200 and body.startswith(b"["):
        return None  # the contract service's lists come bare
    try:
        envelope = _ENVELOPE.decode(body)
    except msgspec.DecodeError:
        return blocked(SPEC, response) or misread(response)
    code = "" if envelope.code is None else str(envelope.code)
    if response.status_code == 200 and code in ("", "0") and not envelope.anomaly:
        return None
    text = f"{code or response.status_code}: {envelope.message or envelope.anomaly or 'no reason'}"
    return _named(code, text, response, now) or blocked(SPEC, response) or Trouble(
        f"the exchange refused the question ({text})",
        kind="bad_request",
        remedy="sync again; if it fails again, the limits in this exchange's spec.py are outdated",
    )


def _named(code: str, text: str, response: Response, now: datetime) -> Trouble | None:
    """The trouble a code stands for, None where it says no more than the status does."""
    if not code:
        code = {401: UNAUTHORIZED, 403: "10403"}.get(response.status_code, "")
    if code == UNAUTHORIZED and _is_off(now, response):
        return Trouble(
            f"the exchange finds the request's time wrong ({text})",
            kind="clock",
            remedy="set this machine's clock; the exchange allows 30 seconds",
            retry=True,  # after the clocks were compared again
            wait=0.0,
        )
    if code in REFUSALS:
        kind, what, remedy = REFUSALS[code]
        return Trouble(f"{what} ({text})", kind=kind, outcome="refused", remedy=remedy)
    if code == "10429":
        return too_many(response, text, shared="this address")
    if code in BUSY:
        return Trouble(
            f"the exchange is busy ({text})",
            kind="server_error",
            remedy="run the sync again later; nothing is lost",
            retry=True,
        )
    if code == NOT_FOUND and "asset_pair_name=" in (response.url or ""):
        return Trouble(
            f"the exchange does not know this pair, or not any more ({text})",
            kind="unknown_scope",
            outcome="refused",
            remedy="what was stored stays; ask BigONE support for the trades of a delisted pair",
        )
    return None


def _is_off(now: datetime, response: Response) -> bool:
    """Whether the answer's own date shows that the token came too late or too soon.

    A wrong key, a wrong secret and a wrong time are refused with the same words.
    """
    theirs = read_date(response.headers.get("Date", ""))
    return theirs is not None and abs(theirs - now) > VALID_FOR


def items(stream: StreamSpec, body: bytes) -> list[msgspec.Raw]:
    """The list of an answer: inside `data`, or bare from the contract service."""
    if not stream.path.startswith(CONTRACT):
        data = _ENVELOPE.decode(body).data
        if not bytes(data):
            raise Trouble("the answer says success and has no data", kind="not_understood")
        return cut_list(data, stream.record_id)
    records = cut_list(body, ("cash", *stream.record_id))
    if stream.name == "contract_accounts":
        return [_CONTRACT_ACCOUNT.decode(raw).cash for raw in records]
    if stream.name == "contract_positions":
        parts = (_CONTRACT_ACCOUNT.decode(raw).positions for raw in records)
        return [raw for part in parts for raw in cut_list(part)]
    return records


def walk(stream: StreamSpec, window: Window, scope: str) -> Walk:
    """Lists along `page_token`; those of the contract service along the last row's id."""
    if stream.kind != "history":
        return OnePage({}, window, stream.page_size)
    params = {"limit": str(stream.page_size)}
    if stream.path.startswith(CONTRACT):
        return ByCursor(params, window, stream.page_size, cursor="id", follow=last_id)
    if stream.scope:
        params["asset_pair_name"] = scope
    if stream.name == "spot_orders":
        params["state"] = "ALL"  # without it only pending ones come
    return ByCursor(
        params, window, stream.page_size, cursor="page_token", follow=page_token, scope=scope
    )


def page_token(response: Response, records: list[Record]) -> str:
    """The token beside `data`; absent, null or empty on the last page."""
    return str(_ENVELOPE.decode(response.content).page_token or "")


def last_id(response: Response, records: list[Record]) -> str:
    """The contract service's `id`: rows older than it. An empty page ends the list."""
    return records[-1].id if records else ""


def identify(ask: Ask, account: Account) -> Identity:
    """The customer id of the newest withdrawal, else the contract account's number, else a hash."""
    named = ""
    refusals = []
    for path, params, name_in in (
        (f"{SPOT}/viewer/withdrawals", {"limit": "1"}, _customer_id),
        (f"{CONTRACT}/accounts", {}, _contract_number),
        (f"{SPOT}/viewer/accounts", {}, _no_name),
    ):
        try:
            named = named or name_in(ask(path, params))
        except Trouble as trouble:
            if trouble.kind != "no_permission":
                raise
            refusals.append(trouble)
        if named:
            break
    if len(refusals) == 3:
        raise Trouble(
            f"the key may read nothing from here: {refusals[0].what}",
            kind="ip_refused",
            outcome="refused",
            remedy=READ_RIGHTS,
        )
    uid = account.uid or named or f"key-{account.credentials.fingerprint}"
    return Identity(uid=uid, kind="main")


def _customer_id(body: bytes) -> str:
    rows = items(SPEC.stream("withdrawals"), body)
    return str(field_of(rows[0], "customer_id") or "") if rows else ""


def _contract_number(body: bytes) -> str:
    rows = items(SPEC.stream("contract_accounts"), body)
    number = field_of(rows[0], "readableId") if rows else None
    return f"contract-{number}" if number else ""


def _no_name(body: bytes) -> str:
    return ""


def read_clock(response: Response) -> datetime | None:
    """`data.Timestamp`, nanoseconds; older answers write it in lower case."""
    try:
        data = msgspec.json.decode(_ENVELOPE.decode(response.content).data)
        stamp = int(data.get("Timestamp") or data.get("timestamp"))
    except (AttributeError, TypeError, ValueError):
        return None
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=stamp // 1_000)


def balance_of(stream: StreamSpec, record: Record) -> tuple[str, str] | None:
    """Spot and fund by coin; a contract account by the currency of its cash."""
    if stream.name in ("spot_accounts", "fund_accounts"):
        return stream.wallet, record.id
    if stream.name == "contract_accounts":
        return stream.wallet, str(field_of(record.raw, "currency") or record.id)
    return None


EXCHANGE = Exchange(
    spec=SPEC,
    sign=sign,
    explain=explain,
    items=items,
    walk=walk,
    identify=identify,
    clock_path=f"{SPOT}/ping",
    read_clock=read_clock,
    balance_of=balance_of,
)
