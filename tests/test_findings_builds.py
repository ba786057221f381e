"""Findings over two builds: dismissed findings, and a file that lacks a row."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from flows.build import dismissals
from pipelines import registry
from pipelines.extract.progress import known_account
from pipelines.home import Home, home
from pipelines.sandbox.engine.server import Sandbox
from tests.conftest import Lab

pytestmark = pytest.mark.xdist_group("findings_builds")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A Bitget account whose fills had expired before its first sync, published."""
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
        reported = row["severity"] != "info" and row["state"] != "fixed"
        assert (row["finding_id"] in page) or not reported, row


def test_a_file_that_lacks_an_api_row_covers_nothing(
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
    reported = lab.query(
        "select file_name, file_count, api_count, only_in_file, only_in_api, agrees, "
        "differing_sums is null from marts.fct_file_overlaps order by file_count"
    )
    assert reported == [
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
