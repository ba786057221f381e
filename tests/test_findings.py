"""The inbox: what is found, what the user sets aside, and how both are shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest

from flows.build import dismissals
from pipelines import registry
from pipelines.errors import LookbackError
from pipelines.extract.progress import known_account
from pipelines.home import Home, home
from pipelines.load.warehouse import prepare_warehouse
from pipelines.sandbox.engine.server import Sandbox
from tests.conftest import Lab

pytestmark = pytest.mark.xdist_group("findings")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A Bitget account that was first asked after its fills had dropped out of reach, published."""
    with Sandbox(size="tiny", pace=None) as box, pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOOKBACK_HOME", str(tmp_path_factory.mktemp("findings")))
        lab = Lab(box, home(), patch)
        lab.declare("bitget-main", label="main")
        lab.sync()
        lab.build()
        lab.publish()
        yield lab


def found(lab: Lab, *options: str) -> list[dict[str, str]]:
    shown = lab.cli("findings", "--json", *options)
    assert shown.returncode == 0, shown.stderr
    rows: list[dict[str, str]] = json.loads(shown.stdout)
    return rows


def test_the_inbox_has_what_is_open_and_all_has_the_rest(built: Lab) -> None:
    rows, everything = found(built), found(built, "--all")
    assert {row["state"] for row in rows} == {"open"}
    assert [row for row in everything if row["state"] == "open"] == rows
    assert {"explained", "fixed"} <= {row["state"] for row in everything}
    ((count,),) = built.query("select count(*) from marts.fct_findings")
    assert len(everything) == count


def test_every_gap_and_every_difference_is_a_finding(built: Lab) -> None:
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
    kinds = [row["kind"] for row in found(built, "--all")]
    assert kinds.count("gap") == gaps > 0
    assert kinds.count("balance_break") + kinds.count("snapshot_residual") == checks > 0
    assert kinds.count("unclassified_label") == labels > 0


def test_what_is_shown_names_id_size_and_remedy_of_what_is_open(built: Lab) -> None:
    shown = built.cli("findings")
    assert shown.returncode == 0, shown.stderr
    assert all(len(line) <= 100 for line in shown.stdout.splitlines())
    told = [row for row in found(built) if row["severity"] != "info"]
    assert told
    for row in told:
        assert row["finding_id"] in shown.stdout
        assert row["remedy"].split()[0] in shown.stdout
    assert "explained" in shown.stdout
    assert "lookback findings --all" in shown.stdout


def test_checks_sums_up_first_and_then_shows_the_inbox(built: Lab) -> None:
    shown = built.cli("checks").stdout
    assert shown.index("agree") < shown.index("To settle")
    assert built.cli("findings").stdout in shown
    rows = json.loads(built.cli("checks", "--json").stdout)
    assert all((row["finding_id"] is None) == row["is_ok"] for row in rows)


def test_what_is_set_aside_keeps_its_row_and_its_id(built: Lab) -> None:
    before = found(built, "--all")
    chosen = next(row for row in before if row["state"] == "open" and row["kind"] == "gap")
    dismissals.file_of(built.home).write_text(
        f"- id: {chosen['finding_id']}\n  reason: opened to try it out\n  by: Ada\n"
        "  on: 2026-11-21\n- {id: 0123456789ab, reason: long gone}\n"
    )
    try:
        built.build()
        built.publish()
        after = found(built, "--all")
        shown = built.cli("findings").stdout
        certified = built.cli("certificate", "main", "--json")
        again = built.cli("certificate", "main", "--json")
        page = (built.home.data / "documents" / "certificate-main.md").read_text()
    finally:
        dismissals.file_of(built.home).unlink()
    assert {row["finding_id"] for row in after} == {row["finding_id"] for row in before}
    (row,) = [row for row in after if row["finding_id"] == chosen["finding_id"]]
    assert (row["state"], row["dismissal_reason"]) == ("dismissed", "opened to try it out")
    assert (row["dismissed_by"], row["dismissed_on"]) == ("Ada", "2026-11-21")
    assert chosen["finding_id"] not in shown
    assert "line 5: no finding has the id 0123456789ab" in " ".join(shown.split())

    assert certified.returncode == 0, certified.stderr
    assert certified.stdout == again.stdout
    document = json.loads(certified.stdout)
    states = {row["finding_id"]: row["state"] for row in document["findings"]}
    assert states == {row["finding_id"]: row["state"] for row in after}
    assert {"open", "explained", "fixed", "dismissed"} == set(states.values())
    assert document["verdict"] == "incomplete"  # a reason brings no row back
    aside = page.split("## Dismissed findings")[1].split("##")[0]
    assert chosen["finding_id"] in aside
    assert "opened to try it out" in aside and "Ada" in aside
    for row in after:
        told = row["severity"] != "info" and row["state"] != "fixed"
        assert (row["finding_id"] in page) or not told, row


def test_a_file_that_lacks_a_row_the_api_gave_is_told_and_covers_nothing(
    prepared_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime(2026, 8, 20, 12, tzinfo=UTC)
    with Sandbox(size="tiny", pace=None, now=now, exchanges=["bitmex"]) as box:
        lab = Lab(box, prepared_home, monkeypatch)
        lab.declare("bitmex-main", label="main")
        lab.sync()
        rows = [
            record
            for (record,) in lab.query(
                "select record::varchar from raw_bitmex.wallet_history order by occurred_at"
            )
        ]
        for name, kept in (("whole.json", rows[-40:]), ("short.json", rows[-40:-20] + rows[-19:])):
            (tmp_path / name).write_text(f"[{','.join(kept)}]")
            done = lab.cli("import", "bitmex", str(tmp_path / name), "--account", "main")
            assert done.returncode == 0, done.stderr
    told = lab.query(
        "select file_name, file_count, api_count, only_in_file, only_in_api, agrees, "
        "differing_sums is null from marts.fct_file_overlaps order by file_count"
    )
    assert told == [
        ("short.json", 39, 40, 0, 1, False, False),
        ("whole.json", 40, 40, 0, 0, True, True),
    ]
    (finding,) = [row for row in found(lab) if row["kind"] == "overlap_disagreement"]
    assert (finding["stream"], finding["size"]) == ("wallet_history", "1")
    assert "short.json" in finding["what"]
    contradicted = lab.query(
        "select file_name from intermediate.int_receipts_unioned where is_contradicted"
    )
    assert contradicted == [("short.json",)]

    # A file finds out nothing of the account or its key, and its models open where they are read.
    known = known_account(lab.home.warehouse, registry.exchange("bitmex").spec, "main")
    assert known is not None and known.key_fingerprint and known.kind != "file"
    assert lab.query("select account_kind, key_fingerprint from marts.dim_accounts") == [
        (known.kind, known.key_fingerprint)
    ]
    with duckdb.connect(str(lab.home.published), read_only=True) as published:
        (count,) = published.execute(
            "select count(*) from intermediate.int_imported_records"
        ).fetchone()
    assert count >= 40


def write(place: Home, text: str) -> None:
    dismissals.file_of(place).write_text(text)


def test_the_file_may_be_missing_or_empty(private_home: Home) -> None:
    assert dismissals.read(private_home) == []
    write(private_home, "# nothing yet\n")
    assert dismissals.read(private_home) == []


def test_a_field_called_on_and_an_id_of_digits_are_read_as_written(private_home: Home) -> None:
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
def test_a_slip_is_told_with_its_line_and_what_to_write(
    text: str, line: int, complaint: str, private_home: Home
) -> None:
    write(private_home, text)
    with pytest.raises(LookbackError) as told:
        dismissals.read(private_home)
    assert f"findings.yml, line {line}: " in told.value.what
    assert complaint in told.value.what
    assert "reason: <why>" in told.value.remedy


def test_a_slip_stops_a_sync_before_an_exchange_is_asked(lab: Lab) -> None:
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
    import duckdb

    with duckdb.connect(str(place.warehouse), read_only=True) as connection:
        return connection.execute(
            "select finding_id, reason from raw_user.dismissals"
        ).fetchall()
