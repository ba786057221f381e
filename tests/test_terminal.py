"""Terminal output: whole words, no control characters, and valid text in any encoding."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import requests
from rich.console import Console

from flows.cli import show, terminal
from flows.runtime.outcome import Summary, SyncFailed, merged_failures, shortened
from pipelines.errors import LookbackError
from pipelines.extract.work import Failure
from pipelines.home import PROJECT, Home, home
from pipelines.load.account_sync import AccountResult
from pipelines.load.pipeline import LONGEST_NAME, account_pipeline
from pipelines.registry import exchange
from tests.conftest import Lab

AT = datetime(2026, 1, 1, tzinfo=UTC)


def gap(**fields: Any) -> dict[str, Any]:
    return {
        "label": "main_account_of_the_firm", "stream": "isolated_margin_interest_history",
        "verdict": "lost_to_retention", "severity": "warning", "state": "open", "remedy": "",
        "span_start": AT, "span_end": AT, "cause": "gone",
    } | fields  # fmt: skip


def shown(what: Any, *arguments: Any, width: int = 80) -> str:
    out = terminal.PlainConsole(width=width)
    with out.capture() as captured:
        what(*arguments, out)
    return captured.get()


def test_eighty_columns_break_no_word_in_its_middle() -> None:
    text = shown(show.gaps, [gap(), gap(stream="unified_account_financial_records")])
    assert max(len(line) for line in text.splitlines()) <= 80
    parts = {
        f"{part}_"
        for name in ("isolated_margin_interest", "unified_account_financial", "lost_to")
        for part in name.split("_")
    }
    assert all(part in text for part in parts), text
    assert "2026-01-01" in text


@pytest.mark.parametrize(
    "text", ["[/x]", "[bold]loud[/bold]", ":smile:", "\x1b[31mred", "\u202eback"]
)
def test_text_of_an_exchange_stays_text(text: str) -> None:
    told = shown(show.gaps, [gap(label=text, cause=text)], width=100)
    assert text.replace("\x1b", "�").replace("\u202e", "�") in told
    assert "\x1b" not in told and "\u202e" not in told
    assert text[:4] in shown(lambda out: out.print(text)).replace("�", text[0])


def test_progress_shows_markup_as_it_is() -> None:
    import io

    out = Console(file=io.StringIO(), force_terminal=True, width=100)
    with show.bars(out) as watcher:
        watcher.rows("[/x]", "[/y]", 1, 1.0)
        watcher.stage("[/z]")
    assert "[/z]" in out.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize("settings", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C"}])
def test_an_ascii_terminal_gets_every_command_that_prints(
    settings: dict[str, str], private_home: Home
) -> None:
    code = (
        "from flows.cli import app as cli, show; from flows.cli.safe_text import write_anywhere;"
        "write_anywhere(); from flows.cli.terminal import console;"
        "show.note(console(), '≈', 'a – b … ć\\udc80'); cli.main(['certificate', 'größe'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROJECT, env=os.environ | settings, capture_output=True, check=False,
    )  # fmt: skip
    assert b"nothing is published yet" in done.stderr, done.stderr
    assert b"Traceback" not in done.stderr
    if "PYTHONIOENCODING" in settings:
        assert done.stdout.decode("ascii").startswith("~ a - b ... \\u0107")


def test_one_reason_on_many_streams_is_one_line() -> None:
    failures = [
        Failure(f"stream_{number}", "refused", "wrong_key", "the key is unknown", "make a new one")
        for number in range(41)
    ]
    [reported] = merged_failures("main", failures)
    assert str(reported).startswith("main · stream_0, stream_1, stream_2 and 38 more: the key is")


def test_a_sync_that_read_nothing_publishes_nothing_else() -> None:
    failures = [LookbackError("no", account="main")]
    read = SyncFailed(Summary([AccountResult("main", rows=1)], list(failures)))
    nothing = SyncFailed(Summary([AccountResult("main")], list(failures)))
    assert "everything else is published" in read.what
    assert "published" not in nothing.what and "no row was read" in nothing.what


def test_names_beyond_three_are_counted() -> None:
    assert shortened(["a", "b", "c"]) == "a, b, c"
    assert shortened(["a", "b", "c", "d"]) == "a, b, c and 1 more"


@pytest.mark.parametrize(
    "proxies",
    [
        {"HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"},
        {"ALL_PROXY": "socks5://127.0.0.1:9", "all_proxy": "socks5://127.0.0.1:9"},
    ],
)
def test_local_servers_are_requested_without_a_proxy(
    proxies: dict[str, str], lab: Lab
) -> None:
    lab.patch.delenv("NO_PROXY", raising=False)
    lab.patch.setenv("no_proxy", "example.org")
    for name, value in proxies.items():
        lab.patch.setenv(name, value)
    home()
    assert os.environ["NO_PROXY"].startswith("example.org,")
    assert not requests.utils.get_environ_proxies("http://127.0.0.2:80/")
    assert httpx.get(lab.box.url, timeout=10).status_code < 600  # as Prefect's client asks
    assert lab.sync(lab.declare("bigone"))["bigone_main"].rows


def test_rows_read_again_are_not_new(lab: Lab) -> None:
    label = lab.declare("bigone")
    first = lab.sync()[label]
    again = lab.sync(full=True)[label]
    assert first.new_rows > 0
    assert again.rows > again.new_rows == 0


def test_a_label_cannot_take_the_account_of_another(lab: Lab) -> None:
    lab.sync(lab.declare("bigone", label="main"))
    lab.declare("bigone", label="second")
    with pytest.raises(LookbackError, match="this is the same account as main"):
        lab.sync("second")
    for name in [name for name in os.environ if name.startswith("ACCOUNTS__MAIN__")]:
        lab.patch.delenv(name)
    [warning] = lab.sync("second")["second"].warnings
    assert "had the label main; its history continues as second" in warning


def test_an_endless_account_name_is_no_file_name(private_home: Home) -> None:
    spec = exchange("bitmex").spec
    names = {
        account_pipeline(private_home, spec, f"bitmex:{'9' * 1_000_000}{end}").pipeline_name
        for end in "ab"
    }
    assert len(names) == 2
    assert max(map(len, names)) <= LONGEST_NAME + 20
