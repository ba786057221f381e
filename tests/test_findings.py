"""Findings: detected, dismissed by the user, and printed."""

from __future__ import annotations

import json
from datetime import date

import duckdb
import pytest

from flows.build import dismissals
from pipelines.errors import LookbackError
from pipelines.home import Home
from pipelines.load.warehouse import prepare_warehouse
from tests.conftest import Lab, call_cli
from tests.shared_history import SharedHistory


@pytest.fixture
def built(shared: SharedHistory) -> SharedHistory:
    return shared


def found(*options: str) -> list[dict[str, str]]:
    shown = call_cli(["findings", "--json", *options])
    assert shown.returncode == 0, shown.stderr
    rows: list[dict[str, str]] = json.loads(shown.stdout)
    return rows


def test_the_inbox_has_open_findings_unless_all_is_given(built: SharedHistory) -> None:
    rows, everything = found(), found("--all")
    assert {row["state"] for row in rows} == {"open"}
    assert [row for row in everything if row["state"] == "open"] == rows
    assert {"explained", "fixed"} <= {row["state"] for row in everything}
    ((count,),) = built.query("select count(*) from marts.fct_findings")
    assert len(everything) == count


def test_every_gap_and_every_difference_is_a_finding(built: SharedHistory) -> None:
    ((gaps, checks, labels),) = built.query(
        """
        select
            (select count(*) from marts.fct_gaps),
            (select count(*) from marts.fct_balance_checks where not is_ok),
            (
                select count(*) from marts.fct_data_quality
                where problem in ('unknown_status', 'unknown_type')
            )
        """
    )
    kinds = [row["kind"] for row in found("--all")]
    assert kinds.count("gap") == gaps > 0
    assert kinds.count("balance_break") + kinds.count("snapshot_residual") == checks > 0
    assert kinds.count("unclassified_label") == labels > 0


def test_open_findings_show_id_size_and_remedy(built: SharedHistory) -> None:
    shown = call_cli(["findings"])
    assert shown.returncode == 0, shown.stderr
    assert all(len(line) <= 100 for line in shown.stdout.splitlines())
    reported = [row for row in found() if row["severity"] != "info"]
    assert reported
    for row in reported:
        assert row["finding_id"] in shown.stdout
        assert row["remedy"].split()[0] in shown.stdout
    assert "explained" in shown.stdout
    assert "lookback findings --all" in shown.stdout


def test_checks_sums_up_first_and_then_shows_the_inbox(built: SharedHistory) -> None:
    shown = call_cli(["checks"]).stdout
    assert shown.index("agree") < shown.index("To settle")
    assert call_cli(["findings"]).stdout in shown
    rows = json.loads(call_cli(["checks", "--json"]).stdout)
    assert all((row["finding_id"] is None) == row["is_ok"] for row in rows)


def write(place: Home, text: str) -> None:
    dismissals.file_of(place).write_text(text)


def test_the_file_may_be_missing_or_empty(private_home: Home) -> None:
    assert dismissals.read(private_home) == []
    write(private_home, "# nothing yet\n")
    assert dismissals.read(private_home) == []


def test_fields_named_on_and_numeric_ids_stay_text(private_home: Home) -> None:
    days = "- id: 012345678901\n  reason: known\n  on: 2026-11-21\n- {id: 1e5, reason: x}\n"
    write(private_home, days)
    assert dismissals.read(private_home) == [
        dismissals.Dismissal("012345678901", "known", None, date(2026, 11, 21), 1),
        dismissals.Dismissal("1e5", "x", None, None, 4),
    ]


@pytest.mark.parametrize(
    ("text", "line", "complaint"),
    [
        ("id: a\nreason: b\n", 1, "the file must be a list"),
        ("- id: a\n  reason: b\n- just words\n", 3, "an id and a reason"),
        ("- id: a\n  reason: b\n- id: c\n", 3, "reason is missing"),
        ("- id: a\n  reason:\n", 1, "reason is missing"),
        ("- reason: b\n", 1, "id is missing"),
        ("- id: a\n  reason: b\n  why: c\n", 3, "unknown field 'why'"),
        ("- id: a\n  reason: b\n  on: yesterday\n", 1, "'yesterday' is not a date"),
        ("- id: a\n  reason: b\n- id: a\n  reason: c\n", 3, "already dismissed on line 1"),
        ("- id: a\n  reason: [b]\n", 2, "one name and one value"),
        ("- id: a\n  reason: 'b\n", 3, "end of stream"),
    ],
)
def test_an_error_has_its_line_and_the_correct_format(
    text: str, line: int, complaint: str, private_home: Home
) -> None:
    write(private_home, text)
    with pytest.raises(LookbackError) as reported:
        dismissals.read(private_home)
    assert f"findings.yml, line {line}: " in reported.value.what
    assert complaint in reported.value.what
    assert "reason: <why>" in reported.value.remedy


def test_an_error_stops_a_sync_before_any_request(lab: Lab) -> None:
    lab.declare("bitget-main")
    write(lab.home, "- id: a\n")
    shown = lab.cli("sync")
    assert shown.returncode == 1
    assert "findings.yml, line 1: reason is missing" in shown.stderr
    assert lab.box.requests()["total"] == 0


def test_what_the_file_says_replaces_what_it_said(private_home: Home) -> None:
    prepare_warehouse(private_home)
    lab_rows = []
    for text in ("- {id: a, reason: b}\n", "- {id: c, reason: d}\n", ""):
        write(private_home, text)
        dismissals.load(private_home)
        lab_rows.append(rows_of(private_home))
    assert lab_rows == [[("a", "b")], [("c", "d")], []]


def rows_of(place: Home) -> list[tuple[str, str]]:

    with duckdb.connect(str(place.warehouse), read_only=True) as connection:
        return connection.execute("select finding_id, reason from raw_user.dismissals").fetchall()
