"""BigONE's keys and how it checks a token: a JWT in the header, signed with the key's secret."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
import uuid
from typing import Any

from pipelines.sandbox.engine.adapter import Call, Card
from pipelines.sandbox.engine.wire import Key, Refusal, Request

DEFAULT_WINDOW = 30
SCOPES = frozenset(
    {"balance", "orders", "trades", "addresses", "deposits", "withdrawals", "contract"}
)
MAIN, SMALL, EMPTY = "1082601", "1082602", "1082603"
KEYS = (
    Key("bigone-main", "read-only", MAIN, SCOPES),
    Key("bigone-trading", "trading", SMALL, SCOPES),
    Key("bigone-withdrawing", "withdrawing", SMALL, SCOPES),
    Key("bigone-disabled", "disabled", MAIN, SCOPES, state="disabled"),
    Key("bigone-ip-bound", "ip-bound", MAIN, SCOPES, ips=("203.0.113.7", "203.0.113.8")),
    Key("bigone-narrow", "narrow", SMALL, SCOPES - {"contract", "withdrawals"}),
    Key("bigone-empty", "empty", EMPTY, SCOPES),
)


def make_card(key: Key, rng: random.Random) -> dict[str, str]:
    """The key's strings. Only a withdrawal or a contract names an account: else its key's hash."""
    api_key = str(uuid.UUID(int=rng.getrandbits(128), version=4))
    hashed = f"key-{hashlib.sha256(api_key.encode()).hexdigest()[:16]}"
    nameless = key.uid == EMPTY or "withdrawals" not in key.rights
    return {
        "key": api_key,
        "secret": f"{rng.getrandbits(256):064X}",
        "uid": hashed if nameless else key.uid,
    }


def read_token(token: str, secret: str) -> dict[str, Any] | None:
    """The claims of a JWT; None if it is malformed or not signed with that secret."""
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


def _token(call: Call) -> str:
    word, _, token = call.headers.get("authorization", "").partition(" ")
    return token.strip() if word.lower() == "bearer" else ""


def shown_key(call: Call) -> str:
    """The key that a token names."""
    token = _token(call)
    claims = _part(token.split(".")[1]) if token.count(".") == 2 else None
    return str((claims or {}).get("sub"))


def authenticate(request: Request, card: Card | None) -> None:
    """Header well-formed; token signed with the key's secret; nonce fresh; address allowed."""
    token, key = _token(request.call), request.key
    if token.count(".") != 2:
        raise Refusal(400, 40107, "bad authorization header")
    claims = read_token(token, card.secret) if card else None
    if key is None or claims is None or key.state == "disabled":
        raise Refusal(401, 40004, "Unauthorized")
    if claims.get("type") != "OpenAPIV2":
        raise Refusal(401, 40106, "Invalid token")
    try:
        # Nanoseconds: text in the docs, a number in one of their old tokens.
        nonce = int(claims["nonce"])
        window = int(claims.get("recv_window") or DEFAULT_WINDOW)
    except (KeyError, TypeError, ValueError):
        raise Refusal(401, 40106, "Invalid token") from None
    if abs(nonce - request.now * 1_000_000) >= window * 1_000_000_000:
        raise Refusal(401, 40004, "invalid jwt")
    if key.ips and request.call.ip not in key.ips:
        raise Refusal(403, 10403, "Permission denied")
