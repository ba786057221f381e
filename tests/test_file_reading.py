"""Reading saved responses: formats, encodings, recognition, and the messages of refusals."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path

import pytest

from pipelines import registry
from pipelines.errors import LookbackError
from pipelines.files import reading
from pipelines.files.importer import read_content
from pipelines.files.reading import Content, contents
from pipelines.files.recognition import DECIMAL, MINOR_UNITS, is_decimal, recognise
from pipelines.home import PROJECT

BITMEX = registry.exchange("bitmex")
ROW = {
    "transactID": "a1",
    "account": 1000001,
    "currency": "XBt",
    "transactType": "Deposit",
    "amount": 100000000,
    "fee": 0,
    "transactStatus": "Completed",
    "text": "one\ntwo",
    "transactTime": "2021-05-01T08:00:00.000Z",
    "timestamp": "2021-05-01T08:00:00.000Z",
}
FIELDS = PROJECT.parent / "shared" / "cases" / "23-bitmex-whole-field-sets" / "fields.json"


def table(row=ROW, delimiter=",", names=str):
    cells = [f'"{value}"' if "\n" in str(value) else str(value) for value in row.values()]
    header = delimiter.join(names(name) for name in row)
    return f"{header}\n{delimiter.join(cells)}\n"


def read(data: bytes | str, name="saved"):
    raw = data.encode() if isinstance(data, str) else data
    return read_content(BITMEX, Content(name, raw))


def reason(data: bytes | str) -> str:
    with pytest.raises(LookbackError) as caught:
        read(data)
    assert caught.value.remedy
    return caught.value.what


@pytest.mark.parametrize(
    "data",
    [
        table(),
        table(delimiter=";"),
        table(delimiter=", "),
        table().replace("timestamp\n", "timestamp,,\n").removesuffix("\n") + ",,\n",
        table(delimiter="\t").encode("utf-16"),
        table(delimiter="\t").encode("utf-16-le"),
        b"\xef\xbb\xbf" + table(names=str.lower).encode(),
        "sep=;\n" + table(delimiter=";"),
        table() + ",,,,,,,,,\n,,,,,,,,,\n",
        json.dumps([{name.lower(): value for name, value in ROW.items()}]),
        json.dumps(ROW),
    ],
)
def test_every_table_format_gives_the_same_record(data):
    found = read(data)
    assert found.stream.name == "wallet_history"
    (record,) = found.records
    assert (record.id, record.at) == ("a1", 1_619_856_000_000_000)
    assert {name: str(value) for name, value in json.loads(record.raw).items()} == {
        name: str(value) for name, value in ROW.items()
    }


def test_zip_archive_gives_each_of_its_files(tmp_path):
    path = tmp_path / "saved.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.json", "[]")
        archive.writestr("folder/b.csv", "x,y\n")
        archive.writestr("__MACOSX/._a.json", "junk")
    assert [content.name for content in contents(path)] == [
        "saved.zip/a.json",
        "saved.zip/folder/b.csv",
    ]


def test_spreadsheet_is_named_as_one(tmp_path):
    path = tmp_path / "book.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("[Content_Types].xml", "<x/>")
    with pytest.raises(LookbackError, match="spreadsheet"):
        contents(path)


def test_each_odd_path_has_its_own_reason(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    sparse = tmp_path / "sparse.json"
    with sparse.open("wb") as file:
        file.truncate(5 << 30)
    expected = {
        tmp_path: "it is a directory",
        tmp_path / "pipe": "it is a pipe",
        Path("/dev/zero"): "a device",
        Path("/proc/self/status"): "part of the operating system",
        tmp_path / "gone.json": "no such file",
        sparse: "larger than 1 GB",
    }
    for path, words in expected.items():
        with pytest.raises(LookbackError) as caught:
            contents(path)
        assert words in caught.value.what and caught.value.remedy


@pytest.mark.parametrize("suffix", ["gz", "zip"])
def test_packed_file_larger_than_the_limit_is_refused(tmp_path, monkeypatch, suffix):
    import gzip

    monkeypatch.setattr(reading, "LARGEST", 1000)
    path = tmp_path / f"bomb.{suffix}"
    if suffix == "gz":
        path.write_bytes(gzip.compress(b"0" * 2000))
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a.json", "0" * 2000)
    with pytest.raises(LookbackError, match="larger than"):
        contents(path)


@pytest.mark.parametrize(
    "data",
    ["[" * 6000 + "]" * 6000, '[{"transactID":' + "[" * 6000 + "]" * 6000 + "}]"],
)
def test_deep_nesting_is_one_sentence(data):
    assert "nested too deeply" in reason(data)


def test_refused_file_shows_nothing_it_holds():
    words = reason('[{"my secret": 1, "transactID": "hidden"}]')
    assert "not a known saved response" in words and "secret" not in words and "hidden" not in words
    assert "walletHistory also has transactType" in words


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("timestamp", "57:26.3", "line 2: timestamp '57:26.3' is not a time"),
        ("timestamp", "2021-05-01", "line 2: timestamp '2021-05-01' is not a time"),
        ("timestamp", "", "line 2: timestamp is missing"),
        ("timestamp", "2021-05-01 08:00", "line 2: timestamp '2021-05-01 08:00' is not a time"),
        ("transactTime", "2021-05-01T08:00Z", "transactTime '2021-05-01T08:00Z' is not a time"),
        ("timestamp", "2021-W17-6T08:00:00", "timestamp '2021-W17-6T08:00:00' is not a time"),
        ("account", "1.000001E+06", "line 2: account '1.000001E+06' is not an account number"),
        ("account", "1.000.001", "line 2: account '1.000.001' is not an account number"),
        ("transactTime", "01/05/2021 08:00", "transactTime '01/05/2021 08:00' is not a time"),
        ("amount", "1E+08", "line 2: amount '1E+08' is not a whole number"),
        ("amount", "", "line 2: amount is missing"),
        ("walletBalance", "7.749E+07", "walletBalance '7.749E+07' is not a whole number"),
        ("fee", "1.000,5", "fee '1.000,5' is not a whole number"),
    ],
)
def test_unreadable_value_is_named_with_its_line(field, value, words):
    row = ROW | {"text": "x"} | {field: value}
    assert f"saved, {words}" in reason(table(row, delimiter=";")) or words in reason(
        table(row, delimiter=";")
    )


def test_damaged_time_of_a_state_is_refused():
    state = {"account": 1000001, "currency": "XBt", "deposited": 0, "withdrawn": 0, "amount": 5}
    assert "timestamp '57:26.3' is not a time" in reason(table(state | {"timestamp": "57:26.3"}))
    assert read(table(state)).taken is None


def test_line_of_a_json_record_is_named():
    rows = [ROW, ROW | {"transactID": "a2", "amount": 1.5}]
    assert "saved, line 14: amount '1.5'" in reason(json.dumps(rows, indent=1))


def test_position_row_without_id_dates_its_file():
    pseudo = {
        "account": 1000001,
        "currency": "XBt",
        "transactType": "UnrealisedPNL",
        "transactStatus": "Pending",
        "amount": 5,
        "timestamp": "2021-05-20T12:00:00.000Z",
    }
    found = read(json.dumps([pseudo, ROW]))
    assert (len(found.records), found.skipped, found.taken) == (1, 1, 1_621_512_000_000_000)


STREAM_OF = {
    "Execution": "trade_history",
    "Funding": "funding_rates",
    "Instrument": "instruments",
    "Order": "orders",
    "Position": "positions",
    "Settlement": "settlements",
    "Wallet": "wallet",
    "Transaction": "wallet_history",
    "Affiliate": "affiliate_status",
    "Margin": "margin",
}


@pytest.mark.skipif(not FIELDS.exists(), reason="the collected cases are not here")
def test_whole_answers_of_every_year_are_recognised():
    for routes in json.loads(FIELDS.read_text(encoding="utf-8")).values():
        for name, fields in routes.items():
            found = recognise(BITMEX.spec, fields)
            assert (found.name if found else None) == STREAM_OF.get(name)


@pytest.mark.parametrize("stream", BITMEX.spec.streams, ids=lambda stream: stream.name)
def test_unknown_columns_never_hide_a_stream(stream):
    names = [*stream.fields, *(f"newField{number}" for number in range(300))]
    assert recognise(BITMEX.spec, names) is stream


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("1", True),
        ("-0.5", True),
        (".5", True),
        ("1e-8", True),
        ("1.5E+3", True),
        ("0.1234567890123456789", False),
        ("1e-19", False),
        ("1e400", False),
        ("123456789012345678901", False),
        ("1,5", False),
        ("", False),
        ("nan", False),
    ],
)
def test_decimal_is_held_exactly_or_refused(text, holds):
    assert is_decimal(text) is holds
    assert not (MINOR_UNITS.fullmatch(text) and not DECIMAL.fullmatch(text) and holds)


def test_files_are_checked_for_the_types_of_the_base_models():
    history = BITMEX.spec.stream("wallet_history")
    assert history.minor_fields == ("amount", "fee", "walletBalance", "marginBalance")
    assert BITMEX.spec.stream("funding_rates").decimal_fields == ("fundingRate",)
