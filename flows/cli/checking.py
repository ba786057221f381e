"""Check accounts that are connected."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from flows.cli.check_words import as_row, show_check
from flows.cli.connecting import CONFIG
from flows.cli.safe_text import visible
from flows.cli.terminal import console
from flows.runtime.outcome import as_failure
from pipelines.account import Account
from pipelines.config.accounts import accounts_to_sync
from pipelines.config.edit import set_fields, settings_lock
from pipelines.connect.check import AccountCheck, check_account, require_new_account
from pipelines.errors import LookbackError
from pipelines.home import Home

PARALLEL = 4


@dataclass(frozen=True)
class Result:
    """The check of one account, or why there is none."""

    label: str
    check: AccountCheck | None = None
    error: LookbackError | None = None

    @property
    def row(self) -> dict[str, Any]:
        """The result as plain values, for JSON."""
        row: dict[str, Any] = {"label": self.label, "is_ok": False, "streams": []}
        if self.check is not None:
            row |= as_row(self.check)
        if self.error is not None:
            names = ("what", "stream", "remedy")
            row |= {"is_ok": False, "error": {name: getattr(self.error, name) for name in names}}
        return row


def check_accounts(labels: Sequence[str], place: Home, *, accepts: bool) -> list[Result]:
    """Check those accounts, or all; `accepts` records that their keys may have their rights.

    Raises LookbackError if a label or no account at all is declared.
    """
    accounts, wrong = accounts_to_sync(labels)
    with ThreadPoolExecutor(max_workers=PARALLEL) as pool:
        results = list(pool.map(lambda account: _result(account, place), accounts))
    if accepts:
        results = [_accepted(result, place) for result in results]
    return [*results, *(Result(error.account, error=error) for error in wrong)]


def _result(account: Account, place: Home) -> Result:
    check = None
    try:
        check = check_account(account, place)
        require_new_account(check, place)
    except Exception as error:
        failure = as_failure(error, account.label)
        failure.what = account.credentials.hide_in(failure.what)
        return Result(account.label, check, failure)
    return Result(account.label, check)


def _accepted(result: Result, place: Home) -> Result:
    """Record the rights of the key as accepted."""
    check = result.check
    if check is None or not check.rights.grants:
        return result
    rights = list(check.rights.grants)
    with settings_lock(place):
        set_fields(place.settings / CONFIG, check.account.label, {"accepted_rights": rights})
    account = replace(check.account, accepted_rights=tuple(rights))
    return replace(result, check=replace(check, account=account))


def show_checks(results: Sequence[Result]) -> None:
    """Print each account, then the errors."""
    out = console()
    for number, result in enumerate(results):
        if number:
            out.print()
        out.print(f"{result.label}: ", end="")
        if result.check is not None:
            show_check(result.check)
        if result.error is not None:
            if result.check is None:
                out.print("it could not be checked")
            print(visible(str(result.error)), file=sys.stderr)
