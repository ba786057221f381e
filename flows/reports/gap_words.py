"""Gaps in the words of a document: what is no known loss is told apart from what is missing."""

from __future__ import annotations

from collections.abc import Sequence

from flows.reports import markdown
from flows.reports.answers import Row
from flows.reports.dossier import grave

UNVERIFIED = (
    "Read to its end, but the exchange does not say how far back it reaches. Nothing is known to "
    "be missing; these would make it sure"
)
EXCLUDED = "What the exchange's API gives nobody"
BEYOND_READING = "Not read, for it takes a right or role that key and account lack"
GONE = "Pairs that the exchange no longer knows, and of which no row was ever read"


def headed(gap: Row) -> str:
    """Which stream and scope, from when to when."""
    scope = f" ({gap['scope']})" if gap["scope"] not in ("", "*") else ""
    start, end = markdown.cell(gap["span_start"]), markdown.cell(gap["span_end"])
    return f"{gap['stream']}{scope}, {start} to {end}"


def notes(gaps: Sequence[Row]) -> str:
    """Gaps that are no loss anybody knows of, a list for each reason."""
    found: dict[str, list[str]] = {}
    for gap in gaps:
        if gap not in grave(gaps):
            found.setdefault(title_of(gap), []).append(f"- {headed(gap)}: {shortened(gap)}")
    return "\n\n".join("\n".join([f"{title}:", "", *lines]) for title, lines in found.items())


def title_of(gap: Row) -> str:
    """What kind of note a gap is."""
    if gap["lacking_right"]:
        return BEYOND_READING
    titles = {"unverified": UNVERIFIED, "excluded_by_exchange": EXCLUDED, "refused": GONE}
    return titles.get(gap["verdict"], str(gap["verdict"]).replace("_", " "))


def shortened(gap: Row) -> str:
    """What a note says beyond its heading."""
    if gap["verdict"] == "excluded_by_exchange":
        return f"{gap['affects']}. *What helps:* {gap['remedy']}"
    if gap["lacking_right"]:
        return f"the right {gap['lacking_right']}"
    _, _, source = (gap["remedy"] or "").rpartition("compare with another source: ")
    return source
