"""The text of gaps in documents, with notes separate from known losses."""

from __future__ import annotations

import re
from collections.abc import Sequence

from flows.reports import markdown
from flows.reports.answers import Row
from flows.reports.dossier import grave
from flows.reports.words import grouped, span

UNVERIFIED = (
    "Read completely, but the exchange does not document how far back the data reaches. No data is "
    "known to be missing; these sources would verify it"
)
EXCLUDED = "Not available through the exchange's API"
BEYOND_READING = "Not read, because the key or account lacks the required right or role"
GONE = "Pairs that the exchange no longer lists, and of which no row was ever read"


SEVERITIES = ("critical", "warning", "info")
"""Most severe first."""

MOMENT = re.compile(r"\d{4}-\d\d-\d\d( \d\d:\d\d)?")
"""A date, or a time to the minute, in the text of a cause."""


def headed(gap: Row) -> str:
    """Stream, scope and span of a gap."""
    scope = f" ({gap['scope']})" if gap["scope"] not in ("", "*") else ""
    start, end = markdown.cell(gap["span_start"]), markdown.cell(gap["span_end"])
    return f"{gap['stream']}{scope}, {start} to {end}"


def notes(gaps: Sequence[Row]) -> str:
    """Gaps without a known loss, one list per reason."""
    found: dict[str, list[str]] = {}
    for gap in gaps:
        if gap not in grave(gaps):
            found.setdefault(title_of(gap), []).append(f"- {headed(gap)}: {shortened(gap)}")
    return "\n\n".join("\n".join([f"{title}:", "", *lines]) for title, lines in found.items())


def title_of(gap: Row) -> str:
    """The heading of the list that a gap belongs to."""
    if gap["lacking_right"]:
        return BEYOND_READING
    titles = {
        "unverified": UNVERIFIED, "account_changed": UNVERIFIED,
        "excluded_by_exchange": EXCLUDED, "scope_removed_without_rows": GONE,
    }  # fmt: skip
    return titles.get(gap["cause_code"], str(gap["verdict"]).replace("_", " "))


def shortened(gap: Row) -> str:
    """The text of a note after stream and span."""
    if gap["verdict"] == "excluded_by_exchange":
        return f"{gap['affects']}. *Alternative:* {gap['remedy']}"
    if gap["lacking_right"]:
        return f"the right {gap['lacking_right']}"
    return str((gap["other_source"] if gap["remedy_code"] == "compare" else gap["remedy"]) or "")


def is_excluded(row: Row) -> bool:
    """Whether the data is not available through the API."""
    return bool(row["verdict"] == "excluded_by_exchange")


def is_beyond_reading(row: Row) -> bool:
    """Whether reading the stream needs a right beyond read-only, which is not recommended."""
    return bool(row.get("lacking_right") and row["severity"] == "info")


def is_unverified(row: Row) -> bool:
    """Whether no row is known to be missing, but completeness cannot be verified."""
    return bool(row["verdict"] == "unverified" and row["severity"] == "info")


def gaps_by_cause(rows: Sequence[Row]) -> list[list[Row]]:
    """Gaps of an account with one verdict, state and remedy, and the same cause; severe first.

    Causes are the same if they differ only in the stream and the times, which the table shows.
    """
    keyed = [
        row | {"same": MOMENT.sub("", row["cause"].replace(row["stream"], ""))} for row in rows
    ]
    groups = grouped(keyed, "label", "verdict", "severity", "state", "remedy", "same")
    ordered = sorted(groups, key=lambda found: (found[0][0], SEVERITIES.index(found[0][2])))
    return [group for _, group in ordered]


def spans_of(group: Sequence[Row]) -> list[tuple[tuple[str, str], list[str]]]:
    """The spans of a group of gaps as shown, each with its streams."""
    shown = [row | {"shown": span(row["span_start"], row["span_end"])} for row in group]
    return [
        (ends, sorted({row["stream"] for row in found}))
        for (ends,), found in grouped(shown, "shown")
    ]


def why(group: Sequence[Row]) -> str:
    """The cause of the first gap of a group, and what has filled it."""
    first = group[0]
    others = {row["stream"] for row in group} - {first["stream"]}
    more = f" The same applies to {', '.join(sorted(others))}." if others else ""
    sources = sorted({str(row["filled_by"]) for row in group if row["state"] == "filled"})
    filled = f" Filled by {', '.join(sources)}." if sources else ""
    return f"{first['cause']}{more}{filled}"
