"""Bitget: signature, error table, identity."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime
from typing import Any
from urllib.parse import unquote_plus

import msgspec
from requests import PreparedRequest

from pipelines.account import Account, Credentials
from pipelines.errors import RequestError
from pipelines.exchanges.bitget.spec import SPEC
from pipelines.exchanges.bitget.spec_copy import TRADER
from pipelines.exchanges.bitget.spec_terms import SUB_ACCOUNT
from pipelines.extract.answers import value_at
from pipelines.extract.exchange import Exchange, Fetch, Identity, wallet_and_id
from pipelines.extract.failures import (
    ErrorTable,
    busy,
    clock,
    rate_limited,
    refused,
    unknown_scope,
)
from pipelines.extract.records import Record, micros, to_micros, to_moment
from pipelines.spec import StreamSpec

BETWEEN_MODES = frozenset({"upgrading", "switching"})

# Authorities of a key (…/spot/account/Get-Account-Info): the codes that only read.
READ_CODES = frozenset(
    {"coor", "cpor", "stor", "smor", "ttor", "wtor", "taxr", "chor", "p2pr", "pllr", "readonly"}
)
WITHDRAW_CODES = frozenset({"wwow"})
READ_ONLY = "read-only"
"""The type of a unified account's key that only reads; its other words are then products."""
PRODUCTS = frozenset({"uta_mgt", "uta_trade"})

ASK_AGAIN = "run the sync again: it determines the kind of the account again"
LEAD_TRADER = "classic routes do not read the account of a lead trader"
WITHOUT_API = (
    "export its history on Bitget's site, or use a key of an account that leads no copy traders"
)
CHECK_KEY = "check the key in .dlt/secrets.toml, or make a new read-only one"

# …/spot/error-code/restapi
KEY_REFUSED = refused("no_permission", "the key was refused", CHECK_KEY)
ERRORS = ErrorTable(
    codes={
        "40001": refused("wrong_key", "the key is missing", CHECK_KEY),
        "40006": refused("wrong_key", "the exchange does not know this key", CHECK_KEY),
        "40037": refused("wrong_key", "this key no longer exists", "make a new read-only key"),
        "40002": refused("wrong_secret", "the signature is missing", CHECK_KEY),
        "40009": refused("wrong_secret", "the secret does not belong to this key", CHECK_KEY),
        "40011": refused(
            "wrong_passphrase", "the passphrase is missing", "add it to .dlt/secrets.toml"
        ),
        "40012": refused("wrong_passphrase", "the key or its passphrase is wrong", CHECK_KEY),
        "40036": refused("wrong_passphrase", "the passphrase is wrong", CHECK_KEY),
        "40018": refused(
            "ip_refused", "the key is bound to other addresses", "add this machine's address"
        ),
        "40038": refused(
            "ip_refused", "the key is bound to other addresses", "add this machine's address"
        ),
        "40014": refused(
            "no_permission", "the key lacks the right for this", "tick its read permission"
        ),
        "40025": refused(
            "no_permission", "the account may not use this product", "no action required"
        ),
        "40099": refused(
            "no_permission", "the account may not use this product", "no action required"
        ),
        "40068": refused(
            "no_permission", "sub-accounts may not read this", "use a key of the main account"
        ),
        "40084": refused("account_mode", "the account is a classic one", ASK_AGAIN),
        "40085": refused("account_mode", "the account was upgraded to a unified one", ASK_AGAIN),
        "25245": refused("account_mode", "the account is a classic one", ASK_AGAIN),
        # "This product does not support copy trading": routes of v3 may read such an account.
        "40731": refused("account_mode", LEAD_TRADER, WITHOUT_API),
        **dict.fromkeys(("40005", "40008"), clock("30 seconds")),
        **dict.fromkeys(("40015", "40200", "40725", "40808", "45001"), busy()),
        "40034": unknown_scope(
            "pair or coin",
            "stored data is kept; ask Bitget support for the rows of delisted products",
            "symbol",
            "coin",
        ),
        "429": rate_limited(),
        **dict.fromkeys(("HTTP 401", "HTTP 403"), KEY_REFUSED),
    }
)


def sign(request: PreparedRequest, target: str, keys: Credentials, now: datetime) -> None:
    """HMAC-SHA256 over timestamp + method + path?query, base64 (…/common/signature).

    The server hashes the decoded query: a symbol such as `$ALTUSDT` is signed with a plain `$`. A
    space is sent as `%20`, because servers decode `+` differently.
    """
    where, mark, query = (request.url or "").partition("?")
    request.url = f"{where}{mark}{query.replace('+', '%20')}"
    sent_at = str(micros(now) // 1_000)
    message = f"{sent_at}{request.method}{unquote_plus(target)}"
    digest = hmac.new(keys["secret"].encode(), message.encode(), hashlib.sha256).digest()
    request.headers["ACCESS-KEY"] = keys["key"]
    request.headers["ACCESS-SIGN"] = base64.b64encode(digest).decode()
    request.headers["ACCESS-TIMESTAMP"] = sent_at
    request.headers["Content-Type"] = "application/json"
    request.headers["locale"] = "en-US"
    if keys["passphrase"]:  # a Tax key has none
        request.headers["ACCESS-PASSPHRASE"] = keys["passphrase"]


def rows_hook(stream: StreamSpec, body: bytes) -> list[msgspec.Raw] | None:
    """No rows for a margin response without a list: its ids are then "0"."""
    if b'"minId"' not in body:
        return None
    data = object_in(body)
    is_empty = data.get("minId") == "0" and SPEC.envelope.list_names.isdisjoint(data)
    return [] if is_empty else None


def identify(fetch: Fetch, account: Account) -> Identity:
    """The account from `/spot/account/info`; a unified account from the v3 routes.

    A Tax key is refused by both, and is identified by its hash.
    """
    try:
        body = fetch("/api/v2/spot/account/info")
    except RequestError as problem:
        if problem.kind == "account_mode":
            return identify_otherwise(fetch, problem)
        if problem.kind != "no_permission":
            raise
        return Identity(
            uid=account.uid or f"key-{account.credentials.fingerprint}",
            kind=kind_of_tax_key(fetch),
            can_trade=False,
            can_withdraw=False,
            permissions=("taxr",),
        )
    info = object_in(body)
    uid = str(info.get("userId") or account.uid)
    parent = str(info.get("parentId") or "")
    rights = _as_list(info.get("authorities"))
    is_sub = parent not in ("", "0", uid)
    is_trader = info.get("traderType") == TRADER
    return Identity(
        uid=uid,
        parent_uid=parent if is_sub else "",
        kind=SUB_ACCOUNT if is_sub else "classic",
        opened_at=_moment(info.get("regisTime")),
        opened_at_evidence="exchange",
        can_trade=any(right not in READ_CODES | WITHDRAW_CODES for right in rights),
        can_withdraw=any(right in WITHDRAW_CODES for right in rights),
        permissions=(*rights, TRADER) if is_trader else tuple(rights),
        ip_allow_list=tuple(_as_list(info.get("ips"))),
    )


def identify_otherwise(fetch: Fetch, refused: RequestError) -> Identity:
    """The account from the v3 routes, after the classic routes refused it.

    Both kinds of routes may refuse the account of a lead trader.
    """
    try:
        return identify_unified(fetch)
    except RequestError as problem:
        if problem.retry or not refused.what.startswith(LEAD_TRADER):
            raise
        raise RequestError(
            f"cannot read the account of a lead trader: {refused.what}, and the routes of unified "
            f"accounts refuse it as well ({problem.what})",
            kind="account_mode",
            outcome="refused",
            remedy=WITHOUT_API,
        ) from problem


def identify_unified(fetch: Fetch) -> Identity:
    """The account from `/account/settings`; rights and opening from `/account/info`, if available.

    The second route is not documented; a public client uses it.
    """
    settings = object_in(fetch("/api/v3/account/settings"))
    mode = str(settings.get("accountMode") or "")
    if mode in BETWEEN_MODES:
        raise RequestError(
            f"the exchange is converting the account to another kind ({mode})",
            kind="account_mode",
            remedy="run the sync again in some minutes; nothing is lost",
        )
    try:
        info = object_in(fetch("/api/v3/account/info"))
    except RequestError as problem:
        if problem.retry:
            raise
        info = {}
    uid = str(settings.get("uid") or info.get("userId") or "")
    parent = str(info.get("parentId") or "")
    rights = _as_list(info.get("permissions"))
    power = str(info.get("permType") or "")
    return Identity(
        uid=uid,
        parent_uid="" if parent == uid else parent,
        kind="unified",
        opened_at=_moment(info.get("regisTime")),
        opened_at_evidence="exchange",
        can_trade=power != READ_ONLY if power else None,
        can_withdraw="withdraw" in rights if info else None,
        permissions=tuple([power, *rights] if power else rights),
        ip_allow_list=tuple(_as_list(info.get("ips"))),
    )


def only_reads(identity: Identity, word: str) -> bool:
    """Whether a word of the permissions is a right that only reads, or no right at all."""
    if word in PRODUCTS:
        return READ_ONLY in identity.permissions
    return word in READ_CODES or word in (READ_ONLY, TRADER)


def kind_of_tax_key(fetch: Fetch) -> str:
    """The account kind of a Tax key, which can only read the tax records of that kind."""
    try:
        fetch("/api/v3/tax/records")
    except RequestError as problem:
        # An error about missing parameters shows that the key has access.
        if problem.kind == "bad_request":
            return "unified_tax_key"
        if problem.retry:
            raise
        return "tax_key"
    return "unified_tax_key"


def beyond(identity: Identity, stream: StreamSpec) -> RequestError | None:
    """Why a stream is not requested: a Tax key can read only tax routes (bitget.com/taxes-api).

    Only traders can read the orders of their followers.
    """
    if stream.needs_right and stream.needs_right not in identity.permissions:
        return RequestError(
            f"only an account that is a {stream.needs_right} has rows in this stream",
            kind="no_permission",
            outcome="refused",
            remedy="no action required",
        )
    is_tax_route = stream.path.startswith(("/api/v2/tax/", "/api/v3/tax/"))
    if not identity.kind.endswith("tax_key") or not stream.private or is_tax_route:
        return None
    return RequestError(
        "a Tax key can read only tax records",
        kind="no_permission",
        outcome="refused",
        remedy="use an ordinary read-only key to get this stream too",
    )


def balance_of(stream: StreamSpec, record: Record) -> tuple[str, str] | None:
    """The assets of a wallet; the overview of all wallets has only values in USDT."""
    if stream.name == "isolated_margin_assets":
        return stream.wallet, record.id.partition("|")[2]  # several pairs can hold the same coin
    if stream.name == "account_balances":
        return record.id, "USDT"
    return wallet_and_id(stream, record)


def _as_list(value: Any) -> list[str]:
    """A field as a list: documentation and clients show lists, comma-separated text and null."""
    if isinstance(value, str):
        value = value.split(",")
    items = value if isinstance(value, list) else []
    return [str(item).strip() for item in items if str(item).strip()]


def object_in(body: bytes) -> dict[str, Any]:
    """The object in `data`, or the first of its list; empty if there is none."""
    data = value_at(body, "data")
    if isinstance(data, list):
        data = next(iter(data), None)
    return data if isinstance(data, dict) else {}


def _moment(value: Any) -> datetime | None:
    moment = to_micros(value, "milliseconds")
    return None if moment is None else to_moment(moment)


EXCHANGE = Exchange(
    spec=SPEC,
    sign=sign,
    errors=ERRORS,
    rows_hook=rows_hook,
    identify=identify,
    beyond=beyond,
    only_reads=only_reads,
    clock_path="/api/v2/public/time",
    clock_at=("data.serverTime",),
    balance_of=balance_of,
)
