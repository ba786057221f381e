"""BitMEX's keys: the check of signatures, and the errors of refused requests.

Written from the exchange's documentation alone: a mistake made here must not agree with one made
in the client.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import random
import string
from functools import lru_cache

from pipelines.sandbox.engine.adapter import Call, Card
from pipelines.sandbox.engine.clock import from_ms
from pipelines.sandbox.engine.wire import Key, Refusal

LETTERS = string.ascii_letters + string.digits + "-_"
EXPIRED = "This request has expired - `expires` is in the past. Current time: {}"
WRONG_IP = "This IP address is not allowed to use this key."


def refusal(status: int, text: str, name: str = "HTTPError") -> Refusal:
    """The exchange's words, and the kind of error that it names."""
    return Refusal(status, name, text)


def make_card(key: Key, rng: random.Random) -> dict[str, str]:
    """A key id of 24 and a secret of 48 characters."""
    return {
        "key": "".join(rng.choices(LETTERS, k=24)),
        "secret": "".join(rng.choices(LETTERS, k=48)),
        "uid": key.uid,
    }


def shown_key(call: Call) -> str:
    """The key id of a call."""
    return call.headers.get("api-key", "")


def is_signed(call: Call) -> bool:
    """Whether a call has a part of a signature, which is checked on public routes too."""
    return "api-key" in call.headers or "api-signature" in call.headers


@lru_cache(maxsize=8_192)
def _date(day: int) -> str:
    return from_ms(day * 86_400_000).date().isoformat()


def iso(ms: int) -> str:
    """A time as the exchange writes it: UTC, three digits of a second, Z."""
    day, rest = divmod(ms, 86_400_000)
    seconds, milliseconds = divmod(rest, 1_000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return f"{_date(day)}T{hour:02d}:{minute:02d}:{second:02d}.{milliseconds:03d}Z"


def signature(secret: str, verb: str, target: str, expires: str, body: bytes = b"") -> str:
    """Lower-case hex of HMAC-SHA256 over verb, raw request target, expiry and body."""
    message = verb.encode() + target.encode() + expires.encode() + body
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


def check(call: Call, key: Key | None, card: Card | None, now: int) -> None:
    """Every check of key and signature: headers, key, state, address, expiry, signature.

    The signed target is path and query exactly as they came over the wire. Raises Refusal.
    """
    expires, given = call.headers.get("api-expires", ""), call.headers.get("api-signature", "")
    if not (shown_key(call) and expires and given):
        raise refusal(401, "Authorization Required")
    if key is None or card is None:
        raise refusal(401, "Invalid API Key.")
    if key.state == "disabled":
        raise refusal(403, "This key is disabled.")
    address = ipaddress.ip_address(call.ip)
    if key.ips and not any(address in ipaddress.ip_network(cidr) for cidr in key.ips):
        raise refusal(403, WRONG_IP)
    if not expires.isdigit():  # a fraction of a second is not understood
        raise refusal(401, "Signature not valid.")
    if int(expires) * 1_000 < now:
        raise refusal(400, EXPIRED.format(now // 1_000))
    target = call.raw_path + (f"?{call.query}" if call.query else "")
    expected = signature(card.secret, call.method, target, expires, call.body)
    if not hmac.compare_digest(expected.encode(), given.encode()):
        raise refusal(401, "Signature not valid.")
