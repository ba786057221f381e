"""The table of accounts: what is declared, and what is known from the last sync."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import Console
from rich.text import Text

from flows.cli.show import BAD, WHOLE, Notes
from flows.cli.terminal import console, table
from flows.reports import answers
from flows.reports.answers import Row
from flows.reports.words import STATUS, day
from pipelines.config.accounts import accounts_to_sync, readable_accounts
from pipelines.home import Home

NOT_SYNCED = "not synced yet"


def rows(place: Home) -> list[Row]:
    """One row per declared or known account. Raises LookbackError if there is none."""
    known: list[Row] = []
    if place.published.exists():
        with answers.published(place) as warehouse:
            known = answers.accounts(warehouse)
    else:
        accounts_to_sync()  # raises if nothing is declared either
    accounts, wrong = readable_accounts()
    declared = {account.label.lower() for account in accounts} | {
        error.account.lower() for error in wrong
    }
    met = {str(row["label"]).lower() for row in known}
    for account in accounts:
        if account.label.lower() not in met:
            known.append(
                _blank(account.label, account.exchange, f"{NOT_SYNCED}: lookback sync", account.uid)
            )
    known += [
        _blank(error.account, "", error.sentences)
        for error in wrong
        if error.account.lower() not in met
    ]
    now = datetime.now(UTC)
    for row in known:
        created, expires = row["key_created_at"], row["key_expires_at"]
        row["is_declared"] = str(row["label"]).lower() in declared
        row["key_age_days"] = (now - created).days if created else None
        row["key_expires_in_days"] = (expires - now).days if expires else None
    return sorted(known, key=lambda row: str(row["label"]))


def _blank(label: str, exchange: str, reason: str, uid: str = "") -> Row:
    """The row of an account that was never synced."""
    empty = (
        "parent_uid", "kind", "opened_at", "can_trade", "can_withdraw", "key_fingerprint",
        "key_created_at", "key_expires_at", "checked_at", "retired_at", "next_loss_at",
        "sync_before", "last_asked_at",
    )  # fmt: skip
    return {
        "label": label, "exchange": exchange or None,
        "account_id": f"{exchange}:{uid}" if uid else None,
        "uid": uid or None, "light": "yellow", "reason": reason, "permissions": [],
        "ip_allow_list": [], **dict.fromkeys(empty),
    }  # fmt: skip


def show_accounts(found: Sequence[Row], out: Console | None = None) -> None:
    """One line per account; below, the reason of each status once."""
    out = out or console()
    names = ("label", "exchange", "uid, kind", "key", "last sync", "next loss", "status", "why")
    listing = table(*names, whole=(*WHOLE, "last sync"))
    reasons = Notes()
    for row in found:
        kind = str(row["kind"] or "").replace("_", " ")
        listing.add_row(
            row["label"],
            row["exchange"] or "–",
            "\n".join(part for part in (row["uid"] or "–", kind) if part),
            key_words(row),
            day(row["last_asked_at"]),
            day(row["next_loss_at"]),
            Text(STATUS[row["light"]], style=row["light"]),
            reasons.mark(row["reason"]),
        )
    out.print(listing)
    reasons.print(out)


def key_words(row: Row) -> Text:
    """What the key can do, its age and its expiry, one a line."""
    powers = [power for power in ("trade", "withdraw") if row[f"can_{power}"]]
    if powers:
        lines = [f"can {', '.join(powers)}"]
    elif row["can_trade"] is False and row["can_withdraw"] is False:
        lines = ["reads only"]
    else:
        lines = ["not stated"] if row["checked_at"] else ["–"]
    if row["key_age_days"] is not None:
        lines.append(f"{row['key_age_days']:,} days old")
    if row["key_expires_in_days"] is not None:
        expires = f"expires {day(row['key_expires_at'])}"
        lines.append(expires if row["key_expires_in_days"] >= 0 else "expired")
    return Text("\n".join(lines), style=BAD if powers else "")
