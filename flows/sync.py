"""The flow: extract all accounts in parallel, load one by one, build the models, publish.

If an account fails, the other accounts are still loaded, built and published. The run then ends as
failed and reports what is missing and what to do.
"""

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from datetime import datetime
from typing import Any

from flows.build import dbt, declared, dismissals, renames
from flows.build import publish as publishing
from flows.build.backup import restore_if_lost
from flows.reports import answers
from flows.runtime import lock, watch
from flows.runtime.outcome import Summary, SyncFailed, as_failure, merged_failures
from flows.runtime.prefect_server import quiet_prefect
from pipelines.account import Account
from pipelines.config.accounts import accounts_to_sync
from pipelines.errors import LookbackError
from pipelines.files.site_rows import reconcile_home
from pipelines.home import home
from pipelines.load.account_sync import AccountSync
from pipelines.load.warehouse import exchanges_in_use, prepare_warehouse

quiet_prefect(home())  # Prefect reads its settings when it is imported

from prefect import flow, task  # noqa: E402
from prefect.artifacts import create_table_artifact  # noqa: E402
from prefect.cache_policies import NO_CACHE  # noqa: E402
from prefect.futures import PrefectFuture, as_completed  # noqa: E402
from prefect.task_runners import ThreadPoolTaskRunner  # noqa: E402

PARALLEL_ACCOUNTS = 8
"""Accounts extracted in parallel; most of the time they wait for exchanges."""

ROUND_TIMEOUT = 6 * 3_600.0
"""Longest round of one account, in seconds, so that a server cannot block the run for ever."""

TASK_RUNNER: Any = ThreadPoolTaskRunner(max_workers=PARALLEL_ACCOUNTS)

# Tasks get only an account's label, as Prefect may store the parameters of a task.
_syncs: ContextVar[Mapping[str, AccountSync]] = ContextVar("syncs")
_dbt: ContextVar[dbt.Child] = ContextVar("dbt")


def may_pass(_task: Any, _run: Any, state: Any) -> bool:
    """Whether to retry a failed task: not if the user has to act first, nor after a timeout."""
    error = state.result(raise_on_failure=False)
    if isinstance(error, TimeoutError):
        return False
    return not isinstance(error, LookbackError) or bool(getattr(error, "retry", False))


@task(
    task_run_name="extract {label}",
    retries=2,
    retry_delay_seconds=[2, 10],
    retry_condition_fn=may_pass,
    timeout_seconds=ROUND_TIMEOUT,
    cache_policy=NO_CACHE,
    persist_result=False,
)
def extract(label: str) -> None:
    """Read one account's next round from its exchange."""
    _syncs.get()[label].extract()


@task(task_run_name="load {label}", cache_policy=NO_CACHE, persist_result=False)
def load(label: str) -> None:
    """Load the extracted rows into the warehouse."""
    _syncs.get()[label].load()


@task(cache_policy=NO_CACHE, persist_result=False)
def build() -> None:
    """Run the models and their tests."""
    dbt.build(home(), child=_dbt.get())


@task(cache_policy=NO_CACHE, persist_result=False)
def publish() -> None:
    """Publish the built warehouse for analysts."""
    publishing.publish(home())


@flow(
    name="sync",
    task_runner=TASK_RUNNER,
    persist_result=False,
)
def sync(labels: Sequence[str] = (), as_of: datetime | None = None, full: bool = False) -> Summary:
    """Sync the accounts of `labels`, or all, and publish the result.

    `as_of` is the current time for coverage and deadlines. `full` requests all available data
    again, with balances before and after. Raises SyncFailed after publishing if an account or
    stream could not be synced, and LookbackError if nothing was published.
    """
    place = home()
    accounts, unreadable = accounts_to_sync(labels)
    dismissals.read(place)  # report a mistake in the file before any request
    renames.read(place)
    with lock.run_lock(place, "sync"):
        if restore_if_lost(place):
            watch.tell_stage("the warehouse file is gone: restored from the published file")
        watch.tell_stage("reading from the exchanges")
        prepare_warehouse(place, exchanges_in_use(place))
        syncs = {
            account.label: AccountSync(account, place, on_event=watch.tell_rows, full=full)
            for account in accounts
        }
        with dbt.Child(place, as_of) as child:
            summary = extract_and_load(syncs)
            summary.failures += [as_failure(error, error.account) for error in unreadable]
            declared.record(place, syncs, connect_errors(summary, accounts))
            changed = reconcile_home(place, exchanges_in_use(place))
            if changed.added or changed.removed:
                dbt.forget_build(place)  # incremental models have the rows as they were
            watch.tell_stage("building and testing the models")
            build_with(child)
        watch.tell_stage("publishing")
        publish()
    note_gaps()
    if summary.failures:
        raise SyncFailed(summary)
    return summary


def extract_and_load(syncs: Mapping[str, AccountSync]) -> Summary:
    """Extract all accounts in parallel and load each finished round, until all are done.

    DuckDB and dlt allow one writer at a time, so all loads run here, in the flow's own thread.
    """
    _syncs.set(syncs)
    summary = Summary(results=[each.result for each in syncs.values()])
    running: dict[PrefectFuture[None], str] = {}
    for label, each in syncs.items():
        try:
            each.prepare()
        except Exception as error:
            summary.failures.append(as_failure(error, label))
        else:
            running[extract.submit(label)] = label
    while running:
        future = next(as_completed(list(running)))
        label = running.pop(future)
        try:
            future.result()
            load(label)
        except Exception as error:
            summary.failures.append(as_failure(error, label))
        else:
            if not syncs[label].done:
                running[extract.submit(label)] = label
    for result in summary.results:
        summary.failures += merged_failures(result.label, result.failures)
    return summary


def build_with(child: dbt.Child) -> None:
    """Run the task `build` with the dbt process that was started with the sync."""
    _dbt.set(child)
    build()


def connect_errors(summary: Summary, accounts: Sequence[Account]) -> dict[str, str]:
    """Why accounts could not be read at all, by label, with secrets removed."""
    hide = {account.label: account.credentials.hide_in for account in accounts}
    return {
        failure.account: hide.get(failure.account, str)(failure.sentences)
        for failure in summary.failures
        if failure.stream in {"", "identity"}
    }


def note_gaps() -> None:
    """Store the open gaps with the run, as a table artifact in Prefect."""
    columns = ("label", "exchange", "stream", "verdict", "span_start", "span_end", "remedy")
    with answers.published(home()) as warehouse:
        rows = answers.gaps(warehouse)
    create_table_artifact(
        key="gaps",
        table=[{column: str(gap[column]) for column in columns} for gap in rows],
        description="Gaps in the history, with their remedies",
    )
