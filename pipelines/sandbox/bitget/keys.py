"""Who may ask Bitget's stand-in, how often, and how a signature is checked.

The checks come in Bitget's order: key, signature and timestamp present; key known; passphrase;
age of the timestamp; signature; address; rights. Parameters and the rate follow.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import random
from dataclasses import dataclass, field

from pipelines.exchanges.bitget.spec import SPEC
from pipelines.sandbox.bitget.request import Refusal
from pipelines.sandbox.engine.account import SECOND
from pipelines.sandbox.engine.dialect import Call, Card

PASSPHRASE = "sandbox2026"  # noqa: S105 - the made-up accounts' own
TIMESTAMP_WINDOW = 30 * SECOND
PENALTY = 300 * SECOND
READ = ("coor", "cpor", "stor", "smor", "wtor", "taxr", "ttor", "chor", "p2pr", "pllr")
LEDGER_READ = frozenset({"stor", "wtor"})
FUTURES_READ, FUTURES_ORDERS = frozenset({"coor", "cpor"}), frozenset({"coor"})
PERMISSIONS: dict[str, tuple[frozenset[str], str]] = {
    # Tax routes answer ordinary keys as well as tax keys.
    "/api/v2/tax/spot-record": (frozenset({"taxr", "stor"}), "tax read"),
    "/api/v2/spot/trade/fills": (frozenset({"stor"}), "spot order read"),
    "/api/v2/spot/account/bills": (LEDGER_READ, "spot order read"),
    "/api/v2/spot/account/assets": (LEDGER_READ, "spot order read"),
    "/api/v2/spot/account/transferRecords": (frozenset({"wtor"}), "wallet transfer read"),
    "/api/v2/spot/wallet/deposit-records": (frozenset({"wtor"}), "wallet transfer read"),
    "/api/v2/spot/wallet/withdrawal-records": (frozenset({"wtor"}), "wallet transfer read"),
    "/api/v2/tax/future-record": (frozenset({"taxr", "coor"}), "tax read"),
    "/api/v2/tax/margin-record": (frozenset({"taxr", "smor"}), "tax read"),
    "/api/v2/tax/p2p-record": (frozenset({"taxr", "p2pr"}), "tax read"),
    "/api/v2/margin/crossed/account/assets": (frozenset({"smor"}), "margin read"),
    "/api/v2/margin/isolated/account/assets": (frozenset({"smor"}), "margin read"),
    "/api/v2/spot/trade/history-orders": (frozenset({"stor"}), "spot order read"),
    "/api/v2/mix/account/bill": (FUTURES_READ, "futures order read"),
    "/api/v2/mix/order/fills": (FUTURES_ORDERS, "futures order read"),
    "/api/v2/mix/order/orders-history": (FUTURES_ORDERS, "futures order read"),
    "/api/v2/mix/position/history-position": (FUTURES_READ, "futures holdings read"),
    "/api/v2/mix/position/all-position": (FUTURES_READ, "futures holdings read"),
    "/api/v2/mix/account/interest-history": (FUTURES_READ, "futures holdings read"),
    "/api/v2/mix/account/accounts": (FUTURES_READ, "futures holdings read"),
    "/api/v2/account/all-account-balance": (LEDGER_READ, "wallet transfer read"),
}


BELOW: dict[str, tuple[frozenset[str], str]] = {
    "/api/v2/margin/": (frozenset({"smor"}), "margin read"),
    "/api/v2/convert/": (LEDGER_READ, "spot order read"),
    "/api/v2/spot/account/sub": (frozenset({"chor"}), "sub-account read"),
    "/api/v2/spot/wallet/sub": (frozenset({"chor"}), "sub-account read"),
    # No code of the documented ones is for earn; any that reads wallets will do.
    "/api/v2/earn/savings/": (LEDGER_READ, "wallet transfer read"),
    "/api/v2/earn/sharkfin/": (LEDGER_READ, "wallet transfer read"),
    "/api/v2/earn/account/": (LEDGER_READ, "wallet transfer read"),
    "/api/v2/earn/loan/": (frozenset({"pllr"}), "pledge loan read"),
    "/api/v2/account/": (LEDGER_READ, "wallet transfer read"),
    "/api/v2/copy/": (frozenset({"ttor"}), "copy trading read"),
    "/api/v2/p2p/": (frozenset({"p2pr"}), "P2P read"),
}
"""What the routes of a family want, where they all want the same."""
PERMISSIONS |= {
    stream.path: wanted
    for stream in SPEC.streams
    for family, wanted in BELOW.items()
    if stream.path.startswith(family)
}
MAIN_ONLY = frozenset(
    stream.path for stream in SPEC.streams if stream.name.startswith("sub_account_")
)


@dataclass(frozen=True)
class Profile:
    """What a key may do, and what state its account is in."""

    label: str
    name: str
    uid: str
    authorities: tuple[str, ...] = READ
    ips: tuple[str, ...] = ()
    ips_as_text: bool = False
    tax_only: bool = False
    disabled: bool = False
    unified: bool = False
    """Unified from the start."""
    upgradable: bool = False
    """Classic until the moment that the sandbox is told (bitget.upgraded_at)."""
    parent: str = ""
    """Uid of the main account, where it is a sub-account."""
    can_write: bool = False
    """Whether a unified account's key may trade and withdraw."""

    def may(self, codes: frozenset[str]) -> bool:
        """Whether one of these rights is held; a right to write brings the right to read."""
        held = {code[:-1] + "r" if code.endswith("w") else code for code in self.authorities}
        return bool(codes & held)


MAIN, TRADING, WITHDRAWING, NARROW = "7000000001", "7000000002", "7000000003", "7000000004"
EMPTY, UNIFIED, SECOND_ACCOUNT = "7000000005", "7000000006", "7000000007"
UPGRADED, SUB = "7000000008", "7000000009"
PROFILES = (
    Profile("bitget-main", "read-only", MAIN),
    Profile("bitget-tax", "tax", MAIN, authorities=("taxr",), tax_only=True),
    Profile("bitget-trading", "trading", TRADING, (*READ, "stow"), ("127.0.0.1",), True),
    Profile("bitget-withdrawing", "withdrawing", WITHDRAWING, (*READ, "wwow"), ("127.0.0.1",)),
    Profile("bitget-disabled", "disabled", MAIN, disabled=True),
    Profile("bitget-ip-bound", "ip-bound", MAIN, ips=("203.0.113.7", "203.0.113.8")),
    Profile("bitget-narrow", "narrow", NARROW, authorities=("wtor", "taxr")),
    Profile("bitget-empty", "empty", EMPTY),
    Profile("bitget-unified", "unified", UNIFIED, unified=True),
    Profile("bitget-second", "read-only", SECOND_ACCOUNT),
    Profile(
        "bitget-unified-tax", "tax", UNIFIED, authorities=("taxr",), tax_only=True, unified=True
    ),
    Profile("bitget-unified-trading", "trading", UNIFIED, unified=True, can_write=True),
    Profile("bitget-upgraded", "upgraded", UPGRADED, upgradable=True),
    Profile("bitget-sub", "subaccount", SUB, parent=MAIN),
)


def sign(secret: str, timestamp: str, method: str, path: str, query: str, body: str = "") -> str:
    """The signature Bitget computes: HMAC-SHA256 over what it received, in base64.

    `query` without the question mark, percent escapes resolved: `$ALTUSDT` is signed with its `$`.
    """
    text = f"{timestamp}{method}{path}{'?' if query else ''}{query}{body}"
    return base64.b64encode(
        hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()
    ).decode()


class Keyring:
    """Every key of the sandbox, and the checks a signed request has to pass."""

    def __init__(self, seed: int) -> None:
        self.profiles = {profile.label: profile for profile in PROFILES}
        self.cards = [self._card(profile, seed) for profile in PROFILES]
        self._by_key = {card.key: card for card in self.cards}

    @staticmethod
    def _card(profile: Profile, seed: int) -> Card:
        rng = random.Random(f"bitget-key:{seed}:{profile.label}")
        return Card(
            exchange="bitget",
            label=profile.label,
            key=f"bg_{rng.getrandbits(128):032x}",
            secret=f"{rng.getrandbits(256):064x}",
            passphrase="" if profile.tax_only else PASSPHRASE,
            uid=profile.uid,
            profile=profile.name,
            account_id=f"bitget:{profile.uid}",
        )

    def label_of(self, call: Call) -> str:
        """The label of the key in the ACCESS-KEY header, '' for none or an unknown one."""
        card = self._by_key.get(call.headers.get("access-key", ""))
        return card.label if card else ""

    def identify(self, call: Call, now: int) -> tuple[Card, Profile]:
        """Key, signature and timestamp present; key known; passphrase; age; signature; address."""
        headers = call.headers
        if not headers.get("access-key"):
            raise Refusal("40001", "ACCESS_KEY cannot be empty")
        if not headers.get("access-sign"):
            raise Refusal("40002", "ACCESS_SIGN cannot be empty")
        timestamp = headers.get("access-timestamp", "")
        if not (timestamp.isascii() and timestamp.isdigit()):
            raise Refusal("40005", "Invalid ACCESS_TIMESTAMP")
        card = self._by_key.get(headers["access-key"])
        if card is None:
            raise Refusal("40006", "Invalid ACCESS_KEY")
        profile = self.profiles[card.label]
        if profile.disabled:
            raise Refusal("40037", "Apikey does not exist")
        if not profile.tax_only:
            self._check_passphrase(headers.get("access-passphrase", ""), card)
        if abs(now - int(timestamp)) > TIMESTAMP_WINDOW:
            raise Refusal("40008", "Request timestamp expired")
        expected = sign(
            card.secret, timestamp, call.method, call.raw_path, call.decoded_query,
            call.body.decode("utf-8", "replace"),
        )  # fmt: skip
        if not hmac.compare_digest(expected.encode(), headers["access-sign"].encode()):
            raise Refusal("40009", "sign signature error")
        if profile.ips and call.ip not in profile.ips:
            raise Refusal("40018", "Invalid IP")
        return card, profile

    @staticmethod
    def _check_passphrase(passphrase: str, card: Card) -> None:
        if not passphrase:
            raise Refusal("40011", "ACCESS_PASSPHRASE cannot be empty")
        if passphrase != card.passphrase:
            raise Refusal("40012", "apikey/password is incorrect")

    @staticmethod
    def check_rights(path: str, profile: Profile) -> None:
        """Refuse a route this key has no right to."""
        if profile.tax_only and not path.startswith(("/api/v2/tax/", "/api/v3/tax/")):
            wanted = PERMISSIONS.get(path, (frozenset(), "spot order read"))[1]
            raise Refusal("40014", f"Incorrect permissions, need {wanted} permissions")
        if path in PERMISSIONS and not profile.may(PERMISSIONS[path][0]):
            wanted = PERMISSIONS[path][1]
            raise Refusal("40014", f"Incorrect permissions, need {wanted} permissions")
        if path in MAIN_ONLY and profile.parent:
            raise Refusal("40068", "Disable subaccount access")

    # -- private routes


@dataclass
class Meter:
    """Requests per fixed span of the sandbox's time; `pace` shortens the spans."""

    pace: float | None
    _counts: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)

    def left(self, who: str, what: str, allowed: int, span: int, now: int) -> int:
        """How many of `allowed` are left in this span after this one; negative when over."""
        if self.pace is None:
            return allowed
        current = int(now * self.pace) // span
        known, used = self._counts.get((who, what), (current, 0))
        used = used + 1 if known == current else 1
        self._counts[who, what] = (current, used)
        return allowed - used


class Limits:
    """Requests per second of each account and route, and per minute of each address."""

    def __init__(self, pace: float | None) -> None:
        self._pace, self._meter = pace, Meter(pace)
        self._penalties: dict[str, int] = {}

    def check_address(self, ip: str, now: int) -> None:
        """6,000 requests a minute from one address, then five minutes of nothing."""
        if self._pace is None or SPEC.ip_rate is None:
            return
        if now < self._penalties.get(ip, 0):
            raise Refusal("429", "Too Many Requests", 429)
        if self._meter.left(f"ip:{ip}", "*", SPEC.ip_rate.requests, 60 * SECOND, now) < 0:
            self._penalties[ip] = now + int(PENALTY / self._pace)
            raise Refusal("429", "Too Many Requests", 429)

    def count(self, who: str, path: str, allowed: int, now: int) -> int:
        """What is left of `allowed` in this second; refuses when there is nothing."""
        left = self._meter.left(who, path, allowed, SECOND, now)
        if left < 0:
            raise Refusal("429", "Too Many Requests", 429)
        return left
