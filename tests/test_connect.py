"""`lookback connect` and `lookback check`: every key of every simulator gets the right answer."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipelines import registry
from pipelines.config.accounts import configured_accounts
from pipelines.connect.fields import entered, trimmed
from pipelines.connect.reach import reach_of
from pipelines.errors import LookbackError
from pipelines.extract.exchange import Identity
from pipelines.extract.rights import Rights, rights_of
from pipelines.sandbox.engine.server import Sandbox, key_of
from tests.conftest import call_cli

EXCHANGES = registry.names()
TITLES = {name: registry.exchange(name).spec.title for name in EXCHANGES}


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    """The simulators, which no test of this module changes."""
    with Sandbox(size="tiny", pace=None) as running:
        yield running


@pytest.fixture(autouse=True)
def no_backoff(monkeypatch):
    monkeypatch.setattr("pipelines.extract.client._wait_before_next", lambda state: 0.0)


def connect(
    box: Sandbox, name: str, *options: str, environment: Any = None, **fields: str
) -> tuple[int, str, str]:
    """Run `connect` with the key in the environment; exit code, stdout and stderr as one line."""
    card = box.account(name)
    spec = registry.exchange(card["exchange"]).spec
    key = {field: card.get(field, "") for field in spec.credential_fields} | fields
    variables = {f"LOOKBACK_{field}".upper(): value for field, value in key.items()}
    done = call_cli(
        ["connect", card["exchange"], "--base-url", card["base_url"], *options],
        {"COLUMNS": "80", **variables, **(environment or {})},
    )
    assert max((len(line) for line in done.stdout.splitlines()), default=0) <= 80
    return done.returncode, one_line(done.stdout), one_line(done.stderr)


def one_line(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("name", EXCHANGES)
def test_a_read_only_key_is_connected_and_stored(name, box, private_home):
    code, out, error = connect(box, f"{name}-main", "--label", "mine")
    assert code == 0, error
    card = box.account(f"{name}-main")
    assert f"{TITLES[name]} account {card['uid']}" in out
    assert "next: lookback sync mine" in out
    (account,) = configured_accounts()
    fields = registry.exchange(name).spec.credential_fields
    assert account.credentials.fields == {field: card[field] for field in fields}
    assert account.base_url == card["base_url"]
    assert account.uid == ("" if card["uid"].startswith("key-") else card["uid"])
    for file in ("secrets.toml", "config.toml"):
        assert (private_home.settings / file).stat().st_mode & 0o777 == 0o600
    config = (private_home.settings / "config.toml").read_text()
    assert not any(card[field] in config + out + error for field in fields)


POWERFUL = [
    (card.label, card.profile)
    for card in Sandbox().shell.cards
    if card.profile in ("trading", "withdrawing", "canceling")
]
SAYS = {
    "binance-trading": "can trade (enableSpotAndMarginTrading)",
    "binance-withdrawing": "can withdraw (enableWithdrawals, enableInternalTransfer",
    "bitget-trading": "can trade (stow)",
    "bitget-withdrawing": "can withdraw (wwow)",
    "bitget-unified-trading": "can trade and withdraw (read-and-write, uta_mgt",
    "bitmart-trading": "not known to only read (Future-Trade, Inter-Account Transfer)",
    "bitmart-withdrawing": "can withdraw (Withdraw)",
    "bitmex-trading": "can trade (order)",
    "bitmex-canceling": "can trade (orderCancel)",
    "bitmex-withdrawing": "can withdraw (withdraw)",
}


@pytest.mark.parametrize(
    ("label", "profile"),
    [
        # Binance's account routes allow few requests, so checking twice takes half a minute.
        pytest.param(*each, marks=[pytest.mark.slow] if each[0].startswith("binance") else [])
        for each in POWERFUL
    ],
)
def test_a_key_that_can_do_more_is_refused_unless_accepted(label, profile, box, private_home):
    code, out, error = connect(box, label)
    name = box.account(label)["exchange"]
    if label not in SAYS:
        assert code == 0 and f"{TITLES[name]} does not state whether it can trade" in out
        return
    assert code == 1 and SAYS[label] in error and "--accept-trading-key" in error
    assert "Make a key that only reads" in out and "1." in out
    assert not (private_home.settings / "secrets.toml").exists()
    code, out, error = connect(box, label, "--accept-trading-key")
    assert code == 0, error
    (account,) = configured_accounts()
    assert account.accepted_rights and all(word in error + out for word in ("connected",))
    checked = call_cli(["check", "--json"])
    (row,) = json.loads(checked.stdout)
    assert checked.returncode == 0 and row["is_read_only"] is False
    assert row["beyond_reading"] == row["accepted_rights"] == list(account.accepted_rights)


UNUSABLE = [
    (card.label, card.profile)
    for card in Sandbox().shell.cards
    if card.profile in ("ip-bound", "expired", "disabled")
]
REASONS = {
    "ip-bound": ("address",),
    "expired": ("expired",),
    "disabled": ("disabled", "no longer exists", "frozen", "deleted", "does not accept"),
}


@pytest.mark.parametrize(("label", "profile"), UNUSABLE)
def test_an_unusable_key_is_refused_with_the_reason(label, profile, box, private_home):
    code, _, error = connect(box, label)
    assert code == 1 and "identity" in error
    assert any(reason in error for reason in REASONS[profile])
    assert not (private_home.settings / "secrets.toml").exists()


def test_a_sub_account_is_recognised_with_its_main_account(box, private_home):
    code, out, error = connect(box, "bitget-sub")
    assert code == 0, error
    assert "account 7000000009, classic sub, of 7000000001" in out


def test_a_narrow_key_shows_which_streams_do_not_answer_and_why(box, private_home):
    code, out, _ = connect(box, "bitget-narrow")
    assert code == 0 and "19 of 56 answer" in out
    assert "spot_fills, spot_orders: the key lacks the right for this" in out
    assert "Tick its read permission" in out


def test_a_tax_key_asks_for_the_account_number(box, private_home):
    code, out, _ = connect(box, "bitget-tax")
    assert code == 0 and "does not name the account of this key" in out and "--uid" in out


def test_what_is_lost_is_told_before_the_first_sync(box, private_home):
    code, out, _ = connect(box, "bitget-main", "--check")
    opened, floor = box.now - timedelta(days=3 * 365), box.now - timedelta(days=90)
    assert code == 0 and f"{floor:%Y-%m-%d}" in out
    assert f"{opened:%Y}" in out and "shortest retention is 90 days" in out
    assert "nothing was stored" in out and not (private_home.settings).exists()


# -- wrong, swapped and skewed


@pytest.mark.parametrize(
    ("name", "field", "value", "says"),
    [
        ("bitget-main", "key", "bg_" + "0" * 32, "does not know this key"),
        ("bitget-main", "secret", "0" * 64, "the secret does not belong to this key"),
        ("bitget-main", "passphrase", "mistaken7", "the key or its passphrase is wrong"),
        ("bitmart-main", "key", "0" * 40, "does not know this key"),
        ("bitmart-main", "secret", "0" * 64, "secret or the memo does not belong"),
        ("bitmart-main", "memo", "mistaken7", "secret or the memo does not belong"),
        ("bitmex-main", "key", "A" * 24, "does not know this key"),
        ("bitmex-main", "secret", "A" * 48, "the secret does not belong to this key"),
        ("binance-main", "key", "A" * 64, "does not know this key"),
        ("binance-main", "secret", "A" * 64, "the secret does not belong to this key"),
        ("bigone-main", "key", "00000000-0000-4000-8000-000000000000", "not accept this key"),
        ("bigone-main", "secret", "0" * 64, "not accept this key"),
    ],
)
def test_a_wrong_field_is_named(name, field, value, says, box, private_home):
    code, _, error = connect(box, name, **{field: value})
    assert code == 1 and says in error
    assert "nothing was stored" in error and value not in error
    assert not (private_home.settings / "secrets.toml").exists()


SHAPED = [name for name in EXCHANGES if registry.exchange(name).spec.credential_shapes]


@pytest.mark.parametrize("name", SHAPED)
def test_swapped_fields_are_recognised_before_anything_is_sent(name, box, private_home):
    card = box.account(f"{name}-main")
    before = len(box.requests()["log"])
    code, _, error = connect(box, card["label"], key=card["secret"], secret=card["key"])
    assert code == 1 and "key and secret are swapped" in error
    assert len(box.requests()["log"]) == before
    assert card["secret"] not in error


def test_a_passphrase_in_the_place_of_the_secret_is_recognised(box, private_home):
    card = box.account("bitget-main")
    code, _, error = connect(
        box, "bitget-main", secret=card["passphrase"], passphrase=card["secret"]
    )
    assert code == 1 and "secret and passphrase are swapped" in error


def test_the_key_of_every_simulated_account_fits_the_shapes():
    for card in Sandbox().shell.cards:
        spec = registry.exchange(card.exchange).spec
        given = {name: getattr(card, name) for name in spec.credential_fields}
        assert entered(spec, "a", given).notes == ()


def test_unusual_shapes_are_no_proof():
    spec = registry.exchange("bitget").spec
    given = {"key": "unusual", "secret": "also-unusual", "passphrase": "p"}
    assert dict(entered(spec, "a", given).fields) == given


@pytest.mark.parametrize(
    ("given", "meant"),
    [(" abc\n", "abc"), ("\ufeffabc\u200b", "abc"), ('"abc"', "abc"), ("a b", "a b"), ("''", "''")],
)
def test_what_a_paste_adds_is_removed(given, meant):
    assert trimmed(given) == meant


def test_trimming_is_told(box, private_home):
    card = box.account("bitmex-main")
    code, _, error = connect(box, "bitmex-main", secret=f"  {card['secret']}\t\r\n")
    assert code == 0 and "secret: white space or quotes around it were removed" in error
    assert configured_accounts()[0].credentials["secret"] == card["secret"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"key": "k"}, "secret is missing"),
        ({"key": "k", "secret": "k"}, "key and secret are the same text"),
        ({"key": "k", "secret": "a b"}, "secret has white space inside"),
        ({"key": "k", "secrte": "s"}, "no field 'secrte'. Write 'secret'"),
    ],
)
def test_an_incomplete_key_is_refused(given, says):
    with pytest.raises(LookbackError, match=says):
        entered(registry.exchange("bitmex").spec, "a", given)


def test_a_wrong_clock_is_measured_and_told(private_home):
    with Sandbox(size="tiny", pace=None) as skewed:
        skewed.set_now(datetime.now(UTC) + timedelta(minutes=7))
        code, out, error = connect(skewed, "bitget-main", "--check")
    assert code == 0, error
    assert "s behind the exchange's: set this machine's clock" in out


# -- one account, one label


def test_the_same_account_is_refused_under_a_second_label(box, private_home):
    assert connect(box, "bitget-unified", "--label", "first")[0] == 0
    code, _, error = connect(box, "bitget-unified", "--label", "second")
    assert code == 1 and "same account as first (the same key)" in error
    options = ("--label", "second", "--accept-trading-key")
    code, _, error = connect(box, "bitget-unified-trading", *options)
    assert code == 1 and "same account as first (bitget:7000000006)" in error
    assert [account.label for account in configured_accounts()] == ["first"]


def test_a_taken_label_is_refused_and_the_next_number_offered(box, private_home):
    assert connect(box, "bitget-main")[0] == 0
    code, _, error = connect(box, "bitget-second", "--label", "BITGET")
    assert code == 1 and "this label is taken" in error
    assert connect(box, "bitget-second")[0] == 0
    assert [account.label for account in configured_accounts()] == ["bitget", "bitget2"]


def test_a_nameless_account_is_recognised_by_its_records(lab, monkeypatch):
    lab.declare("bitmart-main", label="first")
    lab.sync("first")
    keys = lab.box.shell.adapters["bitmart"].keys
    own = replace(keys["bitmart-empty"], uid=keys["bitmart-main"].uid)
    monkeypatch.setitem(keys, own.label, own)  # a second key of the same account
    code, _, error = connect(lab.box, own.label, "--label", "second")
    assert code == 1 and "same account as first (its key returns the same records)" in error


def test_another_number_than_the_key_has_is_refused(box, private_home):
    code, _, error = connect(box, "bitget-main", "--uid", "123")
    assert code == 1 and "belongs to 7000000001, not to 123" in error


# -- ways to give the key


def stdin_of(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    import io

    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def test_a_key_comes_from_stdin_as_json(box, private_home, monkeypatch):
    port = int(box.url.rpartition(":")[2])
    stdin_of(monkeypatch, json.dumps(key_of("bitmart-main", port)))
    done = call_cli(["connect", "bitmart", "--from-stdin"])
    assert done.returncode == 0, done.stderr
    assert configured_accounts()[0].credentials["memo"] == box.account("bitmart-main")["memo"]


def test_a_key_comes_from_a_pipe_line_by_line(box, private_home, monkeypatch):
    card = box.account("bitmex-main")
    stdin_of(monkeypatch, f"{card['key']}\n{card['secret']}\n")
    done = call_cli(["connect", "bitmex", "--base-url", card["base_url"]])
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not one JSON object"),
        ("[1]", "not one JSON object"),
        ('{"exchange": "bitmex"}', "a key of bitmex, not of bitget"),
        ('{"key": "k", "secret": "s", "word": "w"}', "no field 'word'"),
    ],
)
def test_wrong_json_is_refused_with_an_example(text, says, private_home, monkeypatch):
    stdin_of(monkeypatch, text)
    done = call_cli(["connect", "bitget", "--from-stdin"])
    assert done.returncode == 1 and says in done.stderr


def test_no_key_at_all_is_told_with_the_variables(private_home, monkeypatch):
    stdin_of(monkeypatch, "")
    done = call_cli(["connect", "bitget"])
    assert done.returncode == 1 and "LOOKBACK_PASSPHRASE" in done.stderr


def test_an_unknown_exchange_is_told_with_the_known(private_home):
    done = call_cli(["connect", "nowhere"])
    assert done.returncode == 1 and "bitget" in done.stderr


# -- check


def test_check_answers_for_each_account(box, private_home):
    assert connect(box, "bitget-main")[0] == 0 and connect(box, "bitmart-main")[0] == 0
    done = call_cli(["check", "--json"])
    assert done.returncode == 0, done.stderr
    rows = {row["label"]: row for row in json.loads(done.stdout)}
    assert set(rows) == {"bitget", "bitmart"}
    row = rows["bitget"]
    assert row["uid"] == "7000000001" and row["is_read_only"] is True
    assert row["permissions"][0] == "coor" and isinstance(row["ip_allow_list"], list)
    assert rows["bitmart"]["is_read_only"] is None and not rows["bitmart"]["is_uid_stated"]
    answers = {each["stream"]: each["answer"] for each in row["streams"]}
    assert answers["spot_fills"] == "works" and answers["led_positions"] == "not_requested"


def test_check_of_a_revoked_key_fails_and_names_it(box, private_home, monkeypatch):
    assert connect(box, "bitget-main", "--label", "a")[0] == 0
    assert connect(box, "bitmex-main", "--label", "b")[0] == 0
    monkeypatch.setenv("ACCOUNTS__A__SECRET", "0" * 64)
    done = call_cli(["check"])
    assert done.returncode == 1
    assert "a · identity: the secret does not belong" in done.stderr
    assert "BitMEX account" in done.stdout


def test_a_right_that_a_synced_key_gained_stops_the_account(lab):
    label = lab.declare("bitmex-main")
    lab.sync(label)
    lab.declare("bitmex-trading", label=label)
    result = lab.sync(label)[label]
    assert not result.rows and {each.kind for each in result.failures} == {"rights_gained"}
    (failure,) = result.failures
    assert "gained rights: order" in failure.what and "--accept-trading-key" in failure.remedy
    found = lab.query("select count(*) from raw_bitmex.receipts where error_kind = 'rights_gained'")
    assert found[0][0] > 0
    accepted = call_cli(["check", label, "--accept-trading-key"])
    assert accepted.returncode == 0, accepted.stderr
    result = lab.sync(label)[label]
    assert not result.failures and not result.warnings and result.receipts


def test_an_unknown_permission_is_not_taken_for_reading():
    exchange = registry.exchange("bitget")
    identity = Identity("1", "classic", can_trade=False, can_withdraw=False)
    assert rights_of(exchange, identity).is_read_only
    odd = Identity("1", "classic", can_trade=False, can_withdraw=False, permissions=("xxor",))
    assert rights_of(exchange, odd) == Rights(words=("xxor",))
    assert not rights_of(exchange, odd).is_read_only


def test_nothing_is_lost_of_an_account_that_is_young():
    spec = registry.exchange("bitget").spec
    now = datetime(2026, 11, 1, tzinfo=UTC)
    young = reach_of(spec, spec.stream("spot_fills"), now - timedelta(days=5), now)
    assert young.lost_from is None and young.reaches_from == now - timedelta(days=5)
    old = reach_of(spec, spec.stream("spot_fills"), now - timedelta(days=500), now)
    assert old.lost_from == now - timedelta(days=500)
    assert reach_of(spec, spec.stream("spot_assets"), None, now).reaches_from is None


def test_a_key_is_never_shown_in_any_form(box, private_home):
    card = box.account("bitget-main")
    shown = "".join(connect(box, "bitget-main")[1:])
    shown += "".join(connect(box, "bitget-main", "--label", "b")[1:])
    done = call_cli(["check", "--json"])
    shown += done.stdout + done.stderr
    for secret in (card["key"], card["secret"], card["passphrase"]):
        assert secret not in shown
        assert base64.b64encode(secret.encode()).decode() not in shown
