"""Reads one stream: takes windows from the work list, requests them, and closes their receipts.

It knows no table. What it reads goes to a `Sink`.
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


class Sink(Protocol):
    """Where records and receipts go."""

    def keep_records(self, records: list[Record], receipt: Receipt) -> None: ...

    def keep_receipts(self, parts: list[Part]) -> None: ...


@dataclass
class Patience:
    """Decides when a stream is left for the next run, from one window's result after another.

    How far back an exchange answers may not be as documented: where it refuses old spans, the
    newest one shows whether those between are worth requesting.
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
        """Take in a window's result. Whether the newest window should be requested next."""
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
        """Whether this very result was the last that patience allows."""
        return self.failed_in_a_row == PATIENCE

    def extend(self) -> None:
        """Allow one more window."""
        self.failed_in_a_row -= 1


class PageFilter:
    """Which records of a page are new in this run, and belong to the account.

    dlt's merge compares with the table, not within a package, so what overlapping pages bring
    twice is dropped here. History is distinguished by its bytes (half a hash of them: memory), and
    numbered legitimate duplicates by their number too; of state, the first row of each id counts.
    """

    def __init__(self, exchange: Exchange, stream: StreamSpec, account_id: str) -> None:
        self._exchange = exchange
        self._stream = stream
        self._account_id = account_id
        self._seen: set[bytes | str] = set()
        self._open: dict[str, str] = {}

    def begin_window(self) -> None:
        """Versions are compared within one window only."""
        self._open = {}

    def take(self, page: list[Record], receipt: Receipt, watch: Watch) -> list[Record]:
        """The page's records that this run has not taken yet. Raises RequestError."""
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

        Of two versions under one receipt, it is unknown which is newer. The first holds the span
        open, so that the next request brings the other under a receipt of its own.
        """
        known = self._open.get(record.id)
        if known is None and not record.final:
            self._open[record.id] = record.digest
        return known is not None and known != record.digest

    def _check_owner(self, page: list[Record]) -> None:
        """Raise RequestError where rows say that they belong to another account than this one."""
        uid_of = self._exchange.uid_of
        if uid_of is None or not self._stream.private:
            return
        name = self._exchange.spec.name
        owners = {f"{name}:{uid}" for record in page if (uid := uid_of(record.raw))}
        if strangers := owners - {self._account_id}:
            raise RequestError(
                f"the answer has rows of another account ({', '.join(sorted(strangers))})",
                kind="other_account",
                remedy="make a key of this account's own; the other accounts need labels and keys "
                "of theirs",
            )


class StreamReader:
    """Reads one stream of one account, window by window.

    `read` yields after each page, so that whoever drives it can hand over what the sink has.
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
        """Request what is on the work list, until it is done or the round is full."""
        if self._round.identity is not None:
            self._refusal = self._round.exchange.beyond(self._round.identity, self._stream)
        work = self.work_list()
        if work.unrequested is not None:
            self._close_unrequested(work.unrequested)
            work.unrequested = None
        elif self._refusal is not None and not work.scopes:
            work.add("", self._windows(""))  # it is refused, whatever scopes there might be
        yield from self._read_windows(work)

    def refuse_all(self, problem: RequestError) -> None:
        """Close a stream that is not requested at all."""
        self._refusal = problem
        work = self.work_list()
        self._give_up(list(work.left))
        if not work.scopes:
            self._close_unrequested(problem)

    def fail(self, problem: RequestError) -> None:
        """Close as failed whatever is left to read, after an unexpected error."""
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
        """What is left from the round before, and scopes that have come up since."""
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
        """The whole available span, for streams without a plan."""
        floor = self._floor(self._round.now)
        if self._stream.kind != "history" or floor.at >= self._round.now:
            return Window(self._round.now, self._round.now, floor)
        return Window(floor.at, self._round.now, floor)

    def _floor(self, now: datetime) -> Floor:
        visit = self._round
        began_at = datetime.combine(visit.exchange.spec.began_on, datetime.min.time(), tzinfo=UTC)
        return floor_of(self._stream, now=now, opened_at=visit.opened_at, began_at=began_at)

    def _within_reach(self, window: Window) -> Window | None:
        """The part of a window that is still available: the floor moves while others are read.

        Beyond it some exchanges answer with an error, and others with nothing at all, which must
        not be taken for "nothing happened".
        """
        now = self._round.session.clock.now()
        is_history = self._stream.kind == "history"
        if not is_history or self._floor(now - FLOOR_MARGIN / 2).at <= window.start:
            return window  # with half of the margin or more to spare
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
            scope, planned = work.left[0]  # it leaves the list once its receipt is written
            window = self._within_reach(planned)
            if window is None:
                work.left.popleft()
                continue  # no receipt claims it, so it counts as lost
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
        """Yield after each page. Returns the error, if any, and what a pause left to request."""
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
        """Keep the records of the next page; False where there is none."""
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
        """Whether a refused request is worth repeating with smaller pages.

        Where that is refused as well, it was not for the page's size, and the next question is
        for whole pages again.
        """
        if problem.kind != "bad_request" or receipt.pages or self._spec.smaller_page is None:
            return False
        is_whole = self._stream is self._spec
        less = replace(self._spec, page_size=self._spec.smaller_page, smaller_page=None)
        self._stream = less if is_whole else self._spec
        return is_whole

    def _may_pause(self, paginator: Paginator) -> bool:
        """Whether the next run could go on from here: by time, and with something read."""
        return paginator.has_next_page and paginator.has_progress and self._stream.time_filter

    def _close(
        self, receipt: Receipt, paginator: Paginator, problem: RequestError | None
    ) -> Window | None:
        """The receipts of one window: what was read to the end, and what was not and why.

        Returns the part that a pause left to request.
        """
        if problem is not None and problem.kind == "unknown_scope" and self._is_guess(receipt):
            return None  # there is no such thing, so there is nothing to account for
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
        """The receipt of a stream without a scope to request: of no span."""
        now = self._round.now
        window = Window(now, now, Floor(now, "opened_at"))
        receipt = Receipt(window, "", self._round.session.clock.now())
        error = RequestError(why.what, kind=NOTHING_TO_ASK, outcome=why.outcome, remedy=why.remedy)
        self._keep(numbered_parts([self._part(receipt, window, why.outcome, error)]))

    def _is_guess(self, receipt: Receipt) -> bool:
        """Whether nothing but a guess speaks for the scope, and nothing of it was ever read."""
        known = self._round.progress.scopes.get(self._stream.name, frozenset())
        return receipt.scope not in known and receipt.pages == 0

    def _part(
        self, receipt: Receipt, window: Window, outcome: Outcome, error: RequestError | None = None
    ) -> Part:
        return Part(receipt, window, outcome, self._round.session.clock.now(), error, receipt.id)

    def _keep(self, parts: list[Part]) -> None:
        """Hand over receipts. What is exhausted must have met every stored record."""
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
            return  # the receipt says so; a pair that was delisted fails no sync
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
        """One receipt per scope for the windows that were not requested, with the reason."""
        problem = self._refusal or RequestError(
            f"not requested after {PATIENCE} windows in a row without an answer or an end",
            kind="gave_up",
            remedy="run the sync again",
        )
        if self._is_endless:
            self._note(problem, "")  # no window of it was a failure by itself
        parts = []
        for scope, windows in itertools.groupby(left, key=lambda item: item[0]):
            spans = [window for _, window in windows]
            whole = Window(spans[0].start, spans[-1].end, spans[0].floor)
            receipt = Receipt(whole, scope, self._round.session.clock.now())
            parts.append(self._part(receipt, whole, problem.outcome, problem))
        self._keep(parts)


def _over_budget(pages: int, unknown_in_a_row: int) -> RequestError | None:
    """Why this run reads no more of a stream, None where it may."""
    if pages >= PAGES_A_RUN:
        what = f"{pages} pages were read in this run, which is the most that one run reads"
    elif unknown_in_a_row >= UNKNOWN_SCOPES:
        what = f"the exchange knew none of {unknown_in_a_row} scopes in a row"
    else:
        return None
    return RequestError(what, kind="budget", remedy="run the sync again: it goes on from here")
