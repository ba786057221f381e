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

from flows.reports import gap_words, markdown
from flows.reports.answers import Row
from flows.reports.documents import Written, how_to_check, write_both
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
    """Write the certificate of an account, as Markdown and JSON. Raises LookbackError."""
    dossier = gather(warehouse, label)
    document = document_of(dossier)
    return write_both(folder, name_of(document), page(document), document)


def name_of(document: dict[str, Any]) -> str:
    """The name of the two files."""
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
    account = document["account"]
    lines = [
        f"# Account history: {account['label']}, {document['exchange']}",
        "",
        statement(document),
        "",
        markdown.table(
            ("what", "value"),
            [
                ("account", account["account_id"]),
                ("kind", account["account_kind"]),
                ("history starts", account["history_starts_at"]),
                ("source of the start", STARTS[account["history_start_evidence"]]),
                ("last request", document["as_of"]),
            ],
        ),
        "",
        "All times are UTC. Spans include their start and exclude their end.",
        *markdown.section("Coverage", coverage(document["entities"], document["gaps"])),
        *markdown.section("Records", holdings(document)),
        *markdown.section(
            "Balance checks", proof(document["checks"], document["findings"])
        ),
        *markdown.section("Gaps", missing(document["gaps"], document["findings"])),
        *markdown.section("Other findings", found(document["findings"])),
        *markdown.section("Dismissed findings", dismissed_findings(document["findings"])),
        *markdown.section("Notes, without a known loss", gap_words.notes(document["gaps"])),
        *markdown.section("Imported files", files(document["files"])),
        *markdown.section("Balances in the last snapshot", balances(document["balances"])),
        *markdown.section("Raw records", sources(document["records"])),
        "",
        f"SHA-256 of this account's data: `{document['sha256']}`",
        "",
        how_to_check(name_of(document)),
        "",
        "The digest of a stream covers the SHA-256 of each version of each record as the exchange "
        "sent it. To compute it from the published file, `data/lookback.duckdb`:",
        "",
        "```sql",
        "select sha256(string_agg(sha256(record::varchar), chr(10) order by record_id, "
        "record_hash))",
        f"from raw_{account['exchange']}.<stream> where account_id = '{account['account_id']}'",
        "```",
        "",
        "A stream without records has the SHA-256 of the empty text.",
    ]
    return "\n".join(lines) + "\n"


def coverage(entities: list[Row], gaps: list[Row]) -> str:
    """Coverage by entity and wallet, in words."""
    return markdown.table(
        ("entity", "wallet", "from", "to", "verdict", "in words"),
        [
            (
                row["entity"].replace("_", " "), row["wallet"] or "all", row["span_start"],
                row["span_end"], row["verdict"].replace("_", " "), in_words(row, gaps),
            )
            for row in entities
        ],
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


def holdings(document: dict[str, Any]) -> str:
    """Rows of each entity."""
    return markdown.table(
        ("entity", "rows", "first", "last"),
        [
            (row["entity"].replace("_", " "), row["row_count"], row["first_at"], row["last_at"])
            for row in document["facts"]
        ],
        right=("rows",),
    )


def proof(checks: list[Row], findings: list[Row]) -> str:
    """The checks of each kind, the unexplained differences, and the explained ones."""
    if not checks:
        return "The exchange returns no balance to reconcile the rows with."
    agree = Counter(row["kind"] for row in checks if row["is_ok"])
    differ = Counter(row["kind"] for row in checks if not row["is_ok"])
    summary = markdown.table(
        ("check", "what it proves", "agree", "differ"),
        [
            (kind.replace("_", " "), CHECKS[kind], agree[kind], differ[kind])
            for kind in sorted({*agree, *differ}, key=list(CHECKS).index)
        ],
        right=("agree", "differ"),
    )
    by_check = {row["evidence_id"]: row for row in findings if row["evidence_kind"] == "check"}
    wrong = [(row, by_check.get(row["check_id"])) for row in checks if not row["is_ok"]]
    alone = [(row, of) for row, of in wrong if of is None or of["state"] in ("open", "dismissed")]
    follow = [(row, of) for row, of in wrong if of is not None and of["state"] == "explained"]
    parts = [summary]
    if alone:
        parts += ["Unexplained:", differences(alone)]
    if follow:
        parts += ["Explained:", consequences(follow)]
    return "\n\n".join(parts)


Check = tuple[Row, Row | None]
"""A difference and its finding."""


def differences(checks: Sequence[Check]) -> str:
    """Each difference with both figures."""
    return markdown.table(
        (
            "finding", "check", "wallet", "asset", "at", "reported", "computed", "difference",
            "why",
        ),
        [
            (
                of and of["finding_id"], row["kind"].replace("_", " "), row["wallet"],
                row["asset"], row["checked_at"], row["expected"], row["computed"],
                row["residual"], row["likely_cause"],
            )
            for row, of in checks
        ],
        right=("reported", "computed", "difference"),
    )  # fmt: skip


def consequences(checks: Sequence[Check]) -> str:
    """Each difference with what explains it."""
    return markdown.table(
        ("finding", "check", "wallet", "asset", "difference", "explained by", "why"),
        [
            (
                of["finding_id"], row["kind"].replace("_", " "), row["wallet"], row["asset"],
                row["residual"], of["explained_by"], reason(of),
            )
            for row, of in checks
            if of is not None
        ],
        right=("difference",),
    )  # fmt: skip


def reason(finding: Row) -> str:
    """Why a finding follows from another; shortened for a gap, which is on the page."""
    text: str = finding["explanation"]
    return text.split(": ")[0] if text.startswith("there is a gap") else text


def missing(gaps: list[Row], findings: list[Row]) -> str:
    """Every open gap with cause and remedy; notes are in another section."""
    listed = grave(gaps)
    if not listed:
        return "No open gaps."
    aside = {row["finding_id"]: row for row in findings if row["state"] == "dismissed"}
    parts = []
    for number, gap in enumerate(listed, start=1):
        dismissed = aside.get(gap["finding_id"])
        parts.append(
            f"{number}. **{gap_words.headed(gap)}: {gap['verdict'].replace('_', ' ')}.** "
            f"{gap['cause']}"
            + (f" *Remedy:* {gap['remedy']}." if gap["remedy"] else "")
            + (f" *Dismissed:* {dismissed['dismissal_reason']}." if dismissed else "")
            + f" (finding {gap['finding_id']})"
        )
    return "\n".join(parts)


def found(findings: list[Row]) -> str:
    """Findings that are neither a gap nor a balance check: open, explained and fixed."""
    others = [
        row for row in findings if row["kind"] != "gap" and row["evidence_kind"] != "check"
    ]
    parts = [
        *listed_findings("Open:", others, "open", "remedy"),
        *listed_findings("Explained:", others, "explained", "explanation"),
        *listed_findings("Fixed:", others, "fixed", "fixed_by"),
    ]
    filled = sum(row["kind"] == "gap" and row["state"] == "fixed" for row in findings)
    if filled:
        verb = "is" if filled == 1 else "are"
        parts.append(f"{markdown.counted(filled, 'more gap')} {verb} filled by other streams.")
    return "\n\n".join(parts)


def listed_findings(title: str, findings: list[Row], state: str, last: str) -> list[str]:
    """Findings of one state under a title, with one additional column."""
    rows = [row for row in findings if row["state"] == state]
    if not rows:
        return []
    return [
        title,
        markdown.table(
            ("finding", "kind", "about", "from", "to", "size", "what", last.replace("_", " ")),
            [
                (
                    row["finding_id"], row["kind"].replace("_", " "), about(row),
                    row["span_start"], row["span_end"], row["size"], row["what"], row[last],
                )
                for row in rows
            ],
            right=("size",),
        ),
    ]  # fmt: skip


def dismissed_findings(findings: list[Row]) -> str:
    """The findings that the user dismissed, with the user's reason."""
    rows = [row for row in findings if row["state"] == "dismissed"]
    if not rows:
        return ""
    return markdown.table(
        ("finding", "kind", "about", "size", "reason", "by", "on"),
        [
            (
                row["finding_id"], row["kind"].replace("_", " "), about(row), row["size"],
                row["dismissal_reason"], row["dismissed_by"], row["dismissed_on"],
            )
            for row in rows
        ],
        right=("size",),
    )  # fmt: skip


def about(finding: Row) -> str:
    """The stream, or the wallet and asset."""
    return finding["stream"] or f"{finding['wallet'] or ''} {finding['asset'] or ''}".strip()


def files(rows: list[Row]) -> str:
    """Imported files with their digests."""
    if not rows:
        return ""
    return markdown.table(
        ("file", "rows", "SHA-256"),
        [(row["file_name"], int(row["row_count"]), row["sha256"]) for row in rows],
        right=("rows",),
    )


def balances(rows: list[Row]) -> str:
    """Balances of the wallets."""
    held = [row for row in rows if row["amount"]]
    if not held:
        return ""
    return markdown.table(
        ("wallet", "asset", "amount", "at"),
        [(row["wallet"], row["asset"], row["amount"], row["taken_at"]) for row in held],
        right=("amount",),
    )


def sources(records: list[Row]) -> str:
    """Records of each stream, with the digest of all of them."""
    return markdown.table(
        ("stream", "records", "from files", "first", "last", "SHA-256"),
        [
            (
                row["stream"], row["record_count"], row["from_files"], row["first_at"],
                row["last_at"], row["sha256"],
            )
            for row in records
        ],
        right=("records", "from files"),
    )  # fmt: skip
