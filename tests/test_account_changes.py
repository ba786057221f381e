"""`lookback accounts` and the commands below it, and `lookback doctor`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from flows.cli import doctor
from pipelines.config.accounts import configured_accounts, declared_accounts
from pipelines.config.edit import set_fields
from pipelines.home import Home
from pipelines.sandbox.engine.server import Sandbox
from tests.conftest import Lab, call_cli
from tests.test_connect import connect, one_line


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(size="tiny", pace=None) as running:
        yield running


def new_key(box: Sandbox, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the key into the environment, from which `rotate` takes it."""
    for field in ("key", "secret", "passphrase", "memo"):
        monkeypatch.setenv(f"LOOKBACK_{field}".upper(), box.account(name).get(field, ""))
    if not box.account(name).get("memo"):
        monkeypatch.delenv("LOOKBACK_MEMO")
    if box.account(name)["exchange"] in ("bitmex", "bitmart"):
        monkeypatch.delenv("LOOKBACK_PASSPHRASE")


def test_accounts_without_any_say_how_to_connect_one(private_home):
    done = call_cli(["accounts"])
    assert done.returncode == 1 and "lookback connect" in done.stderr


def test_accounts_list_what_is_declared_before_the_first_sync(box, private_home):
    assert connect(box, "bitmex-empty", "--label", "a")[0] == 0
    done = call_cli(["accounts"], {"COLUMNS": "80"})
    assert "not synced yet" in done.stdout
    assert max(len(line) for line in done.stdout.splitlines()) <= 80
    (row,) = json.loads(call_cli(["accounts", "--json"]).stdout)
    assert (row["label"], row["uid"], row["permissions"]) == ("a", "1000810", [])
    assert row["is_declared"] is True


def test_accounts_of_a_published_file_name_key_and_next_loss(shared):
    done = call_cli(["accounts"], {"COLUMNS": "80"})
    assert done.returncode == 0, done.stderr
    assert max(len(line) for line in done.stdout.splitlines()) <= 80
    rows = json.loads(call_cli(["accounts", "--json"]).stdout)
    row = next(row for row in rows if row["account_id"] == "bitget:7000000001")
    assert "coor" in row["permissions"] and row["kind"] == "classic"
    assert row["can_trade"] is False and row["next_loss_at"] and row["sync_before"]
    assert row["is_declared"] is False
    bitmex = next(row for row in rows if row["account_id"] == "bitmex:1000801")
    assert bitmex["key_age_days"] > 0


def test_a_renamed_account_keeps_key_and_history(lab: Lab, monkeypatch):
    assert connect(lab.box, "bitmex-empty", "--label", "old")[0] == 0
    lab.sync("old")
    done = call_cli(["accounts", "rename", "old", "New-One"])
    assert done.returncode == 0, done.stderr
    (account,) = configured_accounts()
    assert account.label == "New-One"
    assert account.credentials["key"] == lab.box.account("bitmex-empty")["key"]
    assert lab.query("select distinct label from raw_bitmex.accounts") == [("New-One",)]
    result = lab.sync("new-one")["New-One"]
    assert not result.warnings and not result.failures


@pytest.mark.parametrize(("new", "says"), [("b", "is taken"), ("no way", "a label is up to")])
def test_a_label_that_is_taken_or_invalid_is_refused(new, says, private_home):
    for label in ("a", "b"):
        set_fields(private_home.settings / "config.toml", label, {"exchange": "bitmex"})
    done = call_cli(["accounts", "rename", "a", new])
    assert done.returncode == 1 and says in done.stderr
    assert set(declared_accounts()) == {"a", "b"}


def test_a_new_key_of_another_account_is_refused(box, private_home, monkeypatch):
    assert connect(box, "bitmex-empty", "--label", "a")[0] == 0
    new_key(box, "bitmex-main", monkeypatch)
    done = call_cli(["accounts", "rotate", "a"])
    assert done.returncode == 1
    assert "belongs to bitmex:1000801, but a is bitmex:1000810" in done.stderr
    assert configured_accounts()[0].credentials["key"] == box.account("bitmex-empty")["key"]


def test_a_new_key_of_the_same_account_replaces_the_old_one(box, private_home, monkeypatch):
    assert connect(box, "bitmex-main", "--label", "a")[0] == 0
    new_key(box, "bitmex-trading", monkeypatch)
    done = call_cli(["accounts", "rotate", "a"])
    assert done.returncode == 1 and "can trade (order)" in done.stderr
    done = call_cli(["accounts", "rotate", "a", "--accept-trading-key"])
    assert done.returncode == 0, done.stderr
    (account,) = configured_accounts()
    assert account.credentials["key"] == box.account("bitmex-trading")["key"]
    assert (account.uid, account.accepted_rights) == ("1000801", ("order",))


def test_a_new_key_of_a_nameless_account_needs_a_statement(box, private_home, monkeypatch):
    assert connect(box, "bitmart-main", "--label", "a")[0] == 0
    uid = box.account("bitmart-main")["uid"]
    new_key(box, "bitmart-young", monkeypatch)
    done = call_cli(["accounts", "rotate", "a"])
    assert done.returncode == 1 and "--same-account" in done.stderr
    done = call_cli(["accounts", "rotate", "a", "--same-account"])
    assert done.returncode == 0, done.stderr
    (account,) = configured_accounts()
    assert account.uid == uid
    assert account.credentials["key"] == box.account("bitmart-young")["key"]


def test_a_disconnected_account_leaves_no_key_and_keeps_history(lab: Lab):
    assert connect(lab.box, "bitmex-empty", "--label", "a")[0] == 0
    lab.sync("a")
    receipts = lab.query("select count(*) from raw_bitmex.receipts")
    done = call_cli(["accounts", "disconnect", "a"])
    assert done.returncode == 0 and "deadlines go on counting" in done.stdout
    files = "".join(file.read_text() for file in lab.home.settings.glob("*.toml"))
    assert lab.box.account("bitmex-empty")["key"] not in files and not declared_accounts()
    assert lab.query("select count(*) from raw_bitmex.receipts") == receipts
    # The same key again continues the history under its old label.
    code, _, error = connect(lab.box, "bitmex-empty")
    assert code == 0 and [account.label for account in configured_accounts()] == ["a"], error


def test_an_account_of_the_environment_is_not_changed(lab: Lab):
    lab.declare("bitmex-empty", label="a")
    for arguments in (["rename", "a", "b"], ["disconnect", "a"]):
        done = call_cli(["accounts", *arguments])
        assert done.returncode == 1 and "ACCOUNTS__A__" in done.stderr


def test_forget_asks_and_needs_a_history(private_home):
    done = call_cli(["accounts", "forget", "a", "--yes"])
    assert done.returncode == 1 and "no history has this label" in done.stderr


# -- doctor


def test_doctor_finds_nothing_wrong_with_a_good_account(box, private_home):
    assert connect(box, "bitmex-empty", "--label", "a")[0] == 0
    done = call_cli(["doctor", "--json"])
    assert done.returncode == 0, done.stdout
    items = {item["name"]: item for item in json.loads(done.stdout)}
    names = {"versions", "disk", "files", "locks", "proxy", "schedule", "dns", "key", "clock"}
    assert names | {"streams"} == set(items)
    assert {name for name, item in items.items() if item["state"] != "ok"} <= {"schedule"}
    shown = call_cli(["doctor"], {"COLUMNS": "80"})
    assert max(len(line) for line in shown.stdout.splitlines()) <= 80


def test_doctor_says_what_to_do_for_each_fault(private_home, monkeypatch):
    with Sandbox(size="tiny", pace=None) as box:
        assert connect(box, "bitget-narrow", "--label", "narrow")[0] == 0
        assert connect(box, "bitmex-empty", "--label", "broken")[0] == 0
        monkeypatch.setenv("ACCOUNTS__BROKEN__SECRET", "0" * 48)
        (private_home.settings / "secrets.toml").chmod(0o640)
        monkeypatch.setattr("flows.cli.doctor.SPARE_DISK", 10**18)
        monkeypatch.setenv("http_proxy", "http://name:word@127.0.0.1:9")
        box.set_now(datetime.now(UTC) + timedelta(minutes=5))
        done = call_cli(["doctor"])
    assert done.returncode == 1
    said = one_line(done.stdout)
    for part in (
        "chmod 600", "Free disk space", "narrow · streams: spot_fills", "Synchronise it",
        "broken · key: the secret does not belong",
    ):  # fmt: skip
        assert part in said, part
    assert "word" not in said.split()


def test_doctor_sees_a_run_in_progress(private_home: Home):
    from flows.runtime import lock

    with lock.run_lock(private_home, "sync"):
        (item,) = doctor.locks(private_home)
    assert item.state == "warning" and "sync, process" in item.what


def test_doctor_names_an_unknown_host(private_home):
    fields = {"exchange": "bitmex", "base_url": "https://nowhere.invalid"}
    set_fields(private_home.settings / "config.toml", "a", {**fields, "key": "k", "secret": "s"})
    (account,) = configured_accounts()
    item = list(doctor.network(account))[-1]
    assert item.state == "error" and "nowhere.invalid" in item.what and item.remedy
