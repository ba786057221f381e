"""Declared accounts: every source of settings, and every possible mistake."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pipelines.config.accounts import configured_accounts, readable_accounts
from pipelines.errors import LookbackError
from pipelines.home import Home
from tests.conftest import call_cli

CONFIG = """
[accounts.main]
exchange = "bitget"
opened_at = 2021-03-01
base_url = "http://127.0.0.1:1/bitget/"

[accounts.Old-One]
exchange = "BitMEX"
"""
SECRETS = """
[accounts.main]
key = "the-key"
secret = "the-secret"
passphrase = "the-passphrase"

[accounts.Old-One]
key = "k2"
secret = "s2"
"""


@pytest.fixture
def place(private_home: Home) -> Home:
    private_home.settings.mkdir(parents=True)
    (private_home.settings / "config.toml").write_text(CONFIG)
    (private_home.settings / "secrets.toml").write_text(SECRETS)
    return private_home


def test_settings_and_secrets_come_together(place):
    main, old = configured_accounts()
    assert (main.label, main.exchange, main.base_url) == (
        "main",
        "bitget",
        "http://127.0.0.1:1/bitget",
    )
    assert main.opened_at == datetime(2021, 3, 1, tzinfo=UTC)
    assert main.credentials["passphrase"] == "the-passphrase"
    assert (old.exchange, old.credentials["key"], old.opened_at) == ("bitmex", "k2", None)


def test_a_label_is_found_whatever_its_case(place):
    (account,) = configured_accounts(["OLD-one"])
    assert account.credentials["secret"] == "s2"


def test_the_environment_wins(place, monkeypatch):
    monkeypatch.setenv("ACCOUNTS__MAIN__SECRET", "another")
    monkeypatch.setenv("ACCOUNTS__OLD_ONE__SECRET", "a third")
    main, old = configured_accounts()
    assert main.credentials["secret"] == "another"
    assert old.credentials["secret"] == "a third"


def test_the_environment_can_declare_an_account_alone(private_home, monkeypatch):
    for name, value in {"EXCHANGE": "bitmex", "KEY": "k", "SECRET": "s"}.items():
        monkeypatch.setenv(f"ACCOUNTS__ALONE__{name}", value)
    (account,) = configured_accounts()
    assert (account.label, account.base_url) == ("alone", "https://www.bitmex.com")


def test_an_unknown_label_names_the_known_ones(place):
    with pytest.raises(LookbackError, match=r"main.*old-one|old-one.*main"):
        configured_accounts(["nosuch"])
    with pytest.raises(LookbackError, match="no account has this label"):
        readable_accounts(["nosuch"])


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("EXCHANGE", "nosuch", "no such exchange"),
        ("KEY", "", "key missing"),
        ("SECRET", "", "secret missing"),
        ("OPENED_AT", "yesterday", "not a date"),
        ("PACE", "fast", "not a positive number"),
        ("OPENED_AT", "2121-03-01", "in the future"),
        ("PACE", "0", "not a positive number"),
        ("PACE", "nan", "not a positive number"),
    ],
)
def test_a_bad_field_is_named_with_its_remedy(private_home, monkeypatch, field, value, says):
    good = {"EXCHANGE": "bitmex", "KEY": "k", "SECRET": "s"}
    for name, setting in {**good, field: value}.items():
        monkeypatch.setenv(f"ACCOUNTS__A__{name}", setting)
    with pytest.raises(LookbackError, match=says) as caught:
        configured_accounts()
    assert caught.value.account == "a" and caught.value.remedy


@pytest.mark.parametrize(
    ("field", "says"),
    [("PASPHRASE", "write 'passphrase'"), ("ZZZ", "the fields are: exchange, ")],
)
def test_an_unknown_field_is_refused_with_the_nearest(place, monkeypatch, field, says):
    monkeypatch.setenv(f"ACCOUNTS__MAIN__{field}", "not-to-be-shown")
    with pytest.raises(LookbackError, match=f"no field '{field.lower()}'") as caught:
        configured_accounts(["main"])
    assert says in caught.value.remedy
    assert "not-to-be-shown" not in str(caught.value)


@pytest.mark.parametrize("name", ["config.toml", "secrets.toml"])
def test_a_syntax_error_is_reported_with_its_place(place, name):
    file = place.settings / name
    file.write_text('[accounts.main]\nexchange "bitget"\n')
    with pytest.raises(LookbackError, match=rf"{name}: .*line 2, column 10"):
        readable_accounts()
    file.write_bytes(b"[accounts.main]\nkey = '\xff'\n")
    with pytest.raises(LookbackError, match=rf"{name}, line 2: it is not UTF-8"):
        readable_accounts()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[account.other]\nexchange = 'bitget'\n", "account is not an account"),
        ("[accounts]\nexchange = 'bitget'\n", "accounts.exchange is not an account"),
        ("accounts = 'bitget'\n", "accounts is not an account"),
    ],
)
def test_an_account_written_otherwise_is_not_ignored(place, text, says):
    (place.settings / "config.toml").write_text(text)
    with pytest.raises(LookbackError, match=says):
        readable_accounts()


def test_a_byte_order_mark_of_an_editor_is_ignored(place):
    file = place.settings / "config.toml"
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert configured_accounts(["main"])


def test_one_bad_account_stops_no_other(place, monkeypatch):
    monkeypatch.setenv("ACCOUNTS__BROKEN__EXCHANGE", "bitget")
    accounts, wrong = readable_accounts()
    assert [account.label for account in accounts] == ["main", "Old-One"]
    assert [error.account for error in wrong] == ["broken"]


def test_each_account_that_cannot_be_read_is_named(private_home, monkeypatch):
    monkeypatch.setenv("ACCOUNTS__BROKEN__EXCHANGE", "bitget")
    monkeypatch.setenv("ACCOUNTS__WORSE__EXCHANGE", "nowhere")
    accounts, wrong = readable_accounts()
    assert accounts == [] and [error.account for error in wrong] == ["broken", "worse"]


def test_an_account_never_shows_its_secrets(place):
    assert "the-secret" not in repr(configured_accounts(["main"]))


def test_private_data_is_readable_by_its_owner_only(private_home):
    assert private_home.data.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://gateway.example/bitget", "plain http"),
        ("http://10.0.0.7:8080", "plain http"),
        ("http://127.0.0.1.example", "plain http"),
        ("ftp://gateway.example", "not the URL of a server"),
        ("gateway.example", "not the URL of a server"),
        ("http://[::1", "not the URL of a server"),
        ("http://gateway.example\\@127.0.0.1", "not the URL of a server"),
        ("https://name:word@gateway.example", "not the URL of a server"),
        ("https://gateway.example?to=", "not the URL of a server"),
    ],
)
def test_a_key_goes_over_plain_http_to_this_machine_alone(place, monkeypatch, url, says):
    monkeypatch.setenv("ACCOUNTS__MAIN__BASE_URL", url)
    with pytest.raises(LookbackError, match=says):
        configured_accounts(["main"])


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("http://localhost:8080", ""),
        ("http://[::1]:8080", ""),
        ("https://gateway.example", ""),
        ("http://gateway.example", "true"),
    ],
)
def test_a_local_or_allowed_address_is_taken(place, monkeypatch, url, allowed):
    monkeypatch.setenv("ACCOUNTS__MAIN__BASE_URL", url)
    monkeypatch.setenv("ACCOUNTS__MAIN__ALLOW_PLAIN_HTTP", allowed)
    assert configured_accounts(["main"])[0].base_url == url


@pytest.mark.parametrize(
    ("field", "line"),
    [("exchange = 'bitgte'", 2), ("opened_at = 'soon'", 3), ("pace = -1", 3), ("secrte = 's'", 3)],
)
def test_a_wrong_field_in_a_file_is_told_with_its_line(private_home, field, line):
    private_home.settings.mkdir(parents=True)
    file = private_home.settings / "config.toml"
    first = "" if line == 2 else "exchange = 'bitmex'\n"
    file.write_text(f"[accounts.main]\n{first}  {field}\n[accounts.main2]\n")
    (private_home.settings / "secrets.toml").write_text("[accounts.main]\nkey='k'\nsecret='s'\n")
    with pytest.raises(LookbackError) as caught:
        configured_accounts(["main"])
    assert f"{file}, line {line}, column 3: " in caught.value.what
    assert "nearest is bitget" in caught.value.remedy or line == 3


def test_a_file_of_keys_that_others_can_read_is_told_at_the_start(place):
    file = place.settings / "secrets.toml"
    file.chmod(0o644)
    assert f"chmod 600 {file}" in call_cli(["guide", "bitmex"]).stderr
    file.chmod(0o600)
    assert "chmod" not in call_cli(["guide", "bitmex"]).stderr
