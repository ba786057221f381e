"""Markdown for documents: sections, tables, amounts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from flows.reports.answers import plain_amount


def section(title: str, body: str) -> list[str]:
    """A section with a heading; nothing if the body is empty."""
    return ["", f"## {title}", "", body] if body else []


def counted(number: int, what: str) -> str:
    """`1 gap`, `2 gaps`, `no gap`."""
    return f"{number or 'no'} {what}{'s' if number > 1 else ''}"


def listed(parts: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def table(
    columns: Sequence[str], rows: Sequence[Sequence[object]], right: Sequence[str] = ()
) -> str:
    """A table that is also aligned as plain text; columns in `right` hold numbers."""
    cells = [[cell(value) for value in row] for row in rows]
    widths = [
        max(3, len(name), *(len(row[at]) for row in cells)) for at, name in enumerate(columns)
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
    """One value as text: UTC to the minute, amounts with all digits, – for no value."""
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
