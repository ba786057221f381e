"""Request one page of each private stream, to find which of them a key can read, and why not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from pipelines.errors import LookbackError, RequestError, unexpected
from pipelines.extract.client import ReadOnlySession, StreamClient
from pipelines.extract.exchange import Identity
from pipelines.extract.records import Record
from pipelines.extract.windows import Floor, Window
from pipelines.spec import StreamSpec

Answer = Literal["works", "not_requested", "refused", "failed", "untested"]

ROWS = 10
"""Rows per request; every route accepts it."""

SPAN = timedelta(days=30)
PARALLEL = 8

OnStream = Callable[[str, int, int], None]
"""(stream, streams done, streams in total)."""


@dataclass(frozen=True)
class StreamCheck:
    """The result of one stream."""

    stream: StreamSpec
    answer: Answer
    kind: str = ""
    why: str = ""
    remedy: str = ""


def probe_streams(
    session: ReadOnlySession,
    identity: Identity,
    scopes: Mapping[str, str],
    on_stream: OnStream = lambda stream, done, total: None,
) -> list[StreamCheck]:
    """One request per private stream of the account's kind, several at a time.

    `scopes` are known values of scopes, by stream. The result has the order of the spec.
    """
    now = session.clock.now()
    streams = [
        stream
        for stream in session.exchange.spec.streams
        if stream.private and stream.serves(identity.kind)
    ]
    checks = []
    with ThreadPoolExecutor(max_workers=PARALLEL) as pool:
        found = pool.map(lambda each: probe(session, identity, each, scopes, now), streams)
        for done, check in enumerate(found, start=1):
            on_stream(check.stream.name, done, len(streams))
            checks.append(check)
    return checks


def probe(
    session: ReadOnlySession,
    identity: Identity,
    stream: StreamSpec,
    scopes: Mapping[str, str],
    now: datetime,
) -> StreamCheck:
    """One page of one stream."""
    if refusal := session.exchange.beyond(identity, stream):
        return _failed(session, stream, refusal, "not_requested")
    scope = scopes.get(stream.name) or _scope(session, stream)
    if stream.scope and not scope:
        return StreamCheck(
            stream,
            "untested",
            why=f"it is requested by {stream.scope}, and none is known yet",
            remedy="the first sync finds the values and requests it",
        )
    start = now - min(stream.max_window or SPAN, stream.retention or SPAN, SPAN)
    window = Window(start + timedelta(minutes=1), now, Floor(start, "retention"))
    try:
        request_page(session, stream, window, scope)
    except RequestError as problem:
        if problem.kind == "unknown_scope":
            return StreamCheck(stream, "works")
        answer: Answer = "refused" if problem.outcome == "refused" else "failed"
        return _failed(session, stream, problem, answer)
    except LookbackError:
        raise
    except Exception as error:
        return _failed(session, stream, unexpected(error), "failed")
    return StreamCheck(stream, "works")


def request_page(
    session: ReadOnlySession, stream: StreamSpec, window: Window, scope: str
) -> list[Record]:
    """The first page of a window, with few rows. Raises RequestError."""
    small = replace(stream, page_size=min(stream.page_size, ROWS), smaller_page=None)
    paginator = session.exchange.paginator(small, window, scope)
    return list(next(iter(StreamClient(session, small).pages(paginator)), ()))


def _scope(session: ReadOnlySession, stream: StreamSpec) -> str:
    """A value of the stream's scope that can be requested without knowing the account."""
    if stream.scope_values:
        return stream.scope_values[0]
    return session.exchange.spec.scope_examples.get(stream.scope, "")


def _failed(
    session: ReadOnlySession, stream: StreamSpec, problem: RequestError, answer: Answer
) -> StreamCheck:
    hide = session.account.credentials.hide_in
    return StreamCheck(stream, answer, problem.kind, hide(problem.what), problem.remedy)
