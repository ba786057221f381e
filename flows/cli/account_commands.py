"""The commands about accounts and their keys: connect, check, accounts."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from pipelines.errors import LookbackError
from pipelines.home import home

AcceptTrading = Annotated[
    bool,
    typer.Option(
        "--accept-trading-key",
        help="Accept a key that can trade, transfer or withdraw. Recorded in config.toml.",
    ),
]


def connect(
    exchange: Annotated[str, typer.Argument(help="Name of the exchange, in lower case.")],
    label: Annotated[
        str, typer.Option(show_default=False, help="Your name for the account; default: numbered.")
    ] = "",
    check: Annotated[
        bool, typer.Option("--check", help="Check the key and store nothing.")
    ] = False,
    from_stdin: Annotated[
        bool, typer.Option("--from-stdin", help="Read the key as one JSON object from stdin.")
    ] = False,
    accept_trading_key: AcceptTrading = False,
    base_url: Annotated[
        str, typer.Option(show_default=False, help="Address of a sandbox or a proxy.")
    ] = "",
    uid: Annotated[
        str,
        typer.Option(
            show_default=False, help="Account number, if the exchange does not state it for a key."
        ),
    ] = "",
    opened_at: Annotated[
        str,
        typer.Option(
            metavar="DATE", show_default=False, help="Opening date, if the exchange has none."
        ),
    ] = "",
    sync: Annotated[
        bool | None,
        typer.Option("--sync/--no-sync", show_default=False, help="Sync at once; default: ask."),
    ] = None,
) -> None:
    """Connect an account: enter its read-only key, which is checked and stored.

    The key is entered without being shown. For scripts: LOOKBACK_KEY, LOOKBACK_SECRET and the
    other fields as environment variables, or --from-stdin.
    """
    from flows.cli import connecting

    place = home()
    wish = connecting.Wish(
        exchange.lower(), label, base_url, uid, opened_at, accept_trading_key, from_stdin
    )
    found = connecting.check_new(wish, place)
    name = found.account.label
    if check:
        print(f"{name} can be connected; nothing was stored (--check)")
        return
    connecting.store(found, place)
    print(f"{name} is connected; its key is in .dlt/{connecting.SECRETS} (mode 600)")
    if sync is None and sys.stdin is not None and sys.stdin.isatty():
        sync = typer.confirm("Sync it now?", default=True, err=True)
    if not sync:
        print(f"next: lookback sync {name}")
        return
    from flows.cli.syncing import sync_and_show

    sync_and_show([name])


def check(
    labels: Annotated[
        list[str] | None, typer.Argument(metavar="[LABEL]...", help="Check only these accounts.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    accept_trading_key: AcceptTrading = False,
) -> None:
    """Check connected accounts: identity, rights, address, clock and each stream. Reads no history.

    The exit code is 1 if an account cannot be read, or if its key has rights beyond reading.
    """
    from flows.cli.checking import check_accounts, show_checks
    from flows.reports.answers import to_json

    if accept_trading_key and not labels:
        raise LookbackError("--accept-trading-key needs the labels of the accounts")
    results = check_accounts(labels or (), home(), accepts=accept_trading_key)
    if as_json:
        typer.echo(to_json([result.row for result in results]))
    else:
        show_checks(results)
    if not all(result.row["is_ok"] for result in results):
        raise typer.Exit(1)


def doctor(
    labels: Annotated[
        list[str] | None, typer.Argument(metavar="[LABEL]...", help="Examine only these accounts.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Examine versions, disk, files, locks, network, keys and streams, and say what to do.

    The exit code is 1 if something does not work.
    """
    from flows.cli import doctor as doctors
    from flows.reports.answers import to_json

    items = doctors.examine(labels or (), home())
    if as_json:
        typer.echo(to_json(doctors.as_rows(items)))
    else:
        doctors.show(items)
    if any(item.state == "error" for item in items):
        raise typer.Exit(1)


accounts_app = typer.Typer(
    help="List the accounts; rename, rotate, disconnect, forget or retire one.",
    rich_markup_mode=None,
)
Label = Annotated[str, typer.Argument(metavar="LABEL", help="Label of the account.")]


@accounts_app.callback()
def accounts(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """List the declared and known accounts: identity, key, last sync and next loss."""
    if context.invoked_subcommand is not None:
        return
    from flows.cli import account_list
    from flows.reports.answers import to_json

    rows = account_list.rows(home())
    if as_json:
        typer.echo(to_json(rows))
    else:
        account_list.show_accounts(rows)


@accounts_app.command()
def rename(
    label: Label, new: Annotated[str, typer.Argument(metavar="NEW", help="The new label.")]
) -> None:
    """Give an account another label. Its history is kept."""
    from flows.cli import account_changes

    account_changes.rename(label, new, home())
    print(f"{label} is now {new}; published answers show it after the next sync")


@accounts_app.command()
def rotate(
    label: Label,
    from_stdin: Annotated[
        bool, typer.Option("--from-stdin", help="Read the key as one JSON object from stdin.")
    ] = False,
    accept_trading_key: AcceptTrading = False,
    same_account: Annotated[
        bool,
        typer.Option(
            "--same-account",
            help="State that the key is of the same account, if the exchange names no account.",
        ),
    ] = False,
) -> None:
    """Replace the key of an account by a new one of the same account. Its history is kept."""
    from flows.cli import account_changes

    account_changes.rotate(
        label, home(), from_stdin=from_stdin, accepts=accept_trading_key, is_same=same_account
    )
    print(f"{label} has a new key; delete the old one on the exchange's site")


@accounts_app.command()
def disconnect(label: Label) -> None:
    """Remove the key and the settings of an account. Its history is kept."""
    from flows.cli import account_changes

    account_changes.disconnect(label, home())
    print(
        f"{label} is disconnected: its key is removed and its history is kept. Delete the key on "
        "the exchange's site. Its deadlines go on counting; to end its warnings: lookback accounts "
        f"retire {label}"
    )


@accounts_app.command()
def forget(
    label: Label,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
) -> None:
    """Delete the key and the whole history of an account, and prove that nothing is left."""
    from flows.cli import account_changes, forgetting, show

    place = home()
    account_id = forgetting.account_id_of(label, place)
    if not yes:
        account_changes.confirm_by_label(label, account_id)
    with show.progress():
        done = forgetting.forget(label, account_id, place)
    print(
        f"{label} ({account_id}) is forgotten: {done.deleted:,} rows deleted; {done.searched} "
        "tables searched, none has a row of it"
    )
    for copy in done.copies:
        print(f"still has it, delete it yourself: {copy}")


@accounts_app.command()
def retire(label: Label) -> None:
    """Stop warnings about an account that was removed from the settings; keeps its history."""
    from flows.cli import show
    from flows.cli.run import run_retire

    with show.progress():
        run_retire(label)
    print(f"{label} is retired: its history is kept, and its status shows no warnings")
