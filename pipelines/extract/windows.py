"""Plan which spans to request: those that are available and have no receipt. Pure, no I/O."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from pipelines.spec import StreamSpec

FloorReason = Literal["retention", "opened_at", "unknown_start", "exchange_start"]

# The floor moves during a run; requests start this much later.
FLOOR_MARGIN = timedelta(minutes=5)

# Streams that accept any span are requested in spans of this length, so that an interrupted
# run keeps most rows.
WIDEST_UNLIMITED = timedelta(days=90)


@dataclass(frozen=True, order=True)
class Span:
    """A half-open span of time, [start, end)."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class Requested:
    """The completely read span of an earlier receipt."""

    span: Span
    held_from: datetime | None = None


@dataclass(frozen=True)
class Floor:
    """The oldest moment to request, and the reason."""

    at: datetime
    reason: FloorReason


@dataclass(frozen=True)
class Window:
    """One span to request from a stream, with its floor."""

    start: datetime
    end: datetime
    floor: Floor


def floor_of(
    stream: StreamSpec, *, now: datetime, opened_at: datetime | None, began_at: datetime
) -> Floor:
    """The later of the account's (or the exchange's) opening and the end of the retention."""
    floor = Floor(began_at, "unknown_start")
    if opened_at is not None and opened_at >= began_at:  # no account is older than its exchange
        floor = Floor(opened_at, "opened_at")
    if stream.retention is not None:
        reachable = now - stream.retention + FLOOR_MARGIN
        if reachable > floor.at:
            return Floor(reachable, "retention")
    return floor


def plan_windows(
    stream: StreamSpec, *, now: datetime, floor: Floor, requested: Sequence[Requested]
) -> list[Window]:
    """The windows to request, oldest first: [floor, now] less `requested` (oldest request first).

    If a row can still change, its span is requested again from that row on. The last window
    overlaps the known span by the stream's overlap. No window is wider than the stream allows.
    """
    if floor.at >= now:
        return []
    whole = Span(floor.at, now)
    todo = subtract([whole], _settled(requested))
    start = todo[-1].start if todo and todo[-1].end == now else now
    tail = Span(max(floor.at, start - stream.overlap), now)
    spans = merge([*todo, tail])
    if not stream.time_filter or stream.few_rows:
        return [Window(spans[0].start, now, floor)]
    widest = stream.max_window or WIDEST_UNLIMITED
    return [Window(piece.start, piece.end, floor) for piece in _cut(spans, widest)]


def reread_spans(stream: StreamSpec, requested: Sequence[Requested]) -> list[Span]:
    """The known spans that the next plan requests again: the overlap, and spans that are open."""
    known = merge(earlier.span for earlier in requested)
    if not known:
        return []
    settled = _settled(requested)
    tail_from = (settled[-1].end if settled else known[0].start) - stream.overlap
    end = known[-1].end
    again = merge([*subtract(known, settled), Span(tail_from, end)])
    return again if stream.time_filter else [Span(again[0].start, end)]


def _settled(requested: Iterable[Requested]) -> list[Span]:
    """The spans that need no further request: complete, without rows that can still change."""
    settled: list[Span] = []
    for earlier in requested:
        settled = merge([*settled, earlier.span])
        if earlier.held_from is not None:
            held = Span(max(earlier.held_from, earlier.span.start), earlier.span.end)
            settled = subtract(settled, [held])
    return settled


def merge(spans: Iterable[Span]) -> list[Span]:
    """The spans, sorted, with overlapping and adjacent ones merged."""
    merged: list[Span] = []
    for span in sorted(span for span in spans if span.start < span.end):
        if merged and span.start <= merged[-1].end:
            merged[-1] = Span(merged[-1].start, max(merged[-1].end, span.end))
        else:
            merged.append(span)
    return merged


def subtract(spans: Iterable[Span], taken: Iterable[Span]) -> list[Span]:
    """The parts of `spans` outside `taken`."""
    left = merge(spans)
    for hole in merge(taken):
        left = [
            piece
            for span in left
            for piece in (
                Span(span.start, min(span.end, hole.start)),
                Span(max(span.start, hole.end), span.end),
            )
            if piece.start < piece.end
        ]
    return left


def _cut(spans: Iterable[Span], widest: timedelta) -> Iterable[Span]:
    for span in spans:
        start = span.start
        while start < span.end:
            end = min(start + widest, span.end)
            yield Span(start, end)
            start = end
