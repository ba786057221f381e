"""The inventory of an account before its exchange closes.

It lists saved data, missing data with the cause, and what to download by hand, with the deadline.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.reports import gap_words, markdown
from flows.reports.answers import Row
from flows.reports.documents import Written, how_to_check, write_both
from flows.reports.dossier import COVERED, Dossier, digest, gather, grave
from pipelines import registry
from pipelines.spec import ExchangeSpec

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection as Connection

FORMAT = "lookback evacuation 2"
READ = (*COVERED, "unverified")
BY_HAND = ("lost_to_retention", "sync_lapse", "row_cap", "unresolved", "venue_closed")


def take_inventory(warehouse: Connection, label: str, folder: Path) -> Written:
    """Write the inventory as Markdown and JSON. Raises LookbackError."""
    dossier = gather(warehouse, label)
    spec = registry.exchange(dossier.account["exchange"]).spec
    document = document_of(dossier, spec)
    return write_both(folder, name_of(document), page(document), document)


def name_of(document: dict[str, Any]) -> str:
    """The name of the two files."""
    return f"evacuation-{document['label']}"


def document_of(dossier: Dossier, spec: ExchangeSpec) -> dict[str, Any]:
    """The inventory as data, its own hash included as `sha256`."""
    streams = [saved(row, dossier.spans) for row in dossier.records]
    body = {
        "format": FORMAT,
        "account": dossier.account["account_id"],
        "label": dossier.account["label"],
        "exchange": spec.title,
        "lifecycle": spec.lifecycle,
        "ends_at": spec.ends_at,
        "as_of": dossier.as_of,
        "saved": streams,
        "streams": {"all": len(streams), "to_the_end": sum(row["is_whole"] for row in streams)},
        "balances": dossier.balances,
        "not_saved": dossier.gaps,
        "not_asked": [asdict(route) for route in spec.left_out],
        "by_hand": by_hand(dossier.gaps),
        "files": dossier.files,
    }
    return {**body, "sha256": digest(body)}


def saved(records: Row, spans: list[Row]) -> Row:
    """One stream: its records, and the span that was read completely."""
    own = [span for span in spans if span["stream"] == records["stream"]]
    read = [span for span in own if span["verdict"] in READ]
    return {
        **records,
        "read_from": min((span["span_start"] for span in read), default=None),
        "read_to": max((span["span_end"] for span in read), default=None),
        "is_whole": bool(own) and len(read) == len(own),
    }


def by_hand(gaps: list[Row]) -> list[Row]:
    """Downloads by hand: the remedies of gaps that the API cannot fill."""
    found: dict[str, list[str]] = {}
    for gap in gaps:
        is_lost = gap["verdict"] in BY_HAND or gap["is_proven_incomplete"]
        is_untold = gap["verdict"] == "excluded_by_exchange"
        if gap["remedy"] and (is_untold or (is_lost and grave([gap]))):
            streams = found.setdefault(gap["remedy"], [])
            if gap["stream"] not in streams:
                streams.append(gap["stream"])
    return [{"what": remedy, "streams": streams} for remedy, streams in found.items()]


def page(document: dict[str, Any]) -> str:
    """The inventory in Markdown."""
    lines = [
        f"# Evacuation of {document['label']}, {document['exchange']}",
        "",
        opening(document),
        *markdown.section("Saved", saved_table(document["saved"])),
        *markdown.section("Balances before and after", balance_table(document["balances"])),
        *markdown.section("Not saved", not_saved(document["not_saved"])),
        *markdown.section("Downloads by hand" + until(document), hand_list(document["by_hand"])),
        *markdown.section("Notes, without a known loss", gap_words.notes(document["not_saved"])),
        *markdown.section("Routes that are not read", left_alone(document["not_asked"])),
        "",
        f"SHA-256 of this inventory: `{document['sha256']}`",
        "",
        how_to_check(name_of(document)),
    ]
    return "\n".join(lines) + "\n"


def opening(document: dict[str, Any]) -> str:
    """The end of the exchange and the result of the evacuation, in two sentences."""
    end = markdown.cell(document["ends_at"])
    states = {
        "active": f"{document['exchange']} is active; no end is announced.",
        "winding_down": f"{document['exchange']} is winding down: its API ends on {end} UTC.",
        "closed": f"{document['exchange']} closed on {end} UTC.",
    }
    streams = document["streams"]
    return (
        f"{states[document['lifecycle']]} Last request on {markdown.cell(document['as_of'])} UTC: "
        f"{streams['to_the_end']} of {streams['all']} streams read completely, "
        f"{markdown.counted(len(grave(document['not_saved'])), 'gap')} left."
    )


def until(document: dict[str, Any]) -> str:
    """` before 2027-01-31 15:59 UTC` if the exchange is closing, else nothing."""
    ends_at = document["ends_at"] if document["lifecycle"] == "winding_down" else None
    return f" before {markdown.cell(ends_at)} UTC" if ends_at else ""


def saved_table(rows: list[Row]) -> str:
    """Records by stream."""
    return markdown.table(
        ("stream", "records", "first", "last", "read from", "read to", "complete"),
        [
            (
                row["stream"], row["record_count"], row["first_at"], row["last_at"],
                row["read_from"], row["read_to"], "yes" if row["is_whole"] else "no",
            )
            for row in rows
        ],
        right=("records",),
    )  # fmt: skip


def balance_table(rows: list[Row]) -> str:
    """Balances before the first and after the last row was read."""
    had_snapshot = {row["wallet"] for row in rows if row["taken_before"]}

    def has_moved(row: Row) -> str:
        if row["wallet"] not in had_snapshot:
            return ""
        return "yes" if (row["amount_before"] or 0) != (row["amount"] or 0) else "no"

    if not rows:
        return ""
    return markdown.table(
        ("wallet", "asset", "before", "at", "after", "at", "changed"),
        [
            (
                row["wallet"], row["asset"], row["amount_before"], row["taken_before"],
                row["amount"], row["taken_at"], has_moved(row),
            )
            for row in rows
        ],
        right=("before", "after"),
    )  # fmt: skip


def not_saved(gaps: list[Row]) -> str:
    """Every gap that needs attention, with its cause."""
    listed = grave(gaps)
    if not listed:
        return "No gap is open, except for the notes below."
    return "\n".join(
        f"- **{gap_words.headed(gap)}: {gap['verdict'].replace('_', ' ')}.** {gap['cause']}"
        for gap in listed
    )


def hand_list(rows: list[Row]) -> str:
    """A checklist of downloads."""
    return "\n".join(f"- [ ] {', '.join(row['streams'])}: {row['what']}" for row in rows)


def left_alone(routes: list[Row]) -> str:
    """Private routes that are never requested."""
    return "\n".join(f"- `{route['path']}`: {route['reason']}" for route in routes)
