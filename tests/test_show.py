"""Answers on a terminal of 80 columns and wider."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from rich.console import Console

from flows.cli import show

CHECK = {
    "label": "bitget_unified", "wallet": "isolated_margin", "asset": "XBTUSDT", "kind": "snapshot",
    "is_ok": False, "severity": "critical", "residual": Decimal("18282.480679872204"),
    "likely_cause": "movements are missing, or were made outside this ledger (sub-accounts)",
}  # fmt: skip
GAP = {
    "label": "bitget_unified", "stream": "isolated_margin_liquidations",
    "verdict": "lost_to_retention", "severity": "critical", "state": "open", "remedy": "none",
    "cause": "it is gone", "exchange": "bitget", "span_start": datetime(2023, 11, 28, tzinfo=UTC),
    "span_end": datetime(2025, 4, 8, tzinfo=UTC),
}  # fmt: skip
STATUS = {
    "label": "bitget_unified", "stream": "isolated_margin_liquidations", "light": "green",
    "last_asked_at": datetime(2026, 9, 20, 12, tzinfo=UTC), "rows": 1_234_567, "reason": "fine",
}  # fmt: skip
DEADLINE = {
    "label": "bitget_unified", "stream": "isolated_margin_liquidations", "reason": "retention",
    "oldest_obtainable_at": datetime(2026, 9, 20, 12, tzinfo=UTC), "at_risk": False,
    "next_loss_at": datetime(2026, 9, 20, 12, tzinfo=UTC), "is_estimate": True,
    "sync_before": datetime(2026, 9, 20, 12, tzinfo=UTC), "explanation": "by its own rate",
    "exchange": "bitget",
}  # fmt: skip
FINDING = {
    "finding_id": "3f2a9c0d1e4b", "label": "bitget_unified", "kind": "snapshot_residual",
    "state": "open", "severity": "critical", "size": Decimal("18282.480679872204"),
    "stream": "isolated_margin_liquidations", "wallet": None, "asset": "USDT",
    "span_start": datetime(2023, 11, 28, tzinfo=UTC), "span_end": None, "what": "it differs",
    "remedy": "sync again", "fixed_by": None, "explanation": None, "dismissal_reason": None,
    "dismissed_by": None,
}  # fmt: skip
TABLES = {
    "checks": CHECK, "gaps": GAP, "status": STATUS, "deadlines": DEADLINE, "findings": FINDING,
}  # fmt: skip


def shown(command: str, rows: list[dict[str, Any]], width: int, **options: Any) -> str:
    out = Console(file=io.StringIO(), width=width, highlight=False)
    getattr(show, command)(rows, out, **options)
    return out.file.getvalue()  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize("width", [80, 100])
@pytest.mark.parametrize("command", TABLES)
def test_no_word_is_broken(command: str, width: int) -> None:
    row = TABLES[command]
    text = shown(command, [row], width)
    names = ("label", "stream", "wallet", "asset", "verdict", "light", "finding_id")
    words = [row[name] for name in names if row.get(name)] + row.get("likely_cause", "").split()
    assert [word for word in words if word not in text.split()] == []
    assert max(map(len, text.splitlines())) <= width


def test_differences_name_account_wallet_and_asset() -> None:
    text = shown("checks", [CHECK], 100)
    header = next(line for line in text.splitlines() if "exchange less rows" in line)
    assert header.split()[:3] == ["account", "wallet", "asset"]


def test_checks_lists_every_difference() -> None:
    rows = [{**CHECK, "asset": f"COIN{number}"} for number in range(50)]
    text = shown("checks", rows, 100)
    assert all(row["asset"] in text for row in rows)
    assert "lookback checks" not in text


def test_demo_says_where_the_other_differences_are() -> None:
    rows = [{**CHECK, "asset": f"COIN{number}"} for number in range(5)]
    assert "… and 2 more: lookback checks" in shown("checks", rows, 100, shown=3)


def test_width_follows_columns_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert show.console().width == 80
    monkeypatch.delenv("COLUMNS")
    assert show.console().width == show.WIDTH
