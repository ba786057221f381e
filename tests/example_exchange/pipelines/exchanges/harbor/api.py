"""Harbor: signature, error table and identity."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime

from requests import PreparedRequest

from pipelines.account import Account, Credentials
from pipelines.exchanges.harbor.spec import SPEC
from pipelines.extract.exchange import Exchange, Fetch, Identity
from pipelines.extract.failures import ErrorTable, busy, clock, rate_limited, refused
from pipelines.extract.paginators import MILLISECOND
from pipelines.extract.records import micros

NEW_KEY = "make a new key that only reads"


def sign(request: PreparedRequest, target: str, keys: Credentials, now: datetime) -> None:
    """HMAC-SHA256 over the time in milliseconds, the method, and the path with its query."""
    sent_at = str(micros(now) // MILLISECOND)
    text = f"{sent_at}{request.method}{target}"
    signature = hmac.new(keys["secret"].encode(), text.encode(), hashlib.sha256).hexdigest()
    request.headers.update(
        {"X-Harbor-Key": keys["key"], "X-Harbor-Time": sent_at, "X-Harbor-Sign": signature}
    )


ERRORS = ErrorTable(
    codes={
        "unknown_key": refused("wrong_key", "the exchange does not know this key", NEW_KEY),
        "bad_signature": refused("wrong_secret", "the secret is of another key", NEW_KEY),
        "forbidden": refused("no_permission", "the key may not be used from here", NEW_KEY),
        "bad_time": clock("30 seconds"),
        "too_many": rate_limited(),
        "busy": busy(),
    },
)


def identify(fetch: Fetch, account: Account) -> Identity:
    """The account, and the rights of the key."""
    owner = json.loads(fetch("/v1/account"))
    return Identity(
        uid=owner["uid"],
        kind="main",
        opened_at=datetime.fromtimestamp(owner["created"] // 1_000, UTC),
        opened_at_evidence="exchange",
        can_trade="trade" in owner["rights"],
        can_withdraw="withdraw" in owner["rights"],
        permissions=tuple(owner["rights"]),
    )


EXCHANGE = Exchange(
    spec=SPEC,
    sign=sign,
    errors=ERRORS,
    identify=identify,
    clock_path="/v1/time",
    clock_at=("now",),
)
