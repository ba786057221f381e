"""Measure the time and memory to generate and serve a simulated account.

Run: python tests/bench/bench_generator.py [fills ...]
"""

from __future__ import annotations

import multiprocessing
import resource
import sys
import time

import msgspec

from pipelines.sandbox.bitget.ledger import BitgetLedger
from pipelines.sandbox.bitget.market import VENUE
from pipelines.sandbox.engine.account import DAY, AccountPlan
from pipelines.sandbox.engine.history import generate

END = 1_795_219_200_000


def measure(fills: int) -> None:
    """Print one line: seconds for the life, for Bitget's tables, for all ledger rows; peak MB."""
    start = time.perf_counter()
    plan = AccountPlan(
        venue=VENUE, seed=1, fills=fills, opened_at=END - 1_095 * DAY, end=END, future=60 * DAY
    )
    simulated = generate(plan)
    lived = time.perf_counter()
    ledger = BitgetLedger(simulated, "7000000001")
    booked = time.perf_counter()
    tax = ledger.tables["tax_spot_records"]
    size = sum(len(msgspec.json.encode(tax.row(n, END))) for n in range(len(tax.at)))
    served = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(
        f"{fills:>9,} fills: life {lived - start:6.2f} s, tables {booked - lived:6.2f} s, "
        f"{len(tax.at):,} ledger rows ({size >> 20} MB) {served - booked:6.2f} s, "
        f"peak {peak:,} MB",
        flush=True,
    )


def main() -> None:
    """Measure each size in its own process, so that memory peaks do not add up."""
    for size in [int(text) for text in sys.argv[1:]] or [1_000, 100_000, 1_000_000]:
        process = multiprocessing.get_context("spawn").Process(target=measure, args=(size,))
        process.start()
        process.join()


if __name__ == "__main__":
    main()
