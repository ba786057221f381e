"""The files of Bitget's site: Assets > transaction history > Export.

Headers and meaning: the readers of several users' own files, titov-vv/jal (`bitget.py`, replayed
row by row against the balance column) and provinzio/CoinTaxman (`bitget_csv.py`).
"""

from pipelines.site_format import BalanceProof, SiteFormat

SITE_FORMATS = (
    SiteFormat(
        name="spot_transactions",
        title="spot transactions",
        page="Assets > Transaction history > Spot > Export",
        stream="tax_spot_records",
        headers=(
            ("order", "Date", "Coin", "Type", "Amount", "Fee", "Available"),
        ),
        fields={
            "coin": "Coin",
            "spotTaxType": "Type",
            # The API's amount includes the fee, the file's does not.
            "amount": "Amount + Fee",
            "fee": "Fee",
            "balance": "Available",
        },
        time_column="Date",
        times=("%Y-%m-%d %H:%M:%S",),
        # `Fee` is a negative number.
        proof=BalanceProof(balance="Available", amount="Amount", fee="Fee", of=("Coin",)),
        compared=("coin", "amount", "fee", "balance"),
        source="titov-vv/jal 95571dc5; provinzio/CoinTaxman fde1463",
        confidence="A",
    ),
    SiteFormat(
        name="futures_transactions",
        title="futures transactions",
        page="Assets > Transaction history > Futures > Export",
        stream="tax_future_records",
        headers=(
            (
                "Order", "Date", "Coin", "Futures", "Margin Mode", "Type", "Amount", "Fee",
                "Wallet balance",
            ),
        ),
        fields={
            "marginCoin": "Coin",
            "symbol": "Futures",
            "futureTaxType": "Type",
            "amount": "Amount",
            "fee": "Fee",
        },
        time_column="Date",
        times=("%Y-%m-%d %H:%M:%S",),
        scope_column="Coin",
        scopes={"USDT": "USDT-FUTURES", "USDC": "USDC-FUTURES", "": "COIN-FUTURES"},
        compared=("marginCoin", "amount", "fee"),
        source="provinzio/CoinTaxman fde1463",
        confidence="A",
    ),
)  # fmt: skip
