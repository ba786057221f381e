"""A slow and simple implementation of `fct_coverage`, `fct_gaps` and `fct_deadlines`.

Times are plain integers (microseconds). Every span between two neighbouring edges is judged by all
facts about it. It shares no code with the SQL.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
STALE_AFTER = 36 * HOUR
SLIVER = 10 * MINUTE
READ = ("exhausted", "row_cap", "unresolved")
FOREVER = 10**18
KEPT = 90 * DAY


@dataclass(frozen=True)
class Row:
    """One version of a record from a file or the API."""

    id: str
    occurred_at: int
    version: str = ""
    amount: int | None = None


@dataclass(frozen=True)
class Receipt:
    """The outcome of a request for [asked_from, asked_to) at asked_at."""

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
    rows: tuple[Row, ...] = ()
    """The contents of a file, without the records that the API returned with one receipt."""
    is_loaded: bool = True
    error_kind: str | None = None
    row_count: int = 0

    @property
    def gone_before(self) -> int | None:
        """Older data was not available at the time of the request; None if all was."""
        return self.floor_at if self.floor_reason == "retention" else None


@dataclass(frozen=True)
class Spec:
    """The limits of one stream, in force from `recorded_at` on."""

    stream: str
    retention_kind: str
    recorded_at: int
    ends_at: int | None = None
    lifecycle: str = "active"
    kind: str = "history"
    is_private: bool = True
    account_kinds: tuple[str, ...] = ()
    entities: tuple[str, ...] = ()
    part_of: tuple[str, ...] = ()
    wallet: str = ""
    newest_rows: int | None = None
    needs_right: str = ""
    kept: int = KEPT
    """The retention of a stream with rolling retention."""


@dataclass(frozen=True)
class Check:
    """Who an account was found to be; a file says nothing of that."""

    at: int
    opened_at: int | None = None
    kind: str | None = None
    origin: str = "api"


@dataclass(frozen=True)
class Proof:
    """The proof of a ledger's balances: its first row, and the number of assets with an opening."""

    stream: str
    first_row_at: int
    opening_count: int


@dataclass(frozen=True)
class Hole:
    """A span in which stored rows prove that an entity of a wallet lacks others."""

    entity: str
    wallet: str
    start: int
    end: int

    def meets(self, low: int, high: int) -> bool:
        return self.start < high and low < self.end


@dataclass(frozen=True)
class RowRate:
    """The rate of new rows in a stream that returns only a number of newest rows."""

    stream: str
    busiest_week_rows: int
    oldest_given_at: int | None


@dataclass(frozen=True)
class Account:
    """An account as its checks found it, and the records the API gave of it by stream."""

    id: str
    checks: tuple[Check, ...]
    rows: tuple[tuple[str, Row], ...] = ()
    proofs: tuple[Proof, ...] = ()
    row_rates: tuple[RowRate, ...] = ()
    holes: tuple[Hole, ...] = ()

    @property
    def opened_at(self) -> int | None:
        """The value in the newest check that has one."""
        reported = [check for check in self.checks if check.opened_at is not None]
        return max(reported, key=lambda check: check.at).opened_at if reported else None


@dataclass(frozen=True)
class Span:
    """One verdict over [start, end), and what it rests on."""

    stream: str
    scope: str
    start: int
    end: int
    verdict: str
    evidence: str = ""
    receipt_count: int = 0
    first_asked_at: int | None = None
    last_asked_at: int | None = None


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
    "venue_closed", "sync_lapse", "lost_to_retention", "never_asked", "excluded_by_exchange",
)  # fmt: skip
READ_TO_THE_END = BEST_FIRST[:3]


@dataclass(frozen=True)
class History:
    """Start and end of one stream and scope, and all requests for it."""

    start: int
    end: int
    limits: list[Spec]
    receipts: list[Receipt]
    served_from: int | None
    contradicted: frozenset[str]


def coverage(
    account: Account, specs: list[Spec], receipts: list[Receipt], as_of: int
) -> list[Span]:
    """Every stream and scope of one account, from its opening to its end."""
    private = [s for s in specs if s.kind in ("history", "excluded") and s.is_private]
    streams = sorted({spec.stream for spec in private})
    known = [r for r in asked_of(receipts) if r.stream in streams]
    if not account.checks and not known:
        return []
    wrong = frozenset(r.id for r in known if is_contradicted(r, account, known))
    spans = []
    for stream in streams:
        limits = sorted((s for s in private if s.stream == stream), key=lambda s: s.recorded_at)
        service = service_of(account, limits[-1])
        if service is None:
            continue
        own = [receipt for receipt in known if receipt.stream == stream]
        for scope in sorted({receipt.scope for receipt in own if receipt.scope}) or [""]:
            reported = [receipt for receipt in own if receipt.scope in (scope, "")]
            served_after, served_from, served_until = service
            closed_at = closed_scopes(receipts).get((stream, scope), FOREVER)
            last = min(served_until, closed_at)
            case = History(
                start=max(history_start(account, known), served_after),
                end=history_end(account, limits[-1], reported, known, as_of, last),
                limits=limits,
                receipts=reported,
                served_from=served_from,
                contradicted=wrong,
            )
            spans += judge_scope(case, scope)
    return spans


def asked_of(receipts: list[Receipt]) -> list[Receipt]:
    """The receipts that count, without those that state that no scope was known."""
    return [r for r in receipts if r.is_loaded and r.error_kind != "nothing_to_ask"]


def closed_scopes(receipts: list[Receipt]) -> dict[tuple[str, str], int]:
    """The ends of scopes that were unknown in every request after their last response."""
    closed: dict[tuple[str, str], int] = {}
    for receipt in asked_of(receipts):
        place = receipt.stream, receipt.scope
        alike = [r for r in asked_of(receipts) if (r.stream, r.scope, r.origin) == (*place, "api")]
        answers = [r.asked_at for r in alike if r.outcome in READ]
        if (
            receipt.scope
            and receipt.origin == "api"
            and (receipt.outcome, receipt.error_kind) == ("refused", "unknown_scope")
            and receipt.asked_at > max(answers, default=-FOREVER)
        ):
            closed[place] = min(receipt.asked_to, closed.get(place, FOREVER))
    return closed


def service_of(account: Account, spec: Spec) -> tuple[int, int | None, int] | None:
    """The last check before the stream could serve the account, the first and the last one that
    it could; None where it never could."""
    checks = [c for c in account.checks if c.kind is not None and c.origin == "api"]
    if not spec.account_kinds or not checks:
        return -FOREVER, None, FOREVER
    right = [check.at for check in checks if check.kind in spec.account_kinds]
    if not right:
        return None
    before = [check.at for check in checks if check.at < min(right)]
    after = [check.at for check in checks if check.at > max(right)]
    return (
        max(before) if before else -FOREVER,
        min(right) if before else None,
        max(right) if after else FOREVER,
    )


def judge_scope(case: History, scope: str) -> list[Span]:
    """One stream and scope: cut at every edge, judge each piece, join what is alike."""
    if case.start >= case.end:
        return []
    times = {t for r in case.receipts for t in (r.asked_from, r.asked_to, r.gone_before)}
    times |= {case.limits[-1].ends_at, case.served_from, case.start, case.end}
    edges = sorted(time for time in times if time is not None and case.start <= time <= case.end)
    runs: list[tuple[str, int, int, set[Receipt]]] = []
    for low, high in pairwise(edges):
        verdict, receipt = judge(low, high, case)
        reported = {receipt} if receipt else set()
        if runs and runs[-1][0] == verdict:
            _, low, _, before = runs.pop()
            reported |= before
        runs.append((verdict, low, high, reported))
    return [say(case, scope, *run) for run in runs]


def say(
    case: History, scope: str, verdict: str, low: int, high: int, winners: set[Receipt]
) -> Span:
    """A run of pieces as a span: the newest receipt behind it is its evidence."""
    stream = case.limits[-1].stream
    if verdict == "sync_lapse":
        found = [
            r for r in looks(case.receipts) if r.gone_before is not None and high <= r.gone_before
        ]
        winners = {min(found, key=lambda r: (r.asked_at, r.id))}
    if not winners:
        return Span(stream, scope, low, high, verdict, evidence="spec")
    newest = max(winners, key=lambda r: (r.asked_at, r.id))
    requested = [receipt.asked_at for receipt in winners]
    return Span(
        stream, scope, low, high, verdict, newest.id, len(winners), min(requested), max(requested)
    )


def history_start(account: Account, of_account: list[Receipt]) -> int:
    """The opening, or an older record; without an opening the earliest moment anything proves."""
    records = [r.oldest_at for r in of_account if r.oldest_at is not None]
    if account.opened_at is not None:
        return min([account.opened_at, *records])
    requested = [r.asked_from for r in of_account]
    checked = max((check.at for check in account.checks), default=None)
    return min([*records, *requested], default=checked if checked is not None else FOREVER)


def history_end(
    account: Account,
    spec: Spec,
    receipts: list[Receipt],
    of_account: list[Receipt],
    as_of: int,
    ends_by: int,
) -> int:
    """Where the newest sync or check looked; now, when that is long ago. Past an exchange's end
    only as far as something was read there. An import looks at nothing, unless it is all there
    is."""
    checks = [check.at for check in account.checks if check.origin == "api"]
    asked_to = [r.asked_to for r in of_account]
    if not checks and not any(r.origin == "api" for r in of_account):
        checks = [check.at for check in account.checks]
    end = max([*checks, *asked_to])
    if as_of > end + STALE_AFTER:
        end = as_of
    if spec.lifecycle == "closed":
        read_to = [r.asked_to for r in of_account if r.outcome in READ]
        ends_at = spec.ends_at if spec.ends_at is not None else end
        end = max([min(end, ends_at), *read_to])
    end = min(end, ends_by)
    answered = max([r.asked_to for r in receipts if r.outcome != "refused"], default=None)
    if answered is not None and end - SLIVER <= answered < end:
        end = answered
    return end


def judge(low: int, high: int, case: History) -> tuple[str, Receipt | None]:
    """The verdict of one piece, the first question that is answered with yes, and the newest
    receipt that says so."""
    covering = [r for r in case.receipts if r.asked_from <= low and high <= r.asked_to]
    read = [r for r in covering if r.outcome == "exhausted" and is_above(low, r.gone_before)]
    from_api = [r for r in read if r.origin == "api"]
    from_files = [r for r in read if r.origin == "file"]
    # The stream may lack events from before the account was of this kind.
    proven = [r for r in from_api if kind_then(r, case.limits) != "not_stated"]
    if proven and is_above(low, case.served_from):
        return "covered_api", newest(proven)
    agreeing = [r for r in from_files if r.id not in case.contradicted]
    if agreeing:
        return "covered_file", newest(agreeing)
    if from_api or from_files:
        return "unverified", newest(from_api + from_files)
    for outcome in ("unresolved", "row_cap"):
        if met := [r for r in covering if r.outcome == outcome]:
            return outcome, newest(met)

    looked = looks(case.receipts)
    gone = max([r.gone_before for r in looked if r.gone_before is not None], default=None)
    is_gone = not is_above(low, gone)
    attempts = [
        r
        for r in covering
        if r.outcome == "venue_closed" or (r.outcome in ("failed", "refused") and not is_gone)
    ]
    if attempts:
        return newest(attempts).outcome, newest(attempts)
    if is_gone:
        first = min(looked, key=lambda r: (r.asked_at, r.gone_before or -FOREVER, r.id))
        if is_above(low, first.gone_before):
            return "sync_lapse", None
        return "lost_to_retention", first

    spec = case.limits[-1]
    if spec.kind == "excluded":
        return "excluded_by_exchange", None
    read_until = max([r.asked_to for r in case.receipts if r.outcome in READ], default=low)
    is_closing = spec.lifecycle == "closed" and spec.ends_at is not None
    if is_closing and read_until <= low and high <= spec.ends_at:
        return "venue_closed", None
    return "never_asked", None


def looks(receipts: list[Receipt]) -> list[Receipt]:
    """The askings that met an exchange which was there."""
    return [r for r in receipts if r.origin == "api" and r.outcome != "venue_closed"]


def newest(receipts: list[Receipt]) -> Receipt:
    """The receipt with the newest request."""
    return max(receipts, key=lambda r: (r.asked_at, r.id))


def is_above(time: int, floor: int | None) -> bool:
    """Whether the floor leaves that time in reach."""
    return floor is None or floor <= time


def kind_then(receipt: Receipt, limits: list[Spec]) -> str:
    """The documented retention at the time of the request."""
    then = [spec for spec in limits if spec.recorded_at <= receipt.asked_at]
    return (then[-1] if then else limits[0]).retention_kind


def is_contradicted(file: Receipt, account: Account, receipts: list[Receipt]) -> bool:
    """Whether the API contradicts the file in the span of both."""
    if file.origin != "file" or not file.rows:
        return False
    readings = [
        r
        for r in receipts
        if r.stream == file.stream
        and r.origin == "api"
        and r.scope == ""
        and r.outcome == "exhausted"
    ]
    given = [row for stream, row in account.rows if stream == file.stream]
    moments = {row.id: row.occurred_at for row in [*file.rows, *given]}
    for record, at in moments.items():
        both = [r for r in readings if r.asked_from <= at < r.asked_to]
        if not both or not file.asked_from <= at < file.asked_to:
            continue
        in_file = [row for row in file.rows if row.id == record]
        in_api = [row for row in given if row.id == record]
        if not in_file:
            return True
        # What the API reads later in the same bytes is not stored a second time.
        if not in_api and any(r.asked_at < file.asked_at for r in both):
            return True
        amounts = {row.amount for row in in_file if row.amount is not None}
        if in_api and amounts and not amounts & {row.amount for row in in_api}:
            return True
    return False


def sources_of(specs: list[Spec]) -> dict[tuple[str, str], list[list[str]]]:
    """Sources of each entity, by wallet: each stream that has it completely, and all that
    carry a part of it together. One that names no wallet tells of all of them."""
    current = {spec.stream: spec for spec in sorted(specs, key=lambda s: s.recorded_at)}
    history = [spec for spec in current.values() if spec.kind == "history"]
    sources: dict[tuple[str, str], list[list[str]]] = {}
    named = {name for spec in history for name in (*spec.entities, *spec.part_of)}
    for entity in {name for name in named if "/" not in name}:
        whole = [spec for spec in history if entity in spec.entities]
        parts = [spec for spec in history if entity in spec.part_of]
        wallets = {spec.wallet for spec in [*whole, *parts]}
        for wallet in wallets - {""} or {""}:
            ways = [[spec.stream] for spec in whole if spec.wallet in (wallet, "")]
            ways.append([spec.stream for spec in parts if spec.wallet in (wallet, "")])
            name = "ledger_entries" if entity == "ledger" else entity
            sources[name, wallet] = [way for way in ways if way]
    return sources


def entity_coverage(
    spans: list[Span],
    sources: dict[tuple[str, str], list[list[str]]],
    closed: Collection[tuple[str, str]] = (),
    holes: Collection[Hole] = (),
) -> list[EntitySpan]:
    """The best source at each instant; a source is as good as the worst of its streams. Where
    rows are proven to be missing, what was read to the end is not all there is."""
    reported: list[EntitySpan] = []
    proven = {(hole.entity, hole.wallet) for hole in holes}
    for entity, wallet in sorted({*sources, *proven}):
        alternatives = sources.get((entity, wallet), [])
        own = [hole for hole in holes if (hole.entity, hole.wallet) == (entity, wallet)]
        edges = sorted({edge for span in [*spans, *own] for edge in (span.start, span.end)})
        for low, high in pairwise(edges):
            ranks = [
                rank
                for streams in alternatives
                if (rank := rank_of_source(low, high, streams, spans, closed)) is not None
            ]
            if not ranks:
                continue
            verdict = BEST_FIRST[min(ranks)]
            if verdict in READ_TO_THE_END and any(hole.meets(low, high) for hole in own):
                verdict = "rows_missing"
            last = reported[-1] if reported else None
            if last and last == EntitySpan(entity, wallet, last.start, low, verdict):
                low = reported.pop().start
            reported.append(EntitySpan(entity, wallet, low, high, verdict))
        if own and not any((span.entity, span.wallet) == (entity, wallet) for span in reported):
            first, last = min(hole.start for hole in own), max(hole.end for hole in own)
            reported.append(EntitySpan(entity, wallet, first, last, "rows_missing"))
    return reported


def rank_of_source(
    low: int,
    high: int,
    streams: list[str],
    spans: list[Span],
    closed: Collection[tuple[str, str]],
) -> int | None:
    """The worst verdict of [low, high) over all streams and scopes; None before the start of any
    and past the end of any that goes on."""
    own = [span for span in spans if span.stream in streams]
    here = [span for span in own if span.start <= low and high <= span.end]
    for stream, scope in {(span.stream, span.scope) for span in own}:
        place = [span for span in own if (span.stream, span.scope) == (stream, scope)]
        if low < min(span.start for span in place):
            return None
        if high > max(span.end for span in place) and (stream, scope) not in closed:
            return None
    return max((BEST_FIRST.index(span.verdict) for span in here), default=None)


@dataclass(frozen=True)
class Gap:
    """A piece of a span that is not complete, and which streams have what is missing."""

    span: Span
    start: int
    end: int
    filled_by: str | None
    is_fill_proven: bool | None
    is_proven_incomplete: bool


def gaps(
    account: Account, specs: list[Spec], receipts: list[Receipt], spans: list[Span]
) -> list[Gap]:
    """Every instant that is not complete, and the streams that were read over it."""
    current = current_history(specs)
    edges = {edge for span in spans for edge in (span.start, span.end)}
    edges |= {proof.first_row_at for proof in account.proofs}
    edges |= {edge for hole in account.holes for edge in (hole.start, hole.end)}
    found: list[Gap] = []
    for span in spans:
        if span.verdict in ("covered_api", "covered_file"):
            continue
        cuts = sorted(edge for edge in edges if span.start <= edge <= span.end)
        pieces: list[Gap] = []
        for low, high in pairwise(cuts):
            filled_by, is_proven = filled(low, high, span, account, current, spans)
            lacks = is_proven_incomplete(low, high, span, account, specs, receipts)
            if pieces and (filled_by, is_proven, lacks) == (
                pieces[-1].filled_by, pieces[-1].is_fill_proven, pieces[-1].is_proven_incomplete,
            ):  # fmt: skip
                low = pieces.pop().start
            pieces.append(Gap(span, low, high, filled_by, is_proven, lacks))
        found += pieces
    return found


def current_history(specs: list[Spec]) -> dict[str, Spec]:
    """The limits in force of each stream that is a history."""
    current = {spec.stream: spec for spec in sorted(specs, key=lambda s: s.recorded_at)}
    return {name: spec for name, spec in current.items() if spec.kind == "history"}


def filled(
    low: int,
    high: int,
    span: Span,
    account: Account,
    current: dict[str, Spec],
    spans: list[Span],
) -> tuple[str | None, bool | None]:
    """Who else has all that the stream tells of, for each kind of thing the best, and whether all
    of them are complete there."""
    spec = current.get(span.stream)
    if spec is None or not (spec.entities or spec.part_of):
        return None, None
    chosen: list[tuple[str, bool]] = []
    for entity in (*spec.entities, *spec.part_of):
        whole, _, _ = entity.partition("/")
        if any(
            (hole.entity, hole.wallet) == (whole, spec.wallet) and hole.meets(low, high)
            for hole in account.holes
        ):
            return None, None
        others = sorted(
            other.stream
            for other in current.values()
            if other.stream != spec.stream
            and other.wallet == spec.wallet
            and {entity, whole} & {*other.entities}
        )
        proven = [other for other in others if was_read(low, high, other, True, account, spans)]
        read = [other for other in others if was_read(low, high, other, False, account, spans)]
        if proven:
            chosen.append((proven[0], True))
        elif read and span.verdict != "unverified":
            chosen.append((read[0], False))
        else:
            return None, None
    return ", ".join(sorted({name for name, _ in chosen})), all(proven for _, proven in chosen)


def was_read(
    low: int, high: int, stream: str, completely: bool, account: Account, spans: list[Span]
) -> bool:
    """Whether all scopes of the stream were read there."""
    own = [span for span in spans if span.stream == stream]
    places = {span.scope for span in own}
    good = {span.scope for span in own if covers(low, high, span, completely, account)}
    return bool(places) and good == places


def covers(low: int, high: int, span: Span, completely: bool, account: Account) -> bool:
    if not (span.start <= low and high <= span.end):
        return False
    if span.verdict in ("covered_api", "covered_file"):
        return True
    lacking = [p for p in account.proofs if p.stream == span.stream and p.opening_count]
    is_lacking = any(low < proof.first_row_at for proof in lacking)
    return span.verdict == "unverified" and not completely and not is_lacking


def is_proven_incomplete(
    low: int,
    high: int,
    span: Span,
    account: Account,
    specs: list[Spec],
    receipts: list[Receipt],
) -> bool:
    """Whether rows are known to be missing here.

    They prove a hole in what the stream carries whole, or its ledger starts later, from a balance
    that did not come with another kind.
    """
    of_stream = [s for s in specs if s.stream == span.stream]
    service = service_of(account, max(of_stream, key=lambda s: s.recorded_at))
    private = {s.stream for s in specs if s.kind in ("history", "excluded") and s.is_private}
    known = [r for r in asked_of(receipts) if r.stream in private]
    was_another = service is not None and service[0] > history_start(account, known)
    lacking = [p for p in account.proofs if p.stream == span.stream and p.opening_count]
    own = current_history(specs).get(span.stream)
    has_hole = own is not None and any(
        hole.entity in own.entities and hole.wallet == own.wallet and hole.meets(low, high)
        for hole in account.holes
    )
    return has_hole or (
        not was_another and any(high <= proof.first_row_at for proof in lacking)
    )


@dataclass(frozen=True)
class GapRow:
    """The rows of `fct_gaps` for pieces that are equal in several scopes."""

    stream: str
    scopes: tuple[str, ...]
    start: int
    end: int
    verdict: str
    filled_by: str | None
    is_fill_proven: bool | None
    is_proven_incomplete: bool
    severity: str
    is_obtainable: bool


def gap_rows(
    account: Account, specs: list[Spec], receipts: list[Receipt], spans: list[Span], as_of: int
) -> list[GapRow]:
    """Scopes whose pieces are alike share a row; what it says of the way out."""
    loaded = {r.id: r for r in receipts if r.is_loaded}
    groups: dict[tuple[object, ...], list[Gap]] = {}
    for gap in gaps(account, specs, receipts, spans):
        evidence = loaded.get(gap.span.evidence)
        is_gone = (
            gap.span.verdict == "refused"
            and evidence is not None
            and evidence.error_kind == "unknown_scope"
        )
        place = gap.span.stream, gap.span.scope
        has_rows = any(r.row_count for r in loaded.values() if (r.stream, r.scope) == place)
        key = (
            gap.span.stream, gap.start, gap.end, gap.span.verdict, gap.is_proven_incomplete,
            gap.filled_by, is_gone, is_gone and has_rows,
        )  # fmt: skip
        groups.setdefault(key, []).append(gap)
    current = {spec.stream: spec for spec in sorted(specs, key=lambda s: s.recorded_at)}
    rows = []
    for (*_, is_gone, is_lost), group in groups.items():
        newest = max(group, key=lambda g: (g.span.last_asked_at or -FOREVER, g.span.evidence))
        spec, span = current[newest.span.stream], newest.span
        evidence = loaded.get(span.evidence)
        is_beyond = (
            span.verdict in ("refused", "lost_to_retention", "sync_lapse")
            and is_beyond_reading(spec, evidence)
        )  # fmt: skip
        is_idle = span.verdict in ("never_asked", "failed", "refused") and has_nothing_to_ask_by(
            span.stream, receipts
        )
        is_obtainable = (
            span.verdict in ("unverified", "failed", "refused", "never_asked")
            and not is_over(spec, as_of)
            and has_service(account, spec)
            and not is_gone
            and not (spec.retention_kind == "rolling" and newest.end <= as_of - spec.kept)
        )
        if newest.filled_by is not None:
            severity = "info"
        elif newest.is_proven_incomplete:
            severity = "critical"
        elif span.verdict in ("unverified", "excluded_by_exchange") or is_beyond or is_idle:
            severity = "info"
        elif is_gone:
            severity = "warning" if is_lost else "info"
        elif span.verdict in ("failed", "never_asked") and is_obtainable:
            severity = "warning"
        else:
            severity = "critical"
        rows.append(
            GapRow(
                stream=span.stream,
                scopes=tuple(sorted(gap.span.scope for gap in group if gap.span.scope)),
                start=newest.start,
                end=newest.end,
                verdict=span.verdict,
                filled_by=newest.filled_by,
                is_fill_proven=(
                    None if newest.filled_by is None else all(g.is_fill_proven for g in group)
                ),
                is_proven_incomplete=newest.is_proven_incomplete,
                severity=severity,
                is_obtainable=is_obtainable,
            )
        )
    return sorted(rows, key=lambda row: (row.stream, row.start, row.end, row.verdict, row.scopes))


def is_beyond_reading(spec: Spec, evidence: Receipt | None) -> bool:
    """Whether it takes a right that the key does not have and need not have."""
    return bool(spec.needs_right) and (
        evidence is not None and evidence.error_kind == "no_permission"
    )


def has_nothing_to_ask_by(stream: str, receipts: list[Receipt]) -> bool:
    """Whether the newest receipt of the stream states that no scope is known."""
    own = [r for r in receipts if r.is_loaded and r.stream == stream and r.origin == "api"]
    if not own:
        return False
    last = newest(own)
    return (last.outcome, last.error_kind) == ("exhausted", "nothing_to_ask")


def is_over(spec: Spec, as_of: int) -> bool:
    return spec.lifecycle != "active" and spec.ends_at is not None and spec.ends_at <= as_of


def has_service(account: Account, spec: Spec) -> bool:
    """Whether the account is still of a kind that the stream serves."""
    service = service_of(account, spec)
    return service is not None and service[2] == FOREVER


@dataclass(frozen=True)
class Deadline:
    """The next loss of a stream, its time, and the date before which a sync must run."""

    stream: str
    scope_count: int
    oldest_obtainable_at: int | None
    next_loss_from: int | None
    next_loss_at: int | None
    sync_before: int | None
    is_estimate: bool
    at_risk: bool
    reason: str


def deadlines(
    account: Account, specs: list[Spec], receipts: list[Receipt], spans: list[Span], as_of: int
) -> list[Deadline]:
    """One for each history stream that has spans and goes on."""
    reported = []
    for stream, spec in sorted(current_history(specs).items()):
        own = [span for span in spans if span.stream == stream]
        if own and has_service(account, spec):
            reported.append(deadline(account, spec, receipts, own, as_of))
    return reported


def deadline(
    account: Account, spec: Spec, receipts: list[Receipt], spans: list[Span], as_of: int
) -> Deadline:
    missing = first_missing(spec, receipts, spans, as_of)
    pace = next((pace for pace in account.row_rates if pace.stream == spec.stream), None)
    start = min(span.start for span in spans)
    given = [] if pace is None or pace.oldest_given_at is None else [pace.oldest_given_at]
    if spec.retention_kind == "rolling":
        given = [*given, start, as_of - spec.kept]
    elif spec.retention_kind == "unlimited":
        given = [*given, start]

    # When each limit takes the next row away, those that are exact first.
    kept_until = filled_up = None
    seconds = 0
    if missing is not None and spec.retention_kind == "rolling":
        kept_until = missing + spec.kept
    if missing is not None and pace is not None and spec.newest_rows is not None:
        seconds = spec.newest_rows * 7 * DAY // SECOND // pace.busiest_week_rows
        filled_up = missing + seconds * SECOND
    losses = [t for t in (spec.ends_at, kept_until, filled_up) if t is not None]
    loss = min(losses, default=None)
    if missing is None or is_over(spec, as_of):
        loss = None
    is_estimate = loss is not None and loss not in (spec.ends_at, kept_until)
    margin = DAY
    if is_estimate:
        margin = max(DAY, seconds // 2 * SECOND)
    elif spec.retention_kind == "rolling":
        margin = max(DAY, spec.kept // 10)

    if is_over(spec, as_of):
        reason = "over"
    elif missing is None:
        reason = "nothing_is_lost"
    elif loss is None:
        reason = "nothing_is_lost" if spec.newest_rows is None else "newest_rows"
    elif is_estimate:
        reason = "newest_rows"
    else:
        reason = "exchange_ends" if loss == spec.ends_at else "retention"
    return Deadline(
        stream=spec.stream,
        scope_count=len({span.scope for span in spans}),
        oldest_obtainable_at=None if is_over(spec, as_of) else max(given, default=None),
        next_loss_from=None if loss is None else missing,
        next_loss_at=loss,
        sync_before=None if loss is None else loss - margin,
        is_estimate=is_estimate,
        at_risk=loss is not None and as_of >= loss - margin,
        reason=reason,
    )


def first_missing(
    spec: Spec, receipts: list[Receipt], spans: list[Span], as_of: int
) -> int | None:
    """The oldest instant that is not stored, that a sync can still read, in a scope that goes on;
    None where nothing goes on."""
    if has_nothing_to_ask_by(spec.stream, receipts):
        return None
    loaded = {r.id: r for r in receipts if r.is_loaded}
    reach = as_of - spec.kept if spec.retention_kind == "rolling" else -FOREVER
    moments = []
    for scope in {span.scope for span in spans}:
        if (spec.stream, scope) in closed_scopes(receipts):
            continue
        own = [span for span in spans if span.scope == scope]
        moments.append(max(reach, *(span.end for span in own)))
        for span in own:
            can_be_saved = span.verdict in ("failed", "never_asked") or (
                span.verdict == "refused"
                and not is_beyond_reading(spec, loaded.get(span.evidence))
            )
            if can_be_saved and span.end > reach:
                moments.append(max(reach, span.start))
    return min(moments, default=None)
