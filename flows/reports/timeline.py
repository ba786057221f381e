"""Spans of coverage as a bar: what is complete, missing or not verified, at each moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from flows.reports.answers import Row
from flows.reports.gap_words import is_unverified
from flows.reports.words import day

LOOKS = {
    "complete": "complete",
    "filled": "missing here, filled by another stream",
    "note": "not available or not needed",
    "unverified": "read, but how far back it reaches is not documented",
    "warning": "another sync may fill it",
    "missing": "missing",
}
"""The looks of a span, best first, with their meaning. Where several apply, the worst is shown."""

WIDTH = 100.0
"""The width of a bar, in percent."""

SMALLEST = 0.4
"""The width of a span that would be too narrow to see."""


ENTITY_LOOKS = {
    "covered_api": "complete",
    "covered_file": "complete",
    "unverified": "unverified",
    "excluded_by_exchange": "note",
}
"""The look of each verdict of an entity; all others are missing."""


@dataclass(frozen=True)
class Span:
    """A span of a stream or an entity: from, to, how it looks, and its verdict."""

    start: datetime
    end: datetime
    look: str
    verdict: str

    @property
    def name(self) -> str:
        """The verdict in words."""
        filled = " (filled)" if self.look == "filled" else ""
        return f"{self.verdict.replace('_', ' ')}{filled}"

    @property
    def days(self) -> str:
        """The first and the last day."""
        return f"{day(self.start)} to {day(self.end)}"


def of_stream(coverage: Sequence[Row], gaps: Sequence[Row]) -> list[Span]:
    """The spans of one stream over all its scopes: complete ones, and gaps of every state."""
    complete = [
        Span(row["span_start"], row["span_end"], "complete", "complete")
        for row in coverage
        if row["is_complete"]
    ]
    missing = [
        Span(row["span_start"], row["span_end"], look_of_gap(row), verdict_of_gap(row))
        for row in gaps
        if row.get("span_start")
    ]
    return merged([*complete, *missing])


def look_of_gap(gap: Row) -> str:
    """How a gap looks, by its state and severity."""
    if gap["state"] == "filled":
        return "filled"
    if gap["severity"] == "info":
        return "unverified" if is_unverified(gap) else "note"
    return "warning" if gap["severity"] == "warning" else "missing"


def verdict_of_gap(gap: Row) -> str:
    """The verdict of a gap; a proof that rows are missing takes precedence."""
    is_proven = gap["verdict"] == "unverified" and gap["is_proven_incomplete"]
    return "rows_missing" if is_proven else gap["verdict"]


def of_entity(rows: Sequence[Row], gaps: Sequence[Row]) -> list[Span]:
    """The spans of one entity in one wallet, and the rows that are proven to be missing."""
    found = []
    for row in rows:
        look = ENTITY_LOOKS.get(row["verdict"], "missing")
        verdict = "complete" if look == "complete" else row["verdict"]
        found.append(Span(row["span_start"], row["span_end"], look, verdict))
        found += [
            Span(
                max(gap["span_start"], row["span_start"]),
                min(gap["span_end"], row["span_end"]),
                "missing",
                "rows_missing",
            )
            for gap in gaps
            if row["verdict"] == "unverified" and gap["stream"] == row["covered_by"]
            if gap["state"] == "open" and verdict_of_gap(gap) == "rows_missing"
            if gap["span_start"] < row["span_end"] and row["span_start"] < gap["span_end"]
        ]
    return merged(found)


def merged(spans: Sequence[Span]) -> list[Span]:
    """Spans without overlaps: the worst look holds, and equal neighbours are one span."""
    ranks = list(LOOKS)
    edges: dict[datetime, Counter[tuple[int, str]]] = {}
    for span in spans:
        kind = (ranks.index(span.look), span.verdict)
        edges.setdefault(span.start, Counter())[kind] += 1
        edges.setdefault(span.end, Counter())[kind] -= 1
    found: list[Span] = []
    open_kinds: Counter[tuple[int, str]] = Counter()
    moments = sorted(edges)
    for start, end in pairwise(moments):
        open_kinds.update(edges[start])
        now = [kind for kind, number in open_kinds.items() if number > 0]
        if not now:
            continue
        rank, verdict = max(now)
        last = found[-1] if found else None
        if last and (last.end, last.look, last.verdict) == (start, ranks[rank], verdict):
            found[-1] = Span(last.start, end, last.look, verdict)
        else:
            found.append(Span(start, end, ranks[rank], verdict))
    return found


@dataclass(frozen=True)
class Axis:
    """The time from left to right that all bars of an account share."""

    start: datetime
    end: datetime

    def at(self, moment: datetime) -> float:
        """The position of a moment on a bar."""
        share = (moment - self.start) / ((self.end - self.start) or timedelta(seconds=1))
        return round(min(max(share, 0), 1) * WIDTH, 2)

    def bars(self, spans: Sequence[Span]) -> Iterator[tuple[float, float, Span]]:
        """The left edge and the width of each span."""
        for span in spans:
            left, right = self.at(span.start), self.at(span.end)
            width = max(right - left, SMALLEST)
            yield round(min(left, WIDTH - width), 2), round(width, 2), span

    def years(self) -> list[tuple[float, int]]:
        """Positions of the first days of years, at most about ten of them."""
        years = range(self.start.year + 1, self.end.year + 1)
        step = len(years) // 10 + 1
        return [(self.at(datetime(year, 1, 1, tzinfo=UTC)), year) for year in years[::step]]


def axis_of(rows: Sequence[Row]) -> Axis | None:
    """The axis over all spans; none without a span."""
    dated = [row for row in rows if row.get("span_start")]
    if not dated:
        return None
    return Axis(min(row["span_start"] for row in dated), max(row["span_end"] for row in dated))
