"""Files of an exchange's site: read, proved, compared with the API, and stored once."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
import requests

from pipelines import registry
from pipelines.errors import LookbackError
from pipelines.extract.exchange import Exchange
from pipelines.files.importer import import_files, read_content
from pipelines.files.imports import withdraw
from pipelines.files.mapping import read_mapping, template_of
from pipelines.files.reading import Content
from pipelines.files.saved_file import ImportResult, SavedFile, Stated
from pipelines.files.site_reading import zone_of
from pipelines.files.site_rows import reconcile_home
from pipelines.home import home
from pipelines.sandbox.engine.server import Sandbox
from tests.conftest import Lab

BITGET = registry.exchange("bitget")
UTC_FILE = Stated(zone="UTC")
HEADER = "order,Date,Coin,Type,Amount,Fee,Available"
ROWS = [
    "\t11,2026-03-01 10:00:00,USDT,Deposit,100,0,100",
    "\t12,2026-03-01 11:00:00,USDT,Sell,-40,0,60",
    "\t13,2026-03-01 11:00:00,SOL,Buy,2,-0.002,1.998",
    "\t14,2026-03-02 09:30:00,USDT,Ordinary Withdrawal,-50,-1,9",
]


def read(text: str, stated: Stated = UTC_FILE, exchange: Exchange = BITGET) -> SavedFile:
    return read_content(exchange, Content("export.csv", text.encode()), stated)


def table(*rows: str, header: str = HEADER) -> str:
    return "\r\n".join([header, *rows]) + "\r\n"


def values(file: SavedFile, *names: str) -> list[tuple[str | None, ...]]:
    records = [json.loads(record.raw) for record in file.records]
    return [tuple(record.get(name) for name in names) for record in records]


@pytest.mark.parametrize(
    "text",
    [
        table(*ROWS),
        table(*reversed(ROWS)),
        "\ufeff" + table(*ROWS),
        table(*ROWS, header=HEADER.lower()),
        table(*[row.replace(",", ";") for row in ROWS], header=HEADER.replace(",", ";")),
        table(*[f"\ufeff{row},," for row in ROWS], header=HEADER),
        "Export of spot transactions\r\n\r\n" + table(*ROWS),
    ],
    ids=["as_exported", "newest_first", "mark", "lower_case", "semicolons", "surplus", "title"],
)
def test_every_shape_of_a_file_gives_the_same_records(text: str) -> None:
    file = read(text)
    assert file.stream.name == "tax_spot_records"
    assert values(file, "coin", "spotTaxType", "amount", "fee", "balance")[0] == (
        "USDT", "Deposit", "100", "0", "100",
    )  # fmt: skip
    assert ("SOL", "1.998") in values(file, "coin", "amount")  # with its fee, as the API has it
    assert {record.id for record in file.records} == {r.id for r in read(table(*ROWS)).records}


def test_a_file_proves_the_span_between_its_first_and_last_second() -> None:
    site = read(table(*ROWS)).site
    assert site is not None
    assert site.spans == [
        (datetime(2026, 3, 1, 10, 0, 1, tzinfo=UTC), datetime(2026, 3, 2, 9, 30, tzinfo=UTC))
    ]


def test_equal_rows_of_a_second_are_separate_records() -> None:
    twins = ["1,2026-03-01 10:00:00,USDT,Airdrop,1,0,1", "2,2026-03-01 10:00:00,SOL,Airdrop,1,0,1"]
    chained = ["1,2026-03-01 10:00:00,USDT,A,0,0,5", "2,2026-03-01 10:00:00,USDT,A,0,0,5"]
    assert len({record.id for record in read(table(*twins)).records}) == 2
    assert len({record.id for record in read(table(*chained)).records}) == 2


@pytest.mark.parametrize(
    ("zone", "at"),
    [
        ("UTC", "2026-03-01T10:00:00"),
        ("UTC+8", "2026-03-01T02:00:00"),
        ("-03:30", "2026-03-01T13:30:00"),
        ("Europe/Berlin", "2026-03-01T09:00:00"),
    ],
)
def test_times_are_read_in_the_stated_zone(zone: str, at: str) -> None:
    first = read(table(*ROWS), Stated(zone=zone)).records[0]
    assert first.at is not None
    assert datetime.fromtimestamp(first.at / 1e6, UTC).isoformat()[:19] == at


@pytest.mark.parametrize("zone", ["Mars/Base", "UTC+99", "later"])
def test_an_unknown_zone_is_refused(zone: str) -> None:
    with pytest.raises(LookbackError, match="no such time zone"):
        zone_of(zone)


def test_a_file_without_a_zone_asks_for_it() -> None:
    with pytest.raises(LookbackError, match="does not state its time zone") as caught:
        read(table(*ROWS), Stated())
    assert "--timezone" in caught.value.remedy


def test_a_time_that_the_clock_showed_twice_is_refused() -> None:
    row = "1,2026-10-25 02:30:00,USDT,Deposit,1,0,1"
    with pytest.raises(LookbackError, match=r"line 2, column Date: .* not one moment"):
        read(table(row), Stated(zone="Europe/Berlin"))


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ("15,57:26.3,USDT,Deposit,1,0,10", "line 6, column Date: '57:26.3' was changed by a spr"),
        ("15,2026-03-03,USDT,Deposit,1,0,10", "line 6, column Date: '2026-03-03' is not a time"),
        ("15,2026-03-03 10:00:00,USDT,Deposit,=1+1,0,10", "column Amount: '=1\\+1' is not a num"),
        ("15,2026-03-03 10:00:00,1.38982E+18,Deposit,1,0,1", "line 6, column Coin: .* spreadsheet"),
        ("15,2026-03-03 10:00:00,USDT,Deposit", "line 6: 4 cells, but the header has 7 columns"),
        ('15,2026-03-03 10:00:00,"US"DT,Deposit,1,0,10', "line 6: broken quoting"),
        ("No matching records found.", "line 6: 1 cells"),
    ],
)
def test_a_damaged_row_is_refused_with_its_place(row: str, what: str) -> None:
    with pytest.raises(LookbackError, match=what):
        read(table(*ROWS, row))


def test_a_wrong_sign_is_found_by_the_balances() -> None:
    wrong = [row.replace(",-", ",") for row in ROWS]
    with pytest.raises(LookbackError, match="not what its header says"):
        read(table(*wrong, *[r.replace("2026-03-0", "2026-04-0") for r in wrong]))


def test_a_missing_row_is_named_and_its_time_is_not_covered() -> None:
    more = [
        "16,2026-03-03 08:00:00,USDT,Deposit,30,0,39",
        "17,2026-03-04 08:00:00,USDT,Deposit,10,0,49",
    ]
    site = read(table(*ROWS[:3], *more)).site
    assert site is not None
    (found,) = site.breaks
    assert (found.line, found.found - found.expected) == (5, Decimal(-51))
    assert "rows of -51 USDT are missing" in str(found)
    assert len(site.spans) == 2
    assert site.spans[0][1] == datetime(2026, 3, 1, 11, tzinfo=UTC)
    assert site.spans[1][0] == datetime(2026, 3, 3, 8, 0, 1, tzinfo=UTC)


def test_another_header_is_compared_with_the_nearest_one() -> None:
    with pytest.raises(LookbackError) as caught:
        read(table(header="order,Date,Coin,Type,Amount,Charge,Available"))
    assert "most like spot transactions, but lacks Fee and also has Charge" in caught.value.what
    assert "--map" in caught.value.remedy


WALLET = "transactTime,transactType,amount,fee,address,transactStatus,walletBalance"


def wallet_file(*rows: str) -> SavedFile:
    return read(table(*rows, header=WALLET), exchange=registry.exchange("bitmex"))


def test_day_and_month_are_proven_by_a_day_after_the_twelfth() -> None:
    file = wallet_file(
        '"12/25/2024, 7:00:00 AM",RealisedPNL,85517,0,XBTUSD,Completed,5145738',
        '"12/25/2024, 5:47:25 AM",Withdrawal,-5746216,100000,bc1q,Completed,5060221',
        '"11/27/2024, 3:36:31 PM",Deposit,5000000,null,,Completed,10806437',
        '"11/26/2024, 3:36:31 PM",Withdrawal,-100,null,,Canceled,10806437',
    )
    assert values(file, "currency", "transactTime", "amount")[0] == (
        "XBt", "2024-11-27T15:36:31.000Z", "5000000",
    )  # fmt: skip
    assert file.skipped == 1


def test_a_wallet_of_several_currencies_is_refused() -> None:
    with pytest.raises(LookbackError, match="not what its header says"):
        wallet_file(
            *(
                f'"12/{day}/2024, 7:00:00 AM",RealisedPNL,{amount},0,X,Completed,{balance}'
                for day, amount, balance in (
                    (28, 10, 400), (27, 5, 90_000), (26, 20, 390), (25, 7, 89_995),
                )
            )
        )  # fmt: skip


# A mapping of the user's own


def mapped(tmp_path: Path, mapping: str, text: str, name: str = "bigone") -> SavedFile:
    path = tmp_path / "mapping.yml"
    path.write_text(mapping)
    exchange = registry.exchange(name)
    return read(text, Stated(mapping=read_mapping(path, exchange.spec)), exchange)


DEPOSITS = """\
stream: deposits
columns: {asset_symbol: Coin, amount: Quantity, txid: Hash}
constants: {state: CONFIRMED}
time: {column: Date, format: "%d.%m.%Y %H:%M", zone: UTC+2}
"""


def test_a_mapping_reads_any_table(tmp_path: Path) -> None:
    file = mapped(
        tmp_path, DEPOSITS, "Hash,Coin,Date,Other,Quantity\nab,BTC,03.02.2026 10:00,x,0.5\n"
    )
    assert values(file, "asset_symbol", "amount", "txid", "state") == [
        ("BTC", "0.5", "ab", "CONFIRMED")
    ]
    assert file.records[0].at == 1_770_105_600_000_000


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (("stream: deposits", "stream: depots"), "no stream 'depots' of BigONE"),
        (
            ("amount: Quantity", "amonut: Quantity"),
            "field of deposits: amonut .did you mean amount",
        ),
        (("columns:", "colums:"), "key of a mapping: colums .did you mean columns"),
        (("time: {", "time: {{"), "is not YAML, line"),
        (('format: "%d.%m.%Y %H:%M", ', ""), "lacks time.column or time.format"),
    ],
)
def test_a_slip_in_a_mapping_is_named(change: tuple[str, str], what: str, tmp_path: Path) -> None:
    with pytest.raises(LookbackError, match=what):
        mapped(tmp_path, DEPOSITS.replace(*change), "Coin,Date\n")


@pytest.mark.parametrize("name", registry.names())
def test_a_template_names_every_field_and_is_yaml(name: str, tmp_path: Path) -> None:
    import yaml

    spec = registry.exchange(name).spec
    for stream in spec.streams:
        if stream.kind == "history":
            text = template_of(spec, stream.name)
            assert yaml.safe_load(text)["stream"] == stream.name
            times = {stream.time_field, *stream.other_times}
            assert all(f"# {field}:" in text for field in stream.fields if field not in times)


# With an account that the API has read


@pytest.fixture(scope="module")
def synced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The main account, synced once."""
    folder = tmp_path_factory.mktemp("site")
    with pytest.MonkeyPatch.context() as patch, Sandbox(size="tiny", pace=None) as box:
        patch.setenv("LOOKBACK_HOME", str(folder))
        patch.setattr("pipelines.extract.client._wait_before_next", lambda state: 0.0)
        made = Lab(box, home(), patch)
        made.declare("bitget", label="main")
        made.sync("main")
        yield made


@pytest.fixture
def site(synced: Lab) -> Iterator[Site]:
    """The synced account; what a test stores is gone after it."""
    place = synced.home
    kept = place.root / "kept"
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(place.data, kept)
    yield Site(synced)
    shutil.rmtree(place.data)
    shutil.copytree(kept, place.data)


class Site:
    """A synced account, the files of its site, and what is stored."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.folder = lab.home.data / "site"
        self.folder.mkdir(exist_ok=True)

    def file(self, name: str = "spot transactions.csv") -> list[str]:
        """The lines of a file, header first."""
        found = requests.get(f"{self.lab.box.url}/_site/bitget-main/{name}", timeout=30)
        assert found.status_code == 200
        return found.content.decode("utf-8-sig").splitlines()

    def load(
        self, lines: list[str], stated: Stated = UTC_FILE, name: str = "a.csv"
    ) -> ImportResult:
        path = self.folder / name
        path.write_text("\r\n".join(lines) + "\r\n")
        (result,) = import_files("bitget", [path], "main", self.lab.home, stated)
        return result

    def stored(self, stream: str = "tax_spot_records") -> Counter[tuple[object, ...]]:
        """Every stored event by second, coin and amount."""
        rows = self.lab.query(
            f"""
            select distinct on (record_id)
                date_trunc('second', occurred_at), coalesce(record ->> 'coin', record ->> 'marginCoin'),
                cast(record ->> 'amount' as decimal(38, 18))
            from raw_bitget.{stream}
            """  # noqa: E501
        )
        return Counter(rows)

    def expected(self, lines: list[str]) -> Counter[tuple[object, ...]]:
        cells = [line.split(",") for line in lines[1:]]
        return Counter(
            (
                datetime.fromisoformat(row[1]).replace(tzinfo=UTC),
                row[2],
                Decimal(row[4]) + Decimal(row[5]),
            )
            for row in cells
        )


def test_a_file_adds_what_the_api_has_lost_and_nothing_twice(site: Site) -> None:
    lines = site.file()
    before = site.stored()
    result = site.load(lines)
    assert result.findings == []
    assert 0 < result.rows_new < len(lines)
    assert site.stored() == site.expected(lines)
    assert before < site.stored()
    again = site.load(lines, name="again.csv")
    assert again.already_imported
    assert site.stored() == site.expected(lines)


def test_a_withdrawn_file_leaves_what_the_api_returned(site: Site) -> None:
    before = site.stored()
    site.load(site.file())
    (sha,) = site.lab.query(
        "select distinct file_sha256 from raw_bitget.receipts where file_format is not null"
    )[0]
    assert withdraw(sha, site.lab.home).rows > 0
    assert site.stored() == before
    assert site.lab.query("select count(*) from raw_bitget.site_rows") == [(0,)]


def contradicted(site: Site, lines: list[str], stated: Stated = UTC_FILE) -> str:
    before = site.stored()
    result = site.load(lines, stated)
    assert site.stored() == before
    assert result.rows_new == 0
    return " ".join(result.findings)


def test_a_wrong_time_zone_is_found_by_the_overlap(site: Site) -> None:
    found = contradicted(site, site.file(), Stated(zone="UTC+1"))
    assert "1 hours earlier than those of the API" in found


def test_a_row_that_only_the_file_has_is_named(site: Site) -> None:
    lines = site.file()
    row = lines[20].split(",")
    row[3], row[4], row[5] = "Airdrop", "0", "0"
    found = contradicted(site, [*lines[:20], ",".join(row), *lines[20:]])
    assert "only in the file" in found
    assert row[2] in found


def test_a_row_missing_in_the_file_is_named_and_comes_from_the_api(site: Site) -> None:
    lines = site.file()
    result = site.load([*lines[:20], *lines[21:]])
    (found,) = result.findings
    assert lines[20].split(",")[2] in found
    assert "missing" in found
    missing_at = datetime.fromisoformat(lines[20].split(",")[1]).replace(tzinfo=UTC)
    assert not any(start <= missing_at < end for start, end in result.covers)
    assert site.stored() == site.expected(lines)


def test_a_doubled_row_is_found(site: Site) -> None:
    name = "futures transactions USDT-FUTURES.csv"
    lines = site.file(name)
    before = site.stored("tax_future_records")
    result = site.load([*lines[:3], lines[2], *lines[3:]])
    assert "only in the file" in " ".join(result.findings)
    assert site.stored("tax_future_records") == before


def test_rows_give_way_when_the_api_reads_their_span(site: Site) -> None:
    lines = site.file()
    with duckdb.connect(str(site.lab.home.warehouse)) as connection:
        for table_name, where in (
            ("tax_spot_records", "true"),
            ("receipts", "stream = 'tax_spot_records'"),
        ):
            name = f"raw_bitget.{table_name}"
            connection.execute(f"create table later_{table_name} as from {name} where {where}")
            connection.execute(f"delete from {name} where {where}")
    assert site.load(lines).rows_new == len(lines) - 1
    with duckdb.connect(str(site.lab.home.warehouse)) as connection:
        for table_name in ("tax_spot_records", "receipts"):
            connection.execute(f"insert into raw_bitget.{table_name} from later_{table_name}")
    assert reconcile_home(site.lab.home, ["bitget"]).removed > 0
    assert site.stored() == site.expected(lines)


def test_a_futures_file_is_stored_under_its_product(site: Site) -> None:
    for name in ("USDT-FUTURES", "COIN-FUTURES"):
        lines = site.file(f"futures transactions {name}.csv")
        result = site.load(lines, name=f"{name}.csv")
        assert result.findings == []
        scopes = site.lab.query(
            "select distinct scope from raw_bitget.receipts where file_name = ?", f"{name}.csv"
        )
        assert scopes == [(name,)]


def test_an_empty_file_covers_a_declared_span(site: Site) -> None:
    with pytest.raises(LookbackError, match="has no rows"):
        site.load([HEADER])
    since = datetime(2021, 1, 1, tzinfo=UTC)
    stated = Stated(zone="UTC", since=since, until=since + timedelta(days=365))
    result = site.load([HEADER], stated)
    assert result.covers == [(since, since + timedelta(days=365))]


def test_a_dry_run_stores_nothing(site: Site) -> None:
    path = site.folder / "a.csv"
    path.write_text("\n".join(site.file()))
    (result,) = import_files("bitget", [path], "main", site.lab.home, UTC_FILE, dry_run=True)
    assert result.rows_in_file
    assert result.covers
    assert site.lab.query("select count(*) from raw_bitget.site_rows") == [(0,)]


@pytest.mark.parametrize("name", registry.names())
def test_the_sandbox_names_its_site_files(name: str) -> None:
    with Sandbox(size="tiny", pace=None, exchanges=[name]) as box:
        found = requests.get(f"{box.url}/_site/{name}-main", timeout=30)
        assert ("spot transactions.csv" in found.json()) == (name == "bitget")
        assert requests.get(f"{box.url}/_site/nobody/x.csv", timeout=9).status_code == 404
