"""Who may ask BigONE's stand-in, how often, and how a token is checked.

In order: header there and well-formed; token readable and signed with the key's secret; its nonce
within the window; address; scope. Parameters, existence and the rate follow.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
import uuid
from dataclasses import dataclass, field
from typing import Any

from pipelines.sandbox.engine.dialect import Call, Card

API, CONVERT, CONTRACT = "/api/v3", "/sapi/v1/convert", "/api/contract/v2"
DEFAULT_WINDOW = 30
SCOPES = {
    f"{API}/viewer/accounts": "balance",
    f"{API}/viewer/fund/accounts": "balance",
    f"{API}/viewer/trading_fees": "orders",
    f"{API}/viewer/trades": "trades",
    f"{API}/viewer/order": "orders",
    f"{API}/viewer/orders": "orders",
    f"{API}/viewer/assets": "addresses",
    f"{API}/viewer/deposits": "deposits",
    f"{API}/viewer/withdrawals": "withdrawals",
    f"{API}/viewer/transfer": "balance",
    f"{CONVERT}/viewer/trade": "trades",
    f"{CONVERT}/viewer/trades": "trades",
    CONTRACT: "contract",
}
"""The scope a private route asks for, as the key's page names them in its own words.

A route that is not named asks for that of the longest path it lies below.
"""
EVERY_SCOPE = frozenset(SCOPES.values())


def scope_of(path: str) -> str:
    """The scope that a private route asks for."""
    while path not in SCOPES:
        path = path.rpartition("/")[0]
    return SCOPES[path]


class Refusal(Exception):
    """An answer that is an error: HTTP status, code and text."""

    def __init__(self, status: int, code: int, text: str) -> None:
        super().__init__(text)
        self.status, self.code, self.text = status, code, text


class Anomaly(Refusal):
    """What the contract service answers to parameters that make no sense."""

    def __init__(self) -> None:
        super().__init__(400, 0, "anomaly.request/invalid-params")


@dataclass(frozen=True)
class Profile:
    """What a key may do, and whose it is. `uid` is the customer id."""

    label: str
    name: str
    uid: str
    scopes: frozenset[str] = EVERY_SCOPE
    ips: tuple[str, ...] = ()
    disabled: bool = False


MAIN, SMALL, EMPTY = "1082601", "1082602", "1082603"
PROFILES = (
    Profile("bigone-main", "read-only", MAIN),
    Profile("bigone-trading", "trading", SMALL),
    Profile("bigone-withdrawing", "withdrawing", SMALL),
    Profile("bigone-disabled", "disabled", MAIN, disabled=True),
    Profile("bigone-ip-bound", "ip-bound", MAIN, ips=("203.0.113.7", "203.0.113.8")),
    Profile("bigone-narrow", "narrow", SMALL, scopes=EVERY_SCOPE - {"contract", "withdrawals"}),
    Profile("bigone-empty", "empty", EMPTY),
)


def read_token(token: str, secret: str) -> dict[str, Any] | None:
    """What a JWT claims, None where it is malformed or not signed with that secret."""
    header, _, rest = token.partition(".")
    claims, _, signature = rest.partition(".")
    mac = hmac.new(secret.encode(), f"{header}.{claims}".encode(), hashlib.sha256).digest()
    expected = base64.urlsafe_b64encode(mac).rstrip(b"=").decode()
    kind = _part(header)
    if not kind or kind.get("alg") != "HS256" or not hmac.compare_digest(expected, signature):
        return None
    return _part(claims)


def _part(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


class Keyring:
    """Every key of the sandbox, and the checks a signed request has to pass."""

    def __init__(self, seed: int) -> None:
        self.profiles = {profile.label: profile for profile in PROFILES}
        self.cards = [self._card(profile, seed) for profile in PROFILES]
        self._by_key = {card.key: card for card in self.cards}

    @staticmethod
    def _card(profile: Profile, seed: int) -> Card:
        rng = random.Random(f"bigone-key:{seed}:{profile.label}")
        key = str(uuid.UUID(int=rng.getrandbits(128), version=4))
        # Nothing names an account without a withdrawal or a contract: its key's hash stands in.
        hashed = f"key-{hashlib.sha256(key.encode()).hexdigest()[:16]}"
        nameless = profile.uid == EMPTY or "withdrawals" not in profile.scopes
        uid = hashed if nameless else profile.uid
        return Card(
            exchange="bigone",
            label=profile.label,
            key=key,
            secret=f"{rng.getrandbits(256):064X}",
            uid=uid,
            profile=profile.name,
            account_id=f"bigone:{uid}",
        )

    @staticmethod
    def _token(call: Call) -> str:
        word, _, token = call.headers.get("authorization", "").partition(" ")
        return token.strip() if word.lower() == "bearer" else ""

    def _card_of(self, call: Call) -> Card | None:
        token = self._token(call)
        claims = _part(token.split(".")[1]) if token.count(".") == 2 else None
        return self._by_key.get(str((claims or {}).get("sub")))

    def label_of(self, call: Call) -> str:
        """The label of the key a token names, '' for none or an unknown one."""
        card = self._card_of(call)
        return card.label if card else ""

    def identify(self, call: Call, now: int) -> tuple[Card, Profile]:
        """The key behind a call, after every check that needs no parameters."""
        token = self._token(call)
        if token.count(".") != 2:
            raise Refusal(400, 40107, "bad authorization header")
        card = self._card_of(call)
        claims = read_token(token, card.secret) if card else None
        if card is None or claims is None or self.profiles[card.label].disabled:
            raise Refusal(401, 40004, "Unauthorized")
        if claims.get("type") != "OpenAPIV2":
            raise Refusal(401, 40106, "Invalid token")
        self._check_nonce(claims, now)
        profile = self.profiles[card.label]
        if profile.ips and call.ip not in profile.ips:
            raise Refusal(403, 10403, "Permission denied")
        if scope_of(call.path) not in profile.scopes:
            raise Refusal(403, 10403, "Permission denied")
        return card, profile

    @staticmethod
    def _check_nonce(claims: dict[str, Any], now: int) -> None:
        """`nonce` in nanoseconds, text in the docs and a number in an old one of their tokens."""
        try:
            nonce = int(claims["nonce"])
            window = int(claims.get("recv_window") or DEFAULT_WINDOW)
        except (KeyError, TypeError, ValueError):
            raise Refusal(401, 40106, "Invalid token") from None
        if abs(nonce - now * 1_000_000) >= window * 1_000_000_000:
            raise Refusal(401, 40004, "invalid jwt")


@dataclass
class Limits:
    """500 requests in ten seconds from one address; convert also 50 a second."""

    pace: float | None
    _counts: dict[str, tuple[int, int]] = field(default_factory=dict)

    def count(self, call: Call, now: int) -> tuple[tuple[str, str], ...]:
        """Counts a request and gives its headers; refuses one too many."""
        self._left(f"ip:{call.ip}", 500, 10_000, now)
        if not call.path.startswith(CONVERT):
            return ()
        left, ends_at = self._left(f"convert:{call.ip}", 50, 1_000, now)
        return (
            ("X-RateLimit-Limit", "50"),
            ("X-RateLimit-Remaining", str(left)),
            ("X-RateLimit-Reset", str(-(-ends_at // 1_000))),
        )

    def _left(self, who: str, allowed: int, span: int, now: int) -> tuple[int, int]:
        """What is left of the span after this request, and the Unix ms at which it ends."""
        if self.pace is None:
            return allowed - 1, now + span
        current = int(now * self.pace) // span
        known, used = self._counts.get(who, (current, 0))
        used = used + 1 if known == current else 1
        self._counts[who] = (current, used)
        if used > allowed:
            raise Refusal(429, 10429, "Too many requests")
        return allowed - used, int((current + 1) * span / self.pace)
