"""The replay door: saved API answers into the same raw tables, with `origin = 'file'`.

A file may be a JSON array, one JSON object, JSON lines, or CSV with the API's column names (as
`_format=csv` gives it), each plain or gzipped. Which stream it answers is told by its columns.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dlt
import msgspec
import pyarrow as pa

from pipelines import registry
from pipelines.errors import LookbackError, Trouble
from pipelines.extract.exchange import Exchange
from pipelines.extract.progress import known_account
from pipelines.extract.records import Record, RecordReader, cut_list
from pipelines.home import Home
from pipelines.load.account_sync import account_pipeline, finish_pending, load_source
from pipelines.load.history import rows_of
from pipelines.load.tables import (
    ACCOUNTS,
    BALANCES,
    FILE_ROWS,
    RECEIPTS,
    STREAM_SPECS,
    record_rows,
    spec_rows,
    stream_table,
)
from pipelines.spec import StreamSpec

MICROSECOND = timedelta(microseconds=1)

LONGEST_HEADER = 10_000
"""Bytes within which a table's first line ends."""

# A file is taken for a stream's when it has this share of the columns all its rows have.
LIKENESS = 0.7


@dataclass(frozen=True)
class SavedFile:
    """One file, read: whose answer it is, and its records."""

    path: Path
    sha256: str
    stream: StreamSpec
    records: list[Record]
    skipped: int
    uids: frozenset[str]


@dataclass
class ImportResult:
    """What importing one file came to."""

    file: str
    stream: str
    account_id: str
    rows_in_file: int
    skipped: int
    rows_new: int = 0
    already_imported: bool = False
    span: tuple[datetime, datetime] | None = None
    findings: list[str] = field(default_factory=list)


def import_files(
    exchange_name: str, paths: Sequence[Path], label: str, home: Home
) -> list[ImportResult]:
    """Import saved answers for the account the user calls `label`. The caller holds the warehouse.

    All files are read and checked before anything is written. Raises LookbackError for a file
    that cannot be read, is no answer of this exchange, or belongs to another account.
    """
    if exchange_name not in registry.names():
        raise LookbackError(
            f"no such exchange: {exchange_name}",
            account=label,
            remedy=f"one of: {', '.join(registry.names())}",
        )
    exchange = registry.exchange(exchange_name)
    if exchange.uid_of is None:
        raise LookbackError(
            f"saved answers of {exchange.spec.title} cannot be imported yet: they do not say "
            "whose they are",
            account=label,
            remedy="sync the account by its API key",
        )
    finish_pending(home, exchange.spec)
    files = [read_file(exchange, path, label) for path in paths]
    account_id = _whose(exchange, files, label, home)
    return [_load(exchange, file, label, account_id, home) for file in files]


def read_file(exchange: Exchange, path: Path, label: str = "") -> SavedFile:
    """The records of one file and the stream it answers. Raises LookbackError."""
    data = _content(path, label)
    _refuse_unusable(exchange, path, data, label)
    raws = _raws(path, data, label)
    stream = _stream_of(exchange, raws, path, label)
    reader = RecordReader(stream)
    try:
        records = reader.read(raws)
    except Trouble as trouble:
        raise _bad_file(path, label, str(trouble)) from trouble
    kept = _without_doubles([r for r in records if exchange.is_record(stream, r)])
    uids: frozenset[str] = frozenset()
    if stream.private and exchange.uid_of is not None:
        uids = frozenset(uid for record in records if (uid := exchange.uid_of(record.raw)))
    skipped = sum(1 for record in records if not exchange.is_record(stream, record))
    return SavedFile(path, hashlib.sha256(data).hexdigest(), stream, kept, skipped, uids)


def _content(path: Path, label: str) -> bytes:
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    except (OSError, EOFError, gzip.BadGzipFile) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise LookbackError(
            f"cannot read {path}: {reason}", account=label, remedy="check the path and the file"
        ) from error


def _refuse_unusable(exchange: Exchange, path: Path, data: bytes, label: str) -> None:
    """Raise LookbackError for a table known to lack what it would take, by its header alone."""
    header = _header(data)
    for unusable in exchange.unusable_files:
        if unusable.is_headed(header):
            raise LookbackError(
                f"{path.name} is {unusable.what}, which cannot be imported: {unusable.why}",
                account=label,
                remedy=unusable.remedy,
            )


def _header(data: bytes) -> list[str]:
    """The names in the first line of what may be a table; none of what is JSON."""
    start = data[:LONGEST_HEADER].removeprefix(b"\xef\xbb\xbf").lstrip()
    if start[:1] in (b"[", b"{"):
        return []
    first_line = start.decode("utf-8", "replace").partition("\n")[0].strip()
    return [name.strip() for name in next(csv.reader([first_line]), [])]


def _raws(path: Path, data: bytes, label: str) -> list[msgspec.Raw]:
    """The file's records as JSON bytes, whatever its format."""
    text = data.removeprefix(b"\xef\xbb\xbf").strip()
    if not text:
        raise _bad_file(path, label, "it is empty")
    try:
        if text[:1] == b"[":
            return cut_list(text)
        if text[:1] == b"{":
            return _objects(text)
        return _csv_rows(text.decode("utf-8"))
    except (Trouble, msgspec.DecodeError, UnicodeDecodeError, csv.Error) as error:
        reason = error.what if isinstance(error, Trouble) else str(error)
        raise _bad_file(path, label, reason) from error


def _objects(text: bytes) -> list[msgspec.Raw]:
    """One object, or one a line."""
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
        return [msgspec.Raw(text)]
    except msgspec.DecodeError:
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        return [msgspec.json.decode(line, type=msgspec.Raw) for line in lines]


def _csv_rows(text: str) -> list[msgspec.Raw]:
    """CSV as JSON: every value stays the text it was, an empty cell is a missing key."""
    reader = csv.DictReader(io.StringIO(text), strict=True)
    rows = []
    for row in reader:
        if None in row or None in row.values():
            raise csv.Error(f"line {reader.line_num} has not as many cells as the header")
        rows.append(msgspec.Raw(msgspec.json.encode({k: v for k, v in row.items() if v != ""})))
    return rows


def _stream_of(
    exchange: Exchange, raws: Sequence[msgspec.Raw], path: Path, label: str
) -> StreamSpec:
    """The stream whose fields the records have. Their id must be among them."""
    seen: set[str] = set()
    for raw in raws:
        record = msgspec.json.decode(raw)
        if not isinstance(record, dict):
            raise _bad_file(path, label, "its items are not JSON objects")
        seen |= record.keys()
    likeness = {
        stream.name: len(seen & set(stream.fields)) / len(seen) if seen else 0.0
        for stream in exchange.spec.streams
        if set(stream.record_id[:1]) <= seen and (not stream.time_field or _has_time(stream, seen))
    }
    ranked = sorted(likeness, key=lambda name: _rank(exchange.spec.stream(name), seen))
    if not ranked or likeness[ranked[-1]] < LIKENESS:
        known = ", ".join(stream.path for stream in exchange.spec.streams)
        columns = ", ".join(sorted(seen)[:8]) or "none"
        raise LookbackError(
            f"{path.name} is no saved answer of {exchange.spec.title} that lookback knows "
            f"(its columns: {columns})",
            account=label,
            remedy=f"save the answer of one of {known}, with the API's own column names",
        )
    return exchange.spec.stream(ranked[-1])


def _rank(stream: StreamSpec, seen: set[str]) -> tuple[int, int]:
    """Most shared fields first, then the stream with the fewest fields that are missing."""
    fields = set(stream.fields)
    return len(seen & fields), -len(fields - seen)


def _has_time(stream: StreamSpec, seen: set[str]) -> bool:
    return stream.time_field in seen


def _without_doubles(records: Sequence[Record]) -> list[Record]:
    return list({(record.id, record.digest): record for record in records}.values())


def _whose(exchange: Exchange, files: Sequence[SavedFile], label: str, home: Home) -> str:
    """The one account all private files belong to, held against what the label stands for."""
    spec = exchange.spec
    known = known_account(home.warehouse, spec, label)
    for file in files:
        if len(file.uids) > 1:
            raise LookbackError(
                f"{file.path.name} holds rows of several accounts: {', '.join(sorted(file.uids))}",
                account=label,
                stream=file.stream.name,
                remedy="split it, one account a file, and import each under its own label",
            )
        for uid in file.uids:
            owner = f"{spec.name}:{uid}"
            if known is not None and known.account_id != owner:
                raise LookbackError(
                    f"{file.path.name} belongs to {owner}, but the label stands for "
                    f"{known.account_id}",
                    account=label,
                    stream=file.stream.name,
                    remedy="import it under another label",
                )
    uids = sorted({uid for file in files for uid in file.uids})
    if len(uids) > 1:
        raise LookbackError(
            f"these files belong to several accounts: {', '.join(uids)}",
            account=label,
            remedy="import each account's files under a label of its own",
        )
    if uids:
        return f"{spec.name}:{uids[0]}"
    if known is not None:
        return known.account_id
    raise LookbackError(
        "none of these files says whose it is",
        account=label,
        remedy="import a file with an account column first (wallet history, trades, orders)",
    )


def _load(
    exchange: Exchange, file: SavedFile, label: str, account_id: str, home: Home
) -> ImportResult:
    spec, stream = exchange.spec, file.stream
    receipt = _receipt(file, account_id)
    result = ImportResult(
        file=file.path.name,
        stream=stream.name,
        account_id=account_id,
        rows_in_file=len(file.records),
        skipped=file.skipped,
        span=_span(file.records),
        already_imported=_count(home, spec.name, "receipts", receipt["receipt_id"]) > 0,
    )
    if result.already_imported:
        return result
    load_source(
        account_pipeline(home, spec, account_id),
        _source(exchange, file, label, account_id, receipt),
    )
    result.rows_new = _count(home, spec.name, stream.name, receipt["receipt_id"])
    return result


def _source(
    exchange: Exchange, file: SavedFile, label: str, account_id: str, receipt: dict[str, Any]
) -> Any:
    spec, stream = exchange.spec, file.stream
    table = stream_table(stream)
    rows = record_rows(
        file.records,
        account_id=account_id if stream.private else spec.name,
        receipt_id=receipt["receipt_id"],
        origin="file",
    )

    columns = [name for name in FILE_ROWS.schema.names if name != "stream"]
    named = pa.array([stream.name] * rows.num_rows, pa.string())
    held = rows.select(columns).append_column("stream", named).select(FILE_ROWS.schema.names)

    @dlt.source(name=spec.name, max_table_nesting=0)
    def saved() -> Any:
        def items() -> Any:
            yield rows_of(table, rows)
            yield rows_of(RECEIPTS, [receipt])
            if stream.kind == "history" and stream.private:
                yield rows_of(FILE_ROWS, held)
            yield rows_of(ACCOUNTS, [_account_row(spec.name, label, account_id, receipt)])
            yield rows_of(STREAM_SPECS, spec_rows(spec, receipt["asked_at"]))
            if balances := _balances(exchange, file, account_id, receipt):
                yield rows_of(BALANCES, balances)

        return dlt.resource(items(), name=stream.name)

    return saved()


def _receipt(file: SavedFile, account_id: str) -> dict[str, Any]:
    """One receipt a file. Its id is the file's content, so that a second import is none."""
    span = _span(file.records)
    now = datetime.now(UTC)
    identity = f"{account_id}|{file.stream.name}|{file.sha256}"
    start, end = span if span and file.stream.kind == "history" else (now, now)
    return {
        "receipt_id": hashlib.sha256(identity.encode()).hexdigest()[:32],
        "account_id": account_id,
        "stream": file.stream.name,
        "scope": "",
        "asked_from": start,
        "asked_to": end + MICROSECOND if start != end else end,
        "floor_at": start,
        "floor_reason": "unknown_start",
        "outcome": "exhausted",
        "rows": len(file.records),
        "pages": 1,
        "skipped": file.skipped,
        "oldest_at": span[0] if span else None,
        "newest_at": span[1] if span else None,
        "asked_at": now,
        "finished_at": now,
        "origin": "file",
        "file_sha256": file.sha256,
        "file_name": file.path.name,
    }


def _account_row(
    exchange_name: str, label: str, account_id: str, receipt: dict[str, Any]
) -> dict[str, Any]:
    return {
        "account_id": account_id,
        "exchange": exchange_name,
        "label": label,
        "uid": account_id.partition(":")[2],
        "parent_uid": "",
        "account_kind": "file",
        "permissions": "[]",
        "ip_allow_list": "[]",
        "checked_at": receipt["asked_at"],
        "origin": "file",
    }


def _balances(
    exchange: Exchange, file: SavedFile, account_id: str, receipt: dict[str, Any]
) -> list[dict[str, Any]]:
    """A saved balance holds from its own last change on, which is when it is taken for."""
    rows = []
    for record in file.records if file.stream.kind == "snapshot" else ():
        place = exchange.balance_of(file.stream, record)
        if place is not None and record.at is not None:
            rows.append(
                {
                    "account_id": account_id,
                    "stream": file.stream.name,
                    "wallet": place[0],
                    "asset": place[1],
                    "record_id": record.id,
                    "taken_at": _moment(record.at),
                    "record": record.raw.decode(),
                    "record_hash": record.digest,
                    "receipt_id": receipt["receipt_id"],
                    "origin": "file",
                }
            )
    return rows


def _span(records: Sequence[Record]) -> tuple[datetime, datetime] | None:
    times = [record.at for record in records if record.at is not None]
    return (_moment(min(times)), _moment(max(times))) if times else None


def _moment(value: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=value)


def _count(home: Home, exchange_name: str, table: str, receipt_id: str) -> int:
    import duckdb

    if not home.warehouse.exists():
        return 0
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        try:
            found = connection.execute(
                f"select count(*) from raw_{exchange_name}.{table} where receipt_id = ?",
                [receipt_id],
            ).fetchone()
        except duckdb.CatalogException:
            return 0
    return int(found[0]) if found else 0


def _bad_file(path: Path, label: str, reason: str) -> LookbackError:
    return LookbackError(
        f"cannot make sense of {path.name}: {reason}",
        account=label,
        remedy="it must be a JSON array, JSON lines or CSV with the API's column names, .gz or not",
    )
