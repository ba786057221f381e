"""A stored record that the exchange no longer returns is reported, and so is its return."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from pipelines import registry
from pipelines.extract.vanished import Stored, Watch
from pipelines.extract.windows import Requested, Span, reread_spans
from pipelines.home import Home
from pipelines.sandbox.engine.faults import without_rows
from pipelines.sandbox.engine.server import Sandbox
from pipelines.spec import StreamSpec
from tests.conftest import Lab

NOW = datetime(2026, 8, 20, 12, tzinfo=UTC)  # every exchange is still there, and trades
HOUR = timedelta(hours=1)
WATCHED = {
    name: [s for s in registry.exchange(name).spec.streams if s.kind == "history" and s.private]
    for name in registry.names()
}


@contextmanager
def synced(place: Home, exchanges: Collection[str]) -> Iterator[Lab]:
    """The main account of each exchange, with rows on every day, synced once."""
    with (
        Sandbox(size=900, years=0.2, pace=None, now=NOW, exchanges=sorted(exchanges)) as box,
        pytest.MonkeyPatch.context() as patch,
    ):
        lab = Lab(box, place, patch)
        for name in exchanges:
            lab.declare(name)
        lab.sync()
        yield lab


@pytest.fixture
def everybody(prepared_home: Home) -> Iterator[Lab]:
    """An account of every exchange."""
    with synced(prepared_home, WATCHED) as lab:
        yield lab


@pytest.fixture
def bitget(prepared_home: Home) -> Iterator[Lab]:
    """An account of Bitget alone."""
    with synced(prepared_home, ["bitget"]) as lab:
        yield lab


def recent(lab: Lab, exchange: str, stream: StreamSpec) -> list[str]:
    """Ids of final records, well inside the span that the next sync requests again."""
    is_final = (
        f"(record ->> '{stream.status_field}') in (select unnest(?))"
        if stream.status_field
        else "len(?) = 0"
    )
    rows = lab.query(
        f"""
        select record_id from raw_{exchange}.{stream.name}
        where occurred_at > ? and occurred_at < ? and {is_final}
        order by occurred_at, record_id
        """,
        NOW - stream.overlap + timedelta(minutes=5),
        NOW - timedelta(minutes=5),
        sorted(stream.final_statuses),
    )
    return [record_id for (record_id,) in rows]


def reported(lab: Lab, exchange: str) -> set[tuple[str, str, bool]]:
    return set(lab.query(f"select stream, record_id, is_served from raw_{exchange}.vanished"))


def drop(lab: Lab, dropped: dict[str, dict[str, str]]) -> None:
    """Leave out each stream's record only on that stream's route; other routes have the ids too."""
    for exchange, chosen in dropped.items():
        spec = registry.exchange(exchange).spec
        for name in sorted(chosen, key=lambda name: -len(spec.stream(name).path)):
            path = spec.stream(name).path
            lab.box.fault(
                "drop_rows", exchange=exchange, path=path, times=None, rows=(chosen[name],)
            )


def sync_at(lab: Lab, moment: datetime) -> None:
    lab.box.set_now(moment)
    lab.sync()


def test_dropped_and_returned_records_are_reported(everybody: Lab) -> None:
    dropped: dict[str, dict[str, str]] = {}
    for exchange, streams in WATCHED.items():
        for stream in streams:
            ids = recent(everybody, exchange, stream)
            if len(ids) >= 3 and not stream.numbers_twins:
                dropped.setdefault(exchange, {})[stream.name] = ids[len(ids) // 2]
    assert sum(len(chosen) for chosen in dropped.values()) >= 6, dropped
    drop(everybody, dropped)

    sync_at(everybody, NOW + HOUR)
    gone = {name: {(s, i, False) for s, i in rows.items()} for name, rows in dropped.items()}
    assert {name: reported(everybody, name) for name in dropped} == gone
    sync_at(everybody, NOW + 2 * HOUR)
    assert {name: reported(everybody, name) for name in dropped} == gone  # no duplicates

    everybody.box.clear_faults()
    sync_at(everybody, NOW + 3 * HOUR)
    back = {name: {(s, i, True) for s, i in rows.items()} for name, rows in dropped.items()}
    assert {name: reported(everybody, name) - gone[name] for name in dropped} == back
    for exchange, chosen in dropped.items():
        for stream, record_id in chosen.items():
            ((count,),) = everybody.query(
                f"select count(*) from raw_{exchange}.{stream} where record_id = ?", record_id
            )
            assert count == 1  # the record stayed


def test_nothing_is_reported_without_dropped_records(everybody: Lab) -> None:
    for step in (timedelta(minutes=1), HOUR, timedelta(days=3), timedelta(days=4)):
        sync_at(everybody, NOW + step)
    assert not any(reported(everybody, name) for name in WATCHED)


def test_records_before_the_overlap_are_not_watched(bitget: Lab) -> None:
    ((record_id,),) = bitget.query(
        "select record_id from raw_bitget.spot_fills order by occurred_at limit 1"
    )
    bitget.box.fault("drop_rows", exchange="bitget", times=None, rows=(record_id,))
    sync_at(bitget, NOW + HOUR)
    assert reported(bitget, "bitget") == set()


def test_a_failed_window_reports_nothing(bitget: Lab) -> None:
    stream = registry.exchange("bitget").spec.stream("spot_fills")
    assert recent(bitget, "bitget", stream)
    bitget.box.fault("500", exchange="bitget", path=stream.path, times=None)
    sync_at(bitget, NOW + HOUR)
    assert reported(bitget, "bitget") == set()


def test_the_fault_drops_only_the_named_records() -> None:
    body = b'{"code": "0", "data": {"list": [{"id": "7", "n": 1.50}, {"id":8,"s":"x"}], "e": "7"}}'
    assert without_rows(body, ["8|x"]) == (
        b'{"code":"0","data":{"list":[{"id": "7", "n": 1.50}],"e":"7"}}'
    )
    assert without_rows(b'[{"id":"7"},{"id":"8"}]', ["7", "9"]) == b'[{"id":"8"}]'
    assert without_rows(b'[{"id":"7"}]', ["7|x"]) == b'[{"id":"7"}]'


def day(number: int) -> datetime:
    return datetime(2026, 1, number, tzinfo=UTC)


FILLS = registry.exchange("bitget").spec.stream("spot_fills")


@pytest.mark.parametrize(
    ("requested", "again"),
    [
        ([], []),
        ([Requested(Span(day(1), day(9)))], [Span(day(9) - FILLS.overlap, day(9))]),
        # A row of the 3rd can still change: everything after it is requested again.
        ([Requested(Span(day(1), day(9)), held_from=day(3))], [Span(day(2), day(9))]),
        # It has settled meanwhile.
        (
            [Requested(Span(day(1), day(9)), held_from=day(3)), Requested(Span(day(3), day(10)))],
            [Span(day(10) - FILLS.overlap, day(10))],
        ),
    ],
)
def test_overlap_and_open_spans_are_requested_again(
    requested: list[Requested], again: list[Span]
) -> None:
    assert timedelta(days=1) == FILLS.overlap
    assert reread_spans(FILLS, requested) == again


def watch_of(**times: datetime) -> Watch:
    return Watch({name: Stored("hash", at, "") for name, at in times.items()})


def test_a_record_counts_only_inside_what_was_read_and_kept() -> None:
    watch = watch_of(edge=day(1), inside=day(2), crowded=day(3), seam=day(4), beyond=day(6))
    gap = timedelta(milliseconds=1)
    for number, span in enumerate(
        [Span(day(1), day(3)), Span(day(3) + gap, day(4)), Span(day(4), day(5))]
    ):
        watch.note(FILLS, "", span, str(number), now=day(9))
    assert [(name, receipt) for name, _, receipt in watch.news()] == [
        ("inside", "0"),
        ("seam", "2"),
    ]
    assert watch.news() == []  # once is enough


def test_an_expired_record_has_not_vanished() -> None:
    assert FILLS.retention is not None
    watch = watch_of(old=day(2), new=day(4))
    watch.note(FILLS, "", Span(day(1), day(9)), "r", now=day(3) + FILLS.retention)
    assert [name for name, *_ in watch.news()] == ["new"]


def test_a_record_of_another_scope_has_not_vanished() -> None:
    watch = watch_of(other=day(2))
    watch.note(FILLS, "BTC", Span(day(1), day(9)), "r", now=day(9))
    assert watch.news() == []


def test_a_record_returned_in_a_later_round_is_back() -> None:
    watch = watch_of(late=day(2))
    watch.note(FILLS, "", Span(day(1), day(9)), "first", now=day(9))
    assert [(r.is_gone, receipt) for _, r, receipt in watch.news()] == [(True, "first")]
    watch.stored["late"].met_by = "second"
    assert [(r.is_gone, receipt) for _, r, receipt in watch.news()] == [(False, "second")]


def test_what_was_loaded_halfway_is_not_watched(bitget: Lab) -> None:
    stream = registry.exchange("bitget").spec.stream("spot_fills")
    ids = recent(bitget, "bitget", stream)
    with duckdb.connect(str(bitget.home.warehouse)) as warehouse:
        warehouse.execute(
            """
            update raw_bitget.receipts set _dlt_load_id = 'cut off'
            where receipt_id in (select receipt_id from raw_bitget.spot_fills where record_id = ?)
            """,
            [ids[0]],
        )
    bitget.box.fault("drop_rows", exchange="bitget", times=None, rows=(ids[0],))
    sync_at(bitget, NOW + HOUR)
    assert reported(bitget, "bitget") == set()
