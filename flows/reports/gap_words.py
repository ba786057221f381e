"""The text of gaps in documents, with notes separate from known losses."""

from __future__ import annotations

from collections.abc import Sequence

from flows.reports import markdown
from flows.reports.answers import Row
from flows.reports.dossier import grave

UNVERIFIED = (
    "Read completely, but the exchange does not document how far back the data reaches. No data is "
    "known to be missing; these sources would verify it"
)
EXCLUDED = "Not available through the exchange's API"
BEYOND_READING = "Not read, because the key or account lacks the required right or role"
GONE = "Pairs that the exchange no longer lists, and of which no row was ever read"


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
