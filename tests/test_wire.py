"""Transport of responses at every exchange: compressed, cut, with other headers, replaced.

A relay between the client and the sandbox changes the responses.
"""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from itertools import pairwise
from typing import Any

import pytest
import requests

from pipelines import registry
from pipelines.config.accounts import configured_accounts
from pipelines.extract.client import ReadOnlySession
from pipelines.extract.progress import Progress
from pipelines.extract.rate_limits import RateLimiter
from pipelines.extract.work import Failure, Round, Tally
from pipelines.home import Home
from pipelines.load.source import StreamLoad
from pipelines.sandbox.engine.server import Sandbox
from tests.conftest import Lab
from tests.loopback import QuietHandler, listening
from tests.test_every_exchange import EXCHANGES, ledger_of, records

NOW = datetime(2026, 9, 20, 12, tzinfo=UTC)
RATE_HEADERS = ("x-ratelimit", "x-bm-ratelimit", "x-mbx", "retry-after")
CLOUDFLARE = (
    b"<!DOCTYPE html>\n<html lang=\"en-US\"><head><title>Attention Required! | Cloudflare</title>"
    b"</head><body><h1>Sorry, you have been blocked</h1><span>error code: 1020</span></body></html>"
)


@dataclass
class Passed:
    """An answer on its way to the client."""

    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    chunked: bool = False
    drip: bool = False
    cut: bool = False


Dress = Callable[[Passed, int], Passed]
"""The changed response; the second argument is its number."""


@contextmanager
def relay(target: str, dress: Dress) -> Iterator[str]:
    """Pass requests on to `target`; gives the relay's own address."""
    count = iter(range(10**9))

    class Handler(QuietHandler):
        def pass_on(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            own = ("host", "connection")
            sent = {k: v for k, v in self.headers.items() if k.lower() not in own}
            answer = requests.request(
                self.command, target + self.path, headers=sent, data=self.rfile.read(size),
                timeout=30, allow_redirects=False,
            )  # fmt: skip
            kept = {
                k: v for k, v in answer.headers.items()
                if k.lower() not in ("content-length", "connection", "transfer-encoding")
            }  # fmt: skip
            write(self, dress(Passed(answer.content, answer.status_code, kept), next(count)))

        do_GET = do_POST = pass_on

    with listening(Handler) as url:
        yield url


def write(handler: BaseHTTPRequestHandler, answer: Passed) -> None:
    """Send it at once, in chunks, byte by byte, or only a half before the connection stalls."""
    handler.send_response_only(answer.status)
    for name, value in answer.headers.items():
        handler.send_header(name, value)
    if answer.chunked:
        handler.send_header("Transfer-Encoding", "chunked")
    else:
        handler.send_header("Content-Length", str(len(answer.body)))
    handler.end_headers()
    body = answer.body[: len(answer.body) // 2] if answer.cut else answer.body
    step = max(1, len(body) // (8 if answer.drip else 3))
    for start in range(0, len(body), step):
        piece = body[start : start + step]
        if answer.chunked:
            piece = b"%x\r\n%b\r\n" % (len(piece), piece)
        handler.wfile.write(piece)
        handler.wfile.flush()
        if answer.drip:
            time.sleep(0.02)
    if answer.chunked and not answer.cut:
        handler.wfile.write(b"0\r\n\r\n")
    handler.close_connection = answer.cut


def packed(answer: Passed) -> Passed:
    answer.headers["Content-Encoding"] = "gzip"
    answer.body, answer.chunked = gzip.compress(answer.body), True
    return answer


def marked(answer: Passed) -> Passed:
    answer.body = b"\xef\xbb\xbf" + answer.body
    return answer


def chunked(answer: Passed) -> Passed:
    answer.chunked = True
    return answer


def dripping(answer: Passed) -> Passed:
    answer.drip = True
    return answer


def spaced(answer: Passed) -> Passed:
    answer.body = b"\r\n \t" + answer.body + b"\n\n"
    return answer


def bare(answer: Passed) -> Passed:
    """No headers about limits, and an unspecific content type."""
    kept = {k: v for k, v in answer.headers.items() if not k.lower().startswith(RATE_HEADERS)}
    answer.headers = kept | {"Content-Type": "application/octet-stream"}
    return answer


HARMLESS = (packed, marked, chunked, dripping, spaced, bare)


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(size="tiny", pace=None, now=NOW, years=0.5) as running:
        yield running


@pytest.fixture
def lab(box: Sandbox, private_home: Home, monkeypatch: pytest.MonkeyPatch) -> Lab:
    monkeypatch.setattr("pipelines.extract.client._wait_before_next", lambda state: 0.0)
    return Lab(box, private_home, monkeypatch)


def declared(lab: Lab, name: str, url: str) -> str:
    """The exchange's main account, requested through the relay."""
    card = lab.box.account(name)
    return lab.declare(name, base_url=card["base_url"].replace(lab.box.url, url))


@pytest.mark.parametrize("name", EXCHANGES)
def test_how_an_answer_is_packed_changes_nothing(
    name: str, lab: Lab, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Each response has another encoding; every twentieth follows a 429 with a date, or a 503."""

    def dress(answer: Passed, number: int) -> Passed:
        if number % 20 == 7:
            soon = format_datetime(datetime.now(UTC) + timedelta(milliseconds=10), usegmt=True)
            return Passed(b"slow down", 429, {"Retry-After": soon, "Content-Type": "text/plain"})
        if number % 20 == 13:
            return Passed(CLOUDFLARE, 503, {"Content-Type": "text/html"})
        if number % 20 == 17:
            answer.cut = True
            return answer
        return HARMLESS[number % len(HARMLESS)](answer)

    with relay(lab.box.url, dress) as url:
        (result,) = lab.sync(declared(lab, name, url)).values()
    assert result.failures == []
    found = records(lab, name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOOKBACK_HOME", str(tmp_path_factory.mktemp("plain")))
        from pipelines.home import home

        plain = Lab(lab.box, home(), patch)
        plain.sync(plain.declare(name))
        assert found == records(plain, name) and found


# -- answers that are none


def ask_ledger(lab: Lab, name: str, dress: Dress) -> tuple[list[dict[str, Any]], list[Failure]]:
    """The receipts and failures of one visit to the stream of the ledger, nothing loaded."""
    with relay(lab.box.url, dress) as url:
        (account,) = configured_accounts([declared(lab, name, url)])
        exchange = registry.exchange(name)
        limiter = RateLimiter()
        session = ReadOnlySession(exchange, account, limiter=limiter, sleep=lambda seconds: None)
        visit = Round(
            session=session, identity=None, account_id=lab.box.account(name)["account_id"],
            progress=Progress(), opened_at=NOW - timedelta(days=60), now=NOW, work_lists={},
            tally=Tally(10**9), on_event=lambda stream, rows, share: None,
        )  # fmt: skip
        receipts: list[dict[str, Any]] = []
        for item in StreamLoad(visit, exchange.spec.stream(ledger_of(name))).items():
            if item.meta.hints["table_name"] == "receipts":
                receipts += item.data.to_pylist()
        session.close()
    return receipts, visit.tally.failures


BAD: dict[str, tuple[Passed, set[str]]] = {
    "empty body": (Passed(b""), {"cut_short", "not_understood"}),
    "cloudflare 403": (Passed(CLOUDFLARE, 403, {"Content-Type": "text/html"}), {"blocked"}),
    "page as json": (Passed(CLOUDFLARE, 200), {"blocked"}),
    "cut json": (Passed(b'{"code":0,"data":[{"id":1,"am'), {"cut_short"}),
    "unknown error": (
        Passed(b'{"code":99999,"msg":"something new","message":"something new",'
               b'"error":{"message":"something new","name":"NewError"},"data":null}'),
        {"bad_request"},
    ),
    "null": (Passed(b"null"), {"not_understood"}),
    "a number": (Passed(b"17"), {"not_understood"}),
    "a text": (Passed(b'"maintenance"'), {"not_understood"}),
    "not utf-8": (Passed(b'[{"id":"\xff\xfe"}]'), {"not_understood"}),
    "not a number": (Passed(b'{"code":NaN}'), {"not_understood"}),
    "redirect": (
        Passed(b"", 302, {"Location": "http://other.example/"}), {"redirected", "venue_closed"}),
    "teapot": (Passed(b"", 418), {"rate_limited"}),
}  # fmt: skip


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("name", EXCHANGES)
def test_a_malformed_response_is_never_an_empty_history(
    name: str, bad: str, lab: Lab
) -> None:
    answer, kinds = BAD[bad]

    def dress(plain: Passed, number: int) -> Passed:
        return Passed(answer.body, answer.status, dict(answer.headers))

    receipts, failures = ask_ledger(lab, name, dress)
    assert failures and receipts
    closed = {"venue_closed"} if registry.exchange(name).spec.lifecycle == "closed" else set()
    assert {failure.kind for failure in failures} <= kinds | closed, failures
    assert {receipt["outcome"] for receipt in receipts} <= {"failed", "refused", "venue_closed"}
    assert all(receipt["error_text"] for receipt in receipts)
    # What was not read stands open, without a hole between.
    by_scope: dict[str, list[dict[str, Any]]] = {}
    for receipt in receipts:
        by_scope.setdefault(receipt["scope"], []).append(receipt)
    for requested in by_scope.values():
        spans = sorted((receipt["asked_from"], receipt["asked_to"]) for receipt in requested)
        assert all(before[1] == after[0] for before, after in pairwise(spans))
        assert spans[-1][1] >= NOW


@pytest.mark.parametrize("name", EXCHANGES)
def test_a_dead_connection_is_reported_after_retries(name: str, lab: Lab) -> None:
    def dress(answer: Passed, number: int) -> Passed:
        answer.cut = True
        return answer

    receipts, failures = ask_ledger(lab, name, dress)
    closed = registry.exchange(name).spec.lifecycle == "closed"
    assert {f.kind for f in failures} <= {"cut_short", "unreachable"} | (
        {"venue_closed"} if closed else set()
    )
    assert failures and {r["outcome"] for r in receipts} <= {"failed", "venue_closed"}
