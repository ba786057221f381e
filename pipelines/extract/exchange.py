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
    """Send one read outside the streams, by POST if it has a body.

    Returns the body of the response; raises RequestError.
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
    """The account and the rights of a key, as the exchange states them. Has no secret."""

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
    """A known table of this exchange that cannot be imported; it is recognised by its header.

    It has all of `columns`, but not `lacked`, without which it is not usable.
    """

    what: str
    columns: frozenset[str]
    lacked: str
    why: str
    remedy: str

    def is_headed(self, header: Collection[str]) -> bool:
        """Whether these columns are the header of such a table."""
        names = {name.casefold() for name in header}
        wanted = {name.casefold() for name in self.columns}
        return wanted <= names and self.lacked.casefold() not in names


def every_row(stream: StreamSpec, record: Record) -> bool:
    """The default: every row of every response is a record."""
    return True


def every_stream(identity: Identity, stream: StreamSpec) -> RequestError | None:
    """The default: every stream is requested with any key; the exchange may refuse it."""
    return None


def proves_nothing(identity: Identity, word: str) -> bool:
    """The default: no permission word is known to only read."""
    return False


def wallet_and_id(stream: StreamSpec, record: Record) -> tuple[str, str] | None:
    """The default: in a stream with a `balance_kind`, the id of a record is its asset."""
    return (stream.wallet, record.id) if stream.balance_kind else None


RowsHook = Callable[[StreamSpec, bytes], list[msgspec.Raw] | None]
PaginatorHook = Callable[[StreamSpec, Window, str], Paginator | None]


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """The interface of one exchange.

    The spec declares paging and the place of the rows; the error table explains failures. Hooks are
    for everything else.
    """

    spec: ExchangeSpec

    sign: Callable[[PreparedRequest, str, Credentials, datetime], None]
    """Signs the request in place. Gets the path and query to sign, and the exchange's time."""

    errors: ErrorTable

    identify: Callable[[Fetch, Account], Identity]

    clock_path: str
    """A public route that returns the exchange's time."""
    clock_at: tuple[str, ...] = ()
    """Where its response has the time, first match; empty: in the Date header."""

    beyond: Callable[[Identity, StreamSpec], RequestError | None] = every_stream
    """Why a stream is not requested with this kind of key; None if it is requested."""

    only_reads: Callable[[Identity, str], bool] = proves_nothing
    """Whether a word of the key's `permissions` is documented as a right that only reads."""

    is_record: Callable[[StreamSpec, Record], bool] = every_row
    balance_of: Callable[[StreamSpec, Record], tuple[str, str] | None] = wallet_and_id
    """Wallet and asset of a snapshot row that is a balance."""

    rows_hook: RowsHook | None = None
    """The rows of a response that the spec cannot describe; None for all others."""
    paginator_hook: PaginatorHook | None = None
    """The paginator of a stream that the spec cannot describe; None for all others."""

    uid_of: Callable[[bytes], str] | None = None
    """The account in a record, for files. None if records have no account."""
    uid_field: str = ""
    """The field of the account, in the streams whose `fields` have it."""

    unusable_files: tuple[UnusableFile, ...] = ()
    """Known files that are refused with their own reason."""

    def explain(self, response: Response, now: datetime) -> RequestError | None:
        """The error of a response; None if it is successful."""
        return explain(self.spec, self.errors, response, now)

    def paginator(self, stream: StreamSpec, window: Window, scope: str) -> Paginator:
        """The paginator of one window and scope."""
        found = self.paginator_hook and self.paginator_hook(stream, window, scope)
        return found or paginator_of(self.spec, stream, window, scope)

    def items(self, stream: StreamSpec, body: bytes) -> list[msgspec.Raw]:
        """The rows of a successful response. Raises RequestError if it has no list of rows."""
        if self.errors.empty:
            said = said_by(self.spec.envelope, body)
            if said is not None and said.code in self.errors.empty:
                return []
        found = self.rows_hook(stream, body) if self.rows_hook else None
        return rows_of_answer(self.spec, stream, body) if found is None else found

    def read_clock(self, response: Response) -> datetime | None:
        """The exchange's time in the response of `clock_path`."""
        if not self.clock_at:
            return read_date(response.headers.get("Date", ""))
        found = (value_at(response.content, place) for place in self.clock_at)
        moments = (to_micros(value, "milliseconds") for value in found)
        return next((to_moment(each) for each in moments if each is not None), None)
