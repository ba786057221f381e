"""Consoles and tables in the project's style."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, RenderableType
from rich.containers import Lines
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from flows.cli.safe_text import visible

WIDTH = 100


class PlainConsole(Console):
    """A console that prints text literally: no markup, emoji codes or control characters."""

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, highlight=False, soft_wrap=False, **options)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                yield Segment(visible(segment.text), segment.style)


def console(*, stderr: bool = False) -> Console:
    """A console at most `WIDTH` wide, or narrower if the terminal or COLUMNS is."""
    found = PlainConsole(stderr=stderr)
    has_width = found.is_terminal or os.environ.get("COLUMNS", "").isdigit()
    found.width = min(found.width, WIDTH) if has_width else WIDTH
    return found


class Cell(Text):
    """Text that breaks a long name after `_`, `:` or `/` before it breaks inside a word."""

    def wrap(self, console: Console, width: int, **options: Any) -> Lines:
        parts = self.divide(_folds(self.plain, width))
        return Text("\n").join(parts).wrap(console, width, **options)


def _folds(text: str, width: int) -> list[int]:
    """Where to break the words that are longer than a line."""
    offsets = []
    for word in re.finditer(r"\S+", text):
        line = word.start()
        if word.end() - line <= width:
            continue
        for part in re.finditer(r"[^_:/]*[_:/]+|[^_:/]+$", word[0]):
            start, end = word.start() + part.start(), word.start() + part.end()
            if end - line > width and start > line:
                offsets.append(start)
                line = start
    return offsets


class WholeWords(Table):
    """A table that breaks names between their parts."""

    def add_row(self, *cells: RenderableType | None, **options: Any) -> None:
        super().add_row(*(_folding(cell) for cell in cells), **options)


def _folding(cell: RenderableType | None) -> RenderableType | None:
    """The cell with unsafe characters replaced first: a replacement can be wider."""
    if isinstance(cell, str):
        return Cell(visible(cell))
    if isinstance(cell, Text):
        return Cell(visible(cell.plain), style=cell.style)
    return cell


def table(*columns: str, right: Iterable[str] = (), whole: Iterable[str] = ()) -> Table:
    """An empty table in the project's style.

    Columns in `right` hold numbers. They and those in `whole` never wrap.
    """
    made = WholeWords(
        box=SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 0, 0, 1), header_style="bold"
    )
    for column in columns:
        is_number = column in right
        made.add_column(
            Cell(column),
            justify="right" if is_number else "left",
            overflow="fold",
            no_wrap=is_number or column in whole,
        )
    return made
