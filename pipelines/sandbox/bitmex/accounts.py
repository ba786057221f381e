"""BitMEX's simulated accounts with their plans, and the keys to them."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from pipelines.sandbox.bitmex.market import CLOSED_AT
from pipelines.sandbox.bitmex.plan import LedgerPlan, Transfer, guid, moment
from pipelines.sandbox.engine.account import DAY
from pipelines.sandbox.engine.adapter import World
from pipelines.sandbox.engine.wire import Key


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
    """Transfers between an account and its subaccount: the same `tx` on both sides."""
    rng = random.Random(f"family {seed}")
    outward, inward = [], []
    for days, amount in ((1, 40_000_000), (20, 25_000_000), (55, -30_000_000)):
        at, tx = start + days * DAY + rng.randrange(DAY), guid(rng)
        outward.append((at, Transfer("XBt", -amount, str(sub), "", tx)))
        inward.append((at, Transfer("XBt", amount, str(main), "", tx)))
    return tuple(outward), tuple(inward)


def make_keys(plans: Mapping[int, LedgerPlan]) -> tuple[Key, ...]:
    """Every key, the main read-only one first."""
    main, sub, older, empty = map(str, plans)

    def key(label: str, profile: str, uid: str, *rights: str, **more: Any) -> Key:
        more = {"ips": ("0.0.0.0/0",)} | more
        return Key(f"bitmex-{label}", profile, uid, frozenset(rights), **more)

    return (
        key("main", "read-only", main),
        key("trading", "trading", main, "order"),
        key("canceling", "canceling", main, "orderCancel"),
        key("withdrawing", "withdrawing", main, "withdraw"),
        key("disabled", "disabled", main, state="disabled"),
        key("ip-bound", "ip-bound", main, ips=("198.51.100.7/32",)),
        key("sub", "subaccount", sub),
        key("older", "older", older),
        key("empty", "empty", empty),
    )


def users_of(plans: Mapping[int, LedgerPlan]) -> dict[str, int]:
    """The owner of each account."""
    return dict(zip(map(str, plans), (900_001, 900_001, 900_207, 900_311), strict=True))
