"""Private reads of Bitget's classic accounts that no stream asks yet, by product.

What they would tell is missing from the facts, and said to be: money that leaves for one of these
products is a transfer out of the spot wallet, and what happens to it there is not known.
"""

from pipelines.spec import LeftOut

DOCS = "https://www.bitget.com/api-doc"

P2P = "An order of P2P names the other person. What it moved is in tax_p2p_records."
EARN = (
    "Earn products and loans are not read yet: interest shows as soon as it is paid into the spot "
    "wallet, as a row of its ledger."
)
CONVERT = (
    "Conversions are taken from the tax records, which have both sides; this list would add their "
    "price."
)
COPY = "Copy trading is not read yet: what is made there shows when it is moved to another wallet."
BOTS = "A valuation of what lies in bots; what bots do there no route tells."
SUB_ACCOUNTS = (
    "Each sub-account is read by a key of its own. Moves between accounts show as transfers of "
    "the side that has a key here."
)
FUNDING = "Balances of the P2P wallet; tax_p2p_records shows the balance after each row."


def _routes(reason: str, folder: str, docs: str, *names: str) -> tuple[LeftOut, ...]:
    return tuple(
        LeftOut(path=f"/api/v2/{folder}/{name}", reason=reason, docs_url=f"{DOCS}/{docs}")
        for name in names
    )


LEFT_OUT = (
    *_routes(P2P, "p2p", "common/p2p/P2P-Merchant-Info", "orderList"),
    *_routes(FUNDING, "account", "common/account/Funding-Assets", "funding-assets"),
    *_routes(BOTS, "account", "common/account/Bot-Assets", "bot-assets"),
    *_routes(EARN, "earn/account", "earn/intro", "assets"),
    *_routes(EARN, "earn/savings", "earn/intro", "assets", "records"),
    *_routes(EARN, "earn/sharkfin", "earn/intro", "records"),
    *_routes(EARN, "earn/elite", "earn/intro", "*"),
    *_routes(EARN, "earn/loan", "earn/intro", "*"),
    *_routes(CONVERT, "convert", "common/convert/intro", "convert-record", "bgb-convert-records"),
    *_routes(COPY, "copy/mix-follower", "copytrading/intro", "query-history-orders"),
    *_routes(COPY, "copy/spot-follower", "copytrading/intro", "query-history-orders"),
    *_routes(
        SUB_ACCOUNTS, "spot/account", "spot/intro", "sub-main-trans-record", "subaccount-assets"
    ),
    *_routes(SUB_ACCOUNTS, "spot/wallet", "spot/intro", "subaccount-deposit-records"),
)
