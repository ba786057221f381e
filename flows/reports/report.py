"""The report: one page with the answer, coverage, gaps, balances and amounts of every account."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from flows.reports import account_words, answers, charts, gap_words, html, months, timeline
from flows.reports.answers import Choice, Row, select
from flows.reports.documents import write
from flows.reports.dossier import grave
from flows.reports.words import STATUS, grouped

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection as Connection

NAME = "report.html"

MOST_OPEN = 8
"""With more accounts than this, only those with gaps are open at first."""

MOST_CHARTS = {"holdings": 6, "flows": 3, "fees": 3, "funding": 3}
"""The charts of an account for each theme: of the assets that moved most often. With many accounts
it is one chart for each theme, as drawing takes most of the time."""


def write_report(
    warehouse: Connection, folder: Path, choice: Choice | None = None, *, hide_amounts: bool = False
) -> Path:
    """Write the report of the chosen accounts. Raises LookbackError."""
    return write(folder / NAME, page(warehouse, choice, hide_amounts=hide_amounts))


def page(
    warehouse: Connection, choice: Choice | None = None, *, hide_amounts: bool = False
) -> str:
    """The report as HTML."""
    chosen = choice or Choice()
    rows = chosen.of(warehouse, answers.overview(warehouse))
    data = Data.of(warehouse)
    has_few = len(rows) <= MOST_OPEN
    most = MOST_CHARTS if has_few else dict.fromkeys(MOST_CHARTS, 1)
    accounts = [
        account_of(row, number, data, {} if hide_amounts else most)
        for number, row in enumerate(rows, start=1)
    ]
    titles = {row["exchange"]: row["exchange_title"] for row in data.exchanges}
    for account in accounts:
        account["exchange_title"] = titles.get(account["exchange"], account["exchange"])
        account["is_open"] = has_few or account["look"] == "red"
    return html.render(
        "report.html",
        hide_amounts=hide_amounts,
        accounts=accounts,
        headline=account_words.headline(rows),
        spans_of=gap_words.spans_of,
        why=gap_words.why,
        notes=list(account_words.notes_on(rows)),
        as_of=max((row["last_asked_at"] for row in rows if row["last_asked_at"]), default=None),
        deadlines=deadlines_of(accounts),
        stream_count=sum(len(account["streams"]) for account in accounts),
        looks=timeline.LOOKS,
        status=STATUS,
    )


Rows = dict[str, list[Row]]


@dataclass(frozen=True)
class Data:
    """The rows of every query by account id."""

    status: Rows
    gaps: Rows
    coverage: Rows
    entities: Rows
    deadlines: Rows
    checks: Rows
    findings: Rows
    balances: Rows
    holdings: Rows
    flows: Rows
    costs: Rows
    exchanges: list[Row]

    @classmethod
    def of(cls, warehouse: Connection) -> Data:
        """All of the published file, read once."""

        def table(sql: str) -> Rows:
            return by_account(select(warehouse, sql))

        def query(ask: Callable[..., list[Row]], **options: bool) -> Rows:
            return by_account(ask(warehouse, **options))

        return cls(
            status=query(answers.status),
            gaps=query(answers.gaps, closed=True),
            coverage=table(
                "select account_id, stream, span_start, span_end, is_complete "
                "from marts.fct_coverage order by stream, span_start"
            ),
            entities=table(
                "select account_id, entity, wallet, span_start, span_end, verdict, covered_by "
                "from marts.fct_entity_coverage order by entity, wallet, span_start"
            ),
            deadlines=query(answers.deadlines),
            checks=query(answers.checks),
            findings=query(answers.findings),
            balances=table("from marts.fct_balances order by wallet, asset, exchange_asset"),
            holdings=query(months.holdings),
            flows=query(months.flows),
            costs=query(months.costs),
            exchanges=select(warehouse, "from marts.dim_exchanges"),
        )


def by_account(rows: Iterable[Row]) -> Rows:
    """Rows by the id of their account."""
    found: Rows = defaultdict(list)
    for row in rows:
        found[row["account_id"]].append(row)
    return found


def account_of(row: Row, number: int, data: Data, most: dict[str, int]) -> dict[str, Any]:
    """What the page shows of one account."""
    account_id = row["account_id"]
    gaps = data.gaps[account_id]
    entities = data.entities[account_id]
    coverage = data.coverage[account_id]
    words, look = account_words.history(row)
    still_open = [gap for gap in gaps if gap["state"] == "open"]
    apart = (gap_words.is_unverified, gap_words.is_excluded, gap_words.is_beyond_reading)
    listed = [gap for gap in still_open if not any(is_it(gap) for is_it in apart)]
    checks = data.checks[account_id]
    streams = streams_of(data.status[account_id], coverage, gaps)
    differing = [check for check in checks if not check["is_ok"]]
    return row | {
        "anchor": f"account-{number}",
        "words": words,
        "look": look,
        "since": account_words.since(row),
        "balances_in_words": account_words.balances(row),
        "axis": timeline.axis_of([*entities, *coverage]),
        "entities": [
            {
                "name": f"{entity.replace('_', ' ')}{f', {wallet}' if wallet else ''}",
                "spans": timeline.of_entity(group, gaps),
            }
            for (entity, wallet), group in grouped(entities, "entity", "wallet")
        ],
        "streams": streams,
        "health": health_of(streams),
        "gap_groups": gap_words.gaps_by_cause(listed),
        "asides": grouped(
            [
                gap | {"title": gap_words.title_of(gap), "text": gap_words.shortened(gap)}
                for gap in still_open
                if gap not in listed
            ],
            "title",
        ),
        "deadlines": data.deadlines[account_id],
        "wallets": wallets_of(checks),
        "differing": [check for check in differing if is_unexplained(check)],
        "explained": [check for check in differing if not is_unexplained(check)],
        "findings": [
            finding
            for finding in data.findings[account_id]
            if finding["kind"] != "gap" and finding["evidence_kind"] != "check"
            if finding["severity"] != "info"
        ],
        "balances": [held for held in data.balances[account_id] if held["balance"] != 0],
        "flows": data.flows[account_id],
        "costs": data.costs[account_id],
        "charts": dict.fromkeys(MOST_CHARTS, ()) | (charts_of(row, data, most) if most else {}),
    }


def streams_of(status: Sequence[Row], coverage: Sequence[Row], gaps: Sequence[Row]) -> list[Row]:
    """Each stream with its status and its spans; what needs attention first."""
    covered = {key[0]: rows for key, rows in grouped(coverage, "stream")}
    missing = {key[0]: rows for key, rows in grouped(gaps, "stream")}
    found = []
    known = {row["stream"]: row for row in status}
    for stream in {**known, **covered, **missing}:
        spans = timeline.of_stream(covered.get(stream, []), missing.get(stream, []))
        row = known.get(stream) or {
            "stream": stream, "light": None, "last_asked_at": None, "rows": None, "reason": None,
        }  # fmt: skip
        worst = max((list(timeline.LOOKS).index(span.look) for span in spans), default=0)
        is_fine = row["light"] in ("green", None) and worst < list(timeline.LOOKS).index("warning")
        found.append(row | {"spans": spans, "worst": worst, "is_fine": is_fine})
    return sorted(found, key=lambda row: (row["light"] != "red", -row["worst"], row["stream"]))


def health_of(streams: Sequence[Row]) -> str:
    """How many streams have each status."""
    lights = Counter(row["light"] for row in streams)
    words = STATUS | {None: "not read"}
    return ", ".join(f"{lights[light]} {word}" for light, word in words.items() if lights[light])


def is_unexplained(check: Row) -> bool:
    """Whether a check differs, and no other finding or gap explains it."""
    return bool(not check["is_ok"] and check["finding_state"] == "open" and grave([check]))


def wallets_of(checks: Sequence[Row]) -> list[Row]:
    """How many checks of each wallet agree, differ, and differ for a known reason."""
    found = []
    for (wallet,), group in sorted(grouped(checks, "wallet"), key=lambda found: found[0]):
        agree = sum(row["is_ok"] for row in group)
        differ = sum(is_unexplained(row) for row in group)
        found.append(
            {
                "wallet": wallet,
                "kinds": sorted({row["kind"].replace("_", " ") for row in group}),
                "agree": agree,
                "differ": differ,
                "explained": len(group) - agree - differ,
            }
        )
    return found


def deadlines_of(accounts: Sequence[Row]) -> list[Row]:
    """The dated deadlines, one for each account and moment, the next one first."""
    rows = [
        row | {"anchor": account["anchor"], "day": row["sync_before"].date()}
        for account in accounts
        for row in account["deadlines"]
        if row.get("sync_before")
    ]
    return [
        group[0] | {"streams": [row["stream"] for row in group]}
        for _, group in sorted(grouped(rows, "day", "label"), key=lambda found: found[0])
    ]


def charts_of(
    row: Row, data: Data, most: dict[str, int]
) -> dict[str, list[tuple[str, Markup]]]:
    """The charts of an account by theme, each with its caption. All have the same time axis."""
    account_id = row["account_id"]
    holdings, flows, costs = (
        rows[account_id] for rows in (data.holdings, data.flows, data.costs)
    )
    times = [each["month"] for each in (*holdings, *flows, *costs)]
    if not times:
        return {}
    asked = row["last_asked_at"]
    end = max([next_month(max(times)), *([asked.date()] if asked else [])])
    span = (min(times), end)
    fees = [cost for cost in costs if cost["fees"]]
    funding = [cost for cost in costs if cost["funding"]]

    def bars(rows: Sequence[Row], theme: str, title: str, **signs: int) -> list[tuple[str, Markup]]:
        return [
            (asset, charts.bars(ways(group, signs), title.format(asset), span))
            for asset, group in busiest(rows, most[theme])
        ]

    return {
        "holdings": [
            (asset, charts.steps(held(group, end), f"{asset} held over time", span))
            for asset, group in busiest(holdings, most["holdings"])
        ],
        "flows": bars(flows, "flows", "{} moved by month", deposited=1, withdrawn=-1),
        "fees": bars(fees, "fees", "Fees in {} by month", fees=-1),
        "funding": bars(funding, "funding", "Funding in {} by month", funding=1),
    }


def busiest(rows: Sequence[Row], most: int) -> list[tuple[str, list[Row]]]:
    """The assets with the most rows, each with its months."""
    groups = [(asset, months_) for (asset,), months_ in grouped(rows, "asset")]
    groups.sort(key=lambda found: (-sum(row["row_count"] for row in found[1]), found[0]))
    return groups[:most]


def held(rows: Sequence[Row], end: date) -> list[Row]:
    """The steps of a holding: before the first month, after each month, and at the end."""
    first, last = rows[0], rows[-1]
    found = [{"at": first["month"], "amount": first["amount_before"]}]
    found += [{"at": next_month(row["month"]), "amount": row["amount"]} for row in rows]
    return [
        *(step for step in found if step["at"] < end),
        {"at": end, "amount": last["amount"]},
    ]


def next_month(month: date) -> date:
    """The first day of the month after."""
    return (month.replace(day=1) + timedelta(days=32)).replace(day=1)


def ways(rows: Sequence[Row], signs: dict[str, int]) -> list[Row]:
    """The amounts of some columns as bars; an amount out is below zero."""
    amounts = [
        (row["month"], row[name] * sign)
        for name, sign in signs.items()
        for row in rows
        if row[name]
    ]
    return [
        {"at": month, "amount": amount, "way": "in" if amount > 0 else "out"}
        for month, amount in amounts
    ]
