"""Import of saved responses: stored unchanged, once, and for the right account."""

import csv
import gzip
import io
import json
from pathlib import Path

import duckdb
import pytest

from pipelines import registry
from pipelines.errors import LookbackError
from pipelines.extract.progress import known_account
from pipelines.files.importer import import_files
from pipelines.files.saved_file import Stated
from pipelines.home import home

ROWS = [
    {
        "transactID": f"00000000-0077-1000-0000-00000000000{n}",
        "account": 1000001,
        "currency": "XBt",
        "transactType": "Deposit" if n == 1 else "RealisedPNL",
        "amount": 1000 * n,
        "walletBalance": 500 * n * (n + 1),
        "transactStatus": "Completed",
        "transactTime": f"2026-03-0{n}T12:00:00.000Z",
        "timestamp": f"2026-03-0{n}T12:00:00.118Z",
    }
    for n in range(1, 5)
]
PSEUDO = {"account": 1000001, "currency": "XBt", "transactType": "UnrealisedPNL", "amount": 5}


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("LOOKBACK_HOME", str(tmp_path))
    return home()


def written(tmp_path: Path, name: str, data: bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(data)
    return path


def as_csv(rows) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def as_lines(rows) -> bytes:
    return "\n".join(json.dumps(row) for row in rows).encode()


def as_json(rows) -> bytes:
    return json.dumps(rows).encode()


def stored(place, stream="wallet_history"):
    with duckdb.connect(str(place.warehouse), read_only=True) as connection:
        return connection.execute(
            f"select record_id, account_id, origin, record::varchar from raw_bitmex.{stream} "
            "order by occurred_at"
        ).fetchall()


def receipts(place):
    with duckdb.connect(str(place.warehouse), read_only=True) as connection:
        return connection.execute(
            "select stream, rows, skipped, origin, file_sha256, file_name, outcome "
            "from raw_bitmex.receipts"
        ).fetchall()


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("history.json", as_json),
        ("history.jsonl", as_lines),
        ("history.csv", as_csv),
        ("history.json.gz", lambda rows: gzip.compress(as_json(rows))),
        ("history.csv.gz", lambda rows: gzip.compress(b"\xef\xbb\xbf" + as_csv(rows))),
    ],
)
def test_every_format_brings_the_same_records(place, tmp_path, name, write):
    (result,) = import_files("bitmex", [written(tmp_path, name, write(ROWS))], "old", place)
    assert (result.stream, result.rows_in_file, result.rows_new) == ("wallet_history", 4, 4)
    rows = stored(place)
    assert [row[0] for row in rows] == [row["transactID"] for row in ROWS]
    assert {row[1:3] for row in rows} == {("bitmex:1000001", "file")}
    (receipt,) = receipts(place)
    assert receipt[1:4] == (4, 0, "file") and receipt[5:] == (name, "exhausted")


def test_a_json_record_keeps_its_bytes(place, tmp_path):
    text = as_json(ROWS).replace(b'"amount": 1000,', b'"amount" :  1000 ,')
    import_files("bitmex", [written(tmp_path, "h.json", text)], "old", place)
    assert '"amount" :  1000 ,' in stored(place)[0][3]


def test_the_same_file_twice_adds_nothing(place, tmp_path):
    path = written(tmp_path, "h.json", as_json(ROWS))
    import_files("bitmex", [path], "old", place)
    before = stored(place), receipts(place)
    (again,) = import_files("bitmex", [path], "old", place)
    assert again.already_imported and again.rows_new == 0
    assert (stored(place), receipts(place)) == before


def test_a_longer_file_adds_only_what_is_new(place, tmp_path):
    import_files("bitmex", [written(tmp_path, "a.json", as_json(ROWS[:2]))], "old", place)
    (result,) = import_files("bitmex", [written(tmp_path, "b.json", as_json(ROWS))], "old", place)
    assert (result.rows_in_file, result.rows_new) == (4, 2)


def test_a_file_does_not_change_key_or_account_kind(place, tmp_path):
    import_files("bitmex", [written(tmp_path, "a.json", as_json(ROWS))], "old", place)
    spec = registry.exchange("bitmex").spec
    alone = known_account(place.warehouse, spec, "old")
    with duckdb.connect(str(place.warehouse)) as connection:
        connection.execute("""
            insert into raw_bitmex.accounts by name
            select account_id, label, 'main' as account_kind, 'f1' as key_fingerprint,
                checked_at - interval 1 day as checked_at, 'api' as origin, _dlt_load_id
            from raw_bitmex.accounts
        """)
    known = known_account(place.warehouse, spec, "old")
    assert alone.account_id == known.account_id == "bitmex:1000001"
    assert (known.kind, known.key_fingerprint) == ("main", "f1")


def test_the_open_positions_row_is_counted_and_not_kept(place, tmp_path):
    path = written(tmp_path, "h.json", as_json([PSEUDO, *ROWS]))
    (result,) = import_files("bitmex", [path], "old", place)
    assert (result.rows_in_file, result.skipped, len(stored(place))) == (4, 1, 4)


WALLET = [
    {
        "account": 1000001,
        "currency": "XBt",
        "deposited": 1000,
        "withdrawn": 0,
        "amount": 10000,
        "timestamp": "2026-03-04T12:00:00.118Z",
    }
]
EXECUTION = {
    "execID": "e1",
    "account": 1000001,
    "symbol": "XBTUSD",
    "lastQty": 1,
    "execType": "Trade",
    "orderID": "o1",
    "ordStatus": "Filled",
    "transactTime": "2026-03-01T00:00:00.000Z",
    "timestamp": "2026-03-01T00:00:00.000Z",
}
ORDER = {
    "orderID": "o1",
    "account": 1000001,
    "symbol": "XBTUSD",
    "orderQty": 1,
    "ordStatus": "Filled",
    "transactTime": "2026-03-01T00:00:00.000Z",
    "timestamp": "2026-03-01T00:00:00.000Z",
}
SUMMARY = {"account": 1000001, "currency": "XBt", "transactType": "Total", "amount": 10000}
INSTRUMENT = {"symbol": "XBTUSD", "rootSymbol": "XBT", "multiplier": -100000000, "isInverse": True}
ASSET = {"asset": "XBT", "currency": "XBt", "majorCurrency": "XBT", "scale": 8}
MARGIN = {
    "account": 1000001,
    "currency": "XBt",
    "amount": 10000,
    "realisedPnl": 0,
    "unrealisedPnl": 0,
    "walletBalance": 10000,
    "marginBalance": 10000,
    "excessMargin": 10000,
    "timestamp": "2026-03-02T13:05:00.504Z",
}
POSITION = {
    "account": 1000001,
    "symbol": "XBTUSD",
    "currency": "XBt",
    "currentQty": 5100,
    "isOpen": True,
    "markPrice": 60600,
    "timestamp": "2026-03-02T13:05:00.504Z",
}
AFFILIATE = {
    "account": 1000001,
    "currency": "XBt",
    "prevPayout": 0,
    "totalReferrals": 0,
    "pendingPayout": 0,
    "timestamp": "2026-03-02T12:00:00.000Z",
}
STAKE = {"account": 1000001, "amount": 5000000, "currency": "BMEx"}
ADDRESS = {
    "id": 7,
    "currency": "XBt",
    "created": "2026-03-02T12:00:00.000Z",
    "userId": 900001,
    "address": "bc1qexample",
    "name": "Cold wallet",
}
RATE = {
    "timestamp": "2026-03-02T12:00:00.000Z",
    "symbol": "XBTUSD",
    "fundingInterval": "2000-01-01T08:00:00.000Z",
    "fundingRate": 0.0001,
    "fundingRateDaily": 0.00030000000000000003,
}
SETTLED = {
    "timestamp": "2025-12-26T12:00:00.000Z",
    "symbol": "XBTZ25",
    "settlementType": "Settlement",
    "settledPrice": 61234.5,
}


@pytest.mark.parametrize(
    ("stream", "row"),
    [
        ("wallet", WALLET[0]),
        ("trade_history", EXECUTION),
        ("orders", ORDER),
        ("wallet_summary", SUMMARY),
        ("instruments", INSTRUMENT),
        ("wallet_assets", ASSET),
        ("margin", MARGIN),
        ("positions", POSITION),
        ("affiliate_status", AFFILIATE),
        ("staking", STAKE),
        ("addresses", ADDRESS),
        ("funding_rates", RATE),
        ("settlements", SETTLED),
    ],
)
def test_each_stream_is_recognised_by_its_columns(place, tmp_path, stream, row):
    history = written(tmp_path, "h.json", as_json(ROWS))
    other = written(tmp_path, "o.json", as_json([row]))
    results = import_files("bitmex", [history, other], "old", place)
    assert [r.stream for r in results] == ["wallet_history", stream]
    assert len(stored(place, stream)) == 1


def test_only_a_newer_file_replaces_a_state_of_the_api(place, tmp_path):
    def saved(amount, day):
        row = WALLET[0] | {"amount": amount, "timestamp": f"2026-03-{day:02d}T12:00:00.000Z"}
        name = f"{day}.json"
        import_files("bitmex", [written(tmp_path, name, as_json([row]))], "old", place)
        return [json.loads(record)["amount"] for *_, record in stored(place, "wallet")]

    saved(10, 10)
    with duckdb.connect(str(place.warehouse)) as connection:  # as if the API had returned it
        connection.execute("update raw_bitmex.wallet set origin = 'api'")
        connection.execute(
            "update raw_bitmex.receipts set origin = 'api', asked_at = timestamptz '2026-03-10'"
        )
        connection.execute("delete from raw_bitmex.file_states")
    assert saved(5, 5) == [10]
    assert saved(15, 15) == [15]


def test_a_saved_balance_has_the_time_of_its_last_change(place, tmp_path):
    import_files("bitmex", [written(tmp_path, "w.json", as_json(WALLET))], "old", place)
    with duckdb.connect(str(place.warehouse), read_only=True) as connection:
        row = connection.execute(
            "select wallet, asset, epoch_ms(taken_at) from raw_bitmex.balances"
        ).fetchall()
    assert row == [("main", "XBt", 1_772_625_600_118)]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"[1, 2", "not a saved API response"),
        (b'[{"a": 1}]', "not a known saved response"),
        (b"hello, world\n1,2\n3\n", "cells"),
        (b"\xff\xfe\x00", "not a saved API response"),
        (b'{"error":{"message":"Invalid API Key."}}', "not a known saved response"),
        (b"[17]", "not JSON objects"),
        (b'[{"a": "\xff"}]', "line 1 is not UTF-8"),
        (b"\x1f\x8bbroken", "cannot read"),
    ],
)
def test_a_file_that_is_not_a_response_is_refused(place, tmp_path, data, says):
    path = written(tmp_path, "odd.dat", data)
    with pytest.raises(LookbackError) as caught:
        import_files("bitmex", [path], "old", place)
    assert says in str(caught.value) and caught.value.remedy and caught.value.account == "old"
    assert not place.warehouse.exists()


SITE_WALLET = """\
"transactTime","transactType","amount","fee","address","transactStatus","walletBalance"
"6/2/2021, 5:41:09 AM","Withdrawal","-20010000","10000","bc1q"broken"quoting","Completed","79977150"
"6/1/2021, 12:00:00 PM","RealisedPNL","-12850","null","XBTUSD","Completed","99987150"
"""
SITE_TRADES = """\
"transactTime","symbol","execType","side","lastQty","lastPx","execCost","commission","execComm",\
"ordType","orderQty","leavesQty","price","text","orderID"
"6/1/2021, 3:10:44 AM","XBTUSD","Trade","Sell","1000","36000","2777778","0.00075","2083","Limit",\
"1000","0","36000","Submission from www.bitmex.com","0c9d8e7f-6a5b-4c3d-8e2f-1a0b9c8d7e6f"
"""


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize(
    ("text", "what", "instead"),
    [
        (SITE_WALLET, "export.csv, line 2: broken quoting", "as it was downloaded"),
        (
            SITE_TRADES,
            "export.csv is an export of BitMEX's site (trade history)",
            "execution/tradeHistory",
        ),
    ],
)
def test_a_site_export_is_refused_with_an_alternative(place, tmp_path, text, what, instead, mark):
    path = written(tmp_path, "export.csv", mark + text.encode())
    with pytest.raises(LookbackError) as caught:
        import_files("bitmex", [path], "old", place)
    assert what in caught.value.what
    assert instead in caught.value.remedy
    assert not place.warehouse.exists()


def test_the_apis_own_csv_is_no_export_of_the_site(place, tmp_path):
    (result,) = import_files("bitmex", [written(tmp_path, "api.csv", as_csv(ROWS))], "old", place)
    assert (result.stream, result.rows_new) == ("wallet_history", 4)


def test_a_saved_answer_of_every_execution_counts_as_trade_history(place, tmp_path):
    """Reports of orders that moved nothing lie among them, and are kept as they are."""
    reports = [
        EXECUTION | {"execID": f"e{n}", "execType": kind, "orderQty": 1, "ordType": "Limit"}
        for n, kind in enumerate(("New", "Trade", "Canceled"))
    ]
    (result,) = import_files(
        "bitmex", [written(tmp_path, "executions.json", as_json(reports))], "old", place
    )
    assert (result.stream, result.rows_new) == ("trade_history", 3)


def test_a_file_that_is_not_there(place, tmp_path):
    with pytest.raises(LookbackError, match="cannot read"):
        import_files("bitmex", [tmp_path / "gone.json"], "old", place)


def test_a_file_of_another_account_is_refused(place, tmp_path):
    import_files("bitmex", [written(tmp_path, "a.json", as_json(ROWS))], "old", place)
    foreign = [{**row, "account": 2} for row in ROWS]
    with pytest.raises(LookbackError, match="belongs to bitmex:2"):
        import_files("bitmex", [written(tmp_path, "b.json", as_json(foreign))], "OLD", place)
    assert {row[1] for row in stored(place)} == {"bitmex:1000001"}


def test_a_second_label_for_one_account_is_refused(place, tmp_path):
    import_files("bitmex", [written(tmp_path, "a.json", as_json(ROWS[:2]))], "old", place)
    more = written(tmp_path, "b.json", as_json(ROWS))
    with pytest.raises(LookbackError, match="whose label is old") as caught:
        import_files("bitmex", [more], "new", place)
    assert caught.value.remedy == "import them with --account old"
    assert len(stored(place)) == 2


@pytest.mark.parametrize("label", ["[/x]", "a" * 3_000, "", "two words"])
def test_a_label_that_no_account_can_have_is_refused(place, tmp_path, label):
    with pytest.raises(LookbackError, match="a label is up to 40"):
        import_files("bitmex", [written(tmp_path, "a.json", as_json(ROWS))], label, place)


def test_a_file_of_several_accounts_is_refused(place, tmp_path):
    mixed = [ROWS[0], {**ROWS[1], "account": 2}]
    with pytest.raises(LookbackError, match="several accounts"):
        import_files("bitmex", [written(tmp_path, "a.json", as_json(mixed))], "old", place)


def test_refused_file_does_not_refuse_the_others(place, tmp_path):
    good = written(tmp_path, "a.json", as_json(ROWS))
    bad = written(tmp_path, "b.json", b"[1, 2")
    foreign = written(tmp_path, "c.json", as_json([{**ROWS[0], "account": 2}]))
    import_files("bitmex", [good], "old", place)
    more = written(tmp_path, "d.json", as_json([{**ROWS[0], "transactID": "d1"}]))
    results = import_files("bitmex", [bad, foreign, more], "old", place)
    assert [str(result.refused is None) for result in results] == ["False", "False", "True"]
    assert "b.json is not a saved API response" in str(results[0].refused)
    assert "c.json belongs to bitmex:2" in str(results[1].refused)
    assert len(stored(place)) == 5


def test_file_without_account_needs_the_users_statement(place, tmp_path):
    nameless = [{name: row[name] for name in row if name != "account"} for row in ROWS]
    path = written(tmp_path, "h.json", as_json(nameless))
    with pytest.raises(LookbackError, match="--uid NUMBER") as caught:
        import_files("bitmex", [path], "old", place)
    assert "h.json does not name its account" in caught.value.what
    assert not place.warehouse.exists()
    (result,) = import_files("bitmex", [path], "old", place, Stated(uid="77"))
    assert result.account_id == "bitmex:77"
    with pytest.raises(LookbackError, match="the label stands for bitmex:77"):
        import_files("bitmex", [path], "old", place, Stated(uid="78"))


def test_reference_files_alone_say_no_account(place, tmp_path):
    path = written(tmp_path, "i.json", as_json([INSTRUMENT]))
    with pytest.raises(LookbackError, match="cannot determine the account"):
        import_files("bitmex", [path], "old", place)


def test_an_unknown_exchange_names_those_whose_files_can_be_imported(place, tmp_path):
    with pytest.raises(LookbackError, match="no such exchange") as caught:
        import_files("nosuch", [tmp_path / "a.json"], "old", place)
    names = registry.names()
    named = {name for name in names if name in caught.value.remedy}
    assert named == set(names)


def test_an_empty_list_is_no_answer_of_a_stream(place, tmp_path):
    with pytest.raises(LookbackError, match="not a known saved response"):
        import_files("bitmex", [written(tmp_path, "a.json", b"[]")], "old", place)


RECORDED = Path(__file__).resolve().parents[2] / "shared" / "real" / "bitmex"
LEDGER = RECORDED / "wallet_history_testnet_2024-01-16.json"


@pytest.mark.skipif(not LEDGER.exists(), reason="recorded answers are not here")
def test_a_recorded_answer_lands_whole(place):
    (result,) = import_files("bitmex", [LEDGER], "testnet", place)
    assert (result.rows_in_file, result.rows_new) == (892, 892)
    assert result.account_id == "bitmex:126541"
