"""The effect of imported files on the marts: many accounts in the shared history."""

from __future__ import annotations

import copy
import csv
import io
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli.app import app
from flows.reports import answers
from pipelines.files.importer import import_files
from pipelines.files.imports import withdraw
from pipelines.files.saved_file import Stated
from pipelines.home import PROJECT, Home

CASES = PROJECT.parent / "shared" / "cases"
NEEDS_CASES = pytest.mark.skipif(not CASES.is_dir(), reason="the collected cases are not here")


def movement(uid, number, kind, amount, balance, day, **fields):
    """One row of a wallet history, of May 2021."""
    time = f"2021-05-{day:02d}T12:00:00.000Z"
    return {
        "transactID": f"00000000-0000-4000-8000-0000{uid:04d}{number:04d}",
        "account": uid,
        "currency": "XBt",
        "transactType": kind,
        "amount": amount,
        "fee": 0,
        "transactStatus": "Completed",
        "address": "XBTUSD" if kind == "RealisedPNL" else "bc1qexample",
        "transactTime": time,
        "walletBalance": balance,
        "timestamp": time,
    } | fields


def ledger(uid, **withdrawal):
    """A deposit, a profit and a withdrawal."""
    return [
        movement(uid, 1, "Deposit", 1000, 1000, 1),
        movement(uid, 2, "RealisedPNL", -100, 900, 2),
        movement(uid, 3, "Withdrawal", -400, 500, 4, **withdrawal),
    ]


def pending(uid):
    return ledger(uid, transactStatus="Pending", timestamp="2021-05-03T10:00:00.000Z")


def wallet(uid, amounts, day):
    """The balances, each with the time of its last change."""
    return [
        {
            "account": uid,
            "currency": currency,
            "deposited": 0,
            "withdrawn": 0,
            "amount": amount,
            "timestamp": f"2021-05-{last if last < day else day:02d}T12:00:00.000Z",
        }
        for currency, (amount, last) in amounts.items()
    ]


def summary(uid, rows):
    """The grouped wallet history of those rows, in bitcoin."""
    groups = {}
    for row in rows:
        symbol = row["address"] if row["transactType"] == "RealisedPNL" else ""
        key = row["transactType"], symbol
        groups[key] = groups.get(key, 0) + row["amount"]
    groups["Total", ""] = sum(row["amount"] for row in rows)
    return [
        {"account": uid, "currency": "XBt", "transactType": kind, "amount": amount, "fee": 0}
        | ({"symbol": symbol} if symbol else {})
        for (kind, symbol), amount in groups.items()
    ]


def execution(uid, number, side, quantity, day):
    time = f"2021-05-{day:02d}T11:00:00.000Z"
    return {
        "execID": f"e{uid}-{number}",
        "orderID": f"o{uid}-{number}",
        "account": uid,
        "symbol": "XBTUSD",
        "side": side,
        "lastQty": quantity,
        "lastPx": 50000,
        "currency": "USD",
        "settlCurrency": "XBt",
        "execType": "Trade",
        "ordStatus": "Filled",
        "execCost": 1000,
        "execComm": 0,
        "transactTime": time,
        "timestamp": time,
    }


def position(uid, quantity, day):
    return [
        {
            "account": uid,
            "symbol": "XBTUSD",
            "currency": "XBt",
            "currentQty": quantity,
            "isOpen": quantity != 0,
            "timestamp": f"2021-05-{day:02d}T13:00:00.000Z",
        }
    ]


def instrument(state, day):
    return [
        {
            "symbol": "XBTM21",
            "rootSymbol": "XBT",
            "state": state,
            "multiplier": -100000000,
            "settlCurrency": "XBt",
            "isInverse": True,
            "timestamp": f"2021-05-{day:02d}T13:00:00.000Z",
        }
    ]


def early_set(uid):
    """All that was saved on 3 May, when a position was open."""
    rows = ledger(uid)[:2]
    return {
        "walletHistory": rows,
        "wallet": wallet(uid, {"XBt": (900, 2), "USDt": (70, 1)}, 3),
        "walletSummary": summary(uid, rows),
        "execution": [execution(uid, 1, "Buy", 10, 2)],
        "position": position(uid, 10, 3),
        "instrument": instrument("Open", 3),
    }


def late_set(uid):
    """All that was saved on 20 May: the tether is gone, the position is closed."""
    rows = ledger(uid)
    return {
        "walletHistory": [
            movement(uid, 0, "UnrealisedPNL", 5, 500, 20, transactStatus="Pending"), *rows
        ],
        "wallet": wallet(uid, {"XBt": (500, 4)}, 20),
        "walletSummary": summary(uid, rows),
        "execution": [execution(uid, 1, "Buy", 10, 2), execution(uid, 2, "Sell", 10, 19)],
        "position": position(uid, 0, 19),
        "instrument": instrument("Settled", 20),
    }  # fmt: skip


def as_csv(rows, delimiter=","):
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, delimiter=delimiter, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


class Importer:
    """Writes files and imports them into one home."""

    def __init__(self, place: Home, folder: Path) -> None:
        self.place = place
        self.folder = folder
        self.count = 0

    def __call__(self, label, *answers_, uid=""):
        paths = []
        for answer in answers_:
            if isinstance(answer, Path):
                paths.append(answer)
                continue
            self.count += 1
            is_text = isinstance(answer, str)
            path = self.folder / f"{self.count}-{label}.{'csv' if is_text else 'json'}"
            path.write_text(answer if is_text else json.dumps(answer), encoding="utf-8")
            paths.append(path)
        return import_files("bitmex", paths, label, self.place, Stated(uid=uid))


def store_cases(place, folder):
    """Import everything; gives the reasons of the refused imports."""
    refused = {}
    bring = Importer(place, folder)

    bring("final_first", ledger(1))
    bring("final_first", pending(1))
    bring("pending_first", pending(2))
    bring("pending_first", ledger(2))

    cut = [{name: row[name] for name in row if name != "address"} for row in ledger(3)]
    bring("cut_later", ledger(3))
    bring("cut_later", as_csv(cut))

    changed = copy.deepcopy(ledger(4))
    changed[1]["amount"] = -101
    bring("contradicted", ledger(4), as_csv(ledger(4), ";"))
    bring("contradicted", changed)
    bring("same_in_csv", ledger(5), as_csv(ledger(5), "\t"))

    bring("old_set_first", *early_set(6).values())
    bring("old_set_first", *late_set(6).values())
    bring("new_set_first", *late_set(7).values())
    bring("new_set_first", *early_set(7).values())
    bring("one_by_one", ledger(8))
    for answer in (late_set(8), early_set(8)):
        bring("one_by_one", answer["walletSummary"])
    bring("both_at_once", *early_set(9).values(), *late_set(9).values())

    nameless = [{name: row[name] for name in row if name != "account"} for row in ledger(10)]
    bring("stated", nameless, uid="10")

    bring("withdrawn", ledger(11)[:2])
    mistake = copy.deepcopy(ledger(11))
    mistake[0]["amount"] = 999
    bring("withdrawn", mistake)
    saved = late_set(11)
    del saved["instrument"]  # other accounts imported the same bytes
    bring("withdrawn", *saved.values())
    for number in range(bring.count - len(saved), bring.count + 1):
        path = next(folder.glob(f"{number}-withdrawn.json"))
        withdraw(sha_of(place, path.name)[:12], place)

    if CASES.is_dir():
        import_cases(bring, refused)
    return refused


@pytest.fixture
def built(shared):
    return shared.published, shared.cases["test_imported_history"]


def sha_of(place, name):
    import duckdb

    with duckdb.connect(str(place.warehouse), read_only=True) as connection:
        return connection.execute(
            "select file_sha256 from raw_bitmex.receipts where file_name = ?", [name]
        ).fetchone()[0]


def import_cases(bring, refused):
    """Each collected file under a label of its own account, or the reason it was refused.

    The cases are of one account number, which is replaced.
    """
    for number, path in enumerate(
        [
            *sorted((CASES / "05-bitmex-spreadsheet-damage").glob("wallet-*")),
            CASES / "19-zipped-export" / "wallet.zip",
        ],
        start=1,
    ):
        uid = str(20000 + number)
        label = path.stem.replace("-", "_")
        good = (CASES / "05-bitmex-spreadsheet-damage" / "good.json").read_text(encoding="utf-8")
        if path.suffix == ".zip":
            bring(label, path)
            continue
        encoding = "utf-16" if path.suffix == ".txt" else "utf-8"
        copied = bring.folder / path.name
        copied.write_bytes(
            path.read_text(encoding=encoding).replace("1000001", uid).encode(encoding)
        )
        for result in bring(label, copied, json.loads(good.replace("1000001", uid))):
            if result.refused is not None:
                refused[path.stem] = str(result.refused)
    lower = []
    for name in ("wallet", "execution"):
        path = CASES / "04-bitmex-lowercase-csv" / f"{name}.csv"
        copied = bring.folder / f"lower-{name}.csv"
        text = path.read_text(encoding="utf-8").replace("1000001", "30001")
        copied.write_bytes(text.encode())
        lower.append(copied)
    bring("lower_case", *lower)
    for number, names in enumerate(
        [("saved-2026-09", "saved-2021-05-03"), ("saved-2021-05-03", "saved-2026-09")], start=1
    ):
        uid = str(40000 + number)
        for name in names:
            path = CASES / "18-bitmex-older-file-later" / f"{name}.json"
            text = path.read_text(encoding="utf-8").replace("1000001", uid)
            bring(f"saved_{number}", json.loads(text))


def rows(built, sql, *parameters):
    with answers.opened(built[0]) as warehouse:
        return [tuple(row.values()) for row in answers.select(warehouse, sql, parameters)]


def movements(built, uid):
    return rows(
        built,
        "select day(occurred_at), entry_type, cast(amount * 1e8 as bigint), status "
        "from marts.fct_ledger_entries where account_id = ? order by occurred_at",
        f"bitmex:{uid}",
    )


WHOLE = [
    (1, "deposit", 1000, "completed"),
    (2, "realised_pnl", -100, "completed"),
    (4, "withdrawal", -400, "completed"),
]


@pytest.mark.parametrize("uid", [1, 2])
def test_pending_version_never_replaces_completed_one(built, uid):
    assert movements(built, uid) == WHOLE


def test_version_with_fewer_fields_never_replaces_fuller_one(built):
    assert movements(built, 3) == WHOLE
    addresses = rows(built, "select address from marts.fct_deposits where account_id = 'bitmex:3'")
    assert addresses == [("bc1qexample",)]


def test_versions_that_contradict_each_other_are_a_finding(built):
    found = rows(
        built,
        "select account_id, size, what from marts.fct_findings "
        "where kind = 'contradicting_versions' order by account_id",
    )
    ((account, size, what),) = [row for row in found if row[0] == "bitmex:4"]
    assert (account, size) == ("bitmex:4", 1)
    assert "in amount," in what and "000000040002" in what


@pytest.mark.parametrize("uid", [1, 2, 3, 5])
def test_equal_values_in_other_formats_are_no_contradiction(built, uid):
    assert not rows(
        built,
        "select what from marts.fct_findings "
        "where kind = 'contradicting_versions' and account_id = ?",
        f"bitmex:{uid}",
    )


@pytest.mark.parametrize("uid", [6, 7, 8, 9])
def test_exact_account_has_no_difference_in_any_import_order(built, uid):
    differing = rows(
        built,
        "select kind, asset, expected, computed, likely_cause from marts.fct_balance_checks "
        "where account_id = ? and not is_ok and asset != 'USDT'",
        f"bitmex:{uid}",
    )
    assert differing == []
    assert rows(
        built,
        "select count(*) from marts.fct_balance_checks where account_id = ? and kind = ?",
        f"bitmex:{uid}",
        "wallet_summary",
    ) == [(1,)]


@pytest.mark.parametrize("uid", [6, 7])
def test_asset_absent_from_later_answer_is_zero(built, uid):
    found = rows(
        built,
        "select asset, cast(expected * 1e8 as bigint), day(checked_at) "
        "from marts.fct_balance_checks "
        "where account_id = ? and kind = 'snapshot' and asset in ('XBT', 'BTC', 'USDT') "
        "order by asset",
        f"bitmex:{uid}",
    )
    assert [row[1:] for row in found if row[0] != "USDT"] == [(500, 4)]
    assert [row for row in found if row[0] == "USDT"] in ([], [("USDT", 0, 20)])


@pytest.mark.parametrize("uid", [6, 7])
def test_newest_position_counts_in_any_import_order(built, uid):
    assert rows(
        built,
        "select expected, computed, day(checked_at) from marts.fct_balance_checks "
        "where account_id = ? and kind = 'position'",
        f"bitmex:{uid}",
    ) == [(0, 0, 19)]


def test_older_contract_list_never_replaces_newer_one(built):
    assert rows(
        built, "select state from base.base_bitmex__instruments where symbol = 'XBTM21'"
    ) == [("Settled",)]


@pytest.mark.parametrize(("uid", "day"), [(6, 20), (8, 4)])
def test_coverage_ends_when_the_file_was_taken(built, uid, day):
    assert rows(
        built,
        "select max(day(span_end)) from marts.fct_coverage where account_id = ? "
        "and stream = 'wallet_history' and verdict = 'covered_file'",
        f"bitmex:{uid}",
    ) == [(day,)]


def files(file: Path) -> list[answers.Row]:
    with answers.opened(file) as warehouse:
        return answers.files(warehouse)


def test_stated_account_is_recorded_as_statement(built):
    assert movements(built, 10) == WHOLE
    listed = {row["label"]: row for row in files(built[0])}
    assert listed["stated"]["account_evidence"] == "user"
    assert listed["final_first"]["account_evidence"] == "file"
    assert len(listed["stated"]["file_sha256"]) == 64
    assert listed["stated"]["row_count"] == 3 and listed["stated"]["span_start"].day == 1


def test_withdrawn_import_leaves_what_other_files_held(built):
    assert movements(built, 11) == WHOLE[:2]
    (left,) = [row for row in files(built[0]) if row["label"] == "withdrawn"]
    assert left["row_count"] == 2
    assert not rows(
        built, "select * from raw_bitmex.balances where account_id = 'bitmex:11'"
    ) and not rows(built, "select * from raw_bitmex.wallet where account_id = 'bitmex:11'")


def test_files_command_lists_imports_and_what_they_cover(built):
    shown = CliRunner().invoke(app, ["files", "--json"])
    assert shown.exit_code == 0
    listed = {row["label"]: row for row in json.loads(shown.stdout)}
    assert listed["stated"]["row_count"] == 3
    assert listed["stated"]["span_start"].startswith("2021-05-01")
    assert "stated by the user" in CliRunner().invoke(app, ["files"]).stdout


def test_withdraw_command_takes_a_file_back(prepared_home, tmp_path, monkeypatch):
    monkeypatch.setattr("flows.cli.run.dbt.build", lambda place: None)
    monkeypatch.setattr("flows.cli.run.publish.publish", lambda place: None)
    Importer(prepared_home, tmp_path)("mistake", ledger(12))
    sha = sha_of(prepared_home, "1-mistake.json")
    both = CliRunner().invoke(app, ["import", "--withdraw", sha, "bitmex"])
    assert both.exit_code == 2 and "takes no other arguments" in both.output
    done = CliRunner().invoke(app, ["import", "--withdraw", sha[:12]])
    assert done.exit_code == 0 and "3 rows removed" in done.stdout
    again = CliRunner().invoke(app, ["import", "--withdraw", sha[:12]])
    assert again.exit_code != 0 and "no imported file" in str(again.exception)


GOOD = [
    (1, "deposit", 100000000, "completed"),
    (2, "realised_pnl", -2500000, "completed"),
    (3, "withdrawal", -20010000, "completed"),
]


@NEEDS_CASES
def test_damaged_files_are_refused_by_line_and_value(built):
    _, refused = built
    assert set(refused) == {
        "wallet-amounts-exponent", "wallet-balances-exponent", "wallet-times-cut",
        "wallet-times-locale",
    }  # fmt: skip
    assert "line 2" in refused["wallet-amounts-exponent"]
    assert "'1E+08'" in refused["wallet-amounts-exponent"]
    assert "'57:26.3'" in refused["wallet-times-cut"]
    assert "'01/05/2021 08:00'" in refused["wallet-times-locale"]


@NEEDS_CASES
@pytest.mark.parametrize("number", range(1, 8))
def test_spreadsheet_leftovers_give_the_three_movements(built, number):
    assert movements(built, 20000 + number) == GOOD


@NEEDS_CASES
@pytest.mark.parametrize("uid", [40001, 40002])
def test_older_saved_answer_never_replaces_newer_one(built, uid):
    assert movements(built, uid)[-1] == (3, "withdrawal", -20010000, "completed")


@NEEDS_CASES
def test_lower_case_tables_give_trades_and_movements(built):
    assert movements(built, 30001) == GOOD
    trades = rows(
        built,
        "select market, contract_quantity, is_forced from marts.fct_trades "
        "where account_id = 'bitmex:30001' order by traded_at",
    )
    assert trades == [("XBTUSD", 1000, False), ("XBTUSD", 1000, True)]
