"""Rename an account, replace its key, or remove its key."""

from __future__ import annotations

import os
import sys
from dataclasses import replace

import typer

from flows.build import dbt
from flows.cli import connecting
from flows.cli.check_words import show_check
from flows.runtime import lock
from pipelines import registry
from pipelines.account import Account, Credentials
from pipelines.config.accounts import (
    SETTINGS,
    configured_accounts,
    declared_accounts,
    require_label,
)
from pipelines.config.edit import accounts_in, remove_account, rename_account, settings_lock
from pipelines.connect.check import AccountCheck, require_streams
from pipelines.connect.fields import entered
from pipelines.errors import LookbackError
from pipelines.extract.identity import hashed_uid
from pipelines.extract.progress import known_account
from pipelines.home import Home


def require_in_files(label: str, place: Home) -> None:
    """Raises LookbackError if no file declares the account."""
    if any(label.lower() in accounts_in(place.settings / name) for name in SETTINGS):
        return
    declared = {name.lower() for name in declared_accounts()}
    if label.lower() in declared:
        raise LookbackError(
            "the account is declared by environment variables",
            account=label,
            remedy=f"change the variables ACCOUNTS__{label.upper()}__… where they are set",
        )
    raise LookbackError(
        "no account has this label", account=label, remedy="`lookback accounts` lists the labels"
    )


def rename(label: str, new: str, place: Home) -> None:
    """Give an account another label, in the settings and in the warehouse."""
    require_label(new)
    require_in_files(label, place)
    if new.lower() != label.lower() and new.lower() in {name.lower() for name in stored(place)}:
        raise LookbackError(
            f"the label {new} is taken", account=label, remedy="choose another label"
        )
    with lock.run_lock(place, "rename"), settings_lock(place):
        for name in SETTINGS:
            rename_account(place.settings / name, label, new)
        relabel(place, label, new)


def stored(place: Home) -> set[str]:
    """Every label that is declared, or has history."""
    labels = set(declared_accounts())
    if place.warehouse.exists():
        import duckdb

        with duckdb.connect(str(place.warehouse), read_only=True) as connection:
            for schema, table in label_tables(connection):
                found = connection.execute(f"select distinct label from {schema}.{table}")
                labels |= {label for (label,) in found.fetchall() if label}
    return labels


def label_tables(connection: object) -> list[tuple[str, str]]:
    """The raw tables with labels, as (schema, table)."""
    found = connection.execute(  # type: ignore[attr-defined]
        "select schema_name, table_name from duckdb_columns() where column_name = 'label' "
        "and starts_with(schema_name, 'raw_') and not ends_with(schema_name, '_staging')"
    )
    return [(str(schema), str(table)) for schema, table in found.fetchall()]


def relabel(place: Home, label: str, new: str) -> None:
    """Change the label in the raw tables; the next build rebuilds all models."""
    if not place.warehouse.exists():
        return
    import duckdb

    with duckdb.connect(str(place.warehouse)) as connection:
        for schema, table in label_tables(connection):
            connection.execute(
                f"update {schema}.{table} set label = ? where lower(label) = lower(?)",
                [new.lower() if schema == "raw_user" else new, label],
            )
    dbt.forget_build(place)


def rotate(label: str, place: Home, *, from_stdin: bool, accepts: bool, is_same: bool) -> None:
    """Check a new key of the same account, and store it instead of the old one."""
    require_in_files(label, place)
    account = declared_account(label, place)
    spec = registry.exchange(account.exchange).spec
    known = known_account(place.warehouse, spec, label)
    uid = account.uid or (known.account_id.partition(":")[2] if known else hashed_uid(account))
    given = connecting.key_from_stdin(spec) if from_stdin else key_from_environment(account)
    given.pop("base_url", None)
    key = entered(spec, label, given or connecting.key_from_keyboard(spec))
    for text in key.notes:
        print(text, file=sys.stderr)
    fresh = replace(account, credentials=Credentials(key.fields), uid="", accepted_rights=())
    check = connecting.checked(fresh, place)
    show_check(check)
    if check.is_named and not known and not account.uid:
        uid = check.identity.uid  # nothing is stored yet that could be of another account
    require_same(check, uid, is_same=is_same)
    connecting.refuse_powers(check, accepts=accepts)
    require_streams(check)
    named = replace(check.identity, uid=uid)
    connecting.store(replace(check, identity=named), place, keeps_settings=True)


def key_from_environment(account: Account) -> dict[str, str]:
    """The new key in `LOOKBACK_<FIELD>`; empty if none is set."""
    spec = registry.exchange(account.exchange).spec
    names = (*spec.credential_fields, *spec.credential_aliases)
    variables = {name: f"LOOKBACK_{name}".upper() for name in names}
    return {name: os.environ[each] for name, each in variables.items() if each in os.environ}


def declared_account(label: str, place: Home) -> Account:
    """The account of a label. Raises LookbackError if its settings are wrong or its key is gone."""
    return configured_accounts([label])[0]


def require_same(check: AccountCheck, uid: str, *, is_same: bool) -> None:
    """Raises LookbackError unless the new key is of the account `uid`."""
    if uid == check.identity.uid:
        return
    label, own = check.account.label, f"{check.spec.name}:{uid}"
    is_other = check.is_named and not uid.startswith("key-")
    if is_other or check.same_records_as not in ("", own):
        other = check.account_id if is_other else check.same_records_as
        raise LookbackError(
            f"this key belongs to {other}, but {label} is {own}",
            account=label,
            stream="identity",
            remedy="the old key is kept; use a key of the same account, or `lookback connect` for "
            "another account",
        )
    if not check.same_records_as and not is_same:
        raise LookbackError(
            f"{check.spec.title} does not name the account of this key, and no stored record "
            "shows whose it is",
            account=label,
            stream="identity",
            remedy="the old key is kept; if you are sure that both keys are of one account, add "
            "--same-account",
        )


def disconnect(label: str, place: Home) -> None:
    """Remove the account from both files."""
    require_in_files(label, place)
    with settings_lock(place):
        for name in SETTINGS:
            remove_account(place.settings / name, label)
    if label.lower() in {name.lower() for name in declared_accounts()}:
        raise LookbackError(
            "the key is removed from the files, but environment variables still declare it",
            account=label,
            remedy=f"unset ACCOUNTS__{label.upper()}__…",
        )


def confirm_by_label(label: str, account_id: str) -> None:
    """Ask for the label. Raises LookbackError if another text is entered."""
    question = f"This deletes the whole history of {account_id}. Enter {label} to confirm"
    if sys.stdin is None or typer.prompt(question, default="", show_default=False) != label:
        raise LookbackError("nothing was deleted", account=label, remedy=f"enter {label}, or --yes")
