"""A server with the documented routes of Bitget and BitMEX, which can return malformed responses.

It shares no code with the sandbox, so that both do not have the same mistakes.
"""

from __future__ import annotations

import gzip
import json
import random
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.loopback import QuietHandler, listening

ENOUGH = 4_000
"""After that many requests every response is an error: the client is in a loop."""


@dataclass(frozen=True)
class Row:
    """One record: the place in the list, the time the filter sees, and its bytes."""

    number: int
    at_ms: int
    raw: bytes


@dataclass(frozen=True)
class Answer:
    """A response."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    close: bool = False
    chunked: bool = False


@dataclass
class Manners:
    """How a list is served. The defaults are the documents'."""

    cap: int | None = None
    order: str = "documented"
    ignores: frozenset[str] = frozenset()
    exclusive_end: bool = False
    same_page: bool = False
    twice: bool = False
    drops: bool = False
    shrinks: int = 0
    stray: Row | None = None


Speak = Callable[[str, dict[str, str]], Answer]


@dataclass
class Exchange:
    """An exchange's answers: rows by path, and what replaces an answer altogether."""

    name: str
    rows: dict[str, list[Row]]
    manners: Manners = field(default_factory=Manners)
    instead: dict[str, Speak] = field(default_factory=dict)
    wrap: Callable[[list[bytes]], bytes] | None = None
    dress: Callable[[Answer], Answer] | None = None
    opened_at_ms: int = 0
    requested: int = 0

    def answer(self, path: str, params: dict[str, str]) -> Answer:
        """One answer, as the exchange would give it, in the dress it wears."""
        self.requested += 1
        if self.requested > ENOUGH:
            return Answer(b"too much", 400)
        given = self._answer(path, params)
        return self.dress(given) if self.dress else given

    def _answer(self, path: str, params: dict[str, str]) -> Answer:
        for part, speak in self.instead.items():
            if path.endswith(part):
                return speak(path, params)
        if path in self.rows:
            return self._page(self.rows[path], params)
        return self._beside(path)

    def _page(self, rows: list[Row], params: dict[str, str]) -> Answer:
        raws = page_of(rows, params, self.manners, newest_first=self._newest_first(path_hint(rows)))
        if self.wrap is not None:
            return Answer(self.wrap(raws))
        return Answer(self._envelope(b"[" + b",".join(raws) + b"]"))

    def _newest_first(self, hint: str) -> bool:
        return self.name == "bitget" or hint == "ledger"

    def _envelope(self, data: bytes) -> bytes:
        if self.name == "bitmex":
            return data
        return b'{"code":"00000","msg":"success","requestTime":1760000000123,"data":%s}' % data

    def _beside(self, path: str) -> Answer:
        """The identity of the key; lists without rows are empty."""
        found: Any = []
        if path.endswith("/account/info"):
            found = {
                "userId": "7000000001",
                "ips": None,
                "authorities": ["stor", "taxr"],
                "parentId": 7000000001,
                "regisTime": str(self.opened_at_ms),
            }
        elif path.endswith("/public/time"):
            found = {"serverTime": str(int(datetime.now(UTC).timestamp() * 1_000))}
        elif path == "/api/v1/user/wallet":
            found = [{"account": 1000001, "currency": "XBt", "amount": 5}]
        elif path == "/api/v1/user":
            opened = datetime.fromtimestamp(self.opened_at_ms / 1_000, UTC)
            found = {"id": 900001, "created": opened.isoformat().replace("+00:00", "Z")}
        elif path == "/api/v1/apiKey/self":
            found = {"id": "a-key-that-must-not-show", "permissions": []}
        return Answer(self._envelope(json.dumps(found).encode()))


def path_hint(rows: list[Row]) -> str:
    """The documented order of BitMEX's rows."""
    return "ledger" if rows and b"transactID" in rows[0].raw else ""


def page_of(
    rows: list[Row], params: dict[str, str], manners: Manners, *, newest_first: bool
) -> list[bytes]:
    """The page a server with such manners gives for these parameters."""
    params = {k: v for k, v in params.items() if k not in manners.ignores}
    found = sorted(rows, key=lambda row: (row.at_ms, row.number), reverse=newest_first)
    if manners.order == "turned":
        found.reverse()
    elif manners.order == "shuffled":
        random.Random(5).shuffle(found)
    low, high = to_ms(params.get("startTime")), to_ms(params.get("endTime"))
    if low is not None:
        found = [row for row in found if row.at_ms >= low]
    if high is not None:
        found = [row for row in found if row.at_ms < high + (0 if manners.exclusive_end else 1)]
    if "idLessThan" in params:
        found = [row for row in found if row.number < int(params["idLessThan"])]
    limit = int(params.get("limit") or params.get("count") or 100)
    limit = min(limit, manners.cap or limit)
    offset = int(params.get("start") or (int(params.get("pageNum", 1)) - 1) * limit)
    offset = 0 if manners.same_page else offset
    if manners.shrinks and offset:
        found = found[manners.shrinks :]
    page = found[offset : offset + limit]
    if manners.same_page:
        page = rows[:limit]
    if manners.drops and len(page) == limit:
        del page[1]
    if manners.stray is not None and page:
        page = [*page, manners.stray]
    if manners.twice:
        page = [row for row in page for _ in range(2)]
    return [row.raw for row in page]


def to_ms(text: str | None) -> int | None:
    """A time parameter of either exchange in milliseconds."""
    if text is None:
        return None
    if re.fullmatch(r"\d+", text):
        return int(text)
    return round(datetime.fromisoformat(text).timestamp() * 1_000)


@contextmanager
def serving(exchange: Exchange) -> Iterator[str]:
    """Serve it on a free loopback port; gives the base URL."""

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            send(self, exchange.answer(url.path, dict(parse_qsl(url.query))))

        def version_string(self) -> str:
            return "strange"

    with listening(Handler) as url:
        yield url


def send(handler: BaseHTTPRequestHandler, answer: Answer) -> None:
    """Write one answer, whole or in chunks."""
    headers = {"Content-Type": "application/json"} | answer.headers
    handler.send_response_only(answer.status)
    if headers.get("Date") != "":
        handler.send_header("Date", headers.pop("Date", handler.date_time_string()))
    headers.pop("Date", None)
    for name, value in headers.items():
        handler.send_header(name, value)
    if answer.chunked:
        handler.send_header("Transfer-Encoding", "chunked")
    elif answer.status != 204:
        handler.send_header("Content-Length", str(len(answer.body)))
    handler.end_headers()
    if answer.chunked:
        pieces = [answer.body[i : i + 1_000] for i in range(0, len(answer.body), 1_000)]
        handler.wfile.write(b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n")
    else:
        handler.wfile.write(answer.body)
    handler.close_connection = answer.close


def zipped(answer: Answer) -> Answer:
    """The same answer, gzip over chunks."""
    headers = answer.headers | {"Content-Encoding": "gzip"}
    return replace(answer, body=gzip.compress(answer.body), headers=headers, chunked=True)
