"""Who may ask BitMart's stand-in, how often, and how a signature is checked.

Most routes look at the bare key and at nothing else, whatever a request is signed with. Signed
routes check, in this order: key given and known; signature and timestamp given; its age; the
signature over the body as it came.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import random
from dataclasses import dataclass, field

from pipelines.sandbox.bitmart.subs import MAIN_NAME, SUB_NAME
from pipelines.sandbox.engine.account import MINUTE, SECOND
from pipelines.sandbox.engine.dialect import Call, Card

MEMO = "sandbox-memo"
DEFAULT_WINDOW, WIDEST_WINDOW = 5 * SECOND, 60 * SECOND
EARLY = SECOND
SPAN = 2 * SECOND
"""Requests are counted in spans of two seconds."""


class Refusal(Exception):
    """An answer that is an error: BitMart's code, its text, the HTTP status."""

    def __init__(self, code: int, text: str, status: int) -> None:
        super().__init__(text)
        self.code, self.text, self.status = code, text, status


@dataclass(frozen=True)
class Profile:
    """What a key may do, and what state its account is in."""

    label: str
    name: str
    uid: str
    rights: frozenset[str] = frozenset()
    """Beside Read-Only: Spot-Trade, Future-Trade, Withdraw, Inter-Account Transfer."""
    ips: tuple[str, ...] = ()
    frozen: bool = False
    expired: bool = False
    is_sub: bool = False
    """A sub-account's key: no deposits, no withdrawals."""


UIDS = tuple(f"80000{n:03d}" for n in range(1, 8))
MAIN, TRADING, WITHDRAWING, EMPTY, YOUNG, SUB, ORGANISATION = UIDS
TRADES = "Future-Trade"
INTER = "Inter-Account Transfer"
SUB_NAMES = {ORGANISATION: MAIN_NAME, SUB: SUB_NAME}
"""What moves between accounts call those that take part in them."""

PROFILES = (
    Profile("bitmart-main", "read-only", MAIN),
    Profile("bitmart-trading", "trading", TRADING, frozenset({"Spot-Trade", TRADES, INTER})),
    Profile("bitmart-withdrawing", "withdrawing", WITHDRAWING, frozenset({"Withdraw"})),
    Profile("bitmart-disabled", "disabled", MAIN, frozen=True),
    Profile("bitmart-expired", "expired", MAIN, expired=True),
    Profile("bitmart-ip-bound", "ip-bound", MAIN, ips=("203.0.113.7",)),
    Profile("bitmart-empty", "empty", EMPTY),
    Profile("bitmart-young", "read-only", YOUNG),
    Profile("bitmart-sub", "sub-account", SUB, frozenset({INTER}), is_sub=True),
    Profile("bitmart-organisation", "organisation", ORGANISATION, frozenset({INTER, TRADES})),
)


def sign(secret: str, timestamp: str, memo: str, body: bytes) -> str:
    """The signature BitMart computes: HMAC-SHA256 over `timestamp#memo#body`, in hex."""
    text = timestamp.encode() + b"#" + memo.encode() + b"#" + body
    return hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()


class Keyring:
    """Every key of the sandbox, and the checks a private request has to pass."""

    def __init__(self, seed: int) -> None:
        self.profiles = {profile.label: profile for profile in PROFILES}
        self.cards = [self._card(profile, seed) for profile in PROFILES]
        self._by_key = {card.key: card for card in self.cards}

    @staticmethod
    def _card(profile: Profile, seed: int) -> Card:
        rng = random.Random(f"bitmart-key:{seed}:{profile.label}")
        key = f"{rng.getrandbits(160):040x}"
        # No route tells an account's number, so a reader can only go by the key.
        fingerprint = hashlib.sha256(key.encode()).hexdigest()[:16]
        return Card(
            exchange="bitmart",
            label=profile.label,
            key=key,
            secret=f"{rng.getrandbits(256):064x}",
            passphrase=MEMO,
            memo=MEMO,
            uid=f"key-{fingerprint}",
            profile=profile.name,
            account_id=f"bitmart:key-{fingerprint}",
        )

    def label_of(self, call: Call) -> str:
        """The label of the key in the X-BM-KEY header, '' for none or an unknown one."""
        card = self._by_key.get(call.headers.get("x-bm-key", ""))
        return card.label if card else ""

    def identify(self, call: Call) -> Profile:
        """Key given, known, neither frozen nor expired, and used from where it may be."""
        key = call.headers.get("x-bm-key")
        if not key:
            raise Refusal(30001, "Header X-BM-KEY is empty", 401)
        card = self._by_key.get(key)
        if card is None:
            raise Refusal(30002, "Header X-BM-KEY not found", 401)
        profile = self.profiles[card.label]
        if profile.frozen:
            raise Refusal(30003, "Header X-BM-KEY has frozen", 401)
        if profile.expired:
            raise Refusal(30011, "Header X-BM-KEY over expire time", 403)
        if profile.ips and call.ip not in profile.ips:
            raise Refusal(
                30010, "IP is forbidden. We recommend enabling IP whitelist for API trading", 403
            )
        return profile

    def check_signature(self, call: Call, now: int) -> None:
        """Signature and timestamp given, the timestamp fresh, the signature right."""
        headers = call.headers
        if not headers.get("x-bm-sign"):
            raise Refusal(30004, "Header X-BM-SIGN is empty", 401)
        timestamp = headers.get("x-bm-timestamp", "")
        if not timestamp:
            raise Refusal(30006, "Header X-BM-TIMESTAMP is empty", 401)
        if not (timestamp.isascii() and timestamp.isdigit()):
            raise Refusal(30008, "Header X-BM-TIMESTAMP invalid format", 401)
        oldest = _window(call) if _is_v4(call.path) else MINUTE
        newest = EARLY if _is_v4(call.path) else MINUTE
        if not now - oldest <= int(timestamp) < now + newest:
            raise Refusal(30007, "Header X-BM-TIMESTAMP is outside of the recvWindow", 401)
        card = self._by_key[headers["x-bm-key"]]
        expected = sign(card.secret, timestamp, card.memo, call.body)
        if not hmac.compare_digest(expected.encode(), headers["x-bm-sign"].encode()):
            raise Refusal(30005, "Header X-BM-SIGN is wrong", 401)


def _is_v4(path: str) -> bool:
    """Routes whose freshness the caller may choose."""
    return path.startswith("/spot/v4/") or path == "/account/v1/transfer-contract-list"


def _window(call: Call) -> int:
    """The `recvWindow` of the body, five seconds without one."""
    try:
        wanted = json.loads(call.body or b"{}").get("recvWindow", DEFAULT_WINDOW)
    except (ValueError, AttributeError):
        return DEFAULT_WINDOW
    if not isinstance(wanted, int) or not 0 < wanted <= WIDEST_WINDOW:
        raise Refusal(30007, "recvWindow must be in (0, 60000]", 401)
    return wanted


@dataclass
class Limits:
    """Requests per two seconds of each key (or address, where there is none) and route."""

    pace: float | None
    _counts: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)

    def used(self, who: str, path: str, now: int) -> int:
        """How many of this span are used."""
        if self.pace is None:
            return 0
        current = int(now * self.pace) // SPAN
        known, used = self._counts.get((who, path), (current, 0))
        return used if known == current else 0

    def count(self, who: str, path: str, allowed: int, now: int) -> int:
        """How many of this span are used with this one; refuses one too many."""
        if self.pace is None:
            return 1
        used = self.used(who, path, now) + 1
        self._counts[who, path] = (int(now * self.pace) // SPAN, used)
        if used > allowed:
            raise Refusal(30013, "Request too many requests", 429)
        return used
