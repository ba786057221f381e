"""The wire contract of an exchange, as data: routes, parameters, windows, pages, limits, keys.

`simulator.py` enforces it over HTTP. The package's docstring says how a profile is written.
"""

from __future__ import annotations

import base64
import json
import random
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

import msgspec

from pipelines.sandbox.engine.account import SECOND
from pipelines.sandbox.engine.adapter import Answer, Call, Card, World
from pipelines.sandbox.engine.clock import parse_moment
from pipelines.sandbox.engine.table import Table, beyond

Headers = tuple[tuple[str, str], ...]


class Error(NamedTuple):
    """An error as the exchange documents it."""

    status: int
    code: int | str
    text: str


class Refusal(Exception):
    """Raised if a request is refused; the simulator responds with the error."""

    def __init__(self, status: int, code: int | str, text: str) -> None:
        super().__init__(text)
        self.error = Error(status, code, text)


# -- parameters

Problem = Literal["missing", "malformed", "range", "choice"]


class BadParam(Exception):
    """An invalid parameter; the profile has the error for it."""

    def __init__(self, name: str, problem: Problem) -> None:
        super().__init__(f"{name}: {problem}")
        self.name, self.problem = name, problem


@dataclass(frozen=True)
class Text:
    """A text. An empty one counts as not given."""

    name: str
    default: str | None = None
    required: bool = False
    choices: Collection[str] = ()
    case: Literal["", "upper", "lower"] = ""
    """The case that a value is read in, where the exchange ignores it."""

    def read(self, given: Any) -> Any:
        """The value, or the default. Raises BadParam."""
        if given in (None, ""):
            if self.required:
                raise BadParam(self.name, "missing")
            return self.default
        text: str = getattr(str(given), self.case)() if self.case else str(given)
        if self.choices and text not in self.choices:
            raise BadParam(self.name, "choice")
        return text


@dataclass(frozen=True)
class Whole:
    """A whole number of [least, most]; `clips` serves a larger one as `most`."""

    name: str
    default: int | None = None
    least: int | None = None
    most: int | None = None
    required: bool = False
    clips: bool = False

    def read(self, given: Any) -> int | None:
        """The value, or the default. Raises BadParam."""
        if given in (None, ""):
            if self.required:
                raise BadParam(self.name, "missing")
            return self.default
        if not re.fullmatch(r"-?[0-9]+", str(given)):
            raise BadParam(self.name, "malformed")
        value = int(given)
        if self.most is not None and value > self.most and self.clips:
            return self.most
        if (self.least is not None and value < self.least) or (
            self.most is not None and value > self.most
        ):
            raise BadParam(self.name, "range")
        return value


@dataclass(frozen=True)
class Moment:
    """A time in ISO 8601, read as Unix milliseconds."""

    name: str

    def read(self, given: Any) -> int | None:
        """The time, None where it is not given. Raises BadParam."""
        try:
            return parse_moment(str(given)) if given not in (None, "") else None
        except ValueError:
            raise BadParam(self.name, "malformed") from None


class Param(Protocol):
    """A parameter and how it is read."""

    @property
    def name(self) -> str:
        """Its name in the query."""
        ...

    def read(self, given: Any) -> Any:
        """The value, or the default. Raises BadParam."""
        ...


# -- requests


@dataclass
class Request:
    """One request: the call, its key, and its parameters after they are read."""

    call: Call
    route: Route
    now: int
    raw: dict[str, Any]
    """Parameters as they came: query, JSON body of a POST, and parts of the path."""
    key: Key | None = None
    account: Any = None
    """The ledger of the key's account."""
    params: dict[str, Any] = field(default_factory=dict)
    """The declared parameters, read."""

    def text(self, name: str) -> str:
        """A parameter as text, '' where it is not given."""
        value = self.params[name] if name in self.params else self.raw.get(name)
        return "" if value is None else str(value)

    def number(self, name: str) -> int | None:
        """A declared whole number, None where it is not given."""
        value: int | None = self.params[name]
        return value


# -- lists


@dataclass(frozen=True, kw_only=True)
class Window:
    """The time bounds of a list. An error that is None is not raised: the window is clipped."""

    start: str = "startTime"
    end: str = "endTime"
    unit: int = 1
    """Milliseconds of one unit of the bounds."""
    required: bool = False
    default: int | None = None
    """The default span before the end if the start is missing; None: from the first row."""
    start_alone: Literal["to now", "one default"] = "to now"
    """The end of a window with a start and no end."""
    most: int | None = None
    """The widest window."""
    too_wide: Error | None = None
    retention: int | None = None
    """How far back rows are kept, counted from now."""
    too_old: Error | None = None
    reversed: Error | None = None
    """For an end before the start."""
    refuses_empty: bool = False
    """Whether start == end counts as reversed."""
    compares_defaults: bool = False
    """Whether `reversed` and `too_wide` are raised if one bound is a default, too."""
    excludes_end: bool = False

    def params(self) -> tuple[Param, ...]:
        """The two bounds."""
        return (
            Whole(self.start, required=self.required),
            Whole(self.end, required=self.required),
        )

    def bounds(self, request: Request) -> tuple[int | None, int]:
        """First and last millisecond, both inclusive. Raises Refusal."""
        given = start, end = request.number(self.start), request.number(self.end)
        start = None if start is None else start * self.unit
        last = request.now if end is None else end * self.unit
        if end is None and start is not None and self.start_alone == "one default":
            last = min(last, start + (self.default or 0))
        if start is None and self.default is not None:
            start = last - self.default
        if start is not None:
            is_compared = self.compares_defaults or None not in given
            is_reversed = last < start or (self.refuses_empty and last == start)
            if is_compared and is_reversed and self.reversed is not None:
                raise Refusal(*self.reversed)
            if self.most is not None and last - start > self.most:
                if self.too_wide is None:
                    start = last - self.most
                elif is_compared:
                    raise Refusal(*self.too_wide)
        if self.retention is not None:
            floor = request.now - self.retention
            if start is not None and start < floor and self.too_old is not None:
                raise Refusal(*self.too_old)
            start = floor if start is None else max(start, floor)
        return start, last - 1 if self.excludes_end else last


@dataclass(frozen=True)
class Page:
    """The rows of a list's response."""

    rows: list[Any]
    total: int
    """The number of all matching rows."""
    token: str = ""
    """Names the next page, '' on the last one."""
    ids: Sequence[Any] = ()

    @property
    def last(self) -> str:
        """The id of the last row, '' on an empty page."""
        return str(self.ids[-1]) if self.ids else ""

    @property
    def has_more(self) -> bool:
        """Whether more rows match than are served."""
        return self.total > len(self.rows)


class Paging(Protocol):
    """How one page is cut from row numbers in the order they are listed."""

    def params(self) -> tuple[Param, ...]:
        """The parameters that name a page."""
        ...

    def cut(
        self, table: Table, rows: Sequence[int], size: int, request: Request, is_newest: bool
    ) -> tuple[Sequence[int], str]:
        """The rows of the page, and the token of the next one. Raises BadParam."""
        ...


@dataclass(frozen=True)
class Newest:
    """One page only: the first rows as listed. The rest is left out without a notice."""

    def params(self) -> tuple[Param, ...]:
        return ()

    def cut(
        self, table: Table, rows: Sequence[int], size: int, request: Request, is_newest: bool
    ) -> tuple[Sequence[int], str]:
        return rows[:size], ""


@dataclass(frozen=True)
class Numbered:
    """Pages by number, from 1; `cap` is the last number that is served."""

    param: str = "page"
    cap: int | None = None
    required: bool = False

    def params(self) -> tuple[Param, ...]:
        return (Whole(self.param, 1, 1, self.cap, self.required),)

    def cut(
        self, table: Table, rows: Sequence[int], size: int, request: Request, is_newest: bool
    ) -> tuple[Sequence[int], str]:
        first = ((request.number(self.param) or 1) - 1) * size
        return rows[first : first + size], ""


@dataclass(frozen=True)
class Offset:
    """So many rows are skipped."""

    param: str = "offset"

    def params(self) -> tuple[Param, ...]:
        return (Whole(self.param, 0, 0),)

    def cut(
        self, table: Table, rows: Sequence[int], size: int, request: Request, is_newest: bool
    ) -> tuple[Sequence[int], str]:
        first = request.number(self.param) or 0
        return rows[first : first + size], ""


@dataclass(frozen=True)
class FromId:
    """Rows from an id on, in the order they are listed: newer ones, or older ones.

    A numeric id need not exist; any other has to.
    """

    param: str = "fromId"
    is_inclusive: bool = True
    numeric: bool = True
    replaces_end: bool = False
    """Whether the window's end is ignored next to an id."""

    def params(self) -> tuple[Param, ...]:
        return (Whole(self.param, least=0) if self.numeric else Text(self.param),)

    def cut(
        self, table: Table, rows: Sequence[int], size: int, request: Request, is_newest: bool
    ) -> tuple[Sequence[int], str]:
        wanted = request.params[self.param]
        if wanted is not None and self.numeric:
            rows = table.from_id(rows, wanted, is_newest, self.is_inclusive)
        elif wanted is not None:
            place = table.place.get(wanted)
            if place is None:
                raise BadParam(self.param, "malformed")
            rows = beyond(rows, place, is_newest, self.is_inclusive)
        return rows[:size], ""


def pack(text: str) -> str:
    """A token in base64."""
    return base64.b64encode(text.encode()).decode() if text else ""


@dataclass(frozen=True)
class Token:
    """An opaque token in base64: the last id, an offset in JSON, or a page number.

    `shorten` is an oddity: how many rows a page lacks although more follow.
    """

    param: str
    holds: Literal["last id", "offset", "page"]
    extra: tuple[tuple[str, str], ...] = ()
    """Further members of an offset's JSON."""
    shorten: Callable[[Table, Sequence[int], int], int] = lambda table, rows, size: 0

    def params(self) -> tuple[Param, ...]:
        return (Text(self.param),)

    def _held(self, request: Request) -> int | None:
        given = request.params[self.param]
        if given is None:
            return None
        try:
            text = base64.b64decode(given, validate=True).decode()
            held = json.loads(text)["offset"] if self.holds == "offset" else text
            if not re.fullmatch("[0-9]+", str(held)):
                raise ValueError(held)
            return int(held)
        except (ValueError, KeyError, TypeError):
            raise BadParam(self.param, "malformed") from None

    def cut(
        self, table: Table, rows: Sequence[int], size: int, request: Request, is_newest: bool
    ) -> tuple[Sequence[int], str]:
        held = self._held(request)
        if self.holds == "last id":
            if held is not None:
                rows = table.from_id(rows, held, is_newest, is_inclusive=False)
            is_last = len(rows) <= size
            shown = rows[: size - (0 if is_last else self.shorten(table, rows, size))]
            return shown, "" if is_last else pack(str(table.ids[shown[-1]]))
        if self.holds == "page":
            page = 1 if held is None else held
            shown = rows[(page - 1) * size : page * size]
            return shown, pack(str(page + 1)) if len(rows) > page * size else ""
        first = held or 0
        following = json.dumps({"offset": first + size, **dict(self.extra)}, separators=(",", ":"))
        shown = rows[first : first + size]
        return shown, pack(following) if len(rows) > first + size else ""


@dataclass(frozen=True, kw_only=True)
class List:
    """A list route: which rows of which table it serves, in which order and pages."""

    table: str | Callable[[Request], Table]
    """The name of a table of the account's ledger, or what gives the table."""
    size: Whole | int = 1_000_000
    """The parameter for the page's length, or the length."""
    order: Literal["newest", "oldest"] = "newest"
    keeps: Literal["first", "oldest if start", "newest"] = "first"
    """Which rows of a window too full for one page are served: the first as listed; the newest;
    or the oldest if a start is given and the newest if not."""
    window: Window | None = None
    paging: Paging = field(default_factory=Newest)
    group: str = ""
    """The parameter that names the table's group, e.g. the symbol."""
    filters: Mapping[str, str] = field(default_factory=dict)
    """Parameters that select rows, and the field of the record that each is compared with."""
    many: str = ""
    """The separator of several values of one filter."""
    any_case: bool = False
    """Whether filters ignore case."""
    keep: Callable[[Request, Any], bool] | None = None
    """A further test of the event."""
    check: Callable[[Request], None] | None = None
    """Runs after the parameters are read and before rows are looked for. Raises Refusal."""
    shape: Callable[[Page], Any] = lambda page: page.rows

    def params(self) -> tuple[Param, ...]:
        """Every parameter the list reads itself."""
        size = (self.size,) if isinstance(self.size, Whole) else ()
        window = self.window.params() if self.window else ()
        filters = (Text(name) for name in self.filters)
        return (*size, *window, *self.paging.params(), *filters)

    def matching(self, request: Request) -> tuple[Table, Sequence[int]]:
        """The table and the rows that match, oldest first."""
        if self.check is not None:
            self.check(request)
        start, end = self.window.bounds(request) if self.window else (None, None)
        if isinstance(self.paging, FromId) and self.paging.replaces_end:
            end = None if request.params[self.paging.param] is not None else end
        table: Table = (
            request.account.tables[self.table] if isinstance(self.table, str)
            else self.table(request)
        )  # fmt: skip
        group = request.text(self.group) if self.group else ""
        rows = table.select(request.now, start, end, group)
        if self.keep is not None:
            keep = self.keep
            rows = [n for n in rows if keep(request, table.events[n])]
        fold: Callable[[str], str] = str.upper if self.any_case else str
        wanted = {
            where: frozenset(fold(value).split(self.many) if self.many else (fold(value),))
            for name, where in self.filters.items()
            if (value := request.text(name))
        }
        if wanted:
            rows = [n for n in rows if _matches(table.row(n, request.now), wanted, fold)]
        return table, rows

    def cut(self, request: Request) -> tuple[Table, Sequence[int], str, int]:
        """The table, the page's rows, the next token, and how many rows match in all."""
        table, rows = self.matching(request)
        size = self.size if isinstance(self.size, int) else request.number(self.size.name)
        size, total = len(rows) if size is None else size, len(rows)
        if self.keeps == "newest" or (
            self.keeps == "oldest if start"
            and not any(request.params.get(name) is not None for name in self._anchors())
        ):
            rows = rows[-size:]
        is_newest = self.order == "newest"
        rows = rows[::-1] if is_newest else rows
        shown, token = self.paging.cut(table, rows, size, request, is_newest)
        return table, shown, token, total

    def _anchors(self) -> tuple[str, ...]:
        """Parameters that say where a page begins."""
        start = (self.window.start,) if self.window else ()
        return (*start, *(param.name for param in self.paging.params()))

    def page(self, request: Request) -> Page:
        """The page that the request names. Raises Refusal or BadParam."""
        table, shown, token, total = self.cut(request)
        rows = [table.row(n, request.now) for n in shown]
        return Page(rows, total, token, [table.ids[n] for n in shown])


def _matches(
    record: Mapping[str, Any], wanted: Mapping[str, frozenset[str]], fold: Callable[[str], str]
) -> bool:
    return all(fold(str(record.get(name))) in values for name, values in wanted.items())


# -- rate limits


@dataclass(frozen=True)
class Budget:
    """The allowed weight per span, for each address, key or user; `each_route`: per route."""

    allowed: int
    span: int = 60 * SECOND
    per: Literal["ip", "key", "uid"] = "ip"
    each_route: bool = False
    header: str = ""
    """A name that the profile's `rate_headers` may use."""


@dataclass(frozen=True)
class Usage:
    """The usage of a budget, including this request."""

    budget: Budget
    used: int
    ends_at: int
    """Unix ms at which the span ends."""


# -- keys and routes


@dataclass(frozen=True)
class Key:
    """A key of the sandbox, with its account and its rights."""

    label: str
    profile: str
    uid: str
    rights: frozenset[str] = frozenset()
    ips: tuple[str, ...] = ()
    state: Literal["", "disabled", "expired"] = ""


@dataclass(frozen=True)
class Route:
    """A path (`{name}` is one segment) and its response."""

    path: str
    answer: List | Callable[[Request], Any]
    params: tuple[Param, ...] = ()
    """Parameters in the order they are checked; those of a `List` follow."""
    method: str = "GET"
    """'' serves every method."""
    is_public: bool = False
    rights: tuple[str, ...] = ()
    costs: tuple[tuple[Budget, int], ...] = ()
    envelope: Callable[[Request, Any], Any] | None = None
    """The envelope of the data; the profile's, if None."""
    bad_param: Callable[[Request, str, Problem], Error] | None = None
    """The error for a parameter that does not pass; the profile's, if None."""


Step = Literal["key", "rights", "rate", "params", "signature", "answer"]


@dataclass(frozen=True, kw_only=True)
class Profile:
    """An exchange's wire contract. Hooks are functions; everything else is data."""

    name: str
    keys: tuple[Key, ...]
    """The first one is the main read-only key."""
    make_card: Callable[[Key, random.Random], Mapping[str, str]] = lambda key, rng: {
        "key": f"{rng.getrandbits(256):064x}", "secret": f"{rng.getrandbits(256):064x}",
        "uid": key.uid,
    }  # fmt: skip
    """Hook: `key`, `secret`, `uid` (as a client can know it), `passphrase`, `memo`."""
    shown_key: Callable[[Call], str]
    """Hook: the API key that a call shows."""
    authenticate: Callable[[Request, Card | None], None]
    """Hook: every check of key and signature, in order. Raises Refusal."""
    verify: Callable[[Request, Card | None], None] = lambda request, card: None
    """Hook: checks that come after those of parameters, at the step "signature"."""
    routes: tuple[Route, ...]
    order: tuple[Step, ...] = ("key", "rights", "rate", "params", "answer")
    open_account: Callable[[World, str], Any]
    """Hook: the ledger of a uid."""
    site_files: Callable[[Any, int], dict[str, str]] | None = None
    """Hook: the files that the exchange's site exports of a ledger, by name."""
    bad_param: Callable[[Request, str, Problem], Error]
    not_found: Error
    wrong_method: Callable[[Call], Error] | None = None
    no_right: Callable[[str], Error]
    too_many: Error | Callable[[Call, Usage], Error]
    costs: tuple[tuple[Budget, int], ...] = ()
    """The weight of every request."""
    rate_headers: Callable[[tuple[Usage, ...]], Headers] = lambda usages: ()
    refusal_headers: Callable[[tuple[Usage, ...]], Headers] = lambda usages: ()
    envelope: Callable[[Request, Any], Any] = lambda request, data: data
    write: Callable[[Request, Any], tuple[bytes, str]] = lambda request, data: (
        msgspec.json.encode(data), "application/json",
    )  # fmt: skip
    """Hook: body and content type of an answer."""
    error_body: Callable[[Error], Any]
    error_type: str = "application/json"
    faults: Mapping[str, Error] = field(default_factory=dict)
    """Errors that the sandbox's fault of that name answers with."""
    before: Callable[[Call, int], Answer | None] = lambda call, now: None
    """Hook: what comes before routing (a firewall, the end of the platform). May raise Refusal."""
    read_body: Callable[[Call], Mapping[str, Any]] = lambda call: {}
    """Hook: parameters in the body of a POST. May raise Refusal."""
