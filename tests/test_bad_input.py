"""Records that are not as documented, in every stream of every exchange at once, to the marts.

Unknown words and fields, missing ones, `null` and `""`, numbers as text and text as numbers, odd
case: kept in raw byte for byte, told in the ledger, named in `fct_data_quality`, and published.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb
import pytest

from pipelines import registry
from pipelines.home import home
from pipelines.sandbox.engine.server import Sandbox
from tests.conftest import Lab
from tests.twisted import PROBE, WORD, Twisted, twist

NOW = datetime(2026, 8, 20, 12, tzinfo=UTC)
UNIT = frozenset({"currency", "settlCurrency"})
"""BitMEX counts in the smallest unit of these: a currency nobody knows has no exact amount, and
that alone may stop a build."""
ACCOUNTS = (*registry.names(), "bitget-unified")


@dataclass
class Built:
    """The warehouse after a sync and a build, and what had been done to its records."""

    lab: Lab
    twisted: dict[str, Twisted]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    with (
        Sandbox(size="tiny", now=NOW, years=1.2) as box,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("LOOKBACK_HOME", str(tmp_path_factory.mktemp("bad_input")))
        patch.setattr("pipelines.extract.client._wait_before_next", lambda state: 0.0)
        lab = Lab(box, home(), patch)
        twisted = {name: twist(box, name, worded=UNIT) for name in registry.names()}
        for name in ACCOUNTS:
            lab.declare(name)
        results = lab.sync()
        assert [result.failures for result in results.values() if result.failures] == []
        lab.build(NOW)
        lab.publish()
        yield Built(lab, twisted)


def test_a_build_of_odd_records_is_published(built: Built) -> None:
    with duckdb.connect(str(built.lab.home.published), read_only=True) as published:
        for fact in ("fct_ledger_entries", "fct_trades", "fct_deposits", "fct_data_quality"):
            ((count,),) = published.execute(f"select count(*) from marts.{fact}").fetchall()
            assert count, fact


@pytest.mark.parametrize("name", registry.names())
def test_odd_records_are_kept_byte_for_byte(built: Built, name: str) -> None:
    kinds: Counter[str] = Counter()
    for stream, done in built.twisted[name].done.items():
        rows = built.lab.query(f"select record from raw_{name}.{stream}")
        stored = {record.encode() for (record,) in rows}
        assert not set(done) - stored, stream
        kinds.update(kind for kind, _ in done.values())
    numbers = {"bare number", "quoted number"}
    assert {"extra", "missing", "null", "blank", "word"} <= set(kinds) and numbers & set(kinds)


@pytest.mark.parametrize("name", registry.names())
def test_a_field_nobody_documents_is_counted_with_an_example(built: Built, name: str) -> None:
    told = {
        stream: (count, example)
        for stream, count, example in built.lab.query(
            "select stream, sum(row_count), any_value(example) from marts.fct_data_quality "
            f"where exchange = '{name}' and problem = 'undocumented_field' and field = '{PROBE}' "
            "group by stream"
        )
    }
    expected = {
        stream: sum(kind == "extra" for kind, _ in done.values())
        for stream, done in built.twisted[name].done.items()
    }
    assert {stream: count for stream, (count, _) in told.items()} == {
        stream: count for stream, count in expected.items() if count
    }
    assert all(json.loads(example) == {"a": [1, None]} for _, example in told.values())


@pytest.mark.parametrize("name", registry.names())
def test_every_odd_word_of_the_ledger_is_counted_and_its_row_stays(built: Built, name: str) -> None:
    """Nothing unclassified goes unnamed, and the words that were made up are among the names."""
    unnamed = built.lab.query(
        "select entries.record_id from marts.fct_ledger_entries as entries "
        f"where entries.exchange = '{name}' "
        "and (entries.entry_type = 'unclassified' or entries.status = 'unclassified') "
        "and not exists (select 1 from marts.fct_data_quality as quality "
        "where quality.account_id = entries.account_id and quality.stream = entries.stream "
        "and quality.problem in ('unknown_type', 'unknown_status'))"
    )
    assert unnamed == []
    doubles = built.lab.query(
        "select count(*) - count(distinct ledger_entry_id) from marts.fct_ledger_entries"
    )
    assert doubles == [(0,)]


@pytest.mark.parametrize(
    ("name", "stream", "left_aside"),
    [
        ("bitget", "tax_spot_records", "false"),
        ("bitmart", "futures_ledger", "false"),
        ("bitmex", "wallet_history", "record ->> '$.transactStatus' in ('Pending', 'Canceled')"),
    ],
)
def test_each_record_of_a_ledger_is_a_row_or_is_counted_as_unreadable(
    built: Built, name: str, stream: str, left_aside: str
) -> None:
    lost = built.lab.query(
        f"select record from raw_{name}.{stream} as records "
        f"where not coalesce({left_aside}, false) and not exists "
        " (select 1 from marts.fct_ledger_entries as entries "
        f"where entries.stream = '{stream}' and entries.account_id = records.account_id "
        "and entries.record_id = records.record_id) "
        "and not exists (select 1 from intermediate.int_unreadable_rows as unreadable "
        f"where unreadable.stream = '{stream}' and unreadable.account_id = records.account_id "
        "and unreadable.record_id = records.record_id)"
    )
    assert lost == []


def test_made_up_kinds_of_movement_are_in_the_ledger_as_unclassified(built: Built) -> None:
    rows = built.lab.query(
        "select exchange, count(*) from marts.fct_ledger_entries "
        f"where exchange_entry_type = '{WORD}' and entry_type = 'unclassified' group by 1"
    )
    named = built.lab.query(
        "select exchange, sum(row_count) from marts.fct_data_quality "
        f"where problem = 'unknown_type' and example = '{WORD}' and field = 'entry_type' group by 1"
    )
    assert rows and sorted(rows) == sorted(named)


def test_what_names_no_coin_is_kept_and_counts_in_no_balance(built: Built) -> None:
    rows = built.lab.query(
        "select exchange, status, count(*) from marts.fct_ledger_entries "
        "where asset = 'UNKNOWN' group by all"
    )
    # A row of BitMEX without its currency has no unit, and so no amount.
    assert {exchange for exchange, _, _ in rows} >= {"bitget", "bitmart"}
    assert {status for _, status, _ in rows} == {"unclassified"}
    assert built.lab.query(
        "select count(*) from marts.fct_ledger_entries where asset is null or amount is null"
    ) == [(0,)]
