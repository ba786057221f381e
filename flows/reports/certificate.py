"""One page that says what an account's history holds, what proves it and what is missing.

The same published warehouse gives the same bytes: nothing here looks at the clock, and the hash
at the end of the page is that of the JSON beside it, and the page says how anybody can check it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from flows.reports import gap_words, markdown
from flows.reports.answers import Row
from flows.reports.documents import Written, how_to_check, write_both
from flows.reports.dossier import COVERED, Dossier, digest, gather, grave

FORMAT = "lookback certificate 2"
VERDICTS = {
    "covered_api": "complete, read from the exchange's API",
    "covered_file": "complete, read from a file of the exchange",
    "unverified": "everything the exchange gave; it does not say how far back it reaches",
    "unresolved": "some rows of one moment may be missing, see below",
    "row_cap": "older than the newest rows that the exchange gives, see below",
    "failed": "asked for, and not answered, see below",
    "refused": "not told to this key, see below",
    "venue_closed": "not read before the exchange closed, see below",
    "lost_to_retention": "out of reach before it was first asked, see below",
    "sync_lapse": "was within reach, and was not read in time, see below",
    "never_asked": "not asked yet, see below",
    "excluded_by_exchange": "nothing that the exchange tells anybody, see below",
}
STARTS = {
    "exchange": "the exchange: its registration",
    "user": "the account's owner",
    "ledger_from_zero": "the ledgers: every asset starts from zero",
    "first_record": "nobody; it is the oldest record there is",
    "earlier_record": "its oldest record, which is older than the date that was given",
    "unknown_start": "nobody",
}
"""Who or what says since when the account exists."""

CHECKS = {
    "balance_chain": "each row's balance follows from the one before it",
    "opening_balance": "the first row starts from zero",
    "sum_rule": "all rows together come to the newest balance",
    "snapshot": "all rows together come to what the wallet holds",
    "account_total": "the same, over all wallets of the account together",
    "snapshot_change": "between two looks at the wallet it moved as the rows say",
    "wallet_summary": "the exchange's own totals are those of the rows",
    "position": "all executions come to the position that is held",
}
"""What it shows where a check agrees."""


def certify(published: Path, label: str, folder: Path) -> Written:
    """Write the certificate of an account, as Markdown and JSON. Raises LookbackError."""
    dossier = gather(published, label)
    document = document_of(dossier)
    return write_both(folder, name_of(document), page(document), document)


def name_of(document: dict[str, Any]) -> str:
    """What the two files are called."""
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
    """The whole page in one word: complete, unverified or incomplete.

    What the user has set aside counts as well: a reason brings no row back.
    """
    if grave(dossier.gaps) or grave(dossier.checks) or other_faults(dossier.findings):
        return "incomplete"
    is_sure = all(row["verdict"] in COVERED for row in dossier.entities)
    return "complete" if is_sure and dossier.entities else "unverified"


def other_faults(findings: Sequence[Row]) -> list[Row]:
    """What puts the history in doubt beside gaps and balance checks, and nothing explains."""
    return [
        row
        for row in unsettled(findings)
        if row["severity"] == "critical"
        if row["kind"] != "gap" and row["evidence_kind"] != "check"
    ]


def unsettled(findings: Sequence[Row]) -> list[Row]:
    """What nothing has mended or explained: what is open, and what the user set aside."""
    return [row for row in findings if row["state"] in ("open", "dismissed")]


def statement(document: dict[str, Any]) -> str:
    """The verdict in a sentence or two."""
    books = on_books(document["checks"])
    match document["verdict"]:
        case "complete":
            said = f"**Complete.** Every span was read to its end. {books}"
            return " ".join([said, *on_start(document["account"])])
        case "unverified":
            said = (
                "**Nothing is known to be missing.** All the exchange gave is here, but for some "
                "spans nobody can say that this is all there was, so completeness cannot be "
                f"claimed; the first table says for which. {books}"
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
    told = [f"**Not complete, or not proven.** {markdown.listed(named)}, listed below."]
    if not grave_checks:
        told.append(books)
    if follow := len(wrong) - alone:
        verb = "follows" if follow == 1 else "follow"
        what = markdown.counted(follow, "difference")
        told.append(f"{what} in the balances {verb} from something that is on this page.")
    if aside := sum(row["state"] == "dismissed" for row in findings):
        told.append(f"{markdown.counted(aside, 'finding')} set aside, with the reason.")
    return " ".join(told)


def on_books(checks: Sequence[Row]) -> str:
    """What the balances say of an account that nothing grave was found of."""
    if not checks:
        return "No balance of the exchange could be held against the rows."
    notes = sum(not row["is_ok"] for row in checks)
    if not notes:
        return f"The balances agree ({markdown.counted(len(checks), 'check')})."
    verb = "differs" if notes == 1 else "differ"
    return (
        f"Of {markdown.counted(len(checks), 'balance check')}, {notes} {verb} for a reason that is "
        "given below; the others agree."
    )


def on_start(account: Row) -> list[str]:
    """A warning where nobody says since when the account exists."""
    if STARTS[account["history_start_evidence"]].startswith("nobody"):
        return ["Since when the account exists nobody says: what may have been before is not told."]
    return []


def page(document: dict[str, Any]) -> str:
    """The certificate in Markdown, one page for an account in good order."""
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
                ("according to", STARTS[account["history_start_evidence"]]),
                ("last asked", document["as_of"]),
            ],
        ),
        "",
        "All times are UTC. Spans include their start and not their end.",
        *markdown.section("What is covered", coverage(document["entities"], document["gaps"])),
        *markdown.section("What it holds", holdings(document)),
        *markdown.section(
            "Do the books add up?", proof(document["checks"], document["findings"])
        ),
        *markdown.section("What is missing", missing(document["gaps"], document["findings"])),
        *markdown.section("What else was found", found(document["findings"])),
        *markdown.section("What was set aside", set_aside(document["findings"])),
        *markdown.section("Notes, without a known loss", gap_words.notes(document["gaps"])),
        *markdown.section("Files that were read", files(document["files"])),
        *markdown.section("Balances when last looked at", balances(document["balances"])),
        *markdown.section("Records as they were sent", sources(document["records"])),
        "",
        f"SHA-256 of this account's data: `{document['sha256']}`",
        "",
        how_to_check(name_of(document)),
        "",
        "The digest of a stream is over the SHA-256 of each version of each record, as the "
        "exchange sent it. It comes out again from the published file, `data/lookback.duckdb`:",
        "",
        "```sql",
        "select sha256(string_agg(sha256(record::varchar), chr(10) order by record_id, "
        "record_hash))",
        f"from raw_{account['exchange']}.<stream> where account_id = '{account['account_id']}'",
        "```",
        "",
        "A stream without records has the SHA-256 of nothing at all.",
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
    """A span's verdict in a sentence; what the balances know of it is stronger."""
    until = [
        gap["span_end"]
        for gap in gaps
        if gap["is_proven_incomplete"] and gap["stream"] == span["covered_by"]
        if gap["span_start"] < span["span_end"] and span["span_start"] < gap["span_end"]
    ]
    if until and span["verdict"] == "unverified":
        return (
            f"rows before {markdown.cell(max(until))} are missing, as the balances show; "
            "after that, everything the exchange gave"
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
    """How many checks of each kind agree, each that differs, and those that follow from others."""
    if not checks:
        return "The exchange shows no balance to hold the rows against."
    agree = Counter(row["kind"] for row in checks if row["is_ok"])
    differ = Counter(row["kind"] for row in checks if not row["is_ok"])
    summary = markdown.table(
        ("check", "what it shows", "agree", "differ"),
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
        parts += ["Nothing on this page explains these:", differences(alone)]
    if follow:
        parts += ["These are explained:", consequences(follow)]
    return "\n\n".join(parts)


Check = tuple[Row, Row | None]
"""A check that does not agree, and the finding it is."""


def differences(checks: Sequence[Check]) -> str:
    """Each difference with both figures."""
    return markdown.table(
        (
            "finding", "check", "wallet", "asset", "at", "exchange says", "rows say", "difference",
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
        right=("exchange says", "rows say", "difference"),
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
    """Why a finding follows from another; of a gap, that it does, as the gap is on the page."""
    text: str = finding["explanation"]
    return text.split(": ")[0] if text.startswith("there is a gap") else text


def missing(gaps: list[Row], findings: list[Row]) -> str:
    """Every open gap with its cause and its remedy; mere notes have a part of their own."""
    told = grave(gaps)
    if not told:
        return "No gap is open."
    aside = {row["finding_id"]: row for row in findings if row["state"] == "dismissed"}
    parts = []
    for number, gap in enumerate(told, start=1):
        dismissed = aside.get(gap["finding_id"])
        parts.append(
            f"{number}. **{gap_words.headed(gap)}: {gap['verdict'].replace('_', ' ')}.** "
            f"{gap['cause']}"
            + (f" *Remedy:* {gap['remedy']}." if gap["remedy"] else "")
            + (f" *Set aside:* {dismissed['dismissal_reason']}." if dismissed else "")
            + f" (finding {gap['finding_id']})"
        )
    return "\n".join(parts)


def found(findings: list[Row]) -> str:
    """What is neither a gap nor a balance check: what is open, and what was mended."""
    others = [
        row for row in findings if row["kind"] != "gap" and row["evidence_kind"] != "check"
    ]
    parts = [
        *listed_findings("Open:", others, "open", "remedy"),
        *listed_findings("Explained:", others, "explained", "explanation"),
        *listed_findings("Mended:", others, "fixed", "fixed_by"),
    ]
    filled = sum(row["kind"] == "gap" and row["state"] == "fixed" for row in findings)
    if filled:
        verb = "is" if filled == 1 else "are"
        parts.append(f"{markdown.counted(filled, 'more gap')} {verb} filled by other streams.")
    return "\n\n".join(parts)


def listed_findings(title: str, findings: list[Row], state: str, last: str) -> list[str]:
    """Findings of one state under a title, with what they are and one column more."""
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


def set_aside(findings: list[Row]) -> str:
    """What the user has looked at and wants nothing more of, in their own words."""
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
    """What the wallets held."""
    held = [row for row in rows if row["amount"]]
    if not held:
        return ""
    return markdown.table(
        ("wallet", "asset", "amount", "at"),
        [(row["wallet"], row["asset"], row["amount"], row["taken_at"]) for row in held],
        right=("amount",),
    )


def sources(records: list[Row]) -> str:
    """Records of each stream, with the digest of all their bytes."""
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
