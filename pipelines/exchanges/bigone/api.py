"""BigONE: signature, error table, identity.

No route returns the owner or the rights of a key, so the rights are unknown. The account id is the
customer id on its withdrawals, else the number of the contract account, else a hash of the key.
`uid` in the configuration overrides all three. It is required for a new key of an account that is
identified by a hash.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
from datetime import datetime, timedelta

import msgspec
from requests import PreparedRequest, Response

from pipelines.account import Account, Credentials
from pipelines.errors import RequestError
from pipelines.exchanges.bigone.spec import CONTRACT, SPEC, SPOT
from pipelines.extract.answers import rows_of_answer
from pipelines.extract.exchange import Exchange, Fetch, Identity, wallet_and_id
from pipelines.extract.failures import (
    ErrorTable,
    busy,
    clock,
    rate_limited,
    read_date,
    refused,
    unknown_scope,
)
from pipelines.extract.records import Record, field_of, micros
from pipelines.spec import StreamSpec

CHECK_KEY = (
    "check key and secret in .dlt/secrets.toml, or make a new key with view rights only; BigONE "
    "does not say which of the two is wrong"
)
READ_RIGHTS = (
    "tick the view rights of the key (balances, orders, trades, deposit and withdrawal history, "
    "Access Contract), or add this machine's address to it; BigONE does not say which is missing"
)

VALID_FOR = timedelta(seconds=30)
"""The largest accepted difference between a token's time and the exchange's (`recv_window`)."""

# Two requests in one millisecond have different nonces.
_TURNS = itertools.count()


def sign(request: PreparedRequest, target: str, keys: Credentials, now: datetime) -> None:
    """A JWT for each request; parameters are not signed."""
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


UNAUTHORIZED = "40004"
CLOCK = "clock"


def code_of(code: str, response: Response, now: datetime) -> str:
    """The code of a failure; the contract service reports a refused key only by the status.

    A wrong key, a wrong secret and a wrong time have the same error. The date of the response shows
    whether the time was wrong.
    """
    code = code or {401: UNAUTHORIZED, 403: "10403"}.get(response.status_code, "")
    theirs = read_date(response.headers.get("Date", ""))
    is_off = theirs is not None and abs(theirs - now) > VALID_FOR
    return CLOCK if code == UNAUTHORIZED and is_off else code


# The errors of the OpenAPI files, and errors of older versions.
ERRORS = ErrorTable(
    codes={
        UNAUTHORIZED: refused(
            "wrong_key_or_secret", "the exchange does not accept this key", CHECK_KEY
        ),
        "40106": refused(
            "wrong_key_or_secret", "the exchange does not accept this token", CHECK_KEY
        ),
        "40107": refused("wrong_key_or_secret", "the token is malformed", CHECK_KEY),
        "10403": refused(
            "no_permission", "the key lacks the right for this, or this address", READ_RIGHTS
        ),
        "40301": refused("no_permission", "the key lacks the right for this", READ_RIGHTS),
        CLOCK: clock("30 seconds"),
        "10429": rate_limited(shared="this address"),
        "10005": busy(),
        "10011": busy(),
        "10013": unknown_scope(
            "pair",
            "stored data is kept; ask BigONE support for the trades of a delisted pair",
            "asset_pair_name",
        ),
    },
    code_of=code_of,
)


def identify(fetch: Fetch, account: Account) -> Identity:
    """The customer id of the newest withdrawal, else the contract account's number, else a hash."""
    named = ""
    refusals = []
    for path, params, name_in in (
        (f"{SPOT}/viewer/withdrawals", {"limit": "1"}, _customer_id),
        (f"{CONTRACT}/accounts", {}, _contract_number),
        (f"{SPOT}/viewer/accounts", {}, _no_name),
    ):
        try:
            named = named or name_in(fetch(path, params))
        except RequestError as problem:
            if problem.kind != "no_permission":
                raise
            refusals.append(problem)
        if named:
            break
    if len(refusals) == 3:
        raise RequestError(
            f"every list was refused for this key: {refusals[0].what}",
            kind="ip_refused",
            outcome="refused",
            remedy=READ_RIGHTS,
        )
    uid = account.uid or named or f"key-{account.credentials.fingerprint}"
    return Identity(uid=uid, kind="main")


def _customer_id(body: bytes) -> str:
    rows = rows_of_answer(SPEC, SPEC.stream("withdrawals"), body)
    return str(field_of(rows[0], "customer_id") or "") if rows else ""


def _contract_number(body: bytes) -> str:
    rows = rows_of_answer(SPEC, SPEC.stream("contract_accounts"), body)
    number = field_of(rows[0], "readableId") if rows else None
    return f"contract-{number}" if number else ""


def _no_name(body: bytes) -> str:
    return ""


def balance_of(stream: StreamSpec, record: Record) -> tuple[str, str] | None:
    """The asset of a contract account is its cash currency."""
    if stream.name == "contract_accounts":
        return stream.wallet, str(field_of(record.raw, "currency") or record.id)
    return wallet_and_id(stream, record)


EXCHANGE = Exchange(
    spec=SPEC,
    sign=sign,
    errors=ERRORS,
    identify=identify,
    clock_path=f"{SPOT}/ping",
    clock_at=("data.Timestamp", "data.timestamp"),  # nanoseconds; older responses in lower case
    balance_of=balance_of,
)
