"""Run the sync flow and the import steps with their lock and, for the flow, a Prefect server."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from flows.build import dbt, dismissals, publish, renames
from flows.build.backup import restore_if_lost
from flows.reports import answers
from flows.reports.schedule import plan, shortest
from flows.runtime import lock, watch
from flows.runtime.prefect_server import prefect_api
from pipelines.config.accounts import accounts_to_sync
from pipelines.errors import LookbackError
from pipelines.home import Home, home

if TYPE_CHECKING:
    from flows.runtime.outcome import Summary
    from pipelines.files.imports import Withdrawal
    from pipelines.files.saved_file import ImportResult, Stated


def run_sync(
    labels: Sequence[str] = (), as_of: datetime | None = None, *, full: bool = False
) -> Summary:
    """Run the flow `sync` on the user's Prefect server, else on a temporary one.

    Raises what the flow raises: LookbackError, or SyncFailed after the rest was published.
    """
    place = home()
    accounts_to_sync(labels)
    with lock.run_lock(place, "sync"):
        pass  # fail before a server is started if another run holds the lock
    with prefect_api(place, meanwhile=lambda: importlib.import_module("flows.sync")):
        from flows.sync import sync

        try:
            state = sync(tuple(labels), as_of, full, return_state=True)
        except RuntimeError as error:
            if "Failed to reach API" not in str(error):
                raise
            raise LookbackError(
                f"no Prefect server responds at {os.environ.get('PREFECT_API_URL')}",
                remedy="start it, or unset PREFECT_API_URL to use a temporary one",
            ) from error
        outcome = state.result(raise_on_failure=False)
    if isinstance(outcome, BaseException):
        raise outcome
    summary: Summary = outcome
    return summary


@contextmanager
def changed_warehouse(command: str, exchange: str = "") -> Iterator[Home]:
    """Inside the context, `command` can change the warehouse, which is then built and published.

    `exchange` gets its raw tables if it is not in use yet. A mistake in the user's lists is
    reported before any change. Raises LookbackError.
    """
    from pipelines.load.warehouse import exchanges_in_use, prepare_warehouse

    place = home()
    dismissals.read(place)
    renames.read(place)
    with lock.run_lock(place, command):
        restore_if_lost(place)
        prepare_warehouse(place, exchanges_in_use(place) | ({exchange} if exchange else set()))
        yield place
        watch.tell_stage("building and testing the models")
        dbt.build(place)
        watch.tell_stage("publishing")
        publish.publish(place)


def run_import(
    exchange: str,
    paths: Sequence[Path],
    label: str,
    stated: Stated | None = None,
    *,
    dry_run: bool = False,
) -> list[ImportResult]:
    """Import files, then build and publish; with `dry_run` only read them. Raises LookbackError."""
    from pipelines.files.importer import check_input, import_files

    check_input(exchange, paths, label)
    if dry_run:
        place = home()
        with lock.run_lock(place, "import"):
            return import_files(exchange, paths, label, place, stated, dry_run=True)
    with changed_warehouse("import", exchange) as place:
        watch.tell_stage("reading the files")
        results = import_files(exchange, paths, label, place, stated)
        if any(result.rows_replaced for result in results):
            dbt.forget_build(place)  # incremental models still hold the replaced rows
        return results


def run_serve() -> None:
    """Serve the deployments until interrupted. Raises LookbackError without a Prefect server."""
    place = home()
    accounts_to_sync(())
    if not os.environ.get("PREFECT_API_URL"):
        raise LookbackError(
            "no Prefect server is named: PREFECT_API_URL is not set",
            remedy="start one with `prefect server start`, and set "
            "PREFECT_API_URL=http://127.0.0.1:4200/api; without a server, run `lookback sync` by "
            "cron",
        )
    interval, reason = shortest([])
    if place.published.exists():
        with answers.published(place) as warehouse:
            interval, reason = shortest(plan(warehouse))
    with prefect_api(place, meanwhile=lambda: importlib.import_module("flows.deployments")):
        from prefect import serve

        from flows.deployments import deployments

        serve(*deployments(interval, reason))


def run_withdrawal(prefix: str) -> Withdrawal:
    """Withdraw the file whose SHA-256 has this prefix, then build and publish.

    Raises LookbackError.
    """
    from pipelines.files.imports import withdraw

    with changed_warehouse("import") as place:
        done = withdraw(prefix, place)
        dbt.forget_build(place)  # incremental models still hold the deleted rows
        return done


def run_retire(label: str) -> None:
    """Retire an account, then build and publish. Raises LookbackError."""
    from flows.build import declared

    with changed_warehouse("retire") as place:
        declared.retire(place, label)
