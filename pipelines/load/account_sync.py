"""Sync one account into `raw_<exchange>`: extract in parallel, load one by one.

dlt merges through one staging schema per dataset, so two simultaneous loads into one dataset would
duplicate rows: the caller of `load` must be the only writer of the warehouse. Extraction writes
only the account's own files, and can run in parallel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import IntEnum, auto
from threading import Lock
from typing import Any
from weakref import WeakValueDictionary

import duckdb

from pipelines import registry
from pipelines.account import Account
from pipelines.config.accounts import declared_accounts
from pipelines.errors import LookbackError, RequestError
from pipelines.extract.client import ReadOnlySession
from pipelines.extract.exchange import Identity
from pipelines.extract.identity import identify
from pipelines.extract.progress import (
    NOTHING_TO_ASK,
    KnownAccount,
    Progress,
    known_account,
    labels_of_accounts,
    read_progress,
    stored_rows,
)
from pipelines.extract.rights import Rights, rights_of
from pipelines.extract.vanished import Watch, read_watches
from pipelines.extract.work import Failure, Round, Tally, WorkList, scopes_of
from pipelines.home import Home
from pipelines.load.pipeline import account_pipeline, finish_pending, forget_unfinished_extracts
from pipelines.load.source import account_history, unread_history
from pipelines.spec import StreamSpec

ROW_BUDGET = 250_000
"""Rows per load. An interrupted run can lose that many, and memory must hold them."""

OnEvent = Callable[[str, str, int, float], None]
"""(label, stream, rows so far, share of its windows done)."""


@dataclass
class AccountResult:
    """The result of a sync of one account."""

    label: str
    account_id: str = ""
    rows: int = 0
    """Rows of the responses, including rows that were already stored."""
    new_rows: int = 0
    """Rows of history that were not stored before."""
    receipts: int = 0
    requests: int = 0
    failures: list[Failure] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


class Stage(IntEnum):
    """The stages of a sync, in this order. A stage ends when nothing is left to request."""

    BALANCES_BEFORE = auto()
    """Snapshots; only in a full sync."""
    READING = auto()
    """Every stream, until nothing is left and no new scope was found."""
    BALANCES_AFTER = auto()
    """Snapshots again; only in a full sync."""
    UNREQUESTED = auto()
    """Receipts of streams without a known scope, after all streams that could name one."""
    DONE = auto()


@dataclass
class Delivery:
    """What a round must deliver to be complete: streams read to their end, and receipts."""

    streams: frozenset[str] = frozenset()
    receipts: int = 0


class AccountSync:
    """One account's sync, in rounds of `extract` then `load` until `done`.

    `prepare` and `load` write the warehouse and must not run in parallel with another writer;
    `extract` can. A scope found in a round (a coin in the ledger) is requested in the next.

    `full` requests all available data again, with a snapshot of the balances before the first and
    after the last row, as before an exchange closes.
    """

    def __init__(
        self,
        account: Account,
        home: Home,
        *,
        on_event: OnEvent | None = None,
        row_budget: int = ROW_BUDGET,
        session: ReadOnlySession | None = None,
        full: bool = False,
    ) -> None:
        self.account = account
        self.exchange = registry.exchange(account.exchange)
        self.result = AccountResult(account.label)
        self._home = home
        self._on_event = on_event or (lambda label, stream, rows, share: None)
        self._row_budget = row_budget
        self._session = session or ReadOnlySession(self.exchange, account)
        self._identity: Identity | None = None
        self._now: datetime | None = None
        self._progress = Progress()
        self._known: KnownAccount | None = None
        self._work_lists: dict[str, WorkList] = {}
        self._full = full
        self._stage = Stage.BALANCES_BEFORE if full else Stage.READING
        self._delivery = Delivery()
        self._watches: dict[str, Watch] = {}
        self._labels: dict[str, str] = {}

    @property
    def done(self) -> bool:
        """Whether nothing is left to request."""
        return self._stage is Stage.DONE

    def prepare(self) -> None:
        """Finish an interrupted load of an earlier run, and read the last account of the label."""
        spec = self.exchange.spec
        finish_pending(self._home, spec)
        self._known = known_account(self._home.warehouse, spec, self.account.label)
        self._labels = labels_of_accounts(self._home.warehouse, spec)
        if self._known is not None:
            self._progress = self._read_progress(self._known.account_id)
            self._watches = read_watches(
                self._home.warehouse, spec, self._known.account_id, self._progress.requested
            )

    def extract(self) -> None:
        """Read the next round from the exchange into the account's own load package.

        If a known account cannot be read at all, receipts with the reason are written. Raises
        LookbackError if the account is unknown, or not the one of the label.
        """
        try:
            self._extract_round()
        finally:
            self._session.close()  # close idle connections after the round

    def _extract_round(self) -> None:
        """Read one round; if it is interrupted, the work lists are restored."""
        work_lists = {name: work.copy() for name, work in self._work_lists.items()}
        watches = {name: watch.copy() for name, watch in self._watches.items()}
        try:
            self._deliver_round()
        except BaseException:  # a time-out is not an Exception
            self._work_lists, self._watches = work_lists, watches
            raise

    def _deliver_round(self) -> None:
        tally = Tally(self._row_budget)
        source = self._next_round(tally)
        pipeline = account_pipeline(self._home, self.exchange.spec, self.result.account_id)
        forget_unfinished_extracts(pipeline)
        pipeline.extract(source, loader_file_format="parquet")
        pipeline.normalize()
        if lost := sorted(self._delivery.streams - tally.delivered):
            raise self._incomplete(f"{', '.join(lost)} were not handed over completely")
        self._delivery.receipts = tally.receipts
        self.result.rows += tally.rows
        self.result.receipts += tally.receipts
        self.result.requests = self._session.requests_sent
        self.result.failures += tally.failures

    def _next_round(self, tally: Tally) -> Any:
        if self._identity is None:
            try:
                self._identify()
            except RequestError as problem:
                if self._known is None:
                    raise
                self._delivery = Delivery()
                return self._unread(tally, self._known, problem)
            self._go_on()
        assert self._identity is not None
        opened_at = self._identity.opened_at or self.account.opened_at
        streams = self._streams_left()
        self._delivery = Delivery(frozenset(stream.name for stream in streams))
        return account_history(self._round(tally, opened_at), streams)

    def _streams_left(self) -> tuple[StreamSpec, ...]:
        """The streams that are not read completely, or not for every scope."""
        kind = self._identity.kind if self._identity is not None else ""

        def is_left(stream: StreamSpec) -> bool:
            if not stream.serves(kind):
                return False
            work = self._work_lists.get(stream.name)
            if work is None or work.left or work.unrequested is not None:
                return True
            return not work.scopes.issuperset(scopes_of(stream, self._progress))

        return tuple(
            stream
            for stream in self.exchange.spec.streams
            if is_left(stream)
            and (self._stage is not Stage.BALANCES_BEFORE or stream.kind != "history")
        )

    def _read_progress(self, account_id: str) -> Progress:
        """The account's progress; in a full sync, earlier requests do not count."""
        known = read_progress(self._home.warehouse, self.exchange.spec, account_id)
        return replace(known, requested={}) if self._full else known

    def _unread(self, tally: Tally, known: KnownAccount, problem: RequestError) -> Any:
        """Receipts of all streams, which were not requested, with the reason."""
        self.result.account_id = known.account_id
        self._now = self._session.clock.now()
        tally.failures.append(
            Failure(problem.stream, problem.outcome, problem.kind, problem.what, problem.remedy)
        )
        return unread_history(self._round(tally, known.opened_at), problem, known.kind)

    def _round(self, tally: Tally, opened_at: datetime | None) -> Round:
        assert self._now is not None
        return Round(
            session=self._session,
            identity=self._identity,
            account_id=self.result.account_id,
            progress=self._progress,
            opened_at=opened_at,
            now=self._now,
            work_lists=self._work_lists,
            tally=tally,
            on_event=lambda stream, rows, share: self._on_event(
                self.account.label, stream, rows, share
            ),
            watches=self._watches,
        )

    def load(self) -> None:
        """Load the extracted round, and determine what is left to request.

        Raises RequestError if rows or receipts did not arrive.
        """
        spec = self.exchange.spec
        stored_before = stored_rows(self._home.warehouse, spec, self.result.account_id)
        with duckdb.connect(str(self._home.warehouse)):  # dlt opens the file again for each job
            loaded = account_pipeline(self._home, spec, self.result.account_id).load()
        self._check_delivery(loaded.loads_ids)
        stored = stored_rows(self._home.warehouse, spec, self.result.account_id)
        self.result.new_rows += stored - stored_before
        self._progress = self._read_progress(self.result.account_id)
        self._go_on()

    def _go_on(self) -> None:
        """Enter the first stage, starting with the current one, that has something to request."""
        if self._identity is None:
            self._stage = Stage.DONE
        while not self.done and not self._streams_left():
            self._stage = Stage(self._stage + 1)
            if self._stage is Stage.BALANCES_AFTER and self._full:
                self._forget_balances()
            elif self._stage is Stage.UNREQUESTED:
                self._note_unrequested()

    def _check_delivery(self, load_ids: Iterable[str]) -> None:
        """Check that all receipts of the round arrived: their rows are in the same package."""
        with duckdb.connect(str(self._home.warehouse), read_only=True) as connection:
            found = connection.execute(
                f"select count(*) from raw_{self.exchange.spec.name}.receipts "
                "where _dlt_load_id in (select unnest(?))",
                [list(load_ids)],
            ).fetchone()
        arrived = found[0] if found else 0
        if arrived < self._delivery.receipts:
            raise self._incomplete(f"{arrived} of {self._delivery.receipts} receipts have arrived")

    def _incomplete(self, what: str) -> RequestError:
        return RequestError(
            f"not all rows that were read were loaded: {what}",
            kind="incomplete",
            remedy="run the sync again: it reads the missing rows; report this message if it "
            "stays",
            retry=True,
        )

    def _forget_balances(self) -> None:
        """Put the balances back on the work list."""
        for stream in self.exchange.spec.streams:
            if stream.kind == "snapshot":
                self._work_lists.pop(stream.name, None)

    def _note_unrequested(self) -> None:
        """Put streams without a known scope back on the work list, for a receipt with the reason.

        The receipt also names streams that could contain a scope, but were not read completely. No
        receipt is written if the last one was the same.
        """
        spec = self.exchange.spec
        for stream in spec.streams:
            work = self._work_lists.get(stream.name)
            if stream.kind != "history" or not stream.scope or work is None or work.scopes:
                continue
            cut = [
                naming.name
                for naming in spec.naming(stream)
                if naming.name in self._work_lists and self._work_lists[naming.name].is_cut
            ]
            if cut or stream.name not in self._progress.unrequested:
                work.unrequested = _no_known_scope(stream, cut)

    def _identify(self) -> None:
        """Identify the key's account, and compare it with the label's account and its rights."""
        identity = identify(self._session)
        account_id = f"{self.exchange.spec.name}:{identity.uid}"
        stands_for = self._known.account_id if self._known is not None else ""
        if self._known is not None and self._is_known_key(self._known):
            account_id = self._known.account_id
        elif self.account.uid not in ("", identity.uid):
            stands_for = stands_for or f"{self.exchange.spec.name}:{self.account.uid}"
        if stands_for not in ("", account_id):
            raise LookbackError(
                f"this key belongs to {account_id}, but the label stands for {stands_for}",
                account=self.account.label,
                stream="identity",
                remedy="use another label for the other account, or restore the right key",
            )
        self._require_own_account(account_id)
        self._require_known_rights(rights_of(self.exchange, identity))
        _claim(account_id, self)
        self.result.account_id = account_id
        self._now = self._session.clock.now()
        if identity.opened_at is not None and identity.opened_at > self._now:
            identity = replace(identity, opened_at=None)  # not plausible
        self._identity = identity
        self.result.warnings += self._warnings(identity)

    def _require_known_rights(self, rights: Rights) -> None:
        """Raises RequestError if the key has rights that the label's last key did not have."""
        if self._known is None:
            return
        label = self.account.label
        gained = [
            right
            for right in rights.beyond(self.account.accepted_rights)
            if right not in self._known.rights
        ]
        if gained:
            problem = RequestError(
                f"this key has gained rights: {', '.join(gained)}. Nothing was read with it",
                kind="rights_gained",
                outcome="refused",
                remedy=f"remove them on the exchange's site, or make a read-only key and run "
                f"`lookback accounts rotate {label}`; to accept them: "
                f"`lookback check {label} --accept-trading-key`",
                stream="identity",
            )
            problem.account = label
            raise problem

    def _require_own_account(self, account_id: str) -> None:
        """Raises LookbackError if the account belongs to another declared label."""
        holder = self._labels.get(account_id, self.account.label)
        if holder.lower() == self.account.label.lower():
            return
        if holder.lower() in {label.lower() for label in declared_accounts()}:
            raise _same_account(account_id, holder, self.account.label)
        self.result.warnings.append(
            f"{account_id} had the label {holder}; its history continues as {self.account.label}"
        )

    def _is_known_key(self, known: KnownAccount) -> bool:
        """Whether the label's last key is still this one: a key always belongs to one account.

        The account id can change while the key stays the same, as after a first withdrawal.
        """
        same = known.key_fingerprint == self.account.credentials.fingerprint
        return same and not self.account.uid

    def _warnings(self, identity: Identity) -> list[str]:
        found = []
        rights = rights_of(self.exchange, identity)
        if rights.beyond(self.account.accepted_rights):
            found.append(
                f"this key {rights.what}; lookback only reads: create a read-only key and run "
                f"`lookback accounts rotate {self.account.label}`"
            )
        skew = self._session.clock.skew.total_seconds()
        if abs(skew) > 30:
            direction = "behind" if skew > 0 else "ahead of"
            found.append(
                f"this machine's clock is {abs(skew):.0f} s {direction} the exchange's; "
                "requests are corrected for it, but set the clock"
            )
        return found


def _no_known_scope(stream: StreamSpec, cut: list[str]) -> RequestError:
    """Why a stream was not requested; the incomplete streams in `cut` may have a value for it."""
    unknown = f"no {stream.scope} of this account is known"
    if not cut:
        return RequestError(unknown, kind=NOTHING_TO_ASK, outcome="exhausted")
    return RequestError(
        f"{unknown}, and streams that may have one were not read completely: {', '.join(cut)}",
        kind=NOTHING_TO_ASK,
        outcome="failed",
    )


_claims: WeakValueDictionary[str, AccountSync] = WeakValueDictionary()
_claims_lock = Lock()


def _claim(account_id: str, sync: AccountSync) -> None:
    """Raises LookbackError if another label has the same account: both would use one folder."""
    with _claims_lock:
        holder = _claims.get(account_id)
        if holder is not None and not holder.done and holder.account.label != sync.account.label:
            raise _same_account(account_id, holder.account.label, sync.account.label)
        _claims[account_id] = sync


def _same_account(account_id: str, holder: str, label: str) -> LookbackError:
    return LookbackError(
        f"this is the same account as {holder} ({account_id})",
        account=label,
        stream="identity",
        remedy="remove one of the two from .dlt/config.toml",
    )
