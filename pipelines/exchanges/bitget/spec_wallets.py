"""Bitget, classic account: what lies in the wallets of P2P and of bots."""

from pipelines.exchanges.bitget.spec_terms import CHECKED_ON, DOCS, per_second
from pipelines.spec import StreamSpec

BOTS = {"spot_bot_assets": "spot", "futures_bot_assets": "futures"}
"""Balances of bots come by `accountType`, and only the asking says which."""


def of_bots(name: str) -> StreamSpec:
    """What lies in the bots of one kind of account; what bots do there no route tells."""
    return StreamSpec(
        name=name,
        path="/api/v2/account/bot-assets",
        sends={"accountType": BOTS[name]},
        kind="snapshot",
        wallet=f"{BOTS[name]}_bots",
        balance_kind="unledgered",
        record_id=("coin",),
        time_filter=False,
        rate=per_second(10),
        docs_url=f"{DOCS}/common/account/Bot-Assets",
        checked_on=CHECKED_ON,
        confidence="documented",
    )


WALLETS = (
    StreamSpec(
        name="funding_assets",
        path="/api/v2/account/funding-assets",
        kind="snapshot",
        wallet="p2p",
        balance_kind="ledgered",
        record_id=("coin",),
        time_filter=False,
        rate=per_second(10),
        docs_url=f"{DOCS}/common/account/Funding-Assets",
        checked_on=CHECKED_ON,
        confidence="documented",
    ),
    *(of_bots(name) for name in BOTS),
)
