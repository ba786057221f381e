"""Run a sync and print its result."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from flows.cli import show
from flows.cli.overview import overview
from flows.cli.run import run_sync
from flows.reports import answers
from flows.runtime.outcome import Summary, SyncFailed
from pipelines.home import home


def sync_and_show(labels: Sequence[str] = (), as_of: datetime | None = None) -> None:
    """Sync those accounts, or all, and print the result. Raises what `run_sync` raises."""
    try:
        with show.progress():
            summary = run_sync(labels, as_of)
    except SyncFailed as failed:
        show_result(failed.summary)
        raise
    show_result(summary)


def show_result(done: Summary) -> None:
    """Print the result of a sync: one line per synced account, warnings, and what is next."""
    place = home()
    new_rows = {result.label: result.new_rows for result in done.results}
    if new_rows and place.published.exists():
        with answers.published(place) as warehouse:
            rows = [row for row in answers.overview(warehouse) if row["label"] in new_rows]
        overview(rows, new_rows=new_rows)
    show.warnings(done)
    print(f"published: {place.published}")
