"""Build the paginator of a stream's window from the spec."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from requests import Response

from pipelines.extract.answers import value_at
from pipelines.extract.paginators import (
    MILLISECOND,
    ByCursor,
    ById,
    ByOffset,
    ByPageNumber,
    NewestFirst,
    NewestOnly,
    NewestPage,
    OldestFirst,
    OnePage,
    OnlyPage,
    Paginator,
)
from pipelines.extract.records import Record, micros
from pipelines.extract.windows import Window
from pipelines.spec import (
    Bounds,
    CursorPaging,
    ExchangeSpec,
    IdAscending,
    NewestOfSpan,
    NewestRows,
    OffsetPaging,
    PageNumbers,
    SinglePage,
    StreamSpec,
    TimeAscending,
    TimeDescending,
    TimeUnit,
)

UNITS: dict[TimeUnit, int] = {"milliseconds": MILLISECOND, "seconds": 1_000 * MILLISECOND}
"""Microseconds in one unit of a bound."""


def paginator_of(spec: ExchangeSpec, stream: StreamSpec, window: Window, scope: str) -> Paginator:
    """The paginator of one window and scope."""
    paging, size = spec.paging_of(stream), stream.page_size
    params: dict[str, str | int] = {**stream.sends, **scope_params(stream, scope)}
    if paging.limit:
        params[paging.limit] = size
    match paging:
        case SinglePage():
            return (OnlyPage if paging.may_be_cut else OnePage)(params, window, size)
        case NewestRows():
            return NewestPage(params, window, stream.newest_rows or size)
        case TimeDescending():
            return NewestFirst(
                params,
                window,
                size,
                bounds=names(paging.bounds),
                cursor=paging.cursor,
                sure_cursor=paging.is_cursor_reliable,
                write=writer(paging.bounds),
            )
        case TimeAscending():
            return OldestFirst(
                params,
                window,
                size,
                bounds=names(paging.bounds),
                offset=paging.offset,
                slack=paging.slack // timedelta(microseconds=1),
                write=writer(paging.bounds),
            )
        case NewestOfSpan():
            return NewestOnly(
                params,
                window,
                size,
                bounds=names(paging.bounds),
                write=writer(paging.bounds),
                grain=UNITS.get(paging.bounds.unit, MILLISECOND),
                sorted_rows=paging.is_sorted,
            )
    if paging.bounds is not None:
        params |= written(paging.bounds, window)
    match paging:
        case OffsetPaging():
            return ByOffset(
                params,
                window,
                size,
                offset=paging.offset,
                overlap=paging.overlap,
                to_the_end=paging.to_the_end,
            )
        case PageNumbers():
            return ByPageNumber(
                params, window, size, number=paging.number, last_number=paging.last_number
            )
        case IdAscending():
            return ById(params, window, size, from_id=paging.from_id, start=paging.start)
        case CursorPaging():
            return ByCursor(
                params,
                window,
                size,
                cursor=paging.cursor,
                follow=follower(paging),
                scope=scope if paging.checks_scope else "",
            )
    raise TypeError(f"{stream.name}: no paginator for {type(paging).__name__}")


def scope_params(stream: StreamSpec, scope: str) -> dict[str, str]:
    """The parameters that request one value of the stream's scope."""
    if not stream.scope:
        return {}
    return dict(stream.scope_sends.get(scope, {stream.scope: scope}))


def names(bounds: Bounds) -> tuple[str, str]:
    """The parameter names of the start and the end."""
    return bounds.start, bounds.end


def writer(bounds: Bounds) -> Callable[[int], str | int]:
    """A function that writes microseconds in the exchange's format of a bound."""
    if bounds.unit == "iso8601":
        return to_iso
    unit = UNITS[bounds.unit]
    return lambda moment: moment // unit


def written(bounds: Bounds, window: Window) -> dict[str, str | int]:
    """The parameters of both ends of a window, for a route whose bounds do not move."""
    write, grain = writer(bounds), UNITS.get(bounds.unit, MILLISECOND)
    end = -(-micros(window.end) // grain) * grain
    return {
        bounds.start: write(micros(window.start)),
        bounds.end: write(end if bounds.includes_end else end + grain),
    }


def to_iso(moment: int) -> str:
    """Microseconds as ISO 8601 in UTC, with milliseconds."""
    when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=moment)
    return when.strftime("%Y-%m-%dT%H:%M:%S.") + f"{when.microsecond // 1_000:03d}Z"


def follower(paging: CursorPaging) -> Callable[[Response, list[Record]], str]:
    """A function that reads the next page's cursor from a response; '' after the last page."""

    def follow(response: Response, records: list[Record]) -> str:
        if not records and paging.ends_on_empty_page:
            return ""
        if not paging.read_from:
            return records[-1].id if records else ""
        found = (value_at(response.content, place) for place in paging.read_from)
        cursor = next((str(value) for value in found if value not in (None, "")), "")
        return "" if cursor in paging.end_values else cursor

    return follow
