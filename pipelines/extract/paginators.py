"""dlt paginators for the pages of one window. They report how far the window is complete.

Cursors lose rows if many share one millisecond, and offsets shift while a list grows. So a
paginator moves its time bound wherever it can, reads the rows at the boundary twice, and uses
cursor or offset only inside one moment with more rows than a page (a crowded moment).

Servers are not trusted. If a page is not in order, the window is split instead of moving the
bound. If a page has rows outside the requested span, the bounds have no effect, and the next page
is requested by cursor or offset. A page shorter than requested ends the window only if the server
cannot have cut it. A moment that cannot be read completely is `unresolved`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dlt.sources.helpers.rest_client.paginators import BasePaginator
from requests import Request, Response

from pipelines.errors import RequestError
from pipelines.extract.records import Record, micros
from pipelines.extract.windows import Window

MILLISECOND = 1_000
HOUR = 3_600_000_000

# Most pages of one window. Lists with a time filter are loaded and resumed long before; the largest
# of the others are the ledgers of many years.
MOST_PAGES = 5_000
MOST_ROWS = 2_000_000

# Most pages in a row without progress in time: a moment with more rows than that, or a list in an
# unusable order.
STANDING_PAGES = 1_000

# Most crowded moments in one window. Real windows have a few.
CROWDED_MOMENTS = 100

# Common page sizes of servers: a page of such a size is no proof that the list has ended.
ROUND_SIZES = frozenset({10, 20, 25, 50, 100, 200, 250, 500, 1_000, 10_000})


class Paginator(BasePaginator):
    """Pages of one window: takes the records of each page, and sets the parameters of the next.

    `reached` is how far the window is complete: from its end down (newest first) or from its
    start up. `unresolved` has the moments (microseconds) that could not be read completely.
    `capped` means that the exchange returned no more rows before the end of the window,
    `is_endless` that it returned more pages than possible. `largest_page` is the largest number of
    rows in one response of this stream; the caller passes it to the next paginator.
    """

    newest_first = True
    grain = MILLISECOND
    """The shortest span of a request (microseconds), which is the width of an unresolved moment."""

    def __init__(self, params: Mapping[str, str | int], window: Window, page_size: int) -> None:
        super().__init__()
        self.params = dict(params)
        self.page_size = page_size
        self.start = micros(window.start)
        self.end = micros(window.end)
        self.reached = self.end if self.newest_first else self.start
        self.unresolved: list[int] = []
        self.capped = False
        self.is_endless = False
        self.largest_page = 0
        self._pages = 0
        self._rows = 0
        self._standing = 0
        self._met: set[str] = set()

    def init_request(self, request: Request) -> None:
        sent = {**self.params, **self.position()}
        if request.method == "POST":
            body = {name: value for name, value in sent.items() if value is not None}
            request.json = body or None
        else:
            texts = {name: None if value is None else str(value) for name, value in sent.items()}
            request.params = {**(request.params or {}), **texts}

    def update_request(self, request: Request) -> None:
        self.init_request(request)

    def position(self) -> Mapping[str, str | int | None]:
        """The parameters of the page to request; None leaves one out."""
        return {}

    def update_state(self, response: Response, data: list[Any] | None = None) -> None:
        records: list[Record] = data or []
        reached = self.reached
        self.turn(response, records)
        self._pages += 1
        self._rows += len(records)
        self._standing = 0 if self.reached != reached else self._standing + 1
        if self._has_next_page and self._is_beyond_reason():
            self.is_endless = True
            self.give_up(self.reached)

    def _is_beyond_reason(self) -> bool:
        return (
            self._pages >= MOST_PAGES
            or self._rows >= MOST_ROWS
            or self._standing >= STANDING_PAGES
            or len(self.unresolved) >= CROWDED_MOMENTS
        )

    def turn(self, response: Response, records: list[Record]) -> None:
        """Process a page and set where the next one begins, if there is one."""
        ids = {record.id for record in records}
        is_last = self.is_last(records, ids)
        self.largest_page = max(self.largest_page, len(records))
        if is_last:
            self.finish()
        else:
            self.advance(records, fresh=not ids <= self._met)
        self._met |= ids

    def advance(self, records: list[Record], *, fresh: bool) -> None:
        """Set the next page. `fresh`: the page had rows that are new since the bound last moved."""
        self.finish()

    @property
    def has_progress(self) -> bool:
        """Whether some part of the window is complete."""
        return self.reached != (self.end if self.newest_first else self.start)

    def finish(self) -> None:
        self.reached = self.start if self.newest_first else self.end
        self._has_next_page = False

    def disown(self) -> None:
        """Count no part of the window as read: the response was not what was requested."""
        self.reached = self.end if self.newest_first else self.start
        self.unresolved = []
        self._has_next_page = False

    def give_up(self, moment: int) -> None:
        """Stop here and report the rest of the window as unread."""
        self.unresolved.append(moment)
        self._has_next_page = False

    def end_of_the_known(self, moment: int) -> None:
        """Stop after a page without new rows: it is the end, unless the pages look cut."""
        if self.looks_cut:
            self.give_up(moment)
        else:
            self.finish()

    @property
    def looks_cut(self) -> bool:
        """Whether the server may have cut its largest page."""
        return self.largest_page >= self.page_size or self.largest_page in ROUND_SIZES

    def is_last(self, records: Sequence[Record], ids: set[str]) -> bool:
        """Whether this page must be the last.

        A server may cut pages at an undocumented size below the requested one, so only a page that
        is smaller than another one counts as not cut. A nearly full page may have been cut as well,
        as some servers remove rows from a page after cutting it.
        """
        count = len(records)
        return count == 0 or (count < self.largest_page and 2 * count < self.page_size)


def within(records: Sequence[Record], low: int, high: int) -> list[Record]:
    """The records of that span, and those without a time."""
    return [record for record in records if record.at is None or low <= record.at <= high]


def times_of(records: Sequence[Record]) -> list[int]:
    """The times of the records, in their order, without records that have no time."""
    return [record.at for record in records if record.at is not None]


def is_rising(times: Sequence[int], slack: int = 0) -> bool:
    """Whether no time is more than `slack` before an earlier one in the list."""
    highest = times[0] if times else 0
    for time in times:
        if time < highest - slack:
            return False
        highest = max(highest, time)
    return True


def is_falling(times: Sequence[int], slack: int = 0) -> bool:
    """Whether no time is more than `slack` after an earlier one in the list."""
    return is_rising([-time for time in times], slack)


class OnePage(Paginator):
    """A route that returns all rows at once."""


class OnlyPage(OnePage):
    """A list without a second page: if the first is full, rows may be missing."""

    def finish(self) -> None:
        self.capped = self.largest_page >= self.page_size
        super().finish()


class NewestPage(Paginator):
    """A route that returns only its newest rows: the window is complete from the oldest one."""

    def advance(self, records: list[Record], *, fresh: bool) -> None:
        oldest = min(times_of(records), default=self.end)
        self.finish()
        if len(records) >= self.page_size:
            self.capped = True
            self.reached = min(self.end, max(self.start, oldest + MILLISECOND))


class NewestFirst(Paginator):
    """Time-bounded pages, newest first: the end bound follows the oldest row down.

    If a page is in no such order, the upper half of the span is requested first, then the lower.
    """

    def __init__(
        self,
        params: Mapping[str, str | int],
        window: Window,
        page_size: int,
        *,
        bounds: tuple[str, str],
        cursor: str,
        sure_cursor: bool = True,
        write: Callable[[int], str | int],
    ) -> None:
        super().__init__(params, window, page_size)
        self._bounds = bounds
        self._cursor_name = cursor
        self._sure_cursor = sure_cursor
        self._write = write
        self._lower = self.start
        self._upper = self.end
        self._below: list[int] = []  # starts of the spans to request, the next one last
        self._cursor = ""
        self._only_cursor = False

    def position(self) -> Mapping[str, str | int | None]:
        first, last = self._bounds
        return {
            first: self._write(self._lower),
            last: self._write(self._upper),
            self._cursor_name: self._cursor or None,
        }

    def is_last(self, records: Sequence[Record], ids: set[str]) -> bool:
        """A cursor that returns only known rows does not work, and proves no end."""
        led_nowhere = bool(self._cursor and ids and ids <= self._met)
        return not led_nowhere and super().is_last(records, ids)

    def advance(self, records: list[Record], *, fresh: bool) -> None:
        inside = within(records, self._lower // MILLISECOND * MILLISECOND, self._upper)
        times = times_of(inside)
        oldest = min(times, default=self._upper)
        middle = (self._lower + self._upper) // 2 // MILLISECOND * MILLISECOND
        # A few rows with malformed times are ignored; many show that the bounds have no effect.
        self._only_cursor |= 2 * len(inside) < len(records)
        if self._only_cursor:
            self._follow_cursor(records, fresh=fresh)
        elif not fresh and self._cursor:
            self._leave(records, times)
        elif not is_falling(times) and middle + MILLISECOND < self._upper:
            self._below.append(self._lower)
            self._ask(middle, self._upper)
        elif oldest + MILLISECOND < self._upper:
            # One past the oldest row, which works with an inclusive and an exclusive bound.
            self._ask(self._lower, oldest + MILLISECOND)
            self.reached = self._upper
        else:
            self._doubt(records, oldest, fresh=fresh)
            self._cursor = inside[-1].id

    def finish(self) -> None:
        """End one span; end the window if no span is left."""
        if self._below and not self._only_cursor:
            self.reached = self._lower
            self._ask(self._below.pop(), self._lower + MILLISECOND)
        else:
            super().finish()

    def _ask(self, lower: int, upper: int) -> None:
        self._lower, self._upper, self._cursor = lower, upper, ""
        self._met = set()

    def _leave(self, records: list[Record], times: Sequence[int]) -> None:
        """End a crowded moment as unresolved: the cursor returned no new rows."""
        moment = min(times, default=self._upper)
        # Without the cursor's own row, the cursor had an effect, but the list is in reverse order.
        is_turned = self._cursor not in {record.id for record in records}
        if not (self.looks_cut or is_turned):
            self.finish()
        elif moment == max(times, default=0) and moment - MILLISECOND > self._lower:
            # The bound may be inclusive or exclusive, so the moment before is unresolved as well.
            self.unresolved += [moment - MILLISECOND, moment]
            self._ask(self._lower, moment - MILLISECOND)
            self.reached = self._upper
        else:
            self.give_up(moment)

    def _follow_cursor(self, records: list[Record], *, fresh: bool) -> None:
        """Follow the cursor, as the bounds have no effect; this requires a list in order."""
        times = times_of(records)
        since = [record for record in records if record.at is None or record.at >= self.start]
        moment = min(times_of(since), default=self.start)
        if not is_falling(times_of(since)):
            self.give_up(moment)
        elif not fresh and self._cursor:
            self.end_of_the_known(moment)
        elif times and not since:
            self.finish()
        else:
            self._doubt(records, moment, fresh=fresh)
            self._cursor = since[-1].id

    def _doubt(self, records: list[Record], moment: int, *, fresh: bool) -> None:
        """Mark the moment as unresolved if the cursor may lose rows of one moment."""
        leaned_on = len(records) >= self.page_size or (fresh and self._cursor != "")
        if leaned_on and not self._sure_cursor and moment not in self.unresolved:
            self.unresolved.append(moment)


class NewestOnly(Paginator):
    """A route that returns the newest rows of a span, without a second page.

    A full page may have been cut, so its span is requested again in smaller ones: from its end down
    to its oldest row, or in two halves if the order of rows is unknown. If one `grain` has more
    rows than a page, that moment is `unresolved`.
    """

    def __init__(
        self,
        params: Mapping[str, str | int],
        window: Window,
        page_size: int,
        *,
        bounds: tuple[str, str],
        write: Callable[[int], str | int],
        grain: int = MILLISECOND,
        sorted_rows: bool,
    ) -> None:
        super().__init__(params, window, page_size)
        self.grain = grain
        self._bounds = bounds
        self._write = write
        self._sorted_rows = sorted_rows
        self._left = [(self.start, self.end)]  # spans to request, the newest last

    def position(self) -> Mapping[str, str | int | None]:
        if not self._left:
            return {}  # dlt calls once more after the last page
        low, high = self._left[-1]
        first, last = self._bounds
        grain = self.grain  # bounds are whole grains, so that no row is between them
        return {
            first: self._write(low // grain * grain),
            last: self._write(-(-high // grain) * grain),
        }

    def is_last(self, records: Sequence[Record], ids: set[str]) -> bool:
        return False  # a short page ends its span, not the window

    def _may_be_cut(self, count: int) -> bool:
        """Whether a page of that size may lack rows: full, nearly full, or cut at a round size."""
        return 2 * count >= self.page_size or count in ROUND_SIZES

    def advance(self, records: list[Record], *, fresh: bool) -> None:
        low, high = self._left.pop()
        if not self._may_be_cut(len(records)):
            self._close(low)
        elif high - low <= self.grain:
            if len(records) >= self.page_size:
                self.unresolved.append(low // self.grain * self.grain)
            self._close(low)
        else:
            self._left += self._smaller(low, high, records)

    def _close(self, low: int) -> None:
        self.reached = low
        if not self._left:
            self.finish()

    def _smaller(self, low: int, high: int, records: list[Record]) -> list[tuple[int, int]]:
        """The spans to request instead of a span whose page was full, oldest first."""
        times = [record.at for record in records if record.at is not None]
        is_sorted = times == sorted(times, reverse=True) and len(times) == len(records)
        if self._sorted_rows and is_sorted:
            # The page may lack rows of its oldest moment, which is requested again.
            edge = times[-1] // self.grain * self.grain + self.grain
            if low < edge < high:
                self.reached = edge
                return [(low, edge)]
        # The halves meet at a whole grain, so that no moment is requested in two parts.
        middle = (low + high) // 2 // self.grain * self.grain
        if not low < middle < high:
            middle = min(high - 1, low // self.grain * self.grain + self.grain)
        return [(low, middle), (middle, high)]


class OldestFirst(Paginator):
    """Time-bounded pages, oldest first: the start bound follows the newest row up.

    `slack` (microseconds) is the largest difference between the order of the list and the time by
    which the route filters. Such a span is read twice. If a whole page is within it, the next page
    is requested by offset, as a moved bound would return the same rows.
    """

    newest_first = False

    def __init__(
        self,
        params: Mapping[str, str | int],
        window: Window,
        page_size: int,
        *,
        bounds: tuple[str, str],
        offset: str,
        slack: int,
        write: Callable[[int], str | int],
    ) -> None:
        super().__init__(params, window, page_size)
        self._bounds = bounds
        self._offset_name = offset
        self._slack = slack
        self._write = write
        self._lower = self.start
        self._offset = 0
        self._only_offset = False

    def position(self) -> Mapping[str, str | int | None]:
        first, last = self._bounds
        return {
            first: self._write(self._lower),
            last: self._write(self.end),
            self._offset_name: str(self._offset),
        }

    def advance(self, records: list[Record], *, fresh: bool) -> None:
        inside = within(records, self._lower - self._slack, self.end + self._slack)
        times = times_of(inside)
        lower = max(times, default=self._lower) - self._slack
        leads = 2 * len(inside) >= len(records) and is_rising(times, self._slack)
        turned = not leads and not self._only_offset
        self._only_offset |= turned
        if not fresh and not turned:
            self.end_of_the_known(self._lower)
        elif self._only_offset and self._is_past(records):
            self.finish()
        elif not self._only_offset and lower > max(self._lower, min(times, default=self._lower)):
            self._lower = self.reached = lower
            self._offset = 0
            self._met = set()
        else:
            self._offset += len({record.id for record in inside or records})

    def _is_past(self, records: Sequence[Record]) -> bool:
        """Whether the list has reached rows after the window."""
        times = times_of(records)
        return bool(times) and is_rising(times) and times[0] > self.end + self._slack


class ByOffset(Paginator):
    """A list without a time filter, newest first, by offset, until the window's start is passed.

    Pages overlap by `overlap` rows. If a page shares no row with the page before, the list has
    shifted further, and the moment is `unresolved`.
    """

    def __init__(
        self,
        params: Mapping[str, str | int],
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
        self._in_order = True

    def position(self) -> Mapping[str, str | int | None]:
        return {self._offset_name: str(self._offset)}

    def turn(self, response: Response, records: list[Record]) -> None:
        if self._expected and not any(record.id in self._expected for record in records):
            self.give_up(self.reached)
        else:
            super().turn(response, records)

    def advance(self, records: list[Record], *, fresh: bool) -> None:
        times = times_of(records)
        oldest = min(times, default=self.end)
        self._in_order &= is_falling(times, HOUR)
        if not fresh and len(records) <= self._overlap:
            self.finish()  # only the overlap: the list ended with the page before
        elif not fresh:
            self.end_of_the_known(oldest)
        elif self._is_past(times):
            self.finish()
        else:
            ids = list(dict.fromkeys(record.id for record in records))
            step = max(1, len(ids) - self._overlap)
            self._expected = frozenset(ids[step:])
            self._offset += step
            if self._overlap:  # duplicates can only be in the overlap
                self._met = set()
            if self._in_order:
                self.reached = min(self.reached, oldest + MILLISECOND)

    def _is_past(self, times: Sequence[int]) -> bool:
        """Whether the page ends well before the window, ignoring one row with a malformed time."""
        tail = times[len(times) // 2 :]
        return self._in_order and not self._to_the_end and bool(tail) and max(tail) < self.start


class ById(Paginator):
    """A list by rising ids: from an id or a time on, then from the highest id so far, plus one.

    Ids rise with time, so the window is complete up to the newest row of a page. Only a page
    without rows ends the list, as some servers remove rows from a page after cutting it.
    """

    newest_first = False

    def __init__(
        self,
        params: Mapping[str, str | int],
        window: Window,
        page_size: int,
        *,
        from_id: str,
        start: str,
    ) -> None:
        super().__init__(params, window, page_size)
        self._from_id = from_id
        self._start = start
        self._id = 0 if window.start <= window.floor.at else None

    def position(self) -> Mapping[str, str | int | None]:
        if self._id is None:
            return {self._start: self.start // MILLISECOND, self._from_id: None}
        return {self._start: None, self._from_id: self._id}

    def is_last(self, records: Sequence[Record], ids: set[str]) -> bool:
        return not records

    def advance(self, records: list[Record], *, fresh: bool) -> None:
        numbers = [record.id.rpartition("|")[2] for record in records]
        highest = max((int(number) for number in numbers if number.isdecimal()), default=-1)
        if not fresh or highest < (self._id or 0):
            self.give_up(self.reached)
            return
        self._id = highest + 1
        times = times_of(records)
        if is_rising(times) and times:
            self.reached = min(self.end, max(self.reached, times[-1]))


class ByPageNumber(Paginator):
    """Numbered pages of one window, up to the exchange's last number."""

    def __init__(
        self,
        params: Mapping[str, str | int],
        window: Window,
        page_size: int,
        *,
        number: str,
        last_number: int,
    ) -> None:
        super().__init__(params, window, page_size)
        self._number_name = number
        self._last_number = last_number
        self._number = 1

    def position(self) -> Mapping[str, str | int | None]:
        return {self._number_name: self._number}

    def advance(self, records: list[Record], *, fresh: bool) -> None:
        if not fresh:
            self.end_of_the_known(self.reached)
        elif self._number >= self._last_number:
            self.capped = self.is_endless = True
            self._has_next_page = False
        else:
            self._number += 1


class ByCursor(Paginator):
    """A list without a time filter, newest first, along a cursor, until the start is passed.

    `follow` reads the next page's cursor from a response. The list ends only if there is none: a
    short or empty page can have a next page. After a repeated cursor, or a page without new rows,
    the rest of the window is unresolved. A page out of order does not show that the window's start
    is passed.
    """

    def __init__(
        self,
        params: Mapping[str, str | int],
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

    def position(self) -> Mapping[str, str | int | None]:
        return {self._cursor_name: self._cursor or None}

    def turn(self, response: Response, records: list[Record]) -> None:
        self._check_scope(records)
        ids = {record.id for record in records}
        fresh = not ids or not ids <= self._met
        self._met |= ids
        self._cursor = self._follow(response, records)
        if not self._cursor:
            self.finish()
            return
        self._note_times(records)
        if not fresh and len(records) == 1:
            self.finish()  # an inclusive cursor at the last row
        elif not fresh or self._cursor in self._taken:
            self.give_up(self._oldest)
        elif self._in_order and self._oldest < self.start:
            self.finish()
        self._taken.add(self._cursor)

    def _check_scope(self, records: list[Record]) -> None:
        strangers = {record.scope for record in records if record.is_object} - {self._scope}
        if self._scope and strangers:
            raise RequestError(
                f"requested {self._scope}, but got rows of {', '.join(strangers)}",
                kind="not_understood",
                remedy="run the sync again; nothing is lost",
            )

    def _note_times(self, records: list[Record]) -> None:
        times = times_of(records)
        if not times:
            return
        self._in_order = self._in_order and is_falling(times) and times[0] <= self._oldest
        self._oldest = min(self._oldest, *times)
        if self._in_order:
            self.reached = max(self.start, min(self.reached, self._oldest + MILLISECOND))
