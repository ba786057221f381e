"""The report has every account, stream, gap and amount, and nothing in it can call out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from duckdb import DuckDBPyConnection as Connection
from markupsafe import escape

from flows.reports import answers, charts, html, months, report, timeline
from flows.reports.answers import Choice
from flows.reports.words import counted, grouped
from pipelines.errors import LookbackError
from tests.shared_history import SharedHistory

HOSTILE = "<script>alert('x')</script>"


@pytest.fixture
def warehouse(shared: SharedHistory) -> Iterator[Connection]:
    with answers.opened(shared.published) as opened:
        yield opened


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Charts are not drawn: that takes longer than all the rest."""
    monkeypatch.setattr(charts, "drawn", lambda kind, title, span, points: title)


def plain_text(page: str) -> str:
    """The text that a reader sees, with one space between words."""
    body = re.sub(r"<(style|script)>.*?</\1>", "", page, flags=re.DOTALL)
    return " ".join(re.sub(r"<wbr>|<[^>]+>", "", body.replace("</", " </")).split())


@pytest.mark.usefixtures("undrawn")
def test_the_report_has_every_account_stream_and_gap(warehouse: Connection) -> None:
    page = report.page(warehouse)
    shown = plain_text(page)
    accounts = answers.overview(warehouse)
    for row in accounts:
        assert f">{escape(row['label'])}</a>" in page
        if row["gaps"]:
            assert counted(row["gaps"], "gap") in shown
    for row in answers.status(warehouse):
        assert f'data-stream="{row["stream"]}"' in page
    known = {row["account_id"] for row in accounts}
    gaps = [
        gap
        for gap in answers.gaps(warehouse)
        if gap["severity"] != "info" and gap["account_id"] in known
    ]
    assert gaps
    for gap in gaps:
        assert gap["verdict"].replace("_", " ") in shown.lower()
        assert gap["stream"] in shown
        if gap["remedy"]:
            assert plain_text(str(escape(gap["remedy"]))) in shown
    for row in answers.deadlines(warehouse):
        if row["sync_before"] and row["account_id"] in known:
            assert f"{row['sync_before']:%Y-%m-%d} " in shown


@pytest.mark.usefixtures("undrawn")
def test_hidden_amounts_are_not_in_the_file(warehouse: Connection) -> None:
    rows = answers.select(
        warehouse,
        "select balance from marts.fct_balances where abs(balance) > 100 union "
        "select amount from marts.fct_deposits union select residual from marts.fct_balance_checks "
        "where not is_ok",
    )
    amounts = {
        answers.plain_amount(abs(next(iter(row.values()))))
        for row in rows
        if next(iter(row.values()))
    }
    told = {amount for amount in amounts if len(amount) > 5}
    assert told
    seen = set(re.findall(r"\d[\d.]*", plain_text(report.page(warehouse))))
    assert len(told & seen) > len(told) / 4
    hidden = plain_text(report.page(warehouse, hide_amounts=True))
    assert not told & set(re.findall(r"\d[\d.]*", hidden))
    assert html.HIDDEN in hidden


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("starts from a balance of 18282.48 that no row explains", "a balance of ••• that"),
        ("a balance of 136 that no row explains", "a balance of ••• that"),
        ("off by -3 USDT on 2026-05-01 03:41", "off by ••• USDT on 2026-05-01 03:41"),
        ("(5 at the exchange, 1,200.5 by the rows)", "(••• at the exchange, ••• by the rows)"),
        ("keeps fills for 90 days, all 28 types", "keeps fills for 90 days, all 28 types"),
    ],
)
def test_a_sentence_hides_its_amounts_and_keeps_days_and_counts(text: str, shown: str) -> None:
    template = html.environment(hide_amounts=True).from_string("{{ text | sentence }}")
    assert shown in plain_text(template.render(text=text))


@pytest.mark.usefixtures("undrawn")
def test_a_hostile_text_stays_text(
    warehouse: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = answers.overview

    def renamed(connection: Connection) -> list[answers.Row]:
        unread = {"label": HOSTILE, "is_unread": True, "reason": f"said {HOSTILE}"}
        return [row | unread for row in real(connection)[:1]]

    monkeypatch.setattr(answers, "overview", renamed)
    page = report.page(warehouse)
    assert HOSTILE not in page
    assert str(escape(HOSTILE)) in page
    assert page.count("<script>") == 1


@pytest.mark.usefixtures("undrawn")
def test_the_page_names_no_address_and_its_policy_allows_no_request(
    warehouse: Connection,
) -> None:
    page = report.page(warehouse)
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)
    sources = {part.split()[0]: part.split()[1:] for part in policy.split("; ")}
    assert sources["default-src"] == ["&#39;none&#39;"]
    for name in ("style-src", "script-src"):
        assert re.fullmatch(r"&#39;sha256-[\w+/=]+&#39;", " ".join(sources[name]))
    assert not re.search(r"""\b(src|srcset|action|data|poster)=|@import|url\(""", page)
    assert all(link.startswith("#") for link in re.findall(r'href="([^"]*)"', page))
    assert " style=" not in page


@pytest.mark.usefixtures("undrawn")
def test_a_report_of_some_labels_has_only_these(warehouse: Connection) -> None:
    first, second, *_ = (row["label"] for row in answers.overview(warehouse))
    page = report.page(warehouse, Choice([first]))
    assert f">{first}</a>" in page and f">{second}</a>" not in page
    with pytest.raises(LookbackError, match="no account nobody"):
        report.page(warehouse, Choice(["nobody"]))


def test_holdings_end_at_the_newest_balance(warehouse: Connection) -> None:
    newest = {
        (row["account_id"], row["asset"]): row["amount"]
        for row in answers.select(
            warehouse,
            "select account_id, asset, "
            "sum(coalesce(balance, rows_amount) + moved_since_amount) as amount "
            "from marts.fct_balances group by all",
        )
    }
    rows = months.holdings(warehouse)
    assert rows
    for (account_id, asset), group in grouped(rows, "account_id", "asset"):
        assert group[-1]["amount"] == newest.get((account_id, asset), 0)
        for before, after in pairwise(group):
            assert after["amount_before"] == before["amount"]


def test_costs_add_up_to_fees_and_funding(warehouse: Connection) -> None:
    rows = months.costs(warehouse)
    for name, total in (
        ("fees", "select sum(fee_amount) as n from marts.fct_fees"),
        (
            "funding",
            "select sum(pnl_amount) as n from marts.fct_realised_pnl where pnl_kind = 'funding'",
        ),
    ):
        assert sum(row[name] or 0 for row in rows) == answers.select(warehouse, total)[0]["n"]


def test_a_chart_is_a_picture_with_a_name_and_exact_texts() -> None:
    rows = [
        {"at": date(2026, 1, 1), "amount": Decimal("0.123456789012345678"), "way": "in"},
        {"at": date(2026, 2, 1), "amount": Decimal(-2), "way": "out"},
    ]
    span = (date(2026, 1, 1), date(2026, 3, 1))
    for draw in (charts.steps, charts.bars):
        svg = draw(rows, 'A & "B" <c>', span)
        assert svg.startswith('<svg role="img" aria-label="A &amp; &#34;B&#34; &lt;c&gt;"')
        assert 'data-text="2026-01: 0.123456789012345678"' in svg
        assert svg.count("aria-label") == 1 and " style=" not in svg and "http" not in svg


def day(number: int) -> datetime:
    return datetime(2026, 1, number, tzinfo=UTC)


def gap(start: int, end: int, **fields: Any) -> dict[str, Any]:
    usual = {
        "span_start": day(start), "span_end": day(end), "verdict": "lost_to_retention",
        "severity": "critical", "state": "open", "is_proven_incomplete": False, "stream": "fills",
    }  # fmt: skip
    return usual | fields


def test_the_worst_of_all_scopes_holds_at_each_moment() -> None:
    complete = {"span_start": day(1), "span_end": day(20), "is_complete": True}
    gaps = [
        gap(5, 10, state="filled"),
        gap(8, 12),
        gap(12, 14),
        gap(15, 20, verdict="unverified", severity="info"),
        gap(16, 17, verdict="unverified", is_proven_incomplete=True),
    ]
    spans = timeline.of_stream([complete, complete], gaps)
    assert [(span.start.day, span.end.day, span.look, span.name) for span in spans] == [
        (1, 5, "complete", "complete"),
        (5, 8, "filled", "lost to retention (filled)"),
        (8, 14, "missing", "lost to retention"),
        (14, 15, "complete", "complete"),
        (15, 16, "unverified", "unverified"),
        (16, 17, "missing", "rows missing"),
        (17, 20, "unverified", "unverified"),
    ]


def test_a_short_span_is_wide_enough_to_see_and_stays_on_the_bar() -> None:
    end = day(1) + timedelta(days=3000)
    axis = timeline.Axis(day(1), end)
    spans = [
        timeline.Span(day(1), day(2), "missing", "failed"),
        timeline.Span(end - timedelta(hours=1), end, "missing", "failed"),
    ]
    for left, width, _ in axis.bars(spans):
        assert width >= timeline.SMALLEST
        assert left >= 0 and left + width <= timeline.WIDTH
