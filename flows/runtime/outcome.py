"""What a sync came to, in types that cost no import of Prefect."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipelines.errors import LookbackError

if TYPE_CHECKING:
    from pipelines.load.account_sync import AccountResult
    from pipelines.load.history import Failure


@dataclass
class Summary:
    """What one run brought, account by account, and what it could not bring."""

    results: list[AccountResult] = field(default_factory=list)
    failures: list[LookbackError] = field(default_factory=list)


class SyncFailed(LookbackError):
    """Some accounts or streams were not synced; everything else was loaded and published."""

    def __init__(self, summary: Summary) -> None:
        count = len(summary.failures)
        super().__init__(
            f"{count} {'stream or account' if count == 1 else 'streams or accounts'} could not be "
            "synced; everything else is published",
            remedy=" ".join(f"[{failure}]" for failure in summary.failures),
        )
        self.summary = summary
        self.failures = summary.failures


def merged_failures(label: str, failures: Iterable[Failure]) -> list[LookbackError]:
    """One error a stream and cause, however many windows and scopes met it."""
    scopes: dict[tuple[str, str, str], set[str]] = {}
    for failure in failures:
        key = (failure.stream, failure.what, failure.remedy)
        scopes.setdefault(key, set()).add(failure.scope)
    merged = []
    for (stream, what, remedy), found in scopes.items():
        named = sorted(scope for scope in found if scope)
        where = f" ({', '.join(named[:3])}{', …' if len(named) > 3 else ''})" if named else ""
        merged.append(LookbackError(what + where, account=label, stream=stream, remedy=remedy))
    return merged


def as_failure(error: Exception, label: str) -> LookbackError:
    """Any error as one that names the account and what to do."""
    if isinstance(error, LookbackError):
        error.account = error.account or label
        return error
    first_line = next(iter(str(error).splitlines()), "")
    return LookbackError(
        f"{type(error).__name__}: {first_line}".rstrip(": "),
        account=label,
        remedy="run sync again; it resumes where it was cut off",
    )
