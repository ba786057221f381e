"""The work of one sync: the windows of each stream, and the data shared by its rounds."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from pipelines.errors import Outcome, RequestError
from pipelines.extract.client import ReadOnlySession
from pipelines.extract.exchange import Exchange, Identity
from pipelines.extract.progress import Progress
from pipelines.extract.vanished import Watch
from pipelines.extract.windows import Window
from pipelines.spec import StreamSpec

OnEvent = Callable[[str, int, float], None]
"""(stream, rows so far, share of its windows done)."""


@dataclass(frozen=True)
class Failure:
    """A stream that could not be read completely."""

    stream: str
    outcome: Outcome
    kind: str
    what: str
    remedy: str
    scope: str = ""


@dataclass
class Tally:
    """The counts and failures of one extraction, shared by the threads that read streams."""

    row_budget: int
    rows: int = 0
    receipts: int = 0
    failures: list[Failure] = field(default_factory=list)
    delivered: set[str] = field(default_factory=set)
    """The streams that were read completely, with all items handed over."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, rows: int) -> None:
        with self.lock:
            self.rows += rows

    def is_spent(self) -> bool:
        """Whether to load the rows before reading more."""
        return self.rows >= self.row_budget


@dataclass
class WorkList:
    """The windows of one stream that a sync has to request, across its rounds."""

    left: deque[tuple[str, Window]] = field(default_factory=deque)
    total: int = 0
    scopes: set[str] = field(default_factory=set)
    is_cut: bool = False
    """Whether a part of the stream was not read completely."""
    unrequested: RequestError | None = None
    """Why there is no scope to request, until a receipt states it."""
    pages: int = 0
    """The number of pages that this run has read."""

    def add(self, scope: str, windows: list[Window]) -> None:
        """Append these windows of a scope."""
        self.scopes.add(scope)
        self.left.extend((scope, window) for window in windows)
        self.total += len(windows)

    def bring_newest_forward(self, scope: str) -> bool:
        """Move the scope's last window to the front, and return whether there is one."""
        places = [place for place, (of, _) in enumerate(self.left) if of == scope]
        if not places:
            return False
        newest = self.left[places[-1]]
        del self.left[places[-1]]
        self.left.appendleft(newest)
        return True

    def copy(self) -> WorkList:
        """An independent copy."""
        return replace(self, left=self.left.copy(), scopes=self.scopes.copy())

    @property
    def share_done(self) -> float:
        return 1.0 - len(self.left) / self.total if self.total else 1.0


@dataclass(frozen=True)
class Round:
    """The inputs of one round of one account.

    `work_lists` and `watches` are shared by the rounds of one sync.
    """

    session: ReadOnlySession
    identity: Identity | None
    account_id: str
    progress: Progress
    opened_at: datetime | None
    now: datetime
    work_lists: dict[str, WorkList]
    tally: Tally
    on_event: OnEvent
    watches: dict[str, Watch] = field(default_factory=dict)

    @property
    def exchange(self) -> Exchange:
        return self.session.exchange


def scopes_of(stream: StreamSpec, progress: Progress) -> list[str]:
    """The scopes to request: every known or guessed value; "" if the stream has no scope."""
    if not stream.scope:
        return [""]
    known = progress.scopes.get(stream.name, frozenset())
    guessed = progress.guesses.get(stream.scope, frozenset())
    return sorted({*stream.scope_values, *known, *guessed})
