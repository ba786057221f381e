"""Accounts are added to, changed in and removed from TOML files; all other text stays."""

from __future__ import annotations

import threading
import tomllib
from pathlib import Path

import pytest

from pipelines.config.edit import (
    accounts_in,
    remove_account,
    rename_account,
    set_fields,
    settings_lock,
)
from pipelines.config.places import place_of
from pipelines.errors import LookbackError
from pipelines.home import Home

WRITTEN = """\
# my exchanges
[runtime]
log_level = "ERROR"   # quiet

# the first account
[accounts.main]
exchange = "bitget"     # since 2021
opened_at = 2021-03-01

[accounts.Second]
exchange = 'bitmex'
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "config.toml"
    made.write_text(WRITTEN)
    return made


def test_a_new_account_leaves_every_line_as_it_was(file):
    set_fields(file, "third", {"exchange": "bigone", "accepted_rights": ["trade"]})
    assert file.read_text().startswith(WRITTEN)
    added = tomllib.loads(file.read_text())["accounts"]["third"]
    assert added == {"exchange": "bigone", "accepted_rights": ["trade"]}


def test_a_changed_field_keeps_comments_and_order(file):
    set_fields(file, "MAIN", {"exchange": "binance", "uid": "7"})
    text = file.read_text()
    assert "# my exchanges" in text and "# the first account" in text and "# quiet" in text
    assert 'exchange = "binance"     # since 2021' in text
    assert list(tomllib.loads(text)["accounts"]) == ["main", "Second"]
    assert accounts_in(file)["main"]["uid"] == "7"


def test_a_field_without_value_is_removed(file):
    set_fields(file, "main", {"opened_at": None, "pace": None})
    assert accounts_in(file)["main"] == {"exchange": "bitget"}
    assert "# since 2021" in file.read_text()


def test_a_removed_account_takes_only_its_own_lines(file):
    assert remove_account(file, "second") and not remove_account(file, "second")
    text = file.read_text()
    assert "bitmex" not in text and "# since 2021" in text
    assert remove_account(file, "main")
    assert tomllib.loads(file.read_text()) == {"runtime": {"log_level": "ERROR"}}


def test_a_renamed_account_keeps_its_fields(file):
    assert rename_account(file, "MAIN", "first") and not rename_account(file, "main", "x")
    assert set(accounts_in(file)) == {"first", "second"}
    assert "# since 2021" in file.read_text()


@pytest.mark.parametrize(
    "text",
    [
        "",
        'accounts.a.exchange = "bitget"\n',
        'accounts = {a = {exchange = "bitget"}}\n',
        '[accounts]\na = {exchange = "bitget"}\n',
        '[accounts."a"]\nexchange = "bitget"\n',
        '\ufeff[accounts.a]\r\nexchange = "bitget"\r\n',
        '[accounts.a]\nexchange = "bitget"\n[other]\n[accounts.b]\nkey = "k"\n',
    ],
)
def test_each_way_to_write_an_account_is_changed_or_refused(tmp_path, text):
    file = tmp_path / "secrets.toml"
    file.write_text(text, encoding="utf-8", newline="")
    before = accounts_in(file)
    try:
        set_fields(file, "a", {"key": 'k"\\\n☃'})
    except LookbackError as error:
        assert "by hand" in error.remedy
        assert accounts_in(file) == before
    else:
        assert accounts_in(file) == {**before, "a": {**before.get("a", {}), "key": 'k"\\\n☃'}}


def test_a_written_file_is_private_and_leaves_no_copy(file):
    file.chmod(0o644)
    set_fields(file, "main", {"uid": "7"})
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["config.toml"]


def test_a_link_stays_a_link(file, tmp_path):
    link = tmp_path / "link.toml"
    link.symlink_to(file)
    set_fields(link, "main", {"uid": "7"})
    assert link.is_symlink() and accounts_in(file)["main"]["uid"] == "7"


def test_a_damaged_file_is_not_touched(file):
    file.write_text("[accounts.main\n")
    with pytest.raises(LookbackError, match="line 1"):
        set_fields(file, "main", {"uid": "7"})
    assert file.read_text() == "[accounts.main\n"


def test_a_folder_that_cannot_be_written_is_an_error_with_remedy(file, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(LookbackError, match="No space left") as caught:
        set_fields(file, "main", {"uid": "7"})
    assert caught.value.remedy and file.read_text() == WRITTEN


def test_changes_at_the_same_time_are_all_kept(private_home: Home):
    file = private_home.settings / "config.toml"

    def add(number: int) -> None:
        with settings_lock(private_home):
            set_fields(file, f"account{number}", {"exchange": "bitget"})

    threads = [threading.Thread(target=add, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(accounts_in(file)) == 8


@pytest.mark.parametrize(
    ("label", "field", "place"),
    [("main", "opened_at", "line 8, column 1"), ("SECOND", "exchange", "line 11, column 1")],
)
def test_the_place_of_a_field_is_found(file, label, field, place):
    assert place_of(file, label, field) == f"{file}, {place}"
    assert place_of(file, label, "nosuch") == "" == place_of(file, "nosuch", field)
    assert place_of(file.with_name("nosuch.toml"), label, field) == ""
