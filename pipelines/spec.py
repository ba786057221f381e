"""The documented properties of an exchange and its streams, as data with validation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Literal

from pipelines.fields import declared_fields
from pipelines.site_format import SiteFormat

Kind = Literal["history", "snapshot", "reference"]
"""`history` grows row by row; `snapshot` is the account's state now; `reference` is public data."""

TimeUnit = Literal["milliseconds", "seconds", "iso8601"]

Method = Literal["GET", "POST"]
"""The method of a read. Some exchanges take query parameters in the body of a POST."""

RetentionKind = Literal["rolling", "unlimited", "not_stated"]
"""`rolling`: rows expire after `retention`. `unlimited`: the exchange states that no row expires.
`not_stated`: the exchange does not document it."""

BalanceKind = Literal["", "ledgered", "unledgered"]
"""Set for a stream whose response is the complete content of its wallet: a coin that is not in it
has a balance of zero. `ledgered`: other streams have the wallet's movements, and both are compared.
`unledgered`: no stream has them, so the balance is compared with transfers from other wallets."""

Part = Literal["all", "trade"]

Confidence = Literal["documented", "seen_in_payload", "seen_in_client", "inferred"]

Lifecycle = Literal["active", "winding_down", "closed"]


@dataclass(frozen=True, kw_only=True)
class Rate:
    """At most `requests` in any `per`; `burst` of them may be sent at once."""

    requests: int
    per: timedelta
    burst: int | None = None

    def __post_init__(self) -> None:
        if self.requests < 1 or self.per <= timedelta(0):
            raise ValueError(f"a rate needs at least one request and a period, not {self}")


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """The parameters of the start and the end of a window, and their format."""

    start: str = "startTime"
    end: str = "endTime"
    unit: TimeUnit = "milliseconds"
    includes_end: bool = True
    """Whether the end bound is inclusive. Only used for bounds that do not move."""


@dataclass(frozen=True, kw_only=True)
class Paging:
    """How the rows of one window are requested, page by page.

    The subclass is the kind of paging. It has the names of the parameters, as the exchange spells
    them.
    """

    limit: str = ""
    """The parameter for `page_size`; '' if the route has none."""
    bounds: Bounds | None = None
    """How a window is written. None if the route takes no times."""

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of all parameters that the paging sends."""
        bounds = (self.bounds.start, self.bounds.end) if self.bounds else ()
        return tuple(name for name in (self.limit, *bounds) if name)


@dataclass(frozen=True, kw_only=True)
class SinglePage(Paging):
    """The route returns all rows at once."""

    may_be_cut: bool = False
    """Whether a full page may lack rows that no other request returns."""


@dataclass(frozen=True, kw_only=True)
class NewestRows(Paging):
    """The route returns its newest `newest_rows` rows and nothing older."""


@dataclass(frozen=True, kw_only=True)
class TimeDescending(Paging):
    """Newest first; the end bound moves down to the oldest row of each page.

    `cursor` is the parameter for "older than the row with this id". It is used only inside a
    moment with more rows than a page.
    """

    bounds: Bounds = Bounds()
    cursor: str
    is_cursor_reliable: bool = True
    """Whether the cursor is known to return all rows that share one moment."""

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
    """The largest difference between the order of the list and the time of the filter."""

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
    """Rows that two pages share. If a page has none of them, the list has shifted."""
    to_the_end: bool = False
    """Whether the list is always read to its end."""

    @property
    def parameters(self) -> tuple[str, ...]:
        return (*super().parameters, self.offset)


@dataclass(frozen=True, kw_only=True)
class PageNumbers(Paging):
    """Pages numbered from 1."""

    number: str
    last_number: int = 1_000
    """The highest page number that the exchange accepts."""

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
    """The parameter for the start of all other windows, in milliseconds; never sent with an id."""

    @property
    def parameters(self) -> tuple[str, ...]:
        return (*super().parameters, self.from_id, self.start)


@dataclass(frozen=True, kw_only=True)
class CursorPaging(Paging):
    """Newest first, by cursor: it is in the response, or it is the id of the last row."""

    cursor: str
    """The parameter."""
    read_from: tuple[str, ...] = ()
    """The place of the next cursor, first match: `data.nextId`. Empty: the last id."""
    ends_on_empty_page: bool = True
    """Whether a page without rows is the last, even if it has a cursor."""
    end_values: tuple[str, ...] = ("",)
    """Cursors that mean "no next page"."""
    checks_scope: bool = False
    """Whether a response with rows of another scope is refused."""

    @property
    def parameters(self) -> tuple[str, ...]:
        return (*super().parameters, self.cursor)


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """The structure of an exchange's responses. Places are dotted paths from the root."""

    code: str = ""
    """The place of the code of success or failure; '' if only failures have a code."""
    success: frozenset[str] = frozenset({""})
    """The codes of success; '' if a response without a code is a success too."""
    ignores_status: bool = False
    """Whether the code takes precedence over the HTTP status."""
    error: tuple[str, ...] = ()
    """Members that only failures have."""
    message: tuple[str, ...] = ()
    """The place of the text of a failure, first match."""
    rows_at: str = ""
    """The place of the rows, for streams without `rows_at`; '' is the root."""
    list_names: frozenset[str] = frozenset()
    """Possible names of the list inside `rows_at`, if routes differ."""


@dataclass(frozen=True, kw_only=True)
class StreamSpec:
    """One endpoint: what it returns, how far back, and how it is requested.

    `record_id` has keys of the record itself. `path` is relative to the exchange's base URL, and is
    signed. Every limit has its page (`docs_url`), the day on which it was read, and its certainty.
    """

    name: str
    path: str
    kind: Kind
    record_id: tuple[str, ...]
    docs_url: str
    checked_on: date
    confidence: Confidence

    exchange: str = ""
    """The name of the exchange, set by its `ExchangeSpec`."""
    entities: tuple[str, ...] = ()
    """The canonical entities that the rows contain completely: deposits, withdrawals, trades,
    transfers, ledger. `trades/spot` is a part of an entity (a product or kind): such a stream
    alone does not make `trades` complete. It fills gaps of streams with the same part."""
    method: Method = "GET"
    base_url: str = ""
    """The endpoint's base URL, if it differs from the exchange's. An account's `base_url` (a
    sandbox, a gateway) overrides both."""
    params: tuple[str, ...] = ()
    """The parameters of the endpoint: no other is sent. Required if the exchange ignores unknown
    parameters; if it refuses them, this is empty and the exchange's `params` apply."""
    part_of: tuple[str, ...] = ()
    """Entities of which the rows are only a part: an entity is complete if all its parts are. A
    stream with a complete entity lists it in `entities`."""
    wallet: str = ""
    """The wallet of the rows, or one word for several wallets of one kind. Only streams of the
    same wallet can fill each other's gaps."""
    balance_kind: BalanceKind = ""
    asset_field: str = ""
    amount_field: str = ""
    """The places of asset and amount in a record, for the comparison of files with the API."""
    compared_with: tuple[tuple[str, Part], ...] = ()
    """Streams with the same movements of the same wallet, and which: the sums must agree."""
    private: bool = True
    needs_right: str = ""
    """The right beyond reading that the exchange requires of a key, as the exchange names it.
    Without it, the stream is not requested, and no warning is shown."""
    account_kinds: tuple[str, ...] = ()
    """The kinds of account (`Identity.kind`) that have the endpoint; all, if empty. For any
    other kind it is not requested, and has no gap."""
    time_field: str = ""
    time_unit: TimeUnit = "milliseconds"
    paging: Paging | None = None
    """How its rows are requested. None: a history has the exchange's paging, others one page."""
    sends: Mapping[str, str | int] = field(default_factory=dict, hash=False)
    """Parameters that every request has, with their values."""
    rows_at: str | None = None
    """The place of the rows, as a dotted path from the root of the response: `data.records`. `[]`
    is each item of a list: `[].positions`. '' is the whole response; None: the envelope's place."""

    count_at: str = ""
    """The place of the row count, for a route without a list in the response if the count is 0."""

    retention_kind: RetentionKind = "not_stated"
    retention: timedelta | None = None
    max_window: timedelta | None = None
    """The widest span of one request; None if the endpoint has no such limit."""
    time_filter: bool = True
    """Whether the endpoint takes a start and an end at all."""
    few_rows: bool = False
    """Whether the whole span is requested at once, because there are few rows. Otherwise a stream
    without `max_window` is read in spans of some months, so that an interrupted run keeps them."""
    page_size: int = 100
    smaller_page: int | None = None
    """The page size to request if a server refuses `page_size`, although it is documented."""
    newest_rows: int | None = None
    """The endpoint returns at most this number of rows, the newest ones. Older rows expire when
    new ones are added, so the time depends on the account's activity."""
    rate: Rate | None = None
    """The endpoint's own limit for each account, in addition to the exchange-wide ones."""

    weight: int = 1
    """The weight of a request in the exchange-wide budgets."""

    scope: str = ""
    """The parameter that is requested value by value (`coin`, `symbol`), if any."""
    scope_values: tuple[str, ...] = ()
    """Values of the scope that are always requested, in addition to those found in records."""
    scope_is_closed: bool = False
    """Whether `scope_values` are complete: no values from records or earlier receipts are added."""
    scope_sends: Mapping[str, Mapping[str, str]] = field(default_factory=dict, hash=False)
    """Values of the scope that are requested with other parameters than `scope` itself."""
    scope_from: tuple[str, ...] = ()
    """The streams whose records have values of the scope; all streams with the field, if empty."""
    numbers_twins: bool = False
    """Whether equal ids in a response are separate records, distinguished by a number: for
    exchanges without an id, as two equal movements are two movements."""
    status_field: str = ""
    final_statuses: frozenset[str] = frozenset()
    """Rows in any other status can still change, and are requested again."""
    known_by: tuple[str, ...] = ()
    """Fields that each record has, and that distinguish it from other streams (`required`)."""
    other_times: tuple[str, ...] = ()
    """Fields other than `time_field` with a time in `time_unit`."""
    overlap: timedelta = timedelta(days=1)
    """How far a resumed read overlaps the stored span, for rows that arrive late."""

    affects: str = ""
    """The data that a gap in this stream affects."""
    remedy: str = ""
    """How to fill a gap that the API cannot fill: another stream, a file from the site."""
    remedy_is_file: bool = False
    """Whether `remedy` names a file to download. If files cannot be imported, it must be kept."""

    def __post_init__(self) -> None:
        if (self.retention_kind == "rolling") != (self.retention is not None):
            raise ValueError(f"{self.name}: a rolling retention needs a length, others have none")
        if self.kind == "history" and not (self.time_field and self.affects and self.remedy):
            raise ValueError(f"{self.name}: history needs a time, what it affects and a remedy")
        if bool(self.status_field) != bool(self.final_statuses):
            raise ValueError(f"{self.name}: a status field and final statuses require each other")
        if self.weight < 1:
            raise ValueError(f"{self.name}: the weight of a request is at least one")
        if not self.record_id:
            raise ValueError(f"{self.name}: a record needs an id")
        if self.newest_rows is not None and (self.newest_rows < 1 or self.time_filter):
            raise ValueError(f"{self.name}: newest_rows and a time filter exclude each other")
        if self.smaller_page is not None and not 0 < self.smaller_page < self.page_size:
            raise ValueError(f"{self.name}: the smaller page size must be below the page size")
        if self.few_rows and self.max_window is not None:
            raise ValueError(f"{self.name}: few_rows and max_window exclude each other")
        if self.scope_values and not self.scope:
            raise ValueError(f"{self.name}: scope values without a scope")
        if self.scope_is_closed and not self.scope_values:
            raise ValueError(f"{self.name}: a closed scope needs values")

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """The keys of the record, as the exchange's base models declare them."""
        return tuple(declared_fields(self.exchange)[self.name])

    def fields_of_type(self, kind: str) -> tuple[str, ...]:
        """The fields with that declared type, such as `amount` or `minor`."""
        declared = declared_fields(self.exchange)[self.name]
        return tuple(field for field, of_kind in declared.items() if of_kind == kind)

    @cached_property
    def minor_fields(self) -> tuple[str, ...]:
        """Fields with whole numbers: amounts in minor units, counts of contracts."""
        return self.fields_of_type("minor")

    @cached_property
    def decimal_fields(self) -> tuple[str, ...]:
        """Fields with decimal numbers."""
        return self.fields_of_type("amount")

    @property
    def required(self) -> tuple[str, ...]:
        """The fields that each record in a file of this stream must have."""
        return self.known_by or tuple(
            name for name in (self.record_id[0], self.time_field, self.status_field) if name
        )

    def serves(self, account_kind: str) -> bool:
        """Whether that kind of account has the endpoint; '' is an unknown kind."""
        return not (self.account_kinds and account_kind) or account_kind in self.account_kinds


@dataclass(frozen=True, kw_only=True)
class ScopeList:
    """Where values of a scope's parameter are read, in addition to fields of its own name.

    Places are (stream, JSON path); `[*]` in a path is each item of a list. Without `seconds`,
    `places` have complete values. With `seconds`, values are derived: one of `places`, `joined_by`,
    one of `seconds`. Such values are guesses: if the exchange does not know one, it is no failure.
    Values at `unless` are not combined.
    """

    scope: str
    places: tuple[tuple[str, str], ...]
    seconds: tuple[tuple[str, str], ...] = ()
    unless: tuple[tuple[str, str], ...] = ()
    joined_by: str = ""
    is_public: bool = False
    """Whether the list has the values of all accounts, also delisted ones: each is then a guess."""

    @property
    def are_guesses(self) -> bool:
        """Whether the exchange may not know its values."""
        return self.is_public or bool(self.seconds)


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """A private read route that is neither a stream nor a probe, with the reason."""

    path: str
    """With its method, if that is not GET: `POST /v1/thing`."""
    reason: str
    """One sentence that states why no data is missing, or which."""
    docs_url: str

    @property
    def read(self) -> tuple[str, str]:
        """Its method and its path."""
        method, _, path = self.path.rpartition(" ")
        return method or "GET", path


@dataclass(frozen=True, kw_only=True)
class Excluded:
    """Data of an account that no route of the API returns.

    In the coverage of each account, it is a stream that is never complete.
    """

    name: str
    """Its name, used like a stream's name, such as `bots`."""
    entities: tuple[str, ...]
    """The canonical entities that lack its rows."""
    what: str
    """A description of the data."""
    remedy: str
    docs_url: str
    """The page that states or implies it."""
    evidence: str = ""
    """The evidence, if the page only implies it."""
    confidence: Confidence = "documented"


@dataclass(frozen=True, kw_only=True)
class Guide:
    """The instructions to connect an account. Markdown sentences, in order."""

    steps: tuple[str, ...]
    """How to create a read-only key on the site, step by step."""
    alerts: tuple[str, ...] = ()
    """Data that expires: how far back the API reaches, closing dates."""
    notes: tuple[str, ...] = ()
    """Data that the API does not return, and alternatives."""
    products: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Each product of the exchange, with the streams that have its history."""
    problems: tuple[tuple[str, str], ...] = ()
    """Problems (an error, missing data), each with its solution."""


@dataclass(frozen=True, kw_only=True)
class ExchangeSpec:
    """One exchange: its address, its rate limits, its lifecycle."""

    name: str
    title: str
    base_url: str
    streams: tuple[StreamSpec, ...]
    probes: tuple[str, ...]
    """Read routes for the identity of the key and the time; their responses are not stored."""
    docs_url: str
    checked_on: date

    began_on: date
    """No account is older than this; the default start of the history."""
    params: frozenset[str] = frozenset()
    """The parameters of its reads. Probes, and streams without `params`, send no others."""
    envelope: Envelope = Envelope()
    paging: Paging = SinglePage()
    """How histories that declare no paging of their own are requested."""
    lifecycle: Lifecycle = "active"
    ends_at: datetime | None = None
    """When the API ends or ended permanently."""
    account_rate: Rate | None = None
    """All signed requests of one account together."""
    ip_rate: Rate | None = None
    """All requests from one address together."""
    public_rate: Rate | None = None
    """Unsigned requests from one address."""
    scope_lists: tuple[ScopeList, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    """All documented private reads that are not in `streams` or `probes`."""
    excluded: tuple[Excluded, ...] = ()
    """Data that no route returns for any account."""
    guide: Guide = Guide(steps=())
    site_formats: tuple[SiteFormat, ...] = ()
    """The files of the exchange's site that can be imported by their header."""
    credential_fields: tuple[str, ...] = ("key", "secret")
    optional_credentials: tuple[str, ...] = field(default=())
    credential_aliases: Mapping[str, str] = field(default_factory=dict)
    """Other accepted names of a key field: {"passphrase": "memo"}."""
    credential_shapes: Mapping[str, str] = field(default_factory=dict)
    """The usual shape of a key field, as a regular expression: only to recognise swapped fields."""
    scope_examples: Mapping[str, str] = field(default_factory=dict)
    """A value of a scope that every account may request, to check streams before the first sync."""

    def __post_init__(self) -> None:
        streams = tuple(replace(stream, exchange=self.name) for stream in self.streams)
        object.__setattr__(self, "streams", streams)
        names = [stream.name for stream in self.streams]
        names += [excluded.name for excluded in self.excluded]
        if len(names) != len(set(names)):
            raise ValueError(f"{self.name}: two streams share a name")
        if (self.lifecycle == "active") != (self.ends_at is None):
            raise ValueError(f"{self.name}: an exchange that ends needs ends_at, others have none")
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
        """Every (method, path) that may be sent. All of them only read."""
        return frozenset(
            {(stream.method, stream.path) for stream in self.streams}
            | {("GET", path) for path in self.probes}
        )

    def naming(self, wanted: StreamSpec) -> tuple[StreamSpec, ...]:
        """The streams with values of its scope; a stream with the same scope has no new ones."""
        places = {
            stream
            for listed in self.scope_lists
            if listed.scope == wanted.scope
            for stream, _ in (*listed.places, *listed.seconds)
        }
        return tuple(
            stream
            for stream in self.streams
            if stream.scope != wanted.scope
            and (
                stream.name in places
                or (
                    wanted.scope in stream.fields
                    and (not wanted.scope_from or stream.name in wanted.scope_from)
                )
            )
        )

    def stream(self, name: str) -> StreamSpec:
        """The stream of that name. Raises KeyError."""
        for stream in self.streams:
            if stream.name == name:
                return stream
        raise KeyError(f"{self.name} has no stream {name!r}")
