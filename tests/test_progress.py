"""What the warehouse knows: scopes that were met, scopes that are guessed, and who a label was."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from pipelines.history import scopes_of
from pipelines.progress import read_progress
from pipelines.spec import ScopeList
from pipelines.specs.bigone import SPEC

ACCOUNT = "bigone:1"
TRADES = SPEC.stream("spot_trades")


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    """One account of BigONE with pairs, coins, and one asking of a pair that is gone."""
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


def test_scopes_are_what_was_listed_met_and_asked(warehouse: Path) -> None:
    progress = read_progress(warehouse, SPEC, ACCOUNT)
    assert progress.scopes["spot_trades"] == {"BTC-USDT", "ETH-BTC", "MET-BTC", "OLD-USDT"}
    assert progress.scopes["spot_orders"] == progress.scopes["spot_trades"]
    assert "spot_accounts" not in progress.scopes


def test_pairs_of_coins_that_were_moved_are_guessed_and_shown_ones_only_where_unlisted(
    warehouse: Path,
) -> None:
    guesses = read_progress(warehouse, SPEC, ACCOUNT).guesses["asset_pair_name"]
    moved = {"BTC-USDT", "MOON-USDT", "MOON-BTC", "XIN-USDT", "XIN-BTC"}
    shown = {"GONE-USDT", "GONE-BTC"}
    assert guesses == moved | shown


def test_another_accounts_coins_are_not_asked(warehouse: Path) -> None:
    progress = read_progress(warehouse, SPEC, ACCOUNT)
    assert not any("SECRET" in scope for scope in scopes_of(TRADES, progress))


def test_known_and_guessed_scopes_are_asked_once_each(warehouse: Path) -> None:
    asked = scopes_of(TRADES, read_progress(warehouse, SPEC, ACCOUNT))
    assert asked == sorted(set(asked))
    assert {"BTC-USDT", "OLD-USDT", "MOON-BTC", "GONE-BTC"} <= set(asked)
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
