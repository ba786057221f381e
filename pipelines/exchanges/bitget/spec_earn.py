"""Bitget, classic account: savings and Shark Fin, and the balances of the earn wallet.

The records are a second view of the spot ledger: subscriptions leave the spot wallet, and
redemptions and interest are paid into it.
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
    "tax_spot_records has the movements of the spot wallet; or download the file from the "
    "site: Assets > Earn > History > Export"
)

EARN = (
    StreamSpec(
        name="savings_records",
        path="/api/v2/earn/savings/records",
        paging=END_ID_OF_WINDOW,
        kind="history",
        wallet="earn",
        # A fixed product has one order id for all its records.
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
        affects="savings: subscriptions, redemptions and interest, by product",
        remedy=REMEDY,
        remedy_is_file=True,
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
        affects="Shark Fin: subscriptions, redemptions and interest, by product",
        remedy=REMEDY,
        remedy_is_file=True,
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
            "Routes of on-chain earn without documentation. Its balances are in earn_assets, its "
            "movements in tax_spot_records."
        ),
        docs_url=f"{DOCS}/earn/intro",
    ),
    LeftOut(
        path="/api/v2/earn/sharkfin/assets",
        reason=(
            "Terms of the Shark Fin products subscribed to, without an amount: sharkfin_records "
            "has the movements, earn_assets the balances."
        ),
        docs_url=f"{DOCS}/earn/sharkfin/Shark-Assets",
    ),
    *(
        LeftOut(
            path=f"/api/v2/earn/{product}/account",
            reason="Total values in dollars and BTC; earn_assets has the coins.",
            docs_url=f"{DOCS}/earn/{product}/{title}-Account",
        )
        for product, title in (("savings", "Savings"), ("sharkfin", "Shark"))
    ),
)
