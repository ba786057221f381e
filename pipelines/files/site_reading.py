"""Read a file of an exchange's site: find the header, map each row to a record, prove the reading.

Nothing is stored from here. A file that cannot be read as declared is refused with line and column.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from pipelines.errors import LookbackError
from pipelines.extract.records import Record, micros
from pipelines.files.reading import DELIMITERS, SHOWN
from pipelines.files.recognition import is_decimal
from pipelines.site_format import SUM, BalanceProof, SiteFormat
from pipelines.spec import StreamSpec, TimeUnit

HEADER_LINES = 10
"""A header is searched in this number of lines: some files begin with a title."""

OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2})(?::?(\d{2}))?", re.IGNORECASE)
SPREADSHEET_NUMBER = re.compile(r"[+-]?\d(\.\d+)?E\+\d+", re.IGNORECASE)
SPREADSHEET_TIME = re.compile(r"\d{1,3}:\d{2}\.\d")
ZONE_REMEDY = (
    "state it with --timezone, for example --timezone UTC+8 or --timezone Europe/Berlin: the zone "
    "that was set on the site when the file was made"
)
MISREAD = 0.5
"""Share of broken links of the balance column at which the file is read wrongly, not incomplete."""


@dataclass(frozen=True)
class SiteRow:
    """One row of a file, cleaned: its line, its cells by column in lower case, its time in UTC."""

    line: int
    cells: Mapping[str, str]
    at: datetime


@dataclass(frozen=True)
class Break:
    """A place where a balance does not follow from the one before."""

    line: int
    chain: str
    expected: Decimal
    found: Decimal
    after: datetime
    before: datetime

    def __str__(self) -> str:
        missing = self.found - self.expected
        return (
            f"line {self.line}: the balance {self.found} {self.chain} does not follow from the row "
            f"before; rows of {missing} {self.chain} are missing between them".replace("  ", " ")
        )


@dataclass(frozen=True)
class SiteFile:
    """The records of a file with their lines, the proven spans, and the breaks between them."""

    format: SiteFormat
    stream: StreamSpec
    records: list[Record]
    lines: list[int]
    spans: list[tuple[datetime, datetime]]
    skipped: int = 0
    breaks: list[Break] = field(default_factory=list)


def zone_of(text: str) -> tzinfo:
    """The time zone of `UTC`, `UTC+8`, `+05:30` or an IANA name. Raises LookbackError."""
    stated = text.strip()
    if stated.upper() in ("UTC", "GMT", "Z"):
        return UTC
    if found := OFFSET.fullmatch(stated):
        sign, hours, minutes = found.groups()
        offset = timedelta(hours=int(hours), minutes=int(minutes or 0))
        if offset <= timedelta(hours=14):
            return timezone(-offset if sign == "-" else offset)
    try:
        return ZoneInfo(stated)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise LookbackError(
            f"no such time zone: {text}", remedy="use UTC+8, -05:30 or a name like Europe/Berlin"
        ) from error


def find_format(
    formats: Sequence[SiteFormat], text: str
) -> tuple[SiteFormat, int, str, list[str]] | None:
    """The format of a file, the index of its header line, the delimiter and the header."""
    for index, line in enumerate(text.splitlines()[:HEADER_LINES]):
        for delimiter in DELIMITERS:
            header = _cells(line, delimiter)
            if header and not header[-1]:
                header = header[:-1]
            for form in formats:
                if form.is_headed(tuple(header)):
                    return form, index, delimiter, header
    return None


def nearest_format(formats: Sequence[SiteFormat], text: str) -> str:
    """What the header of an unknown file lacks for, and has beyond, the most similar format."""
    first_line = text.lstrip().partition("\n")[0]
    delimiter = max(DELIMITERS, key=first_line.count)
    names = {name.casefold(): name for name in _cells(first_line, delimiter)}
    best, shared = None, 0
    for form in formats:
        for header in form.headers or (tuple(sorted(form.columns())),):
            common = len({name.casefold() for name in header} & set(names))
            if common > shared and common * 2 >= len(header):
                best, shared = (form, header), common
    if best is None:
        return ""
    form, header = best
    known = {name.casefold(): name for name in header}
    lacks = [name for key, name in known.items() if key not in names]
    more = [name[:SHOWN] for key, name in names.items() if key not in known]
    parts = [f"lacks {', '.join(lacks)}"] if lacks else []
    parts += [f"also has {', '.join(more)}"] if more else []
    return f"its header is most like {form.title}, but {' and '.join(parts) or 'in another order'}"


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        found = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
    except csv.Error:
        return []
    return [clean(cell) for cell in found]


def clean(cell: str) -> str:
    """A cell without byte order marks, tabs and blanks around it."""
    return cell.replace("\ufeff", "").strip()


def read_site_file(
    name: str, text: str, stream: StreamSpec, formats: Sequence[SiteFormat], zone: str = ""
) -> SiteFile:
    """The records of a file. Raises LookbackError if it cannot be read as its format says."""
    found = find_format(formats, text)
    assert found is not None, "the caller has recognised the file"
    form, index, delimiter, header = found
    rows = _rows(name, form, text, index, delimiter, header)
    moved = [row for row in rows if not _is_ignored(form, row[1])]
    timed = _timed(name, form, moved, zone)
    ordered = _oldest_first(timed)
    breaks = _breaks(name, form.proof, ordered) if form.proof else []
    records, lines = _records(name, form, stream, ordered)
    return SiteFile(
        format=form,
        stream=stream,
        records=records,
        lines=lines,
        spans=_spans(ordered, breaks),
        skipped=len(rows) - len(moved),
        breaks=breaks,
    )


def _rows(
    name: str, form: SiteFormat, text: str, index: int, delimiter: str, header: Sequence[str]
) -> list[tuple[int, dict[str, str]]]:
    """The rows below the header, cleaned, each with its line. Raises LookbackError."""
    names = [column.casefold() for column in header]
    body = text.splitlines(keepends=True)[index + 1 :]
    reader = csv.reader(io.StringIO("".join(body), newline=""), delimiter=delimiter, strict=True)
    rows = []
    try:
        for cells in reader:
            line = reader.line_num + index + 1
            values = [clean(cell) for cell in cells]
            if not any(values):
                continue
            if len(values) < len(names) or any(values[len(names) :]):
                raise _refused(
                    name, line, "", f"{len(values)} cells, but the header has {len(names)} columns"
                )
            row = {
                column: "" if value.casefold() in form.empty else value
                for column, value in zip(names, values, strict=False)
            }
            rows.append((line, row))
    except csv.Error as error:
        raise _refused(name, reader.line_num + index + 1, "", f"broken quoting: {error}") from error
    return rows


def _refused(name: str, line: int, column: str, what: str) -> LookbackError:
    place = f"{name}, line {line}" + (f", column {column}" if column else "")
    return LookbackError(
        f"{place}: {what}",
        remedy="import the file as it was downloaded: spreadsheets change times and numbers",
    )


def _is_ignored(form: SiteFormat, row: Mapping[str, str]) -> bool:
    return any(row.get(column.casefold(), "") in values for column, values in form.ignored.items())


def _timed(
    name: str, form: SiteFormat, rows: Sequence[tuple[int, dict[str, str]]], zone: str
) -> list[SiteRow]:
    """The rows with their time in UTC. Raises LookbackError."""
    column = form.time_column.casefold()
    texts = [(line, row[column]) for line, row in rows]
    pattern = _pattern(name, form, texts)
    stated = form.zone or ("UTC" if pattern.endswith("Z") else zone)
    if rows and not stated:
        raise LookbackError(f"{name} does not state its time zone", remedy=ZONE_REMEDY)
    place = zone_of(stated) if stated else UTC
    return [
        SiteRow(line, row, _utc(name, form, line, row[column], pattern, place))
        for line, row in rows
    ]


def _pattern(name: str, form: SiteFormat, texts: Sequence[tuple[int, str]]) -> str:
    """The only pattern by which all times can be read. Raises LookbackError."""
    fitting = [each for each in form.times if all(_parsed(text, each) for _, text in texts)]
    if len(fitting) == 1 or (fitting and not texts):
        return fitting[0]
    if not fitting:
        best = max(form.times, key=lambda each: sum(bool(_parsed(t, each)) for _, t in texts))
        line, text = next((line, text) for line, text in texts if not _parsed(text, best))
        shown = text[:SHOWN]
        is_damaged = SPREADSHEET_TIME.fullmatch(text) or SPREADSHEET_NUMBER.fullmatch(text)
        what = "was changed by a spreadsheet" if is_damaged else "is not a time of this format"
        raise _refused(name, line, form.time_column, f"{shown!r} {what}")
    readings = {tuple(_parsed(text, each) for _, text in texts) for each in fitting}
    falling = [each for each in fitting if _is_sorted([_parsed(t, each) for _, t in texts])]
    if len(readings) == 1 or len(falling) == 1:
        return (falling or fitting)[0]
    raise LookbackError(
        f"{name}: the order of day and month cannot be determined from its times",
        remedy="export a span with a day after the 12th, or map the file with --map",
    )


def _is_sorted(times: Sequence[datetime | None]) -> bool:
    known = [time for time in times if time is not None]
    return known in (sorted(known), sorted(known, reverse=True))


def _parsed(text: str, pattern: str) -> datetime | None:
    try:
        return datetime.strptime(text, pattern)  # noqa: DTZ007 - the zone follows
    except ValueError:
        return None


def _utc(name: str, form: SiteFormat, line: int, text: str, pattern: str, zone: tzinfo) -> datetime:
    """A local time in UTC. Raises LookbackError if the clock showed it twice, or never."""
    local = _parsed(text, pattern)
    assert local is not None, "the pattern reads all times"
    readings = {local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
    if len(readings) > 1:
        raise _ambiguous(name, form, line, text, zone)
    return readings.pop()


def _ambiguous(name: str, form: SiteFormat, line: int, text: str, zone: tzinfo) -> LookbackError:
    return LookbackError(
        f"{name}, line {line}, column {form.time_column}: {text!r} is in the hour in which the "
        f"clocks of {zone} were changed, so it is not one moment",
        remedy="export that day with another time zone, for example UTC, set on the site",
    )


def _oldest_first(rows: Sequence[SiteRow]) -> list[SiteRow]:
    """The rows in the order of time; those of one second in the order of the file, oldest first."""
    is_newest_first = len(rows) > 1 and rows[0].at > rows[-1].at
    return sorted(reversed(rows) if is_newest_first else rows, key=lambda row: row.at)


def _breaks(name: str, proof: BalanceProof, rows: Sequence[SiteRow]) -> list[Break]:
    """Where a balance does not follow from the one before. Raises LookbackError if most do not."""
    chains: dict[str, list[SiteRow]] = defaultdict(list)
    for row in rows:
        chains[" ".join(row.cells[column.casefold()] for column in proof.of)].append(row)
    found: list[Break] = []
    links = 0
    for chain, members in chains.items():
        links += len(members) - 1
        found += _breaks_of(name, proof, chain, members)
    if len(found) > max(1, links * MISREAD):
        raise LookbackError(
            f"{name}: {found[0]}. This is so in {len(found)} of {links} rows, so the file is not "
            "what its header says",
            remedy="check that the file is complete and unchanged, and of one currency",
        )
    return sorted(found, key=lambda each: each.line)


def _breaks_of(
    name: str, proof: BalanceProof, chain: str, rows: Sequence[SiteRow]
) -> Iterator[Break]:
    """The breaks of one chain. Rows of one second may be in any order."""
    balance: Decimal | None = None
    previous: SiteRow | None = None
    at = 0
    while at < len(rows):
        second = [row for row in rows[at:] if row.at == rows[at].at]
        at += len(second)
        while second:
            row = next((each for each in second if _start(name, proof, each) == balance), None)
            if row is None:
                row = _first_of(name, proof, second)
                if balance is not None and previous is not None:
                    start = _start(name, proof, row)
                    yield Break(row.line, chain, balance, start, previous.at, row.at)
            second.remove(row)
            balance, previous = _number(name, row, proof.balance), row


def _first_of(name: str, proof: BalanceProof, rows: Sequence[SiteRow]) -> SiteRow:
    """The row of a second whose start is no other row's balance; else the first in the file."""
    ends = Counter(_number(name, row, proof.balance) for row in rows)
    return next((row for row in rows if not ends[_start(name, proof, row)]), rows[0])


def _start(name: str, proof: BalanceProof, row: SiteRow) -> Decimal:
    fee = _number(name, row, proof.fee) if proof.fee else Decimal(0)
    return _number(name, row, proof.balance) - _number(name, row, proof.amount) - fee


def _number(name: str, row: SiteRow, column: str) -> Decimal:
    text = row.cells[column.casefold()]
    try:
        number = Decimal(text or "0")
    except InvalidOperation as error:
        raise _refused(name, row.line, column, f"{text[:SHOWN]!r} is not a number") from error
    if not number.is_finite() or not is_decimal(text or "0"):
        raise _refused(
            name, row.line, column, f"{text[:SHOWN]!r} is not a number with at most 18 decimals"
        )
    return number


def _spans(rows: Sequence[SiteRow], breaks: Sequence[Break]) -> list[tuple[datetime, datetime]]:
    """The spans that the rows prove: between first and last second, without both, and breaks."""
    if not rows:
        return []
    second = timedelta(seconds=1)
    spans = [(rows[0].at + second, rows[-1].at)]
    for each in breaks:
        spans = [
            part
            for start, end in spans
            for part in ((start, min(end, each.after)), (max(start, each.before + second), end))
            if part[0] < part[1]
        ]
    return [span for span in spans if span[0] < span[1]]


def _records(
    name: str, form: SiteFormat, stream: StreamSpec, rows: Sequence[SiteRow]
) -> tuple[list[Record], list[int]]:
    """The rows as records of the stream, oldest first. Equal rows of a second are numbered."""
    decimals, minors = set(stream.decimal_fields), set(stream.minor_fields)
    seen: Counter[str] = Counter()
    records = []
    for row in rows:
        values: dict[str, str] = {}
        for api_field, column in form.fields.items():
            is_constant = column.startswith("=")
            parts = [] if is_constant else column.split(SUM)
            text = column[1:] if is_constant else row.cells[parts[0].casefold()]
            if api_field in decimals or api_field in minors:
                if text:
                    number = sum((_number(name, row, part) for part in parts), Decimal(0))
                    if api_field in minors and number != number.to_integral_value():
                        raise _refused(name, row.line, column, f"{text!r} is not a whole number")
                    values[api_field] = format(number, "f")
            elif text:
                if SPREADSHEET_NUMBER.fullmatch(text):
                    raise _refused(name, row.line, column, f"{text!r} was changed by a spreadsheet")
                values[api_field] = text
        for time_field in form.time_fields or (stream.time_field,):
            values[time_field] = _written(row.at, stream.time_unit)
        content = "|".join(f"{key}={value}" for key, value in sorted(values.items()))
        key = hashlib.sha256(content.encode()).hexdigest()[:32]
        seen[key] += 1
        record_id = f"file-{key}-{seen[key]}"
        id_field = stream.record_id[0]
        if len(stream.record_id) == 1 and id_field not in values:
            values = {id_field: record_id, **values}
        raw = msgspec.json.encode(values)
        digest = hashlib.sha256(raw).hexdigest()
        scope = _scope(form, row)
        records.append(Record(raw, record_id, digest, micros(row.at), True, scope))
    return records, [row.line for row in rows]


def _scope(form: SiteFormat, row: SiteRow) -> str:
    if not form.scope_column:
        return ""
    value = row.cells[form.scope_column.casefold()]
    return form.scopes.get(value.upper(), form.scopes.get("", ""))


def _written(at: datetime, unit: TimeUnit) -> str:
    """A time as the API writes it."""
    if unit == "iso8601":
        return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return str(micros(at) // (1_000_000 if unit == "seconds" else 1_000))
