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
