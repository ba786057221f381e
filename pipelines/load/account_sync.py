"""One account into `raw_<exchange>`: extract side by side, load one after another.

dlt merges through one staging schema a dataset, so two loads into one dataset at the same time
would double rows: whoever calls `load` holds the warehouse for that long. Extraction touches
only the account's own files, and may run beside anything.
"""

from __future__ import annotations

import hashlib
import logging
import re
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any
from weakref import WeakValueDictionary

import duckdb

from pipelines import registry
from pipelines.account import Account
from pipelines.config.accounts import declared_accounts
from pipelines.errors import LookbackError, Trouble, unexpected
from pipelines.extract.client import ReadOnlySession, ask, set_clock
from pipelines.extract.exchange import Identity
from pipelines.extract.progress import (
    NOTHING_TO_ASK,
    KnownAccount,
    Progress,
    known_account,
    labels_of_accounts,
    read_progress,
    stored_rows,
)
from pipelines.extract.vanished import Watch, read_watches
from pipelines.home import Home
from pipelines.load.history import (
    Agenda,
    Failure,
    Tally,
    Visit,
    account_history,
    empty_tables,
    scopes_of,
    unread_history,
)
from pipelines.load.tables import all_tables
from pipelines.spec import ExchangeSpec, StreamSpec

log = logging.getLogger(__name__)

ROW_BUDGET = 250_000
"""Rows read before they are loaded: what a cut-off run can lose, and what memory must hold."""

LONGEST_NAME = 80
"""Characters of an account that name its working folder: a file may say anything of whose it is."""

OnEvent = Callable[[str, str, int, float], None]
"""(label, stream, rows so far, share of its windows done)."""


@dataclass
class AccountResult:
    """What a sync of one account came to."""

    label: str
    account_id: str = ""
    rows: int = 0
    """Rows of the answers, those that were stored already among them."""
    new_rows: int = 0
    """Rows of history that were not stored before."""
    receipts: int = 0
    requests: int = 0
    failures: list[Failure] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


class AccountSync:
    """One account's sync, in rounds of `extract` then `load` until `done`.

    `prepare` and `load` write the warehouse and must not run beside another writer; `extract`
    may. A scope that came up in a round (a coin in the ledger) is asked for in the next.

    `full` asks for everything within reach whatever was read before, with a look at the balances
    before the first and after the last row: what to do before an exchange closes.
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
        self.done = False
        self._home = home
        self._on_event = on_event or (lambda label, stream, rows, share: None)
        self._row_budget = row_budget
        self._session = session or ReadOnlySession(self.exchange, account)
        self._identity: Identity | None = None
        self._now: datetime | None = None
        self._progress = Progress()
        self._known: KnownAccount | None = None
        self._agendas: dict[str, Agenda] = {}
        self._full = full
        self._looked_again = not full
        self._told_unasked = False
        self._watches: dict[str, Watch] = {}
        self._in_round: set[str] = set()
        self._receipts_due = 0
        self._labels: dict[str, str] = {}

    def prepare(self) -> None:
        """Finish what an earlier run left half loaded, and look up who the label was."""
        spec = self.exchange.spec
        finish_pending(self._home, spec)
        self._known = known_account(self._home.warehouse, spec, self.account.label)
        self._labels = labels_of_accounts(self._home.warehouse, spec)
        if self._known is not None:
            self._progress = self._read_progress(self._known.account_id)
            self._watches = read_watches(
                self._home.warehouse, spec, self._known.account_id, self._progress.asked
            )

    def extract(self) -> None:
        """Read the next round from the exchange into the account's own load package.

        An account that cannot be read at all gets receipts that say so, where it is known from an
        earlier run. Raises LookbackError where it is not, or where it is another account.
        """
        try:
            self._extract_round()
        finally:
            self._session.close()  # idle connections do not outlive the round

    def _extract_round(self) -> None:
        """One round; one that is cut off puts back what it took from the list of what to ask."""
        agendas = {name: agenda.copy() for name, agenda in self._agendas.items()}
        watches = {name: watch.copy() for name, watch in self._watches.items()}
        try:
            self._deliver_round()
        except BaseException:  # a time-out is no Exception
            self._agendas, self._watches = agendas, watches
            raise

    def _deliver_round(self) -> None:
        tally = Tally(self._row_budget)
        source = self._next_round(tally)
        pipeline = account_pipeline(self._home, self.exchange.spec, self.result.account_id)
        _forget_unfinished_extracts(pipeline)
        pipeline.extract(source, loader_file_format="parquet")
        pipeline.normalize()
        if lost := sorted(self._in_round - tally.delivered):
            raise self._incomplete(f"{', '.join(lost)} ended before their last row")
        self._receipts_due = tally.receipts
        self.result.rows += tally.rows
        self.result.receipts += tally.receipts
        self.result.requests = self._session.requests_sent
        self.result.failures += tally.failures

    def _next_round(self, tally: Tally) -> Any:
        if self._identity is None:
            try:
                self._identify()
            except Trouble as trouble:
                if self._known is None:
                    raise
                return self._unread(tally, self._known, trouble)
        assert self._identity is not None
        opened_at = self._identity.opened_at or self.account.opened_at
        streams = self._streams_left()
        self._in_round = {stream.name for stream in streams}
        return account_history(self._visit(tally, opened_at), streams)

    def _streams_left(self) -> tuple[StreamSpec, ...]:
        """The streams that were not asked yet, or not to their end, or not for every scope."""
        kind = self._identity.kind if self._identity is not None else ""

        def is_left(stream: StreamSpec) -> bool:
            if not stream.serves(kind):
                return False
            agenda = self._agendas.get(stream.name)
            if agenda is None or agenda.left or agenda.unasked is not None:
                return True
            return not agenda.scopes.issuperset(scopes_of(stream, self._progress))

        left = tuple(stream for stream in self.exchange.spec.streams if is_left(stream))
        if self._full and not self._agendas:
            return tuple(stream for stream in left if stream.kind != "history") or left
        return left

    def _read_progress(self, account_id: str) -> Progress:
        """What is known of the account; earlier askings count for nothing where all is asked."""
        known = read_progress(self._home.warehouse, self.exchange.spec, account_id)
        return replace(known, asked={}) if self._full else known

    def _unread(self, tally: Tally, known: KnownAccount, trouble: Trouble) -> Any:
        """Nothing but receipts: what would have been asked, and why it was not."""
        self.result.account_id = known.account_id
        self._now = self._session.clock.now()
        tally.failures.append(
            Failure(trouble.stream, trouble.outcome, trouble.kind, trouble.what, trouble.remedy)
        )
        return unread_history(self._visit(tally, known.opened_at), trouble, known.kind)

    def _visit(self, tally: Tally, opened_at: datetime | None) -> Visit:
        assert self._now is not None
        return Visit(
            session=self._session,
            identity=self._identity,
            account_id=self.result.account_id,
            progress=self._progress,
            opened_at=opened_at,
            now=self._now,
            agendas=self._agendas,
            tally=tally,
            on_event=lambda stream, rows, share: self._on_event(
                self.account.label, stream, rows, share
            ),
            watches=self._watches,
        )

    def load(self) -> None:
        """Load what `extract` brought, and see what is left to ask.

        Raises Trouble where less has arrived than was read.
        """
        spec = self.exchange.spec
        stored_before = stored_rows(self._home.warehouse, spec, self.result.account_id)
        with duckdb.connect(str(self._home.warehouse)):  # dlt opens the file anew for each job
            loaded = account_pipeline(self._home, spec, self.result.account_id).load()
        self._check_delivery(loaded.loads_ids)
        stored = stored_rows(self._home.warehouse, spec, self.result.account_id)
        self.result.new_rows += stored - stored_before
        self._progress = self._read_progress(self.result.account_id)
        self.done = self._identity is None or not (
            self._streams_left() or self._look_again() or self._has_unasked()
        )

    def _check_delivery(self, load_ids: Iterable[str]) -> None:
        """Each receipt of the round must have arrived, as its rows travel in the same package."""
        with duckdb.connect(str(self._home.warehouse), read_only=True) as connection:
            found = connection.execute(
                f"select count(*) from raw_{self.exchange.spec.name}.receipts "
                "where _dlt_load_id in (select unnest(?))",
                [list(load_ids)],
            ).fetchone()
        arrived = found[0] if found else 0
        if arrived < self._receipts_due:
            raise self._incomplete(f"{arrived} of {self._receipts_due} receipts have arrived")

    def _incomplete(self, what: str) -> Trouble:
        return Trouble(
            f"the round delivered less than it read: {what}",
            kind="incomplete",
            remedy="run the sync again: it reads what is missing; report this message where it "
            "stays",
            retry=True,
        )

    def _look_again(self) -> bool:
        """Put the balances back on the agenda, once, after everything else."""
        if self._looked_again:
            return False
        self._looked_again = True
        for stream in self.exchange.spec.streams:
            if stream.kind == "snapshot":
                self._agendas.pop(stream.name, None)
        return bool(self._streams_left())

    def _has_unasked(self) -> bool:
        """Put streams back on the agenda, once, that no value is known to ask by: to say so.

        Only when all was read is it known that nothing names one. Where something that might
        have named one was not read to its end, that is what is said. What was said last time
        is not said again.
        """
        if self._told_unasked:
            return False
        self._told_unasked = True
        spec = self.exchange.spec
        for stream in spec.streams:
            agenda = self._agendas.get(stream.name)
            if stream.kind != "history" or not stream.scope or agenda is None or agenda.scopes:
                continue
            cut = [
                naming.name
                for naming in spec.naming(stream)
                if naming.name in self._agendas and self._agendas[naming.name].is_cut
            ]
            if cut or stream.name not in self._progress.unasked:
                agenda.unasked = _nothing_to_ask(stream, cut)
        return bool(self._streams_left())

    def _identify(self) -> None:
        """Set clocks, ask whose key this is, and hold the answer against what the label was."""
        try:
            set_clock(self._session)
            self._identity = self.exchange.identify(partial(ask, self._session), self.account)
        except Trouble as trouble:
            trouble.account = self.account.label
            trouble.stream = trouble.stream or "identity"
            raise
        except LookbackError:
            raise
        except Exception as error:
            log.debug("identifying %s failed", self.account.label, exc_info=True)
            fault = unexpected(error, stream="identity")
            fault.what = self.account.credentials.hide_in(fault.what)
            raise fault from error
        if not self._identity.uid:
            raise LookbackError(
                f"{self.exchange.spec.title} did not say whose key this is",
                account=self.account.label,
                stream="identity",
                remedy=f"set uid under [accounts.{self.account.label}] in .dlt/config.toml",
            )
        account_id = f"{self.exchange.spec.name}:{self._identity.uid}"
        if self._known is not None and self._is_known_key(self._known):
            account_id = self._known.account_id
        if self._known is not None and self._known.account_id != account_id:
            raise LookbackError(
                f"this key belongs to {account_id}, but the label stands for "
                f"{self._known.account_id}",
                account=self.account.label,
                stream="identity",
                remedy="give the other account a label of its own, or put the right key back",
            )
        self._require_own_account(account_id)
        _claim(account_id, self)
        self.result.account_id = account_id
        self._now = self._session.clock.now()
        if self._identity.opened_at is not None and self._identity.opened_at > self._now:
            self._identity = replace(self._identity, opened_at=None)  # it cannot be so
        self.result.warnings += self._warnings(self._identity)

    def _require_own_account(self, account_id: str) -> None:
        """Raises LookbackError where the account belongs to another label that is declared."""
        holder = self._labels.get(account_id, self.account.label)
        if holder.lower() == self.account.label.lower():
            return
        if holder.lower() in {label.lower() for label in declared_accounts()}:
            raise _same_account(account_id, holder, self.account.label)
        self.result.warnings.append(
            f"{account_id} was called {holder} so far; its history goes on as {self.account.label}"
        )

    def _is_known_key(self, known: KnownAccount) -> bool:
        """Whether the label's last key is still this one: a key never moves to another account.

        What names an account may come up late, as with a first withdrawal.
        """
        same = known.key_fingerprint == self.account.credentials.fingerprint
        return same and not self.account.uid

    def _warnings(self, identity: Identity) -> list[str]:
        found = []
        powers = [
            word
            for word, has in (("trade", identity.can_trade), ("withdraw", identity.can_withdraw))
            if has
        ]
        if powers:
            found.append(
                f"this key can {' and '.join(powers)}; lookback only reads: make a read-only key"
            )
        skew = self._session.clock.skew.total_seconds()
        if abs(skew) > 30:
            direction = "behind" if skew > 0 else "ahead of"
            found.append(
                f"this machine's clock is {abs(skew):.0f} s {direction} the exchange's; "
                "it was corrected for, but set it"
            )
        return found


def _nothing_to_ask(stream: StreamSpec, cut: list[str]) -> Trouble:
    """Why a stream was not asked at all; `cut` might have named something to ask by."""
    unknown = f"no {stream.scope} of this account is known to ask by"
    if not cut:
        return Trouble(unknown, kind=NOTHING_TO_ASK, outcome="exhausted")
    return Trouble(
        f"{unknown}, and what may name one was not read to its end: {', '.join(cut)}",
        kind=NOTHING_TO_ASK,
        outcome="failed",
    )


_claims: WeakValueDictionary[str, AccountSync] = WeakValueDictionary()
_claims_lock = Lock()


def _claim(account_id: str, sync: AccountSync) -> None:
    """One account has one working folder: two labels for it cannot be read side by side."""
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


def account_pipeline(home: Home, spec: ExchangeSpec, account_id: str) -> Any:
    """The dlt pipeline of one account, with its own working folder."""
    return _pipeline(home, spec, _pipeline_name(account_id))


def _pipeline_name(of: str) -> str:
    name = re.sub(r"[^a-z0-9]+", "_", f"lookback_{of}".lower())
    if len(name) <= LONGEST_NAME:
        return name
    return f"{name[:LONGEST_NAME]}_{hashlib.sha256(of.encode(errors='replace')).hexdigest()[:16]}"


def _pipeline(home: Home, spec: ExchangeSpec, name: str) -> Any:
    import dlt

    return dlt.pipeline(
        pipeline_name=name,
        pipelines_dir=str(home.dlt_state),
        destination=dlt.destinations.duckdb(str(home.warehouse)),
        dataset_name=f"raw_{spec.name}",
    )


def prepare_warehouse(home: Home) -> None:
    """Give every exchange its raw tables, empty where nothing was loaded yet.

    Tables of an older version, which lack a column that models read, get it.
    """
    for name in registry.names():
        exchange = registry.exchange(name)
        if not _has_tables(home.warehouse, exchange.spec):
            pipeline = _pipeline(home, exchange.spec, f"{_pipeline_name(name)}_tables")
            load_source(pipeline, empty_tables(exchange, datetime.now(UTC)))


def _has_tables(warehouse: Path, spec: ExchangeSpec) -> bool:
    if not warehouse.exists():
        return False
    wanted = {(table.name, column) for table in all_tables(spec) for column in table.schema.names}
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        rows = connection.execute(
            "select table_name, column_name from information_schema.columns "
            "where table_schema = ?",
            [f"raw_{spec.name}"],
        ).fetchall()
    return wanted <= set(rows)


def load_source(pipeline: Any, source: Any) -> None:
    """Extract, normalize and load a source in one go."""
    _forget_unfinished_extracts(pipeline)
    pipeline.extract(source, loader_file_format="parquet")
    pipeline.normalize()
    pipeline.load()


def finish_pending(home: Home, spec: ExchangeSpec) -> None:
    """Load the packages that killed runs of this exchange left behind.

    A copy into staging that was done but not noted is done again, and the merge compares with
    the table only: the doubles that can come of it are removed.
    """
    for folder in sorted(home.dlt_state.glob(f"{_pipeline_name(spec.name)}_*")):
        pipeline = _pipeline(home, spec, folder.name)
        if not pipeline.has_pending_data:
            continue
        log.info("finishing a load that was cut off: %s", folder.name)
        pipeline.normalize()
        pending = pipeline.list_normalized_load_packages()
        pipeline.load()
        with duckdb.connect(str(home.warehouse)) as connection:
            for table in all_tables(spec):
                _remove_doubles(connection, f"raw_{spec.name}.{table.name}", table.key, pending)


def _remove_doubles(
    connection: duckdb.DuckDBPyConnection, table: str, key: Iterable[str], load_ids: Iterable[str]
) -> None:
    connection.execute(
        f"""
        delete from {table}
        where _dlt_load_id in (select unnest(?)) and rowid not in (
            select min(rowid) from {table} group by {", ".join(key)}
        )
        """,
        [list(load_ids)],
    )


def _forget_unfinished_extracts(pipeline: Any) -> None:
    """An extraction that was killed leaves a folder that nothing will ever read."""
    normalize_folder = Path(pipeline.working_dir) / "normalize"
    if normalize_folder.is_dir():
        for folder in normalize_folder.iterdir():
            if folder.is_dir() and folder.name != "extracted":
                shutil.rmtree(folder, ignore_errors=True)
