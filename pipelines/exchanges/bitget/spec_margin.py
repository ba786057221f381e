"""Bitget, classic account: margin, crossed and isolated, and the tax records of margin and P2P."""

from datetime import timedelta

from pipelines.exchanges.bitget.spec_terms import BY_OLDER_TAX_ID, CHECKED_ON, DOCS, per_second
from pipelines.spec import LeftOut, StreamSpec

KINDS = ("crossed", "isolated")
"""Values of `marginType`. Their wallets are called crossed_margin and isolated_margin."""

EXPORT = "download the file from the site: Assets > Margin > transaction history > Export"
P2P_EXPORT = "download the file from the site: P2P > Orders > Export"

LISTS: dict[str, tuple[str, str, str]] = {
    "records": ("financial-records", "marginId", "the second view of the margin ledger"),
    "borrows": ("borrow-history", "loanId", "margin loans, and whether they were manual"),
    "repayments": (
        "repay-history", "repayId",
        "repayments of margin loans: principal and interest",
    ),
    "interest": ("interest-history", "interestId", "the computation of interest on margin"),
    "liquidations": (
        "liquidation-history", "liqId",
        "liquidations on margin: time and cost",
    ),
}  # fmt: skip
"""Part of the name → path, id, and what a gap affects."""

PAGES = {"crossed": "cross", "isolated": "isolated"}


def listed(kind: str, what: str) -> StreamSpec:
    """One list of a kind of margin. Isolated margin is requested per pair."""
    path, record_id, affects = LISTS[what]
    isolated = kind == "isolated"
    title = "-".join(part.capitalize() for part in path.split("-"))
    return StreamSpec(
        name=f"{kind}_margin_{what}",
        path=f"/api/v2/margin/{kind}/{path}",
        kind="history",
        wallet="margin",
        record_id=(record_id,),
        time_field="cTime",
        retention_kind="not_stated",
        max_window=timedelta(days=90),
        page_size=500,
        rate=per_second(10),
        scope="symbol" if isolated else "",
        scope_from=("isolated_margin_assets", "tax_margin_records") if isolated else (),
        affects=affects,
        remedy=f"tax_margin_records has every movement; or {EXPORT}",
        remedy_is_file=True,
        docs_url=f"{DOCS}/margin/{PAGES[kind]}/record/Get-{kind.capitalize()}-{title}",
        checked_on=CHECKED_ON,
        confidence="documented",
    )


MARGIN = (
    StreamSpec(
        name="tax_margin_records",
        path="/api/v2/tax/margin-record",
        paging=BY_OLDER_TAX_ID,
        kind="history",
        entities=("ledger", "transfers"),
        wallet="margin",
        record_id=("id",),
        time_field="ts",
        # As for spot: the window is documented, the retention is not.
        retention_kind="not_stated",
        max_window=timedelta(days=30),
        page_size=500,
        smaller_page=100,
        rate=per_second(1),
        scope="marginType",
        scope_values=KINDS,
        scope_from=("tax_margin_records",),  # elsewhere `marginType` is the label of a row
        affects="the margin ledger: loans, trades, interest and transfers with balances",
        remedy=f"{EXPORT}",
        remedy_is_file=True,
        docs_url=f"{DOCS}/common/tax/Get-Margin-Account-Record",
        checked_on=CHECKED_ON,
        confidence="documented",
    ),
    StreamSpec(
        name="tax_p2p_records",
        path="/api/v2/tax/p2p-record",
        paging=BY_OLDER_TAX_ID,
        kind="history",
        entities=("ledger", "transfers"),
        wallet="p2p",
        record_id=("id",),
        time_field="ts",
        retention_kind="not_stated",
        max_window=timedelta(days=30),
        page_size=500,
        smaller_page=100,
        rate=per_second(1),
        affects="purchases, sales and transfers of the P2P wallet",
        remedy=f"{P2P_EXPORT}",
        remedy_is_file=True,
        docs_url=f"{DOCS}/common/tax/Get-P2P-Account-Record",
        checked_on=CHECKED_ON,
        confidence="documented",
    ),
    StreamSpec(
        name="crossed_margin_assets",
        path="/api/v2/margin/crossed/account/assets",
        kind="snapshot",
        wallet="crossed_margin",
        balance_kind="ledgered",
        record_id=("coin",),
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
        balance_kind="ledgered",
        record_id=("symbol", "coin"),  # every pair has a separate wallet
        time_filter=False,
        rate=per_second(10),
        docs_url=f"{DOCS}/margin/isolated/account/Get-Isolated-Assets",
        checked_on=CHECKED_ON,
        confidence="documented",
    ),
    *(listed(kind, what) for kind in KINDS for what in LISTS),
    StreamSpec(
        name="isolated_margin_fills",
        path="/api/v2/margin/isolated/fills",
        kind="history",
        wallet="margin",
        record_id=("tradeId",),
        time_field="cTime",
        retention_kind="not_stated",
        max_window=timedelta(days=90),
        page_size=500,
        rate=per_second(10),
        scope="symbol",
        scope_from=("isolated_margin_assets", "tax_margin_records"),
        affects="price, order and maker or taker side of trades on isolated margin",
        remedy=f"tax_margin_records has both sides of each trade; or {EXPORT}",
        remedy_is_file=True,
        docs_url=f"{DOCS}/margin/isolated/trade/Get-Isolated-Order-Fills",
        checked_on=CHECKED_ON,
        confidence="documented",
    ),
)

LEFT_OUT = (
    LeftOut(
        path="/api/v2/margin/crossed/fills",
        reason=(
            "Must be requested for each pair, and no route lists the pairs traded on crossed "
            "margin. Price, order and maker or taker side are missing; tax_margin_records has "
            "both sides of each trade."
        ),
        docs_url=f"{DOCS}/margin/cross/trade/Get-Cross-Order-Fills",
    ),
)
