"""Markdown documents from templates: tables, amounts, escapes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from flows.reports.answers import Row, plain_amount

TEMPLATES = Path(__file__).parent / "templates"


def render(template: str, **values: object) -> str:
    """A document. Every value is escaped, and parts are separated by one empty line."""
    text = environment().get_template(template).render(values)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


@cache
def environment() -> Environment:
    """The templates. `finalize` makes each value Markdown, so that no HTML escapes are added."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        finalize=escaped,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"table": columns, "words": words, "counted": counted}
    return made


def escaped(value: object) -> Markup:
    """One value as Markdown; Markdown from this module and from macros stays as it is."""
    return value if isinstance(value, Markup) else Markup(cell(value))  # noqa: S704, it is escaped


def columns(
    rows: Sequence[Row],
    fields: Mapping[str, str],
    right: Sequence[str] = (),
    codes: Sequence[str] = (),
) -> Markup:
    """A table of rows by title and field; nothing if there are no rows.

    Columns in `right` hold numbers, those in `codes` codes that are shown in words.
    """
    if not rows:
        return Markup("")
    cells = [
        [words(row[field]) if title in codes else row[field] for title, field in fields.items()]
        for row in rows
    ]
    return Markup(table([title.strip() for title in fields], cells, right))  # noqa: S704


def words(code: str) -> str:
    """A code such as `lost_to_retention` in words."""
    return code.replace("_", " ")


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
    """One value as Markdown: UTC to the minute, amounts with all digits, – for no value."""
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
    return str(value).replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
