"""An account's history as a dlt source: rows, and the receipt of every window requested.

A stream's rows go into its own table, as Arrow. When a window ends, well or badly, its receipt
follows in the same load package, so that both count or neither does.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import dlt
from dlt.common.schema.utils import dlt_load_id_column
from dlt.extract import DltResource, DltSource

from pipelines.errors import RequestError, unexpected
from pipelines.extract.exchange import Exchange
from pipelines.extract.receipts import Part, Receipt
from pipelines.extract.records import Record
from pipelines.extract.stream_reader import StreamReader
from pipelines.extract.vanished import vanished_rows
from pipelines.extract.work import Round
from pipelines.load.tables import (
    ACCOUNTS,
    BALANCES,
    RECEIPTS,
    STREAM_SPECS,
    VANISHED,
    Table,
    all_tables,
    record_rows,
    spec_rows,
    stream_table,
)
from pipelines.load.writer import Writer, balance_rows, receipt_row
from pipelines.spec import StreamSpec

log = logging.getLogger(__name__)


def account_history(this_round: Round, streams: tuple[StreamSpec, ...]) -> DltSource:
    """The dlt source of one account: those streams, their receipts, the account's identity."""

    @dlt.source(name=this_round.exchange.spec.name, max_table_nesting=0)
    def history() -> list[DltResource]:
        return [
            *(_stream_resource(this_round, stream) for stream in streams),
            _fixed(ACCOUNTS, [account_row(this_round)]),
            _fixed(STREAM_SPECS, spec_rows(this_round.exchange.spec, this_round.now)),
            _fixed(RECEIPTS, []),
            _fixed(BALANCES, []),
            _fixed(VANISHED, []),
        ]

    return history()


def unread_history(this_round: Round, problem: RequestError, account_kind: str) -> DltSource:
    """Receipts alone, for an account that could not be read at all: one a stream and scope.

    `account_kind` is what the account was when it was last read.
    """

    def receipts() -> Iterator[Any]:
        for stream in this_round.exchange.spec.streams:
            if stream.kind == "history" and stream.serves(account_kind):
                yield from StreamLoad(this_round, stream).refused(problem)

    @dlt.source(name=this_round.exchange.spec.name, max_table_nesting=0)
    def history() -> list[DltResource]:
        return [dlt.resource(receipts(), name=RECEIPTS.name)]

    return history()


def empty_tables(exchange: Exchange, now: datetime) -> DltSource:
    """The limits of the exchange, in a schema of all its tables: what dbt reads always exists.

    Tables without rows are in the schema alone: an empty load of each would take seconds.
    """

    @dlt.source(name=exchange.spec.name, max_table_nesting=0)
    def limits() -> DltResource:
        return _fixed(STREAM_SPECS, spec_rows(exchange.spec, now))

    source = limits()
    for table in all_tables(exchange.spec):
        declared = _fixed(table, []).compute_table_schema()
        declared["columns"]["_dlt_load_id"] = dlt_load_id_column()
        source.schema.update_table(declared)
    return source


def account_row(this_round: Round) -> dict[str, Any]:
    """Who the account is, as found in this this_round. No secret: the key is a fingerprint."""
    account, identity = this_round.session.account, this_round.identity
    assert identity is not None
    return {
        "account_id": this_round.account_id,
        "exchange": account.exchange,
        "label": account.label,
        "uid": identity.uid,
        "parent_uid": identity.parent_uid,
        "account_kind": identity.kind,
        "opened_at": this_round.opened_at,
        "opened_at_evidence": identity.opened_at_evidence
        if identity.opened_at is not None
        else ("user" if this_round.opened_at is not None else None),
        "can_trade": identity.can_trade,
        "can_withdraw": identity.can_withdraw,
        "permissions": _json_list(identity.permissions),
        "key_fingerprint": account.credentials.fingerprint,
        "key_created_at": identity.key_created_at,
        "key_expires_at": identity.key_expires_at,
        "ip_allow_list": _json_list(identity.ip_allow_list),
        "checked_at": this_round.now,
        "clock_skew_ms": round(this_round.session.clock.skew / timedelta(milliseconds=1)),
        "origin": "api",
    }


def _fixed(table: Table, rows: list[dict[str, Any]]) -> DltResource:
    """A resource of rows that are known already; none still makes the table."""
    return dlt.resource(
        [table.rows(rows)],
        name=table.name,
        columns=table.hints(),
        write_disposition=table.disposition,
    )


def _stream_resource(this_round: Round, stream: StreamSpec) -> DltResource:
    items = StreamLoad(this_round, stream).items()
    return dlt.resource(items, name=stream.name, parallelized=True)


class StreamLoad:
    """What one stream of one account brings in one this_round, as items for dlt."""

    def __init__(self, this_round: Round, stream: StreamSpec) -> None:
        self._round = this_round
        self._stream = stream
        self._table = stream_table(stream)
        name = this_round.exchange.spec.name
        self._account_id = this_round.account_id if stream.private else name
        self._writer = Writer()
        self._reader = StreamReader(this_round, stream, self)

    def items(self) -> Iterator[Any]:
        """Arrow tables of rows, receipts and balances. Always at least one, so the table exists.

        Whatever is raised on the way ends this stream alone, with a `failed` receipt for each span
        whose rows were not handed over.
        """
        try:
            self._writer.put(self._table, [])
            for _ in self._reader.read():
                if self._writer.is_full(self._table):
                    yield from self._writer.flush()
            self._keep_vanished()
            yield from self._writer.flush()
        except Exception as error:
            log.debug("reading %s failed", self._stream.name, exc_info=True)
            yield from self._end_as_failed(unexpected(error))
        self._round.tally.delivered.add(self._stream.name)

    def refused(self, problem: RequestError) -> Iterator[Any]:
        """The receipts of a stream that was not requested at all."""
        self._reader.refuse_all(problem)
        yield from self._writer.flush()

    def _end_as_failed(self, problem: RequestError) -> Iterator[Any]:
        """Failed receipts for what was read and not handed over, and for what is left to read."""
        self._writer.fail_waiting({"outcome": problem.outcome, **self._error(problem)})
        self._writer.put(self._table, [])
        self._reader.fail(problem)
        yield from self._writer.flush()

    def keep_records(self, records: list[Record], receipt: Receipt) -> None:
        """Records as rows of the stream's table, and of `balances` where they are some."""
        rows = record_rows(
            records, account_id=self._account_id, receipt_id=receipt.id, origin="api"
        )
        self._writer.put(self._table, rows)
        if self._stream.kind == "snapshot":
            self._keep_balances(records, receipt)

    def _keep_balances(self, records: list[Record], receipt: Receipt) -> None:
        rows = balance_rows(
            self._round.exchange,
            self._stream,
            records,
            account_id=self._account_id,
            receipt_id=receipt.id,
            origin="api",
            taken_at=receipt.asked_at,
        )
        self._writer.put(BALANCES, rows)

    def keep_receipts(self, parts: list[Part]) -> None:
        """Parts of windows as rows of `receipts`."""
        self._writer.put(RECEIPTS, [self._receipt_row(part) for part in parts])
        with self._round.tally.lock:
            self._round.tally.receipts += len(parts)

    def _receipt_row(self, part: Part) -> dict[str, Any]:
        receipt = part.receipt
        counts = (receipt.rows, receipt.pages, receipt.skipped) if part.is_first else (0, 0, 0)
        return receipt_row(
            receipt_id=part.id,
            account_id=self._round.account_id,
            stream=self._stream.name,
            window=part.window,
            outcome=part.outcome,
            asked_at=receipt.asked_at,
            finished_at=part.finished_at,
            origin="api",
            oldest=receipt.oldest,
            newest=receipt.newest,
            held=receipt.held,
            scope=receipt.scope,
            rows=counts[0],
            pages=counts[1],
            skipped=counts[2],
            **self._error(part.error),
        )

    def _error(self, problem: RequestError | None) -> dict[str, str | None]:
        hide = self._round.session.account.credentials.hide_in
        return {
            "error_kind": problem.kind if problem else None,
            "error_text": hide(problem.sentences) if problem else None,
        }

    def _keep_vanished(self) -> None:
        """The stored records that this round should have met and did not, or met again."""
        now = self._round.session.clock.now()
        name = self._stream.name
        if rows := vanished_rows(self._reader.watch, self._account_id, name, now):
            self._writer.put(VANISHED, rows)


def _json_list(values: tuple[str, ...]) -> str:
    return json.dumps(list(values))
