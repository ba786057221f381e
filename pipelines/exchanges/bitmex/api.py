"""BitMEX: signature, error table, identity, and the files of its site."""

from __future__ import annotations

import hashlib
import hmac
import math
from datetime import datetime, timedelta
from typing import Any

import msgspec
from requests import PreparedRequest

from pipelines.account import Account, Credentials
from pipelines.errors import RequestError
from pipelines.exchanges.bitmex.spec import SPEC
from pipelines.extract.exchange import Exchange, Fetch, Identity, UnusableFile
from pipelines.extract.failures import ErrorTable, clock, refused
from pipelines.extract.records import Record, field_of, to_micros, to_moment
from pipelines.spec import StreamSpec

# How long a signed request is valid; a fast clock only lengthens it.
VALID_FOR = timedelta(seconds=60)

CHECK_KEY = "check the key in .dlt/secrets.toml; testnet and mainnet keys are not the same"

KEY_REFUSED = refused("no_permission", "the key was refused", CHECK_KEY)

ERRORS = ErrorTable(
    codes={"HTTP 401": KEY_REFUSED, "HTTP 403": KEY_REFUSED},
    messages={
        "invalid api key": refused("wrong_key", "the exchange does not know this key", CHECK_KEY),
        "signature not valid": refused(
            "wrong_secret", "the secret does not belong to this key", CHECK_KEY
        ),
        "key is disabled": refused(
            "wrong_key", "the key is disabled", "enable it, or make a new one"
        ),
        "ip address is not allowed": refused(
            "ip_refused", "the key is bound to other addresses", "add this machine's address to it"
        ),
        "access denied": refused(
            "no_permission", "the key lacks the right for this", "check its account"
        ),
        "subaccount": refused(
            "no_permission", "the key belongs to another sub-account", CHECK_KEY
        ),
        "account is restricted": refused(
            "no_permission", "the account is restricted", "ask BitMEX support"
        ),
        "expired": clock(),  # a 400 here, not a 401
    },
)


def sign(request: PreparedRequest, target: str, keys: Credentials, now: datetime) -> None:
    """HMAC-SHA256 over verb + path?query as sent + expires, hex (bitmex.com/app/apiKeysUsage)."""
    expires = str(math.ceil((now + VALID_FOR).timestamp()))
    message = f"{request.method}{target}{expires}"
    request.headers["api-key"] = keys["key"]
    request.headers["api-expires"] = expires
    request.headers["api-signature"] = hmac.new(
        keys["secret"].encode(), message.encode(), hashlib.sha256
    ).hexdigest()


def is_record(stream: StreamSpec, record: Record) -> bool:
    """Whether a row is a transaction: an open position has a ledger row, which is skipped."""
    return not (
        stream.name == "wallet_history"
        and b"UnrealisedPNL" in record.raw
        and field_of(record.raw, "transactType") == "UnrealisedPNL"
    )


def identify(fetch: Fetch, account: Account) -> Identity:
    """The trading account number, which is also in the rows; rights from the key's own entry.

    A key with a `targetAccountId` is bound to that sub-account. The main account is then unknown,
    as the entry's `userId` is not an account number.
    """
    wallet = msgspec.json.decode(fetch("/api/v1/user/wallet", {"currency": "XBt"}))
    if isinstance(wallet, list):
        wallet = next(iter(wallet), None)
    if not isinstance(wallet, dict):
        wallet = {}
    key = _key_entry(fetch, account)
    rights = None if key is None else _rights(key)
    return Identity(
        uid=str(wallet.get("account") or account.uid),
        kind="sub" if (key or {}).get("targetAccountId") else "main",
        opened_at=_opened_at(fetch),
        opened_at_evidence="exchange",
        can_trade=None if rights is None else bool({"order", "orderCancel"} & set(rights)),
        can_withdraw=None if rights is None else "withdraw" in rights,
        permissions=tuple(rights or ()),
        ip_allow_list=tuple(
            str(cidr) for cidr in _as_list((key or {}).get("cidrs")) if cidr != "0.0.0.0/0"
        ),
        key_created_at=_moment((key or {}).get("created")),
    )


def _key_entry(fetch: Fetch, account: Account) -> dict[str, Any] | None:
    """The entry of the key itself; None if the exchange does not return it."""
    for path in ("/api/v1/apiKey/self", "/api/v1/apiKey"):
        try:
            found = msgspec.json.decode(fetch(path))
        except RequestError as problem:
            if problem.retry:
                raise
            continue
        entries = found if isinstance(found, list) else [found]
        for entry in entries:
            if isinstance(entry, dict) and entry.get("id") == account.credentials["key"]:
                return entry
    return None


def _rights(key: dict[str, Any]) -> list[str]:
    """The rights in `permissions`, which has strings or lists of strings (not documented)."""
    rights: list[str] = []
    for entry in _as_list(key.get("permissions")):
        rights.extend(str(item) for item in _as_list(entry))
    return rights


def _as_list(value: Any) -> list[Any]:
    """The value as a list."""
    if isinstance(value, list):
        return value
    return [] if value in (None, "") else [value]


def _opened_at(fetch: Fetch) -> datetime | None:
    """When the user was created. The rest of the response is personal and not stored."""
    try:
        user = msgspec.json.decode(fetch("/api/v1/user"))
    except RequestError as problem:
        if problem.retry:
            raise
        return None
    return _moment(user.get("created")) if isinstance(user, dict) else None


def _moment(value: Any) -> datetime | None:
    moment = to_micros(value, "iso8601")
    return None if moment is None else to_moment(moment)


def uid_of(raw: bytes) -> str:
    """The trading account number in a private record."""
    account = field_of(raw, "account")
    return "" if account is None else str(account)


# Neither table has a currency or an account; two independent parsers read the same columns.
NO_SITE_FILE = (
    "it has no ids, no account and no currency, and its times are in the language and time zone of "
    "the browser that made it, so its rows have no exact time and cannot be matched with the API's"
)
SITE_REMEDY = (
    "import the API's own response, which has them: {} as JSON, or with _format=csv; ask BitMEX "
    "support for statements if none was saved, and keep this file"
)
SITE_FILES = (
    UnusableFile(
        what="an export of BitMEX's site (trade history)",
        columns=frozenset(
            {
                "transactTime", "symbol", "execType", "side", "lastQty", "lastPx", "execCost",
                "commission", "execComm",
            }
        ),
        lacked="execID",
        why=NO_SITE_FILE,
        remedy=SITE_REMEDY.format("execution/tradeHistory"),
    ),
)  # fmt: skip


EXCHANGE = Exchange(
    spec=SPEC,
    sign=sign,
    errors=ERRORS,
    identify=identify,
    clock_path="/api/v1/wallet/assets",  # there is no time route; every response has a Date header
    is_record=is_record,
    uid_of=uid_of,
    uid_field="account",
    unusable_files=SITE_FILES,
)
