"""The inventory of an account before its exchange closes.

It lists saved data, missing data with the cause, and what to download by hand, with the deadline.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from flows.reports import gap_words, markdown
from flows.reports.answers import Row
from flows.reports.documents import Written, file_name, write_all
from flows.reports.dossier import COVERED, Dossier, digest, gather, grave
from pipelines import registry
from pipelines.spec import ExchangeSpec

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection as Connection

FORMAT = "lookback evacuation 2"
READ = (*COVERED, "unverified")
BY_HAND = ("lost_to_retention", "sync_lapse", "row_cap", "unresolved", "venue_closed")


def take_inventory(warehouse: Connection, label: str, folder: Path) -> Written:
    """Write the inventory as Markdown, HTML and JSON. Raises LookbackError."""
    dossier = gather(warehouse, label)
    spec = registry.exchange(dossier.account["exchange"]).spec
    document = document_of(dossier, spec)
    return write_all(folder, name_of(document), page(document), document)


def name_of(document: dict[str, Any]) -> str:
    """The name of the three files."""
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
    end = markdown.cell(document["ends_at"])
    states = {
        "active": f"{document['exchange']} is active; no end is announced.",
        "winding_down": f"{document['exchange']} is winding down: its API ends on {end} UTC.",
        "closed": f"{document['exchange']} closed on {end} UTC.",
    }
    has_end_ahead = document["lifecycle"] == "winding_down" and document["ends_at"]
    gaps = document["not_saved"]
    return markdown.render(
        "evacuation.md",
        **document
        | {
            "saved": [
                {**row, "complete": "yes" if row["is_whole"] else "no"} for row in document["saved"]
            ],
            "balances": with_changes(document["balances"]),
        },
        state=states[document["lifecycle"]],
        until=f" before {end} UTC" if has_end_ahead else "",
        losses=grave(gaps),
        headed=gap_words.headed,
        notes=Markup(gap_words.notes(gaps)),  # noqa: S704, it is Markdown
        file=file_name(name_of(document)),
    )


def with_changes(balances: list[Row]) -> list[Row]:
    """Balances, and whether each changed while the rows were read; no value if unknown."""
    had_snapshot = {row["wallet"] for row in balances if row["taken_before"]}

    def changed(row: Row) -> str:
        if row["wallet"] not in had_snapshot:
            return ""
        return "yes" if (row["amount_before"] or 0) != (row["amount"] or 0) else "no"

    return [{**row, "changed": changed(row)} for row in balances]
