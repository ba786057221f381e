"""Answers on a terminal of 80 columns and wider."""

from __future__ import annotations

import io
from decimal import Decimal
from typing import Any

import pytest

from flows.cli import show, terminal
from flows.cli.terminal import PlainConsole

CHECK = {
    "label": "bitget_unified", "wallet": "isolated_margin", "asset": "XBTUSDT", "kind": "snapshot",
    "is_ok": False, "severity": "critical", "residual": Decimal("18282.480679872204"),
    "likely_cause": "movements are missing, or were made outside this ledger (sub-accounts)",
}  # fmt: skip


def shown(command: str, rows: list[dict[str, Any]], width: int, **options: Any) -> str:
    out = PlainConsole(file=io.StringIO(), width=width)
    getattr(show, command)(rows, out, **options)
    return out.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_differences_name_account_wallet_and_asset() -> None:
    text = shown("checks", [CHECK], 100)
    header = next(line for line in text.splitlines() if "reported - computed" in line)
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
    assert terminal.console().width == 80
    monkeypatch.delenv("COLUMNS")
    assert terminal.console().width == terminal.WIDTH
