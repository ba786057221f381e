"""A parsed file, what the user states about it, and the result of its import."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from pipelines.errors import LookbackError
from pipelines.extract.records import Record
from pipelines.files.site_reading import SiteFile
from pipelines.site_format import SiteFormat
from pipelines.spec import StreamSpec


@dataclass(frozen=True)
class SavedFile:
    """One saved response, or one file of the exchange's site, parsed.

    `taken` is its newest time in microseconds, including rows that are not records. `is_whole`
    states that it is a complete list, and not the response about a single item. `site` is set for a
    file of the site, whose rows are mapped to records of the stream.
    """

    name: str
    sha256: str
    stream: StreamSpec
    records: list[Record]
    skipped: int
    uids: frozenset[str]
    taken: int | None
    is_whole: bool
    site: SiteFile | None = None


@dataclass(frozen=True)
class Stated:
    """What the user states about files, as they do not state it themselves.

    `uid` is the account number; `zone` the time zone of a site's file; `since` and `until` the span
    that was chosen on the site; `mapping` a format of the user's own.
    """

    uid: str = ""
    zone: str = ""
    since: datetime | None = None
    until: datetime | None = None
    mapping: SiteFormat | None = None


@dataclass
class ImportResult:
    """The result of importing one file. `refused` states why the file was not stored."""

    file: str
    stream: str = ""
    account_id: str = ""
    rows_in_file: int = 0
    skipped: int = 0
    rows_new: int = 0
    already_imported: bool = False
    span: tuple[datetime, datetime] | None = None
    refused: LookbackError | None = None
    findings: list[str] = field(default_factory=list)
    rows_replaced: int = 0
    """Rows of earlier files that are not in force any more."""
    covers: list[tuple[datetime, datetime]] = field(default_factory=list)
    """The spans that a file of the site covers, if it agrees with the API."""
