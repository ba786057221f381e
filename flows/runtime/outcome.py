"""The result of a sync, in types that do not import Prefect."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipelines.errors import LookbackError

if TYPE_CHECKING:
    from pipelines.extract.work import Failure
    from pipelines.load.account_sync import AccountResult


@dataclass
class Summary:
    """Results per account and the failures of one run."""

    results: list[AccountResult] = field(default_factory=list)
    failures: list[LookbackError] = field(default_factory=list)


class SyncFailed(LookbackError):
    """Some accounts or streams were not synced; everything else was loaded and published."""

    def __init__(self, summary: Summary) -> None:
        count = len(summary.failures)
        has_read = any(result.rows for result in summary.results)
        super().__init__(
            f"{count} {'stream or account' if count == 1 else 'streams or accounts'} could not be "
            f"synced; {'everything else is published' if has_read else 'no row was read'}",
            remedy=" ".join(f"[{failure}]" for failure in summary.failures),
        )
        self.summary = summary
        self.failures = summary.failures


def merged_failures(label: str, failures: Iterable[Failure]) -> list[LookbackError]:
    """One error per cause, however many streams, windows and scopes it affects."""
    met: dict[tuple[str, str], dict[str, set[str]]] = {}
    for failure in failures:
        streams = met.setdefault((failure.what, failure.remedy), {})
        streams.setdefault(failure.stream, set()).add(failure.scope)
    merged = []
    for (what, remedy), streams in met.items():
        scopes = sorted(scope for scope in set().union(*streams.values()) if scope)
        where = f" ({shortened(scopes)})" if scopes and len(streams) == 1 else ""
        merged.append(
            LookbackError(what + where, account=label, stream=shortened(streams), remedy=remedy)
        )
    return merged


def shortened(names: Iterable[str]) -> str:
    """The first three names, and the number of the others."""
    all_names = list(names)
    beyond = len(all_names) - 3
    return ", ".join(all_names[:3]) + (f" and {beyond} more" if beyond > 0 else "")


def as_failure(error: Exception, label: str) -> LookbackError:
    """Convert an exception to a LookbackError with account and remedy."""
    if isinstance(error, LookbackError):
        error.account = error.account or label
        return error
    first_line = next(iter(str(error).splitlines()), "")
    return LookbackError(
        f"{type(error).__name__}: {first_line}".rstrip(": "),
        account=label,
        remedy="run sync again; it resumes where it was interrupted",
    )
