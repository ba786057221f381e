"""The macros of `casts.sql`: an amount or a product is exact, or null."""

from __future__ import annotations

import decimal
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jinja2 import Environment

from pipelines.home import PROJECT


def casts() -> Any:
    """The macros of casts.sql, rendered without dbt."""
    text = (PROJECT / "dbt_project" / "macros" / "casts.sql").read_text()
    return Environment(autoescape=False).from_string(text).module


AMOUNT, MINOR = str(casts().amount("t")), str(casts().minor_units("t"))
TYPED = f"select {AMOUNT}, {MINOR} from (select cast(? as varchar) as t)"
DIGITS = st.text("0123456789", max_size=24)


@given(
    sign=st.sampled_from(["", "-", "+"]),
    whole=DIGITS,
    part=st.none() | DIGITS,
    exponent=st.none() | st.integers(-25, 25),
)
@settings(max_examples=500, deadline=None)
def test_an_amount_is_typed_exactly_or_not_at_all(sign, whole, part, exponent):
    text = sign + whole + ("" if part is None else f".{part}")
    text += "" if exponent is None else f"e{exponent}"
    amount, minor = duckdb.execute(TYPED, [text]).fetchone()
    if not whole and not part:
        assert amount is None and minor is None
        return
    with decimal.localcontext(prec=120):
        value = Decimal(text)
        assert amount is None or amount == value
        assert minor is None or minor == value
        if exponent is None and len(whole) <= 20 and len((part or "").rstrip("0")) <= 18:
            assert amount is not None, "it fits, and was not typed"


@pytest.mark.parametrize("text", ["", "-", ".", "abc", "1,5", "1.2.3", "NaN", "inf", "1e", "e5"])
def test_what_is_no_number_is_no_amount(text):
    assert duckdb.execute(TYPED, [text]).fetchone() == (None, None)


PRODUCT = f"select {casts().exact_product('a', 'b')} from factors"
FACTORS = st.decimals(-Decimal(10**20 - 1), Decimal(10**20 - 1), places=18) | st.builds(
    lambda whole, places: Decimal(whole).scaleb(-places),
    st.integers(-(10**19), 10**19),
    st.integers(0, 18),
)


def digits(value: Decimal) -> int:
    """Those of a decimal from its first to its last that counts, the zeros of 500 with them."""
    whole, _, part = f"{value:f}".partition(".")
    return len((whole + part.rstrip("0")).lstrip("0"))


@given(factors=st.lists(st.tuples(FACTORS, FACTORS), min_size=1, max_size=50))
@example(factors=[(Decimal("9999999999.999999999"), Decimal("9999999999.999999999"))])
@example(factors=[(Decimal("1e-18"), Decimal(10)), (Decimal("1e-9"), Decimal("1e-9"))])
@example(factors=[(Decimal("0.5"), Decimal("0.2")), (Decimal("1e-10"), Decimal("1e-9"))])
@example(factors=[(Decimal(0), Decimal("99999999999999999999.9")), (Decimal(-1), Decimal(1))])
@settings(max_examples=100, deadline=None)
def test_a_product_is_exact_or_nothing(factors):
    with duckdb.connect() as memory, decimal.localcontext(prec=120):
        memory.execute("create table factors (a decimal(38, 18), b decimal(38, 18))")
        memory.executemany("insert into factors values (?, ?)", factors)
        for (a, b), (product,) in zip(factors, memory.execute(PRODUCT).fetchall(), strict=True):
            assert product is None or product == a * b
            fits = a * b < 10**20 and a * b * 10**18 % 1 == 0 and digits(a) + digits(b) <= 38
            if min(a, b) >= 0 and fits:
                assert product is not None, "it fits, and was not worked out"
