"""One page that says what an account's history holds, what proves it and what is missing.

The same published warehouse gives the same bytes: nothing here looks at the clock, and the hash
at the end of the page is that of the JSON beside it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from flows import markdown
from flows.answers import Row
from flows.documents import Written, write_both
from flows.dossier import COVERED, Dossier, digest, gather, grave

FORMAT = "lookback certificate 1"
VERDICTS = {
    "covered_api": "complete, read from the exchange's API",
    "covered_file": "complete, read from a file of the exchange",
    "unverified": "everything the exchange gave; it does not say how far back it reaches",
}


def certify(published: Path, label: str, folder: Path) -> Written:
    """Write the certificate of an account, as Markdown and JSON. Raises LookbackError."""
    dossier = gather(published, label)
    document = document_of(dossier)
    return write_both(folder, f"certificate-{dossier.account['label']}", page(document), document)


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
    """The whole page in one word: complete, unverified or incomplete."""
    if grave(dossier.gaps) or grave(dossier.checks):
        return "incomplete"
    is_sure = all(row["verdict"] in COVERED for row in dossier.entities)
    return "complete" if is_sure and dossier.entities else "unverified"


def statement(document: dict[str, Any]) -> str:
    """The verdict in a sentence."""
    gaps, wrong = grave(document["gaps"]), grave(document["checks"])
    match document["verdict"]:
        case "complete":
            return "**Complete.** Every span was read to its end, and the balances agree."
        case "unverified":
            return (
                "**Nothing is known to be missing.** All the exchange gave is here and the "
                "balances agree, but for some spans the exchange does not say how far back it "
                "reaches, so completeness cannot be claimed."
            )
    verb = "does" if len(wrong) == 1 else "do"
    return (
        f"**Not complete, or not proven.** {markdown.counted(len(gaps), 'open gap')}, "
        f"{markdown.counted(len(wrong), 'balance check')} that {verb} not agree; both are listed "
        "below."
    )


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
                ("according to", account["history_start_evidence"].replace("_", " ")),
                ("last read", document["as_of"]),
            ],
        ),
        "",
        "All times are UTC. Spans include their start and not their end.",
        *markdown.section("What is covered", coverage(document["entities"])),
        *markdown.section("What it holds", holdings(document)),
        *markdown.section("Do the books add up?", proof(document["checks"])),
        *markdown.section("What is missing", missing(document["gaps"])),
        *markdown.section("Files that were read", files(document["files"])),
        *markdown.section("Balances when last looked at", balances(document["balances"])),
        *markdown.section("Records as they were sent", sources(document["records"])),
        "",
        f"SHA-256 of this account's data: `{document['sha256']}`",
        "",
        "It is over the JSON file of the same name without its own `sha256`, keys sorted. The "
        "digest of a stream is over the SHA-256 of each record, a line each, in the order of the "
        "record's id.",
    ]
    return "\n".join(lines) + "\n"


def coverage(entities: list[Row]) -> str:
    """Coverage by entity and wallet, in words."""
    return markdown.table(
        ("entity", "wallet", "from", "to", "verdict", "in words"),
        [
            (
                row["entity"], row["wallet"] or "all", row["span_start"], row["span_end"],
                row["verdict"], VERDICTS.get(row["verdict"], "missing, see below"),
            )
            for row in entities
        ],
    )  # fmt: skip


def holdings(document: dict[str, Any]) -> str:
    """Rows of each entity."""
    return markdown.table(
        ("entity", "rows", "first", "last"),
        [
            (row["entity"], row["row_count"], row["first_at"], row["last_at"])
            for row in document["facts"]
        ],
        right=("rows",),
    )


def proof(checks: list[Row]) -> str:
    """How many checks of each kind agree, and each that does not."""
    if not checks:
        return "The exchange shows no balance to hold the rows against."
    agree = Counter(row["kind"] for row in checks if row["is_ok"])
    differ = Counter(row["kind"] for row in checks if not row["is_ok"])
    summary = markdown.table(
        ("check", "agree", "differ"),
        [(kind.replace("_", " "), agree[kind], differ[kind]) for kind in sorted({*agree, *differ})],
        right=("agree", "differ"),
    )
    wrong = [row for row in checks if not row["is_ok"]]
    if not wrong:
        return summary
    details = markdown.table(
        ("check", "wallet", "asset", "at", "exchange says", "rows say", "difference", "why"),
        [
            (
                row["kind"].replace("_", " "), row["wallet"], row["asset"], row["checked_at"],
                row["expected"], row["computed"], row["residual"], row["likely_cause"],
            )
            for row in wrong
        ],
        right=("exchange says", "rows say", "difference"),
    )  # fmt: skip
    return f"{summary}\n\n{details}"


def missing(gaps: list[Row]) -> str:
    """Every open gap with its cause and its remedy."""
    if not gaps:
        return "No gap is open."
    parts = []
    for number, gap in enumerate(gaps, start=1):
        scope = f" ({gap['scope']})" if gap["scope"] not in ("", "*") else ""
        parts.append(
            f"{number}. **{gap['stream']}{scope}, {markdown.cell(gap['span_start'])} to "
            f"{markdown.cell(gap['span_end'])}: {gap['verdict']}.** {gap['cause']}"
            + (f" *Remedy:* {gap['remedy']}." if gap["remedy"] else "")
        )
    return "\n".join(parts)


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
