"""The marts of the shared history: rows equal the ground truth, streams have their coverage."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from pipelines import registry
from pipelines.home import Home
from tests import truth_reference, unified_reference
from tests.shared_history import SharedHistory
from tests.test_truth import WALLETS, is_unified

ACCOUNTS = ("bigone-main", "bitget-main", "bitget-second", "bitget-unified", "bitmex-main")
"""BitMart's accounts, whose rows go without notice, are compared in their own file."""
EXCHANGES = ("bitget", "bitmex")


def store_cases(place: Home, folder: Path) -> None:
    """Limits of an older version, which left a route out that is a stream by now."""
    path = registry.exchange("bitget").spec.stream("spot_fills").path
    with duckdb.connect(str(place.warehouse)) as warehouse:
        warehouse.execute(
            """
            insert into raw_bitget.stream_specs by name
            select 'bitget' as exchange, 'GET ' || ? as stream, 'GET' as method, ? as path,
                'left_out' as kind, 'not needed' as reason, 'older' as spec_hash,
                timestamptz '2020-01-01' as recorded_at, '' as _dlt_load_id
            """,
            [path, path],
        )


@pytest.mark.parametrize("name", ACCOUNTS)
def test_facts_equal_ground_truth(shared: SharedHistory, name: str) -> None:
    truth, reach = shared.truths[name], shared.reaches[name]
    if is_unified(truth):
        found = unified_reference.all_differences(shared.query, truth, reach)
    else:
        truths = [truth for truth in shared.truths.values() if not is_unified(truth)]
        found = truth_reference.all_differences(shared.query, truth, reach, truths)
    assert found == []


@pytest.mark.parametrize("name", ACCOUNTS)
def test_ledger_within_reach_sums_to_balances(shared: SharedHistory, name: str) -> None:
    truth, reach = shared.truths[name], shared.reaches[name]
    opened = datetime.fromisoformat(truth["opened_at"])
    if is_unified(truth) or (reach.ledger_from is not None and reach.ledger_from > opened):
        pytest.skip("the ledger does not reach back to the start")
    for wallet in WALLETS[truth["exchange"]]:
        assert truth_reference.balance_differences(shared.query, truth, wallet) == []


def test_unit_tests_of_all_models_pass(shared: SharedHistory) -> None:
    statuses = {node.status for node in shared.nodes if node.kind == "unit_test"}
    assert statuses == {"pass"}


def test_row_leads_back_to_its_record_and_receipt(shared: SharedHistory) -> None:
    for exchange in EXCHANGES:
        streams = shared.query(
            "select distinct stream from marts.fct_ledger_entries where exchange = ?", exchange
        )
        for (stream,) in streams:
            ((lost,),) = shared.query(
                f"""
                select count(*) from marts.fct_ledger_entries as entries
                left join raw_{exchange}.{stream} as raw using (account_id, record_id, receipt_id)
                where entries.exchange = ? and entries.stream = ? and raw.record is null
                """,
                exchange,
                stream,
            )
            assert lost == 0


@pytest.mark.parametrize("name", EXCHANGES)
def test_every_route_of_a_spec_has_its_kind(name: str, shared: SharedHistory) -> None:
    spec = registry.exchange(name).spec
    reported = {
        *((stream.name, stream.kind) for stream in spec.streams),
        *((f"GET {path}", "probe") for path in spec.probes),
        *((" ".join(route.read), "left_out") for route in spec.left_out),
        *((each.name, "excluded") for each in spec.excluded),
    }
    found = shared.query("select stream, kind from marts.dim_streams where exchange = ?", name)
    assert sorted(found) == sorted(reported)
    counted = shared.query("select stream_count from marts.dim_exchanges where exchange = ?", name)
    assert counted == [(len(spec.streams),)]


def test_data_without_a_route_is_one_open_gap(shared: SharedHistory) -> None:
    account_id = shared.truths["bitget-main"]["account_id"]
    found = shared.query(
        """
        select gaps.stream, gaps.state, gaps.severity, gaps.span_start, specs.docs_url
        from marts.fct_gaps as gaps
        inner join intermediate.int_stream_specs_unioned as specs
            on gaps.evidence_id = specs.stream_spec_id
        where gaps.verdict = 'excluded_by_exchange' and gaps.account_id = ?
        """,
        account_id,
    )
    ((opened_at,),) = shared.query(
        "select min(span_start) from marts.fct_coverage where account_id = ?", account_id
    )
    reported = registry.exchange("bitget").spec.excluded
    expected = [(each.name, "open", "info", opened_at, each.docs_url) for each in reported]
    assert reported and sorted(found) == sorted(expected)
    lights = "select distinct stream from marts.fct_sync_status union select stream from "
    lit = {stream for (stream,) in shared.query(f"{lights} marts.fct_deadlines")}
    assert not lit & {each.name for each in reported}
