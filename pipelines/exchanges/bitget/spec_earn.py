"""Bitget, classic account: savings and Shark Fin, and what lies in the earn wallet.

The records are a second view of what the spot ledger tells: money that was subscribed left the
spot wallet, what was redeemed came back, and interest is paid there.
"""

from pipelines.exchanges.bitget.spec_terms import (
    CHECKED_ON,
    DOCS,
    END_ID,
    END_ID_OF_WINDOW,
    THREE_MONTHS,
    per_second,
)
from pipelines.spec import LeftOut, StreamSpec

PERIODS = ("flexible", "fixed")
TYPES = ("subscription", "redemption", "interest")
REMEDY = (
    "tax_spot_records has what left the spot wallet and came back; or download the file from the "
    "site: Assets > Earn > History > Export"
)

EARN = (
    StreamSpec(
        name="savings_records",
        path="/api/v2/earn/savings/records",
        paging=END_ID_OF_WINDOW,
        kind="history",
        wallet="earn",
        # A fixed product has one order id for all that becomes of it.
        record_id=("orderId", "orderType", "ts", "coinName"),
        time_field="ts",
        retention_kind="rolling",
        retention=THREE_MONTHS,
        max_window=THREE_MONTHS,
        page_size=100,
        rate=per_second(10),
        scope="periodType",
        scope_values=PERIODS,
        scope_is_closed=True,
        affects="savings: what was subscribed, redeemed and paid as interest, by product",
        remedy=REMEDY,
        docs_url=f"{DOCS}/earn/savings/Savings-Records",
        checked_on=CHECKED_ON,
        confidence="documented",
    ),
    StreamSpec(
        name="sharkfin_records",
        path="/api/v2/earn/sharkfin/records",
        paging=END_ID_OF_WINDOW,
        kind="history",
        wallet="earn",
        record_id=("orderId", "type", "ts"),
        time_field="ts",
        retention_kind="rolling",
        retention=THREE_MONTHS,
        max_window=THREE_MONTHS,
        page_size=100,
        rate=per_second(10),
        scope="type",
        scope_values=TYPES,
        scope_is_closed=True,
        affects="Shark Fin: what was subscribed, redeemed and paid as interest, by product",
        remedy=REMEDY,
        docs_url=f"{DOCS}/earn/sharkfin/Shark-Records",
        checked_on=CHECKED_ON,
        confidence="documented",
    ),
    StreamSpec(
        name="savings_assets",
        path="/api/v2/earn/savings/assets",
        paging=END_ID,
        kind="snapshot",
        wallet="earn",
        record_id=("productId", "orderId", "periodType"),  # no order id where it is flexible
        time_filter=False,
        page_size=100,
        rate=per_second(10),
        scope="periodType",
        scope_values=PERIODS,
        scope_is_closed=True,
        docs_url=f"{DOCS}/earn/savings/Savings-Assets",
        checked_on=CHECKED_ON,
        confidence="documented",
    ),
    StreamSpec(
        name="earn_assets",
        path="/api/v2/earn/account/assets",
        kind="snapshot",
        wallet="earn",
        balance_kind="unledgered",
        record_id=("coin",),
        time_filter=False,
        rate=per_second(10),
        docs_url=f"{DOCS}/earn/account/Earn-Assets",
        checked_on=CHECKED_ON,
        confidence="documented",
    ),
)  # fmt: skip

LEFT_OUT = (
    LeftOut(
        path="/api/v2/earn/elite/*",
        reason=(
            "On-chain earn has routes without a page: what they answer is not known. What it holds "
            "is in earn_assets, what moved in tax_spot_records."
        ),
        docs_url=f"{DOCS}/earn/intro",
    ),
    LeftOut(
        path="/api/v2/earn/sharkfin/assets",
        reason=(
            "Terms of the Shark Fin products subscribed to, without an amount: sharkfin_records "
            "has what went in and came out, earn_assets what is held."
        ),
        docs_url=f"{DOCS}/earn/sharkfin/Shark-Assets",
    ),
    *(
        LeftOut(
            path=f"/api/v2/earn/{product}/account",
            reason="Valuations of the whole in dollars and BTC; earn_assets has the coins.",
            docs_url=f"{DOCS}/earn/{product}/{title}-Account",
        )
        for product, title in (("savings", "Savings"), ("sharkfin", "Shark"))
    ),
)
