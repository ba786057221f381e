"""Import saved API responses into the raw tables, with `origin = 'file'`.

`reading` returns the items of a file; `recognition` determines their stream and checks records.
This module determines the account and the time of a file, and loads it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pyarrow as pa

from pipelines import registry
from pipelines.config.accounts import require_label
from pipelines.errors import LookbackError, RequestError
from pipelines.extract.exchange import Exchange
from pipelines.extract.paginators import times_of
from pipelines.extract.progress import known_account, labels_of_accounts
from pipelines.extract.records import Record, RecordReader, to_moment
from pipelines.extract.windows import Floor, Window
from pipelines.files.imports import holder_of, restate
from pipelines.files.reading import (
    Content,
    contents,
    header_of,
    items_of,
    malformed,
    text_of,
    unreadable,
)
from pipelines.files.recognition import (
    ACCOUNT_NUMBER,
    Fault,
    faults_of,
    fields_of,
    not_recognised,
    recognise,
    respelled,
)
from pipelines.files.saved_file import ImportResult, SavedFile, Stated
from pipelines.files.site_import import differences_of, site_file, site_receipts, site_rows
from pipelines.files.site_reading import nearest_format
from pipelines.files.site_rows import reconcile
from pipelines.home import Home
from pipelines.load.pipeline import account_pipeline, finish_pending, load_source
from pipelines.load.tables import (
    ACCOUNTS,
    BALANCES,
    FILE_ROWS,
    FILE_STATES,
    RECEIPTS,
    SITE_ROWS,
    STREAM_SPECS,
    Table,
    record_rows,
    spec_rows,
    stream_table,
)
from pipelines.load.writer import balance_rows, receipt_row, rows_of
from pipelines.spec import StreamSpec

MICROSECOND = timedelta(microseconds=1)


def import_files(
    exchange_name: str,
    paths: Sequence[Path],
    label: str,
    home: Home,
    stated: Stated | None = None,
    *,
    dry_run: bool = False,
) -> list[ImportResult]:
    """Import saved responses and files of the site for an account. The caller holds the lock.

    A file that cannot be stored is refused, and the others are imported; with `dry_run` nothing is
    stored. Raises LookbackError if none can be stored.
    """
    now = datetime.now(UTC)
    stated = stated or Stated()
    uid = stated.uid
    exchange = _exchange(exchange_name, label)
    finish_pending(home, exchange.spec)
    known = known_account(home.warehouse, exchange.spec, label)
    read = [found for path in paths for found in _read_path(exchange, path, label, stated)]
    owner = _owner(
        exchange,
        [file for file in read if isinstance(file, SavedFile)],
        known.account_id if known is not None else "",
        label,
        uid,
    )
    checked = [
        found if isinstance(found, ImportResult) else _of_owner(exchange, found, owner, uid)
        for found in read
    ]
    files = [found for found in checked if isinstance(found, SavedFile)]
    if not files:
        raise _nothing_left([found for found in checked if isinstance(found, ImportResult)], label)
    _require_own_label(home, exchange, owner, label)
    taken = _taken_together(files)
    imports = [
        _Import(
            replace(file, taken=taken.get(id(file), file.taken)),
            owner,
            _evidence(file, uid),
            now,
            stated,
        )
        for file in files
    ]
    if dry_run:
        loaded = iter([_as_read(each, owner) for each in imports])
    else:
        loaded = iter(_load(exchange, imports, label, owner, home))
    return [found if isinstance(found, ImportResult) else next(loaded) for found in checked]


def check_input(exchange_name: str, paths: Sequence[Path], label: str) -> None:
    """Raises LookbackError if the exchange is unknown or none of the files exists."""
    _exchange(exchange_name, label)
    if not any(path.exists() for path in paths):
        error = unreadable(paths[0], "no such file or directory")
        error.account = label
        raise error


def _exchange(name: str, label: str) -> Exchange:
    """The exchange whose files are imported. Raises LookbackError."""
    require_label(label)
    if name not in registry.names():
        raise LookbackError(
            f"no such exchange: {name}",
            account=label,
            remedy=f"exchanges: {', '.join(registry.names())}",
        )
    return registry.exchange(name)


def _require_own_label(home: Home, exchange: Exchange, account_id: str, label: str) -> None:
    """Raises LookbackError where the account is known by another label."""
    labels = labels_of_accounts(home.warehouse, exchange.spec, with_files=True)
    holder = labels.get(account_id, label)
    if holder.lower() != label.lower():
        raise LookbackError(
            f"these files belong to {account_id}, whose label is {holder}",
            account=label,
            remedy=f"import them with --account {holder}",
        )


def _read_path(
    exchange: Exchange, path: Path, label: str, stated: Stated
) -> list[SavedFile | ImportResult]:
    """The saved responses in one file; a refusal for each that cannot be stored."""
    try:
        found = contents(path)
    except LookbackError as error:
        return [_refusal(path.name, error, label)]
    read: list[SavedFile | ImportResult] = []
    for content in found:
        try:
            read.append(read_content(exchange, content, stated))
        except LookbackError as error:
            read.append(_refusal(content.name, error, label))
    return read


def _refusal(name: str, error: LookbackError, label: str) -> ImportResult:
    error.account = label
    return ImportResult(name, stream=error.stream, refused=error)


def _nothing_left(refused: Sequence[ImportResult], label: str) -> LookbackError:
    """The error if no file can be stored."""
    errors = [result.refused for result in refused if result.refused is not None]
    if len(errors) == 1:
        return errors[0]
    return LookbackError(
        "none of the files can be imported: " + "; ".join(error.what for error in errors),
        account=label,
        remedy=errors[0].remedy if errors else "name at least one file",
    )


def read_content(exchange: Exchange, content: Content, stated: Stated | None = None) -> SavedFile:
    """Parse one file: its stream and records. Raises LookbackError."""
    text = text_of(content)
    found = site_file(exchange, content, text, stated or Stated())
    if found is not None:
        return found
    header = header_of(text)
    for unusable in exchange.unusable_files:
        if unusable.is_headed(header):
            raise LookbackError(
                f"{content.name} is {unusable.what}, which cannot be imported: {unusable.why}",
                remedy=unusable.remedy,
            )
    items = items_of(content.name, text)
    fields = fields_of(content.name, items)
    names = {name for each in fields for name in each} | (set(header) if items else set())
    stream = recognise(exchange.spec, names)
    if stream is None:
        raise not_recognised(
            exchange.spec, content.name, names, nearest_format(exchange.spec.site_formats, text)
        )
    items = respelled(stream, items, fields)
    try:
        records = RecordReader(stream).read([item.raw for item in items])
    except RequestError as problem:
        raise malformed(content.name, problem.what) from problem
    faults = [
        (item.line, fault)
        for item, record in zip(items, records, strict=True)
        if exchange.is_record(stream, record)
        for fault in (
            *faults_of(stream, record.raw),
            *_account_faults(exchange, stream, record.raw),
        )
    ]
    if faults:
        line, fault = faults[0]
        rest = f" (and {len(faults) - 1} more such values)" if len(faults) > 1 else ""
        raise LookbackError(
            f"{content.name}, line {line}: {fault}{rest}",
            stream=stream.name,
            remedy="import the file as it was saved: spreadsheets change times and numbers",
        )
    kept = [record for record in records if exchange.is_record(stream, record)]
    uids: frozenset[str] = frozenset()
    if stream.private and exchange.uid_of is not None:
        uids = frozenset(uid for record in records if (uid := exchange.uid_of(record.raw)))
    return SavedFile(
        name=content.name,
        sha256=hashlib.sha256(content.data).hexdigest(),
        stream=stream,
        records=_without_doubles(kept),
        skipped=len(records) - len(kept),
        uids=uids,
        taken=max((record.at for record in records if record.at is not None), default=None),
        is_whole=text.lstrip().startswith("[") or len(items) > 1,
    )


def _account_faults(exchange: Exchange, stream: StreamSpec, raw: bytes) -> list[Fault]:
    """A value that cannot be an account number, as `1.000001E+06`."""
    uid = exchange.uid_of(raw) if stream.private and exchange.uid_of is not None else ""
    if not uid or ACCOUNT_NUMBER.fullmatch(uid):
        return []
    return [Fault(exchange.uid_field, uid, "is not an account number")]


def _without_doubles(records: Sequence[Record]) -> list[Record]:
    return list({(record.id, record.digest): record for record in records}.values())


def _owner(exchange: Exchange, files: Sequence[SavedFile], known: str, label: str, uid: str) -> str:
    """The account id for the files. Raises LookbackError."""
    name = exchange.spec.name
    stated = f"{name}:{uid}" if uid else ""
    if stated and known and stated != known:
        raise LookbackError(
            f"--uid states {stated}, but the label stands for {known}",
            account=label,
            remedy="remove --uid, or import under another label",
        )
    if stated or known:
        return stated or known
    uids = sorted({uid for file in files if len(file.uids) == 1 for uid in file.uids})
    if len(uids) > 1:
        raise LookbackError(
            f"these files belong to several accounts: {', '.join(uids)}",
            account=label,
            remedy="import each account's files under a separate label",
        )
    return f"{name}:{uids[0]}" if uids else ""


def _of_owner(
    exchange: Exchange, file: SavedFile, owner: str, uid: str
) -> SavedFile | ImportResult:
    """The file, or a refusal if it cannot be stored for that account."""
    account = owner.partition(":")[2]
    remedy = "import it under another label"
    if len(file.uids) > 1:
        what = f"{file.name} holds rows of several accounts: {', '.join(sorted(file.uids))}"
        remedy = "split it into one file per account, and import each under a separate label"
    elif file.uids and file.uids != {account}:
        other = f"{exchange.spec.name}:{next(iter(file.uids))}"
        what = f"{file.name} belongs to {other}, but the label stands for {owner}"
    elif _names_no_account(exchange, file) and not uid:
        what = (
            f"{file.name} does not name its account: the column {exchange.uid_field} is missing "
            "or empty"
        )
        remedy = "state the account with --uid NUMBER; it is recorded as stated by you"
    elif not owner:
        what = f"{file.name}: cannot determine the account: no file has an account column"
        remedy = (
            "import a file with an account column first (wallet history, trades, orders), or "
            "state the account with --uid NUMBER"
        )
    else:
        return file
    error = LookbackError(what, stream=file.stream.name, remedy=remedy)
    return _refusal(file.name, error, "")


def _names_no_account(exchange: Exchange, file: SavedFile) -> bool:
    """Whether the stream has an account field that is empty or missing in the file."""
    names_it = file.stream.private and exchange.uid_field in file.stream.fields
    return names_it and not file.uids and file.site is None


def _evidence(file: SavedFile, uid: str) -> str:
    """How the account of the file was determined: its rows, the user's statement, or the label."""
    if file.uids or not file.stream.private:
        return "file"
    return "user" if uid else "label"


def _taken_together(files: Sequence[SavedFile]) -> dict[int, int]:
    """The time of the states of one import, by the file's identity.

    Files imported together were saved together, unless two of them have the same stream. A state
    has at most the time of its last change, so the time of the newest file is used.
    """
    private = [file for file in files if file.stream.private]
    states = [file for file in private if file.stream.kind == "snapshot"]
    newest = max((file.taken for file in private if file.taken is not None), default=None)
    if newest is None or len({file.stream.name for file in states}) < len(states):
        return {}
    return {id(file): newest for file in states}


class _Import:
    """A file to load, with its receipts: one, or several of a file of the site."""

    def __init__(
        self, file: SavedFile, account_id: str, evidence: str, now: datetime, stated: Stated
    ) -> None:
        self.file = file
        receipt = _receipt(file, account_id, evidence, now)
        self.receipts = site_receipts(receipt, file, stated) if file.site else [receipt]
        self.receipt_id: str = self.receipts[0]["receipt_id"]


def _load(
    exchange: Exchange, imports: Sequence[_Import], label: str, account_id: str, home: Home
) -> list[ImportResult]:
    """Load the files that were not imported before, in one load package."""
    spec = exchange.spec
    known = {
        each.receipt_id
        for each in imports
        if _count(home, spec.name, "receipts", each.receipt_id) > 0
    }
    new = {each.receipt_id: each for each in imports if each.receipt_id not in known}
    if new:
        load_source(
            account_pipeline(home, spec, account_id),
            _source(exchange, list(new.values()), label, account_id),
        )
    replaced = 0
    states = {each.file.stream for each in new.values() if each.file.stream.kind != "history"}
    with duckdb.connect(str(home.warehouse)) as connection:
        for stream in states:
            restate(connection, spec, stream, holder_of(spec, stream, account_id))
        if any(each.file.site for each in new.values()):
            connection.begin()
            replaced = reconcile(connection, exchange).removed
            connection.commit()
    results = [
        _result(each, account_id, each is not new.get(each.receipt_id), home, spec.name)
        for each in imports
    ]
    results[0].rows_replaced = replaced
    return results


def _result(
    each: _Import, account_id: str, already_imported: bool, home: Home, exchange_name: str
) -> ImportResult:
    file = each.file
    result = replace(_as_read(each, account_id), already_imported=already_imported)
    if file.site is not None:
        result.findings += differences_of(home, exchange_name, each.receipts)
    if not already_imported:
        is_history = file.stream.kind == "history"
        table = file.stream.name if is_history else FILE_STATES.name
        result.rows_new = sum(
            _count(home, exchange_name, table, row["receipt_id"]) for row in each.receipts
        )
    return result


def _as_read(each: _Import, account_id: str) -> ImportResult:
    """The result of a file that was read, and not stored yet."""
    file = each.file
    return ImportResult(
        file=file.name,
        stream=file.stream.name,
        account_id=account_id,
        rows_in_file=len(file.records),
        skipped=file.skipped,
        span=_span(file.records),
        findings=[str(found) for found in file.site.breaks] if file.site else [],
        covers=[(row["asked_from"], row["asked_to"]) for row in each.receipts if file.site],
    )


def _source(exchange: Exchange, imports: Sequence[_Import], label: str, account_id: str) -> Any:
    """All rows of an import. A row that is in two files is loaded once."""
    spec, now = exchange.spec, imports[0].receipts[0]["asked_at"]
    seen: set[tuple[str, str, str]] = set()

    def fresh(each: _Import) -> list[Record]:
        name = each.file.stream.name
        found = [record for record in each.file.records if (name, *record[1:3]) not in seen]
        seen.update((name, *record[1:3]) for record in found)
        return found

    def rows(each: _Import, records: Sequence[Record]) -> pa.Table:
        stream = each.file.stream
        made = record_rows(
            records,
            account_id=holder_of(spec, stream, account_id),
            receipt_id=each.receipt_id,
            origin="file",
        )
        count = made.num_rows
        return made.append_column(
            "stream", pa.array([stream.name] * count, pa.string())
        ).append_column("is_whole", pa.array([each.file.is_whole] * count, pa.bool_()))

    def items() -> Any:
        for each in imports:
            stream = each.file.stream
            if each.file.site is not None:
                yield rows_of(SITE_ROWS, site_rows(each.file, account_id, each.receipts))
                continue
            table, is_history = stream_table(stream), stream.kind == "history"
            yield rows_of(table, _columns(rows(each, fresh(each) if is_history else []), table))
            if not is_history:
                yield rows_of(FILE_STATES, _columns(rows(each, each.file.records), FILE_STATES))
            elif stream.private:
                yield rows_of(FILE_ROWS, _columns(rows(each, each.file.records), FILE_ROWS))
        yield rows_of(RECEIPTS, [receipt for each in imports for receipt in each.receipts])
        yield rows_of(ACCOUNTS, [_account_row(spec.name, label, account_id, now)])
        yield rows_of(STREAM_SPECS, spec_rows(spec, now))
        balances = {
            tuple(row[name] for name in BALANCES.key): row
            for each in imports
            if each.file.site is None
            for row in balance_rows(
                exchange,
                each.file.stream,
                each.file.records,
                account_id=account_id,
                receipt_id=each.receipt_id,
                origin="file",
            )
        }
        if balances:
            yield rows_of(BALANCES, list(balances.values()))

    @dlt.source(name=spec.name, max_table_nesting=0)
    def saved() -> Any:
        return dlt.resource(items(), name="saved_files")

    return saved()


def _columns(rows: pa.Table, table: Table) -> pa.Table:
    return rows.select(table.schema.names)


def _receipt(file: SavedFile, account_id: str, evidence: str, now: datetime) -> dict[str, Any]:
    """One receipt per file. Its id is derived from the content, so a file is imported once.

    A history covers the span up to the time of the file, if that is known.
    """
    span = _span(file.records)
    identity = f"{account_id}|{file.stream.name}|{file.sha256}"
    start, end = (now, now)
    if span and file.stream.kind == "history":
        start, end = span[0], max(span[1], to_moment(file.taken or 0))
    return receipt_row(
        receipt_id=hashlib.sha256(identity.encode()).hexdigest()[:32],
        account_id=account_id,
        stream=file.stream.name,
        window=Window(
            start, end + MICROSECOND if start != end else end, Floor(start, "unknown_start")
        ),
        outcome="exhausted",
        asked_at=now,
        finished_at=now,
        origin="file",
        oldest=min(times_of(file.records), default=None),
        newest=max(times_of(file.records), default=None),
        rows=len(file.records),
        pages=1,
        skipped=file.skipped,
        file_sha256=file.sha256,
        file_name=file.name,
        taken_at=None if file.taken is None else to_moment(file.taken),
        account_evidence=evidence,
    )


def _account_row(exchange_name: str, label: str, account_id: str, now: datetime) -> dict[str, Any]:
    return {
        "account_id": account_id,
        "exchange": exchange_name,
        "label": label,
        "uid": account_id.partition(":")[2],
        "parent_uid": "",
        "account_kind": "file",
        "permissions": "[]",
        "ip_allow_list": "[]",
        "checked_at": now,
        "origin": "file",
    }


def _span(records: Sequence[Record]) -> tuple[datetime, datetime] | None:
    times = [record.at for record in records if record.at is not None]
    return (to_moment(min(times)), to_moment(max(times))) if times else None


def _count(home: Home, exchange_name: str, table: str, receipt_id: str) -> int:
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
