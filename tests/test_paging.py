"""Requests, rows and errors of a stream follow from the declarations of its spec."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import requests

from pipelines.errors import RequestError
from pipelines.exchanges.bitmart.spec import SPEC
from pipelines.extract.answers import rows_of_answer, value_at
from pipelines.extract.client import weighed
from pipelines.extract.failures import ErrorTable, busy, explain, rate_limited, refused
from pipelines.extract.paginators import OnePage
from pipelines.extract.paging import paginator_of
from pipelines.extract.rate_limits import RateLimiter
from pipelines.extract.windows import Floor, Window
from pipelines.spec import Bounds, Envelope, OffsetPaging, PageNumbers, Rate, TimeAscending

START = datetime(2026, 1, 1, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(milliseconds=1_500), Floor(START, "opened_at"))
STREAM = replace(
    SPEC.stream("transfer_list"),
    method="GET",
    params=("start", "end", "offset", "page", "size", "kind"),
    sends={"kind": "all"},
)


def requested(paging) -> dict[str, str]:
    paginator = paginator_of(SPEC, replace(STREAM, paging=paging), WINDOW, "")
    request = requests.Request("GET", "https://x")
    paginator.init_request(request)
    return dict(request.params)


def test_a_parameter_the_route_does_not_take_is_refused():
    paging = PageNumbers(limit="size", number="pageNumber")
    with pytest.raises(ValueError, match="pageNumber"):
        replace(SPEC, streams=(replace(STREAM, paging=paging),))


def test_bounds_in_seconds_hold_the_whole_window():
    bounds = Bounds(start="start", end="end", unit="seconds")
    sent = {"kind": "all", "size": "100", "start": "1767225600", "end": "1767225602"}
    offset = OffsetPaging(limit="size", offset="offset", bounds=bounds)
    assert requested(offset) == {**sent, "offset": "0"}
    pages = PageNumbers(limit="size", number="page", bounds=replace(bounds, includes_end=False))
    assert requested(pages) == {**sent, "end": "1767225603", "page": "1"}


def test_bounds_are_written_as_iso_times():
    bounds = Bounds(start="start", end="end", unit="iso8601")
    sent = requested(TimeAscending(bounds=bounds, offset="offset"))
    assert (sent["start"], sent["end"]) == ("2026-01-01T00:00:00.000Z", "2026-01-01T00:00:01.500Z")


@pytest.mark.parametrize(
    ("place", "body", "count"),
    [
        ("rows", b'{"total":"2","rows":[{"a":1},{"a":2}]}', 2),
        ("rows", b'{"total":0,"rows":null}', 0),
        ("data.rows", b'{"data":null}', 0),
        ("[].parts", b'[{"parts":[{"a":1},{"a":2}]},{"parts":null},{"parts":[{"a":3}]}]', 3),
        ("[].part", b'[{"part":{"a":1}}]', 1),
        ("", b'[{"a":1}]', 1),
    ],
)
def test_rows_are_cut_out_at_their_place(place, body, count):
    assert len(rows_of_answer(SPEC, replace(STREAM, rows_at=place), body)) == count


@pytest.mark.parametrize("body", [b'{"total":1}', b"null", b'{"rows":17}'])
@pytest.mark.parametrize("place", ["rows", ""])
def test_a_missing_list_is_no_empty_one(place, body):
    if (place, body) == ("rows", b"null"):
        return  # `null` on the way to the rows stands for nothing
    with pytest.raises(RequestError):
        rows_of_answer(SPEC, replace(STREAM, rows_at=place), body)


def test_a_list_may_be_missing_where_its_count_is_zero():
    counted = replace(STREAM, rows_at="data", count_at="total")
    assert rows_of_answer(SPEC, counted, b'{"total":0}') == []
    assert len(rows_of_answer(SPEC, counted, b'{"total":1,"data":[{"id":1}]}')) == 1
    for body in (b'{"total":1}', b"{}", b'{"total":"0"}'):
        with pytest.raises(RequestError):
            rows_of_answer(SPEC, counted, body)


def test_a_post_without_parameters_has_no_body():
    request = requests.Request("POST", "https://x")
    OnePage({}, WINDOW, 10).init_request(request)
    assert request.prepare().body is None


def test_a_value_is_read_at_its_place():
    assert value_at(b'{"data":[{"next":"7"},{"next":"8"}]}', "data.next") == "7"
    assert value_at(b'{"data":17}', "data.next") is None


ERRORS = ErrorTable(
    codes={"-1": refused("wrong_key", "unknown key", "check it"), "HTTP 503": busy()},
    messages={"too fast": rate_limited(is_ban=True)},
)
BARE = replace(SPEC, envelope=Envelope(code="code", message=("msg",)))


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, '[{"code":-1}]', None),
        (200, '{"rows":[]}', None),
        (200, '{"code":-1,"msg":"no"}', "wrong_key"),
        (400, '{"code":-2,"msg":"You are too fast"}', "rate_limited"),
        (503, '{"code":-3,"msg":"wait"}', "server_error"),
        (503, "unavailable", "server_error"),
        (404, '{"code":-4,"msg":"?"}', "not_found"),
        (400, "no JSON", "bad_request"),
        (400, '{"code":-4', "cut_short"),
    ],
)
def test_a_failure_is_named_by_code_message_or_status(status, body, kind):
    response = requests.Response()
    response.status_code, response._content = status, body.encode()
    problem = explain(BARE, ERRORS, response, START)
    assert (problem and problem.kind) == kind


def test_a_heavy_request_takes_more_of_the_budget():
    waited = []
    limiter = RateLimiter(clock=lambda: sum(waited), sleep=waited.append)
    rate = Rate(requests=60, per=timedelta(minutes=1))
    for weight in (20, 1, 1):
        limiter.wait({"budget": weighed(rate, weight)})
    assert waited == pytest.approx([20 * 1.02, 1.02])
