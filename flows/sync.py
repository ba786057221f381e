"""The flow: every account side by side, loads one after another, then the models, then publish.

A failed account becomes a gap and not a stop: the rest is loaded, built and published, and only
then does the run end as failed, saying what is missing and what to do about it.
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
from pipelines.config.accounts import readable_accounts
from pipelines.errors import LookbackError
from pipelines.home import home
from pipelines.load.account_sync import AccountSync
from pipelines.load.warehouse import prepare_warehouse

quiet_prefect(home())  # Prefect reads its settings when it is imported

from prefect import flow, task  # noqa: E402
from prefect.artifacts import create_table_artifact  # noqa: E402
from prefect.cache_policies import NO_CACHE  # noqa: E402
from prefect.futures import PrefectFuture, as_completed  # noqa: E402
from prefect.task_runners import ThreadPoolTaskRunner  # noqa: E402

SIDE_BY_SIDE = 8
"""Accounts extracted at once; they wait for exchanges far more than they compute."""

LONGEST_ROUND = 6 * 3_600.0
"""Seconds that one round of one account may take: a server that answers for ever holds no other."""

TASK_RUNNER: Any = ThreadPoolTaskRunner(max_workers=SIDE_BY_SIDE)

# Tasks get an account's label, and find the rest here: Prefect may store what a task is given.
_syncs: ContextVar[Mapping[str, AccountSync]] = ContextVar("syncs")


def may_pass(_task: Any, _run: Any, state: Any) -> bool:
    """Whether to run a failed task again: not where a person has to act first."""
    error = state.result(raise_on_failure=False)
    if isinstance(error, TimeoutError):
        return False
    return not isinstance(error, LookbackError) or bool(getattr(error, "retry", False))


@task(
    task_run_name="extract {label}",
    retries=2,
    retry_delay_seconds=[2, 10],
    retry_condition_fn=may_pass,
    timeout_seconds=LONGEST_ROUND,
    cache_policy=NO_CACHE,
    persist_result=False,
)
def extract(label: str) -> None:
    """Read one account's next round from its exchange."""
    _syncs.get()[label].extract()


@task(task_run_name="load {label}", cache_policy=NO_CACHE, persist_result=False)
def load(label: str) -> None:
    """Put what was extracted into the warehouse."""
    _syncs.get()[label].load()


@task(cache_policy=NO_CACHE, persist_result=False)
def build(as_of: datetime | None) -> None:
    """Run the models and their tests."""
    dbt.build(home(), as_of)


@task(cache_policy=NO_CACHE, persist_result=False)
def publish() -> None:
    """Put the built warehouse where analysts read it."""
    publishing.publish(home())


@flow(
    name="sync",
    task_runner=TASK_RUNNER,
    persist_result=False,
)
def sync(
    labels: Sequence[str] = (), as_of: datetime | None = None, full: bool = False
) -> Summary:
    """Bring the accounts of `labels`, or all, up to date and publish the result.

    `as_of` is what coverage and deadlines take for now. `full` asks for everything within reach
    again, with a look at the balances before and after. Raises SyncFailed after publishing where
    an account or stream could not be synced, LookbackError where nothing was published.
    """
    place = home()
    accounts, unreadable = readable_accounts(labels)
    if not accounts and not unreadable:
        raise LookbackError(
            "no account is declared yet",
            remedy=f"declare one in {place.settings / 'config.toml'}, or see `lookback demo`",
        )
    dismissals.read(place)  # a slip in the file is told before the exchanges are asked
    renames.read(place)
    with lock.run_lock(place, "sync"):
        if restore_if_lost(place):
            watch.tell_stage("the warehouse is gone: restored it from the published file")
        watch.tell_stage("asking the exchanges")
        prepare_warehouse(place)
        syncs = {
            account.label: AccountSync(account, place, on_event=watch.tell_rows, full=full)
            for account in accounts
        }
        with dbt.parsing_ahead(place):
            summary = extract_and_load(syncs)
        summary.failures += [as_failure(error, error.account) for error in unreadable]
        declared.record(place, syncs, connect_errors(summary, accounts))
        watch.tell_stage("building and testing the models")
        build(as_of)
        watch.tell_stage("publishing")
        publish()
    note_gaps()
    if summary.failures:
        raise SyncFailed(summary)
    return summary


def extract_and_load(syncs: Mapping[str, AccountSync]) -> Summary:
    """Extract all accounts at once and load whichever is ready, round by round, until done.

    DuckDB and dlt want one writer at a time, so all loads happen here, in the flow's own thread.
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


def connect_errors(summary: Summary, accounts: Sequence[Account]) -> dict[str, str]:
    """Why accounts could not be read at all, by label and without a secret."""
    hide = {account.label: account.credentials.hide_in for account in accounts}
    return {
        failure.account: hide.get(failure.account, str)(failure.sentences)
        for failure in summary.failures
        if failure.stream in {"", "identity"}
    }


def note_gaps() -> None:
    """Leave the open gaps with the run, as a table in Prefect."""
    columns = ("label", "exchange", "stream", "verdict", "span_start", "span_end", "remedy")
    create_table_artifact(
        key="gaps",
        table=[
            {column: str(gap[column]) for column in columns}
            for gap in answers.gaps(answers.published(home()))
        ],
        description="What is missing from the history, and what would fill it",
    )
