"""Queries of a built warehouse: parameters, and their cost."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from flows.reports import answers
from pipelines.errors import LookbackError
from pipelines.home import PROJECT
from tests.shared_history import SharedHistory


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    file = tmp_path / "a.duckdb"
    with duckdb.connect(str(file)) as made:
        made.execute("create table t as select 'it''s' as id, true as is_ok, 1.50 as amount")
    return file


def test_parameters_are_values_and_never_sql(warehouse: Path) -> None:
    with answers.opened(warehouse) as connection:
        query = "select amount from t where id = ? and is_ok = ?"
        [row] = answers.select(connection, query, ["it's", True])
        assert str(row["amount"]) == "1.50"
        assert answers.select(connection, query, ["it's", False]) == []
        assert answers.select(connection, query, ["' or true or '", True]) == []


def test_a_query_with_parameters_imports_no_pandas(warehouse: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from flows.reports import answers\n"
        "with answers.opened(Path(sys.argv[1])) as warehouse:\n"
        "    assert answers.select(warehouse, 'from t where id = ?', [\"it's\"])\n"
        "assert 'pandas' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(warehouse)], cwd=PROJECT, check=True)


def test_a_choice_keeps_the_rows_of_its_labels_and_stream(shared: SharedHistory) -> None:
    with answers.opened(shared.published) as warehouse:
        rows = answers.gaps(warehouse)
        label, stream = rows[0]["label"], rows[0]["stream"]
        chosen = answers.Choice([label.upper()], stream).of(warehouse, rows)
        assert chosen == [row for row in rows if (row["label"], row["stream"]) == (label, stream)]
        critical = answers.Choice(is_critical=True).of(warehouse, rows)
        assert critical == [row for row in rows if row["severity"] == "critical"]


@pytest.mark.parametrize("choice", [answers.Choice(["nowhere"]), answers.Choice(stream="none")])
def test_a_choice_of_something_unknown_lists_the_known(
    shared: SharedHistory, choice: answers.Choice
) -> None:
    with (
        answers.opened(shared.published) as warehouse,
        pytest.raises(LookbackError, match="in the published file") as raised,
    ):
        choice.of(warehouse, [])
    assert "known: " in raised.value.remedy


def test_the_overview_agrees_with_gaps_checks_and_findings(shared: SharedHistory) -> None:
    with answers.opened(shared.published) as warehouse:
        rows = answers.overview(warehouse)
        gaps, checks = answers.gaps(warehouse), answers.checks(warehouse)
        findings = answers.findings(warehouse)
    assert len({row["account_id"] for row in rows}) == len(rows) > 5
    for row in rows:
        of_account = [each for each in findings if each["account_id"] == row["account_id"]]
        urgent = [each for each in of_account if each["severity"] != "info"]
        differing = [each for each in urgent if each["evidence_kind"] == "check"]
        known = [
            gap
            for gap in gaps
            if gap["account_id"] == row["account_id"] and gap["severity"] != "info"
        ]
        assert (row["gaps"], row["differing_checks"]) == (len(known), len(differing))
        assert row["checks"] == sum(each["account_id"] == row["account_id"] for each in checks)
        is_faulty = known or differing or row["other_faults"]
        assert (row["grade"] == "incomplete") == bool(is_faulty)


def test_durations_are_seconds_in_json() -> None:
    assert '"span": 90000.0' in answers.to_json({"span": timedelta(hours=25)})
