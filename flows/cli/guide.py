"""The guide to connect an account, derived from the exchange's spec."""

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
    """The content of `lookback guide` for one exchange, as plain values for JSON.

    Raises LookbackError with the known exchanges if the name is unknown.
    """
    if name not in registry.names():
        raise LookbackError(
            f"no such exchange: {name}", remedy=f"use one of {', '.join(registry.names())}"
        )
    spec = registry.exchange(name).spec
    return {
        "exchange": spec.name,
        "title": spec.title,
        "lifecycle": spec.lifecycle,
        "ends_at": spec.ends_at,
        "credentials": credentials(spec),
        "products": product_facts(spec),
        "steps": list(spec.guide.steps),
        "alerts": [*lifecycle_alerts(spec), *reach_alerts(spec), *spec.guide.alerts],
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


def product_facts(spec: ExchangeSpec) -> list[Facts]:
    """Each product: its streams and their reach, files, or nothing; with source and date."""
    with_file = {form.stream for form in spec.site_formats}
    found: list[Facts] = []
    for name, names in spec.guide.products:
        streams = [spec.stream(each) for each in names]
        found.append(
            {
                "product": name,
                # Of a closed exchange, saved responses of its API are left.
                "available_by": ["file"]
                if spec.lifecycle == "closed"
                else ["api", *(["file"] if with_file & set(names) else [])],
                "streams": list(names),
                "reaches_back": list(dict.fromkeys(reach(each) for each in streams)),
                "docs_urls": list(dict.fromkeys(each.docs_url for each in streams)),
                "checked_on": min(each.checked_on for each in streams),
            }
        )
    for each in spec.excluded:
        found.append(
            {
                "product": each.name.replace("_", " "), "available_by": [], "streams": [],
                "reaches_back": [], "docs_urls": [each.docs_url], "checked_on": spec.checked_on,
            }
        )  # fmt: skip
    return found


def product_table(products: Iterable[Facts]) -> Table:
    """One line per product: API, file or nothing, how far back, and when this was checked."""
    listing = terminal.table("product", "history by", "reaches back", "checked", whole=["checked"])
    for each in products:
        by = " or ".join({"api": "API"}.get(way, way) for way in each["available_by"])
        back = "; ".join(each["reaches_back"]) or "–"
        listing.add_row(each["product"], by or "nothing", back, f"{each['checked_on']}")
    return listing


def credentials(spec: ExchangeSpec) -> list[Facts]:
    """The fields of a key, whether each is optional, and its alias."""
    return [
        {
            "field": field,
            "optional": field in spec.optional_credentials,
            "also": [spec.credential_aliases[field]] if field in spec.credential_aliases else [],
        }
        for field in spec.credential_fields
    ]


def lifecycle_alerts(spec: ExchangeSpec) -> list[str]:
    """An alert if the exchange is closing or closed."""
    if spec.lifecycle == "active" or spec.ends_at is None:
        return []
    moment = f"{spec.ends_at:%Y-%m-%d %H:%M} UTC"
    if spec.lifecycle == "closed":
        return [f"{spec.title} closed on {moment}: its API no longer returns data."]
    return [f"{spec.title} closes on {moment}: data that is not stored by then is lost."]


def reach_alerts(spec: ExchangeSpec) -> list[str]:
    """How far back the history streams reach, one sentence for all with the same reach."""
    if spec.lifecycle == "closed":
        return []
    by_reach: dict[str, list[str]] = {}
    by_count: dict[int, list[str]] = {}
    for stream in spec.streams:
        if stream.kind == "history":
            by_reach.setdefault(kept_for(stream), []).append(stream.name)
            if stream.newest_rows is not None:
                by_count.setdefault(stream.newest_rows, []).append(stream.name)
    alerts = {
        "not stated": "{} does not document how long it keeps {}: sync early.",
        "unlimited": "{} keeps {} without a time limit, according to its documentation.",
    }
    usual = "{} keeps {} for {}: older data is not available through the API."
    counted = (
        f"{spec.title} returns only the newest {count} rows of {', '.join(names)}: older rows of "
        "an active account expire sooner."
        for count, names in by_count.items()
    )
    return [
        *(
            alerts.get(span, usual).format(spec.title, ", ".join(names), span)
            for span, names in by_reach.items()
        ),
        *counted,
    ]


def reach(stream: StreamSpec) -> str:
    """How far back a stream reaches, by time and by number of rows, in words."""
    if stream.kind != "history":
        return "now"
    count = "" if stream.newest_rows is None else f", newest {stream.newest_rows} rows"
    return f"{kept_for(stream)}{count}"


def kept_for(stream: StreamSpec) -> str:
    """How long the exchange keeps a stream's rows, in words."""
    words = {"unlimited": "unlimited", "not_stated": "not stated"}
    return words.get(stream.retention_kind) or length(stream.retention)


def length(span: timedelta | None) -> str:
    """A span in days or hours."""
    if span is None:
        return "–"
    hours = span / timedelta(hours=1)
    return f"{hours / 24:g} days" if hours >= 48 else f"{hours:g} hours"


def stream_facts(stream: StreamSpec) -> Facts:
    """One stream: its entities, how far back it reaches, and its longest request window."""
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


def show_guide(name: str, out: Console | None = None) -> None:
    """Print the guide of one exchange."""
    facts = about(name)
    out = out or terminal.console()
    out.print(Text(f"{facts['title']}: connect an account", style="bold"))
    fields = ", ".join(
        each["field"] + "".join(f" (or {word})" for word in each["also"])
        + (" (optional)" if each["optional"] else "")
        for each in facts["credentials"]
    )  # fmt: skip
    out.print(Text(f"Fields of a key: {fields}."))
    if facts["products"]:
        heading(out, "What can be read")
        out.print(product_table(facts["products"]))
    listed(out, "Create the key", facts["steps"], numbered=True)
    listed(out, "Alerts", facts["alerts"], style=show.WARN)
    listed(out, "Notes", facts["notes"])
    problems = (f"{each['seen']}\n\n{each['way_out']}" for each in facts["problems"])
    listed(out, "Common problems", problems)
    excluded = (
        f"**{each['name']}**: {each['what']}. Alternative: {each['remedy']}. Source: "
        f"<{each['docs_url']}>, checked on {facts['checked_on']}."
        for each in facts["excluded"]
    )
    listed(out, "Not available through the API", excluded)
    heading(out, "Streams")
    out.print(stream_table(facts["streams"]))
    listed(out, "Requested to check the key and the clock; not stored", facts["probes"])
    left_out = (f"`{route['path']}`: {route['reason']}" for route in facts["left_out"])
    listed(out, "Routes that are not read", left_out)
    out.print()
    show.note(out, "~", f"Source: {facts['docs_url']}, checked on {facts['checked_on']}.")


def heading(out: Console, title: str, style: str = "") -> None:
    """Print a bold line after an empty line."""
    out.print()
    out.print(Text(title, style=f"bold {style}".strip()))


def listed(
    out: Console, title: str, items: Iterable[str], *, numbered: bool = False, style: str = ""
) -> None:
    """Print a heading and a list of items; nothing if the list is empty."""
    shown = list(items)
    if not shown:
        return
    heading(out, title, style)
    for number, item in enumerate(shown, start=1):
        mark = f"{number}." if numbered else "-"
        paragraphs = Group(*(Markdown(part) for part in item.split("\n\n")))
        grid = Table.grid(padding=(0, 1))
        grid.add_column(no_wrap=True)
        grid.add_column(overflow="fold")
        grid.add_row(Text(mark), paragraphs)
        out.print(Padding(grid, (0, 0, 0, 2)))


def stream_table(streams: Iterable[Facts]) -> Table:
    """One line per stream: entities, reach, longest request window and scope."""
    columns = ("stream", "entities", "reaches back", "window", "requested by")
    listing = terminal.table(*columns, whole=["stream"])
    for each in streams:
        listing.add_row(
            each["stream"],
            ", ".join(each["entities"]) or each["kind"],
            each["reaches_back"],
            window_of(each),
            each["scope"] or "–",
        )
    return listing


def window_of(stream: Facts) -> str:
    """The longest span of one request, in words."""
    if not stream["time_filter"]:
        return "no time filter" if stream["kind"] == "history" else "–"
    window = stream["max_window_seconds"]
    return "any span" if window is None else length(timedelta(seconds=window))
