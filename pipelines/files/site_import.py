"""Import files of an exchange's site: which spans they cover, and their rows."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import duckdb

from pipelines.errors import LookbackError
from pipelines.extract.exchange import Exchange
from pipelines.extract.paginators import times_of
from pipelines.extract.records import Record, to_moment
from pipelines.files.reading import Content
from pipelines.files.saved_file import SavedFile, Stated
from pipelines.files.site_reading import find_format, nearest_format, read_site_file
from pipelines.home import Home
from pipelines.site_format import SiteFormat

Row = dict[str, Any]


def formats_for(exchange: Exchange, stated: Stated) -> tuple[SiteFormat, ...]:
    """The user's mapping, else the formats of the exchange's site."""
    return (stated.mapping,) if stated.mapping else exchange.spec.site_formats


def site_file(exchange: Exchange, content: Content, text: str, stated: Stated) -> SavedFile | None:
    """The parsed file; None if it is not a file of the site. Raises LookbackError."""
    formats = formats_for(exchange, stated)
    found = find_format(formats, text)
    if found is None:
        if stated.mapping is None:
            return None
        raise LookbackError(
            f"{content.name} has other columns than the mapping: {nearest_format(formats, text)}",
            remedy="name the columns in the mapping as they are in the header of the file",
        )
    stream = exchange.spec.stream(found[0].stream)
    site = read_site_file(content.name, text, stream, formats, stated.zone)
    if not site.records and not (stated.since and stated.until):
        raise LookbackError(
            f"{content.name} has no rows",
            stream=stream.name,
            remedy="if you chose a span on the site and nothing happened in it, state it with "
            "--from and --to",
        )
    return SavedFile(
        name=content.name,
        sha256=hashlib.sha256(content.data).hexdigest(),
        stream=stream,
        records=site.records,
        skipped=site.skipped,
        uids=frozenset(),
        taken=max((record.at for record in site.records if record.at is not None), default=None),
        is_whole=True,
        site=site,
    )


def site_receipts(receipt: Mapping[str, Any], file: SavedFile, stated: Stated) -> list[Row]:
    """A receipt for each covered span and each scope of the rows.

    The covered spans are those that the rows prove. A span that the user declares reaches beyond
    the first and the last row, but not over a break of the balances.
    """
    assert file.site is not None
    by_scope: dict[str, list[Record]] = {}
    for record in file.records:
        by_scope.setdefault(record.scope, []).append(record)
    return [
        {
            **receipt,
            "receipt_id": hashlib.sha256(
                f"{receipt['receipt_id']}|{scope}|{start.isoformat()}".encode()
            ).hexdigest()[:32],
            "scope": scope,
            "asked_from": start,
            "asked_to": end,
            "floor_at": start,
            "rows": len(records),
            "oldest_at": _moment(records, min),
            "newest_at": _moment(records, max),
            "file_format": file.site.format.name,
        }
        for scope, records in (by_scope or {"": []}).items()
        for start, end in _covered(file, stated)
    ]


def _covered(file: SavedFile, stated: Stated) -> list[tuple[datetime, datetime]]:
    assert file.site is not None
    spans = file.site.spans
    if stated.since and stated.until:
        if not spans:
            return [(stated.since, stated.until)]
        first, last = spans[0][0], spans[-1][1]
        return [
            (stated.since if start == first else start, stated.until if end == last else end)
            for start, end in spans
        ]
    if spans:
        return spans
    at = to_moment(min(times_of(file.records)))  # rows of one second are kept, and prove no span
    return [(at, at)]


def _moment(records: Sequence[Record], choose: Any) -> datetime | None:
    times = times_of(records)
    return to_moment(choose(times)) if times else None


def site_rows(file: SavedFile, account_id: str, receipts: Sequence[Row]) -> list[Row]:
    """The rows of a file for the table `site_rows`, under the first receipt of their scope."""
    assert file.site is not None
    receipt_of = {row["scope"]: row["receipt_id"] for row in reversed(receipts)}
    return [
        {
            "account_id": account_id,
            "stream": file.stream.name,
            "scope": record.scope,
            "receipt_id": receipt_of[record.scope],
            "record_id": record.id,
            "record_hash": record.digest,
            "occurred_at": None if record.at is None else to_moment(record.at),
            "record": record.raw.decode(),
            "line": line,
        }
        for record, line in zip(file.records, file.site.lines, strict=True)
    ]


def differences_of(home: Home, exchange_name: str, receipts: Sequence[Row]) -> list[str]:
    """Where a file contradicts the API, in words."""
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        rows = connection.execute(
            f"select distinct differences from raw_{exchange_name}.site_overlaps "
            "where differences is not null and list_contains(?, receipt_id) order by 1",
            [[row["receipt_id"] for row in receipts]],
        ).fetchall()
    return [
        f"contradicts the API, so it covers nothing and its rows do not count: {text}"
        for (text,) in rows
    ]
