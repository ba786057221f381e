"""Bitget, classic account (v2): rolling limits, windows, cursors and running balances.

The routes of unified accounts (v3) are in a module of their own.
"""

from dataclasses import replace
from datetime import date, timedelta

from pipelines.exchanges.bitget import spec_convert as bitget_convert
from pipelines.exchanges.bitget import spec_copy as bitget_copy
from pipelines.exchanges.bitget import spec_earn as bitget_earn
from pipelines.exchanges.bitget import spec_futures as bitget_futures
from pipelines.exchanges.bitget import spec_loans as bitget_loans
from pipelines.exchanges.bitget import spec_margin as bitget_margin
from pipelines.exchanges.bitget import spec_p2p as bitget_p2p
from pipelines.exchanges.bitget import spec_sub_accounts as bitget_sub_accounts
from pipelines.exchanges.bitget import spec_unified as unified
from pipelines.exchanges.bitget import spec_wallets as bitget_wallets
from pipelines.exchanges.bitget.guide import EXCLUDED, GUIDE
from pipelines.exchanges.bitget.site_files import SITE_FORMATS
from pipelines.exchanges.bitget.spec_terms import (
    BY_OLDER_ID,
    BY_OLDER_TAX_ID,
    CHECKED_ON,
    CLASSIC,
    DOCS,
    THREE_MONTHS,
    per_second,
)
from pipelines.spec import Bounds, Envelope, ExchangeSpec, PageNumbers, Rate, StreamSpec

EXPORT = "download the file from the site: Assets > Spot > transaction history > Export"


def of_every_kind(*classic: StreamSpec) -> tuple[StreamSpec, ...]:
    """All streams: private routes of classic accounts get their kinds; public and unified ones."""
    marked = (
        replace(each, account_kinds=each.account_kinds or CLASSIC) if each.private else each
        for each in classic
    )
    return (*marked, *unified.STREAMS)


SPEC = ExchangeSpec(
    name="bitget",
    title="Bitget",
    base_url="https://api.bitget.com",
    docs_url=f"{DOCS}/common/intro",
    checked_on=CHECKED_ON,
    began_on=date(2018, 7, 1),
    params=frozenset(
        {
            "startTime", "endTime", "limit", "idLessThan", "cursor", "pageNum", "pageNo",
            "pageSize", "accountType", "bizType", "category", "coin", "marginType", "periodType",
            "productType", "role", "subUid", "symbol", "type",
        }
    ),
    ip_rate=Rate(requests=6000, per=timedelta(minutes=1)),
    credential_fields=("key", "secret", "passphrase"),
    credential_shapes={"key": "bg_[0-9a-f]{32}", "secret": "[0-9a-f]{64}"},
    scope_examples={"symbol": "BTCUSDT", "coin": "USDT"},
    optional_credentials=("passphrase",),
    probes=("/api/v2/public/time", "/api/v2/spot/account/info", *unified.PROBES),
    left_out=(
        *bitget_futures.LEFT_OUT,
        *bitget_margin.LEFT_OUT,
        *bitget_earn.LEFT_OUT,
        *bitget_loans.LEFT_OUT,
        *unified.LEFT_OUT,
    ),
    envelope=Envelope(
        code="code",
        success=frozenset({"00000", "0"}),
        message=("msg", "message"),
        rows_at="data",
        list_names=frozenset(
            {
                "list", "items", "bills", "fillList", "entrustedList", "interestList",
                "resultList", "fills", "orderList", "trackingList", "dataList", "assets",
            }
        ),
    ),
    paging=BY_OLDER_ID,
    scope_lists=bitget_sub_accounts.SCOPES,
    excluded=EXCLUDED,
    guide=GUIDE,
    site_formats=SITE_FORMATS,
    streams=of_every_kind(
        StreamSpec(
            name="tax_spot_records",
            path="/api/v2/tax/spot-record",
            paging=BY_OLDER_TAX_ID,
            kind="history",
            entities=("ledger", "trades", "transfers"),
            wallet="spot",
            compared_with=(("spot_bills", "all"), ("spot_fills", "trade")),
            record_id=("id",),
            time_field="ts",
            # The window is documented; how far back the route reaches is not, and reports
            # range from 18 months to the account's opening.
            retention_kind="not_stated",
            max_window=timedelta(days=30),
            page_size=500,
            smaller_page=100,
            rate=per_second(1),
            affects="the spot ledger: every signed movement and the balance after it",
            remedy=f"{EXPORT} (spot transactions)",
            remedy_is_file=True,
            docs_url=f"{DOCS}/common/tax/Get-Spot-Account-Record",
            checked_on=CHECKED_ON,
            confidence="documented",
        ),
        StreamSpec(
            name="spot_fills",
            path="/api/v2/spot/trade/fills",
            kind="history",
            entities=("trades",),
            wallet="spot",
            record_id=("tradeId",),
            time_field="cTime",
            retention_kind="rolling",
            retention=timedelta(days=90),
            max_window=timedelta(days=90),
            page_size=100,
            rate=per_second(10),
            affects="price, order and maker or taker side of spot trades",
            remedy=(
                "tax_spot_records has the bought and paid amount of each trade; for prices "
                "and order ids download the file: Orders > Spot > Order details > Export"
            ),
            remedy_is_file=True,
            docs_url=f"{DOCS}/spot/trade/Get-Fills",
            checked_on=CHECKED_ON,
            confidence="documented",
        ),
        StreamSpec(
            name="spot_orders",
            path="/api/v2/spot/trade/history-orders",
            kind="history",
            wallet="spot",
            record_id=("orderId",),
            time_field="cTime",
            retention_kind="rolling",
            retention=timedelta(days=90),
            max_window=timedelta(days=90),
            page_size=100,
            rate=per_second(20),
            # An order is listed after it ends, with the time at which it was placed.
            overlap=THREE_MONTHS,
            affects="spot orders: their source, and those without a fill",
            remedy="download the file from the site: Orders > Spot > Order history > Export",
            remedy_is_file=True,
            docs_url=f"{DOCS}/spot/trade/Get-History-Orders",
            checked_on=CHECKED_ON,
            confidence="documented",
        ),
        StreamSpec(
            name="spot_bills",
            path="/api/v2/spot/account/bills",
            kind="history",
            entities=("ledger",),
            wallet="spot",
            record_id=("billId",),
            time_field="cTime",
            retention_kind="rolling",
            retention=timedelta(days=90),
            max_window=timedelta(days=90),
            page_size=500,
            rate=per_second(10),
            affects="the second view of the spot ledger, with its own labels",
            remedy=f"tax_spot_records carries the same movements; or {EXPORT}",
            remedy_is_file=True,
            docs_url=f"{DOCS}/spot/account/Get-Account-Bills",
            checked_on=CHECKED_ON,
            confidence="seen_in_client",
        ),
        StreamSpec(
            name="deposit_records",
            path="/api/v2/spot/wallet/deposit-records",
            kind="history",
            entities=("deposits",),
            wallet="spot",
            record_id=("orderId",),
            time_field="cTime",
            retention_kind="not_stated",
            max_window=timedelta(days=90),
            page_size=100,
            rate=per_second(10),
            status_field="status",
            final_statuses=frozenset({"success", "fail"}),
            affects="deposits with their address, network and transaction hash",
            remedy=f"tax_spot_records names each deposit's coin and amount; or {EXPORT}",
            remedy_is_file=True,
            docs_url=f"{DOCS}/spot/account/Get-Deposit-Record",
            checked_on=CHECKED_ON,
            confidence="documented",
        ),
        StreamSpec(
            name="withdrawal_records",
            path="/api/v2/spot/wallet/withdrawal-records",
            kind="history",
            entities=("withdrawals",),
            wallet="spot",
            record_id=("orderId",),
            time_field="cTime",
            retention_kind="not_stated",
            max_window=timedelta(days=90),
            page_size=100,
            rate=per_second(10),
            status_field="status",
            final_statuses=frozenset({"success", "fail"}),
            affects="withdrawals with their fee, address, network and transaction hash",
            remedy=f"tax_spot_records names each withdrawal's coin and amount; or {EXPORT}",
            remedy_is_file=True,
            docs_url=f"{DOCS}/spot/account/Get-Withdraw-Record",
            checked_on=CHECKED_ON,
            confidence="documented",
        ),
        StreamSpec(
            name="transfer_records",
            path="/api/v2/spot/account/transferRecords",
            paging=PageNumbers(limit="limit", number="pageNum", bounds=Bounds()),
            kind="history",
            entities=("transfers",),
            wallet="spot",
            record_id=("transferId",),
            time_field="ts",
            retention_kind="not_stated",
            max_window=timedelta(days=90),
            page_size=500,
            rate=per_second(20),
            scope="coin",
            status_field="status",
            final_statuses=frozenset({"Successful", "Failed"}),
            affects="transfers between this account's own wallets, with both sides",
            remedy=f"tax_spot_records shows the spot side of each transfer; or {EXPORT}",
            remedy_is_file=True,
            docs_url=f"{DOCS}/spot/account/Get-Account-TransferRecords",
            checked_on=CHECKED_ON,
            confidence="documented",
        ),
        StreamSpec(
            name="spot_assets",
            path="/api/v2/spot/account/assets",
            kind="snapshot",
            wallet="spot",
            balance_kind="ledgered",
            record_id=("coin",),
            time_filter=False,
            rate=per_second(10),
            docs_url=f"{DOCS}/spot/account/Get-Account-Assets",
            checked_on=CHECKED_ON,
            confidence="documented",
        ),
        StreamSpec(
            name="account_balances",
            path="/api/v2/account/all-account-balance",
            kind="snapshot",
            record_id=("accountType",),
            time_filter=False,
            rate=per_second(1),
            docs_url=f"{DOCS}/common/account/All-Account-Balance",
            checked_on=CHECKED_ON,
            confidence="documented",
        ),
        StreamSpec(
            name="coins",
            path="/api/v2/spot/public/coins",
            kind="reference",
            private=False,
            record_id=("coin",),
            time_filter=False,
            rate=per_second(3),
            docs_url=f"{DOCS}/spot/market/Get-Coin-List",
            checked_on=CHECKED_ON,
            confidence="documented",
        ),
        StreamSpec(
            name="symbols",
            path="/api/v2/spot/public/symbols",
            kind="reference",
            private=False,
            record_id=("symbol",),
            time_filter=False,
            rate=per_second(20),
            docs_url=f"{DOCS}/spot/market/Get-Symbols",
            checked_on=CHECKED_ON,
            confidence="documented",
        ),
        *bitget_futures.FUTURES,
        *bitget_margin.MARGIN,
        *bitget_convert.CONVERT,
        *bitget_sub_accounts.SUB_ACCOUNTS,
        *bitget_earn.EARN,
        *bitget_wallets.WALLETS,
        *bitget_loans.LOANS,
        *bitget_copy.COPY,
        *bitget_p2p.P2P,
    ),
)
