"""What an exchange module provides: signature, error table, identity, and hooks for oddities."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import msgspec
from requests import PreparedRequest, Response

from pipelines.account import Account, Credentials
from pipelines.errors import RequestError
from pipelines.extract.answers import rows_of_answer, said_by, value_at
from pipelines.extract.failures import ErrorTable, explain, read_date
from pipelines.extract.paginators import Paginator
from pipelines.extract.paging import paginator_of
from pipelines.extract.records import Record, to_micros, to_moment
from pipelines.extract.windows import Window
from pipelines.spec import ExchangeSpec, StreamSpec


class Fetch(Protocol):
    """One read request outside the streams; by POST where it has a body.

    Returns the answer's body; raises RequestError.
    """

    def __call__(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        body: Mapping[str, Any] | None = None,
    ) -> bytes: ...


@dataclass(frozen=True)
class Identity:
    """Whose key it is and what it may do, as the exchange says. Never a secret."""

    uid: str
    kind: str
    parent_uid: str = ""
    opened_at: datetime | None = None
    opened_at_evidence: str = ""
    can_trade: bool | None = None
    can_withdraw: bool | None = None
    permissions: tuple[str, ...] = ()
    ip_allow_list: tuple[str, ...] = ()
    key_created_at: datetime | None = None
    key_expires_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class UnusableFile:
    """A table that people have of this exchange and that cannot be imported: known by its header.

    It has all of `columns` and not `lacked`, which is what would make it usable.
    """

    what: str
    columns: frozenset[str]
    lacked: str
    why: str
    remedy: str

    def is_headed(self, header: Collection[str]) -> bool:
        """Whether a table with these columns is one."""
        names = {name.casefold() for name in header}
        wanted = {name.casefold() for name in self.columns}
        return wanted <= names and self.lacked.casefold() not in names


def every_row(stream: StreamSpec, record: Record) -> bool:
    """Every row of every answer is a record."""
    return True


def every_stream(identity: Identity, stream: StreamSpec) -> RequestError | None:
    """Any key may be tried on any stream: the exchange itself will refuse what it may not."""
    return None


def no_balance(stream: StreamSpec, record: Record) -> tuple[str, str] | None:
    """No snapshot of this exchange is a balance."""
    return None


RowsHook = Callable[[StreamSpec, bytes], list[msgspec.Raw] | None]
PaginatorHook = Callable[[StreamSpec, Window, str], Paginator | None]


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One exchange, as the rest of the program uses it.

    The spec says how it is paged and where its rows are, the error table what its failures mean.
    Hooks are for what neither can say.
    """

    spec: ExchangeSpec

    sign: Callable[[PreparedRequest, str, Credentials, datetime], None]
    """Signs the request in place. Gets the path and query to sign, and the exchange's time."""

    errors: ErrorTable

    identify: Callable[[Fetch, Account], Identity]

    clock_path: str
    """A public route to compare clocks by."""
    clock_at: tuple[str, ...] = ()
    """Where its answer has the time, first match; empty: in the Date header."""

    beyond: Callable[[Identity, StreamSpec], RequestError | None] = every_stream
    """Why this kind of key is not even tried on a stream, None where it is."""

    is_record: Callable[[StreamSpec, Record], bool] = every_row
    balance_of: Callable[[StreamSpec, Record], tuple[str, str] | None] = no_balance
    """(wallet, asset) of a snapshot row that is a balance."""

    rows_hook: RowsHook | None = None
    """The rows of an answer that the spec cannot describe; None for all others."""
    paginator_hook: PaginatorHook | None = None
    """The paginator of a stream that the spec cannot describe; None for all others."""

    uid_of: Callable[[bytes], str] | None = None
    """The account a record names itself, for files. None where records name none."""
    uid_field: str = ""
    """The field that names it, in the streams whose `fields` have it."""

    unusable_files: tuple[UnusableFile, ...] = ()
    """Files that are refused by name, with the reason, rather than as something unknown."""

    def explain(self, response: Response, now: datetime) -> RequestError | None:
        """What is wrong with an answer, None where nothing is."""
        return explain(self.spec, self.errors, response, now)

    def paginator(self, stream: StreamSpec, window: Window, scope: str) -> Paginator:
        """The pages of one window and scope."""
        found = self.paginator_hook and self.paginator_hook(stream, window, scope)
        return found or paginator_of(self.spec, stream, window, scope)

    def items(self, stream: StreamSpec, body: bytes) -> list[msgspec.Raw]:
        """The rows of a good answer. Raises RequestError where it has no list of rows."""
        if self.errors.empty:
            said = said_by(self.spec.envelope, body)
            if said is not None and said.code in self.errors.empty:
                return []
        found = self.rows_hook(stream, body) if self.rows_hook else None
        return rows_of_answer(self.spec, stream, body) if found is None else found

    def read_clock(self, response: Response) -> datetime | None:
        """The exchange's time in the answer of `clock_path`."""
        if not self.clock_at:
            return read_date(response.headers.get("Date", ""))
        found = (value_at(response.content, place) for place in self.clock_at)
        moments = (to_micros(value, "milliseconds") for value in found)
        return next((to_moment(each) for each in moments if each is not None), None)
