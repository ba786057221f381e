"""Report the progress of a run to watchers in the same process.

Prefect stores a flow's parameters, so a callback cannot be a parameter.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Watcher(Protocol):
    """Receives the progress of a run. Called from several threads."""

    def rows(self, label: str, stream: str, rows: int, fraction: float | None) -> None:
        """A stream has this many rows so far; `fraction` of its span is read."""

    def stage(self, text: str) -> None:
        """A stage of the run begins."""


_watchers: list[Watcher] = []


@contextmanager
def watched_by(watcher: Watcher) -> Iterator[None]:
    """Inside the context, `watcher` receives the progress of every run of this process."""
    _watchers.append(watcher)
    try:
        yield
    finally:
        _watchers.remove(watcher)


def tell_rows(label: str, stream: str, rows: int, fraction: float | None = None) -> None:
    """Report the progress of one stream to every watcher."""
    for watcher in _watchers:
        watcher.rows(label, stream, rows, fraction)


def tell_stage(text: str) -> None:
    """Report the stage that begins to every watcher."""
    for watcher in _watchers:
        watcher.stage(text)
