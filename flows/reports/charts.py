"""Charts as SVG, drawn by Vega-Lite. They need no script and take their colours from the page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any

from markupsafe import Markup

from flows.reports.answers import Row, plain_amount

WIDTH, HEIGHT = 250, 92
"""The area inside the axes in pixels; with its padding, a chart fits one column of a phone."""

PADDING = {"left": 48, "right": 6, "top": 6, "bottom": 20}

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"

NUMBER = (
    "datum.value == 0 ? '0' : abs(datum.value) >= 1000 ? format(datum.value, '.3~s')"
    " : format(datum.value, '.3~r')"
)
"""The text of a number on an axis: 12k, 0.0004."""

GEOMETRY = re.compile(r' (?:d|transform|x2|y2)="[^"]*"')
DIGITS = re.compile(r"(\.\d\d)\d+")
UNSEEN = (
    re.compile(r' (?:aria-roledescription|role|aria-hidden|pointer-events|xmlns(?::\w+)?)="[^"]*"'),
    re.compile(r'<path class="(?:foreground|background)"[^>]*/>'),
)

MARKS: dict[str, list[dict[str, Any]]] = {
    "steps": [
        {
            "mark": {
                "type": "area", "aria": False, "interpolate": "step-after",
                "color": "var(--chart-fill)",
                "line": {"color": "var(--chart)", "strokeWidth": 1.5, "aria": False},
            },
        },
        {
            "mark": {"type": "point", "filled": True, "size": 60, "color": "var(--chart)",
                     "opacity": 0.001},
            "encoding": {"description": {"field": "text"}},
        },
    ],
    "bars": [
        {
            "mark": {"type": "bar"},
            "encoding": {
                "color": {
                    "field": "way", "type": "nominal", "legend": None,
                    "scale": {"domain": ["in", "out"], "range": ["var(--in)", "var(--out)"]},
                },
                "description": {"field": "text"},
            },
        }
    ],
}  # fmt: skip
"""The marks of each kind of chart."""


def steps(rows: Sequence[Row], title: str, span: tuple[date, date]) -> Markup:
    """An amount that holds until the next row's `at`. Rows have `at` and `amount`."""
    return drawn("steps", title, span, [point(row["at"], row["amount"]) for row in rows])


def bars(rows: Sequence[Row], title: str, span: tuple[date, date]) -> Markup:
    """Amounts by month, above or below zero. Rows have `at`, `amount` and `way`: in or out."""
    points = [point(row["at"], row["amount"]) | {"way": row["way"]} for row in rows]
    return drawn("bars", title, span, points)


def point(at: date, amount: Decimal) -> Row:
    """A row for Vega: the position, which is only as exact as a pixel, and the exact text."""
    return {
        "at": milliseconds(at),
        "amount": float(amount),
        "text": f"{at:%Y-%m}: {plain_amount(amount)}",
    }


def milliseconds(day: date) -> int:
    """The start of a day, as Vega counts time."""
    return (day - date(1970, 1, 1)).days * 86_400_000


def drawn(kind: str, title: str, span: tuple[date, date], points: list[Row]) -> Markup:
    """The chart as an SVG element that a screen reader reads as one picture with a title."""
    import vl_convert

    spec = compiled(kind)
    (source, *others) = spec["data"]
    domain = [milliseconds(day) for day in span]
    filled = spec | {
        "data": [source | {"values": points}, *others],
        "scales": [
            scale | ({"domain": domain} if scale["name"] == "x" else {}) for scale in spec["scales"]
        ],
    }
    svg: str = vl_convert.vega_to_svg(filled)
    head = Markup('<svg role="img" aria-label="{}"').format(title)
    return head + Markup(shortened(svg.removeprefix("<svg")))  # noqa: S704, Vega escapes texts


def shortened(svg: str) -> str:
    """The same picture with positions to a hundredth, and without the parts that draw nothing.

    The texts of its marks are for the pointer: the picture as a whole has a name.
    """
    svg = svg.replace(' aria-label="', ' data-text="')
    for pattern in UNSEEN:
        svg = pattern.sub("", svg)
    return GEOMETRY.sub(lambda found: DIGITS.sub(r"\1", found[0]), svg)


@cache
def compiled(kind: str) -> dict[str, Any]:
    """A kind of chart in Vega's language: compiling takes as long as drawing, so do it once."""
    import vl_convert

    axis = {
        "title": None, "aria": False, "domain": False, "ticks": False, "labelColor": "var(--muted)",
        "labelPadding": 4,
    }  # fmt: skip
    spec: dict[str, Any] = {
        "$schema": SCHEMA,
        "data": {"values": [{"at": 0, "amount": 1, "way": "in", "text": ""}]},
        "width": WIDTH,
        "height": HEIGHT,
        "autosize": "none",  # the other kinds draw everything twice
        "padding": PADDING,
        "encoding": {
            "x": {
                "field": "at", "type": "temporal", "scale": {"type": "utc"},
                "axis": axis | {"grid": False, "tickCount": 4},
            },
            "y": {
                "field": "amount", "type": "quantitative",
                "axis": axis | {"tickCount": 3, "gridColor": "var(--line)", "labelExpr": NUMBER},
            },
        },
        "layer": MARKS[kind],
        "config": {"background": None, "view": {"stroke": None}},
    }  # fmt: skip
    if kind == "bars":
        spec["encoding"]["x"]["timeUnit"] = "utcyearmonth"
    result: dict[str, Any] = vl_convert.vegalite_to_vega(spec)
    return result
