"""`fct_coverage` equals the slow reference for all kinds of accounts, in a whole dbt build."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import duckdb
import pytest

from pipelines.extract.windows import Requested, floor_of, plan_windows
from pipelines.extract.windows import Span as AskedSpan
from pipelines.spec import StreamSpec
from tests.coverage_lab import (
    AS_OF,
    COVERAGE_MODELS,
    EPOCH,
    FILES_OF,
    KEEP,
    at,
    make_raw,
    make_read_tables,
    read_coverage,
    read_entity_coverage,
    run_dbt,
    write_raw,
)
from tests.coverage_reference import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    Account,
    Check,
    Receipt,
    Row,
    Spec,
    coverage,
    entity_coverage,
)

CLOSES = 200 * DAY
ACCOUNTS = 120
TOLD_EACH = 6

LIMITS = {
    "bitget": [
        Spec("fills", "rolling", -900 * DAY, entities=("trades",), wallet="spot"),
        Spec("ledger", "not_stated", -900 * DAY, entities=("ledger", "trades"), wallet="spot"),
        Spec("moves", "rolling", -900 * DAY, entities=("transfers",), wallet="spot"),
        # The exchange published a limit half way through.
        Spec("deposits", "not_stated", -900 * DAY, entities=("deposits",)),
        Spec("deposits", "unlimited", 150 * DAY, entities=("deposits",)),
        # Streams of only one kind of account, and data that no route returns.
        Spec("unified", "unlimited", -900 * DAY, account_kinds=("unified",)),
        Spec("classic", "rolling", -900 * DAY, account_kinds=("classic",)),
        Spec("bots", "not_stated", -900 * DAY, kind="excluded"),
    ],
    "bitmex": [
        Spec(
            FILES_OF, "unlimited", -900 * DAY, CLOSES, "closed",
            entities=("deposits",), part_of=("ledger",),
        ),
        Spec("orders", "not_stated", -900 * DAY, CLOSES, "closed", part_of=("ledger",)),
    ],
}  # fmt: skip
# Which streams answer for which entity, by wallet: any one source, with all of its streams.
SOURCES = {
    "bitget": {
        ("trades", "spot"): [["fills"], ["ledger"]],
        ("ledger_entries", "spot"): [["ledger"]],
        ("transfers", "spot"): [["moves"]],
        ("deposits", ""): [["deposits"]],
    },
    "bitmex": {("ledger_entries", ""): [[FILES_OF, "orders"]], ("deposits", ""): [[FILES_OF]]},
}
OUTCOMES = ("exhausted",) * 6 + (
    "failed", "failed", "refused", "venue_closed", "row_cap", "unresolved",
)  # fmt: skip


def current_limits(exchange: str) -> list[Spec]:
    return list({spec.stream: spec for spec in LIMITS[exchange]}.values())


def any_life(rng: random.Random, name: str, exchange: str) -> tuple[Account, list[Receipt]]:
    """An account that was synced at random times, by windows that mostly make sense."""
    opened = rng.randrange(-400, 100) * DAY + rng.randrange(DAY)
    times = sorted(
        max(opened, 0) + rng.randrange(290 * DAY) for _ in range(rng.choice((0, 1, 2, 5, 12)))
    )
    known_opening = rng.random() < 0.8
    receipts: list[Receipt] = []
    for now in times:
        for spec in current_limits(exchange):
            if spec.kind == "excluded":
                continue
            scopes = ("BTC", "ETH") if spec.stream == "moves" else ("",)
            for scope in scopes:
                if rng.random() < 0.85:
                    receipts += any_asking(rng, spec, scope, opened, now, name, len(receipts))
    if rng.random() < 0.3:
        receipts.append(any_file(rng, exchange, opened, name))
    checked_at = (times[-1] if times else max(opened, 0)) + rng.choice(
        (0, 0, 3 * SECOND, 2 * DAY)
    )
    return Account(name, (Check(checked_at, opened if known_opening else None),)), receipts


def any_asking(
    rng: random.Random, spec: Spec, scope: str, opened: int, now: int, name: str, count: int
) -> list[Receipt]:
    """The receipts of one stream in one run: consecutive windows, some of them odd."""
    floor, reason = opened, "opened_at"
    if spec.retention_kind == "rolling" and now - KEEP + 5 * MINUTE > opened:
        floor, reason = now - KEEP + 5 * MINUTE, "retention"
    start = max(floor, now - rng.choice((DAY, 7 * DAY, 80 * DAY, 600 * DAY)))
    if rng.random() < 0.1:
        start = floor - rng.randrange(10 * DAY)
    cuts = sorted({start, now, *(rng.randrange(start, now) for _ in range(rng.randrange(4)))})
    if rng.random() < 0.05:
        scope = ""
    receipts = []
    for low, high in pairwise(cuts):
        if rng.random() < 0.1:
            continue
        receipts.append(
            Receipt(
                id=f"{name}-{count + len(receipts):05}",
                stream=spec.stream,
                scope=scope,
                asked_from=low,
                asked_to=high + rng.choice((0, 0, 0, 1)) * (high < now),
                asked_at=now + len(receipts) * rng.choice((0, SECOND)),
                outcome=rng.choice(OUTCOMES),
                floor_at=floor,
                floor_reason=reason,
                oldest_at=rng.choice((None, low, rng.randrange(low, high))),
            )
        )
    return receipts


def any_file(rng: random.Random, exchange: str, opened: int, name: str) -> Receipt:
    start = opened + rng.randrange(100 * DAY)
    return file_of(
        rng.choice(current_limits(exchange)).stream, name, start, start + 1 + rng.randrange(KEEP)
    )


def file_of(stream: str, name: str, start: int, end: int, rows: tuple[Row, ...] = ()) -> Receipt:
    return Receipt(
        id=f"{name}-file-{stream}",
        stream=stream,
        scope="",
        asked_from=start,
        asked_to=end,
        asked_at=AS_OF - HOUR,
        outcome="exhausted",
        floor_reason="unknown_start",
        origin="file",
        rows=rows,
    )


def synced(
    name: str,
    exchange: str,
    opened: int,
    moments: list[int],
    outcome: Callable[[int, int], str] = lambda now, start: "exhausted",
) -> list[Receipt]:
    """The requests of our planner at those moments, if the exchange responds with `outcome`."""
    receipts: list[Receipt] = []
    for limits in current_limits(exchange):
        if limits.kind == "excluded" or limits.account_kinds:
            continue
        stream = planned(limits)
        for scope in ("BTC", "ETH") if limits.stream == "moves" else ("",):
            requested: list[Requested] = []
            for now in moments:
                floor = floor_of(stream, now=at(now), opened_at=at(opened), began_at=at(opened))
                for window in plan_windows(stream, now=at(now), floor=floor, requested=requested):
                    start, end = microseconds(window.start), microseconds(window.end)
                    receipt = Receipt(
                        id=f"{name}-{len(receipts):05}",
                        stream=limits.stream,
                        scope=scope,
                        asked_from=start,
                        asked_to=end,
                        asked_at=now,
                        outcome=outcome(now, start),
                        floor_at=microseconds(floor.at),
                        floor_reason=floor.reason,
                    )
                    receipts.append(receipt)
                    if receipt.outcome == "exhausted":
                        requested.append(Requested(AskedSpan(window.start, window.end)))
    return receipts


def planned(limits: Spec) -> StreamSpec:
    rolling = limits.retention_kind == "rolling"
    return StreamSpec(
        name=limits.stream, path="/", kind="history", record_id=("id",),
        docs_url="", checked_on=date(2026, 1, 1), confidence="documented", time_field="at",
        affects="rows", remedy="a file", retention_kind="rolling" if rolling else "unlimited",
        retention=timedelta(microseconds=KEEP) if rolling else None,
        max_window=timedelta(days=30),
    )  # fmt: skip


def microseconds(moment: object) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)  # type: ignore[operator]


def days(rng: random.Random, first: int, last: int, step: int) -> list[int]:
    """A sync every few days, at any hour."""
    return [day * DAY + rng.randrange(DAY) for day in range(first, last, step)]


History = tuple[str, Account, list[Receipt]]


def checked(name: str, opened: int, moments: list[int], *kinds: str) -> Account:
    """An account that each sync began by checking."""
    reported = kinds or (None,) * len(moments)
    return Account(
        name, tuple(Check(now, opened, kind) for now, kind in zip(moments, reported, strict=True))
    )


def a_steady_one(rng: random.Random, name: str) -> History:
    moments = days(rng, 10, 299, 2)
    receipts = synced(name, "bitget", 0, moments)
    return "bitget", checked(name, 0, moments), receipts


def an_outage(rng: random.Random, name: str) -> History:
    """The exchange did not answer for some weeks; what it kept was read afterwards."""
    begins = rng.randrange(60, 240) * DAY
    ends = begins + rng.choice((20, 120, 400)) * DAY
    moments = days(rng, 10, 299, 3)
    receipts = synced(
        name, "bitget", 0, moments, lambda now, _: "failed" if begins < now < ends else "exhausted"
    )
    return "bitget", checked(name, 0, moments), receipts


def a_lost_key(rng: random.Random, name: str) -> History:
    """From some day on the key is refused, and in half of the lives there is a new one later."""
    lost = rng.randrange(150, 260) * DAY
    found = lost + rng.choice((20 * DAY, 400 * DAY))
    moments = days(rng, 10, 299, 3)
    receipts = synced(
        name, "bitget", 0, moments, lambda now, _: "refused" if lost < now < found else "exhausted"
    )
    return "bitget", checked(name, 0, moments), receipts


def a_count_cap(rng: random.Random, name: str) -> History:
    """The API gives its newest rows only, which are those of the last days."""
    reach = rng.randrange(1, 20) * DAY
    moments = days(rng, 40, 299, 10)
    receipts = synced(
        name, "bitget", 0, moments,
        lambda now, start: "row_cap" if start < now - 30 * DAY - reach else "exhausted",
    )  # fmt: skip
    return "bitget", checked(name, 0, moments), receipts


def a_crowded_moment(rng: random.Random, name: str) -> History:
    crowded = rng.randrange(10, 250) * DAY
    moments = days(rng, 10, 299, 5)
    receipts = synced(
        name, "bitget", 0, moments,
        lambda _, start: "unresolved" if start <= crowded < start + 5 * DAY else "exhausted",
    )  # fmt: skip
    return "bitget", checked(name, 0, moments), receipts


def a_wind_down(rng: random.Random, name: str) -> History:
    """The exchange closes, some weeks or months after the last sync that it answered."""
    moments = days(rng, 5, rng.randrange(100, 200), 7)
    late = [CLOSES + rng.randrange(1, 50) * DAY]
    receipts = synced(
        name, "bitmex", 0, moments + late,
        lambda now, _: "venue_closed" if now > CLOSES else "exhausted",
    )  # fmt: skip
    return "bitmex", checked(name, 0, moments + late), receipts


def a_late_start_with_files(rng: random.Random, name: str) -> History:
    """Connected after two years; files bring back a part of what was lost."""
    opened = -700 * DAY
    moments = days(rng, 200, 299, 4)
    receipts = synced(name, "bitget", opened, moments)
    for stream in rng.sample(("fills", "ledger", "deposits"), 2):
        start = opened + rng.randrange(300 * DAY)
        receipts.append(file_of(stream, name, start, start + rng.randrange(1, 500) * DAY))
    return "bitget", checked(name, opened, moments), receipts


def a_file_that_contradicts(rng: random.Random, name: str) -> History:
    """A file has years that the API lacks, and lacks a row in a span that both have."""
    opened = -700 * DAY
    # Half of the files agree.
    row = Row("one", 50 * DAY, amount=1)
    rows = (row,) if rng.random() < 0.5 else (Row("one", 50 * DAY, "changed", amount=2),)
    moments = days(rng, 60, 199, 4)
    receipts = [
        replace(r, asked_from=max(r.asked_from, 0)) for r in synced(name, "bitmex", 0, moments)
    ]
    receipts.append(file_of(FILES_OF, name, opened, 60 * DAY, rows))
    account = replace(checked(name, opened, moments), rows=((FILES_OF, row),))
    return "bitmex", account, receipts


def an_upgrade(rng: random.Random, name: str) -> History:
    """A classic account that became a unified one between two checks."""
    changes = rng.randrange(100, 250) * DAY
    moments = days(rng, 10, 299, 6)
    kinds = ["classic" if now < changes else "unified" for now in moments]
    receipts = synced(name, "bitget", 0, moments)
    for number, (now, kind) in enumerate(zip(moments, kinds, strict=True)):
        floor = max(0, now - KEEP) if kind == "classic" else 0
        receipts.append(
            Receipt(
                f"{name}-kind-{number:03}", kind, "", floor, now, now, "exhausted",
                floor, "retention" if floor else "opened_at",
            )
        )  # fmt: skip
    return "bitget", checked(name, 0, moments, *kinds), receipts


def a_long_pause(rng: random.Random, name: str) -> History:
    """Read, then forgotten for longer than the exchange keeps it."""
    moments = days(rng, 5, 60, 3) + days(rng, rng.randrange(200, 290), 299, 3)
    receipts = synced(name, "bitget", 0, moments)
    return "bitget", checked(name, 0, moments), receipts


def one_that_was_never_read(rng: random.Random, name: str) -> History:
    return "bitget", checked(name, 0, [rng.randrange(290) * DAY]), []


# Verdicts that each kind of account must show.
STORIES: dict[Callable[[random.Random, str], History], set[str]] = {
    a_steady_one: {"covered_api", "unverified", "excluded_by_exchange"},
    an_outage: {"failed", "covered_api", "sync_lapse"},
    a_lost_key: {"refused", "covered_api"},
    a_count_cap: {"row_cap", "covered_api"},
    a_crowded_moment: {"unresolved", "covered_api"},
    a_wind_down: {"venue_closed", "covered_api"},
    a_late_start_with_files: {"covered_file", "lost_to_retention", "covered_api"},
    a_file_that_contradicts: {"covered_file", "unverified"},
    an_upgrade: {"covered_api", "unverified"},
    a_long_pause: {"sync_lapse", "covered_api"},
    one_that_was_never_read: {"never_asked"},
}


@pytest.mark.parametrize("seed", [20261121])
def test_coverage_is_what_the_slow_reference_says(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    fleet: list[tuple[str, History]] = []
    for number in range(ACCOUNTS):
        exchange = rng.choice(sorted(LIMITS))
        fleet.append(("any", (exchange, *any_life(rng, f"{exchange}:{number}", exchange))))
    for story in STORIES:
        for number in range(TOLD_EACH):
            fleet.append((story.__name__, story(rng, f"{story.__name__}:{number}")))
    warehouse = tmp_path / "warehouse.duckdb"
    make_raw(warehouse)
    with duckdb.connect(str(warehouse)) as con:
        con.execute("set timezone = 'UTC'")
        make_read_tables(con)
        for exchange, limits in LIMITS.items():
            lives = [(account, reported) for _, (of, account, reported) in fleet if of == exchange]
            write_raw(con, exchange, limits, lives)
    run_dbt("build", warehouse, tmp_path, COVERAGE_MODELS)
    with duckdb.connect(str(warehouse), read_only=True) as con:
        con.execute("set timezone = 'UTC'")
        found = read_coverage(con)
        entities = read_entity_coverage(con)

    seen: dict[str, set[str]] = {}
    for kind, (exchange, account, receipts) in fleet:
        expected = coverage(account, LIMITS[exchange], receipts, AS_OF)
        assert found.get(account.id, []) == expected, account
        reported = entity_coverage(expected, SOURCES[exchange])
        assert entities.get(account.id, []) == reported, account
        seen.setdefault(kind, set()).update(span.verdict for span in expected)
    for story, verdicts in STORIES.items():
        assert seen[story.__name__] >= verdicts, f"{story.__name__} is not what it says"
    met = set().union(*seen.values())
    assert len(met) == 12, f"the lives were too tame to meet every verdict: {sorted(met)}"
