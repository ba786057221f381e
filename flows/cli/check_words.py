"""Print what a check of an account found: identity, key, clock, streams, and reachable history."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from rich.console import Console
from rich.text import Text

from flows.cli.guide import length, lifecycle_alerts
from flows.cli.show import BAD, GOOD, WARN, note
from flows.cli.terminal import console, table
from flows.reports.words import day, grouped
from flows.runtime.outcome import shortened
from pipelines.connect.check import AccountCheck
from pipelines.connect.probe import StreamCheck
from pipelines.errors import LookbackError

KEPT = {"unlimited": "no limit", "not_stated": "not stated"}
SHOWN_RIGHTS = 6


def show_check(check: AccountCheck, out: Console | None = None) -> None:
    """Print the result of one account, the answer first."""
    out = out or console()
    identity = check.identity
    parts = [f"{check.spec.title} account {identity.uid}", identity.kind.replace("_", " ")]
    if identity.parent_uid:
        parts.append(f"of {identity.parent_uid}")
    if check.opened_at:
        parts.append(f"opened {day(check.opened_at)}")
    out.print(Text(", ".join(part for part in parts if part), style="bold"))
    out.print()
    for name, text, look in facts(check):
        grid = table("", "")
        grid.show_header, grid.box = False, None
        grid.columns[0].width = 9
        grid.add_row(name, Text(text, style=look))
        out.print(grid)
    show_reach(check, out)
    show_silent(check.streams, out)
    for alert in lifecycle_alerts(check.spec):
        note(out, "!", alert)


def facts(check: AccountCheck) -> Iterable[tuple[str, str, str]]:
    """(name, text, colour) of each line about the key."""
    identity, count = check.identity, len(check.streams)
    look = GOOD if len(check.working) == count else WARN if check.working else BAD
    yield "streams", f"{len(check.working)} of {count} answer", look
    yield "key", *rights_words(check)
    bound = ", ".join(identity.ip_allow_list)
    yield "address", (bound and f"bound to {bound}") or "the exchange names no binding", ""
    if identity.key_created_at:
        yield "created", day(identity.key_created_at), ""
    expiry = identity.key_expires_at
    yield "expires", day(expiry) if expiry else "not stated by the exchange", ""
    off = abs(check.skew.total_seconds())
    words = f"{off:.1f} s {'behind' if check.skew > timedelta(0) else 'ahead of'} the exchange's"
    yield (
        ("clock", f"{words}: set this machine's clock", WARN)
        if check.is_clock_off
        else ("clock", words if off >= 0.05 else "agrees with the exchange's", GOOD)
    )
    if not check.is_named:
        yield (
            "account",
            f"{check.spec.title} does not name the account of this key; if you know its number, "
            "add --uid NUMBER",
            WARN,
        )


def rights_words(check: AccountCheck) -> tuple[str, str]:
    """What the key can do, and the colour."""
    rights, title = check.rights, check.spec.title
    if rights.grants:
        accepted = not rights.beyond(check.account.accepted_rights)
        return f"it {rights.what}{' (accepted)' if accepted else ''}", WARN if accepted else BAD
    if rights.unstated:
        return (
            f"{title} does not state whether it can {' or '.join(rights.unstated)}: check on the "
            "site that it can only read",
            WARN,
        )
    permissions = check.identity.permissions
    named = ", ".join(permissions[:SHOWN_RIGHTS])
    more = f" and {len(permissions) - SHOWN_RIGHTS} more" if len(permissions) > SHOWN_RIGHTS else ""
    return f"it can only read{f' ({named}{more})' if named else ''}", GOOD


def show_reach(check: AccountCheck, out: Console) -> None:
    """Print from when on history can be had, one line per length of retention."""
    rows = []
    for each in check.working:
        reach = check.reaches.get(each.stream.name)
        if reach is None or reach.reaches_from is None:
            continue
        keeps = KEPT.get(reach.kept) or length(reach.keeps)
        if reach.newest_rows:
            keeps += f", newest {reach.newest_rows}"
        lost = ""
        if reach.lost_from:
            since = day(reach.lost_from) if reach.is_start_known else "the opening"
            lost = f"{since} to {day(reach.reaches_from)}"
        rows.append(
            {
                "keeps": keeps, "from": day(reach.reaches_from), "lost": lost,
                "stream": each.stream.name,
            }
        )  # fmt: skip
    if not rows:
        return
    out.print()
    listing = table("kept for", "reaches back to", "no longer available", "streams",
                    whole=["reaches back to", "no longer available"])  # fmt: skip
    for (keeps, start, lost), group in grouped(rows, "keeps", "from", "lost"):
        listing.add_row(keeps, start, lost or "–", shortened(row["stream"] for row in group))
    out.print(listing)
    spans = [reach.keeps for reach in check.reaches.values() if reach.keeps is not None]
    if spans and check.spec.lifecycle != "closed":
        out.print()
        note(
            out, "-",
            f"The shortest retention is {length(min(spans))}: sync more often than that, or rows "
            "are lost.",
        )  # fmt: skip


def show_silent(streams: Sequence[StreamCheck], out: Console) -> None:
    """Print which streams do not answer and why, one paragraph per cause."""
    rows = [
        {"answer": each.answer, "why": each.why, "remedy": each.remedy, "stream": each.stream.name}
        for each in streams
        if each.answer != "works"
    ]
    if rows:
        out.print()
    for (answer, why, remedy), group in grouped(rows, "answer", "why", "remedy"):
        mark = "!" if answer in ("refused", "failed") else "~"
        names = shortened(row["stream"] for row in group)
        problem = LookbackError(why, remedy=remedy)
        note(out, mark, f"{names}: {problem.sentences}")


def as_row(check: AccountCheck) -> dict[str, Any]:
    """The result as plain values, for JSON."""
    identity, rights = check.identity, check.rights
    return {
        "label": check.account.label,
        "exchange": check.spec.name,
        "is_ok": is_ok(check),
        "account_id": check.account_id,
        "uid": identity.uid,
        "is_uid_stated": check.is_named,
        "parent_uid": identity.parent_uid or None,
        "kind": identity.kind or None,
        "opened_at": check.opened_at,
        "permissions": list(identity.permissions),
        "is_read_only": False if rights.grants else None if rights.unstated else True,
        "beyond_reading": list(rights.grants),
        "unstated_rights": list(rights.unstated),
        "accepted_rights": list(check.account.accepted_rights),
        "ip_allow_list": list(identity.ip_allow_list),
        "key_created_at": identity.key_created_at,
        "key_expires_at": identity.key_expires_at,
        "clock_skew_seconds": round(check.skew.total_seconds(), 3),
        "checked_at": check.checked_at,
        "streams": [stream_row(check, each) for each in check.streams],
        "error": None,
    }


def stream_row(check: AccountCheck, each: StreamCheck) -> dict[str, Any]:
    """One stream as plain values, for JSON."""
    reach = check.reaches[each.stream.name]
    return {
        "stream": each.stream.name,
        "answer": each.answer,
        "error_kind": each.kind or None,
        "why": each.why or None,
        "remedy": each.remedy or None,
        "reaches_back_to": reach.reaches_from,
        "lost_from": reach.lost_from,
        "retention_kind": reach.kept if reach.reaches_from else None,
        "retention_seconds": reach.keeps.total_seconds() if reach.keeps else None,
        "newest_rows": reach.newest_rows,
    }


def is_ok(check: AccountCheck) -> bool:
    """Whether nothing has to be done: the key's rights are accepted, and no stream failed."""
    beyond = check.rights.beyond(check.account.accepted_rights)
    failed = any(each.answer == "failed" for each in check.streams)
    return not beyond and not failed and bool(check.working or not check.streams)
