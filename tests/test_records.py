"""Records keep their bytes; their ids are read without parsing amounts."""

import msgspec
import pytest

from pipelines.errors import RequestError
from pipelines.exchanges.bitget import spec as bitget
from pipelines.exchanges.bitmex import spec as bitmex
from pipelines.extract.records import RecordReader, cut_list, to_micros

TAX = RecordReader(bitget.SPEC.stream("tax_spot_records"))
LEDGER = RecordReader(bitmex.SPEC.stream("wallet_history"))
SUMMARY = RecordReader(bitmex.SPEC.stream("wallet_summary"))


def test_a_record_is_the_bytes_that_were_sent():
    text = b'[{"id":"7","amount": 0.10000000000000000001 ,"ts":"1754999000123"}, {"id":"8"}]'
    first, second = TAX.read(cut_list(text))
    assert first.raw == b'{"id":"7","amount": 0.10000000000000000001 ,"ts":"1754999000123"}'
    assert (first.id, first.at) == ("7", 1_754_999_000_123_000)
    assert (second.id, second.at) == ("8", None)


def test_an_id_sent_as_a_number_keeps_all_its_digits():
    (record,) = TAX.read([msgspec.Raw(b'{"id":1338000000000000412,"ts":1754999000123}')])
    assert record.id == "1338000000000000412"


def test_a_long_id_keeps_all_its_digits():
    digits = "123456789012345678901234567890"
    for raw in (digits, f"{digits}.5", "1e400"):
        (record,) = TAX.read([msgspec.Raw(b'{"id":%s}' % raw.encode())])
        assert record.id == raw


def test_a_status_that_is_no_text_is_not_final():
    (record,) = LEDGER.read([msgspec.Raw(b'{"transactID":"a","transactStatus":["Completed"]}')])
    assert record.final is False


def test_a_record_without_its_id_is_kept_under_its_content():
    (record,) = TAX.read([msgspec.Raw(b'{"coin":"BTC"}')])
    assert record.id == f"sha256:{record.digest}"


def test_a_composite_id_names_the_missing_part_by_nothing():
    rows = cut_list(b'[{"currency":"XBt","transactType":"Total"}]')
    assert SUMMARY.read(rows)[0].id == "XBt|Total|"


@pytest.mark.parametrize(
    ("status", "final"),
    [("Completed", True), ("Canceled", True), ("Pending", False), ("Newfangled", False)],
)
def test_only_known_final_statuses_are_final(status, final):
    (record,) = LEDGER.read(
        [msgspec.Raw(b'{"transactID":"a","transactStatus":"%s"}' % status.encode())]
    )
    assert record.final is final


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        ("1754999000123", "milliseconds", 1_754_999_000_123_000),
        (1_754_999_000, "seconds", 1_754_999_000_000_000),
        ("2026-03-02T12:00:00.214Z", "iso8601", 1_772_452_800_214_000),
        ("2026-03-02T12:00:00Z", "iso8601", 1_772_452_800_000_000),
        ("2021-01-01T03:30:00", "iso8601", 1_609_471_800_000_000),
        ("2020-12-31T22:30:00-05:00", "iso8601", 1_609_471_800_000_000),
        ("", "milliseconds", None),
        ("-1", "milliseconds", None),
        (None, "iso8601", None),
        ("soon", "iso8601", None),
        ("1754999000", "milliseconds", 1_754_999_000_000_000),
        ("1754999000123456", "milliseconds", 1_754_999_000_123_456),
        ("1754999000123456789", "milliseconds", 1_754_999_000_123_456),
        (1754999000123.0, "milliseconds", 1_754_999_000_123_000),
        ("2026-03-02T12:00:00Z", "milliseconds", 1_772_452_800_000_000),
        (1_754_999_000_123, "iso8601", 1_754_999_000_123_000),
        (-1_754_999_000_123, "milliseconds", None),
        ("0001-01-01T00:00:00Z", "iso8601", None),
        ("9" * 400, "milliseconds", None),
        (["1754999000123"], "milliseconds", None),
        (True, "milliseconds", None),
        ("nan", "milliseconds", None),
    ],
)
def test_times_as_exchanges_write_them(value, unit, expected):
    assert to_micros(value, unit) == expected


def test_null_and_single_records_are_lists():
    assert cut_list(b"null") == []
    assert len(cut_list(b'{"a":1}', ("a",))) == 1


@pytest.mark.parametrize(
    ("body", "count"),
    [
        (b'{"list":[{"id":"1"},{"id":"2"}],"endId":"2"}', 2),
        (b'{"endId":null,"fillList":null}', 0),
    ],
)
def test_an_object_around_the_list_is_that_list(body, count):
    assert len(cut_list(body, ("id",))) == count


@pytest.mark.parametrize(
    "body", [b'"text"', b"[1, 2", b"17", b"", b"{}", b'{"error":{"message":"no"}}']
)
def test_what_is_no_list_is_trouble(body):
    with pytest.raises(RequestError):
        cut_list(body)


def test_what_is_no_object_is_trouble():
    with pytest.raises(RequestError):
        TAX.read([msgspec.Raw(b"17")])


ODD = RecordReader(bitget.SPEC.stream("tax_spot_records"), keeps_odd=True)


@pytest.mark.parametrize("name", ["note", "coin", "id"])
def test_lone_surrogate_is_one_clear_refusal(name):
    raw = rb'{"id":"1","ts":"1795613612211","%s":"x\ud800y"}' % name.encode()
    with pytest.raises(RequestError, match="a record of tax_spot_records") as refused:
        ODD.read([raw])
    assert refused.value.kind == "not_understood" and not refused.value.retry


@pytest.mark.parametrize("text", [rb"x\u0000y", b"[/x] [bold]", rb"\u001b[31m"])
def test_control_characters_and_markup_are_kept_as_they_came(text):
    raw = b'{"id":"1","ts":"1795613612211","coin":"%s"}' % text
    (record,) = ODD.read([raw])
    assert (record.raw, record.id) == (raw, "1")
