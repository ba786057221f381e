"""Injected failures of requests, each armed by a rule.

429 418 500 502 503   that status, in the exchange's own shape where it has one
<code>                any other code the adapter knows, e.g. 40015, a release window
html_403              a firewall's page, HTTP 403
html_200              a page instead of data, HTTP 200
wrong_type            the right body as text/html
cut_json              the answer's JSON cut in half, lengths agreeing
cut_body              half the bytes, then the connection drops
reset                 the connection is reset before an answer
slow                  the right answer, `seconds` late
duplicate             the last good answer of that account and path once more
closed                HTTP 404 with a web page, as of an exchange that is gone
drop_rows             the right answer without the records that `rows` name
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

PAGE = (
    b"<!DOCTYPE html><html><head><title>%b</title></head>"
    b"<body><center><h1>%b</h1></center></body></html>"
)
STATUS_TEXT = {
    418: b"I'm a teapot",
    429: b"Too Many Requests",
    500: b"Internal Server Error",
    502: b"Bad Gateway",
    503: b"Service Unavailable",
}
ON_THE_WIRE = frozenset(
    {
        "html_403", "html_200", "wrong_type", "cut_json", "cut_body", "reset", "slow",
        "duplicate", "closed", "drop_rows",
    }
)  # fmt: skip
"""Faults the shell makes by itself; every other name is a status or an adapter's own code."""


@dataclass
class Fault:
    """One rule. It skips `after` matching requests, then applies `times` times (None: always)."""

    name: str
    account: str = ""
    """Only requests with this label's key; '' means every request."""
    exchange: str = ""
    path: str = ""
    """Only paths that contain this."""
    times: int | None = 1
    after: int = 0
    seconds: float = 1.0
    """How late a slow answer is."""
    retry_after: int | None = None
    """A Retry-After header, where the fault is a status."""
    rows: tuple[str, ...] = ()
    """Ids of records that are left out; the parts of a composite one are joined by `|`."""
    struck: int = field(default=0, compare=False)

    def strikes(self, exchange: str, account: str, path: str) -> bool:
        """Whether the fault applies to this request; counts it."""
        if self.exchange not in ("", exchange) or self.account not in ("", account):
            return False
        if self.path not in path or self.times == 0:
            return False
        if self.after > 0:
            self.after -= 1
            return False
        if self.times is not None:
            self.times -= 1
        self.struck += 1
        return True


class Faults:
    """The rules in force, in the order they were armed."""

    def __init__(self) -> None:
        self.rules: list[Fault] = []

    def arm(self, **rule: Any) -> Fault:
        """Add a rule; `fault` is its name. Raises TypeError for an unknown field."""
        fault = Fault(name=str(rule.pop("fault")), **rule)
        self.rules.append(fault)
        return fault

    def clear(self) -> None:
        """Forget every rule."""
        self.rules.clear()

    def next(self, exchange: str, account: str, path: str) -> Fault | None:
        """The fault that applies to this request, if any."""
        for rule in self.rules:
            if rule.strikes(exchange, account, path):
                return rule
        return None


def web_page(title: bytes) -> bytes:
    """A small HTML page, as proxies and firewalls send."""
    return PAGE % (title, title)


def without_rows(body: bytes, rows: Iterable[str]) -> bytes:
    """A JSON response without the named records; the others keep their bytes.

    A record is an object of a list that has every part of the id among its values.
    """
    wanted = [set(row.split("|")) for row in rows]
    return _without(body.strip(), wanted)


def _without(text: bytes, wanted: list[set[str]]) -> bytes:
    if text.startswith(b"["):
        items = msgspec.json.decode(text, type=list[msgspec.Raw])
        kept = [bytes(item) for item in items if not _is_one_of(item, wanted)]
        return b"[" + b",".join(kept) + b"]"
    if text.startswith(b"{"):
        members = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
        parts = (
            msgspec.json.encode(name) + b":" + _without(bytes(value).strip(), wanted)
            for name, value in members.items()
        )
        return b"{" + b",".join(parts) + b"}"
    return text


def _is_one_of(item: msgspec.Raw, wanted: list[set[str]]) -> bool:
    if not bytes(item).lstrip().startswith(b"{"):
        return False
    members = msgspec.json.decode(item, type=dict[str, msgspec.Raw])
    values = {bytes(value).strip().strip(b'"').decode() for value in members.values()}
    return any(parts <= values for parts in wanted)
