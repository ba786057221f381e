"""Imports go one way: pipelines know nothing of what runs them, the sandbox nothing of clients."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from pipelines.home import PROJECT

RUNNERS = ("flows", "prefect", "dbt")


def imports_of(path: Path) -> set[str]:
    """Every module a file imports, wherever in it, as dotted names."""
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
def test_the_sandbox_has_not_heard_of_the_code_it_answers(path: Path) -> None:
    allowed = {"pipelines", "pipelines.spec", "pipelines.specs", "pipelines.sandbox"}
    ours = reaches(path, "pipelines")
    strangers = {
        name
        for name in ours
        if name not in allowed and not name.startswith(tuple(f"{a}." for a in sorted(allowed)[1:]))
    }
    assert not strangers


@pytest.mark.parametrize("path", modules("pipelines/specs"), ids=by_name)
def test_specs_are_data_that_needs_only_their_types(path: Path) -> None:
    """And the other parts of the same exchange's spec: `bitget_futures` is one of `bitget`."""
    part_of = f"pipelines.specs.{path.stem.split('_')[0]}_"
    assert not {
        name
        for name in reaches(path, "pipelines")
        if name not in ("pipelines.spec", "pipelines.specs")
        if not name.startswith(("pipelines.spec.", part_of))
    }


@pytest.mark.parametrize("path", modules("pipelines/exchanges"), ids=by_name)
def test_an_exchange_knows_no_other_exchange(path: Path) -> None:
    others = {
        name
        for name in reaches(path, "pipelines.exchanges", "pipelines.specs")
        if path.stem not in name.split(".") and name.split(".")[-1] != "SPEC"
        if not name.startswith(f"pipelines.specs.{path.stem}_")
    }
    assert others <= {"pipelines.exchanges", "pipelines.specs"}
    assert not reaches(path, "pipelines.load", "pipelines.history", "pipelines.sandbox")


def test_product_code_never_imports_tests() -> None:
    for path in (*modules("pipelines"), *modules("flows")):
        assert not reaches(path, "tests", "pytest", "hypothesis"), by_name(path)
