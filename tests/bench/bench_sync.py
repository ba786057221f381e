"""Measure how fast an account is read, loaded and modelled, and the memory used.

Run: python -m tests.bench.bench_sync [--fills 200000] [--exchange bitget] [--json]

Each step runs in its own process, so that memory peaks do not add up: the sandbox (without rate
limits), the sync, dbt, and a plain download of the same pages with `requests`, which is the lower
bound. Compare only ratios within one run; seconds depend on the machine.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

LABEL = "bench"
CONTEXT = multiprocessing.get_context("spawn")


def serve(pipe: Connection, exchange: str, fills: int, years: float) -> None:
    """The sandbox, until the pipe says stop."""
    from pipelines.sandbox.engine.server import Sandbox

    # BitMEX's history ends in September 2026 whatever the clock says; Bitget's ends today.
    with Sandbox(size=fills, pace=None, years=years, exchanges=[exchange]) as box:
        card = box.account(exchange)
        names = ("base_url", "key", "secret", "passphrase")
        pipe.send({name: card[name] for name in names if card[name]})
        pipe.recv()


def sync(account: dict[str, str], exchange: str) -> dict[str, Any]:
    """Extract and load the account into an empty warehouse."""
    declare(account, exchange)
    from pipelines.config.accounts import configured_accounts
    from pipelines.extract.client import ReadOnlySession
    from pipelines.home import home
    from pipelines.load.account_sync import AccountSync
    from pipelines.load.warehouse import prepare_warehouse

    requested: list[str] = []
    original = ReadOnlySession._send_once

    def noting(self: ReadOnlySession, request: Any, *rest: Any) -> Any:
        requested.append(request.url)
        return original(self, request, *rest)

    ReadOnlySession._send_once = noting  # type: ignore[method-assign]
    prepare_warehouse(home())
    (configured,) = configured_accounts([LABEL])
    begin = time.perf_counter()
    run = AccountSync(configured, home())
    run.prepare()
    extracting = loading = 0.0
    while not run.done:
        start = time.perf_counter()
        run.extract()
        middle = time.perf_counter()
        run.load()
        extracting += middle - start
        loading += time.perf_counter() - middle
    if run.result.failures:
        sys.exit(f"the sync did not get everything: {run.result.failures[0]}")
    return {
        "rows": run.result.rows,
        "requests": run.result.requests,
        "seconds": time.perf_counter() - begin,
        "extract_seconds": extracting,
        "load_seconds": loading,
        "peak_mb": peak_mb(),
        "requested": requested,
    }


def download(account: dict[str, str], exchange: str, urls: list[str]) -> dict[str, Any]:
    """Download the same signed pages, without processing them."""
    import requests

    from pipelines import registry
    from pipelines.account import Credentials
    from pipelines.extract.client import ExchangeClock

    ours = registry.exchange(exchange)
    keys = Credentials(account)
    prefix = account["base_url"]
    session = requests.Session()
    size = 0
    start = time.perf_counter()
    for url in urls:
        request = session.prepare_request(requests.Request("GET", url))
        ours.sign(request, url.removeprefix(prefix), keys, ExchangeClock().now())
        size += len(session.send(request).content)
    return {"seconds": time.perf_counter() - start, "peak_mb": peak_mb(), "mb": size / 1e6}


def build() -> dict[str, Any]:
    """All models and their tests on what was loaded."""
    from flows.build import dbt
    from pipelines.home import home

    start = time.perf_counter()
    nodes = dbt.build(home())
    return {
        "seconds": time.perf_counter() - start,
        "nodes": len(nodes),
        "peak_mb": peak_mb(resource.RUSAGE_CHILDREN),
    }


def declare(account: dict[str, str], exchange: str) -> None:
    """Configure the account by environment, for this process alone."""
    values = account | {"exchange": exchange, "pace": "1000000"}
    for name, value in values.items():
        os.environ[f"ACCOUNTS__{LABEL}__{name}".upper()] = value


def peak_mb(who: int = resource.RUSAGE_SELF) -> float:
    """The most memory this process, or the largest it started, ever held."""
    return resource.getrusage(who).ru_maxrss / 1024


def alone(step: Callable[..., dict[str, Any]], *arguments: Any) -> dict[str, Any]:
    """Run a step in its own process, and return its result."""
    ours, theirs = CONTEXT.Pipe()
    process = CONTEXT.Process(target=_report, args=(theirs, step, arguments))
    process.start()
    theirs.close()
    try:
        found: dict[str, Any] = ours.recv()
    except EOFError:
        sys.exit(f"{step.__name__} broke off")
    finally:
        process.join()
    return found


def _report(pipe: Connection, step: Callable[..., dict[str, Any]], arguments: Any) -> None:
    pipe.send(step(*arguments))


def measure(exchange: str, fills: int, years: float, *, with_dbt: bool) -> dict[str, Any]:
    """All steps, one after another."""
    ours, theirs = CONTEXT.Pipe()
    sandbox = CONTEXT.Process(target=serve, args=(theirs, exchange, fills, years), daemon=True)
    sandbox.start()
    try:
        account = ours.recv()
        with tempfile.TemporaryDirectory() as folder:
            os.environ["LOOKBACK_HOME"] = str(Path(folder) / "home")
            synced = alone(sync, account, exchange)
            urls = synced.pop("requested")
            plain = alone(download, account, exchange, urls)
            built = alone(build) if with_dbt else None
    finally:
        ours.send("stop")
        sandbox.join(20)
        sandbox.kill()
    synced["rows_per_second"] = synced["rows"] / synced["seconds"]
    return {
        "exchange": exchange,
        "fills": fills,
        "sync": synced,
        "download": plain | {"rows_per_second": synced["rows"] / plain["seconds"]},
        "dbt": built,
        "sync_against_download": plain["seconds"] / synced["seconds"],
    }


def show(found: dict[str, Any]) -> None:
    """A short table."""
    synced, plain, built = found["sync"], found["download"], found["dbt"]
    print(f"{found['exchange']}: {synced['rows']:,} rows in {synced['requests']:,} requests")
    print(f"{'':28}{'seconds':>10}{'rows/s':>10}{'peak MB':>10}")
    lines = [
        ("download only (requests)", plain["seconds"], plain["peak_mb"]),
        ("sync: extract and load", synced["seconds"], synced["peak_mb"]),
        ("  extract", synced["extract_seconds"], None),
        ("  load", synced["load_seconds"], None),
    ]
    if built:
        lines.append((f"dbt build ({built['nodes']} nodes)", built["seconds"], built["peak_mb"]))
    for name, seconds, peak in lines:
        memory = "" if peak is None else f"{peak:,.0f}"
        print(f"{name:28}{seconds:>10.1f}{synced['rows'] / seconds:>10,.0f}{memory:>10}")
    print(f"sync against the download alone: {found['sync_against_download']:.2f}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fills", type=int, default=200_000)
    parser.add_argument("--exchange", default="bitget")
    parser.add_argument("--years", type=float, default=0.24, help="all within reach at 0.24")
    parser.add_argument("--no-dbt", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measure(options.exchange, options.fills, options.years, with_dbt=not options.no_dbt)
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        show(found)


if __name__ == "__main__":
    main()
