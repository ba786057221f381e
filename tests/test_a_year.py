"""A year of syncs with a hundred days without one: the lost span is exact to the microsecond.

Bitget keeps fills and bills for 90 days. Syncs are daily at the start, at both edges of the outage
and at the end, and weekly in between, which is enough for a limit of 90 days. With EVERY_DAY set in
the environment, there is a sync every day.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from pipelines.extract.windows import FLOOR_MARGIN
from pipelines.home import home
from pipelines.sandbox.engine.server import Sandbox
from tests.conftest import Lab
from tests.truth_reference import Reach, all_differences, balance_differences, millis

DAY = timedelta(days=1)
START = datetime(2026, 9, 20, 12, tzinfo=UTC)
LAST_BEFORE = START + 120 * DAY
FIRST_AFTER = LAST_BEFORE + 100 * DAY
END = START + 365 * DAY
KEPT = 90 * DAY
ROLLING = ("spot_fills", "spot_bills")
NOT_ROLLING = ("tax_spot_records", "deposit_records", "withdrawal_records", "transfer_records")
CLOSELY = 400 if os.environ.get("EVERY_DAY") else 5
"""Days of daily syncs at each moment that matters."""


def sync_moments() -> list[datetime]:
    """When a sync runs: START, END and both edges of the outage are among them."""
    edges = (START, LAST_BEFORE, FIRST_AFTER, END)

    def has_sync(number: int, day: datetime) -> bool:
        if LAST_BEFORE < day < FIRST_AFTER:
            return False
        return number % 7 == 0 or any(abs(day - edge) < CLOSELY * DAY for edge in edges)

    days = [START + number * DAY for number in range((END - START) // DAY + 1)]
    return [day for number, day in enumerate(days) if has_sync(number, day)]


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("year")
    world: dict[str, Any] = {"end": END, "years": 1.3, "exchanges": ["bitget"]}
    with (
        pytest.MonkeyPatch.context() as patch,
        Sandbox(seed=1, size=600, now=START, **world) as box,
    ):
        patch.setenv("LOOKBACK_HOME", str(folder / "home"))
        patch.setenv("HOME", str(folder))
        lab = Lab(box, home(), patch)
        label = lab.declare("bitget")
        for moment in sync_moments():
            box.set_now(moment)
            assert lab.sync(label)[label].failures == []
        lab.build(END)
        yield lab


def lapse(lab: Lab, stream: str) -> tuple[datetime, datetime]:
    """From the last request before the outage to the first floor after it."""
    ((start, end),) = lab.query(
        """
        select
            max(asked_to) filter (where asked_at < $2),
            min(floor_at) filter (where asked_at >= $2)
        from raw_bitget.receipts where stream = $1
        """,
        stream,
        FIRST_AFTER - DAY,
    )
    return start, end


def spans(lab: Lab, stream: str) -> list[tuple[str, datetime, datetime]]:
    return lab.query(
        "select verdict, span_start, span_end from marts.fct_coverage where stream = ? "
        "order by scope, span_start",
        stream,
    )


@pytest.mark.xdist_group("a_year")
@pytest.mark.parametrize("stream", ROLLING)
def test_the_only_hole_after_the_first_sync_is_the_lapse(year, stream):
    start, end = lapse(year, stream)
    # The sandbox stands still while a sync runs; the measured clock does not, by moments.
    moments = timedelta(seconds=60)
    assert LAST_BEFORE <= start <= LAST_BEFORE + moments
    reachable = FIRST_AFTER - KEPT + FLOOR_MARGIN
    assert reachable <= end <= reachable + moments

    opened, first_floor, until = bounds(year, stream)
    assert spans(year, stream) == [
        ("lost_to_retention", opened, first_floor),
        ("covered_api", first_floor, start),
        ("sync_lapse", start, end),
        ("covered_api", end, until),
    ]


def bounds(lab: Lab, stream: str) -> tuple[datetime, datetime, datetime]:
    """When the account was opened, the floor of the first sync, and how far the last one looked."""
    opened = datetime.fromisoformat(lab.box.truth("bitget-main")["opened_at"])
    ((floor, until),) = lab.query(
        "select min(floor_at), max(asked_to) from raw_bitget.receipts where stream = ?", stream
    )
    return opened, floor, until


@pytest.mark.xdist_group("a_year")
@pytest.mark.parametrize("stream", ROLLING)
def test_the_lapse_is_one_gap_with_its_remedy(year, stream):
    gaps = year.query(
        "select span_start, span_end, remedy, evidence_id from marts.fct_gaps "
        "where stream = ? and verdict = 'sync_lapse'",
        stream,
    )
    assert [gap[:2] for gap in gaps] == [lapse(year, stream)]
    ((_, _, remedy, evidence),) = gaps
    assert "sync before the deadlines" in remedy
    ((asked_at,),) = year.query(
        "select asked_at from raw_bitget.receipts where receipt_id = ?", evidence
    )
    assert FIRST_AFTER <= asked_at < FIRST_AFTER + DAY


@pytest.mark.xdist_group("a_year")
@pytest.mark.parametrize("stream", NOT_ROLLING)
def test_what_does_not_roll_has_no_lapse(year, stream):
    opened, _, _ = bounds(year, stream)
    verdicts = {verdict for verdict, _, _ in spans(year, stream)}
    assert verdicts == {"unverified"}
    assert {start for _, start, _ in spans(year, stream)} == {opened}


@pytest.mark.xdist_group("a_year")
def test_everything_outside_the_lapse_is_as_it_was(year):
    truth = year.box.truth("bitget-main")
    _, first_floor, _ = bounds(year, "spot_fills")
    lost = lapse(year, "spot_fills")
    listed = frozenset(coin for (coin,) in year.query("select record_id from raw_bitget.coins"))
    reach = Reach(
        fills_from=first_floor, listed=listed, lapses=(lost,),
        bills_from=bounds(year, "mix_bills")[1], futures_from=bounds(year, "mix_fills")[1],
    )  # fmt: skip
    assert any(lost[0] <= datetime.fromisoformat(row["traded_at"]) < lost[1]
               for row in truth["trades"])  # fmt: skip
    assert all_differences(year.query, truth, reach) == []
    assert balance_differences(year.query, truth, "spot") == []


@pytest.mark.xdist_group("a_year")
def test_every_bill_outside_the_lapse_is_stored_once(year):
    _, first_floor, _ = bounds(year, "spot_bills")
    start, end = lapse(year, "spot_bills")
    moves = [row for row in year.box.truth("bitget-main")["movements"] if row["wallet"] == "spot"]
    times = {row["record_id"]: datetime.fromisoformat(row["at"]) for row in moves}
    assert any(start <= at < end for at in times.values())
    expected = Counter(
        (millis(row["at"]), row["asset"], Decimal(row["amount"]))
        for row in moves
        if (at := times[row["record_id"]]) >= first_floor and not start <= at < end
    )
    stored = year.query(
        "select record ->> 'cTime', record ->> 'coin', record ->> 'size' from raw_bitget.spot_bills"
    )
    assert Counter((int(at), coin, Decimal(size)) for at, coin, size in stored) == expected
