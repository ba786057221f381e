"""Connect an account: take the key, check it against the exchange, and store it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import typer

from flows.cli.check_words import show_check
from flows.cli.guide import listed
from flows.cli.terminal import console
from pipelines import registry
from pipelines.account import Account
from pipelines.config.accounts import SETTINGS, account_of, declared_accounts, require_label
from pipelines.config.edit import accounts_in, set_fields, settings_lock
from pipelines.connect.check import (
    AccountCheck,
    check_account,
    require_new_account,
    require_reading_only,
    require_streams,
)
from pipelines.connect.fields import entered
from pipelines.connect.probe import OnStream
from pipelines.errors import LookbackError, RequestError
from pipelines.extract.progress import labels_of_accounts
from pipelines.home import Home
from pipelines.spec import ExchangeSpec

SECRETS, CONFIG = SETTINGS
WRONG_KEY = ("wrong_key", "wrong_secret", "wrong_key_or_secret", "wrong_passphrase")


@dataclass(frozen=True)
class Wish:
    """What the user asked to connect."""

    exchange: str
    label: str = ""
    base_url: str = ""
    uid: str = ""
    opened_at: str = ""
    accepts_trading: bool = False
    from_stdin: bool = False


def spec_of(exchange: str) -> ExchangeSpec:
    """The spec of an exchange. Raises LookbackError with the known names."""
    if exchange not in registry.names():
        raise LookbackError(
            f"no such exchange: {exchange}", remedy=f"use one of {', '.join(registry.names())}"
        )
    return registry.exchange(exchange).spec


def check_new(wish: Wish, place: Home) -> AccountCheck:
    """Take the key and check it, without storing it. Prints the result.

    Raises LookbackError if it cannot be connected.
    """
    spec = spec_of(wish.exchange)
    label = wish.label or free_label(spec.name)
    require_label(label)
    require_free(label, place)
    account = ask_account(spec, label, wish)
    check = checked(account, place)
    if not wish.label:
        check = with_stored_label(check, place)
    show_check(check)
    console().print()
    require_new_account(check, place)
    refuse_powers(check, accepts=wish.accepts_trading)
    require_streams(check)
    return check


def free_label(exchange: str) -> str:
    """The name of the exchange, with a number if that label is taken."""
    taken = {label.lower() for label in declared_accounts()}
    numbered = (f"{exchange}{number}" for number in range(2, len(taken) + 3))
    return next(label for label in (exchange, *numbered) if label not in taken)


def require_free(label: str, place: Home) -> None:
    """Raises LookbackError if a file declares an account of this label."""
    for name in SETTINGS:
        if label.lower() in accounts_in(place.settings / name):
            raise LookbackError(
                f"this label is taken (in {place.settings / name})",
                account=label,
                remedy=f"choose another --label; to change its key, run `lookback accounts rotate "
                f"{label}`",
            )


def with_stored_label(check: AccountCheck, place: Home) -> AccountCheck:
    """The check under the label that the account's stored history has, if it has one."""
    holder = labels_of_accounts(place.warehouse, check.spec).get(check.account_id, "")
    if not holder or holder.lower() in {label.lower() for label in declared_accounts()}:
        return check
    return replace(check, account=replace(check.account, label=holder))


def ask_account(spec: ExchangeSpec, label: str, wish: Wish) -> Account:
    """The account with its key, from stdin, the environment or the keyboard."""
    given = dict(key_from_stdin(spec) if wish.from_stdin else key_from_environment(spec, label))
    base_url = wish.base_url or given.pop("base_url", "")
    given.pop("base_url", None)
    if not given:
        given = key_from_keyboard(spec)
    key = entered(spec, label, given)
    for text in key.notes:
        print(text, file=sys.stderr)
    settings = {"base_url": base_url, "uid": wish.uid, "opened_at": wish.opened_at}
    return account_of(
        {"label": label, "exchange": spec.name, **key.fields}
        | {name: value for name, value in settings.items() if value}
    )


def key_from_stdin(spec: ExchangeSpec) -> dict[str, str]:
    """The fields of one JSON object; it may also name the exchange and `base_url`."""
    try:
        found = json.loads(sys.stdin.read().removeprefix("\ufeff"))
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(each, str) for each in found.values()):
        example = ", ".join(f'"{name}": "…"' for name in spec.credential_fields)
        raise LookbackError(
            "standard input is not one JSON object of texts", remedy=f"send {{{example}}}"
        )
    exchange = found.pop("exchange", spec.name).lower()
    if exchange != spec.name:
        raise LookbackError(f"this is a key of {exchange}, not of {spec.name}")
    return found


def key_from_environment(spec: ExchangeSpec, label: str) -> dict[str, str]:
    """The fields in `LOOKBACK_<FIELD>` or `ACCOUNTS__<LABEL>__<FIELD>`; empty if none is set."""
    prefixes = ("LOOKBACK_", f"ACCOUNTS__{label}__", f"ACCOUNTS__{label.replace('-', '_')}__")
    found: dict[str, str] = {}
    for name in (*spec.credential_fields, *spec.credential_aliases):
        variables = [f"{prefix}{name}".upper() for prefix in prefixes]
        value = next((os.environ[each] for each in variables if each in os.environ), None)
        if value is not None:
            found[name] = value
    return found


def key_from_keyboard(spec: ExchangeSpec) -> dict[str, str]:
    """Ask for each field without showing it; from a pipe, one field a line."""
    is_terminal = sys.stdin is not None and sys.stdin.isatty()
    found = {}
    for name in spec.credential_fields:
        is_optional = name in spec.optional_credentials
        if is_terminal:
            hint = " (empty if it has none)" if is_optional else ""
            found[name] = typer.prompt(
                f"{spec.title} {name}{hint}", hide_input=True, default="" if is_optional else None,
                show_default=False, err=True,
            )  # fmt: skip
        else:
            found[name] = sys.stdin.readline() if sys.stdin is not None else ""
            found[name] = found[name].removesuffix("\n")
    if not is_terminal and not any(found.values()):
        variables = ", ".join(f"LOOKBACK_{name.upper()}" for name in spec.credential_fields)
        raise LookbackError(
            "no key was given", remedy=f"run it in a terminal, set {variables}, or use --from-stdin"
        )
    return found


def checked(account: Account, place: Home) -> AccountCheck:
    """The check of a new key. Raises LookbackError whose remedy says what to enter again."""
    try:
        with stream_progress(account) as on_stream:
            return check_account(account, place, on_stream)
    except RequestError as problem:
        if problem.kind in WRONG_KEY:
            names = registry.exchange(account.exchange).spec.credential_fields
            problem.remedy = (
                f"copy {' and '.join(names)} again from the site, each into its own field; nothing "
                f"was stored. Steps and problems: `lookback guide {account.exchange}`"
            )
        raise


@contextmanager
def stream_progress(account: Account) -> Iterator[OnStream]:
    """One line that counts the checked streams; on a terminal, it is updated and removed."""
    err = console(stderr=True)
    opening = f"{account.label}: checking the key at {account.base_url}"
    if not err.is_terminal:
        print(opening, file=sys.stderr)
        yield lambda stream, done, total: None
        return
    with err.status(opening, spinner="line") as line:
        yield lambda stream, done, total: line.update(
            f"{account.label}: {done} of {total} streams, {stream}"
        )


def refuse_powers(check: AccountCheck, *, accepts: bool) -> None:
    """Raises LookbackError for a key that is not read-only, after the steps to make one."""
    try:
        require_reading_only(check, accepts=accepts)
    except LookbackError as problem:
        problem.account = check.account.label
        listed(console(), "Make a key that only reads", check.spec.guide.steps, numbered=True)
        raise


def store(check: AccountCheck, place: Home, *, keeps_settings: bool = False) -> None:
    """Write the key into `secrets.toml` and the settings into `config.toml`.

    `keeps_settings`: only the key, the uid and the accepted rights are written.
    """
    account, accepted = check.account, list(check.rights.grants)
    # A uid made from the key would hide that another key is of another account.
    uid = check.identity.uid if check.is_named else None
    settings: dict[str, Any] = {"uid": uid, "accepted_rights": accepted or None}
    if not keeps_settings:
        settings = {"exchange": check.spec.name, **settings}
        if account.base_url != check.spec.base_url:
            settings["base_url"] = account.base_url
        if account.opened_at is not None:
            settings["opened_at"] = account.opened_at.date().isoformat()
    with settings_lock(place):
        set_fields(place.settings / SECRETS, account.label, key_fields(account.credentials.fields))
        set_fields(place.settings / CONFIG, account.label, settings)


def key_fields(fields: Mapping[str, str]) -> dict[str, str | None]:
    """The fields to write; an empty one is removed from the file."""
    return {name: value or None for name, value in fields.items()}
