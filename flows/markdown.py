"""Small pieces of Markdown for documents that people print: tables, amounts, moments."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from flows.answers import plain_amount


def table(
    columns: Sequence[str], rows: Sequence[Sequence[object]], right: Sequence[str] = ()
) -> str:
    """A table whose columns also line up as plain text; those of `right` hold numbers."""
    cells = [[cell(value) for value in row] for row in rows]
    widths = [
        max(3, len(name), *(len(row[at]) for row in cells), 0) if cells else max(3, len(name))
        for at, name in enumerate(columns)
    ]

    def line(values: Sequence[str]) -> str:
        padded = [
            value.rjust(width) if name in right else value.ljust(width)
            for value, width, name in zip(values, widths, columns, strict=True)
        ]
        return f"| {' | '.join(padded)} |"

    rule = [
        "-" * (width - 1) + ":" if name in right else "-" * width
        for width, name in zip(widths, columns, strict=True)
    ]
    return "\n".join([line(list(columns)), line(rule), *(line(row) for row in cells)])


def cell(value: object) -> str:
    """One value as text: UTC to the minute, amounts with all their digits, – for nothing."""
    if value is None or value == "":
        return "–"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return plain_amount(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value).replace("|", "\\|").replace("\n", " ")
