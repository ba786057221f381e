"""Every slow test file is listed with its behaviour, and the suites together run all tests."""

from __future__ import annotations

import re

import pytest

from pipelines.home import PROJECT
from tests.shared_history import CASES
from tests.suites import SLOW


@pytest.mark.parametrize("file", SLOW)
def test_slow_file_exists_and_says_what_it_runs(file: str) -> None:
    assert (PROJECT / file).exists()
    assert len(SLOW[file].split()) > 3


def test_slow_marker_is_only_on_single_tests() -> None:
    for file in SLOW:
        assert "pytest.mark.slow" not in (PROJECT / file).read_text(encoding="utf-8")


def test_make_targets_run_both_suites() -> None:
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    assert re.search(r'^test: setup\n.*-m "not slow"', makefile, re.M)
    assert not re.search(r"^test-all: setup\n.*not slow", makefile, re.M)


def test_modules_of_the_shared_history_are_in_make_test() -> None:
    assert not {f"tests/{name}.py" for name in CASES} & SLOW.keys()


def test_ci_runs_exhaustive_files_and_the_whole_quick_suite() -> None:
    script = (PROJECT / ".ci" / "run").read_text(encoding="utf-8")
    named = set(re.findall(r"tests/\S+\.py", script))
    assert named and named <= SLOW.keys()
    assert re.search(r"^make --no-print-directory test$", script, re.M)
