"""Print the list of export formats, and what an export has written."""

from __future__ import annotations

from collections.abc import Sequence

from flows.cli.safe_text import visible
from flows.cli.terminal import console, table
from flows.exports.export import Exported
from flows.reports.answers import Row
from flows.reports.words import counted

MOST_NAMES = 2
"""More files of one account than these are counted, not named."""


def show_formats(rows: Sequence[Row]) -> None:
    """One line per format."""
    out = console()
    listed = table("format", "file for", whole=("format",))
    for row in rows:
        listed.add_row(row["format"], row["title"])
    out.print(listed)
    out.print("Next: lookback export FORMAT [--account LABEL] [--from DAY] [--to DAY]")


def show_exported(done: Sequence[Exported], notes: Sequence[str]) -> None:
    """One line per account, then what to read and to know before the import."""
    out = console()
    numbers = ("rows", "gaps", "left out")
    listed = table("account", *numbers, "files", right=numbers, whole=("files",))
    for each in done:
        names = [path.name for path in each.files]
        files = "\n".join(names) if len(names) <= MOST_NAMES else counted(len(names), "file")
        listed.add_row(
            visible(each.label), f"{each.rows:,}", f"{each.gaps:,}", f"{each.left_out:,}", files
        )
    out.print(listed)
    out.print()
    out.print(f"folder: {done[0].files[0].parent}", soft_wrap=True)
    notices = [each.notice.name for each in done if each.notice]
    if notices:
        out.print(f"- Not complete; read first: {', '.join(notices)}")
    for note in notes:
        out.print(f"- {note}")
