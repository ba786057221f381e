"""The answer in one line per account, in words, and what to type next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from flows.reports.answers import Row
from flows.reports.words import counted, day, minute

GRADES = {
    "complete": ("complete", "green"),
    "agrees": ("no sign of a gap", "green"),
    "unverified": ("no known gap", "yellow"),
    "incomplete": ("", "red"),
    "not_connected": ("not connected", "red"),
}
"""The words and the colour of each grade; gaps are counted instead of named."""

MEANINGS = {
    "agrees": "No sign of a gap: the exchange does not document how far back its data reaches, "
    "but the balances agree.",
    "unverified": "No known gap: the exchange does not document how far back its data reaches, "
    "and no balance proves it.",
}
"""What a grade means, for the grades that need a sentence."""


HEADLINES = {
    "incomplete": "{} with something missing",
    "not_connected": "{} not connected",
    "unverified": "{} without a known gap",
    "agrees": "{} without a sign of a gap",
    "complete": "{} complete",
}
"""How many accounts have each grade, the ones that need attention first."""


def headline(rows: Sequence[Row]) -> str:
    """All accounts in one sentence."""
    counts = Counter(row["grade"] for row in rows)
    parts = [words.format(counts[grade]) for grade, words in HEADLINES.items() if counts[grade]]
    return f"{counted(len(rows), 'account')}: {', '.join(parts)}." if rows else "No account yet."


def history(row: Row) -> tuple[str, str]:
    """The words of an account's grade, with its gaps counted, and the colour."""
    words, look = GRADES[row["grade"]]
    return words or what_is_missing(row), look


def what_is_missing(row: Row) -> str:
    """The gaps of an incomplete account; without one, the other fault that was found."""
    if row["gaps"]:
        return counted(row["gaps"], "gap")
    return "balances differ" if row["differing_checks"] else "findings are open"


def since(row: Row) -> str:
    """The day from which no gap is known; a dash where a gap is still open at its end."""
    start, asked = row["complete_since"], row["last_asked_at"]
    is_over = start is not None and asked is not None and start < asked
    return day(start) if is_over else "–"


def balances(row: Row) -> str:
    """How many balance checks agree, and how many differ without a gap that explains it."""
    counts = ((row["agreeing_checks"], "agree"), (row["differing_checks"], "differ"))
    return ", ".join(f"{number:,} {verb}" for number, verb in counts if number) or "–"


def notes_on(rows: Sequence[Row]) -> Iterator[str]:
    """Why an account could not be read, and what the grades mean."""
    for row in rows:
        if row["is_unread"]:
            yield f"{row['label']}: {row['reason']}"
    for grade, meaning in MEANINGS.items():
        if any(row["grade"] == grade for row in rows):
            yield meaning


def next_steps(rows: Sequence[Row]) -> Iterator[str]:
    """The commands that show the details, each with one account as its example."""
    for count, words in (
        ("gaps", "Each gap and how to fill it: lookback gaps"),
        ("differing_checks", "The differences and their likely causes: lookback checks"),
        ("other_faults", "Other findings: lookback findings"),
    ):
        labels = [row["label"] for row in rows if row[count]]
        if labels:
            yield f"{words} {labels[0]}"
    dated = [row for row in rows if row["sync_before"]]
    if dated:
        first = min(dated, key=lambda row: row["sync_before"])
        yield (
            f"Next deadline: sync {first['label']} before {minute(first['sync_before'])}, "
            "or rows expire. All: lookback deadlines"
        )
