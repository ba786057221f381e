"""Read one stream: request the windows of the work list, and close their receipts.

Records and receipts go to a `Sink`; this module does not depend on tables.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Protocol

from pipelines.errors import Outcome, RequestError, unexpected
from pipelines.extract.client import StreamClient
from pipelines.extract.exchange import Exchange
from pipelines.extract.paginators import Paginator
from pipelines.extract.progress import NOTHING_TO_ASK
from pipelines.extract.receipts import (
    Part,
    Receipt,
    numbered_parts,
    read_and_unread,
    resolved_spans,
)
from pipelines.extract.records import Record
from pipelines.extract.vanished import Watch
from pipelines.extract.windows import FLOOR_MARGIN, Floor, Span, Window, floor_of, plan_windows
from pipelines.extract.work import Failure, Round, WorkList, scopes_of
from pipelines.spec import StreamSpec

# After that many failed or incomplete windows in a row, the rest of a stream is left for the next
# run.
PATIENCE = 3

# Pages of one stream that one run reads: two million rows at a hundred a page.
PAGES_A_RUN = 20_000

# After that many unknown scopes in a row, the others are left for the next run. The largest
# exchanges list about three thousand pairs.
UNKNOWN_SCOPES = 4_000

# Refusals of one request, such as a span that is too old. A later span may succeed.
SPAN_REFUSALS = frozenset({"out_of_range", "bad_request"})

# After these errors, the paginator had moved past a page that was not stored.
PAGE_LOST = frozenset({"other_account", "unexpected"})

log = logging.getLogger(__name__)


class Sink(Protocol):
    """Receives records and receipts."""

    def keep_records(self, records: list[Record], receipt: Receipt) -> None: ...

    def keep_receipts(self, parts: list[Part]) -> None: ...


@dataclass
class Patience:
    """Decides from the results of windows when a stream is left for the next run.

    An exchange may return less history than documented: if it refuses old spans, the newest one is
    requested next. If that is refused too, those between are not requested.
    """

    failed_in_a_row: int = 0
    unknown_in_a_row: int = 0
    tries_newest: bool = False
    newest_answers: bool = False

    @property
    def is_over(self) -> bool:
        """Whether nothing more of the stream is requested."""
        return self.failed_in_a_row >= PATIENCE

    def note(self, problem: RequestError | None, *, is_endless: bool) -> bool:
        """Record a window's result, and return whether to request the newest window next."""
        is_refused = problem is not None and problem.kind in SPAN_REFUSALS
        is_unknown = problem is not None and problem.kind == "unknown_scope"
        self.unknown_in_a_row = self.unknown_in_a_row + 1 if is_unknown else 0
        answered = is_unknown or (problem is None and not is_endless)
        self.newest_answers |= self.tries_newest and answered
        answered |= is_refused and self.newest_answers
        self.failed_in_a_row = 0 if answered else self.failed_in_a_row + 1
        self.tries_newest = is_refused and self.is_over_now and not self.tries_newest
        return self.tries_newest

    @property
    def is_over_now(self) -> bool:
        """Whether the last result reached the limit."""
        return self.failed_in_a_row == PATIENCE

    def extend(self) -> None:
        """Allow one more window."""
        self.failed_in_a_row -= 1


class PageFilter:
    """Selects the records of a page that are new in this run, and checks their account.

    dlt's merge compares rows with the table, but not within a package, so duplicates of overlapping
    pages are removed here. Records of a history are equal if their bytes are (half a hash is kept,
    to save memory) and their number, for legitimate duplicates. Of state, the first row of each id
    counts.
    """

    def __init__(self, exchange: Exchange, stream: StreamSpec, account_id: str) -> None:
        self._exchange = exchange
        self._stream = stream
        self._account_id = account_id
        self._seen: set[bytes | str] = set()
        self._open: dict[str, str] = {}

    def begin_window(self) -> None:
        """Start a window; versions are compared only within one window."""
        self._open = {}

    def take(self, page: list[Record], receipt: Receipt, watch: Watch) -> list[Record]:
        """The page's records that are new in this run. Raises RequestError."""
        self._check_owner(page)
        kept = [record for record in page if self._exchange.is_record(self._stream, record)]
        receipt.skipped += len(page) - len(kept)
        watch.meet(kept, receipt.id)
        is_history = self._stream.kind == "history"
        fresh = []
        for record in kept:
            key: bytes | str = bytes.fromhex(record.digest[:32]) if is_history else record.id
            if self._stream.numbers_twins:
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
        """Whether an earlier page of this window had the record in a state that was not final.

        The order of two versions under one receipt is unknown. The first version keeps the span
        open, so the next request returns the other one under its own receipt.
        """
        known = self._open.get(record.id)
        if known is None and not record.final:
            self._open[record.id] = record.digest
        return known is not None and known != record.digest

    def _check_owner(self, page: list[Record]) -> None:
        """Raises RequestError if rows belong to another account."""
        uid_of = self._exchange.uid_of
        if uid_of is None or not self._stream.private:
            return
        name = self._exchange.spec.name
        owners = {f"{name}:{uid}" for record in page if (uid := uid_of(record.raw))}
        if strangers := owners - {self._account_id}:
            raise RequestError(
                f"the response has rows of another account ({', '.join(sorted(strangers))})",
                kind="other_account",
                remedy="create a key of this account; the other accounts need labels and keys "
                "of theirs",
            )


class StreamReader:
    """Reads one stream of one account, window by window.

    `read` yields after each page, so that the caller can hand over the contents of the sink.
    """

    def __init__(self, this_round: Round, stream: StreamSpec, sink: Sink) -> None:
        self._round = this_round
        self._spec = self._stream = stream
        self._sink = sink
        self._client = StreamClient(this_round.session, stream)
        self._filter = PageFilter(this_round.exchange, stream, this_round.account_id)
        self._largest_page = 0
        self._is_endless = False
        self._rows = 0
        self._refusal: RequestError | None = None
        self.watch = this_round.watches.get(stream.name) or Watch()

    def read(self) -> Iterator[None]:
        """Request the windows of the work list, until it is empty or the round is full."""
        if self._round.identity is not None:
            self._refusal = self._round.exchange.beyond(self._round.identity, self._stream)
        work = self.work_list()
        if work.unrequested is not None:
            self._close_unrequested(work.unrequested)
            work.unrequested = None
        elif self._refusal is not None and not work.scopes:
            work.add("", self._windows(""))  # it is refused for every scope
        yield from self._read_windows(work)

    def refuse_all(self, problem: RequestError) -> None:
        """Close a stream that is not requested at all."""
        self._refusal = problem
        work = self.work_list()
        self._give_up(list(work.left))
        if not work.scopes:
            self._close_unrequested(problem)

    def fail(self, problem: RequestError) -> None:
        """Close all remaining windows as failed, after an unexpected error."""
        work = self._round.work_lists.setdefault(self._stream.name, WorkList())
        work.is_cut = True
        for scope in scopes_of(self._stream, self._round.progress):
            if scope not in work.scopes:
                work.add(scope, [self._whole()])
        self._refusal = problem
        self._note(problem, work.left[0][0] if work.left else "")
        self._give_up(list(work.left))
        work.left.clear()
        if not work.scopes:
            self._close_unrequested(problem)
            work.unrequested = None

    def work_list(self) -> WorkList:
        """The windows left from the last round, and those of new scopes."""
        work = self._round.work_lists.setdefault(self._stream.name, WorkList())
        for scope in scopes_of(self._stream, self._round.progress):
            if scope not in work.scopes:
                work.add(scope, self._windows(scope))
        return work

    def _windows(self, scope: str) -> list[Window]:
        visit, stream = self._round, self._stream
        if stream.kind != "history":
            return [Window(visit.now, visit.now, Floor(visit.now, "opened_at"))]
        requested = visit.progress.requested.get((stream.name, scope), [])
        floor = self._floor(visit.now)
        return plan_windows(stream, now=visit.now, floor=floor, requested=requested)

    def _whole(self) -> Window:
        """The whole available span, for streams without windows."""
        floor = self._floor(self._round.now)
        if self._stream.kind != "history" or floor.at >= self._round.now:
            return Window(self._round.now, self._round.now, floor)
        return Window(floor.at, self._round.now, floor)

    def _floor(self, now: datetime) -> Floor:
        visit = self._round
        began_at = datetime.combine(visit.exchange.spec.began_on, datetime.min.time(), tzinfo=UTC)
        return floor_of(self._stream, now=now, opened_at=visit.opened_at, began_at=began_at)

    def _within_reach(self, window: Window) -> Window | None:
        """The part of a window that is still available, as the floor moves during a run.

        For older spans, some exchanges return an error, and others an empty list, which must not
        count as "no rows".
        """
        now = self._round.session.clock.now()
        is_history = self._stream.kind == "history"
        if not is_history or self._floor(now - FLOOR_MARGIN / 2).at <= window.start:
            return window  # with at least half of the margin left
        floor = self._floor(now)
        return Window(floor.at, window.end, floor) if floor.at < window.end else None

    def _read_windows(self, work: WorkList) -> Iterator[None]:
        patience = Patience()
        while work.left and not self._round.tally.is_spent():
            budget = _over_budget(work.pages, patience.unknown_in_a_row)
            if budget is not None and self._refusal is None:
                self._refusal = budget
                self._note(budget, "")
            if patience.is_over or self._refusal is not None:
                self._give_up(list(work.left))
                work.left.clear()
                return
            scope, planned = work.left[0]  # it is removed from the list when its receipt is written
            window = self._within_reach(planned)
            if window is None:
                work.left.popleft()
                continue  # it has no receipt, so it counts as lost
            problem, rest = yield from self._read_window(scope, window)
            work.left.popleft()
            if patience.note(problem, is_endless=self._is_endless) and work.bring_newest_forward(
                scope
            ):
                patience.extend()
            if rest is not None:
                work.left.appendleft((scope, rest))
            self._round.on_event(self._stream.name, self._rows, work.share_done)

    def _read_window(
        self, scope: str, window: Window
    ) -> Generator[None, None, tuple[RequestError | None, Window | None]]:
        """Yield after each page. Returns the error, if any, and the window that a pause left."""
        receipt = Receipt(window, scope, self._round.session.clock.now())
        self._filter.begin_window()
        paginator = self._round.exchange.paginator(self._stream, window, scope)
        paginator.largest_page = self._largest_page
        pages = self._client.pages(paginator)
        problem: RequestError | None = None
        while problem is None:
            try:
                if not self._read_page(pages, receipt):
                    break
            except RequestError as met:
                problem = met
            except Exception as error:
                log.debug("reading %s failed", self._stream.name, exc_info=True)
                problem = self._refusal = unexpected(error)
            yield
            if self._may_pause(paginator) and self._round.tally.is_spent():
                break
        if problem is not None and problem.kind in PAGE_LOST:
            paginator.disown()
        if problem is not None and self._asks_for_less(problem, receipt):
            return (yield from self._read_window(scope, window))
        self._largest_page = paginator.largest_page
        self._is_endless = paginator.is_endless
        rest = self._close(receipt, paginator, problem)
        return problem, rest

    def _read_page(self, pages: Iterator[Any], receipt: Receipt) -> bool:
        """Keep the records of the next page; False if there is none."""
        page = next(pages, None)
        if page is None:
            return False
        receipt.pages += 1
        self._round.work_lists[self._stream.name].pages += 1
        fresh = self._filter.take(list(page), receipt, self.watch)
        self._sink.keep_records(fresh, receipt)
        receipt.count(fresh)
        self._rows += len(fresh)
        self._round.tally.add(len(fresh))
        return True

    def _asks_for_less(self, problem: RequestError, receipt: Receipt) -> bool:
        """Whether to repeat a refused request with smaller pages.

        If that is refused as well, the page size was not the reason, and later requests use whole
        pages again.
        """
        if problem.kind != "bad_request" or receipt.pages or self._spec.smaller_page is None:
            return False
        is_whole = self._stream is self._spec
        less = replace(self._spec, page_size=self._spec.smaller_page, smaller_page=None)
        self._stream = less if is_whole else self._spec
        return is_whole

    def _may_pause(self, paginator: Paginator) -> bool:
        """Whether the next run could resume from here: by time, after some rows were read."""
        return paginator.has_next_page and paginator.has_progress and self._stream.time_filter

    def _close(
        self, receipt: Receipt, paginator: Paginator, problem: RequestError | None
    ) -> Window | None:
        """Write the receipts of one window: the complete part, and the rest with the reason.

        Returns the part that a pause left.
        """
        if problem is not None and problem.kind == "unknown_scope" and self._is_guess(receipt):
            return None  # the guessed scope does not exist, so it needs no receipt
        if problem is not None:
            self._note(problem, receipt.scope)
        window = receipt.window
        if window.start == window.end:
            outcome: Outcome = "row_cap" if paginator.capped else "exhausted"
            outcome = problem.outcome if problem else outcome
            self._keep(numbered_parts([self._part(receipt, window, outcome, problem)]))
            return None
        done, rest = read_and_unread(paginator, window)
        parts = [
            self._part(receipt, piece, outcome)
            for piece, outcome in resolved_spans(done, paginator.unresolved, paginator.grain)
        ]
        paused = problem is None and paginator.has_next_page
        if rest is not None and not paused:
            stuck: Outcome = "row_cap" if paginator.capped else "unresolved"
            outcome = problem.outcome if problem else stuck
            parts.append(self._part(receipt, rest, outcome, problem))
        self._keep(numbered_parts(parts))
        return rest if paused else None

    def _close_unrequested(self, why: RequestError) -> None:
        """Write the receipt of a stream without a scope to request; it has no span."""
        now = self._round.now
        window = Window(now, now, Floor(now, "opened_at"))
        receipt = Receipt(window, "", self._round.session.clock.now())
        error = RequestError(why.what, kind=NOTHING_TO_ASK, outcome=why.outcome, remedy=why.remedy)
        self._keep(numbered_parts([self._part(receipt, window, why.outcome, error)]))

    def _is_guess(self, receipt: Receipt) -> bool:
        """Whether the scope is only a guess, and none of its rows was ever read."""
        known = self._round.progress.scopes.get(self._stream.name, frozenset())
        return receipt.scope not in known and receipt.pages == 0

    def _part(
        self, receipt: Receipt, window: Window, outcome: Outcome, error: RequestError | None = None
    ) -> Part:
        return Part(receipt, window, outcome, self._round.session.clock.now(), error, receipt.id)

    def _keep(self, parts: list[Part]) -> None:
        """Hand over receipts, and compare exhausted spans with the stored records."""
        for part in parts:
            if part.outcome == "exhausted":
                span = Span(part.window.start, part.window.end)
                self.watch.note(
                    self._stream, part.receipt.scope, span, part.id, part.finished_at
                )
        work = self._round.work_lists[self._stream.name]
        work.is_cut |= any(part.outcome != "exhausted" for part in parts)
        self._sink.keep_receipts(parts)

    def _hide(self, text: str) -> str:
        return self._round.session.account.credentials.hide_in(text)

    def _note(self, problem: RequestError, scope: str) -> None:
        if problem.kind == "unknown_scope":
            return  # only in the receipt: a delisted pair does not fail a sync
        if problem.outcome in ("refused", "venue_closed"):
            self._refusal = problem
        failure = Failure(
            stream=self._stream.name,
            outcome=problem.outcome,
            kind=problem.kind,
            what=self._hide(problem.what),
            remedy=problem.remedy,
            scope=scope,
        )
        failures = self._round.tally.failures
        with self._round.tally.lock:
            # The same refusal of several spans is reported once; each span has its receipt.
            if problem.kind not in SPAN_REFUSALS or failure not in failures:
                failures.append(failure)

    def _give_up(self, left: list[tuple[str, Window]]) -> None:
        """Write one receipt per scope for the windows that were not requested, with the reason."""
        problem = self._refusal or RequestError(
            f"not requested after {PATIENCE} failed or incomplete windows in a row",
            kind="gave_up",
            remedy="run the sync again",
        )
        if self._is_endless:
            self._note(problem, "")  # none of its windows failed
        parts = []
        for scope, windows in itertools.groupby(left, key=lambda item: item[0]):
            spans = [window for _, window in windows]
            whole = Window(spans[0].start, spans[-1].end, spans[0].floor)
            receipt = Receipt(whole, scope, self._round.session.clock.now())
            parts.append(self._part(receipt, whole, problem.outcome, problem))
        self._keep(parts)


def _over_budget(pages: int, unknown_in_a_row: int) -> RequestError | None:
    """Why this run reads no more of a stream; None if it continues."""
    if pages >= PAGES_A_RUN:
        what = f"{pages} pages were read in this run, which is the limit of one run"
    elif unknown_in_a_row >= UNKNOWN_SCOPES:
        what = f"the exchange knows none of {unknown_in_a_row} scopes in a row"
    else:
        return None
    return RequestError(what, kind="budget", remedy="run the sync again: it resumes from here")
