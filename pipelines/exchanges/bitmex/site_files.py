"""The files that BitMEX's site made in the browser: "Save as CSV" of the wallet history.

Header and rows: rotki/rotki ef14aadd (`bitmex_wallet_history.csv`, a real file of 2019).
"""

from pipelines.site_format import BalanceProof, SiteFormat

SITE_FORMATS = (
    SiteFormat(
        name="wallet_history",
        title="wallet history",
        page="Wallet > History > Save as CSV (closed)",
        stream="wallet_history",
        headers=(
            (
                "transactTime", "transactType", "amount", "fee", "address", "transactStatus",
                "walletBalance",
            ),
        ),
        # The file names no currency. Its amounts are satoshis; where rows of another margin coin
        # are among them, the chain of balances breaks, and the file is refused.
        fields={
            "transactType": "transactType",
            "currency": "=XBt",
            "amount": "amount",
            "fee": "fee",
            "address": "address",
            "transactStatus": "transactStatus",
            "walletBalance": "walletBalance",
        },
        time_column="transactTime",
        time_fields=("transactTime", "timestamp"),
        times=(
            "%m/%d/%Y, %I:%M:%S %p", "%d/%m/%Y, %H:%M:%S", "%Y/%m/%d %H:%M:%S",
            "%Y-%m-%dT%H:%M:%S.%fZ",
        ),
        # A withdrawal's amount includes its fee.
        proof=BalanceProof(balance="walletBalance", amount="amount"),
        ignored={"transactStatus": frozenset({"Canceled"}),
                 "transactType": frozenset({"UnrealisedPNL"})},
        compared=("transactType", "amount"),
        source="rotki/rotki ef14aadd",
        confidence="A",
    ),
)  # fmt: skip
