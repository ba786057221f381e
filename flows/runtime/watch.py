"""How far a run is, told to whoever watches it in the same process.

A flow's parameters are stored by Prefect, so a callback cannot be one of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Watcher(Protocol):
    """What a run tells. Called from several threads."""

    def rows(self, label: str, stream: str, rows: int, fraction: float | None) -> None:
        """A stream of an account has this many rows so far; `fraction` of its span is walked."""

    def stage(self, text: str) -> None:
        """The run as a whole now does this."""


_watchers: list[Watcher] = []


@contextmanager
def watched_by(watcher: Watcher) -> Iterator[None]:
    """Inside, `watcher` hears of every run of this process."""
    _watchers.append(watcher)
    try:
        yield
    finally:
        _watchers.remove(watcher)


def tell_rows(label: str, stream: str, rows: int, fraction: float | None = None) -> None:
    """Tell every watcher how far one stream is."""
    for watcher in _watchers:
        watcher.rows(label, stream, rows, fraction)


def tell_stage(text: str) -> None:
    """Tell every watcher what the run does now."""
    for watcher in _watchers:
        watcher.stage(text)
