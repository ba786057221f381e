"""Read the user's accounts from `.dlt/config.toml`, `.dlt/secrets.toml` and the environment.

[accounts.main]            # config.toml: `main` is the label, chosen by the user
exchange = "acmex"
opened_at = 2021-03-01     # optional, if the exchange does not state it
base_url = "https://..."   # optional: a sandbox or a proxy
allow_plain_http = true    # optional: send the key unencrypted to a base_url of http://
pace = 1.0                 # optional: a factor on the documented rate limits
uid = "..."                # optional: the account, checked against the exchange's answer
accepted_rights = ["..."]  # optional: rights beyond reading that this key may have

[accounts.main]            # secrets.toml, or ACCOUNTS__MAIN__SECRET and so on
key = "..."
secret = "..."
passphrase = "..."
"""

from __future__ import annotations

import difflib
import math
import os
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pipelines import registry
from pipelines.account import Account, Credentials
from pipelines.config.places import place_of, read_toml
from pipelines.errors import LookbackError, one_line
from pipelines.home import home
from pipelines.spec import ExchangeSpec

LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")

SERVER = re.compile(r"[\w.~:/\[\]-]+", re.ASCII)
"""The characters of a base URL: no user name, parameters or what libraries read differently."""

FIELDS = (
    "exchange", "opened_at", "base_url", "allow_plain_http", "pace", "uid", "accepted_rights",
)  # fmt: skip
"""The fields of an account in addition to its key."""

SETTINGS = ("secrets.toml", "config.toml")
"""The files, in the order of precedence; the environment overrides both."""


def declared_accounts() -> dict[str, str]:
    """The exchange of every declared label as written, without validation."""
    return {entry["label"]: str(entry.get("exchange", "")).lower() for entry in _entries()}


def readable_accounts(labels: Iterable[str] = ()) -> tuple[list[Account], list[LookbackError]]:
    """The valid accounts of those labels, or all, and the errors of invalid declarations.

    An invalid declaration does not affect other accounts. Raises LookbackError if a label is not
    declared.
    """
    known = {entry["label"].lower() for entry in _entries()}
    accounts: list[Account] = []
    wrong: list[LookbackError] = []
    for label in [label.lower() for label in labels] or sorted(known):
        try:
            accounts += configured_accounts([label])
        except LookbackError as error:
            if label not in known:
                raise
            wrong.append(error)
    return accounts, wrong


def accounts_to_sync(labels: Iterable[str] = ()) -> tuple[list[Account], list[LookbackError]]:
    """Like `readable_accounts`. Raises LookbackError if no account is declared."""
    accounts, wrong = readable_accounts(labels)
    if not accounts and not wrong:
        raise LookbackError(
            "no account is declared yet",
            remedy="connect one with `lookback connect EXCHANGE`, declare one in "
            f"{home().settings / 'config.toml'}, or try `lookback demo`",
        )
    return accounts, wrong


def configured_accounts(labels: Iterable[str] = ()) -> list[Account]:
    """The accounts of those labels, or all. Labels are compared without case.

    Raises LookbackError if a label or an exchange is unknown, or a key field is missing.
    """
    found = {entry["label"].lower(): entry for entry in _entries()}
    wanted = [label.lower() for label in labels] or sorted(found)
    for label in wanted:
        if label not in found:
            known = ", ".join(sorted(found)) or "none yet"
            raise LookbackError(
                "no account has this label",
                account=label,
                remedy=f"known labels: {known}; accounts are declared in .dlt/config.toml",
            )
    return [account_of(found[label]) for label in dict.fromkeys(wanted)]


def _entries() -> list[dict[str, Any]]:
    """Every `[accounts.<label>]` of secrets, config and environment, merged field by field."""
    merged: dict[str, dict[str, Any]] = {}
    for name in SETTINGS:
        for label, fields in _tables(home().settings / name).items():
            entry = merged.setdefault(label.lower(), {"label": label})
            for field, value in fields.items():
                entry.setdefault(field.lower(), value)
    _overlay_environment(merged)
    return list(merged.values())


def _tables(file: Path) -> Mapping[str, Mapping[str, Any]]:
    """The `[accounts.<label>]` of a file. Raises LookbackError where one is written otherwise."""
    content = read_toml(file)
    accounts = content.get("accounts", {})
    slips = difflib.get_close_matches("accounts", content.keys() - {"accounts"}, cutoff=0.8)
    if isinstance(accounts, Mapping):
        slips += [
            f"accounts.{name}" for name in accounts if not isinstance(accounts[name], Mapping)
        ]
    if slips or not isinstance(accounts, Mapping):
        raise LookbackError(
            f"{file}: {one_line(slips[0]) if slips else 'accounts'} is not an account",
            remedy="begin each account with a line [accounts.LABEL]",
        )
    return accounts


def _overlay_environment(merged: dict[str, dict[str, Any]]) -> None:
    """Apply `ACCOUNTS__<LABEL>__<FIELD>`: the environment overrides files and can declare accounts.

    A variable's name cannot have a dash, so `MY_LABEL` also stands for `my-label`.
    """
    for variable, value in os.environ.items():
        parts = variable.split("__")
        if len(parts) != 3 or parts[0].upper() != "ACCOUNTS":
            continue
        label = parts[1].lower()
        dashed = label.replace("_", "-")
        key = dashed if label not in merged and dashed in merged else label
        merged.setdefault(key, {"label": key})[parts[2].lower()] = value


def require_label(label: str) -> None:
    """Raises LookbackError if no account can have this label."""
    if not LABEL.fullmatch(label):
        raise LookbackError(
            "a label is up to 40 letters, digits, dashes and underscores", account=one_line(label)
        )


def account_of(entry: Mapping[str, Any]) -> Account:
    """The account of a label with these fields, the names in lower case. Raises LookbackError."""
    label = entry["label"]
    require_label(label)
    name = str(entry.get("exchange", "")).lower()
    if name not in registry.names():
        raise LookbackError(
            f"{_where(label, 'exchange')}no such exchange: {name or '(none given)'}",
            account=label,
            remedy=f"set exchange to one of: {', '.join(registry.names())}"
            + "".join(
                f"; the nearest is {near}"
                for near in difflib.get_close_matches(name, registry.names(), n=1)
            ),
        )
    spec = registry.exchange(name).spec
    _require_known_fields(label, spec, entry)
    return Account(
        label=label,
        exchange=name,
        credentials=_credentials(label, spec, entry),
        base_url=_base_url(label, spec, entry),
        opened_at=_moment(label, entry.get("opened_at")),
        pace=_pace(label, entry.get("pace")),
        uid=str(entry.get("uid", "")),
        accepted_rights=_words(entry.get("accepted_rights")),
    )


def _where(label: str, field: str) -> str:
    """`FILE, line 3, column 1: ` of a field; '' if it comes from the environment."""
    if os.environ.get(f"ACCOUNTS__{label}__{field}".upper()):
        return ""
    places = (place_of(home().settings / file, label, field) for file in SETTINGS)
    return next((f"{place}: " for place in places if place), "")


def _base_url(label: str, spec: ExchangeSpec, entry: Mapping[str, Any]) -> str:
    """The base URL of the account. Plain HTTP is only allowed to this machine, unless permitted."""
    url = str(entry.get("base_url") or spec.base_url).rstrip("/")
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        host = ""
    is_server = host and parts.scheme in ("http", "https") and SERVER.fullmatch(url)
    if not is_server:
        raise LookbackError(
            f"{_where(label, 'base_url')}base_url is not the URL of a server",
            account=label,
            remedy="write it as https://host, without user name and parameters, or remove it",
        )
    is_allowed = str(entry.get("allow_plain_http", "")).lower() in ("true", "1", "yes")
    if parts.scheme == "http" and not is_allowed and not _is_this_machine(host):
        raise LookbackError(
            f"{_where(label, 'base_url')}base_url is plain http:// to {host}: the key would be "
            "sent unencrypted",
            account=label,
            remedy="use https://, or set allow_plain_http = true in a network that you trust",
        )
    return url


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _require_known_fields(label: str, spec: ExchangeSpec, entry: Mapping[str, Any]) -> None:
    """Raises LookbackError with the name of an unknown field, without its value."""
    known = [*FIELDS, *spec.credential_fields, *spec.credential_aliases]
    for name in entry:
        if name == "label" or name in known:
            continue
        near = difflib.get_close_matches(name, known, n=1)
        raise LookbackError(
            f"{_where(label, name)}an account at {spec.title} has no field {name[:40]!r}",
            account=label,
            remedy=f"write {near[0]!r}" if near else f"the fields are: {', '.join(known)}",
        )


def _credentials(label: str, spec: ExchangeSpec, entry: Mapping[str, Any]) -> Credentials:
    known_as = {alias: name for alias, name in spec.credential_aliases.items() if entry.get(alias)}
    values = {**{name: entry[alias] for alias, name in known_as.items()}, **entry}
    fields = {name: str(values.get(name) or "").strip() for name in spec.credential_fields}
    missing = [
        name
        for name, value in fields.items()
        if not value and name not in spec.optional_credentials
    ]
    if missing:
        variable = f"ACCOUNTS__{label.upper()}__{missing[0].upper()}"
        raise LookbackError(
            f"{' and '.join(missing)} missing",
            account=label,
            remedy=f"run `lookback rotate {label}`, put it under [accounts.{label}] in "
            f".dlt/secrets.toml, or into {variable}",
        )
    return Credentials(fields)


def _moment(label: str, value: Any) -> datetime | None:
    """A date or time from TOML or text; without a time zone it is UTC."""
    if value in (None, ""):
        return None
    try:
        if isinstance(value, date) and not isinstance(value, datetime):
            value = value.isoformat()
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError as error:
        raise LookbackError(
            f"{_where(label, 'opened_at')}opened_at is not a date: {value!r}",
            account=label,
            remedy="write it as 2021-03-01",
        ) from error
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    if moment > datetime.now(UTC):
        raise LookbackError(
            f"{_where(label, 'opened_at')}opened_at is in the future: {value}",
            account=label,
            remedy="write the day on which the account was opened, or remove it",
        )
    return moment


def _words(value: Any) -> tuple[str, ...]:
    """Words from a list, or from a text with commas."""
    items = value.split(",") if isinstance(value, str) else value or ()
    return tuple(str(item).strip() for item in items if str(item).strip())


def _pace(label: str, value: Any) -> float:
    if value in (None, ""):
        return 1.0
    try:
        pace = float(value)
    except (TypeError, ValueError):
        pace = 0.0
    if not 0 < pace < math.inf:
        raise LookbackError(
            f"{_where(label, 'pace')}pace is not a positive number: {value!r}",
            account=label,
            remedy="remove it to use the documented limits",
        )
    return pace
