"""The pages of the docs that explain words: every word of a column is there, with an example."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from flows.reports import certificate
from pipelines.home import PROJECT

MODELS = PROJECT / "dbt_project" / "models"
FILLERS = {"", "-", "–"}

# Which block of the docs explains which column, and whether it owes an example to laymen.
EXPLAINED = {
    "verdict": (("fct_entity_coverage", "verdict"), True),
    "balance_check_kind": (("fct_balance_checks", "kind"), True),
    "finding_kind": (("fct_findings", "kind"), True),
    "finding_state": (("fct_findings", "state"), False),
    "deadline_reason": (("fct_deadlines", "reason"), True),
    "history_start_evidence": (("dim_accounts", "history_start_evidence"), False),
}


def blocks() -> dict[str, str]:
    """Every docs block by its name."""
    found = {}
    for page in MODELS.rglob("*.md"):
        text = page.read_text(encoding="utf-8")
        found.update(re.findall(r"{% docs (\w+) %}(.*?){% enddocs %}", text, re.DOTALL))
    return found


def rows_of(block: str) -> dict[str, list[str]]:
    """The first table of a block: its rows, by the word in the first column."""
    lines = [line for line in block.splitlines() if line.startswith("| `")]
    cells = ([cell.strip() for cell in line.strip("|").split(" | ")] for line in lines)
    return {first.strip("` "): rest for first, *rest in cells}


def accepted(model: str, column: str) -> set[str]:
    """The values that the check of a column accepts."""
    for path in MODELS.rglob("*.yml"):
        for each in yaml.safe_load(path.read_text(encoding="utf-8")).get("models", ()):
            if each["name"] == model:
                return set(values_of(each, column))
    raise AssertionError(f"no model is called {model}")


def values_of(model: dict[str, Any], column: str) -> list[str]:
    (found,) = [each for each in model["columns"] if each["name"] == column]
    (check,) = [each["expression"] for each in found["constraints"] if each["type"] == "check"]
    return re.findall(r"'(\w+)'", check)


@pytest.mark.parametrize("name", EXPLAINED)
def test_every_word_of_a_column_is_explained_and_no_other(name: str) -> None:
    (model, column), has_example = EXPLAINED[name]
    rows = rows_of(blocks()[name])
    assert set(rows) == accepted(model, column)
    for word, cells in rows.items():
        assert len(cells[-1]) > len("so short") and cells[-1] not in FILLERS, word
        if has_example:
            assert len(cells) == 2, f"{word} has no example"
            assert "`" not in cells[1], f"the example of {word} speaks of columns"


@pytest.mark.parametrize("name", EXPLAINED)
def test_the_column_leads_to_its_page(name: str) -> None:
    (model, column), _ = EXPLAINED[name]
    text = "\n".join(path.read_text(encoding="utf-8") for path in MODELS.rglob("*.yml"))
    assert f"doc('{name}')" in text, f"nothing shows the page of {model}.{column}"


def test_the_certificate_has_words_for_every_verdict_and_check() -> None:
    assert set(certificate.VERDICTS) == accepted("fct_entity_coverage", "verdict")
    assert set(certificate.CHECKS) == accepted("fct_balance_checks", "kind")
    assert set(certificate.STARTS) == accepted("dim_accounts", "history_start_evidence")
