"""Bitget, classic account: margin, crossed and isolated, and the tax records of margin and P2P."""

from datetime import timedelta

from pipelines.spec import StreamSpec
from pipelines.specs.bitget_terms import CHECKED_ON, DOCS, per_second

KINDS = ("crossed", "isolated")
"""Values of `marginType`. Their wallets are called crossed_margin and isolated_margin."""

EXPORT = "download the file from the site: Assets > Margin > transaction history > Export"
P2P_EXPORT = "download the file from the site: P2P > Orders > Export"

MARGIN = (
    StreamSpec(
        name="tax_margin_records",
        path="/api/v2/tax/margin-record",
        kind="history",
        entities=("ledger", "transfers"),
        wallet="margin",
        record_id=("id",),
        fields=("id", "coin", "symbol", "marginTaxType", "amount", "fee", "total", "ts"),
        time_field="ts",
        # As for spot: the window is documented, the reach is not.
        retention_kind="not_stated",
        max_window=timedelta(days=30),
        page_size=500,
        rate=per_second(1),
        scope="marginType",
        scope_values=KINDS,
        affects="the margin ledger: loans, trades, interest and transfers with balances",
        remedy=f"{EXPORT}; the API states no limit, so ask again first",
        docs_url=f"{DOCS}/common/tax/Get-Margin-Account-Record",
        checked_on=CHECKED_ON,
        confidence="documented",
    ),
    StreamSpec(
        name="tax_p2p_records",
        path="/api/v2/tax/p2p-record",
        kind="history",
        entities=("ledger", "transfers"),
        wallet="p2p",
        record_id=("id",),
        fields=("id", "coin", "p2pTaxType", "balance", "total", "ts"),
        time_field="ts",
        retention_kind="not_stated",
        max_window=timedelta(days=30),
        page_size=500,
        rate=per_second(1),
        affects="what was bought, sold and moved in the P2P wallet",
        remedy=f"{P2P_EXPORT}; the API states no limit, so ask again first",
        docs_url=f"{DOCS}/common/tax/Get-P2P-Account-Record",
        checked_on=CHECKED_ON,
        confidence="documented",
    ),
    StreamSpec(
        name="crossed_margin_assets",
        path="/api/v2/margin/crossed/account/assets",
        kind="snapshot",
        wallet="crossed_margin",
        record_id=("coin",),
        fields=(
            "coin", "totalAmount", "available", "frozen", "borrow", "interest", "net", "coupon",
            "cTime", "uTime",
        ),
        time_filter=False,
        rate=per_second(10),
        docs_url=f"{DOCS}/margin/cross/account/Get-Cross-Assets",
        checked_on=CHECKED_ON,
        confidence="documented",
    ),
    StreamSpec(
        name="isolated_margin_assets",
        path="/api/v2/margin/isolated/account/assets",
        kind="snapshot",
        wallet="isolated_margin",
        record_id=("symbol", "coin"),  # every pair has a wallet of its own
        fields=(
            "symbol", "coin", "totalAmount", "available", "frozen", "borrow", "interest", "net",
            "coupon", "cTime", "uTime",
        ),
        time_filter=False,
        rate=per_second(10),
        docs_url=f"{DOCS}/margin/isolated/account/Get-Isolated-Assets",
        checked_on=CHECKED_ON,
        confidence="documented",
    ),
)
