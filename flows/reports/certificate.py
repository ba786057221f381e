"""The certificate of an account: one page on coverage, balance checks and gaps.

The same published warehouse gives the same bytes, as nothing depends on the clock. The page ends
with the hash of the JSON file of the same name, and explains how to verify it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from flows.reports import gap_words, markdown
from flows.reports.answers import Row
from flows.reports.documents import Written, file_name, write_all
from flows.reports.dossier import COVERED, Dossier, digest, gather, grave

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection as Connection

FORMAT = "lookback certificate 2"
VERDICTS = {
    "covered_api": "complete, read through the exchange's API",
    "covered_file": "complete, read from a file of the exchange",
    "unverified": "all data that the exchange returned; how far back it reaches is not documented",
    "unresolved": "some rows with the same time may be missing, see below",
    "row_cap": "older than the newest rows that the exchange returns, see below",
    "failed": "requested, but the requests failed, see below",
    "refused": "refused for this key, see below",
    "venue_closed": "not read before the exchange closed, see below",
    "lost_to_retention": "no longer available when it was first requested, see below",
    "sync_lapse": "expired before the next sync, see below",
    "never_asked": "not requested yet, see below",
    "excluded_by_exchange": "not available through the exchange's API, see below",
    "rows_missing": "incomplete, as other rows prove, see the findings",
}
STARTS = {
    "exchange": "the exchange: its registration",
    "user": "the account's owner",
    "ledger_from_zero": "the ledger: the balance of every asset starts from zero",
    "first_record": "the oldest record; no source states the start",
    "earlier_record": "the oldest record, which is older than the date that was stated",
    "unknown_start": "no source",
}
"""The source of the account's start."""

UNSTATED = ("first_record", "unknown_start")
"""Evidence with which no source states the account's start."""

CHECKS = {
    "balance_chain": "each row's balance follows from the previous row",
    "opening_balance": "the first row starts from zero",
    "sum_rule": "the sum of all rows equals the newest balance",
    "snapshot": "the sum of all rows equals the balance of the wallet",
    "account_total": "the sum of all rows equals the balance over all wallets",
    "snapshot_change": "the rows between two snapshots explain the change of the balance",
    "wallet_summary": "the exchange's totals equal the totals of the rows",
    "position": "the sum of all executions equals the open position",
}
"""What is proved if a check agrees."""


def certify(warehouse: Connection, label: str, folder: Path) -> Written:
    """Write the certificate of an account, as Markdown, HTML and JSON. Raises LookbackError."""
    dossier = gather(warehouse, label)
    document = document_of(dossier)
    return write_all(folder, name_of(document), page(document), document)


def name_of(document: dict[str, Any]) -> str:
    """The name of the three files."""
    return f"certificate-{document['account']['label']}"


def document_of(dossier: Dossier) -> dict[str, Any]:
    """The certificate as data, its own hash included as `sha256`."""
    account = dossier.account
    body = {
        "format": FORMAT,
        "account": {
            name: account[name]
            for name in (
                "account_id",
                "exchange",
                "label",
                "account_kind",
                "history_starts_at",
                "history_start_evidence",
            )
        },
        "exchange": dossier.exchange["exchange_title"] or account["exchange"],
        "as_of": dossier.as_of,
        "verdict": verdict_of(dossier),
        **{
            name: value
            for name, value in asdict(dossier).items()
            if name not in ("account", "exchange", "as_of")
        },
    }
    return {**body, "sha256": digest(body)}


def verdict_of(dossier: Dossier) -> str:
    """The result in one word: complete, unverified or incomplete.

    Dismissed findings count as well, as a dismissal adds no missing row.
    """
    if grave(dossier.gaps) or grave(dossier.checks) or other_faults(dossier.findings):
        return "incomplete"
    is_sure = all(row["verdict"] in COVERED for row in dossier.entities)
    return "complete" if is_sure and dossier.entities else "unverified"


def other_faults(findings: Sequence[Row]) -> list[Row]:
    """Critical unexplained findings that are neither gaps nor balance checks."""
    return [
        row
        for row in unsettled(findings)
        if row["severity"] == "critical"
        if row["kind"] != "gap" and row["evidence_kind"] != "check"
    ]


def unsettled(findings: Sequence[Row]) -> list[Row]:
    """The findings that are neither fixed nor explained: open or dismissed."""
    return [row for row in findings if row["state"] in ("open", "dismissed")]


def statement(document: dict[str, Any]) -> str:
    """The verdict in a sentence or two."""
    balances_text = on_balances(document["checks"])
    match document["verdict"]:
        case "complete":
            said = f"**Complete.** Every span was read completely. {balances_text}"
            return " ".join([said, *on_start(document["account"])])
        case "unverified":
            said = (
                "**No data is known to be missing.** All data that the exchange returned is "
                "stored, but the completeness of some spans cannot be verified; the first table "
                f"lists them. {balances_text}"
            )
            return " ".join([said, *on_start(document["account"])])
    findings = document["findings"]
    grave_checks = {row["check_id"] for row in grave(document["checks"])}
    wrong = [row for row in findings if row["evidence_id"] in grave_checks]
    alone, faults = len(unsettled(wrong)), len(other_faults(findings))
    counts = [
        (len(grave(document["gaps"])), "gap"),
        (alone, "unexplained difference"),
        (faults, "other fault"),
    ]
    named = [markdown.counted(number, what) for number, what in counts if number]
    sentences = [f"**Not complete, or not proven.** {markdown.listed(named)}, listed below."]
    if not grave_checks:
        sentences.append(balances_text)
    if follow := len(wrong) - alone:
        verb = "follows" if follow == 1 else "follow"
        what = markdown.counted(follow, "difference")
        sentences.append(f"{what} in the balances {verb} from other findings on this page.")
    if aside := sum(row["state"] == "dismissed" for row in findings):
        sentences.append(f"{markdown.counted(aside, 'finding')} dismissed, with the reason.")
    return " ".join(sentences)


def on_balances(checks: Sequence[Row]) -> str:
    """The result of the balance checks of an account without grave differences."""
    if not checks:
        return "The rows could not be reconciled with any balance of the exchange."
    notes = sum(not row["is_ok"] for row in checks)
    if not notes:
        return f"The balances agree ({markdown.counted(len(checks), 'check')})."
    verb = "differs" if notes == 1 else "differ"
    return (
        f"Of {markdown.counted(len(checks), 'balance check')}, {notes} {verb}, with the reason "
        "below; the others agree."
    )


def on_start(account: Row) -> list[str]:
    """A warning if no source states since when the account exists."""
    if account["history_start_evidence"] in UNSTATED:
        return ["No source states when the account was opened; earlier history may be missing."]
    return []


def page(document: dict[str, Any]) -> str:
    """The certificate in Markdown."""
    checks, findings, gaps = (document[name] for name in ("checks", "findings", "gaps"))
    unexplained, explained = differences(checks, findings)
    others = [
        {**row, "about": about(row)}
        for row in findings
        if row["kind"] != "gap" and row["evidence_kind"] != "check"
    ]
    dismissed = [row for row in findings if row["state"] == "dismissed"]
    return markdown.render(
        "certificate.md",
        **document,
        statement=statement(document),
        start=STARTS[document["account"]["history_start_evidence"]],
        coverage=[
            {**row, "wallet": row["wallet"] or "all", "in_words": in_words(row, gaps)}
            for row in document["entities"]
        ],
        proofs=proofs(checks),
        unexplained=unexplained,
        explained=explained,
        losses=grave(gaps),
        headed=gap_words.headed,
        dismissals={row["finding_id"]: row["dismissal_reason"] for row in dismissed},
        others=[
            (title, [row for row in others if row["state"] == title.lower()], last)
            for title, last in (
                ("Open", "remedy"), ("Explained", "explanation"), ("Fixed", "fixed_by"),
            )
        ],
        filled_gaps=sum(row["kind"] == "gap" and row["state"] == "fixed" for row in findings),
        dismissed=[{**row, "about": about(row)} for row in dismissed],
        notes=Markup(gap_words.notes(gaps)),  # noqa: S704, it is Markdown
        file=file_name(name_of(document)),
    )  # fmt: skip


def in_words(span: Row, gaps: list[Row]) -> str:
    """A span's verdict in a sentence; a proof by the balances takes precedence."""
    until = [
        gap["span_end"]
        for gap in gaps
        if gap["is_proven_incomplete"] and gap["stream"] == span["covered_by"]
        if gap["span_start"] < span["span_end"] and span["span_start"] < gap["span_end"]
    ]
    if until and span["verdict"] == "unverified":
        return (
            f"rows before {markdown.cell(max(until))} are missing, as the balances prove; "
            "after that, all data that the exchange returned"
        )
    return VERDICTS[span["verdict"]]


def proofs(checks: list[Row]) -> list[Row]:
    """How many checks of each kind agree and differ, and what they prove."""
    agree = Counter(row["kind"] for row in checks if row["is_ok"])
    differ = Counter(row["kind"] for row in checks if not row["is_ok"])
    return [
        {"kind": kind, "proves": CHECKS[kind], "agree": agree[kind], "differ": differ[kind]}
        for kind in sorted({*agree, *differ}, key=list(CHECKS).index)
    ]


def differences(checks: list[Row], findings: list[Row]) -> tuple[list[Row], list[Row]]:
    """The checks that differ: unexplained ones, and those that follow from another finding."""
    by_check = {row["evidence_id"]: row for row in findings if row["evidence_kind"] == "check"}
    unexplained, explained = [], []
    for row in checks:
        if row["is_ok"]:
            continue
        finding = by_check.get(row["check_id"])
        if finding is None:
            unexplained.append({**row, "finding_id": None})
        elif finding["state"] in ("open", "dismissed"):
            unexplained.append({**row, "finding_id": finding["finding_id"]})
        elif finding["state"] == "explained":
            of = {name: finding[name] for name in ("finding_id", "explained_by")}
            explained.append({**row, **of, "why": reason(finding)})
    return unexplained, explained


def reason(finding: Row) -> str:
    """Why a finding follows from another; shortened for a gap, which is on the page."""
    text: str = finding["explanation"]
    return text.partition(": ")[0] if finding["explanation_code"] == "in_gap" else text


def about(finding: Row) -> str:
    """The stream, or the wallet and asset."""
    return finding["stream"] or f"{finding['wallet'] or ''} {finding['asset'] or ''}".strip()
