"""What a person needs to know of an exchange before connecting it, from its spec alone."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group
from rich.markdown import Markdown
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from flows.cli import show, terminal
from pipelines import registry
from pipelines.errors import LookbackError
from pipelines.spec import ExchangeSpec, StreamSpec

if TYPE_CHECKING:
    from collections.abc import Iterable

Facts = dict[str, Any]


def about(name: str) -> Facts:
    """Everything `lookback guide` tells of one exchange, as plain values for JSON.

    Raises LookbackError with the known exchanges where there is none of that name.
    """
    if name not in registry.names():
        raise LookbackError(
            f"no such exchange: {name}", remedy=f"take one of {', '.join(registry.names())}"
        )
    spec = registry.exchange(name).spec
    return {
        "exchange": spec.name,
        "title": spec.title,
        "lifecycle": spec.lifecycle,
        "ends_at": spec.ends_at,
        "credentials": credentials(spec),
        "steps": list(spec.guide.steps),
        "alerts": [*life_alerts(spec), *reach_alerts(spec), *spec.guide.alerts],
        "notes": list(spec.guide.notes),
        "problems": [{"seen": seen, "way_out": way} for seen, way in spec.guide.problems],
        "excluded": [
            {
                "name": each.name, "entities": list(each.entities), "what": each.what,
                "remedy": each.remedy, "evidence": each.evidence, "docs_url": each.docs_url,
            }
            for each in spec.excluded
        ],
        "streams": [stream_facts(stream) for stream in spec.streams],
        "probes": list(spec.probes),
        "left_out": [
            {"path": route.path, "reason": route.reason, "docs_url": route.docs_url}
            for route in spec.left_out
        ],
        "docs_url": spec.docs_url,
        "checked_on": spec.checked_on,
    }  # fmt: skip


def credentials(spec: ExchangeSpec) -> list[Facts]:
    """The fields of a key, whether each may be missing, and the words it may also go by."""
    return [
        {
            "field": field,
            "optional": field in spec.optional_credentials,
            "also": [spec.credential_aliases[field]] if field in spec.credential_aliases else [],
        }
        for field in spec.credential_fields
    ]


def life_alerts(spec: ExchangeSpec) -> list[str]:
    """That an exchange ends or has ended, which is a deadline over everything it has."""
    if spec.lifecycle == "active" or spec.ends_at is None:
        return []
    moment = f"{spec.ends_at:%Y-%m-%d %H:%M} UTC"
    if spec.lifecycle == "closed":
        return [f"{spec.title} closed on {moment}: its API gives nothing any more."]
    return [f"{spec.title} ends on {moment}: what is not stored by then is gone for good."]


def reach_alerts(spec: ExchangeSpec) -> list[str]:
    """How far back the history streams go, those with one answer in one sentence."""
    if spec.lifecycle == "closed":
        return []
    by_reach: dict[str, list[str]] = {}
    by_count: dict[int, list[str]] = {}
    for stream in spec.streams:
        if stream.kind == "history":
            by_reach.setdefault(kept_for(stream), []).append(stream.name)
            if stream.newest_rows is not None:
                by_count.setdefault(stream.newest_rows, []).append(stream.name)
    told = {
        "not stated": "{} does not say how far back it keeps {}: sync early, and rely on nothing.",
        "all of it": "{} says that nothing leaves {}.",
    }
    usual = "{} keeps {} for {}: what is older can no longer be had from the API."
    counted = (
        f"{spec.title} gives only the newest {count} rows of {', '.join(names)}: the busier the "
        "account, the sooner older ones are out of reach."
        for count, names in by_count.items()
    )
    return [
        *(
            told.get(span, usual).format(spec.title, ", ".join(names), span)
            for span, names in by_reach.items()
        ),
        *counted,
    ]


def reach(stream: StreamSpec) -> str:
    """How far back a stream goes, by time and by number of rows, in words."""
    if stream.kind != "history":
        return "now"
    count = "" if stream.newest_rows is None else f", newest {stream.newest_rows} rows"
    return f"{kept_for(stream)}{count}"


def kept_for(stream: StreamSpec) -> str:
    """How long the exchange keeps a stream's rows, in words."""
    words = {"unlimited": "all of it", "not_stated": "not stated"}
    return words.get(stream.retention_kind) or length(stream.retention)


def length(span: timedelta | None) -> str:
    """A span in days or hours."""
    if span is None:
        return "–"
    hours = span / timedelta(hours=1)
    return f"{hours / 24:g} days" if hours >= 48 else f"{hours:g} hours"


def stream_facts(stream: StreamSpec) -> Facts:
    """One stream: what it feeds, how far back it goes, and how wide one asking may be."""
    return {
        "stream": stream.name,
        "method": stream.method,
        "path": stream.path,
        "kind": stream.kind,
        "entities": list(stream.entities),
        "reaches_back": reach(stream),
        "retention_seconds": seconds(stream.retention),
        "newest_rows": stream.newest_rows,
        "time_filter": stream.time_filter,
        "max_window_seconds": seconds(stream.max_window),
        "scope": stream.scope,
        "affects": stream.affects,
        "docs_url": stream.docs_url,
        "checked_on": stream.checked_on,
        "confidence": stream.confidence,
    }


def seconds(span: timedelta | None) -> int | None:
    """A span as whole seconds."""
    return None if span is None else int(span.total_seconds())


def tell(name: str, out: Console | None = None) -> None:
    """Print the guide of one exchange."""
    facts = about(name)
    out = out or terminal.console()
    out.print(Text(f"{facts['title']}: connecting an account", style="bold"))
    fields = ", ".join(
        each["field"] + "".join(f" (or {word})" for word in each["also"])
        + (" (optional)" if each["optional"] else "")
        for each in facts["credentials"]
    )  # fmt: skip
    out.print(Text(f"A key here has: {fields}."))
    listed(out, "How to make the key", facts["steps"], numbered=True)
    listed(out, "Alerts", facts["alerts"], style=show.WARN)
    listed(out, "Important notes", facts["notes"])
    problems = (f"{each['seen']}\n\n{each['way_out']}" for each in facts["problems"])
    listed(out, "Common problems", problems)
    excluded = (
        f"**{each['name']}**: {each['what']}. What helps: {each['remedy']}."
        for each in facts["excluded"]
    )
    listed(out, "What the API leaves out", excluded)
    heading(out, "What is read")
    out.print(stream_table(facts["streams"]))
    listed(out, "Asked to know the key and the time; not stored", facts["probes"])
    left_out = (f"`{route['path']}`: {route['reason']}" for route in facts["left_out"])
    listed(out, "Not read, and why", left_out)
    out.print()
    show.note(out, "~", f"As documented on {facts['docs_url']}, read on {facts['checked_on']}.")


def heading(out: Console, title: str, style: str = "") -> None:
    """A bold line with space above it."""
    out.print()
    out.print(Text(title, style=f"bold {style}".strip()))


def listed(
    out: Console, title: str, items: Iterable[str], *, numbered: bool = False, style: str = ""
) -> None:
    """A heading and its sentences, one below the other; nothing where there are none."""
    told = list(items)
    if not told:
        return
    heading(out, title, style)
    for number, item in enumerate(told, start=1):
        mark = f"{number}." if numbered else "-"
        paragraphs = Group(*(Markdown(part) for part in item.split("\n\n")))
        grid = Table.grid(padding=(0, 1))
        grid.add_column(no_wrap=True)
        grid.add_column(overflow="fold")
        grid.add_row(Text(mark), paragraphs)
        out.print(Padding(grid, (0, 0, 0, 2)))


def stream_table(streams: Iterable[Facts]) -> Table:
    """A line a stream: what it feeds, how far back it goes, how much one asking may span."""
    listing = terminal.table("stream", "feeds", "reaches back", "one asking", "asked by")
    for each in streams:
        listing.add_row(
            each["stream"],
            ", ".join(each["entities"]) or each["kind"],
            each["reaches_back"],
            asking(each),
            each["scope"] or "–",
        )
    return listing


def asking(stream: Facts) -> str:
    """How much time one request may span."""
    if not stream["time_filter"]:
        return "no time filter" if stream["kind"] == "history" else "–"
    window = stream["max_window_seconds"]
    return "any span" if window is None else length(timedelta(seconds=window))
