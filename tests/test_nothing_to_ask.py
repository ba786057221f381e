"""A stream that is requested value by value, without a known value: its receipt and gap.

Deposits of sub-accounts are requested by the list of sub-accounts; this account has none.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from pipelines.config.accounts import configured_accounts
from pipelines.exchanges.bigone import spec as bigone
from pipelines.exchanges.bitget import spec as bitget
from pipelines.load.account_sync import AccountSync
from pipelines.sandbox.engine.clock import to_ms
from pipelines.sandbox.engine.server import Sandbox
from tests.conftest import Lab

NOW = datetime(2026, 9, 20, 12, tzinfo=UTC)
LISTING = bitget.SPEC.stream("sub_account_assets")
REQUESTED = bitget.SPEC.stream("sub_account_deposits")


@pytest.fixture
def lab(prepared_home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    options = {"bitget.upgraded_at": to_ms(NOW + timedelta(days=30))}
    with Sandbox(
        size="tiny", pace=None, now=NOW, years=0.5, exchanges=["bitget"], options=options
    ) as box:
        monkeypatch.setattr("pipelines.extract.client._wait_before_next", lambda state: 0.0)
        yield Lab(box, prepared_home, monkeypatch)


def reported(lab: Lab) -> list[tuple]:
    """The receipts of the stream, in the order in which they were written."""
    return lab.query(
        "select outcome, error_kind, scope, asked_from = asked_to, error_text "
        "from raw_bitget.receipts where stream = ? order by asked_at",
        REQUESTED.name,
    )


NOTHING = (
    "exhausted", "nothing_to_ask", "", True, "no subUid of this account is known.",
)  # fmt: skip
HIDDEN = (
    "failed", "nothing_to_ask", "", True,
    "no subUid of this account is known, and streams that may have one were not read completely: "
    "sub_account_assets.",
)  # fmt: skip


def test_an_empty_list_differs_from_an_unread_list(lab):
    label = lab.declare("bitget-upgraded")
    expected = []
    for day, (fault, word) in enumerate(
        [("", NOTHING), ("", None), ("500", HIDDEN), ("denied", HIDDEN), ("", NOTHING)]
    ):
        lab.box.set_now(NOW + timedelta(days=day))
        lab.box.clear_faults()
        if fault:
            lab.box.fault(fault, exchange="bitget", path=LISTING.path, times=None)
        (result,) = lab.sync(label).values()
        failed = {failure.stream for failure in result.failures}
        assert failed == ({LISTING.name} if fault else set())
        expected += [word] if word else []  # what was said last is not said again
        assert reported(lab) == expected


def test_an_unreadable_account_has_receipts_of_every_stream(lab):
    label = lab.declare("bitget-upgraded")
    lab.sync(label)
    lab.declare("bitget-upgraded", secret="wrong")
    lab.box.set_now(NOW + timedelta(days=1))
    lab.sync(label)
    nothing, (outcome, kind, *_, text) = reported(lab)
    assert nothing == NOTHING
    assert (outcome, kind) == ("refused", "nothing_to_ask")
    assert text.startswith("the secret does not belong to this key")  # whose: stands beside it


def test_an_interrupted_sync_has_no_receipts_of_later_streams(lab):
    """The first round reads the names of pairs; only the next one requests by them."""
    lab.declare("bitget")
    (account,) = configured_accounts(())
    run = AccountSync(account, lab.home)
    run.prepare()
    run.extract()
    run.load()
    assert not run.done
    assert lab.query("select * from raw_bitget.receipts where error_kind = 'nothing_to_ask'") == []


def test_a_stream_with_the_scope_adds_no_values():
    naming = {stream.name for stream in bigone.SPEC.naming(bigone.SPEC.stream("spot_trades"))}
    assert naming == {
        "asset_pairs", "convert_trades", "deposits", "spot_accounts", "trading_fees", "withdrawals",
    }  # fmt: skip
    assert bitget.SPEC.naming(REQUESTED) == (LISTING,)
    pairs = bitget.SPEC.naming(bitget.SPEC.stream("isolated_margin_fills"))
    assert {stream.name for stream in pairs} == {"isolated_margin_assets", "tax_margin_records"}
