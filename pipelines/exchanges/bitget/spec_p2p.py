"""Bitget, classic account: orders of a P2P merchant. Other accounts have no rows here."""

from datetime import timedelta

from pipelines.exchanges.bitget.spec_terms import CHECKED_ON, DOCS, per_second
from pipelines.spec import StreamSpec

P2P = (
    StreamSpec(
        name="p2p_orders",
        path="/api/v2/p2p/orderList",
        kind="history",
        wallet="p2p",
        record_id=("orderId",),
        # buyerRealName, sellerRealName and paymentInfo are personal: they stay in the record, and
        # no model reads them.
        time_field="ctime",
        retention_kind="not_stated",
        max_window=timedelta(days=90),
        page_size=100,
        rate=per_second(10),
        status_field="status",
        final_statuses=frozenset({"completed", "cancelled"}),
        affects="prices and fiat amounts of P2P orders, and orders that were not completed",
        remedy=(
            "tax_p2p_records has the bought and sold coins; or download the file from the site: "
            "P2P > Orders > Export"
        ),
        remedy_is_file=True,
        docs_url=f"{DOCS}/common/p2p/Get-P2P-Order-List",
        checked_on=CHECKED_ON,
        confidence="documented",
    ),
)  # fmt: skip
