"""How the pages of one window are walked: dlt paginators that know how far they are.

Two defects shape them. Cursors lose rows where many share one millisecond (Bitget), and offsets
shift while a list grows (BitMEX). So a walk moves its time bound wherever it can, reads the rows
at the boundary twice, and leans on cursor or offset only inside one crowded moment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dlt.sources.helpers.rest_client.paginators import BasePaginator
from requests import Request, Response

from pipelines.errors import Trouble
from pipelines.records import Record, micros
from pipelines.windows import Window

MILLISECOND = 1_000

# Servers quietly cap a page below what was asked. A page of one of these sizes may be such a
# cut, so it is not taken as the end.
ROUND_SIZES = frozenset({10, 20, 25, 50, 100, 200, 250, 500, 1_000, 10_000})


class Walk(BasePaginator):
    """Pages of one window. Records come as `data`, the request's parameters go out.

    `reached` is how far the window is complete: from its end down (newest first) or from its
    start up. `unresolved` holds moments (microseconds) with more rows than could be told apart;
    `capped` says that the exchange stopped giving before the end.
    """

    newest_first = True

    def __init__(self, params: Mapping[str, str], window: Window, page_size: int) -> None:
        super().__init__()
        self.params = dict(params)
        self.page_size = page_size
        self.start = micros(window.start)
        self.end = micros(window.end)
        self.reached = self.end if self.newest_first else self.start
        self.unresolved: list[int] = []
        self.capped = False
        self._previous: frozenset[str] = frozenset()

    def init_request(self, request: Request) -> None:
        request.params = {**(request.params or {}), **self.params, **self.position()}

    def update_request(self, request: Request) -> None:
        self.init_request(request)

    def position(self) -> Mapping[str, str | None]:
        """The parameters that say which page; None leaves one out."""
        return {}

    def update_state(self, response: Response, data: list[Any] | None = None) -> None:
        records: list[Record] = data or []
        ids = frozenset(record.id for record in records)
        if self._is_last(records):
            self.finish()
        else:
            self.advance(records, fresh=bool(ids - self._previous))
        self._previous = ids

    def advance(self, records: list[Record], *, fresh: bool) -> None:
        """Move on after a full page. `fresh`: it held rows the page before did not."""
        self.finish()

    @property
    def has_progress(self) -> bool:
        """Whether some part of the window is complete."""
        return self.reached != (self.end if self.newest_first else self.start)

    def finish(self) -> None:
        self.reached = self.start if self.newest_first else self.end
        self._has_next_page = False

    def give_up(self, moment: int) -> None:
        """No way on from here: what lies beyond is said to be unknown."""
        self.unresolved.append(moment)
        self._has_next_page = False

    def _is_last(self, records: list[Record]) -> bool:
        count = len(records)
        return count == 0 or (count < self.page_size and count not in ROUND_SIZES)


class OnePage(Walk):
    """A route that answers everything at once."""


class NewestFirst(Walk):
    """Time-bounded pages, newest first: the end bound follows the oldest row down."""

    def __init__(
        self,
        params: Mapping[str, str],
        window: Window,
        page_size: int,
        *,
        bounds: tuple[str, str],
        cursor: str,
        sure_cursor: bool = True,
        write: Callable[[int], str],
    ) -> None:
        super().__init__(params, window, page_size)
        self._bounds = bounds
        self._cursor_name = cursor
        self._sure_cursor = sure_cursor
        self._write = write
        self._upper = self.end
        self._cursor = ""

    def position(self) -> Mapping[str, str | None]:
        first, last = self._bounds
        return {
            first: self._write(self.start),
            last: self._write(self._upper),
            self._cursor_name: self._cursor or None,
        }

    def advance(self, records: list[Record], *, fresh: bool) -> None:
        times = [record.at for record in records if record.at is not None]
        oldest = min(times, default=self._upper)
        if not fresh and self._cursor:
            self.give_up(oldest)
        elif fresh and oldest + MILLISECOND < self._upper:
            # One past the oldest, so that it works whether the bound counts as inside or not.
            self._upper = oldest + MILLISECOND
            self._cursor = ""
            self.reached = self._upper
        else:
            self._cursor = records[-1].id
            if not self._sure_cursor and oldest not in self.unresolved:
                self.unresolved.append(oldest)


class OldestFirst(Walk):
    """Time-bounded pages, oldest first: the start bound follows the newest row up.

    `slack` (microseconds) is how far a row's place in the list may lie from the time the filter
    looks at, and is read twice. While a whole page lies within it, offsets lead on: moving the
    bound would bring nothing but rows read before.
    """

    newest_first = False

    def __init__(
        self,
        params: Mapping[str, str],
        window: Window,
        page_size: int,
        *,
        bounds: tuple[str, str],
        offset: str,
        slack: int,
        write: Callable[[int], str],
    ) -> None:
        super().__init__(params, window, page_size)
        self._bounds = bounds
        self._offset_name = offset
        self._slack = slack
        self._write = write
        self._lower = self.start
        self._offset = 0

    def position(self) -> Mapping[str, str | None]:
        first, last = self._bounds
        return {
            first: self._write(self._lower),
            last: self._write(self.end),
            self._offset_name: str(self._offset),
        }

    def advance(self, records: list[Record], *, fresh: bool) -> None:
        times = [record.at for record in records if record.at is not None]
        lower = max(times, default=self._lower) - self._slack
        if not fresh:
            self.give_up(self._lower)
        elif lower > max(self._lower, min(times, default=self._lower)):
            self._lower = lower
            self._offset = 0
            self.reached = lower
        else:
            self._offset += len(records)


class ByOffset(Walk):
    """A list without a time filter, newest first, by offset, until the window's start is passed.

    Pages overlap by `overlap` rows. A page that shares none of them with the one before means
    that the list moved further than that: `unresolved`, rather than a silent hole.
    """

    def __init__(
        self,
        params: Mapping[str, str],
        window: Window,
        page_size: int,
        *,
        offset: str,
        overlap: int = 0,
        to_the_end: bool = False,
    ) -> None:
        super().__init__(params, window, page_size)
        self._offset_name = offset
        self._overlap = overlap
        self._to_the_end = to_the_end
        self._offset = 0
        self._expected: frozenset[str] = frozenset()

    def position(self) -> Mapping[str, str | None]:
        return {self._offset_name: str(self._offset)}

    def update_state(self, response: Response, data: list[Any] | None = None) -> None:
        records: list[Record] = data or []
        shifted = bool(self._expected) and not any(r.id in self._expected for r in records)
        super().update_state(response, records)
        if shifted:
            self.give_up(self.reached)

    def advance(self, records: list[Record], *, fresh: bool) -> None:
        times = [record.at for record in records if record.at is not None]
        oldest = min(times, default=self.end)
        if not fresh and len(records) <= self._overlap:
            self.finish()  # nothing but the overlap: the list ended with the page before
        elif not fresh:
            self.give_up(oldest)
        elif oldest < self.start and not self._to_the_end:
            self.finish()
        else:
            step = max(1, len(records) - self._overlap)
            self._expected = frozenset(r.id for r in records[step:])
            self._offset += step
            self.reached = min(self.reached, oldest + MILLISECOND)


class ByPageNumber(Walk):
    """Numbered pages of one window, up to the exchange's last number."""

    def __init__(
        self,
        params: Mapping[str, str],
        window: Window,
        page_size: int,
        *,
        number: str,
        last_number: int,
        write_bounds: Mapping[str, str],
    ) -> None:
        super().__init__({**params, **write_bounds}, window, page_size)
        self._number_name = number
        self._last_number = last_number
        self._number = 1

    def position(self) -> Mapping[str, str | None]:
        return {self._number_name: str(self._number)}

    def advance(self, records: list[Record], *, fresh: bool) -> None:
        if not fresh:
            self.finish()
        elif self._number >= self._last_number:
            self.capped = True
            self._has_next_page = False
        else:
            self._number += 1


class ByCursor(Walk):
    """A list without a time filter, newest first, along a cursor, until the start is passed.

    `follow` reads the next page's cursor from an answer; none means that the list has ended, and
    nothing else does: a short page, even an empty one, may lead on. A cursor that comes twice,
    or a page that holds only what the one before held, leads nowhere: what lies beyond is
    unresolved. A page out of order is not trusted to say where the window's start lies.
    """

    def __init__(
        self,
        params: Mapping[str, str],
        window: Window,
        page_size: int,
        *,
        cursor: str,
        follow: Callable[[Response, list[Record]], str],
        scope: str = "",
    ) -> None:
        super().__init__(params, window, page_size)
        self._cursor_name = cursor
        self._follow = follow
        self._scope = scope
        self._cursor = ""
        self._taken: set[str] = set()
        self._in_order = True
        self._oldest = self.end

    def position(self) -> Mapping[str, str | None]:
        return {self._cursor_name: self._cursor or None}

    def update_state(self, response: Response, data: list[Any] | None = None) -> None:
        records: list[Record] = data or []
        self._check_scope(records)
        ids = frozenset(record.id for record in records)
        fresh = not ids or bool(ids - self._previous)
        self._previous = ids or self._previous
        self._cursor = self._follow(response, records)
        if not self._cursor:
            self.finish()
            return
        self._note_times(records)
        if not fresh and len(records) == 1:
            self.finish()  # a cursor that counts its own row as inside, at the last row
        elif not fresh or self._cursor in self._taken:
            self.give_up(self._oldest)
        elif self._in_order and self._oldest < self.start:
            self.finish()
        self._taken.add(self._cursor)

    def _check_scope(self, records: list[Record]) -> None:
        strangers = {record.scope for record in records} - {self._scope}
        if self._scope and strangers:
            raise Trouble(
                f"asked for {self._scope}, the exchange answered with {', '.join(strangers)}",
                kind="not_understood",
                remedy="run the sync again; nothing is lost",
            )

    def _note_times(self, records: list[Record]) -> None:
        times = [record.at for record in records if record.at is not None]
        if not times:
            return
        self._in_order = self._in_order and times == sorted(times, reverse=True)
        self._in_order = self._in_order and times[0] <= self._oldest
        self._oldest = min(self._oldest, *times)
        if self._in_order:
            self.reached = max(self.start, min(self.reached, self._oldest + MILLISECOND))
