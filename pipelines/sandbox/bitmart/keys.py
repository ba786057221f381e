"""BitMart's keys and how it checks a request.

Most routes check the bare key and nothing else. Signed routes check, in this order: key given and
known; signature and timestamp given; its age; the signature over the body as it came.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import random

from pipelines.sandbox.bitmart.subs import MAIN_NAME, SUB_NAME
from pipelines.sandbox.engine.account import MINUTE, SECOND
from pipelines.sandbox.engine.adapter import Call, Card
from pipelines.sandbox.engine.wire import Key, Refusal, Request

MEMO = "sandbox-memo"
DEFAULT_WINDOW, WIDEST_WINDOW = 5 * SECOND, 60 * SECOND
EARLY = SECOND
UIDS = tuple(f"80000{n:03d}" for n in range(1, 8))
MAIN, TRADING, WITHDRAWING, EMPTY, YOUNG, SUB, ORGANISATION = UIDS
TRADES, INTER, WITHDRAW = "Future-Trade", "Inter-Account Transfer", "Withdraw"
NO_SUB, OWNER = "not a sub-account", "institution"
"""Rights of an account: a sub-account lists no deposits; an institution has sub-accounts."""
SUB_NAMES = {ORGANISATION: MAIN_NAME, SUB: SUB_NAME}
"""The names of accounts in transfers between accounts."""
ALONE = frozenset({NO_SUB})
KEYS = (
    Key("bitmart-main", "read-only", MAIN, ALONE),
    Key("bitmart-trading", "trading", TRADING, ALONE | {"Spot-Trade", TRADES, INTER}),
    Key("bitmart-withdrawing", "withdrawing", WITHDRAWING, ALONE | {WITHDRAW}),
    Key("bitmart-disabled", "disabled", MAIN, ALONE, state="disabled"),
    Key("bitmart-expired", "expired", MAIN, ALONE, state="expired"),
    Key("bitmart-ip-bound", "ip-bound", MAIN, ALONE, ips=("203.0.113.7",)),
    Key("bitmart-empty", "empty", EMPTY, ALONE),
    Key("bitmart-young", "read-only", YOUNG, ALONE),
    Key("bitmart-sub", "sub-account", SUB, frozenset({INTER, OWNER})),
    Key("bitmart-organisation", "organisation", ORGANISATION, ALONE | {INTER, TRADES, OWNER}),
)


def sign(secret: str, timestamp: str, memo: str, body: bytes) -> str:
    """The signature BitMart computes: HMAC-SHA256 over `timestamp#memo#body`, in hex."""
    text = timestamp.encode() + b"#" + memo.encode() + b"#" + body
    return hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()


def make_card(key: Key, rng: random.Random) -> dict[str, str]:
    """The strings of a key. No route returns an account number, so only the key identifies it."""
    api_key = f"{rng.getrandbits(160):040x}"
    uid = f"key-{hashlib.sha256(api_key.encode()).hexdigest()[:16]}"
    secret = f"{rng.getrandbits(256):064x}"
    return {"key": api_key, "secret": secret, "uid": uid, "passphrase": MEMO, "memo": MEMO}


def shown_key(call: Call) -> str:
    """The key in its header."""
    return call.headers.get("x-bm-key", "")


def authenticate(request: Request, card: Card | None) -> None:
    """Key given, known, neither frozen nor expired, used from where it may be; then signed."""
    key = request.key
    if not shown_key(request.call):
        raise Refusal(401, 30001, "Header X-BM-KEY is empty")
    if key is None or card is None:
        raise Refusal(401, 30002, "Header X-BM-KEY not found")
    if key.state == "disabled":
        raise Refusal(401, 30003, "Header X-BM-KEY has frozen")
    if key.state == "expired":
        raise Refusal(403, 30011, "Header X-BM-KEY over expire time")
    if key.ips and request.call.ip not in key.ips:
        raise Refusal(
            403, 30010, "IP is forbidden. We recommend enabling IP whitelist for API trading"
        )
    if request.route.method == "POST":
        check_signature(request.call, card, request.now)


def check_signature(call: Call, card: Card, now: int) -> None:
    """Signature and timestamp given, the timestamp fresh, the signature right."""
    headers = call.headers
    if not headers.get("x-bm-sign"):
        raise Refusal(401, 30004, "Header X-BM-SIGN is empty")
    timestamp = headers.get("x-bm-timestamp", "")
    if not timestamp:
        raise Refusal(401, 30006, "Header X-BM-TIMESTAMP is empty")
    if not (timestamp.isascii() and timestamp.isdigit()):
        raise Refusal(401, 30008, "Header X-BM-TIMESTAMP invalid format")
    oldest = _window(call) if _is_v4(call.path) else MINUTE
    newest = EARLY if _is_v4(call.path) else MINUTE
    if not now - oldest <= int(timestamp) < now + newest:
        raise Refusal(401, 30007, "Header X-BM-TIMESTAMP is outside of the recvWindow")
    expected = sign(card.secret, timestamp, card.memo, call.body)
    if not hmac.compare_digest(expected.encode(), headers["x-bm-sign"].encode()):
        raise Refusal(401, 30005, "Header X-BM-SIGN is wrong")


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
        raise Refusal(401, 30007, "recvWindow must be in (0, 60000]")
    return wanted
