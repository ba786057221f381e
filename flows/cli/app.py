"""The command line. Exit code 0 only when the thing asked for was done.

Commands import what they need when they run, so that `--help` costs nothing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from flows.cli.safe_text import visible, write_anywhere
from pipelines.errors import LookbackError
from pipelines.home import home

app = typer.Typer(
    name="lookback",
    help="Crypto-exchange history, complete or accounted for.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
AllStates = Annotated[
    bool, typer.Option("--all", help="Also what is explained, fixed or dismissed, and mere notes.")
]


@app.command()
def demo(
    size: Annotated[
        str, typer.Option(help="How much history: tiny, small, medium or a number of trades.")
    ] = "small",
) -> None:
    """Run everything once on made-up accounts and show the answer. Touches no data of yours."""
    from flows.cli.demo import run_demo

    run_demo(size)


@app.command()
def sandbox(
    port: Annotated[int, typer.Option(help="The loopback port; 0 takes a free one.")] = 0,
    seed: Annotated[int, typer.Option(help="Which made-up accounts.")] = 1,
    size: Annotated[
        str, typer.Option(help="tiny, small, medium, million or a number of trades.")
    ] = "tiny",
    pace: Annotated[
        float, typer.Option(help="1: the real rate limits; 20: twenty times as fast; 0: none.")
    ] = 1.0,
    years: Annotated[float, typer.Option(help="How long the accounts have existed.")] = 3.0,
) -> None:
    """Serve every exchange's stand-in on this machine until interrupted.

    The first line printed is JSON: the address, and the accounts with their keys.
    """
    from pipelines.sandbox.engine.account import SIZES
    from pipelines.sandbox.engine.server import serve

    if size not in SIZES and not size.isdigit():
        raise LookbackError(
            f"no such size: {size}", remedy=f"take {', '.join(SIZES)} or a number of trades"
        )
    if pace < 0 or years <= 0:
        raise LookbackError("pace cannot be below 0, and years must be above 0")
    try:
        serve(port=port, seed=seed, size=size, pace=pace or None, years=years)
    except OSError as error:
        raise LookbackError(
            f"cannot listen on port {port}: {error.strerror}", remedy="take another, or 0"
        ) from error


@app.command()
def guide(
    exchange: Annotated[str, typer.Argument(help="Which exchange: its name in lower case.")],
    as_json: AsJson = False,
) -> None:
    """How to make a read-only key, what is lost if nothing is done, and what is read."""
    from flows.cli import guide as guides

    if as_json:
        from flows.reports import answers

        typer.echo(answers.to_json(guides.about(exchange.lower())))
        return
    guides.tell(exchange.lower())


@app.command()
def sync(
    labels: Annotated[
        list[str] | None, typer.Argument(metavar="[LABEL]...", help="Only these accounts.")
    ] = None,
    as_of: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"],
            help="The moment coverage and deadlines are reckoned for, UTC; by default now.",
        ),
    ] = None,
) -> None:
    """Bring the accounts up to date, build the models and publish; resumes what was cut off."""
    from flows.cli import show
    from flows.cli.run import run_sync
    from flows.runtime.outcome import SyncFailed

    moment = as_of.replace(tzinfo=as_of.tzinfo or UTC) if as_of else None
    try:
        with show.progress():
            summary = run_sync(labels or (), moment)
    except SyncFailed as failed:
        show.summary(failed.summary, home().published)
        raise
    show.summary(summary, home().published)


@app.command("import")
def import_(
    exchange: Annotated[
        str, typer.Argument(metavar="EXCHANGE", show_default=False, help="Its name in lower case.")
    ] = "",
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FILE...", show_default=False, help="Saved answers."),
    ] = None,
    account: Annotated[
        str, typer.Option(show_default=False, help="The label of the account they belong to.")
    ] = "",
    uid: Annotated[
        str,
        typer.Option(
            metavar="NUMBER",
            show_default=False,
            help="The account's number, for files that do not name it. Recorded as your statement.",
        ),
    ] = "",
    withdraw: Annotated[
        str,
        typer.Option(
            metavar="SHA",
            show_default=False,
            help="Take an import back: the beginning of the file's SHA-256 (`lookback files`).",
        ),
    ] = "",
) -> None:
    """Load files you have: answers of an exchange's API that were saved, while it gave them.

    JSON, JSON lines or tables (CSV, semicolons, tabs) with the API's field names; plain, gzipped
    or zipped.
    """
    from flows.cli import show
    from flows.cli.run import run_import, run_withdrawal

    if withdraw:
        if exchange or files or account or uid:
            raise LookbackError("--withdraw goes alone", remedy="leave the other arguments out")
        with show.progress():
            done = run_withdrawal(withdraw)
        show.withdrawn(done, home().published)
        return
    if not (exchange and files and account):
        raise LookbackError(
            "an import needs an exchange, files and an account",
            remedy="lookback import EXCHANGE FILE... --account LABEL",
        )
    if uid and not uid.isalnum():
        raise LookbackError(f"{uid!r} is no account number", account=account)
    with show.progress():
        results = run_import(exchange.lower(), files, account, uid)
    show.imported(results, home().published)
    if refused := [result for result in results if result.refused is not None]:
        raise LookbackError(
            f"{len(refused)} of {len(results)} files were not imported",
            account=account,
            remedy="see the reasons above",
        )


@app.command("files")
def files_(as_json: AsJson = False) -> None:
    """Which files were imported, and what each of them covers."""
    answer("files", as_json)


@app.command()
def status(as_json: AsJson = False) -> None:
    """One light for every account and stream: up to date, or what is wrong."""
    answer("status", as_json)
    if not as_json:
        from flows.cli import show
        from flows.reports import answers

        show.oddities(answers.oddities(answers.published(home())))


@app.command()
def gaps(
    as_json: AsJson = False,
    everything: Annotated[bool, typer.Option("--all", help="Also what has been filled.")] = False,
) -> None:
    """What is missing, why, and what would fill it."""
    answer("gaps", as_json, **({"closed": True} if everything else {}))


@app.command()
def deadlines(as_json: AsJson = False) -> None:
    """By when a sync must have run so that nothing drops out of an exchange's reach."""
    answer("deadlines", as_json)


@app.command()
def checks(as_json: AsJson = False, everything: AllStates = False) -> None:
    """Computed against reported balances, with the difference; then what to look at.

    With --json only the balances; the rest is in `lookback findings --json`.
    """
    answer("checks", as_json)
    if not as_json:
        typer.echo()
        findings(everything=everything)


@app.command()
def findings(as_json: AsJson = False, everything: AllStates = False) -> None:
    """What somebody should look at: each with its size, what it is and what would settle it."""
    answer("findings", as_json, everything=everything)
    if not as_json:
        from flows.cli import show
        from flows.reports import answers

        place = answers.published(home())
        show.besides({} if everything else answers.settled(place), answers.stray_dismissals(place))


Folder = Annotated[
    Path | None, typer.Option("--to", help="The folder to write to; by default data/documents.")
]


@app.command()
def certificate(
    label: Annotated[str, typer.Argument(metavar="LABEL", help="The account.")],
    to: Folder = None,
    as_json: AsJson = False,
) -> None:
    """Write one page about an account: what is covered, what proves it, what is missing."""
    from flows.reports import answers
    from flows.reports.certificate import certify
    from flows.reports.dossier import canonical

    place = home()
    written = certify(answers.published(place), label, to or place.data / "documents")
    if as_json:
        typer.echo(canonical(written.document), nl=False)
    else:
        print(f"{written.document['verdict']}: {written.page}\n{written.data}")


@app.command()
def evacuate(
    label: Annotated[str, typer.Argument(metavar="LABEL", help="The account.")],
    to: Folder = None,
) -> None:
    """Read everything an exchange still gives, and write down what was saved and what was not."""
    from flows.cli import show
    from flows.cli.run import run_sync
    from flows.reports.evacuation import take_inventory
    from flows.runtime.outcome import SyncFailed

    place = home()
    failed: SyncFailed | None = None
    try:
        with show.progress():
            summary = run_sync([label], full=True)
    except SyncFailed as error:
        failed, summary = error, error.summary
    show.summary(summary, place.published)
    written = take_inventory(place.published, label, to or place.data / "documents")
    print(visible(written.page.read_text(encoding="utf-8")))
    print(f"{written.page}\n{written.data}")
    if failed:
        raise failed


accounts_app = typer.Typer(
    help="Which accounts are declared; `retire` one that is not any more.", rich_markup_mode=None
)
app.add_typer(accounts_app, name="accounts", invoke_without_command=True)


@accounts_app.callback()
def accounts(context: typer.Context, as_json: AsJson = False) -> None:
    """Which accounts are declared and known, and what kept one from being read."""
    if context.invoked_subcommand is None:
        answer("accounts", as_json)


@accounts_app.command()
def retire(label: Annotated[str, typer.Argument(help="The account's label.")]) -> None:
    """Stop warning of an account that was removed from the settings; keeps its history."""
    from flows.cli import show
    from flows.cli.run import run_retire

    with show.progress():
        run_retire(label)
    print(f"{label} is retired: its history stays, and its status warns no more")


@app.command()
def backup(
    to: Annotated[
        Path | None, typer.Option("--to", help="The file to write; by default in data/backups.")
    ] = None,
) -> None:
    """Copy the warehouse, records and models, to a file that `restore` takes."""
    from flows.build.backup import back_up
    from flows.runtime import lock

    place = home()
    with lock.run_lock(place, "backup"):
        print(back_up(place, to))


@app.command()
def restore(
    file: Annotated[
        Path | None, typer.Argument(help="A file of `backup`; by default the published one.")
    ] = None,
) -> None:
    """Make a backup, or the published file, the warehouse; keeps the one that was there."""
    from flows.build import backup as backups
    from flows.runtime import lock

    place = home()
    with lock.run_lock(place, "restore", may_be_damaged=True):
        kept = backups.restore(place, file)
    print(f"{place.warehouse} is {file or place.published} again; `lookback sync` goes on from it")
    if kept:
        print(f"what was there before: {kept}")


@app.command()
def docs() -> None:
    """Write the documentation of all models and columns as one page, and say where it is."""
    from flows.build import dbt
    from flows.build.backup import restore_if_lost
    from flows.runtime import lock
    from pipelines.load.warehouse import prepare_warehouse

    place = home()
    with lock.run_lock(place, "docs"):
        restore_if_lost(place)
        prepare_warehouse(place)
        page = dbt.write_docs(place)
    print(page)


def answer(name: str, as_json: bool, **options: Any) -> None:
    """Print the rows of one question to the published warehouse, as JSON or for people."""
    from flows.reports import answers

    ask: Callable[..., list[answers.Row]] = getattr(answers, name)
    rows = ask(answers.published(home()), **options)
    if as_json:
        typer.echo(answers.to_json(rows))
        return
    from flows.cli import show

    getattr(show, name)(rows)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit. An error is one message on stderr, never a traceback.

    With `--json` the error is on stdout as well, as `{"error": {...}}`. LOOKBACK_DEBUG=1 shows
    tracebacks.
    """
    given = sys.argv[1:] if arguments is None else arguments
    write_anywhere()
    try:
        app(args=given, prog_name="lookback")
    except KeyboardInterrupt:
        print("stopped; the next sync resumes where this one was", file=sys.stderr)
        sys.exit(130)
    except Exception as error:
        if os.environ.get("LOOKBACK_DEBUG"):
            raise
        tell_error(error, as_json="--json" in given)
        sys.exit(1)


def tell_error(error: Exception, *, as_json: bool) -> None:
    """One message for people on stderr; the same for programs on stdout where they asked."""
    from flows.runtime.outcome import SyncFailed

    known = error if isinstance(error, LookbackError) else unexpected(error)
    if isinstance(known, SyncFailed):
        lines = [f"{known.what}:", *(f"  {failure}" for failure in known.failures)]
    else:
        lines = [str(known)]
    for line in lines:
        print(visible(line), file=sys.stderr)
    if as_json:
        import json

        fields = ("what", "account", "stream", "remedy")
        typer.echo(json.dumps({"error": {name: getattr(known, name) for name in fields}}))


def unexpected(error: Exception) -> LookbackError:
    """An error nobody foresaw, told as well as it can be."""
    first_line = next(iter(str(error).splitlines()), "")
    return LookbackError(
        f"{type(error).__name__}: {first_line}".rstrip(": "),
        remedy="LOOKBACK_DEBUG=1 shows where it comes from",
    )


if __name__ == "__main__":
    main()
