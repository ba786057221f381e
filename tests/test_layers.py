"""Imports go in one direction: pipelines do not import flows, the sandbox imports no client."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from pipelines.home import PROJECT

RUNNERS = ("flows", "prefect", "dbt")


def imports_of(path: Path) -> set[str]:
    """All modules that a file imports, as dotted names."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports name the whole module"
            module = node.module or ""
            found |= {module} | {f"{module}.{name.name}" for name in node.names}
    return found


def reaches(path: Path, *targets: str) -> set[str]:
    return {
        name
        for name in imports_of(path)
        for target in targets
        if name == target or name.startswith(f"{target}.")
    }


def modules(folder: str) -> list[Path]:
    found = sorted((PROJECT / folder).rglob("*.py"))
    assert found, f"{folder} has no modules"
    return found


def by_name(path: Path) -> str:
    return str(path.relative_to(PROJECT))


@pytest.mark.parametrize("path", modules("pipelines"), ids=by_name)
def test_pipelines_have_not_heard_of_flows_prefect_or_dbt(path: Path) -> None:
    assert not reaches(path, *RUNNERS)


@pytest.mark.parametrize("path", modules("pipelines/sandbox"), ids=by_name)
def test_sandbox_imports_only_itself(path: Path) -> None:
    allowed = re.compile(r"pipelines(\.sandbox\b.*)?")
    assert not {name for name in reaches(path, "pipelines") if not allowed.fullmatch(name)}


@pytest.mark.parametrize("path", modules("pipelines/exchanges"), ids=by_name)
def test_exchange_imports_no_other_exchange(path: Path) -> None:
    own = ".".join(("pipelines", *path.relative_to(PROJECT / "pipelines").parts[:2]))
    assert not {
        name
        for name in reaches(path, "pipelines.exchanges")
        if name != "pipelines.exchanges" and not f"{name}.".startswith(f"{own}.")
    }
    if path.stem.startswith(("spec", "guide")):
        assert not {
            name
            for name in reaches(path, "pipelines")
            if not f"{name}.".startswith((f"{own}.", "pipelines.spec."))
        }


ROOMS = (
    "flows.cli",
    "flows.deployments",
    "flows.sync",
    "flows.exports",
    "flows.reports",
    "flows.build",
    "flows.runtime",
    "pipelines.sandbox",
    "pipelines.files",
    "pipelines.load",
    "pipelines.connect",
    "pipelines.config",
    "pipelines.registry",
    "pipelines.exchanges",
    "pipelines.extract",
    "pipelines.account",
    "pipelines.spec",
    "pipelines.site_format",
    "pipelines.fields",
    "pipelines.errors",
    "pipelines.home",
)
"""Each room may import itself and those after it."""


def room_of(name: str) -> int | None:
    found = [room for room in ROOMS if name == room or name.startswith(f"{room}.")]
    return ROOMS.index(found[0]) if found else None


@pytest.mark.parametrize("path", [*modules("pipelines"), *modules("flows")], ids=by_name)
def test_imports_go_down_the_list_of_rooms(path: Path) -> None:
    own = room_of(".".join(path.relative_to(PROJECT).with_suffix("").parts))
    if own is None:
        assert path.name == "__init__.py"
        return
    rooms = {name: room_of(name) for name in reaches(path, "pipelines", "flows")}
    assert not {name for name, room in rooms.items() if room is not None and room < own}


def test_no_import_circle() -> None:
    files = {
        ".".join(path.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in (*modules("pipelines"), *modules("flows"))
    }
    left = {name: imports_of(path) & files.keys() - {name} for name, path in files.items()}
    while done := {name for name, needs in left.items() if not needs & left.keys()}:
        for name in done:
            del left[name]
    assert not left


def test_product_code_never_imports_tests() -> None:
    for path in (*modules("pipelines"), *modules("flows")):
        assert not reaches(path, "tests", "pytest", "hypothesis"), by_name(path)
