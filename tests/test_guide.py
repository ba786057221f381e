"""`lookback guide` agrees with the spec of each exchange."""

from __future__ import annotations

import json
import re

import pytest

from flows.cli import guide, terminal
from pipelines import registry
from pipelines.home import Home
from pipelines.spec import ExchangeSpec, Guide, LeftOut
from tests.conftest import call_cli

EXCHANGES = registry.names()


@pytest.mark.parametrize("name", EXCHANGES)
def test_a_guide_names_every_stream_probe_and_route_left_out(name: str, private_home: Home) -> None:
    shown = call_cli(["guide", name], {"COLUMNS": "100"})
    assert shown.returncode == 0, shown.stderr
    # Long paths may be folded; without the folds every one must be there.
    reported = "".join(shown.stdout.split())
    spec = registry.exchange(name).spec
    names = [stream.name for stream in spec.streams] + [each.name for each in spec.excluded]
    paths = [*spec.probes, *(route.path for route in spec.left_out)]
    assert [each for each in names + paths if "".join(each.split()) not in reported] == []
    assert max(len(line) for line in shown.stdout.splitlines()) <= 100


@pytest.mark.parametrize("name", EXCHANGES)
def test_eighty_columns_keep_stream_names_whole(name: str) -> None:
    out = terminal.PlainConsole(width=80)
    with out.capture() as captured:
        guide.show_guide(name, out)
    names = {line.split(" ")[0] for line in captured.get().splitlines()}
    assert {stream.name for stream in registry.exchange(name).spec.streams} <= names


@pytest.mark.parametrize("name", EXCHANGES)
def test_a_guide_in_json_is_the_spec(name: str, private_home: Home) -> None:
    shown = call_cli(["guide", name.upper(), "--json"])
    assert shown.returncode == 0, shown.stderr
    facts = json.loads(shown.stdout)
    spec = registry.exchange(name).spec
    assert [each["stream"] for each in facts["streams"]] == [each.name for each in spec.streams]
    assert facts["probes"] == list(spec.probes)
    assert [each["path"] for each in facts["left_out"]] == [each.path for each in spec.left_out]
    assert facts["steps"] == list(spec.guide.steps)
    reported = {each["stream"]: each["retention_seconds"] for each in facts["streams"]}
    for stream in spec.streams:
        days = stream.retention.total_seconds() if stream.retention else None
        assert reported[stream.name] == days


@pytest.mark.parametrize("name", EXCHANGES)
def test_each_private_history_belongs_to_one_product(name: str) -> None:
    spec = registry.exchange(name).spec
    named = [stream for _, streams in spec.guide.products for stream in streams]
    history = [each.name for each in spec.streams if each.private and each.kind == "history"]
    assert sorted(named) == sorted(history)
    facts = guide.about(name)["products"]
    assert [each["product"] for each in facts if not each["available_by"]] == [
        each.name.replace("_", " ") for each in spec.excluded
    ]
    assert all(each["docs_urls"] and each["checked_on"] for each in facts)


@pytest.mark.parametrize("name", EXCHANGES)
def test_the_alerts_have_every_limit_of_every_stream(name: str) -> None:
    facts = guide.about(name)
    spec = registry.exchange(name).spec
    if spec.ends_at is not None:
        assert f"{spec.ends_at:%Y-%m-%d}" in facts["alerts"][0]
    if spec.lifecycle == "closed":
        return
    for stream in (each for each in spec.streams if each.kind == "history"):
        alert = next(each for each in facts["alerts"] if re.search(rf"\b{stream.name}\b", each))
        if stream.retention is not None:
            assert guide.length(stream.retention) in alert
        else:
            assert "days" not in alert


@pytest.mark.parametrize("arguments", [["guide", "nowhere"], ["guide", "nowhere", "--json"]])
def test_an_unknown_exchange_is_an_error_with_the_known_ones(
    arguments: list[str], private_home: Home
) -> None:
    shown = call_cli(arguments)
    assert shown.returncode == 1
    assert "no such exchange: nowhere" in shown.stderr
    assert all(name in shown.stderr for name in EXCHANGES)
    if "--json" in arguments:
        assert json.loads(shown.stdout)["error"]["remedy"] == f"use one of {', '.join(EXCHANGES)}"


def test_a_left_out_route_cannot_be_a_stream() -> None:
    known = registry.exchange("bitget").spec
    stream = known.streams[0]

    def spec(path: str) -> ExchangeSpec:
        route = LeftOut(path=path, reason="not needed", docs_url=known.docs_url)
        return ExchangeSpec(
            name="made_up", title="Made up", base_url=known.base_url, streams=(stream,), probes=(),
            docs_url=known.docs_url, checked_on=known.checked_on, began_on=known.began_on,
            left_out=(route,), guide=Guide(steps=()), params=known.params,
        )  # fmt: skip

    assert spec(f"POST {stream.path}").left_out[0].read == ("POST", stream.path)
    for path in (stream.path, f"GET {stream.path}"):
        with pytest.raises(ValueError, match="both read and left out"):
            spec(path)
