"""An account's history as a dlt source: rows, and the receipt of every window that was asked.

A stream's rows go into its own table, as Arrow. When a window ends, well or badly, its receipt
follows in the same load package, so that both count or neither does.
"""

from __future__ import annotations

import itertools
import json
import logging
import threading
import uuid
from collections import deque
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import dlt
import pyarrow as pa
from dlt.extract import DltResource, DltSource

from pipelines.errors import Outcome, Trouble, unexpected
from pipelines.extract.client import ReadOnlySession, StreamClient
from pipelines.extract.exchange import Exchange, Identity
from pipelines.extract.paginators import Walk
from pipelines.extract.progress import NOTHING_TO_ASK, Progress
from pipelines.extract.records import Record, micros
from pipelines.extract.vanished import Watch, vanished_rows
from pipelines.extract.windows import FLOOR_MARGIN, Floor, Span, Window, floor_of, plan_windows
from pipelines.load.tables import (
    ACCOUNTS,
    BALANCES,
    BESIDE,
    RECEIPTS,
    STREAM_SPECS,
    VANISHED,
    Table,
    record_rows,
    spec_rows,
    stream_table,
)
from pipelines.spec import StreamSpec

# Rows gathered before they are handed to dlt: large enough for Parquet, small enough for memory.
BATCH_ROWS = 10_000

# After so many windows in a row without an answer, or without an end, a stream is left for the
# next run.
PATIENCE = 3

# Pages of one stream that one run reads: two million rows at a hundred a page.
PAGES_A_RUN = 20_000

# Scopes in a row that the exchange does not know, after which the others are not tried in this
# run. The largest exchanges list some three thousand pairs.
UNKNOWN_SCOPES = 4_000

# Refusals of one question: of a span too old, say. A later span may well be answered.
SPAN_REFUSALS = frozenset({"out_of_range", "bad_request"})

# After these the paging had moved past a page that was not stored.
PAGE_LOST = frozenset({"other_account", "unexpected"})

log = logging.getLogger(__name__)

OnEvent = Callable[[str, int, float], None]
"""(stream, rows so far, share of its windows done)."""


@dataclass(frozen=True)
class Failure:
    """A stream that could not be read to its end."""

    stream: str
    outcome: Outcome
    kind: str
    what: str
    remedy: str
    scope: str = ""


@dataclass
class Tally:
    """What one extraction brought, kept across the threads that read streams."""

    row_budget: int
    rows: int = 0
    receipts: int = 0
    failures: list[Failure] = field(default_factory=list)
    delivered: set[str] = field(default_factory=set)
    """The streams whose reading came to its end, with everything handed over."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, rows: int) -> None:
        with self.lock:
            self.rows += rows

    def is_spent(self) -> bool:
        """Whether what was read should be loaded before going on."""
        return self.rows >= self.row_budget


@dataclass
class Agenda:
    """What a sync still has to ask of one stream, across its rounds.

    What is done is not asked again only because a load came between.
    """

    left: deque[tuple[str, Window]] = field(default_factory=deque)
    total: int = 0
    scopes: set[str] = field(default_factory=set)
    is_cut: bool = False
    """Whether anything of it was not read to its end."""
    unasked: Trouble | None = None
    """Why there is no value to ask by, where that is still to be told by a receipt."""
    pages: int = 0
    """How many pages this run has read of the stream."""

    def add(self, scope: str, windows: list[Window]) -> None:
        """Ask these windows of a scope too, after what is left."""
        self.scopes.add(scope)
        self.left.extend((scope, window) for window in windows)
        self.total += len(windows)

    def bring_newest_forward(self, scope: str) -> bool:
        """Ask the scope's last window next; whether there is any."""
        places = [place for place, (of, _) in enumerate(self.left) if of == scope]
        if not places:
            return False
        newest = self.left[places[-1]]
        del self.left[places[-1]]
        self.left.appendleft(newest)
        return True

    def copy(self) -> Agenda:
        """The same work, not changed by what becomes of this one."""
        return replace(self, left=self.left.copy(), scopes=self.scopes.copy())

    @property
    def share_done(self) -> float:
        return 1.0 - len(self.left) / self.total if self.total else 1.0


@dataclass(frozen=True)
class Visit:
    """Everything one round of one account needs to know.

    `agendas` and `watches` are shared by its rounds.
    """

    session: ReadOnlySession
    identity: Identity | None
    account_id: str
    progress: Progress
    opened_at: datetime | None
    now: datetime
    agendas: dict[str, Agenda]
    tally: Tally
    on_event: OnEvent
    watches: dict[str, Watch] = field(default_factory=dict)

    @property
    def exchange(self) -> Exchange:
        return self.session.exchange


def account_history(visit: Visit, streams: tuple[StreamSpec, ...]) -> DltSource:
    """The dlt source of one account: those streams, and what was asked of whom."""

    @dlt.source(name=visit.exchange.spec.name, max_table_nesting=0)
    def history() -> list[DltResource]:
        return [
            *(_stream_resource(visit, stream) for stream in streams),
            _fixed(ACCOUNTS, [account_row(visit)]),
            _fixed(STREAM_SPECS, spec_rows(visit.exchange.spec, visit.now)),
            _fixed(RECEIPTS, []),
            _fixed(BALANCES, []),
            _fixed(VANISHED, []),
        ]

    return history()


def unread_history(visit: Visit, trouble: Trouble, account_kind: str) -> DltSource:
    """Receipts alone, for an account that could not be read at all: one a stream and scope.

    `account_kind` is what the account was when it was last read.
    """

    def receipts() -> Iterator[Any]:
        for stream in visit.exchange.spec.streams:
            if stream.kind == "history" and stream.serves(account_kind):
                yield from StreamVisit(visit, stream).nothing(trouble)

    @dlt.source(name=visit.exchange.spec.name, max_table_nesting=0)
    def history() -> list[DltResource]:
        return [dlt.resource(receipts(), name=RECEIPTS.name)]

    return history()


def empty_tables(exchange: Exchange, now: datetime) -> DltSource:
    """Every table of the exchange without rows, and its limits: what dbt reads always exists."""
    tables = [stream_table(stream) for stream in exchange.spec.streams]

    @dlt.source(name=exchange.spec.name, max_table_nesting=0)
    def history() -> list[DltResource]:
        return [
            *(_fixed(table, []) for table in (*tables, *BESIDE) if table.name != STREAM_SPECS.name),
            _fixed(STREAM_SPECS, spec_rows(exchange.spec, now)),
        ]

    return history()


def account_row(visit: Visit) -> dict[str, Any]:
    """Who the account is, as found on this visit. No secret: the key is a fingerprint."""
    account, identity = visit.session.account, visit.identity
    assert identity is not None
    return {
        "account_id": visit.account_id,
        "exchange": account.exchange,
        "label": account.label,
        "uid": identity.uid,
        "parent_uid": identity.parent_uid,
        "account_kind": identity.kind,
        "opened_at": visit.opened_at,
        "opened_at_evidence": identity.opened_at_evidence
        if identity.opened_at is not None
        else ("user" if visit.opened_at is not None else None),
        "can_trade": identity.can_trade,
        "can_withdraw": identity.can_withdraw,
        "permissions": _json_list(identity.permissions),
        "key_fingerprint": account.credentials.fingerprint,
        "key_created_at": identity.key_created_at,
        "key_expires_at": identity.key_expires_at,
        "ip_allow_list": _json_list(identity.ip_allow_list),
        "checked_at": visit.now,
        "clock_skew_ms": round(visit.session.clock.skew / timedelta(milliseconds=1)),
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


def _stream_resource(visit: Visit, stream: StreamSpec) -> DltResource:
    return dlt.resource(StreamVisit(visit, stream).items(), name=stream.name, parallelized=True)


def rows_of(table: Table, rows: list[dict[str, Any]] | pa.Table) -> Any:
    """Rows bound for one table, with its hints.

    A resource that fills several tables has no hints itself: dlt would add those of an item.
    """
    hints = dlt.mark.make_hints(
        table_name=table.name,
        columns=table.hints(),
        primary_key=list(table.key),
        write_disposition=table.disposition,
    )
    arrow = rows if isinstance(rows, pa.Table) else table.rows(rows)
    return dlt.mark.with_hints(arrow, hints, create_table_variant=True)


@dataclass
class Receipt:
    """A receipt in the making."""

    window: Window
    scope: str
    asked_at: datetime
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    rows: int = 0
    pages: int = 0
    skipped: int = 0
    unreadable: int = 0
    oldest: int | None = None
    newest: int | None = None
    held: int | None = None

    def count(self, records: list[Record]) -> None:
        """Take note of a page's records."""
        self.rows += len(records)
        self.unreadable += sum(not record.is_object for record in records)
        times = [record.at for record in records if record.at is not None]
        start = micros(self.window.start)
        held = [start if r.at is None else r.at for r in records if not r.final]
        self.oldest = min([*times, *_known(self.oldest)], default=None)
        self.newest = max([*times, *_known(self.newest)], default=None)
        self.held = min([*held, *_known(self.held)], default=None)


def scopes_of(stream: StreamSpec, progress: Progress) -> list[str]:
    """What the stream must be asked by: every value known or guessed, or nothing in particular."""
    if not stream.scope:
        return [""]
    known = progress.scopes.get(stream.name, frozenset())
    guessed = progress.guesses.get(stream.scope, frozenset())
    return sorted({*stream.scope_values, *known, *guessed})


class StreamVisit:
    """Reads one stream of one account, window by window, and yields what dlt loads."""

    def __init__(self, visit: Visit, stream: StreamSpec) -> None:
        self._visit = visit
        self._spec = self._stream = stream
        self._table = stream_table(stream)
        self._client = StreamClient(visit.session, stream)
        self._account_id = visit.account_id if stream.private else visit.exchange.spec.name
        self._out: dict[Table, list[pa.Table]] = {}
        self._seen: set[bytes | str] = set()
        self._open: dict[str, str] = {}
        self._largest_page = 0
        self._is_endless = False
        self._rows = 0
        self._refusal: Trouble | None = None
        self._watch = visit.watches.get(stream.name) or Watch()

    def items(self) -> Iterator[Any]:
        """Arrow tables of rows, receipts and balances. Always at least one, so the table exists.

        Whatever is raised on the way ends this stream alone, with a `failed` receipt for each span
        whose rows were not handed over.
        """
        try:
            yield from self._read()
        except Exception as error:
            log.debug("reading %s failed", self._stream.name, exc_info=True)
            yield from self._end_as_failed(unexpected(error))
        self._visit.tally.delivered.add(self._stream.name)

    def _read(self) -> Iterator[Any]:
        self._put(self._table, [])
        if self._visit.identity is not None:
            self._refusal = self._visit.exchange.beyond(self._visit.identity, self._stream)
        agenda = self._agenda()
        if agenda.unasked is not None:
            self._tell_unasked(agenda.unasked)
            agenda.unasked = None
        elif self._refusal is not None and not agenda.scopes:
            agenda.add("", self._windows(""))  # it is refused, whatever there might be to ask by
        yield from self._ask_all(agenda)
        self._tell_vanished()
        yield from self._flush()

    def _end_as_failed(self, trouble: Trouble) -> Iterator[Any]:
        """Failed receipts for what was read and not handed over, and for what is left to read."""
        waiting = [row for part in self._out.get(RECEIPTS, ()) for row in part.to_pylist()]
        self._out = {self._table: [self._table.rows([])]}
        failed = {
            "outcome": trouble.outcome,
            "error_kind": trouble.kind,
            "error_text": self._hide(trouble.sentences),
        }
        self._put(RECEIPTS, [row | failed for row in waiting])
        agenda = self._visit.agendas.setdefault(self._stream.name, Agenda())
        agenda.is_cut = True
        for scope in scopes_of(self._stream, self._visit.progress):
            if scope not in agenda.scopes:
                agenda.add(scope, [self._whole()])
        self._refusal = trouble
        self._note(trouble, agenda.left[0][0] if agenda.left else "")
        self._give_up(list(agenda.left))
        agenda.left.clear()
        if not agenda.scopes:
            self._tell_unasked(trouble)
            agenda.unasked = None
        yield from self._flush()

    def nothing(self, trouble: Trouble) -> Iterator[Any]:
        """The receipts of a stream that was not even asked."""
        self._refusal = trouble
        agenda = self._agenda()
        self._give_up(list(agenda.left))
        if not agenda.scopes:
            self._tell_unasked(trouble)
        yield from self._flush()

    def _tell_unasked(self, why: Trouble) -> None:
        """The receipt of a stream without a value to ask by: of no span, for nothing was asked."""
        now = self._visit.now
        window = Window(now, now, Floor(now, "opened_at"))
        receipt = Receipt(window, "", self._visit.session.clock.now())
        row = self._row(receipt, window, why.outcome, why) | {"error_kind": NOTHING_TO_ASK}
        self._put_receipts([row], receipt)

    def _tell_vanished(self) -> None:
        """The stored records that this round should have met and did not, or met again."""
        now = self._visit.session.clock.now()
        if rows := vanished_rows(self._watch, self._account_id, self._stream.name, now):
            self._put(VANISHED, rows)

    def _agenda(self) -> Agenda:
        """What is left from the round before, and scopes that have come up since."""
        agenda = self._visit.agendas.setdefault(self._stream.name, Agenda())
        for scope in scopes_of(self._stream, self._visit.progress):
            if scope not in agenda.scopes:
                agenda.add(scope, self._windows(scope))
        return agenda

    def _ask_all(self, agenda: Agenda) -> Iterator[Any]:
        failed_in_a_row = unknown_in_a_row = 0
        is_newest = newest_answers = False
        while agenda.left and not self._visit.tally.is_spent():
            budget = _over_budget(agenda.pages, unknown_in_a_row)
            if budget is not None and self._refusal is None:
                self._refusal = budget
                self._note(budget, "")
            if failed_in_a_row >= PATIENCE or self._refusal is not None:
                self._give_up(list(agenda.left))
                agenda.left.clear()
                return
            scope, planned = agenda.left[0]  # it leaves the list once its receipt is written
            window = self._within_reach(planned)
            if window is None:
                agenda.left.popleft()
                continue  # no receipt claims it, so it counts as lost
            trouble, rest = yield from self._ask_window(scope, window)
            agenda.left.popleft()
            is_refused = trouble is not None and trouble.kind in SPAN_REFUSALS
            is_unknown = trouble is not None and trouble.kind == "unknown_scope"
            unknown_in_a_row = unknown_in_a_row + 1 if is_unknown else 0
            answered = is_unknown or (trouble is None and not self._is_endless)
            newest_answers |= is_newest and answered
            answered |= is_refused and newest_answers
            failed_in_a_row = 0 if answered else failed_in_a_row + 1
            # How far back an exchange answers may not be as documented: where it refuses old
            # spans, the newest shows whether those between are worth asking.
            is_newest = is_refused and failed_in_a_row == PATIENCE and not is_newest
            if is_newest and agenda.bring_newest_forward(scope):
                failed_in_a_row -= 1
            if rest is not None:
                agenda.left.appendleft((scope, rest))
            self._visit.on_event(self._stream.name, self._rows, agenda.share_done)

    def _put(self, table: Table, rows: list[dict[str, Any]] | pa.Table) -> None:
        """Keep rows until there are enough: every item handed to dlt costs it milliseconds."""
        arrow = rows if isinstance(rows, pa.Table) else table.rows(rows)
        self._out.setdefault(table, []).append(arrow)

    def _flush(self) -> Iterator[Any]:
        """Hand over what is kept: receipts last, so that none comes without its rows."""
        for table in sorted(self._out, key=lambda table: table is RECEIPTS):
            yield rows_of(table, pa.concat_tables(self._out[table]))
            del self._out[table]

    def _is_full(self) -> bool:
        waiting: int = sum(part.num_rows for part in self._out.get(self._table, ()))
        return waiting >= BATCH_ROWS

    def _windows(self, scope: str) -> list[Window]:
        visit, stream = self._visit, self._stream
        if stream.kind != "history":
            return [Window(visit.now, visit.now, Floor(visit.now, "opened_at"))]
        asked = visit.progress.asked.get((stream.name, scope), [])
        return plan_windows(stream, now=visit.now, floor=self._floor(visit.now), asked=asked)

    def _whole(self) -> Window:
        """All there is to ask for, where no plan says what of it is left."""
        floor = self._floor(self._visit.now)
        if self._stream.kind != "history" or floor.at >= self._visit.now:
            return Window(self._visit.now, self._visit.now, floor)
        return Window(floor.at, self._visit.now, floor)

    def _floor(self, now: datetime) -> Floor:
        visit = self._visit
        began_at = datetime.combine(visit.exchange.spec.began_on, datetime.min.time(), tzinfo=UTC)
        return floor_of(self._stream, now=now, opened_at=visit.opened_at, began_at=began_at)

    def _within_reach(self, window: Window) -> Window | None:
        """What of a window is still told: while others were asked, the floor has moved on.

        Beyond it some exchanges answer with an error, and others with nothing at all, which must
        not be taken for "nothing happened".
        """
        now = self._visit.session.clock.now()
        is_history = self._stream.kind == "history"
        if not is_history or self._floor(now - FLOOR_MARGIN / 2).at <= window.start:
            return window  # with half of the margin or more to spare
        floor = self._floor(now)
        return Window(floor.at, window.end, floor) if floor.at < window.end else None

    def _ask_window(
        self, scope: str, window: Window
    ) -> Generator[Any, None, tuple[Trouble | None, Window | None]]:
        """Yields full batches of rows. Returns the Trouble met, and what a pause left to ask."""
        receipt = Receipt(window, scope, self._visit.session.clock.now())
        self._open = {}
        walk = self._visit.exchange.paginator(self._stream, window, scope)
        walk.largest_page = self._largest_page
        pages = self._client.pages(walk)
        trouble: Trouble | None = None
        while trouble is None:
            try:
                if not self._read_page(pages, receipt):
                    break
            except Trouble as met:
                trouble = met
            except Exception as error:
                log.debug("reading %s failed", self._stream.name, exc_info=True)
                trouble = self._refusal = unexpected(error)
            if self._is_full():
                yield from self._flush()
            if self._may_pause(walk) and self._visit.tally.is_spent():
                break
        if trouble is not None and trouble.kind in PAGE_LOST:
            walk.disown()
        if trouble is not None and self._asks_for_less(trouble, receipt):
            return (yield from self._ask_window(scope, window))
        self._largest_page = walk.largest_page
        self._is_endless = walk.is_endless
        rest = self._close(receipt, walk, trouble)
        return trouble, rest

    def _read_page(self, pages: Iterator[Any], receipt: Receipt) -> bool:
        """Keep the records of the next page; False where there is none."""
        page = next(pages, None)
        if page is None:
            return False
        receipt.pages += 1
        self._visit.agendas[self._stream.name].pages += 1
        fresh = self._take(list(page), receipt)
        self._put_records(fresh, receipt)
        receipt.count(fresh)
        self._rows += len(fresh)
        self._visit.tally.add(len(fresh))
        return True

    def _asks_for_less(self, trouble: Trouble, receipt: Receipt) -> bool:
        """Whether a refused question is worth asking again, with smaller pages.

        Where that is refused as well, it was not for the page's size, and the next question is
        for whole pages again.
        """
        if trouble.kind != "bad_request" or receipt.pages or self._spec.smaller_page is None:
            return False
        is_whole = self._stream is self._spec
        less = replace(self._spec, page_size=self._spec.smaller_page, smaller_page=None)
        self._stream = less if is_whole else self._spec
        return is_whole

    def _may_pause(self, walk: Walk) -> bool:
        """Whether the next run could go on from here: by time, and with something read."""
        return walk.has_next_page and walk.has_progress and self._stream.time_filter

    def _take(self, page: list[Record], receipt: Receipt) -> list[Record]:
        """The page's records that this run has not taken yet.

        dlt's merge compares with the table, not within a package, so what overlapping pages bring
        twice is dropped here. History is told apart by its bytes (half a hash of them: memory),
        and numbered twins by their number too; of state, the first row of each id counts, and
        another one is no record.
        """
        self._check_owner(page)
        kept = [r for r in page if self._visit.exchange.is_record(self._stream, r)]
        receipt.skipped += len(page) - len(kept)
        self._watch.meet(kept, receipt.id)
        is_history = self._stream.kind == "history"
        fresh = []
        has_twins = self._stream.numbers_twins
        for record in kept:
            key: bytes | str = bytes.fromhex(record.digest[:32]) if is_history else record.id
            if has_twins:
                key = f"{record.id}|{record.digest}"
            if self._changed_meanwhile(record):
                continue
            if key not in self._seen:
                self._seen.add(key)
                fresh.append(record)
            elif not is_history:
                receipt.skipped += 1
        return fresh

    def _changed_meanwhile(self, record: Record) -> bool:
        """Whether an earlier page of this asking had the record in a state that was not final.

        Of two versions under one receipt nobody could tell the newer one. The first holds the span
        open, so that the next asking brings the other under a receipt of its own.
        """
        known = self._open.get(record.id)
        if known is None and not record.final:
            self._open[record.id] = record.digest
        return known is not None and known != record.digest

    def _check_owner(self, page: list[Record]) -> None:
        """Raise Trouble where rows say that they belong to another account than this one."""
        uid_of = self._visit.exchange.uid_of
        if uid_of is None or not self._stream.private:
            return
        name = self._visit.exchange.spec.name
        owners = {f"{name}:{uid}" for record in page if (uid := uid_of(record.raw))}
        if strangers := owners - {self._visit.account_id}:
            raise Trouble(
                f"the answer has rows of another account ({', '.join(sorted(strangers))})",
                kind="other_account",
                remedy="make a key of this account's own; the other accounts need labels and keys "
                "of theirs",
            )

    def _put_records(self, records: list[Record], receipt: Receipt) -> None:
        rows = record_rows(
            records, account_id=self._account_id, receipt_id=receipt.id, origin="api"
        )
        self._put(self._table, rows)
        if self._stream.kind == "snapshot":
            self._put_balances(records, receipt)

    def _put_balances(self, records: list[Record], receipt: Receipt) -> None:
        rows = [
            {
                "account_id": self._account_id,
                "stream": self._stream.name,
                "wallet": place[0],
                "asset": place[1],
                "record_id": record.id,
                "taken_at": receipt.asked_at,
                "record": record.raw.decode(),
                "record_hash": record.digest,
                "receipt_id": receipt.id,
                "origin": "api",
            }
            for record in records
            if (place := self._visit.exchange.balance_of(self._stream, record))
        ]
        self._put(BALANCES, rows)

    def _close(self, receipt: Receipt, walk: Walk, trouble: Trouble | None) -> Window | None:
        """The receipts of one window: what was read to the end, and what was not and why.

        Returns the part that a pause left to ask.
        """
        if trouble is not None and trouble.kind == "unknown_scope" and self._is_guess(receipt):
            return None  # there is no such thing, so there is nothing to account for
        if trouble is not None:
            self._note(trouble, receipt.scope)
        window = receipt.window
        if window.start == window.end:
            outcome: Outcome = "row_cap" if walk.capped else "exhausted"
            outcome = trouble.outcome if trouble else outcome
            self._put_receipts([self._row(receipt, window, outcome, trouble)], receipt)
            return None
        done, rest = _parts(walk, window)
        rows = [
            self._row(receipt, piece, outcome, None)
            for piece, outcome in _around(done, walk.unresolved, walk.grain)
        ]
        paused = trouble is None and walk.has_next_page
        if rest is not None and not paused:
            stuck: Outcome = "row_cap" if walk.capped else "unresolved"
            rows.append(self._row(receipt, rest, trouble.outcome if trouble else stuck, trouble))
        self._put_receipts(rows, receipt)
        return rest if paused else None

    def _is_guess(self, receipt: Receipt) -> bool:
        """Whether nothing but a guess speaks for the scope, and nothing of it was ever read."""
        known = self._visit.progress.scopes.get(self._stream.name, frozenset())
        return receipt.scope not in known and receipt.pages == 0

    def _put_receipts(self, rows: list[dict[str, Any]], receipt: Receipt) -> None:
        """The first keeps the id that the rows carry, and their counts; the others are spans."""
        for index, row in enumerate(rows):
            if index == 0:
                row["receipt_id"] = receipt.id
            else:
                row |= {"receipt_id": uuid.uuid4().hex, "rows": 0, "pages": 0, "skipped": 0}
            if receipt.unreadable and row["outcome"] == "exhausted":
                row |= {
                    "outcome": "unresolved",
                    "error_kind": "unreadable_record",
                    "error_text": f"{receipt.unreadable} items of the answer are no records; they "
                    "are stored as they came.",
                }
            if row["outcome"] == "exhausted":
                span = Span(row["asked_from"], row["asked_to"])
                self._watch.note(
                    self._stream, row["scope"], span, row["receipt_id"], row["finished_at"]
                )
        self._put_rows(rows)

    def _put_rows(self, rows: list[dict[str, Any]]) -> None:
        agenda = self._visit.agendas[self._stream.name]
        agenda.is_cut |= any(row["outcome"] != "exhausted" for row in rows)
        self._put(RECEIPTS, rows)
        with self._visit.tally.lock:
            self._visit.tally.receipts += len(rows)

    def _row(
        self, receipt: Receipt, window: Window, outcome: Outcome, trouble: Trouble | None
    ) -> dict[str, Any]:
        return {
            "receipt_id": receipt.id,
            "account_id": self._visit.account_id,
            "stream": self._stream.name,
            "scope": receipt.scope,
            "asked_from": window.start,
            "asked_to": window.end,
            "floor_at": window.floor.at,
            "floor_reason": window.floor.reason,
            "outcome": outcome,
            "rows": receipt.rows,
            "pages": receipt.pages,
            "skipped": receipt.skipped,
            "oldest_at": _moment(receipt.oldest),
            "newest_at": _moment(receipt.newest),
            "held_from": _moment(receipt.held),
            "asked_at": receipt.asked_at,
            "finished_at": self._visit.session.clock.now(),
            "error_kind": trouble.kind if trouble else None,
            "error_text": self._hide(trouble.sentences) if trouble else None,
            "origin": "api",
        }

    def _hide(self, text: str) -> str:
        return self._visit.session.account.credentials.hide_in(text)

    def _note(self, trouble: Trouble, scope: str) -> None:
        if trouble.kind == "unknown_scope":
            return  # the receipt says so; a pair that was delisted fails no sync
        if trouble.outcome in ("refused", "venue_closed"):
            self._refusal = trouble
        failure = Failure(
            stream=self._stream.name,
            outcome=trouble.outcome,
            kind=trouble.kind,
            what=self._hide(trouble.what),
            remedy=trouble.remedy,
            scope=scope,
        )
        failures = self._visit.tally.failures
        with self._visit.tally.lock:
            # The same refusal of several spans is told once; each span has its receipt.
            if trouble.kind not in SPAN_REFUSALS or failure not in failures:
                failures.append(failure)

    def _give_up(self, left: list[tuple[str, Window]]) -> None:
        """One receipt a scope for the windows that were not asked any more, with the reason."""
        trouble = self._refusal or Trouble(
            f"not asked after {PATIENCE} windows in a row without an answer or an end",
            kind="gave_up",
            remedy="run the sync again",
        )
        if self._is_endless:
            self._note(trouble, "")  # no window of it was a failure by itself
        rows = []
        for scope, windows in itertools.groupby(left, key=lambda item: item[0]):
            spans = [window for _, window in windows]
            whole = Window(spans[0].start, spans[-1].end, spans[0].floor)
            receipt = Receipt(whole, scope, self._visit.session.clock.now())
            rows.append(self._row(receipt, whole, trouble.outcome, trouble))
        self._put_rows(rows)


def _over_budget(pages: int, unknown_in_a_row: int) -> Trouble | None:
    """Why this run reads no more of a stream, None where it may."""
    if pages >= PAGES_A_RUN:
        what = f"{pages} pages were read in this run, which is the most that one run reads"
    elif unknown_in_a_row >= UNKNOWN_SCOPES:
        what = f"the exchange knew none of {unknown_in_a_row} scopes in a row"
    else:
        return None
    return Trouble(what, kind="budget", remedy="run the sync again: it goes on from here")


def _parts(walk: Walk, window: Window) -> tuple[Window, Window | None]:
    """The part of the window that was read to its end, and the part that was not."""
    reached = max(micros(window.start), min(micros(window.end), walk.reached))
    edge = _moment(reached)
    assert edge is not None
    low, high = Window(window.start, edge, window.floor), Window(edge, window.end, window.floor)
    done, rest = (high, low) if walk.newest_first else (low, high)
    return done, rest if rest.start < rest.end else None


def _around(
    done: Window, crowded: list[int], grain: int
) -> Iterator[tuple[Window, Outcome]]:
    """The finished part, with each moment that could not be told apart cut out as unresolved."""
    start = done.start
    for moment in sorted(set(crowded)):
        low, high = _moment(moment), _moment(moment + grain)
        assert low is not None and high is not None
        low, high = (min(max(edge, start), done.end) for edge in (low, high))
        if start < low:
            yield Window(start, low, done.floor), "exhausted"
        if low < high:
            yield Window(low, high, done.floor), "unresolved"
        start = max(start, high)
    if start < done.end:
        yield Window(start, done.end, done.floor), "exhausted"


def _moment(value: int | None) -> datetime | None:
    return (
        None if value is None else datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=value)
    )


def _known(value: int | None) -> list[int]:
    return [] if value is None else [value]


def _json_list(values: tuple[str, ...]) -> str:
    return json.dumps(list(values))
