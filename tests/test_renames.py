"""`data/renames.yml`: coins that an exchange changed, as stated by the user."""

from __future__ import annotations

from decimal import Decimal

import duckdb
import pytest

from flows.build import renames
from pipelines.errors import LookbackError
from pipelines.home import Home


@pytest.fixture
def place(prepared_home: Home) -> Home:
    return prepared_home


def write(place: Home, text: str) -> None:
    renames.file_of(place).write_text(text, encoding="utf-8")


def test_rename_of_the_user_reaches_the_models(place: Home) -> None:
    write(place, "- {from: old, to: new, ratio: 1000, on: 2024-05-01, exchange: bitget}")
    renames.load(place)
    with duckdb.connect(str(place.warehouse), read_only=True) as warehouse:
        warehouse.execute("set TimeZone = 'UTC'")
        rows = warehouse.execute(
            "select exchange, from_asset, to_asset, ratio, changed_from::date::varchar, "
            "changed_until::date::varchar, kind from raw_user.asset_renames"
        ).fetchall()
    assert rows == [("bitget", "OLD", "NEW", "1000", "2024-05-01", "2024-06-02", "swapped")]


def test_ratio_is_one_where_it_is_missing(place: Home) -> None:
    write(place, "- {from: OLD, to: NEW, on: 2024-05-01}")
    (found,) = renames.read(place)
    assert (found.ratio, found.kind) == (Decimal(1), "renamed")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ("from: A, on: 2024-05-01", "to is missing"),
        ("from: A, to: B, on: 2024-05-01, ratio: many", "is not a number"),
        ("from: A, to: B, on: 2024-05-01, ratio: -1", "must be positive"),
        ("from: A, to: B, on: 2024-05-01, until: 2024-04-01", "is before on"),
        ("from: A, to: A, on: 2024-05-01", "from and to are both A and the ratio is 1"),
        ("from: A, to: B, on: May", "is not a date"),
    ],
)
def test_slip_in_a_rename_names_its_line(place: Home, fields: str, said: str) -> None:
    write(place, f"# mine\n- {{{fields}}}\n")
    with pytest.raises(LookbackError, match="line 2") as error:
        renames.load(place)
    assert said in error.value.what
