"""Print answers and progress on a terminal: aligned, scopes merged, at most 100 columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from flows.cli.safe_text import visible
from flows.cli.terminal import console, table
from flows.reports import gap_words
from flows.reports.answers import Row, plain_amount
from flows.reports.gap_words import (
    gaps_by_cause,
    is_beyond_reading,
    is_excluded,
    is_unverified,
    spans_of,
    why,
)
from flows.reports.schedule import lasting
from flows.reports.words import STATUS, counted, day, grouped, minute, span
from flows.runtime import watch

if TYPE_CHECKING:
    from flows.runtime.outcome import Summary
    from pipelines.files.imports import Withdrawal
    from pipelines.files.saved_file import ImportResult


GOOD, WARN, BAD = "green", "yellow", "red"

WHOLE = ("from", "to", "why", "status", "last request", "next loss", "sync before", "id")
"""Columns that never wrap, in every table: others give way on a narrow terminal."""

LONGEST_PART = 12
"""Columns where long names break between their parts get at least this width."""

SEVERITY = {"info": "", "warning": WARN, "critical": BAD}
"""The colour of each severity, least severe first."""


def gaps(rows: Sequence[Row], out: Console | None = None) -> None:
    """One line per account, cause and span with its streams; below, each cause and remedy once.

    One sentence each covers the unverified streams, the data that no API route returns, and the
    streams that need more than a read-only key.
    """
    out = out or console()
    apart = (is_unverified, is_excluded, is_beyond_reading)
    listed = [row for row in rows if not any(is_it(row) for is_it in apart)]
    if listed:
        still_open = [row["label"] for row in listed if row["state"] == "open"]
        found = counted(len(still_open), "open gap")
        out.print(f"{found} in {counted(len(set(still_open)), 'account')}\n")
        causes = gaps_by_cause(listed)
        listing = table("account", "verdict", "from", "to", "streams", "why", whole=WHOLE)
        for column in listing.columns:
            column.min_width = None if column.no_wrap else LONGEST_PART
        for number, group in enumerate(causes, start=1):
            for (start, end), streams in spans_of(group):
                first = group[0]
                filled = " (filled)" if first["state"] == "filled" else ""
                listing.add_row(
                    first["label"],
                    Text(first["verdict"], style=SEVERITY[first["severity"]]),
                    start,
                    end,
                    f"{', '.join(streams)}{filled}",
                    f"[{number}]",
                )
        out.print(listing)
        out.print()
        for number, group in enumerate(causes, start=1):
            note(out, f"[{number}]", why(group))
        print_remedies(out, causes)
    else:
        out.print("No open gaps.", style=GOOD)
    print_unverified(out, [row for row in rows if is_unverified(row)])
    print_excluded(out, [row for row in rows if is_excluded(row)])
    print_beyond_reading(out, [row for row in rows if is_beyond_reading(row)])


def print_remedies(out: Console, groups: Sequence[Sequence[Row]]) -> None:
    """Print each remedy once, with the numbers of the open gaps it fills."""
    numbers: dict[str, list[int]] = {}
    for number, group in enumerate(groups, start=1):
        if group[0]["state"] != "filled" and group[0]["remedy"]:
            numbers.setdefault(group[0]["remedy"], []).append(number)
    for remedy, found in numbers.items():
        out.print()
        marks = " ".join(f"[{number}]" for number in found)
        out.print(Text(f"To fill {marks}:"))
        note(out, " ", remedy)


def print_unverified(out: Console, rows: Sequence[Row]) -> None:
    """Print the streams that were read completely but have no documented retention."""
    if not rows:
        return
    named = ", ".join(
        f"{label} {' '.join(sorted({row['stream'] for row in group}))}"
        for (label,), group in grouped(rows, "label")
    )
    out.print()
    note(
        out,
        "~",
        "Read completely, without a known gap; completeness cannot be verified, because the "
        f"exchange does not document how far back the data reaches: {named}.",
    )


def print_excluded(out: Console, rows: Sequence[Row]) -> None:
    """Print the data of each exchange that is not available through its API."""
    for (exchange,), group in grouped(rows, "exchange"):
        names = ", ".join(sorted({row["stream"].replace("_", " ") for row in group}))
        text = (
            f"Not available through the API of {exchange}: {names}. For alternatives, run: "
            f"lookback guide {exchange}."
        )
        out.print()
        note(out, "~", text)


def print_beyond_reading(out: Console, rows: Sequence[Row]) -> None:
    """Print the streams that need more rights than these keys have."""
    streams = [
        f"{label} {' '.join(sorted({row['stream'] for row in group}))}"
        for (label,), group in grouped(rows, "label")
    ]
    if streams:
        out.print()
        note(out, "~", f"{gap_words.BEYOND_READING}: {'; '.join(streams)}.")


def note(out: Console, mark: str, text: str) -> None:
    """Print a marked paragraph with a hanging indent."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(Text(mark), Text(visible(text)))
    out.print(grid)


class Notes(dict[str, int]):
    """The notes below a table: each text once, with the number that rows refer to."""

    def mark(self, text: str) -> str:
        """The number of a text, as a row shows it."""
        return f"[{self.setdefault(text, len(self) + 1)}]"

    def print(self, out: Console) -> None:
        """Print each text with its number."""
        out.print()
        for text, number in self.items():
            note(out, f"[{number}]", text)


def deadlines(rows: Sequence[Row], out: Console | None = None) -> None:
    """Print deadlines, most urgent first; sentences report the streams without a date."""
    out = out or console()
    dated = [
        row | {"before": about(row, "sync_before"), "loss": about(row, "next_loss_at")}
        for row in rows
        if row["sync_before"]
    ]
    if dated:
        listing = table("sync before", "next loss", "account", "streams", whole=WHOLE)
        for (before, loss, label), group in grouped(dated, "before", "loss", "label"):
            look = BAD if any(row["at_risk"] for row in group) else ""
            streams = ", ".join(row["stream"] for row in group)
            listing.add_row(Text(before, style=look), loss, label, streams)
        out.print(listing)
        for row in dated:
            if row.get("is_estimate"):
                note(out, "≈", f"{row['label']}: {row['explanation']}")
    else:
        out.print("No deadlines: no data is known to expire.", style=GOOD)
    for row in rows:
        if row["reason"] in {"never_connected", "not_connected"}:
            note(out, "!", f"{row['label']}: {row['explanation']}")
    ended = [row for row in rows if row["reason"] == "over"]
    for _, group in grouped(ended, "exchange"):
        note(out, "~", group[0]["explanation"])
    for row in rows:
        if row["reason"] == "newest_rows" and not row["sync_before"]:
            note(out, "~", f"{row['label']}: {row['explanation']}")
    unstated = sum(1 for row in rows if row["reason"] == "nothing_is_lost")
    if unstated:
        note(out, "~", f"{unstated} streams have no documented retention, and so no deadline.")


def about(row: Row, name: str) -> str:
    """A deadline's moment, marked if it is estimated from the account's own activity."""
    return f"{'≈ ' if row.get('is_estimate') else ''}{minute(row[name])}"


def schedule(rows: Sequence[Row], out: Console | None = None) -> None:
    """One line per account: its interval, the reason, and the next deadline."""
    out = out or console()
    listed = table("account", "every", "because", "sync before", whole=("every", "sync before"))
    for row in rows:
        listed.add_row(
            visible(row["label"]), lasting(row["every"]), row["reason"], day(row["sync_before"])
        )
    out.print(listed)
    out.print("\nRun it on a Prefect server: lookback serve. By cron: lookback sync")


def checks(rows: Sequence[Row], out: Console | None = None) -> None:
    """Print how many checks agree per account and wallet, then the differences."""
    out = out or console()
    if not rows:
        out.print("No balance has been checked yet: no account was synced.", style=WARN)
        return
    right = ("agree", "differ")
    listing = table("account", "wallet", "checks", *right, right=right)
    wallets = sorted(grouped(rows, "label", "wallet"), key=lambda found: found[0])
    for (label, wallet), group in wallets:
        differ = sum(not row["is_ok"] for row in group)
        kinds = sorted({row["kind"].replace("_", " ") for row in group})
        listing.add_row(
            label,
            wallet,
            ", ".join(kinds),
            str(len(group) - differ),
            Text(str(differ), style=BAD if differ else GOOD),
        )
    out.print(listing)
    # A critical difference explains the warnings of the same asset, so only it is listed.
    found = [row for row in rows if row["severity"] == "critical"]
    found = found or [row for row in rows if not row["is_ok"]]
    if found:
        out.print()
        print_differences(out, found)
    others = sum(not row["is_ok"] for row in rows) - len(found)
    if others:
        note(
            out, "~",
            f"{others} more of lower severity: lookback checks --json",
        )  # fmt: skip


def print_differences(out: Console, rows: Sequence[Row]) -> None:
    """The exchange's balance minus the computed balance; below, each likely cause once."""
    size_of = "reported - computed"
    listing = table("account", "wallet", "asset", size_of, "why", right=[size_of], whole=WHOLE)
    causes = Notes()
    for row in rows:
        residual = row["residual"]
        size = "–" if residual is None else f"{'+' if residual > 0 else ''}{plain_amount(residual)}"
        cause = row["likely_cause"] or row["kind"].replace("_", " ")
        listing.add_row(row["label"], row["wallet"], row["asset"], size, causes.mark(cause))
    out.print(listing)
    causes.print(out)


def findings(rows: Sequence[Row], out: Console | None = None) -> None:
    """One line per finding; below the table, each description, and each remedy once.

    Findings of severity `info` are only counted, unless settled findings are listed as well.
    """
    out = out or console()
    everything = any(row["state"] != "open" for row in rows)
    listed = [row for row in rows if everything or row["severity"] != "info"]
    if listed:
        out.print(inbox(listed))
        out.print()
        for number, row in enumerate(listed, start=1):
            note(out, f"[{number}]", what_of(row))
        print_settling(out, listed)
    else:
        out.print("No open findings.", style=GOOD)
    notes = len(rows) - len(listed)
    if notes:
        out.print()
        note(out, "~", f"{notes} more are notes, without a known loss: lookback findings --all")


def inbox(rows: Sequence[Row]) -> Table:
    """The table of findings, two lines each: id, account, kind, subject, span, size."""
    whole = (*WHOLE, "from, to", "")
    listing = table("id", "account", "what", "from, to", "size", "", right=["size"], whole=whole)
    for number, row in enumerate(rows, start=1):
        size = "–" if row["size"] is None else plain_amount(row["size"])
        about = row["stream"] or f"{row['wallet'] or ''} {row['asset'] or ''}".strip()
        settled = "" if row["state"] == "open" else f" ({row['state']})"
        listing.add_row(
            row["finding_id"],
            row["label"],
            Text(
                f"{row['kind'].replace('_', ' ')}{settled}\n{about}",
                style="dim" if settled else SEVERITY[row["severity"]],
            ),
            f"{day(row['span_start'])}\n{day(row['span_end'])}",
            f"{size}\n{row['asset'] or ''}",
            f"[{number}]",
        )
    return listing


def what_of(row: Row) -> str:
    """The description of a finding, and how it was settled."""
    became = {
        "open": "",
        "fixed": f" Fixed: {row['fixed_by']}.",
        "explained": f" Explained: {row['explanation']}",
        "dismissed": f" Dismissed: {row['dismissal_reason']}"
        + (f" ({row['dismissed_by']})" if row["dismissed_by"] else ""),
    }
    return f"{row['what']}{became[row['state']]}"


def print_settling(out: Console, rows: Sequence[Row]) -> None:
    """Print each remedy once, with the numbers of the open findings it settles."""
    numbers: dict[str, list[int]] = {}
    for number, row in enumerate(rows, start=1):
        if row["state"] == "open" and row["remedy"]:
            numbers.setdefault(row["remedy"], []).append(number)
    for remedy, found in numbers.items():
        out.print()
        out.print(Text(f"To settle {' '.join(f'[{number}]' for number in found)}:"))
        note(out, " ", remedy)


def footnotes(settled: Mapping[str, int], strays: Sequence[Row]) -> None:
    """Print how many findings are settled, and the entries of `findings.yml` without a finding."""
    out = console()
    if settled:
        named = ", ".join(f"{count} {state}" for state, count in sorted(settled.items()))
        note(out, "~", f"{named}: lookback findings --all")
    for row in strays:
        note(
            out,
            "!",
            f"findings.yml, line {row['line']}: no finding has the id {row['finding_id']}; "
            "remove the entry",
        )


def streams(rows: Sequence[Row], out: Console | None = None) -> None:
    """Print the sync status per account and stream; below the table, each reason once."""
    out = out or console()
    lights = Counter(row["light"] for row in rows)
    found = ", ".join(f"{lights[light]} {word}" for light, word in STATUS.items() if lights[light])
    out.print(f"{counted(len(rows), 'stream')}: {found}\n")
    names = ("account", "stream", "status", "last request", "rows", "why")
    listing = table(*names, right=["rows"], whole=WHOLE)
    reasons = Notes()
    for row in rows:
        listing.add_row(
            row["label"],
            row["stream"],
            Text(STATUS[row["light"]], style=row["light"]),
            minute(row["last_asked_at"]),
            f"{row['rows'] or 0:,}",
            reasons.mark(row["reason"]),
        )
    out.print(listing)
    reasons.print(out)


def oddities(rows: Sequence[Row], out: Console | None = None) -> None:
    """Print in one line how many data-quality problems need attention; nothing if none does."""
    urgent = [row for row in rows if row["severity"] == "warning"]
    if not urgent:
        return
    counts = Counter(row["problem"].replace("_", " ") for row in urgent)
    kinds = ", ".join(f"{count} {kind}" for kind, count in counts.most_common())
    text = f"{len(urgent)} data-quality problems in the records ({kinds}): marts.fct_data_quality"
    note(out or console(), "!", text)


def warnings(done: Summary, out: Console | None = None) -> None:
    """Print what a sync noticed about keys and clocks."""
    for result in done.results:
        for warning in result.warnings:
            note(out or console(), "!", f"{result.label}: {warning}")


def imported(results: Sequence[ImportResult], published: Path | None) -> None:
    """Print how many rows each file has, how many are new, and the problems found."""
    out = console()
    right = ("rows", "new")
    listing = table("file", "account", "stream", *right, "from", "to", right=right)
    for result in results:
        if result.refused is None:
            listing.add_row(
                Text(visible(result.file)),
                result.account_id,
                result.stream,
                f"{result.rows_in_file:,}",
                "known" if result.already_imported else f"{result.rows_new:,}",
                *(span(*result.span) if result.span else ("–", "–")),
            )
    out.print(listing)
    for result in results:
        if result.refused is not None:
            note(out, "!", f"not imported: {result.refused.sentences}")
        for finding in result.findings:
            note(out, "!", f"{result.file}: {finding}")
        if result.covers and not any("contradicts" in each for each in result.findings):
            spans = ", ".join(" to ".join(span(*each)) for each in result.covers)
            note(out, "-", f"{result.file} covers {result.stream} from {spans}")
    if published is None:
        out.print("\nnothing was stored: --dry-run")
    else:
        out.print(f"\npublished: {published}", soft_wrap=True)


def withdrawn(done: Withdrawal, published: Path) -> None:
    """Print how many rows the withdrawal of an import removed and kept."""
    out = console()
    note(out, "-", f"{', '.join(done.files)} withdrawn: {done.rows:,} rows removed.")
    if done.kept:
        note(
            out, "!",
            f"{done.kept:,} of its rows are kept: their span was read through the API after the "
            "import, and the API may have returned the same rows.",
        )  # fmt: skip
    out.print(f"\npublished: {published}", soft_wrap=True)


EVIDENCE = {
    "file": "named in the file",
    "user": "stated by the user",
    "label": "taken from the label",
}
"""How the account of a file was determined, in words."""


def files(rows: Sequence[Row]) -> None:
    """Print one line per imported file."""
    out = console()
    if not rows:
        out.print("No file was imported.")
        return
    listing = table(
        "sha", "file", "account", "stream", "rows", "from", "to", "imported", right=("rows",)
    )
    for row in rows:
        listing.add_row(
            row["file_sha256"][:8], Text(visible(row["file_name"])), Text(visible(row["label"])),
            row["stream"],
            f"{row['row_count']:,}", *span(row["span_start"], row["span_end"]),
            day(row["imported_at"]),
        )  # fmt: skip
    out.print(listing)
    for row in rows:
        if row["account_evidence"] in ("user", "label"):
            note(
                out, "~",
                f"{row['file_name']} belongs to {row['account_id']}: "
                f"{EVIDENCE[row['account_evidence']]}.",
            )  # fmt: skip


def counts_by_exchange(rows: Sequence[Row], entities: Sequence[str]) -> Table:
    """A table with one line per exchange and one column per entity."""
    found: Counter[tuple[str, str]] = Counter()
    for row in rows:
        found[row["exchange"], row["entity"]] += row["rows"]
    listing = table("exchange", *(name.replace("_", " ") for name in entities))
    for column in listing.columns[1:]:
        column.justify = "right"
    for exchange in sorted({exchange for exchange, _ in found}):
        listing.add_row(exchange, *(f"{found[exchange, entity]:,}" for entity in entities))
    return listing


METHODS = {
    "exchange_id": "the exchange's own id",
    "tx_hash": "the transaction's hash",
    "amount_and_time": "amount and time",
}
"""How the two sides of a transfer were matched, in words."""


def moves(rows: Sequence[Row], out: Console) -> None:
    """Print how many transfers between own accounts were matched; nothing if none was."""
    total = sum(row["rows"] for row in rows)
    if not total:
        return
    ways = ", ".join(f"{row['rows']:,} by {METHODS[row['method']]}" for row in rows)
    note(out, "~", f"{counted(total, 'transfer')} between accounts matched: {ways}.")


@contextmanager
def progress() -> Iterator[None]:
    """Show progress: bars on a terminal, else one line per finished stream."""
    err = console(stderr=True)
    if not err.is_terminal:
        with watch.watched_by(PlainLines(err)):
            yield
        return
    with bars(err) as watcher, watch.watched_by(watcher):
        yield


class PlainLines:
    """Progress for logs: one line per finished stream and per stage."""

    def __init__(self, out: Console) -> None:
        self._out = out
        self._printed: set[tuple[str, str, int]] = set()

    def rows(self, label: str, stream: str, rows: int, fraction: float | None) -> None:
        """Print a finished stream once."""
        if fraction == 1 and (label, stream, rows) not in self._printed:
            self._printed.add((label, stream, rows))
            self._out.print(f"{label} · {stream}: {rows:,} rows", soft_wrap=True)

    def stage(self, text: str) -> None:
        """Print the stage that begins."""
        self._out.print(text, soft_wrap=True)


@contextmanager
def bars(out: Console) -> Iterator[watch.Watcher]:
    """One bar per account, and one line for the stage of the run."""
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

    with Progress(
        SpinnerColumn("line"),  # others need more than ASCII
        TextColumn("{task.description:<24}", markup=False),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[note]}", markup=False),
        console=out,
    ) as display:
        yield Bars(display)


class Bars:
    """Progress on a terminal. An account's bar is the mean over its streams seen so far."""

    def __init__(self, display: Any) -> None:
        self._display = display
        self._stage: Any = None
        self._tasks: dict[str, Any] = {}
        self._streams: dict[str, dict[str, tuple[int, float]]] = {}

    def rows(self, label: str, stream: str, rows: int, fraction: float | None) -> None:
        """Update the account's bar."""
        streams = self._streams.setdefault(label, {})
        streams[stream] = (rows, fraction or 0.0)
        if label not in self._tasks:
            self._tasks[label] = self._display.add_task(label, total=1.0, note="")
        total = sum(count for count, _ in streams.values())
        self._display.update(
            self._tasks[label],
            completed=sum(share for _, share in streams.values()) / len(streams),
            note=f"{total:>9,} rows  {stream}",
        )

    def stage(self, text: str) -> None:
        """Show the stage that begins."""
        if self._stage is not None:
            self._display.update(self._stage, total=1, completed=1)
        self._stage = self._display.add_task(text, total=None, note="")
