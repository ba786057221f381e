"""HTML pages from templates: one file that loads nothing and sends nothing.

All pages share the frame `frame.html` with its style and script. The Content-Security-Policy
allows only these two, by their hashes.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup, escape

from flows.reports.answers import plain_amount
from flows.reports.markdown import TEMPLATES, words
from flows.reports.words import counted, day, minute

HIDDEN = "•••"

NUMBER = re.compile(
    r"(?<![\w:/.-])[+-]?\d[\d,]*"
    r"(?:\.\d+(?![\w:])|(?![\w:/-]|[.,]\d)(?!\s(?!(?:at|by|on|and|that)\b)[a-z]))"
)
"""An amount in a sentence: a number with decimals, or one that counts nothing ("90 days")."""


def render(template: str, *, hide_amounts: bool = False, **values: object) -> str:
    """A page. Every value is escaped. With `hide_amounts`, the file contains no amount."""
    made = environment(hide_amounts)
    parts = {"style": inlined("page.css"), "script": inlined("page.js")}
    policy = (
        f"default-src 'none'; style-src '{digest(parts['style'])}'; "
        f"script-src '{digest(parts['script'])}'; base-uri 'none'; form-action 'none'"
    )
    text = made.get_template(template).render(
        values | parts | {"policy": policy, "hide_amounts": hide_amounts}
    )
    return without_empty_lines(text)


def inlined(name: str) -> Markup:
    """A style or script of this project, as it is on the page."""
    text = (TEMPLATES / name).read_text(encoding="utf-8")
    return Markup(without_empty_lines(text).strip())  # noqa: S704, it is this project's own


def without_empty_lines(text: str) -> str:
    """The text without the empty lines that templates leave."""
    return re.sub(r"\n\s*\n+", "\n", text)


def digest(text: str) -> str:
    """The hash of an inline style or script, as a Content-Security-Policy states it."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@cache
def environment(hide_amounts: bool) -> Environment:
    """The templates, with `finalize` for the text of dates and amounts."""

    def hideable(text: str) -> Markup:
        shown = HIDDEN if hide_amounts else text
        return Markup('<span class="amount"><span>{}</span></span>').format(shown)

    def amount(value: Decimal, sign: str = "") -> Markup:
        return hideable(f"{sign if value > 0 else ''}{plain_amount(value)}")

    def finalize(value: Any) -> Any:
        if value is None or (value == "" and not isinstance(value, Markup)):
            return "–"
        if isinstance(value, Decimal):
            return amount(value)
        if isinstance(value, datetime):
            return moment(value)
        if isinstance(value, date):
            return value.isoformat()
        if isinstance(value, int) and not isinstance(value, bool):
            return f"{value:,}"
        return value

    def sentence(text: str | None) -> Markup:
        """A text whose amounts can be hidden."""
        parts, end = [], 0
        for found in NUMBER.finditer(text or "–"):
            parts += [escape(found.string[end : found.start()]), hideable(found[0])]
            end = found.end()
        return Markup("").join([*parts, escape((text or "–")[end:])])

    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        finalize=finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "words": words,
        "counted": counted,
        "day": day,
        "minute": minute,
        "moment": moment,
        "sentence": sentence,
        "breakable": lambda name: escape(name).replace("_", Markup("_<wbr>")),
        "signed": lambda value: "–" if value is None else amount(value, "+"),
    }
    return made


def moment(value: datetime | None) -> Markup | str:
    """A time to the minute, readable by a machine as well."""
    if value is None:
        return "–"
    return Markup('<time datetime="{}Z">{}</time>').format(f"{value:%Y-%m-%dT%H:%M}", minute(value))


def from_markdown(text: str) -> Markup:
    """Markdown of this project's templates as HTML. HTML and links in it stay plain text."""
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    reader.disable(["link", "image", "autolink", "html_inline", "html_block"])
    tokens = reader.parse(text)
    prepare_tables(tokens)
    found: str = reader.renderer.render(tokens, reader.options, {})
    found = found.replace("<li>[ ] ", "<li>☐ ").replace("<pre>", '<pre tabindex="0">')
    return Markup(found)  # noqa: S704, it is escaped


ROLES = {"table": "table", "thead": "rowgroup", "tbody": "rowgroup", "tr": "row", "td": "cell"}
"""What the parts of a table are, also where the style lays them out as a list of cards."""


def prepare_tables(tokens: Sequence[Token]) -> None:
    """Give each cell the title of its column, and mark the columns of numbers."""
    titles: list[str] = []
    column = 0
    for token, content in zip(tokens, [*tokens[1:], None], strict=True):
        if token.nesting != 1:
            continue
        if token.tag in ROLES:
            token.attrSet("role", ROLES[token.tag])
        if token.tag == "thead":
            titles = []
        if token.tag == "tr":
            column = 0
        if token.attrs.pop("style", None):  # the policy allows no style of an element
            token.attrSet("class", "number")
        if token.tag == "th" and content:
            titles.append(content.content)
            token.attrSet("role", "columnheader")
        if token.tag == "td":
            token.attrSet("data-title", titles[column])
            column += 1
