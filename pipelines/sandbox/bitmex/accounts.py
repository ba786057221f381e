"""Who there is at the BitMEX stand-in: accounts with their plans, and the keys to them."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from pipelines.sandbox.bitmex.keys import Key, make_credentials
from pipelines.sandbox.bitmex.market import CLOSED_AT
from pipelines.sandbox.bitmex.plan import LedgerPlan, Transfer, guid, moment
from pipelines.sandbox.engine.account import DAY
from pipelines.sandbox.engine.dialect import World


def make_plans(world: World) -> dict[int, LedgerPlan]:
    """The accounts by number: main, its subaccount, an older closed-down one, and an empty one."""
    first = 1_000_001 + world.seed % 1_000 * 800
    end = min(world.end, CLOSED_AT)
    horizon = min(world.end + world.future, CLOSED_AT)
    main, sub, older, empty = first, first + 1, first + 7, first + 9
    opened = world.option("bitmex.opened_at", None)
    start = moment(opened) if opened else min(world.opened_at, moment("2019-11-05"))
    start = max(start, moment("2016-06-01"))
    sub_start = min(moment("2023-02-01"), end - 90 * DAY)
    outward, inward = _family_transfers(world.seed, main, sub, sub_start)
    if not world.fills:  # nothing to send from
        outward = inward = ()
    older_end = min(moment("2021-12-15"), end)
    tie = world.tie_groups[0] if world.tie_groups else min(620, max(12, world.fills // 5))
    odd = Transfer("XBt", 12_345, "", "", guid(random.Random(world.seed)), "InsuranceAdjustment")
    plans = [
        LedgerPlan(
            account=main, seed=world.seed, opened_at=start, end=end, horizon=horizon,
            fills=world.fills, tie_group=tie, transfers=outward,
        ),
        LedgerPlan(
            account=sub, seed=world.seed, opened_at=sub_start, end=end, horizon=horizon,
            fills=min(5_000, max(24, world.fills // 20)), transfers=inward, stays_open=False,
        ),
        LedgerPlan(
            account=older, seed=world.seed, opened_at=min(moment("2018-03-01"), end - 400 * DAY),
            end=older_end, horizon=older_end, fills=min(5_000, max(60, world.fills // 10)),
            transfers=((moment("2020-05-14T16:20:11.004"), odd),), stays_open=False,
        ),
        LedgerPlan(
            account=empty, seed=world.seed, opened_at=end - 200 * DAY, end=end, horizon=horizon,
            fills=0,
        ),
    ]  # fmt: skip
    return {plan.account: plan for plan in plans}


def _family_transfers(
    seed: int, main: int, sub: int, start: int
) -> tuple[tuple[tuple[int, Transfer], ...], tuple[tuple[int, Transfer], ...]]:
    """Moves between an account and its subaccount: the same `tx` on both sides."""
    rng = random.Random(f"family {seed}")
    outward, inward = [], []
    for days, amount in ((1, 40_000_000), (20, 25_000_000), (55, -30_000_000)):
        at, tx = start + days * DAY + rng.randrange(DAY), guid(rng)
        outward.append((at, Transfer("XBt", -amount, str(sub), "", tx)))
        inward.append((at, Transfer("XBt", amount, str(main), "", tx)))
    return tuple(outward), tuple(inward)


def make_keys(world: World, plans: Mapping[int, LedgerPlan]) -> list[Key]:
    """Every key, the main read-only one first."""
    main, sub, older, empty = plans
    users = {main: 900_001, sub: 900_001, older: 900_207, empty: 900_311}

    def key(label: str, profile: str, account: int, **more: Any) -> Key:
        key_id, secret = make_credentials(world.seed, label)
        created = plans[account].opened_at + 30 * DAY
        return Key(
            label=label, profile=profile, id=key_id, secret=secret, account=account,
            user_id=users[account], created=created, **more,
        )  # fmt: skip

    return [
        key("bitmex-main", "read-only", main),
        key("bitmex-trading", "trading", main, permissions=("order",)),
        key("bitmex-canceling", "canceling", main, permissions=("orderCancel",)),
        key("bitmex-withdrawing", "withdrawing", main, permissions=("withdraw",)),
        key("bitmex-disabled", "disabled", main, enabled=False),
        key("bitmex-ip-bound", "ip-bound", main, cidrs=("198.51.100.7/32",)),
        key("bitmex-sub", "subaccount", sub, is_bound=True),
        key("bitmex-older", "older", older, knows_self=False),
        key("bitmex-empty", "empty", empty),
    ]
