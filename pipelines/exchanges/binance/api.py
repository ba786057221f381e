"""Binance: signature, error table, identity and what a key may do."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime
from typing import Any

import msgspec
from requests import PreparedRequest, Response

from pipelines.account import Account, Credentials
from pipelines.errors import RequestError
from pipelines.exchanges.binance.spec import API, SAPI, SPEC
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

CHECK_KEY = "copy key and secret to .dlt/secrets.toml again, or make a new key that only reads"
RECEIVE_WINDOW = 10_000
"""Milliseconds for which a signed request stays valid."""

TRADING_RIGHTS = (
    "enableSpotAndMarginTrading", "enableMargin", "enableFutures", "enableVanillaOptions",
    "enablePortfolioMarginTrading", "enableFixApiTrade",
)  # fmt: skip
READING_RIGHTS = frozenset({"enableReading", "enableFixReadOnly"})
NOT_A_MASTER = "not_a_master"


def sign(request: PreparedRequest, target: str, keys: Credentials, now: datetime) -> None:
    """HMAC-SHA256 over the query and the body, hex; it becomes the query's last parameter."""
    query = target.partition("?")[2]
    times = f"recvWindow={RECEIVE_WINDOW}&timestamp={micros(now) // MILLISECOND}"
    query = f"{query}&{times}" if query else times
    body = request.body or b""
    signature = signature_of(
        keys["secret"], query, body.encode() if isinstance(body, str) else body
    )
    address = (request.url or "").partition("?")[0]
    request.url = f"{address}?{query}&signature={signature}"
    request.headers["X-MBX-APIKEY"] = keys["key"]


def signature_of(secret: str, query: str, body: bytes = b"") -> str:
    """The signature of a query as it is sent and the body after it."""
    return hmac.new(secret.encode(), query.encode() + body, hashlib.sha256).hexdigest()


def code_of(code: str, response: Response, now: datetime) -> str:
    """-1003 is a rate limit or, with status 418, a ban."""
    return f"HTTP {response.status_code}" if code == "-1003" else code


ERRORS = ErrorTable(
    codes={
        **dict.fromkeys(
            ("-2014", "-2008"),
            refused("wrong_key_or_secret", "the exchange does not know this key", CHECK_KEY),
        ),
        "-1022": refused(
            "wrong_key_or_secret", "the secret does not belong to this key", CHECK_KEY
        ),
        "-2015": refused(
            "no_permission",
            "the key was deleted, or is bound to other addresses, or lacks the right for this",
            "check on the site that the key exists, that this machine's address is on its list and "
            "that Enable Reading is ticked; Binance does not say which of the three it is",
        ),
        "-9000": refused(
            NOT_A_MASTER, "only a master account may read this", "use a key of the master account"
        ),
        **dict.fromkeys(
            ("-3003", "-11001"),
            refused("no_permission", "the account has no such wallet", "nothing is missing"),
        ),
        "-1021": clock("10 seconds"),
        "-1121": unknown_scope(
            "pair",
            "what was stored stays; save the site's transaction history of delisted pairs",
            "symbol",
        ),
        "HTTP 429": rate_limited(shared="this address"),
        "HTTP 418": rate_limited(shared="this address", is_ban=True),
        "HTTP 451": Case(
            kind="blocked",
            what="Binance does not serve the country of this address",
            remedy="run the sync from a network of a country that Binance serves",
            outcome="refused",
        ),
        **dict.fromkeys(("-1000", "-1001", "-1006", "-1007", "-1008", "-1016", "-3000"), busy()),
    },
    code_of=code_of,
)


def identify(fetch: Fetch, account: Account) -> Identity:
    """The account's number, and the rights of the key, which are not those of the account.

    No route states when the account was opened. That a sub-account may not list sub-accounts is the
    only sign of one.
    """
    owner = _members(fetch(f"{API}/account", {"omitZeroBalances": "true"}))
    rights = _members(fetch(f"{SAPI}/account/apiRestrictions"))
    if not owner.get("uid"):
        raise RequestError("the answer does not name the account", kind="not_understood")
    kind = "main"
    try:
        fetch(f"{SAPI}/sub-account/list", {"limit": "1"})
    except RequestError as problem:
        if problem.outcome != "refused":
            raise
        kind = "sub" if problem.kind == NOT_A_MASTER else ""
    made = rights.get("createTime")
    return Identity(
        uid=str(owner["uid"]),
        kind=kind,
        can_trade=any(rights.get(right) for right in TRADING_RIGHTS),
        can_withdraw=_is(rights.get("enableWithdrawals")),
        permissions=tuple(
            name for name, value in rights.items() if name != "ipRestrict" and value is True
        ),
        key_created_at=datetime.fromtimestamp(made // 1_000, UTC) if made else None,
    )


def _members(body: bytes) -> dict[str, Any]:
    return msgspec.json.decode(body, type=dict[str, Any])


def _is(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


EXCHANGE = Exchange(
    spec=SPEC,
    sign=sign,
    errors=ERRORS,
    identify=identify,
    clock_path=f"{API}/time",
    clock_at=("serverTime",),
    only_reads=lambda identity, word: word in READING_RIGHTS,
)
