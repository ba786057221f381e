"""Receipts: each requested span of a stream, and its outcome."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

from pipelines.errors import Outcome, RequestError
from pipelines.extract.paginators import Paginator
from pipelines.extract.records import Record, micros, to_moment
from pipelines.extract.windows import Window


@dataclass
class Receipt:
    """The results of one window so far."""

    window: Window
    scope: str
    asked_at: datetime
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    rows: int = 0
    pages: int = 0
    skipped: int = 0
    unreadable: int = 0
    oldest: int | None = None
    newest: int | None = None
    held: int | None = None

    def count(self, records: list[Record]) -> None:
        """Count the records of a page."""
        self.rows += len(records)
        self.unreadable += sum(not record.is_object for record in records)
        times = [record.at for record in records if record.at is not None]
        start = micros(self.window.start)
        held = [start if r.at is None else r.at for r in records if not r.final]
        self.oldest = min([*times, *_known(self.oldest)], default=None)
        self.newest = max([*times, *_known(self.newest)], default=None)
        self.held = min([*held, *_known(self.held)], default=None)


@dataclass(frozen=True)
class Part:
    """A span of a window with one outcome: one row of `receipts`.

    The first part of a window has the receipt id of its records, and their counts.
    """

    receipt: Receipt
    window: Window
    outcome: Outcome
    finished_at: datetime
    error: RequestError | None = None
    id: str = ""

    @property
    def is_first(self) -> bool:
        """Whether the part has the counts of the whole window."""
        return self.id == self.receipt.id


def numbered_parts(parts: list[Part]) -> list[Part]:
    """The parts of one window with their ids; none is exhausted if some items were not records."""
    done = []
    for index, part in enumerate(parts):
        receipt = part.receipt
        part = replace(part, id=uuid.uuid4().hex if index else receipt.id)
        if receipt.unreadable and part.outcome == "exhausted":
            error = RequestError(
                f"{receipt.unreadable} items of the response are not records; they are stored as "
                "they came",
                kind="unreadable_record",
            )
            part = replace(part, outcome="unresolved", error=error)
        done.append(part)
    return done


def read_and_unread(paginator: Paginator, window: Window) -> tuple[Window, Window | None]:
    """The part of the window that was read completely, and the rest."""
    reached = max(micros(window.start), min(micros(window.end), paginator.reached))
    edge = to_moment(reached)
    low, high = Window(window.start, edge, window.floor), Window(edge, window.end, window.floor)
    done, rest = (high, low) if paginator.newest_first else (low, high)
    return done, rest if rest.start < rest.end else None


def resolved_spans(
    done: Window, crowded: list[int], grain: int
) -> Iterator[tuple[Window, Outcome]]:
    """The complete spans, and each unresolved moment between them."""
    start = done.start
    for moment in sorted(set(crowded)):
        low, high = to_moment(moment), to_moment(moment + grain)
        low, high = (min(max(edge, start), done.end) for edge in (low, high))
        if start < low:
            yield Window(start, low, done.floor), "exhausted"
        if low < high:
            yield Window(low, high, done.floor), "unresolved"
        start = max(start, high)
    if start < done.end:
        yield Window(start, done.end, done.floor), "exhausted"


def _known(value: int | None) -> list[int]:
    return [] if value is None else [value]
