"""Every paginator reads every row, also rows of one millisecond, with any bounds."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from requests import Request, Response

from pipelines.errors import RequestError
from pipelines.extract.paginators import (
    CROWDED_MOMENTS,
    MOST_PAGES,
    STANDING_PAGES,
    ByCursor,
    ById,
    ByOffset,
    ByPageNumber,
    NewestFirst,
    NewestOnly,
    OldestFirst,
)
from pipelines.extract.records import Record
from pipelines.extract.windows import Floor, Window

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
START = EPOCH + timedelta(days=1)
END = EPOCH + timedelta(days=2)
WINDOW = Window(START, END, Floor(START, "opened_at"))
DAY_MS = 86_400_000


def record(number: int, at_ms: int) -> Record:
    return Record(b"{}", str(number), str(number), at_ms * 1_000, True, "")


def rows_at(times_ms: list[int]) -> list[Record]:
    """Rows in the list's order; ids grow with time."""
    return [record(number, at) for number, at in enumerate(sorted(times_ms), start=1)]


class Server:
    """A list of rows behind documented paging, newest first."""

    def __init__(self, rows, page_size, *, inclusive_end=True, cap=None, loses_ties=False):
        self.rows = rows
        self.page_size = min(page_size, cap or page_size)
        self.inclusive_end = inclusive_end
        self.loses_ties = loses_ties
        self.requested = 0

    def __call__(self, params):
        self.requested += 1
        start, end = int(params["startTime"]), int(params["endTime"])
        if self.inclusive_end:
            end += 1
        rows = [r for r in self.rows if start * 1_000 <= r.at < end * 1_000]
        rows.sort(key=lambda r: (r.at, int(r.id)), reverse=True)
        cursor = params.get("idLessThan")
        if cursor:
            edge = next(r.at for r in self.rows if r.id == cursor)
            rows = [r for r in rows if int(r.id) < int(cursor)]
            if self.loses_ties:
                rows = [r for r in rows if r.at != edge]
        return rows[: self.page_size]


def walk_through(paginator, server):
    """All rows a paginator meets, as RESTClient would drive it."""
    request = Request("GET", "http://x/", params=None)
    paginator.init_request(request)
    met = []
    for _ in range(10_000):
        page = server(request.params)
        met += page
        paginator.update_state(Response(), page)
        paginator.update_request(request)
        if not paginator.has_next_page:
            return met
    raise AssertionError("the paginator does not end")


def newest_first(page_size, **options):
    return NewestFirst(
        {"limit": str(page_size)},
        WINDOW,
        page_size,
        bounds=("startTime", "endTime"),
        cursor="idLessThan",
        write=lambda moment: str(moment // 1_000),
        **options,
    )


def some_times(seed: int, count: int, spread: int) -> list[int]:
    chance = random.Random(seed)
    return [DAY_MS + chance.randrange(spread) for _ in range(count)]


@pytest.mark.parametrize("inclusive_end", [True, False])
@pytest.mark.parametrize("spread", [DAY_MS, 2_000, 40])
@pytest.mark.parametrize("seed", range(5))
def test_newest_first_brings_every_row(seed, spread, inclusive_end):
    rows = rows_at(some_times(seed, 300, spread))
    paginator = newest_first(37)
    met = walk_through(paginator, Server(rows, 37, inclusive_end=inclusive_end))
    assert {r.id for r in met} == {r.id for r in rows}
    assert paginator.reached == paginator.start


def test_a_tie_larger_than_a_page_is_paginated_by_cursor():
    rows = rows_at([DAY_MS + 500] * 130 + [DAY_MS + 100, DAY_MS + 900])
    paginator = newest_first(37)
    assert len({r.id for r in walk_through(paginator, Server(rows, 37))}) == len(rows)
    assert paginator.unresolved == []


def test_a_lossy_cursor_leaves_crowded_moments_unresolved():
    rows = rows_at([DAY_MS + 500] * 130 + [DAY_MS + 100, DAY_MS + 900])
    paginator = newest_first(37, sure_cursor=False)
    met = walk_through(paginator, Server(rows, 37, loses_ties=True))
    assert {r.at for r in met} == {r.at for r in rows}
    assert paginator.unresolved == [(DAY_MS + 500) * 1_000]


def test_a_lossy_cursor_loses_nothing_in_small_groups():
    times = [DAY_MS + step * 10 for step in range(60) for _ in range(7)]
    rows = rows_at(times)
    paginator = newest_first(37, sure_cursor=False)
    met = walk_through(paginator, Server(rows, 37, loses_ties=True))
    assert {r.id for r in met} == {r.id for r in rows}
    assert paginator.unresolved == []


@pytest.mark.parametrize("cap", [10, 50, 100])
def test_a_silently_capped_page_is_not_the_end(cap):
    rows = rows_at(some_times(1, 250, DAY_MS))
    met = walk_through(newest_first(500), Server(rows, 500, cap=cap))
    assert {r.id for r in met} == {r.id for r in rows}


def test_a_server_that_ignores_bounds_is_paginated_by_cursor():
    rows = rows_at(some_times(2, 200, DAY_MS))

    def server(params):
        found = sorted(rows, key=lambda r: int(r.id), reverse=True)
        cursor = params.get("idLessThan")
        return [r for r in found if not cursor or int(r.id) < int(cursor)][:50]

    assert len({r.id for r in walk_through(newest_first(50), server)}) == 200


def test_a_repeated_page_ends_the_pagination():
    rows = rows_at(some_times(3, 50, DAY_MS))
    paginator = newest_first(50)
    walk_through(paginator, lambda params: rows)
    assert paginator.unresolved and not paginator.capped


@pytest.mark.parametrize("lag_ms", [0, 10_000])
@pytest.mark.parametrize("spread", [DAY_MS, 60_000, 500])
@pytest.mark.parametrize("seed", range(5))
def test_oldest_first_reads_every_row_despite_filter_slack(
    seed, spread, lag_ms
):
    """Rows are listed by `timestamp`; the filter may use a time up to ten seconds earlier."""
    rows = rows_at(some_times(seed, 300, spread))

    def server(params):
        start, offset = int(params["startTime"]), int(params["start"])
        listed = sorted(rows, key=lambda r: (r.at, int(r.id)))
        found = [r for r in listed if r.at // 1_000 - lag_ms >= start or r.at // 1_000 >= start]
        if lag_ms:
            found = [r for r in listed if r.at // 1_000 - (int(r.id) % 2) * lag_ms >= start]
        return found[offset : offset + 40]

    paginator = OldestFirst(
        {},
        WINDOW,
        40,
        bounds=("startTime", "endTime"),
        offset="start",
        slack=15_000_000,
        write=lambda moment: str(moment // 1_000),
    )
    met = walk_through(paginator, server)
    reachable = {r.id for r in rows if r.at // 1_000 - lag_ms * (int(r.id) % 2) >= DAY_MS}
    assert {r.id for r in met} >= reachable


class Ledger:
    """A list by offset, newest first, that may grow or shrink at its top while it is read."""

    def __init__(self, rows, page_size, shift_by=0):
        self.rows = sorted(rows, key=lambda r: int(r.id), reverse=True)
        self.page_size = page_size
        self.shift_by = shift_by

    def __call__(self, params):
        start = int(params["start"])
        page = self.rows[start : start + self.page_size]
        if self.shift_by < 0:
            self.rows = self.rows[-self.shift_by :]
        elif self.shift_by:
            top = int(self.rows[0].id)
            new = [record(top + n, 2 * DAY_MS) for n in range(self.shift_by, 0, -1)]
            self.rows = new + self.rows
        return page


def by_offset(page_size):
    return ByOffset({}, WINDOW, page_size, offset="start", overlap=10)


@pytest.mark.parametrize("shift_by", [0, 3, -5])
def test_offset_paging_survives_small_shifts(shift_by):
    rows = rows_at(some_times(4, 400, DAY_MS))
    paginator = by_offset(60)
    met = walk_through(paginator, Ledger(rows, 60, shift_by))
    assert {r.id for r in met} >= {r.id for r in rows}
    assert paginator.unresolved == []


def test_offset_paging_reports_shifts_beyond_the_overlap():
    rows = rows_at(some_times(4, 400, DAY_MS))
    paginator = by_offset(60)
    walk_through(paginator, Ledger(rows, 60, shift_by=-40))
    assert paginator.unresolved


def test_by_offset_stops_once_the_window_is_passed():
    rows = rows_at([step * 1_000 for step in range(1_000)])  # all before the window
    server = Ledger(rows, 60)
    assert len(walk_through(by_offset(60), server)) == 60


def test_page_numbers_stop_at_the_documented_last_page():
    paginator = ByPageNumber({}, WINDOW, 3, number="pageNum", last_number=4)
    pages = iter(range(100))
    walk_through(paginator, lambda params: [record(next(pages), DAY_MS) for _ in range(3)])
    assert paginator.capped


class NewestN:
    """A server that gives the newest rows of a span, both ends inside, and nothing else."""

    def __init__(self, rows, page_size, *, grain=1, newest_first=True, inclusive_end=True):
        self.rows, self.page_size, self.grain = rows, page_size, grain
        self.newest_first, self.inclusive_end, self.requested = newest_first, inclusive_end, 0

    def __call__(self, params):
        self.requested += 1
        start = int(params["start"]) * self.grain
        end = int(params["end"]) * self.grain
        chosen = [
            r
            for r in self.rows
            if start <= r.at // 1_000 and (r.at // 1_000 < end + self.inclusive_end)
        ]
        chosen.sort(key=lambda r: (r.at, r.id), reverse=self.newest_first)
        return chosen[: self.page_size]


def newest_only(page_size, *, grain_ms=1, sorted_rows=True):
    return NewestOnly(
        {},
        WINDOW,
        page_size,
        bounds=("start", "end"),
        write=lambda moment: moment // 1_000 // grain_ms,
        grain=grain_ms * 1_000,
        sorted_rows=sorted_rows,
    )


@pytest.mark.parametrize("sorted_rows", [True, False])
@pytest.mark.parametrize("inclusive_end", [True, False])
@pytest.mark.parametrize("grain_ms", [1, 1_000])
@pytest.mark.parametrize("seed", range(4))
def test_newest_only_brings_every_row(seed, grain_ms, inclusive_end, sorted_rows):
    rows = rows_at(some_times(seed, 300, DAY_MS))
    paginator = newest_only(37, grain_ms=grain_ms, sorted_rows=sorted_rows)
    met = walk_through(paginator, NewestN(rows, 37, grain=grain_ms, inclusive_end=inclusive_end))
    assert {r.id for r in met} == {r.id for r in rows}
    assert paginator.reached == paginator.start and paginator.unresolved == []


def test_newest_only_does_not_need_the_newest_first():
    rows = rows_at(some_times(5, 300, DAY_MS))
    paginator = newest_only(37)
    met = walk_through(paginator, NewestN(rows, 37, newest_first=False))
    assert {r.id for r in met} == {r.id for r in rows}


@pytest.mark.parametrize("sorted_rows", [True, False])
@pytest.mark.parametrize("grain_ms", [1, 1_000])
def test_a_moment_that_fills_a_page_is_unresolved(grain_ms, sorted_rows):
    rows = rows_at([DAY_MS + 500] * 60 + [DAY_MS + 40_000, DAY_MS + 90_000])
    paginator = newest_only(37, grain_ms=grain_ms, sorted_rows=sorted_rows)
    met = walk_through(paginator, NewestN(rows, 37, grain=grain_ms))
    assert {r.at for r in met} == {r.at for r in rows}
    moment = (DAY_MS + 500) * 1_000
    crowded = moment // (grain_ms * 1_000) * grain_ms * 1_000
    assert crowded in paginator.unresolved
    assert paginator.reached == paginator.start


def test_where_the_order_is_known_hardly_a_request_is_lost():
    rows = rows_at(some_times(9, 1_000, DAY_MS))
    server = NewestN(rows, 50)
    walk_through(newest_only(50), server)
    assert server.requested <= 1_000 / 49 + 4


class Tokens:
    """A list without a time filter behind opaque tokens, newest first.

    `sizes` are those of its pages, in turn; `inside` counts the token's own row as inside;
    `stuck_at` is an offset whose token leads to itself.
    """

    def __init__(self, rows, sizes, *, inside=False, ignores=False, stuck_at=None):
        self.rows = sorted(rows, key=lambda r: (r.at, int(r.id)), reverse=True)
        self.sizes, self.inside, self.ignores, self.stuck_at = sizes, inside, ignores, stuck_at
        self.requested, self.token = 0, ""

    def __call__(self, params):
        size = self.sizes[self.requested % len(self.sizes)]
        self.requested += 1
        start = 0 if self.ignores else int((params.get("page_token") or "0").split("/")[0])
        end = start + size
        self.token = "" if end >= len(self.rows) and not self.inside else f"{end}/{self.requested}"
        if self.inside and start < len(self.rows):
            self.token = str(max(start, min(end, len(self.rows)) - 1))
        if self.stuck_at is not None and end >= self.stuck_at:
            self.token = str(self.stuck_at)
        return self.rows[start:end]

    def follow(self, response, records):
        return self.token


def by_cursor(server, *, start=START, scope=""):
    window = Window(start, END, Floor(start, "opened_at"))
    return ByCursor({}, window, 20, cursor="page_token", follow=server.follow, scope=scope)


@pytest.mark.parametrize("sizes", [(20,), (20, 19, 3), (7, 0, 20), (1,)])
@pytest.mark.parametrize("seed", range(3))
def test_cursor_paging_reads_every_row(seed, sizes):
    rows = rows_at(some_times(seed, 131, DAY_MS))
    server = Tokens(rows, sizes)
    paginator = by_cursor(server)
    assert {r.id for r in walk_through(paginator, server)} == {r.id for r in rows}
    assert paginator.reached == paginator.start and paginator.unresolved == []


def test_by_cursor_an_empty_list_is_read_to_its_end():
    server = Tokens([], (20,))
    paginator = by_cursor(server)
    assert walk_through(paginator, server) == []
    assert paginator.reached == paginator.start and server.requested == 1


def test_cursor_paging_accepts_inclusive_cursors():
    rows = rows_at(some_times(3, 131, DAY_MS))
    server = Tokens(rows, (20,), inside=True)
    paginator = by_cursor(server)
    assert {r.id for r in walk_through(paginator, server)} == {r.id for r in rows}
    assert paginator.reached == paginator.start and paginator.unresolved == []


def test_by_cursor_resumes_no_further_than_its_window():
    rows = rows_at(some_times(4, 400, DAY_MS))
    server = Tokens(rows, (20,))
    start = END - timedelta(hours=6)
    paginator = by_cursor(server, start=start)
    met = walk_through(paginator, server)
    assert {r.id for r in rows if r.at >= paginator.start} <= {r.id for r in met}
    assert paginator.reached == paginator.start and server.requested < 400 / 20 / 2


@pytest.mark.parametrize("trick", [{"ignores": True}, {"stuck_at": 40}])
def test_by_cursor_that_leads_nowhere_new_is_unresolved_and_ends(trick):
    rows = rows_at(some_times(5, 131, DAY_MS))
    server = Tokens(rows, (20,), **trick)
    paginator = by_cursor(server)
    met = walk_through(paginator, server)
    assert len({r.id for r in met}) < len(rows)
    assert paginator.unresolved and paginator.reached > paginator.start and server.requested < 10


def test_cursor_paging_reads_unordered_lists_to_the_end():
    rows = rows_at(some_times(6, 131, DAY_MS))
    server = Tokens(rows, (20,))
    random.Random(6).shuffle(server.rows)
    paginator = by_cursor(server, start=END - timedelta(hours=1))
    assert {r.id for r in walk_through(paginator, server)} == {r.id for r in rows}
    assert paginator.reached == paginator.start


def test_by_cursor_rows_of_another_scope_are_trouble():
    server = Tokens(rows_at([DAY_MS + 5]), (20,))
    with pytest.raises(RequestError, match="requested A-B"):
        walk_through(by_cursor(server, scope="A-B"), server)


# Answers without an end ---------------------------------------------------------------------------


def endless(paginator, page_of):
    """Endless pages; the number of pages before the paginator stopped."""
    paginator.init_request(Request("GET", "http://x/", params=None))
    pages = 0
    while paginator.has_next_page:
        pages += 1
        paginator.update_state(Response(), page_of(pages))
        assert pages <= MOST_PAGES, "no end"
    assert paginator.is_endless
    return pages


def new_rows(at_ms, count=2):
    """Pages of new rows, all at the time that `at_ms` gives for the page."""
    return lambda page: [record(1_000_000 * page + n, at_ms(page)) for n in range(count)]


def by_token():
    return ByCursor({}, WINDOW, 2, cursor="c", follow=lambda response, records: str(next(TOKENS)))


TOKENS = iter(range(10**9))
START_MS, END_MS = DAY_MS, 2 * DAY_MS
BOUNDS = ("startTime", "endTime")


@pytest.mark.parametrize(
    "page_of",
    [lambda page: [], new_rows(lambda page: START_MS + 5), new_rows(lambda page: START_MS + page)],
    ids=["empty pages", "one moment", "rising times"],
)
def test_new_tokens_for_ever_end_as_unresolved(page_of):
    paginator = by_token()
    assert endless(paginator, page_of) <= STANDING_PAGES + 1
    assert paginator.unresolved and paginator.reached > paginator.start


def test_rows_a_millisecond_apart_for_ever_end():
    paginator = by_token()
    assert endless(paginator, new_rows(lambda page: END_MS - page)) == MOST_PAGES
    assert paginator.reached > paginator.start


def test_a_moment_with_rows_for_ever_ends_as_unresolved():
    newest = NewestFirst(
        {}, WINDOW, 2, bounds=BOUNDS, cursor="c", write=lambda at: str(at // 1_000)
    )
    assert endless(newest, new_rows(lambda page: END_MS - 7)) <= STANDING_PAGES + 1
    oldest = OldestFirst(
        {}, WINDOW, 2, bounds=BOUNDS, offset="start", slack=0, write=lambda at: str(at // 1_000)
    )
    assert endless(oldest, new_rows(lambda page: START_MS + 7)) <= STANDING_PAGES + 2
    assert newest.unresolved and newest.has_progress
    assert oldest.unresolved


def test_full_pages_for_every_span_end_as_unresolved():
    paginator = NewestOnly(
        {}, WINDOW, 2, bounds=BOUNDS, write=lambda at: at // 1_000, sorted_rows=False
    )
    assert endless(paginator, new_rows(lambda page: END_MS - 1)) < 10 * CROWDED_MOMENTS
    assert len(paginator.unresolved) >= CROWDED_MOMENTS


def test_numbered_pages_for_ever_end_as_row_cap():
    paginator = ByPageNumber({}, WINDOW, 2, number="n", last_number=30)
    assert endless(paginator, new_rows(lambda page: END_MS - 1)) == 30
    assert paginator.capped and not paginator.has_progress


class IdServer:
    """Rows by rising ids, from an id or a time on; every third page lacks its last row."""

    def __init__(self, rows, page_size, *, heeds_ids=True):
        self.rows, self.page_size, self.heeds_ids = rows, page_size, heeds_ids
        self.requested = []

    def __call__(self, params):
        sent = {name: int(value) for name, value in params.items() if value is not None}
        self.requested.append(sent)
        rows = self.rows
        if "fromId" in sent and self.heeds_ids:
            rows = [row for row in rows if int(row.id) >= sent["fromId"]]
        rows = [row for row in rows if row.at >= sent.get("startTime", 0) * 1_000]
        page = rows[: self.page_size]
        return page[:-1] if len(self.requested) % 3 == 2 and len(page) > 1 else page


def by_id(window=WINDOW, page_size=10):
    return ById({}, window, page_size, from_id="fromId", start="startTime")


@pytest.mark.parametrize("spread", [1, 40, DAY_MS])
def test_a_list_by_id_is_read_to_its_empty_page(spread):
    rows = rows_at(some_times(1, 95, spread))
    server, paginator = IdServer(rows, 10), by_id()
    assert [row.id for row in walk_through(paginator, server)] == [row.id for row in rows]
    assert server.requested[0] == {"fromId": 0} and paginator.reached == paginator.end


def test_a_later_window_by_id_begins_at_its_start():
    rows = rows_at([DAY_MS + n for n in range(95)])
    since = EPOCH + timedelta(milliseconds=DAY_MS + 60)
    server = IdServer(rows, 10)
    met = walk_through(by_id(Window(since, END, Floor(START, "opened_at"))), server)
    assert [row.id for row in met] == [row.id for row in rows[60:]]
    assert server.requested[0] == {"startTime": DAY_MS + 60}
    assert all(sent.keys() == {"fromId"} for sent in server.requested[1:])


def test_a_list_that_ignores_its_ids_is_unresolved():
    rows = rows_at([DAY_MS + n for n in range(95)])
    paginator = by_id()
    walk_through(paginator, IdServer(rows, 10, heeds_ids=False))
    assert paginator.unresolved and paginator.reached == (DAY_MS + 9) * 1_000
