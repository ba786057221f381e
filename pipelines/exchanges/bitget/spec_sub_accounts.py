"""Bitget, classic account: routes about sub-accounts, for main accounts only (code 40068)."""

from datetime import timedelta

from pipelines.exchanges.bitget.spec_terms import CHECKED_ON, DOCS, MAIN_ONLY, per_second
from pipelines.spec import CursorPaging, ScopeList, StreamSpec

ROLES = ("initiator", "receiver")
SCOPES = (ScopeList(scope="subUid", places=(("sub_account_assets", "$.userId"),)),)
"""Scopes: the sub-accounts that ever had a balance in a response."""

SUB_ACCOUNTS = (
    StreamSpec(
        name="sub_account_transfers",
        path="/api/v2/spot/account/sub-main-trans-record",
        kind="history",
        entities=("transfers",),
        account_kinds=MAIN_ONLY,
        wallet="sub_accounts",
        record_id=("transferId",),
        time_field="ts",
        retention_kind="not_stated",
        max_window=timedelta(days=90),
        page_size=100,
        rate=per_second(20),
        scope="role",
        scope_values=ROLES,
        scope_is_closed=True,
        status_field="status",
        final_statuses=frozenset({"Successful", "Failed"}),
        affects="transfers between the main account and its sub-accounts, with both sides",
        remedy=(
            "the ledger of each account shows its side of the transfer; connect each account with "
            "its own key"
        ),
        docs_url=f"{DOCS}/spot/account/Get-SubAccount-TransferRecords",
        checked_on=CHECKED_ON,
        confidence="documented",
    ),
    StreamSpec(
        name="sub_account_deposits",
        path="/api/v2/spot/wallet/subaccount-deposit-records",
        kind="history",
        account_kinds=MAIN_ONLY,
        wallet="sub_accounts",
        record_id=("orderId",),
        time_field="cTime",
        retention_kind="not_stated",
        max_window=timedelta(days=90),
        page_size=100,
        rate=per_second(10),
        scope="subUid",
        status_field="status",
        final_statuses=frozenset({"success", "fail"}),
        affects="deposits of sub-accounts that have no key of their own here",
        remedy="connect the sub-account with its own key, which also reads its deposits",
        docs_url=f"{DOCS}/spot/account/Get-SubAccount-Deposit-Record",
        checked_on=CHECKED_ON,
        confidence="documented",
    ),
    StreamSpec(
        name="sub_account_assets",
        path="/api/v2/spot/account/subaccount-assets",
        paging=CursorPaging(limit="limit", cursor="idLessThan"),  # by the last id
        kind="snapshot",
        account_kinds=MAIN_ONLY,
        wallet="sub_accounts",
        record_id=("id",),  # the cursor's field; `userId` is the sub-account's uid
        time_filter=False,
        page_size=50,
        rate=per_second(10),
        docs_url=f"{DOCS}/spot/account/Get-Subaccount-Assets",
        checked_on=CHECKED_ON,
        confidence="documented",
    ),
)
