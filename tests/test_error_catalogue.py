"""Each documented error becomes a kind and a remedy; an error without an entry keeps its text."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from requests import Response

from pipelines import registry
from pipelines.errors import RequestError
from pipelines.extract.failures import Case
from pipelines.home import PROJECT
from pipelines.spec import Envelope

NOTES = PROJECT.parent / "shared" / "exchanges"
"""Notes about the exchanges, with their documented errors: beside the project, not part of it."""

NOW = datetime(2026, 9, 1, tzinfo=UTC)
"""A moment when every exchange still answers."""

CASES = [
    (name, code, case)
    for name in registry.names()
    for code, case in registry.exchange(name).errors.codes.items()
    if not case.params
]
MESSAGES = [
    (name, part, case)
    for name in registry.names()
    for part, case in registry.exchange(name).errors.messages.items()
]


def documented_codes(name: str) -> set[str]:
    """The codes in the tables of the notes: numbers in backticks or alone in the first cells."""
    file = NOTES / f"{name}.md"
    if not file.is_file():
        return set()
    found = set()
    for line in file.read_text(encoding="utf-8").splitlines():
        cells = line.split("|")[1:3]
        for cell in cells:
            if re.fullmatch(r"[\s`/,-]*(-?\d{4,6}[\s`/,]*)+", cell):
                found |= set(re.findall(r"-?\d{4,6}", cell))
    return found


def body_of(envelope: Envelope, code: str, message: str) -> bytes:
    """The body of a failure in the exchange's own envelope."""
    body: dict[str, Any] = {}

    def put(place: str, value: Any) -> None:
        *path, last = place.split(".")
        inner = body
        for step in path:
            inner = inner.setdefault(step, {})
        inner[last] = value

    if envelope.code:
        put(envelope.code, int(code) if re.fullmatch(r"-?[1-9]\d*", code) else code)
    if envelope.message:
        put(envelope.message[0], message)
    return json.dumps(body).encode()


def explained(name: str, code: str, message: str = "Their own words") -> RequestError:
    """The error of a response with this code; `HTTP 401` is a status."""
    exchange = registry.exchange(name)
    response = Response()
    is_status = code.startswith("HTTP ")
    response.status_code = int(code.removeprefix("HTTP ")) if is_status else 400
    response.headers["Content-Type"] = "application/json"
    response.headers["Date"] = "Tue, 01 Sep 2026 00:00:00 GMT"
    response._content = body_of(exchange.spec.envelope, "" if is_status else code, message)
    response.url = f"{exchange.spec.base_url}/path?"
    problem = exchange.explain(response, NOW)
    assert problem is not None
    return problem


@pytest.mark.parametrize(("name", "code", "case"), CASES)
def test_each_code_of_the_table_gets_its_kind_and_remedy(name: str, code: str, case: Case) -> None:
    if code == "clock":
        pytest.skip("it is told by the date of the response: tests of the exchange")
    problem = explained(name, code)
    assert problem.kind and problem.what and problem.remedy
    if not code.startswith("HTTP ") or not registry.exchange(name).spec.envelope.code:
        assert (problem.kind, problem.remedy) == (case.kind, case.remedy)
        assert problem.what.startswith(case.what)
        assert "Their own words" in problem.what


@pytest.mark.parametrize(("name", "part", "case"), MESSAGES)
def test_each_message_of_the_table_gets_its_kind(name: str, part: str, case: Case) -> None:
    problem = explained(name, "HTTP 400", f"Sorry, {part.upper()} today")
    assert (problem.kind, problem.remedy) == (case.kind, case.remedy)


@pytest.mark.parametrize("name", registry.names())
def test_each_documented_code_gets_a_kind_and_a_remedy(name: str) -> None:
    codes = documented_codes(name)
    exchange = registry.exchange(name)
    if not codes:
        pytest.skip(f"no documented codes of {name} beside the project")
    if not exchange.spec.envelope.code:
        pytest.skip(f"{name} has no codes")
    assert codes & exchange.errors.codes.keys(), "the notes are read wrongly"
    for code in sorted(codes - exchange.errors.empty.keys() - exchange.spec.envelope.success):
        problem = explained(name, code)
        assert problem.kind and problem.remedy, code
        assert "Their own words" in problem.what, code


@pytest.mark.parametrize("name", registry.names())
def test_an_unknown_error_keeps_its_code_and_text(name: str) -> None:
    exchange = registry.exchange(name)
    code = "98765" if exchange.spec.envelope.code else "HTTP 400"
    problem = explained(name, code)
    assert code in problem.what and "Their own words" in problem.what
    assert problem.kind == "bad_request" and problem.remedy and not problem.retry


@pytest.mark.parametrize("name", registry.names())
def test_a_remedy_is_an_instruction_without_full_stop(name: str) -> None:
    errors = registry.exchange(name).errors
    for case in (*errors.codes.values(), *errors.messages.values()):
        assert (case.what and not case.what.endswith(".") and case.what[0].islower()) or (
            case.what.startswith(registry.exchange(name).spec.title)
        )
        assert case.remedy and not case.remedy.endswith(".")
