"""Bitget's unified accounts (v3): detected, read completely, and upgraded from classic."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from pipelines.account import Account, Credentials
from pipelines.errors import LookbackError, RequestError
from pipelines.exchanges.bitget import api as bitget
from pipelines.exchanges.bitget.spec import SPEC
from pipelines.exchanges.bitget.spec_unified import BY_CURSOR
from pipelines.extract.paging import follower
from pipelines.extract.records import Record
from pipelines.home import Home, home
from pipelines.load.account_sync import AccountResult
from pipelines.sandbox.engine.clock import to_ms
from pipelines.sandbox.engine.server import Sandbox
from tests.conftest import Lab

NOW = datetime(2026, 9, 20, 12, tzinfo=UTC)
UPGRADED_AT = NOW + timedelta(hours=30)
V3 = {stream.name for stream in SPEC.streams if stream.path.startswith("/api/v3/")}
V2 = {stream.name for stream in SPEC.streams if stream.private} - V3
LEDGERS = {
    "unified_financial_records": ("unified", "record_id"),
    "unified_tax_records": ("unified", "tax_record_id"),
    "unified_funding_records": ("funding", "record_id"),
}


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    options = {"bitget.upgraded_at": to_ms(UPGRADED_AT)}
    with Sandbox(
        size="tiny", pace=None, now=NOW, years=1.4, exchanges=["bitget"], options=options
    ) as running:
        yield running


@pytest.fixture
def lab(
    box: Sandbox, prepared_home: Home, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Lab]:
    box.set_now(NOW)
    monkeypatch.setattr("pipelines.extract.client._wait_before_next", lambda state: 0.0)
    yield Lab(box, prepared_home, monkeypatch)
    box.clear_faults()
    box.set_now(NOW)


@pytest.fixture(scope="module")
def unified(
    box: Sandbox, empty_warehouse: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Lab, AccountResult]:
    """A unified account that was synced once, for reading."""
    box.set_now(NOW)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOOKBACK_HOME", str(tmp_path_factory.mktemp("unified")))
        lab = Lab(box, home(), patch)
        shutil.copyfile(empty_warehouse, lab.home.warehouse)
        (result,) = lab.sync(lab.declare("bitget-unified")).values()
    return lab, result


def requested(lab: Lab) -> set[str]:
    return {stream for (stream,) in lab.query("select distinct stream from raw_bitget.receipts")}


def ids(lab: Lab, stream: str, account_id: str) -> set[str]:
    rows = lab.query(
        f"select distinct record_id from raw_bitget.{stream} where account_id = ?", account_id
    )
    return {record_id for (record_id,) in rows}


@pytest.mark.xdist_group("unified_account")
def test_a_unified_account_equals_its_ground_truth(unified):
    lab, result = unified
    truth = lab.box.truth("bitget-unified")
    assert result.failures == [] and result.account_id == truth["account_id"]
    assert requested(lab) == V3 | {"coins", "symbols", "mix_contracts"}
    assert lab.query("select distinct outcome from raw_bitget.receipts") == [("exhausted",)]
    for stream, (wallet, name) in LEDGERS.items():
        floor = NOW - SPEC.stream(stream).retention + timedelta(minutes=6)
        wanted = {
            row[name]
            for row in truth["movements"]
            if row["wallet"] == wallet and datetime.fromisoformat(row["at"]) >= floor
        }
        assert wanted or wallet == "funding"  # there are months without such a move
        assert wanted <= ids(lab, stream, truth["account_id"]), stream
    for stream, part in (
        ("unified_deposit_records", "deposits"),
        ("unified_withdrawal_records", "withdrawals"),
    ):
        assert ids(lab, stream, truth["account_id"]) == {row["record_id"] for row in truth[part]}


@pytest.mark.xdist_group("unified_account")
def test_each_business_line_is_requested_once(unified):
    lab, _ = unified
    scopes = lab.query(
        "select stream, list_sort(list(distinct scope)) from raw_bitget.receipts group by stream"
    )
    asked_by = {stream: set(values) for stream, values in scopes}
    for stream in SPEC.streams:
        if stream.name in V3:
            assert asked_by[stream.name] == set(stream.scope_values or ("",)), stream.name
    spelled = lab.query(
        "select distinct record ->> '$.category' from raw_bitget.unified_financial_records"
    )
    assert {word for (word,) in spelled} & {"Margin", "OTHER"}


def test_a_closed_scope_needs_values():
    stream = SPEC.stream("unified_financial_records")
    with pytest.raises(ValueError, match="closed scope"):
        replace(stream, scope_values=())


@pytest.mark.xdist_group("unified_account")
def test_the_identity_of_a_unified_account(unified):
    lab, _ = unified
    rows = lab.query(
        "select account_kind, uid, can_trade, can_withdraw, opened_at from raw_bitget.accounts"
    )
    opened_at = datetime.fromisoformat(lab.box.truth("bitget-unified")["opened_at"])
    assert rows == [("unified", "7000000006", False, False, opened_at)]


def test_a_unified_key_with_power_is_warned_about(lab):
    (result,) = lab.sync(lab.declare("bitget-unified-trading")).values()
    assert any("trade and withdraw" in warning for warning in result.warnings)


def test_a_unified_tax_key_reads_tax_records(lab):
    lab.sync(lab.declare("bitget-unified-tax"))
    [(kind, account_id)] = lab.query("select account_kind, account_id from raw_bitget.accounts")
    assert kind == "unified_tax_key"
    answered = lab.query(
        "select distinct stream from raw_bitget.receipts where outcome = 'exhausted'"
    )
    assert {stream for (stream,) in answered} == {
        "unified_tax_records", "coins", "symbols", "mix_contracts",
    }  # fmt: skip
    assert ids(lab, "unified_tax_records", account_id)
    assert not requested(lab) & V2


def test_v3_routes_are_not_requested_for_classic_accounts(lab):
    lab.sync(lab.declare("bitget-second"))
    assert not requested(lab) & V3


def test_an_upgrade_keeps_stored_rows_and_continues_with_v3(lab):
    label = lab.declare("bitget-upgraded")
    lab.sync(label)
    truth = lab.box.truth("bitget-upgraded")
    account_id = truth["account_id"]
    before = {stream: ids(lab, stream, account_id) for stream in V2}
    assert requested(lab) & V3 == set() and before["tax_spot_records"]

    lab.box.set_now(UPGRADED_AT + timedelta(days=3))
    (result,) = lab.sync(label).values()
    after = lab.box.truth("bitget-upgraded")
    assert result.failures == []
    assert {stream: ids(lab, stream, account_id) for stream in V2} == before
    wanted = {row["tax_record_id"] for row in after["movements"] if row.get("tax_record_id")}
    assert wanted and ids(lab, "unified_tax_records", account_id) == wanted
    kinds = lab.query("select account_kind from raw_bitget.accounts order by checked_at")
    assert kinds == [("classic",), ("unified",)]
    late = lab.query(
        "select distinct stream from raw_bitget.receipts where asked_at > ?", UPGRADED_AT
    )
    assert {stream for (stream,) in late} == V3 | {"coins", "symbols", "mix_contracts"}


def test_an_account_under_conversion_is_not_read(lab):
    label = lab.declare("bitget-upgraded")
    lab.sync(label)
    lab.box.set_now(UPGRADED_AT + timedelta(seconds=20))
    (result,) = lab.sync(label).values()
    (failure,) = result.failures
    assert (failure.kind, failure.outcome) == ("account_mode", "failed")
    assert "switching" in failure.what and "again" in failure.remedy
    # It was a classic account when last read: only what that had is noted as not read.
    failed = lab.query("select distinct stream from raw_bitget.receipts where outcome = 'failed'")
    assert {stream for (stream,) in failed} == {
        stream.name
        for stream in SPEC.streams
        if stream.name in V2 and stream.kind == "history"
    }


def test_a_new_account_in_change_is_one_clear_error(lab):
    lab.box.set_now(UPGRADED_AT + timedelta(seconds=20))
    with pytest.raises(LookbackError, match="is converting the account"):
        lab.sync(lab.declare("bitget-upgraded"))


@pytest.mark.parametrize(
    ("contract_share", "line"), [(30, "SPOT"), (60, "USDT-FUTURES")], ids=["spot", "futures"]
)
def test_crowded_moments_are_read_completely(
    prepared_home, monkeypatch, contract_share, line
):
    """Opaque cursors, pages of 100; 700 executions of one millisecond, pages of 500: each once."""
    with crowded(contract_share) as box:
        lab = Lab(box, prepared_home, monkeypatch)
        (result,) = lab.sync(lab.declare("bitget-unified")).values()
        truth = box.truth("bitget-unified")
        account_id = truth["account_id"]
        assert result.failures == []
        assert len(truth["trades"]) > 1_000
        moment, rows = most_crowded(truth)
        assert len(rows) > SPEC.stream("unified_tax_records").page_size
        for stream, (wallet, name) in LEDGERS.items():
            wanted = {row[name] for row in truth["movements"] if row["wallet"] == wallet}
            assert ids(lab, stream, account_id) == wanted, stream
        fills = ids(lab, "unified_fills", account_id)
        assert fills == {row["record_id"] for row in truth["trades"]}
        for stream in ("orders", "positions", "small_conversions", "p2p_orders"):
            reported = ids(lab, f"unified_{stream}", account_id)
            assert len(reported) == truth["counts"][f"unified_{stream}"] > 0, stream
        converts = lab.query("select count(*) from raw_bitget.unified_convert_records")
        assert converts == [(truth["counts"]["unified_convert_records"],)]
        # The cursor was leaned on there, and is not known to be sound.
        assert unresolved_moments(lab) == {(line, moment)}


@pytest.mark.parametrize(
    ("name", "routes"), [("bitget-main", "/api/v2/tax/"), ("bitget-unified", "/api/v3/tax/")]
)
def test_tax_records_come_whole_where_only_smaller_pages_are_given(
    name, routes, prepared_home, monkeypatch
):
    """A client saw the documented page size refused, and read on with a fifth of it."""
    options = {"bitget.tax_max_limit": 100, "bitget.unified_tax_max_limit": 100}
    with Sandbox(
        size=300, pace=None, now=NOW, years=0.9, exchanges=["bitget"], options=options
    ) as box:
        lab = Lab(box, prepared_home, monkeypatch)
        (result,) = lab.sync(lab.declare(name)).values()
        assert result.failures == []
        counts = box.truth(name)["counts"]
        for stream in SPEC.streams:
            if stream.path.startswith(routes):
                assert len(ids(lab, stream.name, result.account_id)) == counts[stream.name]
        log = box.requests()["log"]
    refused = [entry for entry in log if "/tax/" in entry["path"] and entry["status"] != 200]
    assert 0 < len(refused) <= 4  # each stream finds it out once


def test_a_lossy_cursor_leaves_the_moment_unresolved(
    prepared_home, monkeypatch
):
    with crowded(60, {"bitget.unified_tax_cursor_defect": True}) as box:
        lab = Lab(box, prepared_home, monkeypatch)
        (result,) = lab.sync(lab.declare("bitget-unified")).values()
        assert result.failures == []
        truth = box.truth("bitget-unified")
        moment, rows = most_crowded(truth)
        wanted = {
            row["tax_record_id"] for row in truth["movements"] if row["wallet"] == "unified"
        }
        missing = wanted - ids(lab, "unified_tax_records", truth["account_id"])
        assert missing and missing < {row["tax_record_id"] for row in rows}
        assert unresolved_moments(lab) == {("USDT-FUTURES", moment)}


def crowded(contract_share: int, more: dict[str, Any] | None = None) -> Sandbox:
    """A unified account of 1,500 executions, 700 of them on one millisecond."""
    options = {
        "bitget.unified_fills": 1_500, "bitget.unified_contract_share": contract_share,
    } | (more or {})  # fmt: skip
    return Sandbox(
        size=1_500, pace=None, now=NOW, years=0.2, exchanges=["bitget"], ties=(700,),
        options=options,
    )  # fmt: skip


def most_crowded(truth: dict[str, Any]) -> tuple[datetime, list[dict[str, Any]]]:
    """The millisecond of most movements of the trading wallet, and what they are."""
    moments: dict[str, list[dict[str, Any]]] = {}
    for row in truth["movements"]:
        if row["wallet"] == "unified":
            moments.setdefault(row["at"], []).append(row)
    at = max(moments, key=lambda moment: len(moments[moment]))
    return datetime.fromisoformat(at), moments[at]


def unresolved_moments(lab: Lab) -> set[tuple[str, datetime]]:
    """Line and moment of the tax records that a paginator could not vouch for."""
    return set(
        lab.query(
            "select scope, asked_from from raw_bitget.receipts "
            "where stream = 'unified_tax_records' and outcome = 'unresolved'"
        )
    )


# -- answers, one by one


KEYS = Credentials({"key": "bg_key", "secret": "s", "passphrase": "p"})


def identity_from(answers: dict[str, bytes | RequestError]) -> Any:
    def fetch(path: str, params: Any = None) -> bytes:
        answer = answers[path]
        if isinstance(answer, RequestError):
            raise answer
        return b'{"code":"00000","data":%b}' % answer

    return bitget.identify(fetch, Account("main", "bitget", KEYS, SPEC.base_url))


MODE = RequestError("unified", kind="account_mode", outcome="refused")
SETTINGS = b'{"uid":"7000000001","accountMode":"unified"}'


def test_without_the_undocumented_route_the_rights_are_not_known():
    found = identity_from(
        {
            "/api/v2/spot/account/info": MODE,
            "/api/v3/account/settings": SETTINGS,
            "/api/v3/account/info": RequestError("no", kind="not_found"),
        }
    )
    assert (found.kind, found.uid) == ("unified", "7000000001")
    assert (found.can_trade, found.can_withdraw, found.opened_at) == (None, None, None)


@pytest.mark.parametrize(
    ("power", "rights", "can_trade", "can_withdraw"),
    [
        (b"read-only", b'["uta_mgt","uta_trade"]', False, False),
        (b"read-and-write", b'["uta_trade"]', True, False),
        (b"read-and-write", b'["withdraw"]', True, True),
    ],
)
def test_rights_of_a_unified_key(power, rights, can_trade, can_withdraw):
    info = b'{"userId":"7","parentId":"9","ips":"","permType":"%b","permissions":%b}'
    found = identity_from(
        {
            "/api/v2/spot/account/info": MODE,
            "/api/v3/account/settings": SETTINGS,
            "/api/v3/account/info": info % (power, rights),
        }
    )
    assert (found.can_trade, found.can_withdraw) == (can_trade, can_withdraw)
    assert (found.uid, found.parent_uid) == ("7000000001", "9")


@pytest.mark.parametrize(
    ("data", "has_rows", "expected"),
    [
        (b'{"list":[{"id":"1"}],"cursor":"77"}', True, "77"),
        (b'{"items":[{"orderId":"1"}],"nextId":"78"}', True, "78"),
        (b'{"items":[{"orderId":"1"}],"nextId":""}', True, ""),
        (b'{"list":[],"cursor":"79"}', False, ""),
        (b'{"list":[{"id":"1"}],"cursor":null}', True, ""),
    ],
)
def test_the_next_page_begins_where_the_answer_says(data, has_rows, expected):
    response = requests.Response()
    response._content = b'{"code":"00000","data":%b}' % data
    records = [Record(data, "1", "", None, True, "")] if has_rows else []
    assert follower(BY_CURSOR)(response, records) == expected


@pytest.mark.parametrize("code", ["40084", "25245"])
def test_both_codes_of_the_other_kind_mean_the_same(code):
    response = requests.Response()
    response.status_code = 400
    response._content = b'{"code":"%b","msg":"words","data":null}' % code.encode()
    problem = bitget.EXCHANGE.explain(response, NOW)
    assert (problem.kind, problem.outcome) == ("account_mode", "refused")


def test_routes_serve_only_their_kind_of_account():
    for stream in SPEC.streams:
        assert stream.serves("classic") is (stream.name not in V3), stream.name
        assert stream.serves("unified") is (stream.name not in V2), stream.name
        assert stream.serves(""), stream.name
