"""The rows of one list route: simulated events by time, written as records when they are served."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any

Render = Callable[[Any, Any, int], Any]
"""`render(event, id, now)` gives the record as it reads at `now`."""


class Table:
    """Rows by time, oldest first; `ids` in the same order.

    `at` gives a row's time (its `at` by default). `group` splits the rows, e.g. by symbol.
    `shown_from` gives the moment from which the route shows a row, where that is not its time;
    `shown_until` the moment from which another row replaces it.
    """

    def __init__(
        self,
        events: Sequence[Any],
        ids: Sequence[Any],
        render: Render,
        *,
        at: Callable[[Any], int] = lambda event: int(event.at),
        group: Callable[[Any], str] | None = None,
        shown_from: Callable[[Any], int] | None = None,
        shown_until: Callable[[Any], int] | None = None,
    ) -> None:
        times = [at(event) for event in events]
        order = sorted(range(len(times)), key=times.__getitem__)
        self.events = [events[n] for n in order]
        self.ids = [ids[n] for n in order]
        self.at = [times[n] for n in order]
        self.render, self.time_of, self.group_of = render, at, group
        self._shown_from, self._shown_until = shown_from, shown_until
        self._groups: dict[str, list[int]] = defaultdict(list)
        if group is not None:
            for n, event in enumerate(self.events):
                self._groups[group(event)].append(n)

    @cached_property
    def place(self) -> dict[Any, int]:
        """Row numbers by id."""
        return {each: n for n, each in enumerate(self.ids)}

    @cached_property
    def _ids_ascend(self) -> bool:
        return all(a < b for a, b in zip(self.ids, self.ids[1:], strict=False))

    def from_id(
        self, rows: Sequence[int], wanted: int, is_newest: bool, is_inclusive: bool
    ) -> Sequence[int]:
        """Those of `rows` with that id or, in the order they are listed, beyond it."""
        if self._ids_ascend:
            place = bisect_left(self.ids, wanted)
            is_there = place < len(self.ids) and self.ids[place] == wanted
            if is_newest:
                place = place if is_there else place - 1
            return beyond(rows, place, is_newest, is_inclusive or not is_there)
        if is_newest:
            return [n for n in rows if self.ids[n] < wanted + is_inclusive]
        return [n for n in rows if self.ids[n] > wanted - is_inclusive]

    def row(self, n: int, now: int) -> Any:
        """Row `n` as it reads at `now`."""
        return self.render(self.events[n], self.ids[n], now)

    def select(
        self, now: int, start: int | None = None, end: int | None = None, group: str = ""
    ) -> Sequence[int]:
        """Row numbers of [start, end] that are shown at `now`, oldest first."""
        low = 0 if start is None else bisect_left(self.at, start)
        high = bisect_right(self.at, now if end is None else min(end, now))
        rows: Sequence[int] = range(low, high)
        if group:
            own = self._groups.get(group, [])
            rows = own[bisect_left(own, low) : bisect_left(own, high)]
        if self._shown_from is not None:
            shown = self._shown_from
            rows = [n for n in rows if shown(self.events[n]) <= now]
        if self._shown_until is not None:
            until = self._shown_until
            rows = [n for n in rows if now < until(self.events[n])]
        return rows

    def unfinished(self, now: int) -> list[int]:
        """Rows that have begun and are not yet shown, oldest first: open orders."""
        assert self._shown_from is not None, "every row of this table is shown from its time on"
        begun = range(bisect_right(self.at, now))
        return [n for n in begun if self._shown_from(self.events[n]) > now]

    def count(self, now: int) -> int:
        """How many rows are shown at `now`."""
        return len(self.select(now))

    def until(self, now: int) -> Iterator[tuple[Any, Any]]:
        """Every (event, id) shown at `now`, oldest first."""
        return ((self.events[n], self.ids[n]) for n in self.select(now))

    def find(self, wanted: Any, now: int) -> int | None:
        """The number of the row with that id, if it is shown at `now`."""
        place = self.place.get(wanted)
        if place is None or self.at[place] > now:
            return None
        if self._shown_from is not None and self._shown_from(self.events[place]) > now:
            return None
        return place


def beyond(
    rows: Sequence[int], place: int, is_newest: bool, is_inclusive: bool
) -> Sequence[int]:
    """Those of `rows` at that place or, in the order they are listed, beyond it."""
    if is_newest:
        return rows[bisect_left(rows, -place + (not is_inclusive), key=lambda n: -n) :]
    return rows[bisect_left(rows, place + (not is_inclusive)) :]
