"""BitMEX's keys: who may ask, how a signature is checked, and in which words it says no.

Written from the exchange's documentation alone: a mistake made here must not agree with one made
in the client.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import random
import string
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec

from pipelines.sandbox.engine.clock import from_ms


class Refusal(Exception):
    """A request that is turned down: status, the exchange's words, and the kind it names."""

    def __init__(self, status: int, text: str, name: str = "HTTPError") -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.name = name

    def body(self) -> bytes:
        """The JSON of the refusal."""
        return msgspec.json.encode({"error": {"message": self.text, "name": self.name}})


@dataclass(frozen=True, kw_only=True)
class Key:
    """One API key: to which account it belongs, and what it may do."""

    label: str
    profile: str
    id: str
    secret: str
    account: int
    user_id: int
    created: int
    permissions: tuple[str, ...] = ()
    enabled: bool = True
    cidrs: tuple[str, ...] = ("0.0.0.0/0",)
    is_bound: bool = False
    """Whether it was made for a subaccount, which its own entry then names."""
    knows_self: bool = True
    """Whether /apiKey/self exists for it; older servers only list the user's keys."""

    def admits(self, ip: str) -> bool:
        """Whether a request from that address may use it."""
        if not self.cidrs:
            return True
        address = ipaddress.ip_address(ip)
        return any(address in ipaddress.ip_network(cidr) for cidr in self.cidrs)

    def told(self) -> dict[str, Any]:
        """How the exchange describes it; the secret is shown once, at creation, and never again."""
        return {
            "id": self.id, "name": self.label, "nonce": 0, "cidrs": list(self.cidrs),
            "permissions": list(self.permissions), "enabled": self.enabled,
            "userId": self.user_id, "created": iso(self.created),
            **({"targetAccountId": self.account} if self.is_bound else {}),
        }  # fmt: skip


def make_credentials(seed: int, label: str) -> tuple[str, str]:
    """A key id of 24 and a secret of 48 characters, the same for the same seed and label."""
    rng = random.Random(f"bitmex {seed} {label}")
    letters = string.ascii_letters + string.digits + "-_"
    return "".join(rng.choices(letters, k=24)), "".join(rng.choices(letters, k=48))


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


def check(
    keys: Mapping[str, Key],
    *,
    verb: str,
    target: str,
    headers: Mapping[str, str],
    body: bytes,
    ip: str,
    now: int,
) -> Key:
    """The key that signed a request.

    Raises Refusal, looking in this order: headers, key, its state, address, expiry, signature.
    `target` is path and query exactly as they came over the wire, beginning with /api/v1.
    """
    key_id, expires = headers.get("api-key", ""), headers.get("api-expires", "")
    given = headers.get("api-signature", "")
    if not (key_id and expires and given):
        raise Refusal(401, "Authorization Required")
    key = keys.get(key_id)
    if key is None:
        raise Refusal(401, "Invalid API Key.")
    if not key.enabled:
        raise Refusal(403, "This key is disabled.")
    if not key.admits(ip):
        raise Refusal(403, "This IP address is not allowed to use this key.")
    if not expires.isdigit():  # a fraction of a second is not understood
        raise Refusal(401, "Signature not valid.")
    if int(expires) * 1_000 < now:
        raise Refusal(
            400,
            f"This request has expired - `expires` is in the past. Current time: {now // 1_000}",
        )
    expected = signature(key.secret, verb, target, expires, body)
    if not hmac.compare_digest(expected.encode(), given.encode()):
        raise Refusal(401, "Signature not valid.")
    return key
