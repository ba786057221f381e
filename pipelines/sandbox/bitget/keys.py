"""Bitget's keys: the rights of each, and the check of signatures.

The checks come in Bitget's order: key, signature and timestamp present; key known; passphrase;
age of the timestamp; signature; address; rights.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import random
from typing import Any

from pipelines.sandbox.engine.account import SECOND
from pipelines.sandbox.engine.adapter import Call, Card
from pipelines.sandbox.engine.wire import Error, Key, Refusal, Request

PASSPHRASE = "sandbox2026"  # noqa: S105 - the made-up accounts' own
TIMESTAMP_WINDOW = 30 * SECOND
CODES = ("coor", "cpor", "stor", "smor", "wtor", "taxr", "ttor", "chor", "p2pr", "pllr")
"""Rights of a key that may read everything, in the order they are listed."""
WRITES = ("stow", "wwow")

# Rights of routes: the codes of which a key needs one, and what a refusal calls them.
# No code is documented for earn, conversions and valuations: any that reads wallets is enough.
NOT_TAX_ONLY = "coor|cpor|stor|smor|wtor|ttor|chor|p2pr|pllr spot order read"
SPOT, LEDGER = "stor spot order read", "stor|wtor spot order read"
WALLET, BALANCES = "wtor wallet transfer read", "stor|wtor wallet transfer read"
# Tax routes answer ordinary keys, too.
TAX_SPOT, TAX_FUTURES = "taxr|stor tax read", "taxr|coor tax read"
TAX_MARGIN, TAX_P2P = "taxr|smor tax read", "taxr|p2pr tax read"
BILLS, ORDERS = "coor|cpor futures order read", "coor futures order read"
POSITIONS = "coor|cpor futures holdings read"
MARGIN, SUBS, LOANS = "smor margin read", "chor sub-account read", "pllr pledge loan read"
COPY, P2P = "ttor copy trading read", "p2pr P2P read"
MAIN_ACCOUNT = "no sub-account"
RIGHTS = (
    NOT_TAX_ONLY, SPOT, LEDGER, WALLET, BALANCES, TAX_SPOT, TAX_FUTURES, TAX_MARGIN, TAX_P2P,
    BILLS, ORDERS, POSITIONS, MARGIN, SUBS, LOANS, COPY, P2P,
)  # fmt: skip

MAIN, TRADING, WITHDRAWING, NARROW = "7000000001", "7000000002", "7000000003", "7000000004"
EMPTY, UNIFIED, SECOND_ACCOUNT = "7000000005", "7000000006", "7000000007"
UPGRADED, SUB = "7000000008", "7000000009"


def key(label: str, profile: str, uid: str, codes: tuple[str, ...] = CODES, **more: Any) -> Key:
    """A key with its codes and the rights of routes that they include."""
    held = {right for right in RIGHTS if not set(codes).isdisjoint(right.split()[0].split("|"))}
    held |= set() if uid == SUB else {MAIN_ACCOUNT}
    return Key(f"bitget-{label}", profile, uid, frozenset(held.union(codes)), **more)


KEYS = (
    key("main", "read-only", MAIN),
    key("tax", "tax", MAIN, ("taxr",)),
    key("trading", "trading", TRADING, (*CODES, "stow"), ips=("127.0.0.1",)),
    key("withdrawing", "withdrawing", WITHDRAWING, (*CODES, "wwow"), ips=("127.0.0.1",)),
    key("disabled", "disabled", MAIN, state="disabled"),
    key("ip-bound", "ip-bound", MAIN, ips=("203.0.113.7", "203.0.113.8")),
    key("narrow", "narrow", NARROW, ("wtor", "taxr")),
    key("empty", "empty", EMPTY),
    key("unified", "unified", UNIFIED),
    key("second", "read-only", SECOND_ACCOUNT),
    key("unified-tax", "tax", UNIFIED, ("taxr",)),
    key("unified-trading", "trading", UNIFIED, (*CODES, "stow")),
    key("upgraded", "upgraded", UPGRADED),
    key("sub", "subaccount", SUB),
)


def make_card(key: Key, rng: random.Random) -> dict[str, str]:
    """The strings of a key; one made for tax has no passphrase."""
    return {
        "key": f"bg_{rng.getrandbits(128):032x}",
        "secret": f"{rng.getrandbits(256):064x}",
        "passphrase": "" if key.profile == "tax" else PASSPHRASE,
        "uid": key.uid,
    }


def shown_key(call: Call) -> str:
    """The key of a call."""
    return call.headers.get("access-key", "")


def sign(secret: str, timestamp: str, method: str, path: str, query: str, body: str = "") -> str:
    """The expected signature: HMAC-SHA256 over the received request, in base64.

    `query` without the question mark, percent escapes resolved: `$ALTUSDT` is signed with its `$`.
    """
    text = f"{timestamp}{method}{path}{'?' if query else ''}{query}{body}"
    return base64.b64encode(
        hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()
    ).decode()


def authenticate(request: Request, card: Card | None) -> None:
    """Every check of key and signature, in Bitget's order. Raises Refusal."""
    call, headers, key = request.call, request.call.headers, request.key
    timestamp = headers.get("access-timestamp", "")
    if not shown_key(call):
        raise Refusal(400, "40001", "ACCESS_KEY cannot be empty")
    if not headers.get("access-sign"):
        raise Refusal(400, "40002", "ACCESS_SIGN cannot be empty")
    if not (timestamp.isascii() and timestamp.isdigit()):
        raise Refusal(400, "40005", "Invalid ACCESS_TIMESTAMP")
    if card is None or key is None:
        raise Refusal(400, "40006", "Invalid ACCESS_KEY")
    if key.state == "disabled":
        raise Refusal(400, "40037", "Apikey does not exist")
    passphrase = headers.get("access-passphrase", "")
    if card.passphrase and not passphrase:
        raise Refusal(400, "40011", "ACCESS_PASSPHRASE cannot be empty")
    if card.passphrase and passphrase != card.passphrase:
        raise Refusal(400, "40012", "apikey/password is incorrect")
    if abs(request.now - int(timestamp)) > TIMESTAMP_WINDOW:
        raise Refusal(400, "40008", "Request timestamp expired")
    expected = sign(
        card.secret, timestamp, call.method, call.raw_path, call.decoded_query,
        call.body.decode("utf-8", "replace"),
    )  # fmt: skip
    if not hmac.compare_digest(expected.encode(), headers["access-sign"].encode()):
        raise Refusal(400, "40009", "sign signature error")
    if key.ips and call.ip not in key.ips:
        raise Refusal(400, "40018", "Invalid IP")


def no_right(right: str) -> Error:
    """The refusal of a key without that right."""
    if right == MAIN_ACCOUNT:
        return Error(400, "40068", "Disable subaccount access")
    _, text = right.split(" ", 1)
    return Error(400, "40014", f"Incorrect permissions, need {text} permissions")
