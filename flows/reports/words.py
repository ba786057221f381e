"""Words that the command line and the documents share: counts, days, spans."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flows.reports.answers import Row

STATUS = {"green": "ok", "yellow": "warning", "red": "error"}
"""The word shown for each value of the column `light`, which is also its colour."""


def counted(number: int, noun: str) -> str:
    """A number with its noun: `1 gap`, `2 gaps`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def day(moment: datetime | None) -> str:
    """The UTC date of a moment."""
    return f"{moment:%Y-%m-%d}" if moment else "–"


def span(start: datetime | None, end: datetime | None) -> tuple[str, str]:
    """Both ends of a span: dates, or minutes if it is shorter than two days."""
    if start and end and (end - start).total_seconds() < 2 * 86_400:
        return f"{start:%Y-%m-%d %H:%M}", f"{end:%Y-%m-%d %H:%M}"
    return day(start), day(end)


def minute(moment: datetime | None) -> str:
    """A moment to the minute, UTC."""
    return f"{moment:%Y-%m-%d %H:%M}" if moment else "–"


def grouped(rows: Sequence[Row], *columns: str) -> list[tuple[tuple[Any, ...], list[Row]]]:
    """Group rows by columns; the groups are in the order of their first row."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[column] for column in columns), []).append(row)
    return list(groups.items())
