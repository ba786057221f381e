"""The report in headless Chromium: it renders, its filters work, and nothing leaves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.reports import answers, html, report
from tests.browser import PROGRAM, Page, browser
from tests.shared_history import SharedHistory

pytestmark = [
    pytest.mark.skipif(PROGRAM is None, reason="Chromium is not installed"),
    pytest.mark.usefixtures("shared"),
]

SHOWN = "[...document.querySelectorAll('{}')].filter((part) => part.checkVisibility()).length"


@pytest.fixture(scope="module")
def file(built_history: SharedHistory, tmp_path_factory: pytest.TempPathFactory) -> Path:
    with answers.opened(built_history.published) as warehouse:
        return report.write_report(warehouse, tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with browser() as opened:
        yield opened


def choose(page: Page, control: str, value: str) -> None:
    """Set a control as a user does."""
    page.run(
        f"(() => {{ const it = document.getElementById('{control}'); {value}; "
        "it.dispatchEvent(new Event('input', {bubbles: true})); })()"
    )


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("dark", [False, True])
def test_it_renders_at_both_widths_without_a_problem_or_a_request(
    page: Page, file: Path, width: int, dark: bool
) -> None:
    page.show(file, width=width, dark=dark)
    assert page.run("document.documentElement.scrollWidth") == width
    assert page.run(SHOWN.format(".account > summary")) > 1
    assert page.run("getComputedStyle(document.querySelector('.bar rect')).fill") != "rgb(0, 0, 0)"
    assert "in " in page.run("document.querySelector('.countdown').textContent")
    page.run("document.querySelectorAll('details').forEach((part) => { part.open = true })")
    assert page.run("document.documentElement.scrollWidth") == width
    assert page.problems() == []
    assert page.requests() == [file.as_uri()]


def test_the_filters_and_the_switch_work(page: Page, file: Path) -> None:
    page.show(file, width=1280)
    accounts = page.run(SHOWN.format(".account"))
    choose(page, "account", "it.selectedIndex = 2")
    assert page.run(SHOWN.format(".account")) == 1 < accounts
    choose(page, "account", "it.selectedIndex = 0")

    choose(page, "stream", "it.value = 'DEPOSIT'")
    found = page.run(SHOWN.format("[data-stream]"))
    assert 0 < found == page.run(
        "document.querySelectorAll('[data-stream*=deposit]').length"
    )  # and their lists are open
    assert page.run("document.getElementById('shown').textContent").startswith(f"{found} of ")
    choose(page, "stream", "it.value = ''")

    choose(page, "attention", "it.checked = true")
    assert page.run(SHOWN.format("[data-ok]")) == 0
    assert page.run(SHOWN.format(".account")) > 0
    choose(page, "attention", "it.checked = false")

    page.run("document.querySelectorAll('details').forEach((part) => { part.open = true })")
    assert page.run(SHOWN.format(".amount > span")) > 0 < page.run(SHOWN.format("figure"))
    choose(page, "hide", "it.checked = true")
    assert page.run(SHOWN.format(".amount > span")) == page.run(SHOWN.format("figure")) == 0
    assert page.problems() == []


def test_the_policy_stops_a_request_and_a_foreign_script(page: Page, tmp_path: Path) -> None:
    """The page's policy is in force, even if a text were not escaped."""
    unescaped = '<p id="x">1</p><img src="https://a.example/x"><script>x.textContent = "2"</script>'
    made = html.render("document.html", title="T", body=html.Markup(unescaped))
    file = tmp_path / "page.html"
    file.write_text(made, encoding="utf-8")
    page.show(file, width=1280)
    assert page.run("document.getElementById('x').textContent") == "1"
    refused = " ".join(page.problems())
    assert "https://a.example/x" in refused and "Content Security Policy" in refused
