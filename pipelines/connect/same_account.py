"""Recognise an account that its exchange does not name: by records that are already stored.

The newest stored records of the exchange's other accounts are requested with the new key. If the
exchange returns one of them, both keys belong to one account.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from pipelines.connect.probe import request_page
from pipelines.errors import RequestError
from pipelines.extract.client import ReadOnlySession
from pipelines.extract.windows import Floor, Window
from pipelines.spec import ExchangeSpec, StreamSpec

OWN_ENTITIES = frozenset({"deposits", "withdrawals", "trades"})
"""Entities whose records belong to one account; a transfer is listed by both of its accounts."""

AROUND = timedelta(minutes=1)


@dataclass(frozen=True)
class Stored:
    """A stored record of another account."""

    account_id: str
    stream: StreamSpec
    record_id: str
    record_hash: str
    occurred_at: datetime
    scope: str


def owner_of_records(session: ReadOnlySession, warehouse: Path, account_id: str) -> str:
    """The stored account whose records this key returns; '' if there is none."""
    for known in list(_newest_records(warehouse, session.exchange.spec, account_id)):
        start, end = known.occurred_at - AROUND, known.occurred_at + AROUND
        window = Window(start, end, Floor(start, "retention"))
        try:
            found = request_page(session, known.stream, window, known.scope)
        except RequestError:
            continue  # such as a record that is too old to be returned
        if (known.record_id, known.record_hash) in {(each.id, each.digest) for each in found}:
            return known.account_id
    return ""


def _newest_records(warehouse: Path, spec: ExchangeSpec, account_id: str) -> Iterator[Stored]:
    """The newest record per stream and account, of all other accounts of the exchange."""
    if not warehouse.exists():
        return
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        tables = {
            name
            for (name,) in connection.execute(
                "select table_name from duckdb_tables() where schema_name = ?", [f"raw_{spec.name}"]
            ).fetchall()
        }
        for stream in spec.streams:
            entities = {entity.partition("/")[0] for entity in stream.entities}
            is_own = stream.kind == "history" and bool(entities) and entities <= OWN_ENTITIES
            if not is_own or not tables >= {stream.name, "receipts"}:
                continue
            rows = connection.execute(
                f"""
                select records.account_id, record_id, record_hash, occurred_at, scope
                from raw_{spec.name}.{stream.name} as records
                inner join raw_{spec.name}.receipts as receipts using (receipt_id)
                where records.account_id <> ? and records.origin = 'api'
                qualify row_number() over (
                    partition by records.account_id order by occurred_at desc, record_id
                ) = 1
                """,
                [account_id],
            ).fetchall()
            for owner, record_id, record_hash, at, scope in rows:
                yield Stored(owner, stream, record_id, record_hash, at.astimezone(UTC), scope or "")
