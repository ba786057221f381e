"""Compare every history stream of every exchange with the ground truth, and measure its cost.

Run: python -m tests.bench.bench_streams [--size 2000] [--exchange bitget] [--no-budget] [--json]

The main account of each exchange, and one of each other kind of account that its spec knows, are
read from the sandbox through the real pipeline and built with dbt. A line has for one stream:

truth     its records by the simulator's own count, from the floor of the receipts on. A stream
          without a count has a dash.
raw       its records in the warehouse, each once, in any number of versions
mart      the canonical rows made of them, over all fact tables
requests  the responses that the sync read for it
budget    the used share of its documented rate: the same pages are read again and again on a
          simulated clock, until there are enough requests

The sandbox's undocumented floors are off, so that only documented limits apply. Exit code 1 if raw
and truth differ, if a stream failed, or if a budget was exceeded.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines import registry
from pipelines.config.accounts import configured_accounts
from pipelines.extract.client import ExchangeClock, ReadOnlySession, StreamClient
from pipelines.extract.progress import Progress, read_progress
from pipelines.extract.work import Round, Tally
from pipelines.home import home
from pipelines.load.account_sync import AccountResult, AccountSync
from pipelines.load.source import StreamLoad
from pipelines.load.warehouse import prepare_warehouse
from pipelines.sandbox.engine.server import Sandbox
from pipelines.spec import StreamSpec
from tests.conftest import variable
from tests.turned_clock import TurnedClock

NOW = datetime(2026, 8, 20, 12, tzinfo=UTC)
"""A time at which all exchanges are open and traded."""
SWITCHES = {"bitmart.ledger_floor_days": None, "bitget.tax_floor_days": 36_500}
UNPACED = "1000000"
MOST_VISITS = 400
FACTS = """
    select table_name from information_schema.columns
    where table_schema = 'marts' and table_name like 'fct_%'
      and column_name in ('account_id', 'stream', 'record_id', 'origin')
    group by all having count(*) = 4 order by table_name
"""


@dataclass
class Line:
    """The results of one stream of one account."""

    exchange: str
    account: str
    stream: str
    floor: str
    truth: int | None
    raw: int
    mart: int
    marts: dict[str, int]
    requests: int
    outcomes: str
    budget: float | None
    failure: str

    @property
    def is_good(self) -> bool:
        """Whether all rows arrived, without more requests than allowed."""
        return not self.failure and self.truth in (None, self.raw)


def cards_of(box: Sandbox, exchange: str) -> list[dict[str, str]]:
    """The exchange's main account, and one of each other kind its streams are for."""
    spec = registry.exchange(exchange).spec
    kinds = {kind for stream in spec.streams for kind in stream.account_kinds}
    own = [card for card in box.accounts if card["exchange"] == exchange]
    others = [next((c for c in own[1:] if c["profile"] == kind), None) for kind in sorted(kinds)]
    return [own[0], *(card for card in others if card is not None)]


@contextmanager
def counted_answers() -> Iterator[Counter[str]]:
    """The number of responses per stream, inside the context."""
    counts: Counter[str] = Counter()
    plain = StreamClient.extract_response

    def counting(self: StreamClient, *arguments: Any) -> list[Any]:
        counts[self._stream.name] += 1
        return plain(self, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StreamClient, "extract_response", counting)
        yield counts


def sync(label: str) -> AccountResult:
    """Extract and load one account."""
    (account,) = configured_accounts([label])
    run = AccountSync(account, home())
    run.prepare()
    while not run.done:
        run.extract()
        run.load()
    return run.result


def used_budget(box: Sandbox, label: str, result: AccountResult, stream: StreamSpec) -> str | float:
    """The part of the documented budget that reading a stream uses; words where it went wrong."""
    (account,) = configured_accounts([label])
    exchange = registry.exchange(account.exchange)
    scopes = read_progress(home().warehouse, exchange.spec, result.account_id).scopes
    clock = TurnedClock(box)
    session = ReadOnlySession(
        exchange, replace(account, pace=1.0), pacer=clock.pacer, clock=ExchangeClock(clock.moment)
    )
    try:
        for _ in range(MOST_VISITS):
            visit = Round(
                session=session, identity=None, account_id=result.account_id,
                progress=Progress(scopes=scopes), opened_at=None, now=NOW,
                work_lists={}, tally=Tally(10**9), on_event=lambda name, rows, share: None,
            )  # fmt: skip
            for _item in StreamLoad(visit, stream).items():
                pass
            if visit.tally.failures:
                return f"budget: {visit.tally.failures[0].what}"
            if not clock.sent:
                return "never asked: no scope"
            rate = clock.rates[clock.tightest()]
            if len(clock.sent[clock.tightest()]) >= max(
                20, rate.requests * 3 // 2 + (rate.burst or 0)
            ):
                break
        clock.assert_no_bucket_ran_over()
        return clock.share_of_budget(clock.tightest())
    except AssertionError as error:
        return f"budget overrun: {error}"
    finally:
        session.close()
        box.set_now(clock.began)


def lines_of(
    box: Sandbox,
    card: dict[str, str],
    result: AccountResult,
    requests: Counter[str],
    *,
    with_budget: bool,
) -> Iterator[Line]:
    """A line for each history stream that this kind of account has."""
    spec = registry.exchange(card["exchange"]).spec
    label = card["label"].replace("-", "_")
    with duckdb.connect(str(home().warehouse), read_only=True) as warehouse:
        warehouse.execute("set TimeZone = 'UTC'")
        facts = [name for (name,) in warehouse.execute(FACTS).fetchall()]
        raw = f"raw_{spec.name}"

        def ask(sql: str, *values: str) -> list[tuple[Any, ...]]:
            return warehouse.execute(sql, [result.account_id, *values]).fetchall()

        def records_of(stream: StreamSpec) -> int:
            """Number of distinct records; public ones are stored once for all accounts."""
            sql = f"select count(distinct record_id) from {raw}.{stream.name}"
            if not stream.private:
                return int(warehouse.execute(sql).fetchall()[0][0])
            return int(ask(f"{sql} where account_id = ?")[0][0])

        ((kind,),) = ask(f"select any_value(account_kind) from {raw}.accounts where account_id = ?")
        reported = {
            stream.name: (
                records_of(stream),
                ask(f"select min(floor_at) from {raw}.receipts "
                    "where account_id = ? and stream = ?", stream.name)[0][0],
                " ".join(row[0] for row in ask(
                    f"select distinct outcome from {raw}.receipts "
                    "where account_id = ? and stream = ? order by 1", stream.name)),
                {fact: ask(f"select count(*) from marts.{fact} where account_id = ? "
                           "and stream = ?", stream.name)[0][0] for fact in facts},
            )
            for stream in spec.streams
            if stream.kind == "history" and stream.serves(kind or "")
        }  # fmt: skip
    failures = {failure.stream: failure.what for failure in result.failures}
    for name, (records, floor, outcomes, marts) in reported.items():
        stream = spec.stream(name)
        share: str | float | None = None
        if with_budget and not stream.needs_right and floor is not None:
            share = used_budget(box, label, result, stream)
        yield Line(
            exchange=spec.name, account=card["label"], stream=name,
            floor=f"{floor:%Y-%m-%d %H:%M}" if floor else "",
            truth=counted(box, card["label"], name, floor), raw=records, mart=sum(marts.values()),
            marts={fact: rows for fact, rows in marts.items() if rows}, requests=requests[name],
            outcomes=outcomes or ("wants " + stream.needs_right if stream.needs_right else ""),
            budget=share if isinstance(share, float) else None,
            failure=failures.get(name, share if isinstance(share, str) else ""),
        )  # fmt: skip


def counted(box: Sandbox, label: str, stream: str, floor: datetime | None) -> int | None:
    """Records that the simulator counts for a stream inside its window, after its floor."""
    parts = frozenset({"counts"})
    now = box.truth(label, parts=parts)["counts"].get(stream)
    if now is None or floor is None:
        return None
    # Before an account was unified its unified streams are not counted.
    before = box.truth(label, floor - timedelta(milliseconds=1), parts)["counts"].get(stream, 0)
    return int(now) - int(before)


def measure(
    exchanges: list[str], size: str, years: float, *, with_budget: bool
) -> list[Line]:
    """All lines: read every account, build once, then look."""
    from flows.build import dbt

    with Sandbox(size=size, now=NOW, years=years, options=SWITCHES, exchanges=exchanges) as box:
        cards = [card for name in exchanges for card in cards_of(box, name)]
        for card in cards:
            for name in ("exchange", "base_url", "key", "secret", "passphrase"):
                if card[name]:
                    os.environ[variable(card["label"].replace("-", "_"), name)] = card[name]
            os.environ[variable(card["label"].replace("-", "_"), "pace")] = UNPACED
        prepare_warehouse(home())
        read = []
        for card in cards:
            with counted_answers() as requests:
                read.append((card, sync(card["label"].replace("-", "_")), requests))
        dbt.build(home(), NOW)
        return [
            line
            for card, result, requests in read
            for line in lines_of(box, card, result, requests, with_budget=with_budget)
        ]


def show(lines: list[Line]) -> None:
    """The table, and below it what is wrong."""
    print(f"{'exchange':9}{'stream':31}{'from':18}{'truth':>8}{'raw':>8}{'mart':>8}"
          f"{'requests':>10}{'budget':>9}")  # fmt: skip
    for line in lines:
        truth = "-" if line.truth is None else f"{line.truth:,}"
        budget = "-" if line.budget is None else f"{line.budget:.1%}"
        mark = "" if line.is_good else "  !"
        print(f"{line.exchange:9}{line.stream:31}{line.floor:18}{truth:>8}{line.raw:>8,}"
              f"{line.mart:>8,}{line.requests:>10,}{budget:>9}{mark}")  # fmt: skip
    counted_lines = [line for line in lines if line.truth is not None]
    print(f"{len(lines)} streams; of {sum(line.truth or 0 for line in counted_lines):,} records "
          f"that were there to be had {sum(line.raw for line in counted_lines):,} are in the "
          f"warehouse")  # fmt: skip
    for line in lines:
        if not line.is_good:
            what = line.failure or f"{line.raw} of {line.truth} records"
            print(f"! {line.account} {line.stream}: {what}")
        elif line.outcomes not in ("exhausted", ""):
            print(f"~ {line.account} {line.stream}: {line.outcomes}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0] if __doc__ else "")
    parser.add_argument("--size", default="small", help="a size or a number of fills")
    parser.add_argument("--years", type=float, default=1.2)
    parser.add_argument("--exchange", action="append", choices=registry.names())
    parser.add_argument("--no-budget", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LOOKBACK_HOME"] = str(Path(folder) / "home")
        lines = measure(
            options.exchange or registry.names(), options.size, options.years,
            with_budget=not options.no_budget,
        )  # fmt: skip
    if options.json:
        print(json.dumps([asdict(line) for line in lines], indent=2))
    else:
        show(lines)
    sys.exit(0 if all(line.is_good for line in lines) else 1)


if __name__ == "__main__":
    main()
