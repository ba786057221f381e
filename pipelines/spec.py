"""What an exchange promises about its history, as data. No logic beyond refusing nonsense."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Literal

from pipelines.fields import declared_fields

Kind = Literal["history", "snapshot", "reference"]
"""`history` grows row by row; `snapshot` is the account's state now; `reference` is public data."""

TimeUnit = Literal["milliseconds", "seconds", "iso8601"]

Method = Literal["GET", "POST"]
"""The method of a read. Some exchanges take queries as the body of a POST."""

RetentionKind = Literal["rolling", "unlimited", "not_stated"]
"""`rolling`: rows leave after `retention`. `unlimited`: the exchange says nothing leaves.
`not_stated`: the exchange is silent, which is not the same as unlimited."""

BalanceKind = Literal["", "ledgered", "unledgered"]
"""Set for a stream whose answer is all that its wallet holds: a coin that is not in it, the wallet
has none of. `ledgered`: streams tell the wallet's movements as well, and both are compared.
`unledgered`: no stream does, so the answer is compared with what other wallets moved there."""

Part = Literal["all", "trade"]

Confidence = Literal["documented", "seen_in_payload", "seen_in_client", "inferred"]

Lifecycle = Literal["active", "winding_down", "closed"]


@dataclass(frozen=True, kw_only=True)
class Rate:
    """At most `requests` in any `per`; `burst` of them may go out at once."""

    requests: int
    per: timedelta
    burst: int | None = None

    def __post_init__(self) -> None:
        if self.requests < 1 or self.per <= timedelta(0):
            raise ValueError(f"a rate allows at least one request in some time, not {self}")


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """The parameters that say from when to when, and how the exchange writes them."""

    start: str = "startTime"
    end: str = "endTime"
    unit: TimeUnit = "milliseconds"
    includes_end: bool = True
    """Whether a row at the end bound itself is answered. It decides bounds that do not move."""


@dataclass(frozen=True, kw_only=True)
class Paging:
    """How the rows of one window are requested, page by page.

    Which kind of paging a stream has is the subclass. Each subclass names the parameters in the
    exchange's own spelling.
    """

    limit: str = ""
    """The parameter that takes `page_size`; '' where the route has none."""
    bounds: Bounds | None = None
    """How a window is written. None where the route takes no times."""

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of all parameters that the paging sends."""
        bounds = (self.bounds.start, self.bounds.end) if self.bounds else ()
        return tuple(name for name in (self.limit, *bounds) if name)


@dataclass(frozen=True, kw_only=True)
class SinglePage(Paging):
    """The route answers everything at once."""

    may_be_cut: bool = False
    """Whether a full page may lack rows that no other request returns."""


@dataclass(frozen=True, kw_only=True)
class NewestRows(Paging):
    """The route answers its newest `newest_rows` rows and nothing older."""


@dataclass(frozen=True, kw_only=True)
class TimeDescending(Paging):
    """Newest first; the end bound moves down to the oldest row of each page.

    `cursor` is the parameter for "older than the row with this id". It is used only inside a
    moment that holds more rows than a page.
    """

    bounds: Bounds = Bounds()
    cursor: str
    is_cursor_reliable: bool = True
    """Whether the cursor is known to lose no rows that share one moment."""

    @property
    def parameters(self) -> tuple[str, ...]:
        return (*super().parameters, self.cursor)


@dataclass(frozen=True, kw_only=True)
class TimeAscending(Paging):
    """Oldest first; the start bound moves up to the newest row of each page.

    `offset` is the parameter for "skip so many rows". It is used only inside one moment.
    """

    bounds: Bounds = Bounds()
    offset: str
    slack: timedelta = timedelta(0)
    """How far a row's place in the list may lie from the time by which the route filters."""

    @property
    def parameters(self) -> tuple[str, ...]:
        return (*super().parameters, self.offset)


@dataclass(frozen=True, kw_only=True)
class NewestOfSpan(Paging):
    """The newest rows of a span and no cursor: a full page is requested again in smaller spans."""

    bounds: Bounds = Bounds()
    is_sorted: bool = False
    """Whether rows are known to come newest first. If not, a full span is cut into halves."""


@dataclass(frozen=True, kw_only=True)
class OffsetPaging(Paging):
    """Newest first; `offset` is the parameter for "skip so many rows"."""

    offset: str
    overlap: int = 0
    """Rows read twice between two pages: a page without any of them shows that the list moved."""
    to_the_end: bool = False
    """Whether the list is read to its end, whatever times its rows have."""

    @property
    def parameters(self) -> tuple[str, ...]:
        return (*super().parameters, self.offset)


@dataclass(frozen=True, kw_only=True)
class PageNumbers(Paging):
    """Pages numbered from 1."""

    number: str
    last_number: int = 1_000
    """The highest number that the exchange answers."""

    @property
    def parameters(self) -> tuple[str, ...]:
        return (*super().parameters, self.number)


@dataclass(frozen=True, kw_only=True)
class IdAscending(Paging):
    """Oldest first, from an id on: the next page begins after the highest id.

    The last part of `record_id` is that id. Only a page without rows ends the list.
    """

    from_id: str
    """The parameter of the lowest id that a page may have. A window from the floor begins at 0."""
    start: str = "startTime"
    """The parameter by which any other window begins, in milliseconds; never sent with an id."""

    @property
    def parameters(self) -> tuple[str, ...]:
        return (*super().parameters, self.from_id, self.start)


@dataclass(frozen=True, kw_only=True)
class CursorPaging(Paging):
    """Newest first, along a cursor: the answer names it, or it is the id of the last row."""

    cursor: str
    """The parameter."""
    read_from: tuple[str, ...] = ()
    """Where in the answer the next cursor is, first match: `data.nextId`. Empty: the last id."""
    ends_on_empty_page: bool = True
    """Whether a page without rows is the last, even if it names a cursor."""
    end_values: tuple[str, ...] = ("",)
    """Cursors that stand for "no next page"."""
    checks_scope: bool = False
    """Whether rows of another scope than the requested one make the answer unusable."""

    @property
    def parameters(self) -> tuple[str, ...]:
        return (*super().parameters, self.cursor)


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """What an exchange wraps its answers in. Places are dotted paths from the answer's root."""

    code: str = ""
    """Where the code of success or failure is; '' where only failures have a body of their own."""
    success: frozenset[str] = frozenset({""})
    """The codes of success; '' where an answer without a code is a success too."""
    ignores_status: bool = False
    """Whether the code decides even if the HTTP status says otherwise."""
    error: tuple[str, ...] = ()
    """Members that only failures have."""
    message: tuple[str, ...] = ()
    """Where the text of a failure is, first match."""
    rows_at: str = ""
    """Where the rows are, for streams that do not say (`StreamSpec.rows_at`); '' is the root."""
    list_names: frozenset[str] = frozenset()
    """Names that a list has inside `rows_at`, where routes name it differently."""


@dataclass(frozen=True, kw_only=True)
class StreamSpec:
    """One endpoint: what it returns, how far back, and how it is requested.

    `record_id` names keys of the record itself. `path` is below the exchange's base
    URL and is what gets signed. Every limit has its page (`docs_url`), the day it was read, and
    how sure it is.
    """

    name: str
    path: str
    kind: Kind
    record_id: tuple[str, ...]
    docs_url: str
    checked_on: date
    confidence: Confidence

    exchange: str = ""
    """Whose stream it is: filled in by the `ExchangeSpec` that holds it."""
    entities: tuple[str, ...] = ()
    """Which canonical entities the rows carry whole: deposits, withdrawals, trades, transfers,
    ledger. `trades/spot` names the part that the rows carry (one product, one kind of move): such
    a stream never makes `trades` complete. It fills gaps of streams that carry that same part."""
    method: Method = "GET"
    base_url: str = ""
    """Where the endpoint is, if not where the exchange's others are. An account's own `base_url`
    (a sandbox, a gateway) serves all of them."""
    params: tuple[str, ...] = ()
    """The parameters the endpoint takes, in its own spelling: no other is ever sent. Left empty
    where the exchange refuses what it does not know, and its own `params` are the list; some
    ignore it and answer something else."""
    part_of: tuple[str, ...] = ()
    """Entities of which the rows are a part only: they are known where all the parts are. A
    stream that carries an entity whole names it in `entities`."""
    wallet: str = ""
    """The wallet the rows belong to, or one word for its wallets where it serves a few of a kind.
    Only streams of the same wallet can fill each other's gaps."""
    balance_kind: BalanceKind = ""
    asset_field: str = ""
    amount_field: str = ""
    """Where a record has its asset and its amount: what a file is compared with the API by."""
    compared_with: tuple[tuple[str, Part], ...] = ()
    """Streams that tell the same movements of the same wallet, and which of them: the sums of both
    must agree."""
    private: bool = True
    needs_right: str = ""
    """The right beyond reading that the exchange wants of a key for it, in the exchange's words.
    Without it, the stream is not requested, and no warning is shown."""
    account_kinds: tuple[str, ...] = ()
    """The kinds of account (`Identity.kind`) that the endpoint exists for; all, if empty. For any
    other kind it is not requested, and has no gap."""
    time_field: str = ""
    time_unit: TimeUnit = "milliseconds"
    paging: Paging | None = None
    """How its rows are requested. None: the exchange's own paging for a history, one page else."""
    sends: Mapping[str, str | int] = field(default_factory=dict, hash=False)
    """Parameters that every request has, with their values."""
    rows_at: str | None = None
    """Where in the answer the rows are, as a dotted path from its root: `data.records`. `[]` steps
    into each item of a list: `[].positions`. '' is the whole answer; None is the envelope's."""

    count_at: str = ""
    """Where the answer counts its rows, of a route that leaves out the list if that is 0."""

    retention_kind: RetentionKind = "not_stated"
    retention: timedelta | None = None
    max_window: timedelta | None = None
    """The widest span of one request; None if the endpoint has no such limit."""
    time_filter: bool = True
    """Whether the endpoint takes a start and an end at all."""
    few_rows: bool = False
    """Whether rows are so few that the whole span is requested at once. Otherwise a stream
    without a `max_window` is read some months at a time, so that an interrupted run keeps them."""
    page_size: int = 100
    smaller_page: int | None = None
    """What to request instead if a server refuses `page_size`, although it is documented."""
    newest_rows: int | None = None
    """How many rows, the newest, the endpoint returns at most. Older ones drop out of
    reach as new ones come in: when that is depends on the account, not on the calendar."""
    rate: Rate | None = None
    """The endpoint's own limit for each account, in addition to the exchange-wide ones."""

    weight: int = 1
    """How many requests it counts for in the exchange-wide budgets."""

    scope: str = ""
    """The parameter that is requested value by value (`coin`, `symbol`), if any."""
    scope_values: tuple[str, ...] = ()
    """Values of the scope that are always requested, in addition to those found in records."""
    scope_is_closed: bool = False
    """Whether `scope_values` are all there are: records and earlier askings name no others."""
    scope_sends: Mapping[str, Mapping[str, str]] = field(default_factory=dict, hash=False)
    """Values of the scope that are requested by other parameters than `scope` itself."""
    scope_from: tuple[str, ...] = ()
    """The streams whose records name values of the scope; all that have the field, if empty."""
    numbers_twins: bool = False
    """Whether equal ids within an answer are records of their own, distinguished by a number: where
    the exchange has no id, and two equal movements are two movements."""
    status_field: str = ""
    final_statuses: frozenset[str] = frozenset()
    """Rows in any other status can still change and hold the resume point."""
    known_by: tuple[str, ...] = ()
    """Fields that each record has and that together tell it from other streams' (`required`)."""
    other_times: tuple[str, ...] = ()
    """Other fields than `time_field` that hold a time in `time_unit`."""
    overlap: timedelta = timedelta(days=1)
    """How far a resumed read overlaps what is stored, for rows that arrive late."""

    affects: str = ""
    """What a reader misses when this stream has a hole."""
    remedy: str = ""
    """What would fill a hole the API no longer fills: another stream, a file from the site."""
    remedy_is_file: bool = False
    """Whether `remedy` names a file to download: to be kept where files cannot be imported."""

    def __post_init__(self) -> None:
        if (self.retention_kind == "rolling") != (self.retention is not None):
            raise ValueError(f"{self.name}: a rolling retention, and only that, has a length")
        if self.kind == "history" and not (self.time_field and self.affects and self.remedy):
            raise ValueError(f"{self.name}: history needs a time, what it affects and a remedy")
        if bool(self.status_field) != bool(self.final_statuses):
            raise ValueError(f"{self.name}: a status field needs its final statuses, and they it")
        if self.weight < 1:
            raise ValueError(f"{self.name}: a request counts for at least one")
        if not self.record_id:
            raise ValueError(f"{self.name}: a record needs an id")
        if self.newest_rows is not None and (self.newest_rows < 1 or self.time_filter):
            raise ValueError(f"{self.name}: with a time filter there are not only newest rows")
        if self.smaller_page is not None and not 0 < self.smaller_page < self.page_size:
            raise ValueError(f"{self.name}: a smaller page is smaller than a page")
        if self.few_rows and self.max_window is not None:
            raise ValueError(f"{self.name}: with a widest window, not all is requested at once")
        if self.scope_values and not self.scope:
            raise ValueError(f"{self.name}: values of a scope it does not have")
        if self.scope_is_closed and not self.scope_values:
            raise ValueError(f"{self.name}: a closed scope without values is never requested")

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """The keys of the record, as the exchange's base models declare them."""
        return tuple(declared_fields(self.exchange)[self.name])

    def fields_of_type(self, kind: str) -> tuple[str, ...]:
        """The fields that are declared with that type, such as `amount` or `minor`."""
        declared = declared_fields(self.exchange)[self.name]
        return tuple(field for field, of_kind in declared.items() if of_kind == kind)

    @cached_property
    def minor_fields(self) -> tuple[str, ...]:
        """Fields that hold whole numbers: amounts in minor units, counts of contracts."""
        return self.fields_of_type("minor")

    @cached_property
    def decimal_fields(self) -> tuple[str, ...]:
        """Fields that hold decimal numbers."""
        return self.fields_of_type("amount")

    @property
    def required(self) -> tuple[str, ...]:
        """The fields without which a file is not this stream's, and a record in it not whole."""
        return self.known_by or tuple(
            name for name in (self.record_id[0], self.time_field, self.status_field) if name
        )

    def serves(self, account_kind: str) -> bool:
        """Whether the endpoint exists for that kind of account; '' is an unknown kind."""
        return not (self.account_kinds and account_kind) or account_kind in self.account_kinds


@dataclass(frozen=True, kw_only=True)
class ScopeList:
    """Where values of a scope's parameter are read, in addition to fields of its own name.

    Places are (stream, JSON path); `[*]` in a path is each item of a list. Without `seconds`,
    `places` hold whole values. With them, values are derived: any of `places`, `joined_by`, any of
    `seconds`. Those are guesses: it is no failure if the exchange does not know one. What lies at
    `unless` is not paired.
    """

    scope: str
    places: tuple[tuple[str, str], ...]
    seconds: tuple[tuple[str, str], ...] = ()
    unless: tuple[tuple[str, str], ...] = ()
    joined_by: str = ""
    is_public: bool = False
    """Whether the list is of all accounts, delisted values included: each is a guess then."""

    @property
    def are_guesses(self) -> bool:
        """Whether the exchange may not know its values."""
        return self.is_public or bool(self.seconds)


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """A private read route that is no stream and no probe, and why."""

    path: str
    """With its method where that is not GET: `POST /v1/thing`."""
    reason: str
    """One sentence for a reader who wonders whether something of theirs is missing."""
    docs_url: str

    @property
    def read(self) -> tuple[str, str]:
        """Its method and its path."""
        method, _, path = self.path.rpartition(" ")
        return method or "GET", path


@dataclass(frozen=True, kw_only=True)
class Excluded:
    """Something of an account that no route of the API tells, by the exchange's design.

    It stands in the coverage of every account as a stream of its own that is never complete.
    """

    name: str
    """Where a stream's name would stand: a word a reader searches for, such as `bots`."""
    entities: tuple[str, ...]
    """Which canonical entities lack its rows."""
    what: str
    """What is left out, as the end of a sentence that starts with the exchange."""
    remedy: str
    docs_url: str
    """The page that says so, or from which it follows."""
    evidence: str = ""
    """How it is known, where the page does not say it outright."""
    confidence: Confidence = "documented"


@dataclass(frozen=True, kw_only=True)
class Guide:
    """What a person needs to know to connect an account. Markdown sentences, in order."""

    steps: tuple[str, ...]
    """How to make a key that only reads, click by click, as the site is today."""
    alerts: tuple[str, ...] = ()
    """What is lost if nothing is done: how far back the API goes, closing dates."""
    notes: tuple[str, ...] = ()
    """What the API leaves out, and what to do about it."""
    problems: tuple[tuple[str, str], ...] = ()
    """What one sees (an error, something missing), and the way out of it."""


@dataclass(frozen=True, kw_only=True)
class ExchangeSpec:
    """One exchange: its address, its rate limits, its lifecycle."""

    name: str
    title: str
    base_url: str
    streams: tuple[StreamSpec, ...]
    probes: tuple[str, ...]
    """Read routes that identify the key and tell the clock; nothing of them is stored verbatim."""
    docs_url: str
    checked_on: date

    began_on: date
    """No account is older than this; if nothing else is known, reading begins here."""
    params: frozenset[str] = frozenset()
    """The parameters of its reads. No other is sent, to probes and to streams without a list."""
    envelope: Envelope = Envelope()
    paging: Paging = SinglePage()
    """How histories that declare no paging of their own are requested."""
    lifecycle: Lifecycle = "active"
    ends_at: datetime | None = None
    """When the API stops, or stopped, for good."""
    account_rate: Rate | None = None
    """All signed requests of one account together."""
    ip_rate: Rate | None = None
    """All requests from one address together."""
    public_rate: Rate | None = None
    """Unsigned requests from one address."""
    scope_lists: tuple[ScopeList, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    """Every other private read the exchange documents: with `streams` and `probes`, all of them."""
    excluded: tuple[Excluded, ...] = ()
    """What no route tells, for every account alike."""
    guide: Guide = Guide(steps=())
    imports_files: bool = False
    """Whether saved answers of it can be imported: no other remedy may ask for an import."""
    credential_fields: tuple[str, ...] = ("key", "secret")
    optional_credentials: tuple[str, ...] = field(default=())
    credential_aliases: Mapping[str, str] = field(default_factory=dict)
    """Other words a key field may be configured by: {"passphrase": "memo"}."""

    def __post_init__(self) -> None:
        streams = tuple(replace(stream, exchange=self.name) for stream in self.streams)
        object.__setattr__(self, "streams", streams)
        names = [stream.name for stream in self.streams]
        names += [excluded.name for excluded in self.excluded]
        if len(names) != len(set(names)):
            raise ValueError(f"{self.name}: two streams share a name")
        if (self.lifecycle == "active") != (self.ends_at is None):
            raise ValueError(f"{self.name}: an exchange that ends, and only that, has an end")
        if both := self.reads() & {route.read for route in self.left_out}:
            raise ValueError(f"{self.name}: {sorted(both)} cannot be both read and left out")
        for stream in self.streams:
            takes = stream.params or self.params
            if unknown := {*self.paging_of(stream).parameters, *stream.sends} - set(takes):
                raise ValueError(f"{stream.name}: {stream.path} takes no {sorted(unknown)}")

    def paging_of(self, stream: StreamSpec) -> Paging:
        """How the stream's rows are requested."""
        return stream.paging or (self.paging if stream.kind == "history" else SinglePage())

    def reads(self) -> frozenset[tuple[str, str]]:
        """Every (method, path) below the base URL that may be sent. All of them only read."""
        return frozenset(
            {(stream.method, stream.path) for stream in self.streams}
            | {("GET", path) for path in self.probes}
        )

    def naming(self, asked: StreamSpec) -> tuple[StreamSpec, ...]:
        """The streams that name values of its scope; one with the same scope names no new one."""
        places = {
            stream
            for listed in self.scope_lists
            if listed.scope == asked.scope
            for stream, _ in (*listed.places, *listed.seconds)
        }
        return tuple(
            stream
            for stream in self.streams
            if stream.scope != asked.scope
            and (
                stream.name in places
                or (
                    asked.scope in stream.fields
                    and (not asked.scope_from or stream.name in asked.scope_from)
                )
            )
        )

    def stream(self, name: str) -> StreamSpec:
        """The stream of that name. Raises KeyError."""
        for stream in self.streams:
            if stream.name == name:
                return stream
        raise KeyError(f"{self.name} has no stream {name!r}")
