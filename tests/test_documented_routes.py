"""Every private read that an exchange documents is a stream, a probe, or left out with a reason.

The reference pages lie beside the project (`../shared/exchanges/<name>.md`); where they do not,
there is nothing to hold against. A page names a route by its method and path, `GET /v1/fills`; then
may follow, after a comma, "and" or "/", others of the same method, by their path or by its end.
Braces with a comma are alternatives, without one a parameter; `…` and `*` stand for a family.

Not private reads, and so not covered here:

- a public route: it has a segment `public` or `market`, or its line calls it public (`(public`,
  `Public`, or a table's `NONE` in place of a kind of signature);
- a write: one of the few routes that the pages name as what must never be sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from pipelines import registry
from pipelines.home import PROJECT

PAGES = PROJECT.parent / "shared" / "exchanges"
WRITES = {("POST", "/api/v3/account/switch"), ("POST", "/api/v1/order")}

PATH = r"/[a-z{…][A-Za-z0-9_{}.:,…*-]*(?:/[A-Za-z0-9_{}.:,…*-]*)*"
MARK = r"[`*|\s]*"
ROUTES = re.compile(
    rf"\b(GET|POST){MARK}({PATH})((?:{MARK}(?:,|and|or|/)?{MARK}(?:{PATH})(?=[`*\s,|]))*)"
)
PUBLIC = re.compile(r"\(public|^Public\b|^\*\*Public|\| NONE \|", re.MULTILINE)


def documented(text: str) -> Iterator[tuple[str, str]]:
    """Every (method, path) of a page that is not public, alternatives spelled out."""
    first_segments = {path.split("/")[1] for _, path, _ in ROUTES.findall(text)}
    for line in text.splitlines():
        if PUBLIC.search(line):
            continue
        for method, path, rest in ROUTES.findall(line):
            for other in (path, *re.findall(PATH, rest)):
                full = other if other.split("/")[1] in first_segments else end_of(path, other)
                for spelled in alternatives(tidy(full)):
                    if not {"public", "market"} & set(spelled.split("/")):
                        yield method, spelled


def tidy(path: str) -> str:
    """A path without what the sentence around it added."""
    return path.split("?")[0].rstrip(",.:")


def end_of(path: str, tail: str) -> str:
    """The path with its last segments replaced by those of `tail`."""
    return "/".join(path.split("/")[: -tail.count("/")]) + tail


def alternatives(path: str) -> list[str]:
    """`/{a,b}/c` as `/a/c` and `/b/c`."""
    found = re.search(r"\{([^{}]*,[^{}]*)\}", path)
    if found is None:
        return [path]
    return [
        spelled
        for choice in found[1].split(",")
        if choice
        for spelled in alternatives(path[: found.start()] + choice.strip() + path[found.end() :])
    ]


def is_declared(method: str, path: str, reported: set[tuple[str, str]]) -> bool:
    """Whether a spec has the route, or its whole family."""
    family = re.split(r"[…*]", path)[0]
    pattern = re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(path))
    for known_method, known in reported:
        if method != known_method:
            continue
        # Pages may write a path without the base it lies below; a spec may name a family.
        if re.search(rf"(^|/v\d+|/convert){pattern}$", known) or known == path:
            return True
        if known.endswith("*") and (path.startswith(known[:-1]) or family == known[:-1]):
            return True
        if family != path and known.startswith(family):
            return True
        if path.endswith("/") and known.startswith(path):
            return True
    return False


def untold(name: str, text: str) -> list[str]:
    """The documented private reads that the exchange's spec does not know of."""
    exchange = registry.exchange(name)
    reported = set(exchange.spec.reads()) | {("GET", exchange.clock_path)}
    reported |= {route.read for route in exchange.spec.left_out}
    routes = set(documented(text)) - WRITES
    unknown = (route for route in routes if not is_declared(*route, reported))
    return sorted(f"{method} {path}" for method, path in unknown)


@pytest.mark.parametrize("name", registry.names())
def test_every_documented_private_read_is_declared(name: str) -> None:
    page = PAGES / f"{name}.md"
    if not page.exists():
        pytest.skip(f"no reference page of {name} beside the project")
    assert untold(name, page.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("**`GET /v1/fills`** — all", {("GET", "/v1/fills")}),
        ("| a | GET `/v1/fills`, `/v1/orders` |", {("GET", "/v1/fills"), ("GET", "/v1/orders")}),
        (
            "`GET /api/order/fills` and **`/fill-history`** of `GET /api/x`",
            {("GET", "/api/order/fills"), ("GET", "/api/order/fill-history"), ("GET", "/api/x")},
        ),
        ("POST /v4/{a,b}/{id}", {("POST", "/v4/a/{id}"), ("POST", "/v4/b/{id}")}),
        ("`GET /v1/time` (public) and GET /v1/public/coins", set()),
        ("| coins | GET `/v1/currencies` | NONE | per IP |", set()),
        ("GET /v1/public/coins\nGET /v1/market/candles", set()),
        ("no route here, but /v1/fills, and routes with POST/PUT/DELETE", set()),
    ],
)
def test_routes_are_found_as_pages_write_them(text: str, found: set[tuple[str, str]]) -> None:
    assert set(documented(text)) == found


def test_a_route_that_a_spec_forgets_is_named() -> None:
    known = registry.exchange("bitget").spec.streams[0].path
    text = f"GET `{known}`\nGET `/api/v2/never/heard-of`\nPOST `{known}`"
    assert untold("bitget", text) == ["GET /api/v2/never/heard-of", f"POST {known}"]
