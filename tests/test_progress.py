"""The stored progress: known scopes, guessed scopes, and the account of a label."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines import registry
from pipelines.account import Account, Credentials
from pipelines.exchanges.bigone.spec import SPEC
from pipelines.extract.client import ReadOnlySession
from pipelines.extract.exchange import Identity
from pipelines.extract.progress import Progress, read_progress
from pipelines.extract.rate_limits import RateLimiter
from pipelines.extract.work import Round, Tally, scopes_of
from pipelines.load.source import StreamLoad
from pipelines.spec import ScopeList
from tests.malformed_server import Answer, Exchange, serving

ACCOUNT = "bigone:1"
TRADES = SPEC.stream("spot_trades")


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    """One account of BigONE with pairs, coins, and one request for a delisted pair."""
    file = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("create schema raw_bigone")
        connection.execute(
            "create table raw_bigone._dlt_loads as select '1' as load_id, 0 as status"
        )
        connection.execute("create table raw_bigone.accounts (account_id varchar)")
        connection.execute(
            """
            create table raw_bigone.receipts as select
                'bigone:1' as account_id, 'spot_trades' as stream, 'OLD-USDT' as scope,
                'refused' as outcome, 'api' as origin, now() as asked_from, now() as asked_to,
                null::timestamptz as held_from, now() as asked_at, '1' as _dlt_load_id
            """
        )
        for stream, account_id, rows in (
            ("asset_pairs", "bigone", [pair("BTC", "USDT"), pair("ETH", "BTC")]),
            ("deposits", ACCOUNT, [{"asset_symbol": "BTC"}, {"asset_symbol": "MOON"}]),
            ("deposits", "bigone:2", [{"asset_symbol": "SECRET"}]),
            ("convert_trades", ACCOUNT, [{"from_asset": "XIN", "to_asset": None}]),
            ("spot_accounts", ACCOUNT, [{"asset_symbol": "ETH"}, {"asset_symbol": "GONE"}]),
            ("spot_trades", ACCOUNT, [{"asset_pair_name": "MET-BTC"}]),
        ):
            store(connection, stream, account_id, rows)
    return file


def pair(base: str, quote: str) -> dict[str, object]:
    return {
        "name": f"{base}-{quote}",
        "base_asset": {"symbol": base},
        "quote_asset": {"symbol": quote},
    }


def store(
    connection: duckdb.DuckDBPyConnection, stream: str, account_id: str, rows: list[dict]
) -> None:
    connection.execute(
        f"create table if not exists raw_bigone.{stream} (account_id varchar, record json)"
    )
    for row in rows:
        connection.execute(
            f"insert into raw_bigone.{stream} values (?, ?)", [account_id, json.dumps(row)]
        )


def test_scopes_come_from_lists_records_and_receipts(warehouse: Path) -> None:
    progress = read_progress(warehouse, SPEC, ACCOUNT)
    assert progress.scopes["spot_trades"] == {"BTC-USDT", "ETH-BTC", "MET-BTC", "OLD-USDT"}
    assert progress.scopes["spot_orders"] == progress.scopes["spot_trades"]
    assert "spot_accounts" not in progress.scopes


def test_pairs_of_moved_coins_are_guessed(
    warehouse: Path,
) -> None:
    guesses = read_progress(warehouse, SPEC, ACCOUNT).guesses["asset_pair_name"]
    moved = {"BTC-USDT", "MOON-USDT", "MOON-BTC", "XIN-USDT", "XIN-BTC"}
    shown = {"GONE-USDT", "GONE-BTC"}
    assert guesses == moved | shown


def test_coins_of_other_accounts_are_not_requested(warehouse: Path) -> None:
    progress = read_progress(warehouse, SPEC, ACCOUNT)
    assert not any("SECRET" in scope for scope in scopes_of(TRADES, progress))


def test_known_and_guessed_scopes_are_requested_once(warehouse: Path) -> None:
    requested = scopes_of(TRADES, read_progress(warehouse, SPEC, ACCOUNT))
    assert requested == sorted(set(requested))
    assert {"BTC-USDT", "OLD-USDT", "MOON-BTC", "GONE-BTC"} <= set(requested)
    assert scopes_of(SPEC.stream("deposits"), read_progress(warehouse, SPEC, ACCOUNT)) == [""]


def test_a_list_without_guesses_guesses_nothing(warehouse: Path) -> None:
    plain = replace(SPEC, scope_lists=SPEC.scope_lists[:1])
    assert read_progress(warehouse, plain, ACCOUNT).guesses == {}
    spelled = ScopeList(
        scope="asset_pair_name",
        places=(("deposits", "$.asset_symbol"),),
        seconds=(("asset_pairs", "$.quote_asset.symbol"),),
        joined_by="_",
    )
    guesses = read_progress(warehouse, replace(SPEC, scope_lists=(spelled,)), ACCOUNT).guesses
    assert guesses == {"asset_pair_name": {"BTC_USDT", "MOON_USDT", "MOON_BTC"}}


def test_values_are_read_in_each_item_of_a_list(warehouse: Path) -> None:
    with duckdb.connect(str(warehouse)) as connection:
        store(connection, "dust", ACCOUNT, [{"details": [{"coin": "A"}, {"coin": "B"}]}, {}])
    listed = ScopeList(
        scope="asset_pair_name", places=(("dust", "$.details[*].coin"),), is_public=True
    )
    guesses = read_progress(warehouse, replace(SPEC, scope_lists=(listed,)), ACCOUNT).guesses
    assert guesses == {"asset_pair_name": {"A", "B"}}


def test_values_of_a_public_list_are_guesses(warehouse: Path) -> None:
    listed = ScopeList(scope="asset_pair_name", places=(("asset_pairs", "$.name"),), is_public=True)
    progress = read_progress(warehouse, replace(SPEC, scope_lists=(listed,)), ACCOUNT)
    assert progress.guesses == {"asset_pair_name": {"BTC-USDT", "ETH-BTC"}}
    assert progress.scopes["spot_trades"] == {"MET-BTC", "OLD-USDT"}


# Outcomes of requests -------------------------------------------------------------------------

UNKNOWN = Answer(b'{"code":10013,"message":"Resource not found"}', 404)
NOTHING = Answer(b'{"code":0,"data":[],"page_token":""}')


def ask_trades(progress: Progress, answers: dict[str, Answer]) -> tuple[list[dict], list[Any]]:
    """The receipts and failures of one visit to the trades; pairs not in `answers` are unknown."""
    requested: list[str] = []

    def speak(path: str, params: dict[str, str]) -> Answer:
        requested.append(params["asset_pair_name"])
        return answers.get(params["asset_pair_name"], UNKNOWN)

    now = datetime.now(UTC)
    with serving(Exchange("bigone", {}, instead={TRADES.path: speak})) as url:
        keys = Credentials({"key": "k", "secret": "s"})
        session = ReadOnlySession(
            registry.exchange("bigone"), Account("a", "bigone", keys, url, pace=1e9),
            limiter=RateLimiter(),
        )
        visit = Round(
            session=session,
            identity=Identity(uid="1", kind="main"),
            account_id=ACCOUNT,
            progress=progress,
            opened_at=now - timedelta(days=9),
            now=now,
            work_lists={},
            tally=Tally(10**9),
            on_event=lambda stream, rows, share: None,
        )
        tables: dict[str, list[dict]] = {}
        for item in StreamLoad(visit, TRADES).items():
            tables.setdefault(item.meta.hints["table_name"], []).extend(item.data.to_pylist())
        session.close()
    assert set(requested) == set(scopes_of(TRADES, progress)), "a pair was not asked"
    return tables.get("receipts", []), visit.tally.failures


def test_an_unknown_guess_leaves_no_receipt() -> None:
    """Any number of unknown values in a row does not stop the stream."""
    guesses = frozenset(f"{letter}-USDT" for letter in "ABCDEFGH")
    progress = Progress(
        scopes={"spot_trades": frozenset({"OLD-USDT", "ZZZ-USDT"})},
        guesses={"asset_pair_name": guesses},
    )
    receipts, failures = ask_trades(progress, {"ZZZ-USDT": NOTHING, "H-USDT": NOTHING})
    assert failures == []
    assert {(each["scope"], each["outcome"], each["error_kind"]) for each in receipts} == {
        ("ZZZ-USDT", "exhausted", None),
        ("H-USDT", "exhausted", None),
        ("OLD-USDT", "refused", "unknown_scope"),
    }


def test_a_guess_that_fails_otherwise_is_a_failure() -> None:
    progress = Progress(guesses={"asset_pair_name": frozenset({"A-USDT"})})
    refused = Answer(b'{"code":10403,"message":"Permission denied"}', 403)
    receipts, (failure,) = ask_trades(progress, {"A-USDT": refused})
    assert failure.kind == "no_permission"
    assert [(each["scope"], each["outcome"]) for each in receipts] == [("A-USDT", "refused")]
