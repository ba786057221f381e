"""The command line. The exit code is 0 only if the command succeeded.

Commands import their dependencies when they run, so that `--help` is fast.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli import account_commands
from flows.cli.safe_text import visible, write_anywhere
from pipelines.errors import LookbackError
from pipelines.home import home

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection as Connection

    from flows.reports import answers

app = typer.Typer(
    name="lookback",
    help="Crypto-exchange history with every gap reported.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

DAYS = ["%Y-%m-%d"]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
Labels = Annotated[
    list[str] | None, typer.Argument(metavar="[LABEL]...", help="Show only these accounts.")
]
Stream = Annotated[str, typer.Option(show_default=False, help="Show only this stream.")]
Critical = Annotated[bool, typer.Option("--critical", help="Show only what needs attention now.")]
AllStates = Annotated[
    bool, typer.Option("--all", help="Include explained, fixed and dismissed findings, and notes.")
]


@app.command()
def demo(
    size: Annotated[
        str, typer.Option(help="Amount of history: tiny, small, medium or a number of trades.")
    ] = "small",
) -> None:
    """Sync simulated accounts and show the result. Does not touch your own data."""
    from flows.cli.demo import run_demo

    run_demo(size)


@app.command()
def sandbox(
    port: Annotated[int, typer.Option(help="Loopback port; 0 selects a free port.")] = 0,
    seed: Annotated[int, typer.Option(help="Seed of the simulated accounts.")] = 1,
    size: Annotated[
        str, typer.Option(help="History: tiny, small, medium, million or a number of trades.")
    ] = "tiny",
    pace: Annotated[
        float, typer.Option(help="Rate limits. 1: documented; 20: twenty times as fast; 0: none.")
    ] = 1.0,
    years: Annotated[float, typer.Option(help="Age of the accounts in years.")] = 3.0,
    key_of: Annotated[
        str,
        typer.Option(
            metavar="LABEL",
            show_default=False,
            help="Print the key of this account as JSON, for `lookback connect`; serve nothing.",
        ),
    ] = "",
) -> None:
    """Serve the simulators of all exchanges locally.

    Runs until interrupted. The first line of output is JSON: the address, and the accounts with
    their keys.
    """
    from pipelines.sandbox.engine.account import SIZES
    from pipelines.sandbox.engine.server import serve

    if size not in SIZES and not size.isdigit():
        raise LookbackError(
            f"no such size: {size}", remedy=f"use {', '.join(SIZES)} or a number of trades"
        )
    if pace < 0 or years <= 0:
        raise LookbackError("--pace must not be negative, and --years must be positive")
    if key_of:
        print_key(key_of, port, seed)
        return
    try:
        serve(port=port, seed=seed, size=size, pace=pace or None, years=years)
    except OSError as error:
        raise LookbackError(
            f"cannot listen on port {port}: {error.strerror}", remedy="use another port, or 0"
        ) from error


def print_key(label: str, port: int, seed: int) -> None:
    """Print the key of a simulated account as JSON."""
    import json

    from pipelines.sandbox.engine import server

    try:
        print(json.dumps(server.key_of(label, port, seed)))
    except KeyError as error:
        raise LookbackError(
            f"the sandbox has no account {label}",
            remedy="the first line of `lookback sandbox` lists them",
        ) from error


@app.command()
def guide(
    exchange: Annotated[str, typer.Argument(help="Name of the exchange, in lower case.")],
    as_json: AsJson = False,
) -> None:
    """Show how to connect an exchange. Covers keys, expiry, streams and problems."""
    from flows.cli import guide as guides

    if as_json:
        from flows.reports import answers

        typer.echo(answers.to_json(guides.about(exchange.lower())))
        return
    guides.show_guide(exchange.lower())


app.command()(account_commands.connect)
app.command()(account_commands.check)
app.command()(account_commands.doctor)


@app.command()
def sync(
    labels: Annotated[
        list[str] | None, typer.Argument(metavar="[LABEL]...", help="Sync only these accounts.")
    ] = None,
    as_of: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"],
            help="Compute coverage and deadlines as of this moment, UTC; default: now.",
        ),
    ] = None,
) -> None:
    """Sync accounts, build the models and publish. Resumes an interrupted sync."""
    from flows.cli.syncing import sync_and_show

    moment = as_of.replace(tzinfo=as_of.tzinfo or UTC) if as_of else None
    sync_and_show(labels or (), moment)


@app.command("import")
def import_(
    context: typer.Context,
    exchange: Annotated[
        str,
        typer.Argument(
            metavar="EXCHANGE", show_default=False, help="Name of the exchange, in lower case."
        ),
    ] = "",
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILE...", show_default=False, help="Files of the site, or saved responses."
        ),
    ] = None,
    account: Annotated[
        str, typer.Option(show_default=False, help="Label of the account that the files belong to.")
    ] = "",
    uid: Annotated[
        str,
        typer.Option(
            metavar="NUMBER",
            show_default=False,
            help="Account number, for files without one. Recorded as stated by you.",
        ),
    ] = "",
    timezone: Annotated[
        str,
        typer.Option(
            metavar="ZONE",
            show_default=False,
            help="Time zone of a file of the site that does not state it: UTC+8, Europe/Berlin.",
        ),
    ] = "",
    since: Annotated[
        datetime | None,
        typer.Option("--from", formats=DAYS, help="First day of the span chosen on the site, UTC."),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option("--to", formats=DAYS, help="First day after that span, UTC."),
    ] = None,
    mapping: Annotated[
        Path | None,
        typer.Option("--map", help="Your own mapping of the file's columns (see --template)."),
    ] = None,
    template: Annotated[
        str,
        typer.Option(
            metavar="STREAM", show_default=False, help="Print a mapping for a stream to fill in."
        ),
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Read and check the files, and store nothing.")
    ] = False,
    as_json: AsJson = False,
    withdraw: Annotated[
        str,
        typer.Option(
            metavar="SHA",
            show_default=False,
            help="Withdraw an import: first characters of the file's SHA-256 (`lookback files`).",
        ),
    ] = "",
) -> None:
    """Import files of the exchange's site, or API responses that you saved earlier.

    A file is recognised by its header. Saved responses may be JSON, JSON lines or tables with the
    API's field names; files may be gzipped or zipped. For any other table, fill in a mapping of its
    columns.
    """
    from flows.cli import show
    from flows.cli.run import run_import, run_withdrawal
    from flows.reports import answers
    from pipelines import registry
    from pipelines.files.mapping import read_mapping, template_of
    from pipelines.files.recognition import ACCOUNT_NUMBER
    from pipelines.files.saved_file import Stated
    from pipelines.files.site_reading import zone_of

    name = exchange.lower()
    if (template or mapping) and name not in registry.names():
        raise LookbackError(
            f"no such exchange: {exchange}", remedy=f"exchanges: {', '.join(registry.names())}"
        )
    if template:
        typer.echo(template_of(registry.exchange(name).spec, template), nl=False)
        return

    if withdraw:
        if exchange or files or account or uid:
            raise typer.BadParameter("--withdraw takes no other arguments.", ctx=context)
        with show.progress():
            done = run_withdrawal(withdraw)
        show.withdrawn(done, home().published)
        return
    if not (exchange and files and account):
        raise typer.BadParameter(
            "an import needs an exchange, files and an account: "
            "lookback import EXCHANGE FILE... --account LABEL",
            ctx=context,
        )
    if uid and not ACCOUNT_NUMBER.fullmatch(uid):
        raise LookbackError(f"{uid!r} is not an account number", account=account)
    if (since is None) != (until is None) or (since and until and since >= until):
        raise LookbackError(
            "--from and --to must be given together, --from first", account=account
        )
    if timezone:
        zone_of(timezone)
    stated = Stated(
        uid=uid,
        zone=timezone,
        since=since and since.replace(tzinfo=UTC),
        until=until and until.replace(tzinfo=UTC),
        mapping=read_mapping(mapping, registry.exchange(name).spec) if mapping else None,
    )
    with show.progress():
        results = run_import(name, files, account, stated, dry_run=dry_run)
    if as_json:
        typer.echo(answers.to_json([vars(result) for result in results]))
    else:
        show.imported(results, None if dry_run else home().published)
    if refused := [result for result in results if result.refused is not None]:
        raise LookbackError(
            f"{len(refused)} of {len(results)} files were not imported",
            account=account,
            remedy="correct the problems listed above",
        )


@app.command("files")
def files_(as_json: AsJson = False) -> None:
    """List the imported files and the span of each."""
    answer("files", as_json)


@app.command()
def status(
    labels: Labels = None,
    as_json: AsJson = False,
    everything: Annotated[bool, typer.Option("--all", help="One line per stream.")] = False,
    stream: Stream = "",
    critical: Critical = False,
    check: Annotated[
        bool, typer.Option("--check", help="Exit with code 1 if an account needs attention.")
    ] = False,
) -> None:
    """Show in one line per account whether its history is complete, and what to do next.

    Details: --all, --stream and --json, with one row per stream.
    """
    from flows.cli import show
    from flows.cli.overview import overview
    from flows.reports import answers

    choice = answers.Choice(labels or (), stream, critical)
    with answers.published(home()) as warehouse:
        accounts = answers.Choice(labels or ()).of(warehouse, answers.overview(warehouse))
        if as_json or everything or stream or critical:
            print_rows(warehouse, "status", as_json, choice, shown="streams")
        else:
            overview(accounts)
        if not as_json:
            show.oddities(answers.oddities(warehouse))
    if check and any(row["grade"] in ("incomplete", "not_connected") for row in accounts):
        raise typer.Exit(1)


@app.command()
def gaps(
    labels: Labels = None,
    as_json: AsJson = False,
    everything: Annotated[bool, typer.Option("--all", help="Include filled gaps.")] = False,
    stream: Stream = "",
    critical: Critical = False,
) -> None:
    """List the gaps in the history, with cause and remedy."""
    from flows.reports.answers import Choice

    options = {"closed": True} if everything else {}
    answer("gaps", as_json, Choice(labels or (), stream, critical), **options)


@app.command()
def deadlines(
    labels: Labels = None, as_json: AsJson = False, stream: Stream = "", critical: Critical = False
) -> None:
    """List upcoming retention deadlines. Sync before them so that no data expires."""
    from flows.reports.answers import Choice

    answer("deadlines", as_json, Choice(labels or (), stream, critical))


@app.command()
def schedule(labels: Labels = None, as_json: AsJson = False) -> None:
    """Show how often each account must be synced, and why."""
    from flows.cli import show
    from flows.reports import answers
    from flows.reports.schedule import plan

    with answers.published(home()) as warehouse:
        rows = answers.Choice(labels or ()).of(warehouse, plan(warehouse))
    if as_json:
        typer.echo(answers.to_json(rows))
    else:
        show.schedule(rows)


@app.command()
def serve() -> None:
    """Run syncs on a schedule, as deployments on your Prefect server (PREFECT_API_URL).

    The interval follows from the shortest deadline. Runs until interrupted.
    """
    from flows.cli.run import run_serve

    run_serve()


@app.command()
def checks(
    labels: Labels = None,
    as_json: AsJson = False,
    everything: AllStates = False,
    critical: Critical = False,
) -> None:
    """Show balance checks and findings.

    A check compares a computed with a reported balance.

    With --json, only the balance checks are printed; see also `lookback findings --json`.
    """
    from flows.reports import answers

    choice = answers.Choice(labels or (), "", critical)
    with answers.published(home()) as warehouse:
        print_rows(warehouse, "checks", as_json, choice)
        if not as_json:
            typer.echo()
            print_findings(warehouse, as_json, everything, choice)


@app.command()
def findings(
    labels: Labels = None,
    as_json: AsJson = False,
    everything: AllStates = False,
    stream: Stream = "",
    critical: Critical = False,
) -> None:
    """List findings that need attention. Each has a size, a description and a remedy."""
    from flows.reports import answers

    choice = answers.Choice(labels or (), stream, critical)
    with answers.published(home()) as warehouse:
        print_findings(warehouse, as_json, everything, choice)


Folder = Annotated[
    Path | None, typer.Option("--to", help="Output folder; default: data/documents.")
]


@app.command()
def report(
    labels: Labels = None,
    to: Folder = None,
    hide_amounts: Annotated[
        bool, typer.Option("--hide-amounts", help="Leave all amounts out of the file.")
    ] = False,
    open_: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write one page with coverage, gaps, balances and amounts of all accounts, or of some."""
    from flows.reports import answers
    from flows.reports.report import write_report

    place = home()
    choice = answers.Choice(labels or ())
    with answers.published(place) as warehouse:
        page = write_report(
            warehouse, to or place.data / "documents", choice, hide_amounts=hide_amounts
        )
    typer.echo(answers.to_json({"page": page}) if as_json else page)
    if open_ and typer.launch(str(page)):
        raise LookbackError("no browser could be started", remedy=f"open {page}")


@app.command("export")
def export_(
    form: Annotated[
        str, typer.Argument(metavar="[FORMAT]", show_default=False, help="Name of the format.")
    ] = "",
    account: Annotated[
        list[str] | None, typer.Option(metavar="LABEL", help="Export only this account.")
    ] = None,
    since: Annotated[
        datetime | None, typer.Option("--from", formats=DAYS, help="First day, UTC.")
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option("--to", formats=DAYS, help="First day after the span, UTC."),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--folder", help="Output folder; default: data/exports/FORMAT.")
    ] = None,
    template: Annotated[
        Path | None, typer.Option("--template", help="The tool's own template, as CSV (koinx).")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write files for tax tools and plain-text accounting. Without FORMAT: list the formats.

    A notice is written beside each file that is not complete.
    """
    from flows.cli.exported import show_exported, show_formats
    from flows.exports import export as exports
    from flows.reports import answers

    if not form:
        rows = [{"format": name, "title": title} for name, title in exports.titles().items()]
        if as_json:
            typer.echo(answers.to_json(rows))
        else:
            show_formats(rows)
        return
    place = home()
    name = form.lower()
    exports.require_format(name, template)
    span = exports.Span.of_days(since, until)
    with answers.published(place) as warehouse:
        done = exports.export(
            warehouse, name, folder or place.data / "exports" / name, account or (), span, template
        )
    if as_json:
        typer.echo(answers.to_json([vars(each) for each in done]))
    else:
        show_exported(done, exports.notes_of(name))


@app.command()
def certificate(
    label: Annotated[str, typer.Argument(metavar="LABEL", help="Label of the account.")],
    to: Folder = None,
    as_json: AsJson = False,
) -> None:
    """Write the certificate of an account. It has coverage, balance checks and gaps."""
    from flows.reports import answers
    from flows.reports.certificate import certify
    from flows.reports.dossier import canonical

    place = home()
    with answers.published(place) as warehouse:
        written = certify(warehouse, label, to or place.data / "documents")
    if as_json:
        typer.echo(canonical(written.document), nl=False)
    else:
        print(f"{written.document['verdict']}: {written.page}\n{written.html}\n{written.data}")


@app.command()
def evacuate(
    label: Annotated[str, typer.Argument(metavar="LABEL", help="Label of the account.")],
    to: Folder = None,
) -> None:
    """Save an account before its exchange closes. Writes an inventory of saved and missing data."""
    from flows.cli import show
    from flows.cli.run import run_sync
    from flows.cli.syncing import show_result
    from flows.reports import answers
    from flows.reports.evacuation import take_inventory
    from flows.runtime.outcome import SyncFailed

    place = home()
    failed: SyncFailed | None = None
    try:
        with show.progress():
            summary = run_sync([label], full=True)
    except SyncFailed as error:
        failed, summary = error, error.summary
    show_result(summary)
    with answers.published(place) as warehouse:
        written = take_inventory(warehouse, label, to or place.data / "documents")
    print(visible(written.page.read_text(encoding="utf-8")))
    print(f"{written.page}\n{written.html}\n{written.data}")
    if failed:
        raise failed


app.add_typer(account_commands.accounts_app, name="accounts", invoke_without_command=True)


@app.command()
def backup(
    to: Annotated[
        Path | None, typer.Option("--to", help="Output file; default: a new file in data/backups.")
    ] = None,
) -> None:
    """Copy the warehouse to a backup file."""
    from flows.build.backup import back_up
    from flows.runtime import lock

    place = home()
    with lock.run_lock(place, "backup"):
        print(back_up(place, to))


@app.command()
def restore(
    file: Annotated[
        Path | None, typer.Argument(help="A backup file; default: the published file.")
    ] = None,
) -> None:
    """Replace the warehouse by a backup. Keeps the old one. Default: the published file."""
    from flows.build import backup as backups
    from flows.runtime import lock

    place = home()
    with lock.run_lock(place, "restore", may_be_damaged=True):
        kept = backups.restore(place, file)
    print(f"{place.warehouse} restored from {file or place.published}; run `lookback sync` next")
    if kept:
        print(f"previous warehouse: {kept}")


@app.command()
def docs() -> None:
    """Write the documentation of all models. It is one page; the command prints its path."""
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


def answer(
    name: str, as_json: bool, choice: answers.Choice | None = None, **options: Any
) -> None:
    """Print the rows of one query of the published warehouse, as JSON or as a table."""
    from flows.reports import answers

    with answers.published(home()) as warehouse:
        print_rows(warehouse, name, as_json, choice, **options)


def print_rows(
    warehouse: Connection,
    name: str,
    as_json: bool,
    choice: answers.Choice | None = None,
    shown: str = "",
    **options: Any,
) -> None:
    """Print the chosen rows of one query, as JSON or as the table `shown` (default: its name)."""
    from flows.cli import show
    from flows.reports import answers

    query: Callable[..., list[answers.Row]] = getattr(answers, name)
    rows = (choice or answers.Choice()).of(warehouse, query(warehouse, **options))
    if as_json:
        typer.echo(answers.to_json(rows))
    else:
        getattr(show, shown or name)(rows)


def print_findings(
    warehouse: Connection, as_json: bool, everything: bool, choice: answers.Choice
) -> None:
    """Print the findings and, below the table, what is settled and what dismisses nothing."""
    from flows.cli import show
    from flows.reports import answers

    print_rows(warehouse, "findings", as_json, choice, everything=everything)
    if not as_json:
        settled = {} if everything else answers.settled(warehouse)
        show.footnotes(settled, answers.stray_dismissals(warehouse))


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit. An error is printed as one message on stderr.

    With `--json`, stdout also gets the error, as `{"error": {...}}`. LOOKBACK_DEBUG=1 shows
    tracebacks.
    """
    given = sys.argv[1:] if arguments is None else arguments
    write_anywhere()
    warn_of_open_secrets(given)
    try:
        app(args=given, prog_name="lookback")
    except KeyboardInterrupt:
        print("interrupted; the next sync resumes from here", file=sys.stderr)
        sys.exit(130)
    except Exception as error:
        if os.environ.get("LOOKBACK_DEBUG"):
            raise
        print_error(error, as_json="--json" in given)
        sys.exit(1)


def warn_of_open_secrets(given: list[str]) -> None:
    """Print a warning if other users can read the keys; `--help` stays free of side effects."""
    if given and not {"-h", "--help"} & set(given):
        from pipelines.config.places import open_secrets

        if problem := open_secrets(home().settings):
            print(visible(str(problem)), file=sys.stderr)


def print_error(error: Exception, *, as_json: bool) -> None:
    """Print the error as text on stderr and, with `as_json`, as JSON on stdout."""
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
    """Convert an unexpected exception to a LookbackError."""
    first_line = next(iter(str(error).splitlines()), "")
    return LookbackError(
        f"{type(error).__name__}: {first_line}".rstrip(": "),
        remedy="set LOOKBACK_DEBUG=1 to see the traceback",
    )


if __name__ == "__main__":
    main()
