"""Output on a terminal of 80 columns and wider."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from flows.cli import overview, show, terminal
from flows.cli.terminal import PlainConsole

CHECK = {
    "label": "bitget_unified", "wallet": "isolated_margin", "asset": "XBTUSDT", "kind": "snapshot",
    "is_ok": False, "severity": "critical", "residual": Decimal("18282.480679872204"),
    "likely_cause": "movements are missing, or were made outside this ledger (sub-accounts)",
}  # fmt: skip


def shown(command: str, rows: list[dict[str, Any]], width: int, **options: Any) -> str:
    out = PlainConsole(file=io.StringIO(), width=width)
    getattr(overview if command == "overview" else show, command)(rows, out, **options)
    return out.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_differences_name_account_wallet_and_asset() -> None:
    text = shown("checks", [CHECK], 100)
    header = next(line for line in text.splitlines() if "reported - computed" in line)
    assert header.split()[:3] == ["account", "wallet", "asset"]


def test_checks_lists_every_difference() -> None:
    rows = [{**CHECK, "asset": f"COIN{number}"} for number in range(50)]
    text = shown("checks", rows, 100)
    assert all(row["asset"] in text for row in rows)


def test_width_follows_columns_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert terminal.console().width == 80
    monkeypatch.delenv("COLUMNS")
    assert terminal.console().width == terminal.WIDTH


GAP = {
    "label": "main", "verdict": "lost_to_retention", "severity": "warning", "state": "open",
    "remedy": "a file", "span_start": datetime(2020, 1, 1, tzinfo=UTC),
    "span_end": datetime(2021, 1, 1, tzinfo=UTC),
}  # fmt: skip


def test_gaps_with_one_cause_share_a_line_and_a_note() -> None:
    rows = [
        {**GAP, "stream": stream, "cause": f"{stream} is kept for 90 days, since 2021-01-01."}
        for stream in ("fills", "orders")
    ]
    text = shown("gaps", rows, 80)
    assert text.startswith("2 open gaps in 1 account\n")
    assert "fills, orders" in text and text.count("[1]") == 3 and "[2]" not in text
    assert "fills is kept for 90 days, since 2021-01-01. The same applies to orders." in text


def test_deadlines_at_one_time_share_a_line() -> None:
    row = {
        "label": "main", "sync_before": datetime(2026, 5, 1, tzinfo=UTC), "at_risk": False,
        "reason": "retention", "is_estimate": False,
        "next_loss_at": datetime(2026, 5, 9, tzinfo=UTC),
    }  # fmt: skip
    text = shown("deadlines", [{**row, "stream": stream} for stream in ("fills", "orders")], 80)
    assert "2026-05-01 00:00  2026-05-09 00:00  main     fills, orders" in text


def test_streams_start_with_the_number_per_status() -> None:
    row = {"label": "main", "last_asked_at": None, "rows": 1, "reason": "synced"}
    lights = ("green", "green", "red")
    rows = [{**row, "stream": f"s{n}", "light": light} for n, light in enumerate(lights)]
    assert shown("streams", rows, 80).startswith("3 streams: 2 ok, 1 error\n")


ACCOUNT = {
    "label": "main", "grade": "incomplete", "is_unread": False, "reason": "synced",
    "complete_since": datetime(2026, 1, 2, tzinfo=UTC),
    "last_asked_at": datetime(2026, 5, 1, tzinfo=UTC), "gaps": 2, "differing_checks": 0,
    "agreeing_checks": 3, "other_faults": 0, "sync_before": datetime(2026, 6, 1, tzinfo=UTC),
}  # fmt: skip


def test_the_overview_has_one_line_per_account() -> None:
    other = {**ACCOUNT, "label": "other", "grade": "complete", "gaps": 0, "sync_before": None}
    lines = shown("overview", [ACCOUNT, other], 80).splitlines()
    assert lines[2].split() == ["main", "2", "gaps", "2026-01-02", "3", "agree", "2026-06-01"]
    assert lines[3].split() == ["other", "complete", "2026-01-02", "3", "agree", "–"]


def test_the_overview_ends_with_what_to_type() -> None:
    text = shown("overview", [ACCOUNT], 80)
    assert "how to fill it: lookback gaps main" in text
    assert "sync main before 2026-06-01 00:00" in text
    assert "lookback checks" not in text


def test_a_gap_open_until_now_has_no_complete_end() -> None:
    row = {**ACCOUNT, "complete_since": ACCOUNT["last_asked_at"]}
    assert shown("overview", [row], 80).splitlines()[2].split()[3] == "–"


def test_an_unread_account_shows_the_reason() -> None:
    row = {
        **ACCOUNT, "grade": "not_connected", "is_unread": True, "reason": "the key is wrong",
        "complete_since": None, "gaps": 0, "sync_before": None,
    }  # fmt: skip
    text = shown("overview", [row], 80)
    assert "not connected" in text and "main: the key is wrong" in text


def test_a_sync_shows_the_new_rows_of_each_account() -> None:
    text = shown("overview", [ACCOUNT], 80, new_rows={"main": 12345})
    assert text.splitlines()[2].split()[:2] == ["main", "12,345"]
