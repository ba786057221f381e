"""The layers of the dbt project, checked on the graph that dbt parses."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from flows.build.dbt import run_dbt, target_folder
from pipelines import registry
from pipelines.home import PROJECT, Home

RAW, SEED, MART = "raw", "seed", "mart"
LAYERS = {"base": "base", "stg": "stg", "int": "int", "fct": MART, "dim": MART}

ALLOWED = {
    "base": {RAW},
    "stg": {RAW, SEED, "base", "stg", "int"},
    "int": {RAW, SEED, "base", "stg", "int"},
    MART: {SEED, "stg", "int", MART},
}
"""Layer: the layers that its models may read."""

@dataclass(frozen=True)
class Node:
    """A model, seed or source table."""

    name: str
    layer: str
    exchange: str
    """Empty where the node is shared by all exchanges."""
    reads: tuple[str, ...] = field(default=())


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The project as dbt parses it, with the models of all exchanges."""
    home = Home(tmp_path_factory.mktemp("parsed"))
    done = run_dbt(home, ["parse"], unused=())
    assert not done.returncode, done.stdout
    parsed: dict[str, Any] = json.loads((target_folder(home) / "manifest.json").read_text())
    return parsed


@pytest.fixture(scope="module")
def nodes(manifest: dict[str, Any]) -> dict[str, Node]:
    found = {
        key: Node(source["name"], RAW, exchange_in(source["source_name"]))
        for key, source in manifest["sources"].items()
    }
    for key, node in manifest["nodes"].items():
        name, path = node["name"], Path(node["original_file_path"])
        if node["resource_type"] == "seed":
            found[key] = Node(name, SEED, exchange_in(path.parent.name))
        elif node["resource_type"] == "model":
            layer = LAYERS[name.partition("_")[0]]
            owner = re.match(r"(?:base|stg|int)_([a-z0-9]+)__", name)
            exchange = exchange_in(owner[1]) if owner else ""
            found[key] = Node(name, layer, exchange, tuple(node["depends_on"]["nodes"]))
    return found


def exchange_in(name: str) -> str:
    return name if name in registry.names() else ""


def edges(nodes: dict[str, Node]) -> Iterator[tuple[Node, Node]]:
    """Each model with each node that it reads."""
    for node in nodes.values():
        for key in node.reads:
            yield node, nodes[key]


def test_models_read_only_allowed_layers(nodes: dict[str, Node]) -> None:
    wrong = {
        (node.name, read.name)
        for node, read in edges(nodes)
        if read.layer not in ALLOWED[node.layer]
    }
    assert not wrong


def test_base_models_read_one_exchange_only(nodes: dict[str, Node]) -> None:
    for node in nodes.values():
        if node.layer == "base":
            assert node.exchange
            assert {nodes[key].exchange for key in node.reads} == {node.exchange}, node.name


def test_models_of_an_exchange_read_no_other_exchange(nodes: dict[str, Node]) -> None:
    wrong = {
        (node.name, read.name)
        for node, read in edges(nodes)
        if node.exchange and read.exchange not in {"", node.exchange}
    }
    assert not wrong


def test_models_of_an_exchange_read_shared_models_from_intermediate(
    nodes: dict[str, Node],
) -> None:
    shared = {read.layer for node, read in edges(nodes) if node.exchange and not read.exchange}
    assert shared <= {"int", SEED}


def test_shared_models_read_an_exchange_from_staging_or_raw(nodes: dict[str, Node]) -> None:
    """Base models are read within their exchange only; other int_ models by shared ones too."""
    wrong = {
        (node.name, read.name)
        for node, read in edges(nodes)
        if not node.exchange and read.layer == "base"
    }
    assert not wrong


def test_every_table_of_a_report_is_in_an_exposure(manifest: dict[str, Any]) -> None:
    exposed = {
        key.rpartition(".")[2]
        for exposure in manifest["exposures"].values()
        for key in exposure["depends_on"]["nodes"]
    }
    sql = "\n".join(
        path.read_text()
        for folder in ("reports", "exports")
        for path in (PROJECT / "flows" / folder).glob("*.py")
    )
    read = set(re.findall(r"\b(?:marts|intermediate)\.(\w*[a-z])\b", sql))
    assert read and read <= exposed


def test_loads_of_every_exchange_have_a_freshness(manifest: dict[str, Any]) -> None:
    fresh = {
        source["source_name"]
        for source in manifest["sources"].values()
        if source["loaded_at_field"] and source["freshness"]["warn_after"]["count"]
    }
    assert fresh == set(registry.names())
