"""Planned windows follow from the limits and the receipts. No I/O."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from pipelines.exchanges.bitget import spec as bitget
from pipelines.exchanges.bitmart import spec as bitmart
from pipelines.exchanges.bitmex import spec as bitmex
from pipelines.extract.windows import (
    FLOOR_MARGIN,
    Floor,
    Requested,
    Span,
    floor_of,
    merge,
    plan_windows,
    subtract,
)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
BEGAN = datetime(2018, 7, 1, tzinfo=UTC)
OPENED = NOW - timedelta(days=200)
FILLS = bitget.SPEC.stream("spot_fills")
TAX = bitget.SPEC.stream("tax_spot_records")
LEDGER = bitmex.SPEC.stream("wallet_history")
FEW = bitmex.SPEC.stream("funding_rates")


def days_ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def plan(stream, requested=(), now=NOW, opened_at=OPENED):
    floor = floor_of(stream, now=now, opened_at=opened_at, began_at=BEGAN)
    return plan_windows(stream, now=now, floor=floor, requested=requested)


def test_retention_is_the_floor_after_the_opening():
    floor = floor_of(FILLS, now=NOW, opened_at=OPENED, began_at=BEGAN)
    assert floor == Floor(days_ago(90) + FLOOR_MARGIN, "retention")


def test_the_opening_is_the_floor_of_a_young_account():
    opened = days_ago(10)
    assert floor_of(FILLS, now=NOW, opened_at=opened, began_at=BEGAN) == Floor(opened, "opened_at")


def test_an_unknown_opening_starts_with_the_exchange():
    floor = floor_of(TAX, now=NOW, opened_at=None, began_at=BEGAN)
    assert floor == Floor(BEGAN, "unknown_start")


def test_a_first_plan_covers_everything_in_allowed_windows():
    windows = plan(TAX)
    assert windows[0].start == OPENED
    assert windows[-1].end == NOW
    assert all(w.end - w.start <= timedelta(days=30) for w in windows)
    assert all(a.end == b.start for a, b in pairwise(windows))


def test_a_second_plan_requests_overlap_and_new_span():
    windows = plan(TAX, [Requested(Span(OPENED, days_ago(1)))])
    assert [(w.start, w.end) for w in windows] == [(days_ago(1) - TAX.overlap, NOW)]


def test_an_immediate_second_plan_still_reads_the_overlap():
    windows = plan(TAX, [Requested(Span(OPENED, NOW))])
    assert [(w.start, w.end) for w in windows] == [(NOW - TAX.overlap, NOW)]


def test_a_failed_window_is_requested_again():
    requested = [Requested(Span(OPENED, days_ago(100))), Requested(Span(days_ago(70), days_ago(1)))]
    windows = plan(TAX, requested)
    assert (windows[0].start, windows[0].end) == (days_ago(100), days_ago(70))


@pytest.mark.parametrize(
    "stream",
    [
        bitget.SPEC.stream("spot_orders"), bitget.SPEC.stream("mix_orders"),
        bitget.SPEC.stream("unified_orders"), bitmart.SPEC.stream("spot_orders"),
        bitmart.SPEC.stream("futures_orders"),
    ],
    ids=lambda stream: stream.name,
)  # fmt: skip
def test_an_order_that_ends_late_is_read(stream):
    """It enters the list at its end: what was read before it did says nothing about it."""
    requested = [Requested(Span(days_ago(89), days_ago(1)))]
    windows = plan(stream, requested)
    assert windows[0].start == days_ago(90) + FLOOR_MARGIN and windows[-1].end == NOW
    assert all(a.end == b.start for a, b in pairwise(windows))


def test_a_pending_row_keeps_its_span_open():
    held = Requested(Span(OPENED, days_ago(1)), held_from=days_ago(20))
    assert plan(TAX, [held])[0].start <= days_ago(20)
    done = Requested(Span(days_ago(20), days_ago(1)))
    assert plan(TAX, [held, done])[0].start == days_ago(1) - TAX.overlap


def test_a_hole_is_requested_from_the_floor_on():
    requested = [Requested(Span(days_ago(300), days_ago(150)))]
    windows = plan(FILLS, requested, opened_at=days_ago(400))
    assert windows[0].start == days_ago(90) + FLOOR_MARGIN


def test_a_stream_without_time_filter_has_one_window():
    assert len(plan(LEDGER)) == 1


def test_an_account_opened_later_has_no_window():
    assert plan(TAX, opened_at=NOW + timedelta(days=1)) == []


def test_a_window_of_exactly_the_widest_span_is_not_cut():
    stream = replace(TAX, overlap=timedelta(0))
    windows = plan(stream, opened_at=days_ago(30))
    assert [(w.start, w.end) for w in windows] == [(days_ago(30), NOW)]


@pytest.mark.parametrize(
    ("spans", "taken", "left"),
    [
        ([(0, 10)], [(3, 5)], [(0, 3), (5, 10)]),
        ([(0, 10)], [(0, 10)], []),
        ([(0, 10)], [(10, 12)], [(0, 10)]),
        ([(0, 4), (6, 9)], [(2, 7)], [(0, 2), (7, 9)]),
        ([(0, 4), (4, 9)], [], [(0, 9)]),
    ],
)
def test_subtract(spans, taken, left):
    def at(pairs):
        return [Span(days_ago(-a), days_ago(-b)) for a, b in pairs]

    assert subtract(at(spans), at(taken)) == at(left)


def test_merge_joins_what_touches_and_drops_what_is_empty():
    a, b, c = days_ago(3), days_ago(2), days_ago(1)
    assert merge([Span(b, c), Span(a, b), Span(c, c)]) == [Span(a, c)]


def test_a_stream_of_few_rows_has_one_window():
    few = replace(FEW, retention_kind="unlimited")
    assert [(w.start, w.end) for w in plan(few)] == [(OPENED, NOW)]
    requested = [Requested(Span(OPENED, days_ago(150))), Requested(Span(days_ago(140), NOW))]
    assert [(w.start, w.end) for w in plan(few, requested)] == [(days_ago(150), NOW)]
    assert [(w.start, w.end) for w in plan(few, [Requested(Span(OPENED, NOW))])] == [
        (NOW - few.overlap, NOW)
    ]


def test_few_rows_and_max_window_exclude_each_other():
    with pytest.raises(ValueError, match="few_rows and max_window"):
        replace(FEW, max_window=timedelta(days=30))
