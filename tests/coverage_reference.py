"""The rules of coverage once more, slow and obvious: what `fct_coverage` must say.

Times are plain integers (milliseconds). Every stretch between two neighbouring edges is judged
by looking at everything that is known about it; nothing here is clever, and nothing is shared
with the SQL.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
STALE_AFTER = 36 * HOUR
SLIVER = 10 * MINUTE
READ = ("exhausted", "row_cap", "unresolved")


@dataclass(frozen=True)
class Receipt:
    """What came of asking [asked_from, asked_to) at asked_at."""

    id: str
    stream: str
    scope: str
    asked_from: int
    asked_to: int
    asked_at: int
    outcome: str
    floor_at: int | None = None
    floor_reason: str | None = None
    oldest_at: int | None = None
    origin: str = "api"

    @property
    def gone_before(self) -> int | None:
        """Everything older was out of reach when this was asked; None when nothing was."""
        return self.floor_at if self.floor_reason == "retention" else None


@dataclass(frozen=True)
class Spec:
    """The limits of one stream, in force from `recorded_at` on."""

    stream: str
    retention_kind: str
    recorded_at: int
    ends_at: int | None = None


@dataclass(frozen=True)
class Account:
    """An account as its checks found it."""

    id: str
    opened_at: int | None
    checked_at: int


@dataclass(frozen=True)
class Span:
    """One verdict over [start, end)."""

    stream: str
    scope: str
    start: int
    end: int
    verdict: str


@dataclass(frozen=True)
class EntitySpan:
    """One verdict over [start, end), of one entity of one wallet."""

    entity: str
    wallet: str
    start: int
    end: int
    verdict: str


BEST_FIRST = (
    "covered_api", "covered_file", "unverified", "unresolved", "row_cap", "failed", "refused",
    "venue_closed", "sync_lapse", "lost_to_retention", "never_asked",
)  # fmt: skip


def coverage(
    account: Account, specs: list[Spec], receipts: list[Receipt], as_of: int
) -> list[Span]:
    """Every stream and scope of one account, from its opening to its end."""
    streams = sorted({spec.stream for spec in specs})
    known = [receipt for receipt in receipts if receipt.stream in streams]
    spans = []
    for stream in streams:
        limits = sorted((s for s in specs if s.stream == stream), key=lambda s: s.recorded_at)
        own = [receipt for receipt in known if receipt.stream == stream]
        for scope in sorted({receipt.scope for receipt in own if receipt.scope}) or [""]:
            told = [receipt for receipt in own if receipt.scope in (scope, "")]
            spans += judge_scope(account, limits, told, known, as_of, scope)
    return spans


def judge_scope(
    account: Account,
    limits: list[Spec],
    receipts: list[Receipt],
    of_account: list[Receipt],
    as_of: int,
    scope: str,
) -> list[Span]:
    """One stream and scope: cut at every edge, judge each piece, join what is alike."""
    start = life_start(account, of_account)
    end = life_end(account, limits[-1], receipts, of_account, as_of)
    if start >= end:
        return []
    times = {time for r in receipts for time in (r.asked_from, r.asked_to, r.gone_before)}
    times |= {limits[-1].ends_at, start, end}
    edges = sorted(time for time in times if time is not None and start <= time <= end)
    spans: list[Span] = []
    for low, high in pairwise(edges):
        verdict = judge(low, high, limits, receipts)
        if spans and spans[-1].verdict == verdict:
            spans[-1] = Span(limits[0].stream, scope, spans[-1].start, high, verdict)
        else:
            spans.append(Span(limits[0].stream, scope, low, high, verdict))
    return spans


def life_start(account: Account, of_account: list[Receipt]) -> int:
    """The opening, or an older record; without an opening the earliest moment anything proves."""
    records = [r.oldest_at for r in of_account if r.oldest_at is not None]
    if account.opened_at is not None:
        return min([account.opened_at, *records])
    asked = [r.asked_from for r in of_account]
    return min([*records, *asked], default=account.checked_at)


def life_end(
    account: Account,
    spec: Spec,
    receipts: list[Receipt],
    of_account: list[Receipt],
    as_of: int,
) -> int:
    """Where the newest sync or check looked; now, when that is long ago. Past an exchange's end
    only as far as something was read there."""
    asked_to = [r.asked_to for r in of_account]
    end = max([account.checked_at, *asked_to])
    if as_of > end + STALE_AFTER:
        end = as_of
    if spec.ends_at is not None:
        read_to = [r.asked_to for r in of_account if r.outcome in READ]
        end = max([min(end, spec.ends_at), *read_to])
    answered = max([r.asked_to for r in receipts if r.outcome != "refused"], default=None)
    if answered is not None and end - SLIVER <= answered < end:
        end = answered
    return end


def judge(low: int, high: int, limits: list[Spec], receipts: list[Receipt]) -> str:
    """The verdict of one piece: the first question that is answered with yes."""
    covering = [r for r in receipts if r.asked_from <= low and high <= r.asked_to]
    read = [r for r in covering if r.outcome == "exhausted" and is_above(low, r.gone_before)]
    from_api = [r for r in read if r.origin == "api"]
    if any(kind_then(r, limits) != "not_stated" for r in from_api):
        return "covered_api"
    if any(r.origin == "file" for r in read):
        return "covered_file"
    if from_api:
        return "unverified"
    for outcome in ("unresolved", "row_cap"):
        if any(r.outcome == outcome for r in covering):
            return outcome

    looks = [r for r in receipts if r.origin == "api" and r.outcome != "venue_closed"]
    gone = max([r.gone_before for r in looks if r.gone_before is not None], default=None)
    is_gone = not is_above(low, gone)
    attempts = [
        r
        for r in covering
        if r.outcome == "venue_closed" or (r.outcome in ("failed", "refused") and not is_gone)
    ]
    if attempts:
        return max(attempts, key=lambda r: (r.asked_at, r.id)).outcome
    if is_gone:
        first = min(looks, key=lambda r: (r.asked_at, r.gone_before or 0, r.id))
        return "sync_lapse" if is_above(low, first.gone_before) else "lost_to_retention"

    ends_at = limits[-1].ends_at
    read_until = max([r.asked_to for r in receipts if r.outcome in READ], default=low)
    if ends_at is not None and read_until <= low and high <= ends_at:
        return "venue_closed"
    return "never_asked"


def is_above(time: int, floor: int | None) -> bool:
    """Whether the floor leaves that time in reach."""
    return floor is None or floor <= time


def kind_then(receipt: Receipt, limits: list[Spec]) -> str:
    """What the exchange said about retention when the receipt was asked."""
    then = [spec for spec in limits if spec.recorded_at <= receipt.asked_at]
    return (then[-1] if then else limits[0]).retention_kind


def entity_coverage(
    spans: list[Span], sources: dict[tuple[str, str], list[list[str]]]
) -> list[EntitySpan]:
    """The best source at each instant; a source is as good as the worst of its streams."""
    told: list[EntitySpan] = []
    for (entity, wallet), alternatives in sorted(sources.items()):
        edges = sorted({edge for span in spans for edge in (span.start, span.end)})
        for low, high in pairwise(edges):
            ranks = [
                rank
                for streams in alternatives
                if (rank := rank_of_source(low, high, streams, spans)) is not None
            ]
            if not ranks:
                continue
            verdict = BEST_FIRST[min(ranks)]
            if told and told[-1] == EntitySpan(entity, wallet, told[-1].start, low, verdict):
                low = told.pop().start
            told.append(EntitySpan(entity, wallet, low, high, verdict))
    return told


def rank_of_source(low: int, high: int, streams: list[str], spans: list[Span]) -> int | None:
    """The worst verdict of [low, high) over all streams and scopes; None past the end of any."""
    own = [span for span in spans if span.stream in streams]
    places = {(span.stream, span.scope) for span in own}
    here = [span for span in own if span.start <= low and high <= span.end]
    if {(span.stream, span.scope) for span in here} != places or not here:
        return None
    return max(BEST_FIRST.index(span.verdict) for span in here)
