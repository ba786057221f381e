"""Bitget, classic account: conversions of one coin into another, and of small balances into BGB."""

from datetime import timedelta

from pipelines.exchanges.bitget.spec_terms import CHECKED_ON, DOCS, per_second
from pipelines.spec import StreamSpec

REMEDY = "tax_spot_records has both sides of each conversion, from which its price can be computed"

CONVERT = (
    StreamSpec(
        name="convert_records",
        path="/api/v2/convert/convert-record",
        kind="history",
        wallet="spot",
        record_id=("id",),
        time_field="ts",
        retention_kind="not_stated",
        max_window=timedelta(days=90),
        page_size=100,
        rate=per_second(10),
        affects="price and fee of conversions",
        remedy=REMEDY,
        docs_url=f"{DOCS}/common/convert/Get-Convert-Record",
        checked_on=CHECKED_ON,
        confidence="documented",
    ),
    StreamSpec(
        name="bgb_convert_records",
        path="/api/v2/convert/bgb-convert-records",
        kind="history",
        wallet="spot",
        record_id=("orderId",),
        # The table of the page calls it `ts`; its sample and live responses use `ctime`.
        time_field="ctime",
        retention_kind="not_stated",
        max_window=timedelta(days=90),
        page_size=100,
        rate=per_second(10),
        affects="prices and fee of small balances that were converted to BGB",
        remedy=REMEDY,
        docs_url=f"{DOCS}/common/bgb-convert/Get-BGB-Convert-Record",
        checked_on=CHECKED_ON,
        confidence="documented",
    ),
)  # fmt: skip
