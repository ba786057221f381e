"""`lookback accounts forget`: of the account nothing is left, and of the others everything."""

from __future__ import annotations

from tests.conftest import Lab
from tests.test_connect import connect


def test_a_forgotten_account_leaves_no_row_and_no_byte(lab: Lab) -> None:
    assert connect(lab.box, "bitmex-main", "--label", "gone")[0] == 0
    assert connect(lab.box, "bitmex-empty", "--label", "stays")[0] == 0
    lab.sync()
    lab.build()
    lab.publish()
    kept = lab.query("select count(*) from raw_bitmex.receipts where account_id = 'bitmex:1000810'")
    uid = lab.box.account("bitmex-main")["uid"]
    done = lab.cli("accounts", "forget", "gone", "--yes")
    assert done.returncode == 0, done.stderr
    assert "none has a row of it" in done.stdout
    for query in ("receipts", "accounts", "wallet_history", "balances"):
        [(count,)] = lab.query(
            f"select count(*) from raw_bitmex.{query} where account_id = 'bitmex:1000801'"
        )
        assert count == 0
    assert kept == lab.query(
        "select count(*) from raw_bitmex.receipts where account_id = 'bitmex:1000810'"
    )
    assert lab.query("select distinct label from marts.dim_accounts") == [("stays",)]
    left = [
        path
        for path in (lab.home.warehouse, lab.home.published)
        if f"bitmex:{uid}".encode() in path.read_bytes()
    ]
    assert left == []
