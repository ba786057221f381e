"""Answers and progress on a terminal: short, aligned, scopes merged, at most 100 columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from flows.cli.safe_text import visible
from flows.cli.terminal import console, table
from flows.reports import gap_words
from flows.reports.answers import Row, plain_amount
from flows.runtime import watch
from flows.runtime.outcome import shortened

if TYPE_CHECKING:
    from flows.runtime.outcome import Summary
    from pipelines.files.importer import ImportResult
    from pipelines.files.imports import Withdrawal


GOOD, WARN, BAD = "green", "yellow", "red"

SEVERITY = {"info": "", "warning": WARN, "critical": BAD}
"""How a gap looks, the lightest first."""


def day(moment: datetime | None) -> str:
    """The day of a moment, UTC."""
    return f"{moment:%Y-%m-%d}" if moment else "–"


def span(start: datetime | None, end: datetime | None) -> tuple[str, str]:
    """Both ends of a span: days, or minutes where it lies within two days."""
    if start and end and (end - start).total_seconds() < 2 * 86_400:
        return f"{start:%Y-%m-%d %H:%M}", f"{end:%Y-%m-%d %H:%M}"
    return day(start), day(end)


def gaps(rows: Sequence[Row], out: Console | None = None) -> None:
    """One line an account, stream and verdict; below, why and what would fill it.

    Spans that were read to the end where the exchange states no limit are told in one sentence,
    and so is what no route tells.
    """
    out = out or console()
    apart = (is_unverified, is_excluded, is_beyond_reading)
    told = [row for row in rows if not any(is_it(row) for is_it in apart)]
    if told:
        listing = table("account", "stream", "verdict", "from", "to", "state", "why")
        notes = []
        for (label, stream, verdict, *_), group in merged_gaps(told):
            notes.append(group)
            start, end = span(
                min((row["span_start"] for row in group if row["span_start"]), default=None),
                max((row["span_end"] for row in group if row["span_end"]), default=None),
            )
            spans = f" ({len(group)} spans)" if len(group) > 1 else ""
            look = SEVERITY[group[0]["severity"]]
            listing.add_row(
                label, stream, Text(verdict, style=look), start, end + spans,
                "filled" if group[0]["state"] == "filled" else "open", f"[{len(notes)}]",
            )  # fmt: skip
        out.print(listing)
        out.print()
        for number, group in enumerate(notes, start=1):
            note(out, f"[{number}]", why(group))
        tell_remedies(out, notes)
    else:
        out.print("No gap is open.", style=GOOD)
    tell_unverified(out, [row for row in rows if is_unverified(row)])
    tell_excluded(out, [row for row in rows if is_excluded(row)])
    tell_beyond_reading(out, [row for row in rows if is_beyond_reading(row)])


def is_excluded(row: Row) -> bool:
    """Whether no route of the API gives this to anybody."""
    return bool(row["verdict"] == "excluded_by_exchange")


def is_beyond_reading(row: Row) -> bool:
    """Whether a key would need more than reading for it, which nobody should give it."""
    return bool(row.get("lacking_right") and row["severity"] == "info")


def is_unverified(row: Row) -> bool:
    """Whether nothing is known to be missing, only nobody can say so for sure."""
    return bool(row["verdict"] == "unverified" and row["severity"] == "info")


def merged_gaps(rows: Sequence[Row]) -> list[tuple[tuple[Any, ...], list[Row]]]:
    """Gaps of one account, stream, verdict, state and remedy together, the gravest first."""
    columns = ("label", "stream", "verdict", "severity", "state", "remedy")
    groups = _by(rows, *columns)
    ranks = list(SEVERITY)[::-1]
    return sorted(groups, key=lambda found: (found[0][0], ranks.index(found[1][0]["severity"])))


def why(group: Sequence[Row]) -> str:
    """Why the first of those gaps is there, and what has filled it."""
    first = group[0]
    more = f" (And {len(group) - 1} more like it.)" if len(group) > 1 else ""
    filled = f" Filled by {first['filled_by']}." if first["state"] == "filled" else ""
    return f"{first['cause']}{more}{filled}"


def tell_remedies(out: Console, groups: Sequence[Sequence[Row]]) -> None:
    """What would fill the open gaps, each way said once with the numbers it is for."""
    numbers: dict[str, list[int]] = {}
    for number, group in enumerate(groups, start=1):
        if group[0]["state"] != "filled" and group[0]["remedy"]:
            numbers.setdefault(group[0]["remedy"], []).append(number)
    for remedy, found in numbers.items():
        out.print()
        marks = " ".join(f"[{number}]" for number in found)
        out.print(Text(f"To fill {marks}:"))
        note(out, " ", remedy)


def tell_unverified(out: Console, rows: Sequence[Row]) -> None:
    """The streams that were read to their end without a promise behind it."""
    if not rows:
        return
    named = ", ".join(
        f"{label} {' '.join(sorted({row['stream'] for row in group}))}"
        for (label,), group in _by(rows, "label")
    )
    out.print()
    note(
        out,
        "~",
        "Read to the end without a known hole, but the exchange does not say how far back it "
        f"answers, so complete cannot be claimed: {named}.",
    )


def tell_excluded(out: Console, rows: Sequence[Row]) -> None:
    """What no route of an exchange gives to anybody, by the names it has in the coverage."""
    for (exchange,), group in _by(rows, "exchange"):
        names = ", ".join(sorted({row["stream"].replace("_", " ") for row in group}))
        text = f"The API of {exchange} gives nobody {names}; what helps: lookback guide {exchange}."
        out.print()
        note(out, "~", text)


def tell_beyond_reading(out: Console, rows: Sequence[Row]) -> None:
    """What these keys lack the right for; a key that only reads is the better one all the same."""
    told = [
        f"{label} {' '.join(sorted({row['stream'] for row in group}))}"
        for (label,), group in _by(rows, "label")
    ]
    if told:
        out.print()
        note(out, "~", f"{gap_words.BEYOND_READING}: {'; '.join(told)}.")


def note(out: Console, mark: str, text: str) -> None:
    """A marked paragraph, wrapped with its lines under each other."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(Text(mark), Text(visible(text)))
    out.print(grid)


def deadlines(rows: Sequence[Row], out: Console | None = None) -> None:
    """The most urgent first; what has no date is told in a sentence."""
    out = out or console()
    dated = [row for row in rows if row["sync_before"]]
    if dated:
        listing = table("account", "stream", "reaches back to", "next loss", "sync before")
        for column in listing.columns[2:]:
            column.no_wrap = True
        for row in dated:
            listing.add_row(
                row["label"],
                row["stream"],
                minute(row["oldest_obtainable_at"]),
                about(row, "next_loss_at"),
                Text(about(row, "sync_before"), style=BAD if row["at_risk"] else ""),
            )
        out.print(listing)
        for row in dated:
            if row.get("is_estimate"):
                note(out, "≈", f"{row['label']}: {row['explanation']}")
    else:
        out.print("No deadline: nothing is known to drop out of reach.", style=GOOD)
    for row in rows:
        if row["reason"] in {"never_connected", "not_connected"}:
            note(out, "!", f"{row['label']}: {row['explanation']}")
    ended = [row for row in rows if row["reason"] == "over"]
    for _, group in _by(ended, "exchange"):
        note(out, "~", group[0]["explanation"])
    for row in rows:
        if row["reason"] == "newest_rows" and not row["sync_before"]:
            note(out, "~", f"{row['label']}: {row['explanation']}")
    unstated = sum(1 for row in rows if row["reason"] == "nothing_is_lost")
    if unstated:
        note(out, "~", f"{unstated} streams have no stated limit: nothing dates their loss.")


def about(row: Row, name: str) -> str:
    """A moment of a deadline, marked where it is reckoned from the account's own pace."""
    return f"{'≈ ' if row.get('is_estimate') else ''}{minute(row[name])}"


def minute(moment: datetime | None) -> str:
    """A moment to the minute, UTC."""
    return f"{moment:%Y-%m-%d %H:%M}" if moment else "–"


def checks(rows: Sequence[Row], out: Console | None = None, shown: int | None = None) -> None:
    """How many agree for each account and wallet, then the differences, or the first `shown`."""
    out = out or console()
    if not rows:
        out.print("No balance has been checked yet: nothing was synced.", style=WARN)
        return
    right = ("agree", "differ")
    listing = table("account", "wallet", "checks", *right, right=right)
    for (label, wallet), group in sorted(_by(rows, "label", "wallet"), key=lambda found: found[0]):
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
    # A warning only repeats what a critical finding of the same asset explains.
    found = [row for row in rows if row["severity"] == "critical"]
    found = found or [row for row in rows if not row["is_ok"]]
    told = found[:shown]
    if told:
        out.print()
        out.print(differences(told))
    if len(found) > len(told):
        out.print(f"… and {len(found) - len(told)} more: lookback checks")
    others = sum(not row["is_ok"] for row in rows) - len(found)
    if others:
        note(
            out, "~",
            f"{others} other differences follow from these or are notes: lookback checks --json",
        )  # fmt: skip


def differences(rows: Sequence[Row]) -> Table:
    """Findings: what the exchange has beyond what the rows come to, signed, and why."""
    size_of = "exchange less rows"
    listing = table("account", "wallet", "asset", size_of, "likely cause", right=[size_of])
    for row in rows:
        residual = row["residual"]
        size = "–" if residual is None else f"{'+' if residual > 0 else ''}{plain_amount(residual)}"
        cause = row["likely_cause"] or row["kind"].replace("_", " ")
        listing.add_row(row["label"], row["wallet"], row["asset"], size, cause)
    return listing


def findings(rows: Sequence[Row], out: Console | None = None) -> None:
    """A line a finding; below, what each is and what would settle it, each way said once.

    Mere notes (`info`) are only counted, unless findings that are settled are listed as well.
    """
    out = out or console()
    everything = any(row["state"] != "open" for row in rows)
    told = [row for row in rows if everything or row["severity"] != "info"]
    if told:
        out.print(inbox(told))
        out.print()
        for number, row in enumerate(told, start=1):
            note(out, f"[{number}]", what_of(row))
        tell_settling(out, told)
    else:
        out.print("No open findings.", style=GOOD)
    notes = len(rows) - len(told)
    if notes:
        out.print()
        note(out, "~", f"{notes} more are notes without a known loss: lookback findings --all")


def inbox(rows: Sequence[Row]) -> Table:
    """The findings' table, two lines each: id, whose, what and about what, from when to when."""
    listing = table("id", "account", "what", "from, to", "size", "")
    for column in (0, 3, 4, 5):
        listing.columns[column].no_wrap = True
    listing.columns[4].justify = "right"
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
    """What a finding is, and what has become of it."""
    became = {
        "open": "",
        "fixed": f" Fixed: {row['fixed_by']}.",
        "explained": f" Explained: {row['explanation']}",
        "dismissed": f" Set aside: {row['dismissal_reason']}"
        + (f" ({row['dismissed_by']})" if row["dismissed_by"] else ""),
    }
    return f"{row['what']}{became[row['state']]}"


def tell_settling(out: Console, rows: Sequence[Row]) -> None:
    """What would settle the open findings, each way said once with the numbers it is for."""
    numbers: dict[str, list[int]] = {}
    for number, row in enumerate(rows, start=1):
        if row["state"] == "open" and row["remedy"]:
            numbers.setdefault(row["remedy"], []).append(number)
    for remedy, found in numbers.items():
        out.print()
        out.print(Text(f"To settle {' '.join(f'[{number}]' for number in found)}:"))
        note(out, " ", remedy)


def besides(settled: Mapping[str, int], strays: Sequence[Row]) -> None:
    """How many findings are settled, and what `findings.yml` says of none."""
    out = console()
    if settled:
        named = ", ".join(f"{count} {state}" for state, count in sorted(settled.items()))
        note(out, "~", f"{named}: lookback findings --all")
    for row in strays:
        note(
            out,
            "!",
            f"findings.yml, line {row['line']}: no finding has the id {row['finding_id']} "
            "(any more); the line can go",
        )


def status(rows: Sequence[Row], out: Console | None = None) -> None:
    """One light for each account and stream; below, each reason once."""
    out = out or console()
    listing = table("account", "stream", "light", "last asked", "rows", "why", right=["rows"])
    reasons: dict[str, int] = {}
    for row in rows:
        number = reasons.setdefault(row["reason"], len(reasons) + 1)
        listing.add_row(
            row["label"],
            row["stream"],
            Text(row["light"], style=row["light"]),
            minute(row["last_asked_at"]),
            f"{row['rows'] or 0:,}",
            f"[{number}]",
        )
    out.print(listing)
    out.print()
    for reason, number in reasons.items():
        note(out, f"[{number}]", reason)


def accounts(rows: Sequence[Row], out: Console | None = None) -> None:
    """A line an account: where it is, who it is, and the worst that is known of it."""
    out = out or console()
    listing = table("label", "exchange", "account", "light", "last asked", "why")
    for row in rows:
        listing.add_row(
            row["label"],
            row["exchange"],
            row["account_id"],
            Text(row["light"], style=row["light"]),
            minute(row["last_asked_at"]),
            row["reason"],
        )
    out.print(listing)


def oddities(rows: Sequence[Row], out: Console | None = None) -> None:
    """How many oddities of records need a look, in one line; nothing where none does."""
    urgent = [row for row in rows if row["severity"] == "warning"]
    if not urgent:
        return
    counts = Counter(row["problem"].replace("_", " ") for row in urgent)
    kinds = ", ".join(f"{count} {kind}" for kind, count in counts.most_common())
    text = f"{len(urgent)} oddities in what exchanges sent ({kinds}): marts.fct_data_quality"
    note(out or console(), "!", text)


def summary(done: Summary, published: Path) -> None:
    """What a sync brought, account by account, and warnings about keys and clocks."""
    out = console()
    right = ("new rows", "rows read", "requests")
    listing = table("account", *right, "streams with trouble", right=right)
    for result in done.results:
        troubled = sorted({failure.stream for failure in result.failures})
        listing.add_row(
            result.label,
            f"{result.new_rows:,}",
            f"{result.rows:,}",
            f"{result.requests:,}",
            shortened(troubled) or "–",
        )
    out.print(listing)
    for result in done.results:
        for warning in result.warnings:
            note(out, "!", f"{result.label}: {warning}")
    out.print(f"\npublished: {published}", soft_wrap=True)


def imported(results: Sequence[ImportResult], published: Path) -> None:
    """What each file held, what of it was new, and what was odd about it."""
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
                "had it" if result.already_imported else f"{result.rows_new:,}",
                *(span(*result.span) if result.span else ("–", "–")),
            )
    out.print(listing)
    for result in results:
        if result.refused is not None:
            note(out, "!", f"not imported: {result.refused.sentences}")
        for finding in result.findings:
            note(out, "!", f"{result.file}: {finding}")
    out.print(f"\npublished: {published}", soft_wrap=True)


def withdrawn(done: Withdrawal, published: Path) -> None:
    """What taking an import back removed, and what stays."""
    out = console()
    note(out, "-", f"{', '.join(done.files)} was taken back: {done.rows:,} rows removed.")
    if done.kept:
        note(
            out, "!",
            f"{done.kept:,} of its rows stay: the API has read their span since, and may have "
            "given the same rows.",
        )  # fmt: skip
    out.print(f"\npublished: {published}", soft_wrap=True)


EVIDENCE = {
    "file": "named in the file",
    "user": "stated by the user",
    "label": "taken from the label",
}
"""How it is known whose a file is, in words."""


def files(rows: Sequence[Row]) -> None:
    """One line an imported file."""
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
    """A line an exchange, a column an entity."""
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
"""How two sides of a move were found to belong together, in words."""


def moves(rows: Sequence[Row], out: Console) -> None:
    """One sentence on the moves between own accounts; nothing where there are none."""
    total = sum(row["rows"] for row in rows)
    if not total:
        return
    ways = ", ".join(f"{row['rows']:,} by {METHODS[row['method']]}" for row in rows)
    moves_were = "move between accounts was" if total == 1 else "moves between accounts were"
    note(out, "~", f"{total:,} {moves_were} put together: {ways}.")


def _by(rows: Sequence[Row], *columns: str) -> list[tuple[tuple[Any, ...], list[Row]]]:
    """Rows grouped by columns, groups in the order of their first row."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[column] for column in columns), []).append(row)
    return list(groups.items())


@contextmanager
def progress() -> Iterator[None]:
    """Show how far a run is: bars on a terminal, a line a finished stream elsewhere."""
    err = console(stderr=True)
    if not err.is_terminal:
        with watch.watched_by(PlainLines(err)):
            yield
        return
    with bars(err) as watcher, watch.watched_by(watcher):
        yield


class PlainLines:
    """Progress for logs: one line when a stream is done, one for each stage."""

    def __init__(self, out: Console) -> None:
        self._out = out
        self._told: set[tuple[str, str, int]] = set()

    def rows(self, label: str, stream: str, rows: int, fraction: float | None) -> None:
        """Tell a finished stream once."""
        if fraction == 1 and (label, stream, rows) not in self._told:
            self._told.add((label, stream, rows))
            self._out.print(f"{label} · {stream}: {rows:,} rows", soft_wrap=True)

    def stage(self, text: str) -> None:
        """Tell what comes now."""
        self._out.print(text, soft_wrap=True)


@contextmanager
def bars(out: Console) -> Iterator[watch.Watcher]:
    """A bar an account, and a line for what the run as a whole does."""
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
        """Move the account's bar."""
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
        """Say what the run does now."""
        if self._stage is not None:
            self._display.update(self._stage, total=1, completed=1)
        self._stage = self._display.add_task(text, total=None, note="")
