"""What history a key can get, per stream, before the first request: from when, and what is lost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pipelines.extract.windows import floor_of
from pipelines.spec import ExchangeSpec, RetentionKind, StreamSpec


@dataclass(frozen=True)
class Reach:
    """How far back a stream reaches for one account."""

    reaches_from: datetime | None
    """The oldest moment that can be requested; None for the present state."""
    lost_from: datetime | None = None
    """The start of the span that the exchange no longer returns; it ends at `reaches_from`."""
    is_start_known: bool = True
    """Whether the opening of the account is known; if not, `lost_from` is the earliest possible."""
    kept: RetentionKind = "unlimited"
    keeps: timedelta | None = None
    """How long the exchange keeps a row: a row is lost that long after it was made."""
    newest_rows: int | None = None
    """The exchange returns only that many rows, the newest ones."""


def reach_of(
    spec: ExchangeSpec, stream: StreamSpec, opened_at: datetime | None, now: datetime
) -> Reach:
    """The reach of one stream of an account that was opened then; None: not known."""
    if stream.kind != "history":
        return Reach(None)
    began_at = datetime.combine(spec.began_on, datetime.min.time(), UTC)
    floor = floor_of(stream, now=now, opened_at=opened_at, began_at=began_at)
    start = max(opened_at or began_at, began_at)
    return Reach(
        reaches_from=floor.at,
        lost_from=start if floor.reason == "retention" else None,
        is_start_known=opened_at is not None,
        kept=stream.retention_kind,
        keeps=stream.retention,
        newest_rows=stream.newest_rows,
    )
