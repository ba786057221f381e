"""What an exchange module provides: signing, reading errors, walking pages, naming the account."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import msgspec
from requests import PreparedRequest, Response

from pipelines.account import Account, Credentials
from pipelines.errors import Trouble
from pipelines.extract.paginators import Walk
from pipelines.extract.records import Record, cut_list
from pipelines.extract.windows import Window
from pipelines.spec import ExchangeSpec, StreamSpec


class Ask(Protocol):
    """One read request outside the streams; by POST where it has a body.

    Returns the answer's body; raises Trouble.
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


def whole_body(stream: StreamSpec, body: bytes) -> list[msgspec.Raw]:
    """The records of an answer that is nothing but its list.

    A bare `null` is no such list: nothing around it says that all went well. Raises Trouble.
    """
    if body.strip() == b"null":
        raise Trouble("the answer is null and no list", kind="not_understood")
    return cut_list(body, stream.record_id)


def every_row(stream: StreamSpec, record: Record) -> bool:
    """Every row of every answer is a record."""
    return True


def every_stream(identity: Identity, stream: StreamSpec) -> Trouble | None:
    """Any key may be tried on any stream: the exchange itself will refuse what it may not."""
    return None


def no_balance(stream: StreamSpec, record: Record) -> tuple[str, str] | None:
    """No snapshot of this exchange is a balance."""
    return None


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One exchange, as the rest of the program uses it."""

    spec: ExchangeSpec

    sign: Callable[[PreparedRequest, str, Credentials, datetime], None]
    """Signs the request in place. Gets the path and query to sign, and the exchange's time."""

    explain: Callable[[Response, datetime], Trouble | None]
    """What is wrong with an answer, None where nothing is."""

    walk: Callable[[StreamSpec, Window, str], Walk]
    """The pages of one window and scope."""

    identify: Callable[[Ask, Account], Identity]

    clock_path: str
    """A public route to compare clocks by."""

    read_clock: Callable[[Response], datetime | None]

    beyond: Callable[[Identity, StreamSpec], Trouble | None] = every_stream
    """Why this kind of key is not even tried on a stream, None where it is."""

    items: Callable[[StreamSpec, bytes], list[msgspec.Raw]] = whole_body
    is_record: Callable[[StreamSpec, Record], bool] = every_row
    balance_of: Callable[[StreamSpec, Record], tuple[str, str] | None] = no_balance
    """(wallet, asset) of a snapshot row that is a balance."""

    uid_of: Callable[[bytes], str] | None = None
    """The account a record names itself, for files. None where records name none."""
    uid_field: str = ""
    """The field that names it, in the streams whose `fields` have it."""

    unusable_files: tuple[UnusableFile, ...] = ()
    """Files that are refused by name, with the reason, rather than as something unknown."""
