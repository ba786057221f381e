"""Sandbox accounts on loopback, the real flow, and the answer on the screen."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from flows.cli import show, terminal
from flows.cli.run import run_sync
from flows.reports import answers
from flows.runtime.outcome import SyncFailed
from pipelines.errors import LookbackError
from pipelines.home import Home, home

PACE = 50.0
"""How much faster than the real exchanges the stand-ins let themselves be asked."""

EXAMPLE = "from marts.fct_ledger_entries order by occurred_at desc limit 5"

PREFIX = "ACCOUNTS__"


def run_demo(size: str) -> None:
    """Sync every exchange's main stand-in account into `data/demo` and print what came of it.

    Raises LookbackError where the flow fails: then the demo has shown nothing.
    """
    from pipelines import registry
    from pipelines.sandbox.engine.account import SIZES
    from pipelines.sandbox.engine.server import Sandbox

    if size not in SIZES and not size.isdigit():
        raise LookbackError(
            f"no such size: {size}", remedy=f"take {', '.join(SIZES)} or a number of trades"
        )
    out = terminal.console()
    started = time.monotonic()
    place = Home(home().data / "demo")
    forget_last_demo(place)
    with Sandbox(size=size, pace=PACE, moves=True) as box:
        keys = [box.account(name) for name in registry.names()]
        out.print(
            f"{len(keys)} made-up accounts on {box.url}; everything goes to {near(place.root)}\n"
        )
        with settings_of_demo(place, keys), show.progress():
            try:
                run_sync()
            except SyncFailed as failed:
                # Gaps are part of the answer, but a demo account is never refused.
                raise LookbackError(str(failed)) from failed
    tell(place)
    out.print(f"\ndone in {time.monotonic() - started:.0f} seconds", style="dim")


def forget_last_demo(place: Home) -> None:
    """The stand-ins are made anew each day: yesterday's history is another account's."""
    for file in (place.warehouse, place.published):
        file.unlink(missing_ok=True)
        file.with_name(f"{file.name}.wal").unlink(missing_ok=True)
    shutil.rmtree(place.dlt_state, ignore_errors=True)


@contextmanager
def settings_of_demo(place: Home, keys: list[dict[str, str]]) -> Iterator[None]:
    """Inside, the demo's home and accounts are the only ones there are."""
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
    """One stand-in's key as the environment declares an account; the exchange is its label."""
    fields = ("exchange", "base_url", "key", "secret", "passphrase")
    declared = {name: key[name] for name in fields if key.get(name)} | {"pace": str(PACE)}
    return {f"{PREFIX}{key['exchange']}__{name}".upper(): text for name, text in declared.items()}


def tell(place: Home) -> None:
    """The answer: what is there, what is proved, what is missing, by when, and what to try."""
    out = terminal.console()
    path = answers.published(place)
    out.print("\nWhat is there", style="bold")
    out.print(show.counts_by_exchange(answers.counts(path), answers.ENTITIES))
    show.moves(answers.moves(path), out)
    out.print("\nDo the books add up?", style="bold")
    show.checks(answers.checks(path), out, shown=3)
    out.print("\nWhat is missing, and what would fill it", style="bold")
    show.gaps(answers.gaps(path, closed=True), out)
    out.print("\nWhat is lost next", style="bold")
    show.deadlines(answers.deadlines(path), out)
    out.print("\nWhere to look next", style="bold")
    for command in next_commands(place):
        out.print(f"  {command}", soft_wrap=True)


def next_commands(place: Home) -> list[str]:
    """Three commands that work as printed, from the folder the demo was started in."""
    there = f"LOOKBACK_HOME={near(place.root)}"
    folder = near(Path(sys.executable).parent)
    on_path = shutil.which("lookback")
    command = "lookback" if on_path else f"{folder}/lookback"
    query = f"duckdb.connect('{near(place.published)}', read_only=True).sql('{EXAMPLE}')"
    return [
        f"{there} {command} status",
        f"{there} {command} docs",
        f'{folder}/python -c "import duckdb; print({query})"',
    ]


def near(path: Path) -> str:
    """A path as short as it can be said from here."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
