"""The notice beside an export: what of the history is missing in it, and what it leaves out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from flows.exports.events import KINDS, Event
from flows.reports import answers, markdown
from flows.reports.answers import Row, plain_amount
from flows.reports.dossier import grave
from flows.reports.gap_words import headed
from flows.reports.words import counted, grouped

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection as Connection

ONE_SIDED = ("one_sided_in", "one_sided_out")


def gaps_in(
    warehouse: Connection, account_id: str, since: datetime | None, until: datetime | None
) -> list[Row]:
    """The open gaps with a known or possible loss that overlap the span."""
    return [
        gap
        for gap in grave(answers.gaps(warehouse))
        if gap["account_id"] == account_id
        and (until is None or gap["span_start"] is None or gap["span_start"] < until)
        and (since is None or gap["span_end"] is None or gap["span_end"] > since)
    ]


def differences_of(warehouse: Connection, account_id: str) -> list[Row]:
    """The balances of the exchange that differ from the sum of the ledger."""
    return answers.select(
        warehouse,
        """
        select wallet, asset, balance, rows_amount, difference, likely_cause
        from marts.fct_balances
        where account_id = ? and difference <> 0
        order by wallet, asset
        """,
        [account_id],
    )


def notice(
    title: str,
    *,
    gaps: Sequence[Row],
    unknown: Sequence[Event] = (),
    left_out: Sequence[Event],
    one_sided: Sequence[Event],
    differences: Sequence[Row],
) -> str:
    """The notice as Markdown; "" if there is nothing to say."""
    parts = [
        _section("Missing history", "The export has no rows where these are open.", _gaps(gaps)),
        _section(
            "Left out",
            "The format has no word for these events, or their type is unknown. Enter them by "
            "hand, or the balances of the tool differ by them.",
            _events(left_out),
        ),
        _section(
            "Type unknown",
            "The type of these events is unknown. They are posted to `equity:unknown`.",
            _events(unknown),
        ),
        _section(
            "One side known",
            "Of these trades the exchange states one side only, for instance because the money "
            "was paid outside. They are written like deposits and withdrawals.",
            _events(one_sided),
        ),
        _section(
            "Balances that differ",
            "The exchange states another balance than the sum of the ledger.",
            _differences(differences),
        ),
    ]
    text = "\n\n".join(part for part in parts if part)
    return f"# {title}\n\n{text}\n" if text else ""


def _section(title: str, meaning: str, lines: Sequence[str]) -> str:
    if not lines:
        return ""
    listed = "\n".join(lines)
    return f"## {title}\n\n{meaning}\n\n{listed}"


def _gaps(gaps: Sequence[Row]) -> list[str]:
    return [f"- {headed(gap)}: {gap['cause']} *Remedy:* {gap['remedy']}" for gap in gaps]


def _events(events: Sequence[Event]) -> list[str]:
    """Events by kind, the exchange's word and asset, with their count and sum."""
    rows = [
        {"kind": KINDS[event.kind], "label": event.label, "asset": asset, "amount": amount}
        for event in events
        for asset, amount in event.movements().items()
    ]
    return [
        f"- {kind}{f' (`{label}`)' if label else ''}: "
        f"{plain_amount(sum(row['amount'] for row in group))} {asset} "
        f"in {counted(len(group), 'row')}"
        for (kind, label, asset), group in grouped(rows, "kind", "label", "asset")
    ]


def _differences(rows: Sequence[Row]) -> list[str]:
    return [
        f"- {row['wallet']} {row['asset']}: {markdown.cell(row['balance'])} at the exchange, "
        f"{markdown.cell(row['rows_amount'])} in the ledger. {row['likely_cause'] or ''}".rstrip()
        for row in rows
    ]
