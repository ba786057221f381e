"""The coverage models equal the slow reference for random accounts.

dbt compiles the models once; each example fills the raw tables of a database in memory and runs
the models' own SQL there. `COVERAGE_EXAMPLES=5000` runs more examples, different ones each time.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.coverage_lab import (
    AS_OF,
    FILES_OF,
    CompiledCoverage,
    read_coverage,
    read_deadlines,
    read_entity_coverage,
    read_gaps,
)
from tests.coverage_reference import (
    DAY,
    HOUR,
    SLIVER,
    STALE_AFTER,
    Account,
    Check,
    Hole,
    Proof,
    Receipt,
    Row,
    RowRate,
    Spec,
    closed_scopes,
    coverage,
    deadlines,
    entity_coverage,
    gap_rows,
    sources_of,
)

EXAMPLES = os.environ.get("COVERAGE_EXAMPLES", "")
DEPTH = settings(
    max_examples=int(EXAMPLES or 80),
    derandomize=not EXAMPLES,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
STREAMS = (FILES_OF, "moves", "orders")
SCOPES = {"moves": ("", "BTC", "ETH")}
KINDS = ("classic", "unified")
ENTITIES = ("deposits", "ledger", "trades", "trades/spot")
REFUSALS = ("wrong_key", "no_permission", "unknown_scope", None)

# Few days, so that edges coincide; also one microsecond before and after edges and limits.
DAYS = st.integers(250, 299).map(lambda day: day * DAY)
NUDGES = st.sampled_from(
    (0, 0, 0, 0, 1, -1, HOUR, SLIVER, SLIVER + 1, -SLIVER, -SLIVER - 1, STALE_AFTER, 5 * DAY)
)
MOMENTS = st.builds(lambda day, nudge: day + nudge, DAYS, NUDGES)
LATE = st.sampled_from(
    (AS_OF, AS_OF - 1, AS_OF - STALE_AFTER, AS_OF - STALE_AFTER - 1, AS_OF - SLIVER)
)


@st.composite
def limits_of(draw: st.DrawFn, stream: str) -> list[Spec]:
    """One stream's limits, which may have changed later."""
    fewest = draw(st.integers(0, 1))
    entities = draw(st.sets(st.sampled_from(ENTITIES), min_size=fewest, max_size=2))
    whole = draw(st.sampled_from((True, True, False)))
    parts = draw(st.sets(st.sampled_from(ENTITIES), max_size=1)) - entities if whole else entities
    ends_at = draw(st.none() | MOMENTS)
    lifecycles = ("active",) if ends_at is None else ("active", "winding_down", "closed")
    lasting: dict[str, Any] = {
        "stream": stream,
        "kind": draw(st.sampled_from(("history",) * 9 + ("excluded",))),
        "is_private": draw(st.sampled_from((True,) * 9 + (False,))),
        "account_kinds": draw(st.sampled_from(((),) * 3 + (("classic",), ("unified",), KINDS))),
        "entities": tuple(sorted(entities)) if whole else (),
        "part_of": tuple(sorted(parts)),
        "newest_rows": draw(st.sampled_from((None, None, 1, 100, 5000))),
        "needs_right": draw(st.sampled_from(("", "", "Transfer"))),
        "wallet": draw(st.sampled_from(("spot", "spot", ""))),
        "kept": draw(st.sampled_from((20 * DAY, 90 * DAY))),
    }
    moments = draw(st.lists(MOMENTS, min_size=1, max_size=3, unique=True))
    return [
        Spec(
            retention_kind=draw(st.sampled_from(("rolling", "unlimited", "not_stated"))),
            recorded_at=moment,
            ends_at=ends_at,
            lifecycle=draw(st.sampled_from(lifecycles)),
            **lasting,
        )
        for moment in sorted(moments)
    ]


def nothing_to_ask(
    name: str, number: int, stream: str, moment: int, is_settled: bool
) -> Receipt:
    """The receipt without a known scope."""
    return Receipt(
        id=f"{name}-none-{number:02}", stream=stream, scope="", asked_from=moment, asked_to=moment,
        asked_at=moment, outcome="exhausted" if is_settled else "failed", floor_at=moment,
        floor_reason="opened_at", error_kind="nothing_to_ask",
    )  # fmt: skip


@st.composite
def askings(draw: st.DrawFn, name: str, number: int, stream: str) -> Receipt:
    """One request to the API: any window, time, outcome and floor."""
    start = draw(MOMENTS)
    end = draw(st.just(start) | st.just(start + 1) | MOMENTS | LATE)
    start, end = min(start, end), max(start, end)
    if stream in SCOPES and draw(st.sampled_from((False,) * 6 + (True,))):
        return nothing_to_ask(name, number, stream, draw(MOMENTS | LATE), draw(st.booleans()))
    floor = draw(st.none() | MOMENTS)
    reasons = ("retention", "retention", "opened_at", "unknown_start")
    outcome = draw(
        st.sampled_from(
            ("exhausted",) * 4
            + ("failed", "refused", "refused", "venue_closed", "row_cap", "unresolved")
        )
    )
    return Receipt(
        id=f"{name}-{draw(st.integers(0, 99)):02}-{number:02}",
        stream=stream,
        scope=draw(st.sampled_from(SCOPES.get(stream, ("",)))),
        asked_from=start,
        asked_to=end,
        asked_at=draw(MOMENTS | LATE),
        outcome=outcome,
        error_kind=draw(st.sampled_from(REFUSALS)) if outcome == "refused" else None,
        row_count=draw(st.integers(0, 1)),
        floor_at=floor,
        floor_reason=None if floor is None else draw(st.sampled_from(reasons)),
        oldest_at=draw(st.none() | st.just(start) | MOMENTS),
        is_loaded=draw(st.sampled_from((True,) * 9 + (False,))),
    )


ROWS = st.builds(
    lambda number, version: Row(
        id=f"row-{number}",
        occurred_at=(250 + number * 5) * DAY,
        version=str(version),
        amount=version,
    ),
    st.integers(0, 9),
    st.sampled_from((1, 1, 1, 2)),
)


@st.composite
def files(draw: st.DrawFn, name: str, number: int, stream: str) -> Receipt:
    """One imported file; what it held is known where the stream's files are compared."""
    start, end = sorted(draw(st.lists(MOMENTS, min_size=2, max_size=2)))
    rows = draw(st.lists(ROWS, max_size=4, unique=True)) if stream == FILES_OF else []
    return Receipt(
        id=f"{name}-file-{number:02}",
        stream=stream,
        scope="",
        asked_from=start,
        asked_to=end,
        asked_at=draw(MOMENTS | LATE),
        outcome="exhausted",
        floor_at=start,
        floor_reason="unknown_start",
        oldest_at=start,
        origin="file",
        rows=tuple(row for row in rows if start <= row.occurred_at < end),
    )


@st.composite
def lives(draw: st.DrawFn, name: str, streams: list[str]) -> tuple[Account, list[Receipt]]:
    """One account: its checked identity, and its requests."""
    moments = draw(st.lists(MOMENTS | LATE, max_size=3, unique=True))
    opened = st.none() | MOMENTS | st.integers(-100, 250).map(lambda day: day * DAY)
    kinds = st.none() | st.sampled_from(KINDS)
    checks = tuple(Check(at, draw(opened), draw(kinds)) for at in sorted(moments))
    receipts = [
        draw(askings(name, number, draw(st.sampled_from(streams))))
        for number in range(draw(st.integers(0, 8)))
    ]
    for number in range(draw(st.sampled_from((0, 0, 1, 2)))):
        receipts.append(draw(files(name, number, draw(st.sampled_from(streams)))))
    for receipt in receipts:
        if receipt.origin == "file" and draw(st.booleans()):
            checks += (Check(receipt.asked_at, None, None, origin="file"),)
    given_rows = draw(st.lists(ROWS, max_size=4, unique=True))
    account = Account(
        name,
        checks,
        tuple((FILES_OF, row) for row in given_rows),
        tuple(
            Proof(stream, draw(MOMENTS), draw(st.integers(0, 1)))
            for stream in draw(st.sets(st.sampled_from(streams), max_size=2))
        ),
        tuple(
            RowRate(stream, draw(st.integers(1, 700)), draw(st.none() | MOMENTS))
            for stream in draw(st.sets(st.sampled_from(streams), max_size=2))
        ),
        tuple(
            Hole(
                draw(st.sampled_from(("trades", "trades", "conversions"))),
                draw(st.sampled_from(("spot", "spot", ""))),
                *draw(st.lists(MOMENTS, min_size=2, max_size=2, unique=True).map(sorted)),
            )
            for _ in range(draw(st.sampled_from((0, 0, 1, 2))))
        ),
    )
    return account, receipts


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Spec], list[tuple[Account, list[Receipt]]]]:
    """The limits of an exchange, and a few accounts on it."""
    streams = draw(st.lists(st.sampled_from(STREAMS), min_size=2, max_size=3, unique=True))
    limits = [spec for stream in streams for spec in draw(limits_of(stream))]
    count = draw(st.integers(3, 8))
    return limits, [draw(lives(f"bitmex:{number}", streams)) for number in range(count)]


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CompiledCoverage]:
    models = CompiledCoverage(tmp_path_factory.mktemp("compiled"))
    yield models
    models.con.close()


@DEPTH
@given(world=worlds())
def test_any_account_has_the_verdicts_of_the_reference(
    compiled: CompiledCoverage, world: tuple[list[Spec], list[tuple[Account, list[Receipt]]]]
) -> None:
    limits, reported = world
    compiled.judge("bitmex", limits, reported)
    found = read_coverage(compiled.con)
    entities = read_entity_coverage(compiled.con)
    missing = read_gaps(compiled.con)
    due = read_deadlines(compiled.con)
    for account, receipts in reported:
        expected = coverage(account, limits, receipts, AS_OF)
        assert found.get(account.id, []) == expected
        assert all(
            before.end == after.start
            for before, after in pairwise(expected)
            if (before.stream, before.scope) == (after.stream, after.scope)
        )
        assert entities.get(account.id, []) == entity_coverage(
            expected, sources_of(limits), closed_scopes(receipts), account.holes
        )
        assert missing.get(account.id, []) == gap_rows(account, limits, receipts, expected, AS_OF)
        assert due.get(account.id, []) == deadlines(account, limits, receipts, expected, AS_OF)
