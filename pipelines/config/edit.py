"""Change one account in a TOML file of settings; comments and all other text are kept.

Files are replaced atomically and only their owner can read them (mode 600).
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tomlkit
from filelock import FileLock
from tomlkit.exceptions import TOMLKitError

from pipelines.config.places import read_toml
from pipelines.errors import LookbackError
from pipelines.home import Home

PRIVATE = 0o600
BY_HAND = "change the file by hand, or write each account as a table [accounts.LABEL]"

Value = str | bool | float | list[str]
Accounts = MutableMapping[str, Any]


@contextmanager
def settings_lock(home: Home) -> Iterator[None]:
    """Hold the lock of the settings, so that two commands do not overwrite each other's changes."""
    home.settings.mkdir(mode=0o700, parents=True, exist_ok=True)
    with FileLock(home.data / ".settings_lock", mode=PRIVATE):
        yield


def set_fields(file: Path, label: str, fields: Mapping[str, Value | None]) -> None:
    """Set fields of `[accounts.<label>]`; a field that is None is removed.

    The account is added if it is new. Labels are compared without case. Raises LookbackError if
    the file cannot be read or written.
    """

    def change(accounts: Accounts) -> None:
        name = _name_in(accounts, label)
        table = accounts.get(name) if name else None
        if table is None:
            table = accounts[label] = tomlkit.table()
        for field, value in fields.items():
            for known in [known for known in table if known.lower() == field and value is None]:
                del table[known]
            if value is not None:
                table[field] = value

    _edit(file, change)


def remove_account(file: Path, label: str) -> bool:
    """Remove `[accounts.<label>]` with its fields, and return whether the file had it."""
    return _change_existing(file, label, lambda accounts, name: accounts.pop(name))


def rename_account(file: Path, label: str, new: str) -> bool:
    """Rename `[accounts.<label>]`, and return whether the file had it. Its place can change."""

    def rename(accounts: Accounts, name: str) -> None:
        table = accounts.pop(name)
        accounts[new] = table

    return _change_existing(file, label, rename)


def accounts_in(file: Path) -> dict[str, dict[str, Any]]:
    """The accounts of a file by label, in lower case."""
    accounts = read_toml(file).get("accounts", {})
    return {label.lower(): dict(fields) for label, fields in accounts.items()}


def _change_existing(file: Path, label: str, change: Callable[[Accounts, str], Any]) -> bool:
    if label.lower() not in accounts_in(file):
        return False

    def apply(accounts: Accounts) -> None:
        change(accounts, _name_in(accounts, label) or label)

    _edit(file, apply)
    return True


def _name_in(accounts: Mapping[str, Any], label: str) -> str | None:
    return next((name for name in accounts if name.lower() == label.lower()), None)


def _edit(file: Path, change: Callable[[Accounts], None]) -> None:
    """Apply the change, and write the file only if it then says exactly what was meant."""
    before = read_toml(file)
    meant: dict[str, Any] = {**before, "accounts": {**before.get("accounts", {})}}
    for name, fields in meant["accounts"].items():
        meant["accounts"][name] = dict(fields)
    change(meant["accounts"])
    text = file.read_text(encoding="utf-8-sig") if file.is_file() else ""
    try:
        document = tomlkit.parse(text)
        if "accounts" not in document:
            document["accounts"] = tomlkit.table(is_super_table=True)
        accounts: Any = document["accounts"]
        change(accounts)
        if not accounts:
            del document["accounts"]
            meant.pop("accounts")
        written = tomlkit.dumps(document)
        if tomllib.loads(written) != _plain(meant):
            raise ValueError("the result would differ from the change")
    except (TOMLKitError, ValueError, KeyError, AttributeError) as error:
        raise LookbackError(f"{file} could not be changed safely", remedy=BY_HAND) from error
    write_private(file, written)


def _plain(value: Any) -> Any:
    """The value without tomlkit's own types."""
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.unwrap() if hasattr(value, "unwrap") else value


def write_private(file: Path, text: str) -> None:
    """Replace the file atomically by one that only its owner can read. A link is followed.

    Raises LookbackError if it cannot be written.
    """
    target = file.resolve()
    copy = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        copy.unlink(missing_ok=True)
        descriptor = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as writer:
            writer.write(text)
            writer.flush()
            os.fsync(writer.fileno())
        copy.replace(target)
    except OSError as error:
        copy.unlink(missing_ok=True)
        raise LookbackError(
            f"{file} cannot be written: {error.strerror or error}",
            remedy="check the owner of its folder and the free disk space",
        ) from error
