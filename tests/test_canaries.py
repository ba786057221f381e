"""Planted keys never leave the file of the keys: not printed, logged or stored in any form."""

from __future__ import annotations

import base64
import logging
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from pipelines import registry
from pipelines.config.edit import set_fields
from pipelines.errors import LookbackError
from pipelines.home import Home
from tests.conftest import Lab, call_cli, run_cli

CANARY = {
    "key": "bg_c4n4rY+Key/77",
    "secret": "c4n4rY&Secret=/88%+",
    "passphrase": "c4n4rY Phrase/99?",
    "memo": "c4n4rYMemo&66",
}


def forms(secret: str) -> Iterator[bytes]:
    """The secret as it is, in base64 at each offset, in hex, and URL-encoded."""
    raw = secret.encode()
    yield raw
    yield raw.hex().encode()
    yield quote(secret, safe="").encode()
    yield quote(secret).encode()
    for offset in range(3):
        coded = base64.b64encode(b"\0" * offset + raw)
        inner = coded[4 if offset else 0 : -4]  # without what depends on its neighbours
        yield inner
        yield inner.replace(b"+", b"-").replace(b"/", b"_")


SHOWN = {form for secret in CANARY.values() for form in forms(secret)}


def found_in(content: bytes) -> set[bytes]:
    return {form for form in SHOWN if form in content}


def require_none(home: Home, *printed: str) -> None:
    """No form of a secret in what was printed, and in no file but that of the keys."""
    assert found_in("\n".join(printed).encode()) == set()
    own = home.settings / "secrets.toml"
    leaks: dict[Path, set[bytes]] = {
        path: found
        for path in home.root.parent.rglob("*")
        if path.is_file() and path != own and (found := found_in(path.read_bytes()))
    }
    assert leaks == {}


def test_the_search_finds_each_form() -> None:
    secret = CANARY["secret"].encode()
    for content in (
        b"x" + secret,
        base64.b64encode(b"user:" + secret + b":x"),
        base64.urlsafe_b64encode(b"ab" + secret + b"xyz"),
        quote(secret.decode(), safe="").encode(),
    ):
        assert found_in(content)


@pytest.mark.parametrize("name", registry.names())
def test_a_refused_key_is_nowhere(name, lab: Lab, monkeypatch, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr("pipelines.extract.client._wait_before_next", lambda state: 0.0)
    card, spec = lab.box.account(name), registry.exchange(name).spec
    key = {field: CANARY[field] for field in spec.credential_fields}
    variables = {f"LOOKBACK_{field}".upper(): value for field, value in key.items()}
    done = call_cli(["connect", name, "--base-url", card["base_url"]], variables)
    assert done.returncode == 1 and "identity" in done.stderr
    printed = [done.stdout, done.stderr]

    # The same key in the files: every command fails or tells nothing of it.
    set_fields(lab.home.settings / "secrets.toml", "a", key)
    fields = {"exchange": name, "base_url": card["base_url"]}
    set_fields(lab.home.settings / "config.toml", "a", fields)
    for arguments in (
        ["check"], ["check", "--json"], ["doctor"], ["doctor", "--json"], ["accounts", "--json"],
        ["accounts", "rename", "a", "b"], ["accounts", "rotate", "b"], ["guide", name],
        ["accounts", "forget", "b", "--yes"], ["status"], ["gaps", "--json"],
    ):  # fmt: skip
        done = call_cli(arguments, variables if "rotate" in arguments else {})
        printed += [done.stdout, done.stderr]
    with pytest.raises(LookbackError) as caught:
        lab.sync("b")
    printed += [str(caught.value), repr(caught.value), caplog.text]
    # A wrong field beside it, which is told with its line.
    set_fields(lab.home.settings / "secrets.toml", "b", {"secrte": CANARY["secret"]})
    done = call_cli(["check"])
    assert "secrte" in done.stderr
    require_none(lab.home, *printed, done.stdout, done.stderr)


def test_a_working_key_is_nowhere_but_in_its_file(lab: Lab, monkeypatch, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    card = lab.box.account("bitmex-empty")
    secrets = {form for name in ("key", "secret") for form in forms(card[name])}
    monkeypatch.setattr("tests.test_canaries.SHOWN", secrets)
    variables = {"LOOKBACK_KEY": card["key"], "LOOKBACK_SECRET": card["secret"]}
    printed = []
    connected = ["connect", "bitmex", "--base-url", card["base_url"], "--label", "a"]
    for arguments in (connected, ["check"], ["doctor", "--json"], ["accounts"]):
        done = call_cli(arguments, variables)
        assert done.returncode == 0, done.stderr
        printed += [done.stdout, done.stderr]
    lab.sync("a")
    lab.box.fault("cut_json", times=3)
    lab.sync("a")
    require_none(lab.home, *printed, caplog.text)


def test_a_traceback_shows_no_key(lab: Lab) -> None:
    card = lab.box.account("bitmex")
    key = {"LOOKBACK_KEY": CANARY["key"], "LOOKBACK_SECRET": CANARY["secret"]}
    debug = {"LOOKBACK_DEBUG": "1", "RUNTIME__LOG_LEVEL": "DEBUG", "PREFECT_LOGGING_LEVEL": "DEBUG"}
    done = run_cli(["connect", "bitmex", "--base-url", card["base_url"]], {**key, **debug})
    assert done.returncode == 1 and "Traceback" in done.stderr
    require_none(lab.home, done.stdout, done.stderr)
