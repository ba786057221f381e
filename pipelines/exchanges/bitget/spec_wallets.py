"""Bitget, classic account: balances of the P2P and bot wallets."""

from pipelines.exchanges.bitget.spec_terms import CHECKED_ON, DOCS, per_second
from pipelines.spec import StreamSpec

BOTS = {"spot_bot_assets": "spot", "futures_bot_assets": "futures"}
"""Values of `accountType` for bot balances; the response does not have it."""


def of_bots(name: str) -> StreamSpec:
    """Balances of bots in one kind of account; no route lists the activity of bots."""
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
