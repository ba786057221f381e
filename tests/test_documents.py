"""The certificate and the inventory of an evacuation: their contents are correct."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from flows.reports import certificate, documents, evacuation, gap_words, html, markdown
from flows.reports.dossier import Dossier, canonical
from pipelines.errors import LookbackError
from pipelines.home import Home
from tests.conftest import Lab

SNAPSHOTS = ("account_wallet", "futures_assets")


def test_evacuating_reads_everything_again_between_two_looks_at_the_balances(lab: Lab) -> None:
    label = lab.declare("bitmart")
    lab.sync(label)
    before = lab.query("select count(*) from raw_bitmart.deposit_withdraw_history")
    first = requested(lab)
    ((first_end,),) = lab.query("select max(asked_at) from raw_bitmart.receipts")
    lab.sync(label, full=True)
    assert lab.query("select count(*) from raw_bitmart.deposit_withdraw_history") == before
    again = {place: spans[len(first[place]) :] for place, spans in requested(lab).items()}
    for place, spans in first.items():
        whole, repeated = (min(start for start, _ in s) for s in (spans, again[place]))
        assert repeated <= whole or place[0] not in ("deposit_withdraw_history", "futures_ledger")
    looks = lab.query(
        "select stream, count(*) from raw_bitmart.receipts "
        "where stream in ('account_wallet', 'futures_assets') group by 1"
    )
    assert dict(looks) == dict.fromkeys(SNAPSHOTS, 3)  # the sync's, and one before and one after
    (((looked, looked_again), first_row, last_row),) = lab.query(
        "select list(asked_at order by asked_at) filter (where stream = 'account_wallet'), "
        "min(asked_at) filter (where asked_from < asked_to), "
        "max(asked_at) filter (where asked_from < asked_to) "
        "from raw_bitmart.receipts where asked_at > ?",
        first_end,
    )
    assert looked < first_row <= last_row < looked_again


def requested(lab: Lab) -> dict[tuple[str, str], list[tuple[object, object]]]:
    """The requested spans of each history stream and scope, in the order of the requests."""
    rows = lab.query(
        "select stream, scope, asked_from, asked_to from raw_bitmart.receipts "
        "where asked_from < asked_to order by asked_at, asked_from"
    )
    found: dict[tuple[str, str], list[tuple[object, object]]] = {}
    for stream, scope, start, end in rows:
        found.setdefault((stream, scope), []).append((start, end))
    return found


@pytest.fixture
def evacuated(lab: Lab) -> tuple[Lab, str]:
    """One BitMart account, evacuated by the command line through Prefect."""
    label = lab.declare("bitmart")
    done = lab.cli("evacuate", label)
    assert done.returncode == 0, done.stderr
    return lab, done.stdout


def test_an_evacuation_writes_an_inventory_and_reproducible_certificates(
    evacuated: tuple[Lab, str],
) -> None:
    lab, printed = evacuated
    folder = lab.home.data / "documents"
    page = (folder / "evacuation-bitmart_main.md").read_text()
    assert page in printed
    assert "winding down: its API ends on 2027-01-31 15:59 UTC" in page
    assert "## Downloads by hand before 2027-01-31 15:59 UTC" in page
    assert "spot_fills" in page.split("## Downloads by hand")[1]

    inventory = json.loads((folder / "evacuation-bitmart_main.json").read_text())
    stored = dict(
        lab.query(
            "select 'spot_fills', count(distinct record_id) from raw_bitmart.spot_fills union all "
            "select 'futures_ledger', count(distinct record_id) from raw_bitmart.futures_ledger"
        )
    )
    (fills,) = [row for row in inventory["saved"] if row["stream"] == "spot_fills"]
    # Trading ended in August 2026, so the route may have nothing left to give by now.
    assert fills["record_count"] == stored["spot_fills"]
    (ledger,) = [row for row in inventory["saved"] if row["stream"] == "futures_ledger"]
    assert ledger["record_count"] == stored["futures_ledger"] > 0
    assert not fills["is_whole"]  # 90 days of three years
    for row in inventory["balances"]:
        assert row["amount_before"] == row["amount"]

    first = certify(lab, "bitmart_main")
    assert certify(lab, "bitmart_main") == first
    document = json.loads(first[1])
    reported = document.pop("sha256")
    assert reported == hashlib.sha256(canonical(document).encode()).hexdigest()
    assert reported.encode() in first[0]
    for name in ("evacuation", "certificate"):
        anybody_can_check(folder / f"{name}-bitmart_main.md")
    digests = {row["stream"]: row["sha256"] for row in document["records"]}
    assert digests["spot_fills"] != digests["futures_ledger"]
    assert digest_by_the_page(lab.home, first[0].decode()) == digests
    assert document["verdict"] == "incomplete"
    assert oct((folder / "certificate-bitmart_main.md").stat().st_mode)[-3:] == "600"
    wrong = lab.cli("certificate", "nobody")
    assert wrong.returncode == 1
    assert "bitmart_main" in wrong.stderr
    secret = lab.box.account("bitmart")["secret"]
    assert secret.encode() not in first[0] + first[1] + printed.encode()


def anybody_can_check(page: Path) -> None:
    """Do what the page says, word by word, and once more with a changed figure."""
    data = page.with_suffix(".json")
    (command,) = re.findall(r"```sh\n(.+)\n```", page.read_text())
    said = json.loads(data.read_text())["sha256"]
    assert f"`{said}`" in page.read_text()
    assert shell(command, page.parent) == f"{said}  -\n"
    reported = data.read_text()
    changed = reported.replace('"row_count": ', '"row_count": 1', 1)
    data.write_text(changed.replace("2026", "2025", 1))
    assert shell(command, page.parent) != f"{said}  -\n"
    data.write_text(reported)


def shell(command: str, folder: Path) -> str:
    done = subprocess.run(["sh", "-c", command], cwd=folder, capture_output=True, check=True)
    return done.stdout.decode()


def digest_by_the_page(place: Home, page: str) -> dict[str, str]:
    """The digest of each stream on the page, by the query that is printed there."""
    (query,) = re.findall(r"```sql\n(.+?)\n```", page, re.DOTALL)
    (table,) = re.findall(r"## Raw records\n\n((?:\|.+\n)+)", page)
    streams = [row.split("|")[1].strip() for row in table.splitlines()[2:]]
    with duckdb.connect(str(place.published), read_only=True) as published:
        found = {
            stream: published.execute(query.replace("<stream>", stream)).fetchone()[0]
            for stream in streams
        }
    nothing = hashlib.sha256(b"").hexdigest()
    return {stream: digest or nothing for stream, digest in found.items()}


def certify(lab: Lab, label: str) -> tuple[bytes, bytes]:
    done = lab.cli("certificate", label)
    assert done.returncode == 0, done.stderr
    page, html, data = (Path(line.split(": ")[-1]) for line in done.stdout.splitlines())
    assert "<h1>Account history" in html.read_text(encoding="utf-8")
    return page.read_bytes(), data.read_bytes()


@pytest.mark.parametrize(
    ("gaps", "checks", "verdicts", "expected"),
    [
        ([], [], ["covered_api", "covered_file"], "complete"),
        ([], [], [], "unverified"),
        ([("info",)], [("none",)], ["covered_api", "unverified"], "unverified"),
        ([("critical",)], [], ["covered_api"], "incomplete"),
        ([], [("warning",)], ["covered_api"], "incomplete"),
        ([], [("info",)], ["covered_api"], "complete"),
    ],
)
def test_the_verdict_is_no_better_than_its_worst_part(
    gaps: list[tuple[str]], checks: list[tuple[str]], verdicts: list[str], expected: str
) -> None:
    dossier = Dossier(
        account={}, exchange={}, as_of=None, spans=[], records=[], facts=[], balances=[],
        files=[], limits=[],
        entities=[{"verdict": verdict} for verdict in verdicts],
        gaps=[{"severity": severity} for (severity,) in gaps],
        checks=[{"severity": severity} for (severity,) in checks],
    )  # fmt: skip
    assert certificate.verdict_of(dossier) == expected


def test_a_table_lines_up_and_keeps_its_columns_apart() -> None:
    lines = markdown.table(("a", "n"), [("x|y", 1), ("", 12_345)], right=("n",)).splitlines()
    assert lines == [
        "| a    |      n |",
        "| ---- | -----: |",
        "| x\\|y |      1 |",
        "| –    | 12,345 |",
    ]


def test_text_of_an_exchange_adds_no_html_and_no_column() -> None:
    for name in ("parts.md", "certificate.md", "evacuation.md"):
        markdown.environment().get_template(name)
    text = markdown.environment().from_string("{{ cause }}\n{{ rows | table({'a': 'a'}) }}")
    shown = text.render(cause="<b>it's</b>\n# x", rows=[{"a": "x|<i>"}])
    assert shown.startswith("&lt;b>it's&lt;/b> # x\n| a ")
    assert "| x\\|&lt;i> |" in shown


def test_a_document_as_html_has_its_tables_and_no_link_or_html_of_a_text() -> None:
    text = "# T\n\n<b>x</b> [y](http://a.example) ![z](http://a.example)\n\n- [ ] one\n\n"
    table = markdown.table(("name", "n"), [("a<i>", 1)], right=("n",))
    shown = html.from_markdown(text + table)
    assert "<h1>T</h1>" in shown and "☐ one" in shown
    assert '<td role="cell" data-title="name">a&lt;i&gt;</td>' in shown
    assert '<td role="cell" class="number" data-title="n">1</td>' in shown
    assert not re.search(r"<(b|i|a|img)\b|style=", shown)


def test_a_folder_that_is_none_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    with pytest.raises(LookbackError, match=r"cannot write to .*taken"):
        documents.write_all(tmp_path / "taken", "page", "# Page", {})


def test_notes_name_a_source_and_losses_are_not_notes() -> None:
    usual = {
        "scope": "", "severity": "info", "lacking_right": None, "affects": "trades in bots",
        "span_start": datetime(2026, 1, 1, tzinfo=UTC),
        "span_end": datetime(2026, 2, 1, tzinfo=UTC),
        "remedy": "nothing is missing; see a file", "remedy_code": "other_source",
        "other_source": "a file",
    }  # fmt: skip
    verdicts = {
        "fills": "unverified", "lost": "lost_to_retention", "subs": "refused",
        "bots": "excluded_by_exchange", "pairs": "refused",
    }  # fmt: skip
    own: dict[str, dict[str, Any]] = {
        "fills": {"remedy_code": "compare"},
        "lost": {"severity": "critical"},
        "subs": {"lacking_right": "Transfer"},
        "bots": {"remedy": "a file"},
        "pairs": {
            "scope": "A-B", "cause_code": "scope_removed_without_rows", "remedy": "nothing",
        },
    }  # fmt: skip
    reported = gap_words.notes(
        [
            {**usual, "stream": stream, "verdict": verdict, "cause_code": verdict, **own[stream]}
            for stream, verdict in verdicts.items()
        ]
    )
    span = "2026-01-01 00:00 to 2026-02-01 00:00"
    assert reported.split("\n\n") == [
        f"{gap_words.UNVERIFIED}:", f"- fills, {span}: a file",
        f"{gap_words.BEYOND_READING}:", f"- subs, {span}: the right Transfer",
        f"{gap_words.EXCLUDED}:", f"- bots, {span}: trades in bots. *Alternative:* a file",
        f"{gap_words.GONE}:", f"- pairs (A-B), {span}: nothing",
    ]  # fmt: skip


def test_what_only_a_person_can_fetch_is_on_the_list() -> None:
    """Expired rows, rows that balances prove missing, and data without a route; no notes."""
    usual = {"remedy": "a file", "severity": "critical", "is_proven_incomplete": False}
    gaps = [
        {**usual, "stream": "fills", "verdict": "lost_to_retention"},
        {**usual, "stream": "ledger", "verdict": "unverified", "is_proven_incomplete": True},
        {**usual, "stream": "bots", "verdict": "excluded_by_exchange", "severity": "info"},
        {**usual, "stream": "busy", "verdict": "failed"},
        {**usual, "stream": "moves", "verdict": "unverified", "severity": "info"},
        {**usual, "stream": "subs", "verdict": "lost_to_retention", "severity": "info"},
    ]
    assert evacuation.by_hand(gaps) == [{"what": "a file", "streams": ["fills", "ledger", "bots"]}]


@pytest.mark.parametrize(
    ("finding", "expected"),
    [
        ({"kind": "vanished_row", "severity": "critical", "state": "open"}, "incomplete"),
        ({"kind": "vanished_row", "severity": "critical", "state": "dismissed"}, "incomplete"),
        ({"kind": "vanished_row", "severity": "critical", "state": "explained"}, "complete"),
        ({"kind": "unclassified_label", "severity": "warning", "state": "open"}, "complete"),
        ({"kind": "vanished_row", "severity": "critical", "state": "fixed"}, "complete"),
    ],
)
def test_other_open_findings_make_an_account_incomplete(
    finding: dict[str, str], expected: str
) -> None:
    dossier = Dossier(
        account={}, exchange={}, as_of=None, spans=[], records=[], facts=[], balances=[],
        files=[], limits=[], gaps=[], checks=[], entities=[{"verdict": "covered_api"}],
        findings=[{"evidence_kind": "record", **finding}],
    )  # fmt: skip
    assert certificate.verdict_of(dossier) == expected


@pytest.mark.parametrize(
    ("checks", "evidence", "expected"),
    [
        ([True, True], "exchange", "The balances agree (2 checks)."),
        ([], "exchange", "The rows could not be reconciled with any balance of the exchange."),
        ([True, False], "exchange", "Of 2 balance checks, 1 differs, with the reason below"),
        ([True], "first_record", "No source states when the account was opened"),
    ],
)
def test_the_statement_claims_no_agreement_without_checks(
    checks: list[bool], evidence: str, expected: str
) -> None:
    for verdict in ("complete", "unverified"):
        said = certificate.statement(
            {
                "verdict": verdict,
                "checks": [{"is_ok": is_ok} for is_ok in checks],
                "account": {"history_start_evidence": evidence},
            }
        )
        assert expected in said
        assert ("The balances agree" in said) == (bool(checks) and all(checks))
