"""Run the real flow on simulated accounts on loopback, and print the result."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from flows.cli import show, terminal
from flows.cli.overview import overview
from flows.cli.run import run_sync
from flows.reports import answers
from flows.runtime.outcome import SyncFailed
from pipelines.errors import LookbackError
from pipelines.home import Home, home

PACE = 50.0
"""Factor on the rate limits of the simulators."""

EXAMPLE = "from marts.fct_ledger_entries order by occurred_at desc limit 5"

PREFIX = "ACCOUNTS__"

SITE = "site"
"""Folder with what the exchanges' sites would export."""


def run_demo(size: str) -> None:
    """Sync every exchange's main simulated account into `data/demo` and print the result.

    Raises LookbackError if the flow fails.
    """
    from pipelines import registry
    from pipelines.sandbox.engine.account import SIZES
    from pipelines.sandbox.engine.server import Sandbox

    if size not in SIZES and not size.isdigit():
        raise LookbackError(
            f"no such size: {size}", remedy=f"use {', '.join(SIZES)} or a number of trades"
        )
    out = terminal.console()
    started = time.monotonic()
    place = Home(home().data / "demo")
    forget_last_demo(place)
    with Sandbox(size=size, pace=PACE, moves=True) as box:
        keys = [box.account(name) for name in registry.names()]
        out.print(
            f"{len(keys)} simulated accounts on {box.url}; all output goes to {near(place.root)}\n"
        )
        with settings_of_demo(place, keys), show.progress():
            try:
                run_sync()
            except SyncFailed as failed:
                # Gaps are part of the result, but a demo account must sync without a failure.
                raise LookbackError(str(failed)) from failed
        site = save_site_files(box.url, [key["label"] for key in keys], place)
    report(place, site)
    out.print(f"\ndone in {time.monotonic() - started:.0f} seconds", style="dim")


def forget_last_demo(place: Home) -> None:
    """Delete the last demo's data: the simulated accounts change every day."""
    for file in (place.warehouse, place.published):
        file.unlink(missing_ok=True)
        file.with_name(f"{file.name}.wal").unlink(missing_ok=True)
    shutil.rmtree(place.dlt_state, ignore_errors=True)


@contextmanager
def settings_of_demo(place: Home, keys: list[dict[str, str]]) -> Iterator[None]:
    """Inside the context, only the demo's home and accounts are configured."""
    before = dict(os.environ)
    for name in before:
        if name.upper().startswith(PREFIX):
            del os.environ[name]
    os.environ["LOOKBACK_HOME"] = str(place.root)
    for key in keys:
        os.environ.update(variables(key))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def variables(key: Mapping[str, str]) -> dict[str, str]:
    """The environment variables that declare a simulated account; its label is the exchange."""
    fields = ("exchange", "base_url", "key", "secret", "passphrase")
    declared = {name: key[name] for name in fields if key.get(name)} | {"pace": str(PACE)}
    return {f"{PREFIX}{key['exchange']}__{name}".upper(): text for name, text in declared.items()}


def save_site_files(url: str, labels: list[str], place: Home) -> Path | None:
    """Save the files that the exchanges' sites would export; the folder of the first account."""
    import requests

    shutil.rmtree(place.data / SITE, ignore_errors=True)
    first = None
    for label in labels:
        for name in requests.get(f"{url}/_site/{label}", timeout=60).json():
            folder = place.data / SITE / label.removesuffix("-main")
            folder.mkdir(parents=True, exist_ok=True)
            found = requests.get(f"{url}/_site/{label}/{name}", timeout=60)
            (folder / name.replace(" ", "-")).write_bytes(found.content)
            first = first or folder
    return first


def report(place: Home, site: Path | None = None) -> None:
    """Print the answer for each account, the number of records, and next commands."""
    out = terminal.console()
    out.print()
    with answers.published(place) as warehouse:
        overview(answers.overview(warehouse), out)
        out.print("\nRecords", style="bold")
        out.print(show.counts_by_exchange(answers.counts(warehouse), answers.ENTITIES))
        show.moves(answers.moves(warehouse), out)
    out.print("\nNext commands", style="bold")
    for command in next_commands(place, site):
        out.print(f"  {command}", soft_wrap=True)


def next_commands(place: Home, site: Path | None = None) -> list[str]:
    """Commands that work from the current folder as printed."""
    there = f"LOOKBACK_HOME={near(place.root)}"
    folder = near(Path(sys.executable).parent)
    on_path = shutil.which("lookback")
    command = "lookback" if on_path else f"{folder}/lookback"
    query = f"duckdb.connect('{near(place.published)}', read_only=True).sql('{EXAMPLE}')"
    fill = [
        f"{there} {command} import {site.name} {near(site)}/*.csv --account {site.name} "
        "--timezone UTC"
        for site in [site]
        if site
    ]
    return [
        f"{there} {command} gaps",
        *fill,
        f"{there} {command} docs",
        f'{folder}/python -c "import duckdb; print({query})"',
    ]


def near(path: Path) -> str:
    """The path relative to the current folder if it is inside it."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
