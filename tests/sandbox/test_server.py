"""The HTTP shell: its clock, faults, request log, ground truth, and first line of output."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

from pipelines.sandbox.engine.server import Sandbox, make_world
from tests.sandbox.bitget_caller import Caller

NOW = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
INFO, TIME = "/api/v2/spot/account/info", "/api/v2/public/time"


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(now=NOW, exchanges=["bitget"]) as running:
        yield running


@pytest.fixture
def call(box: Sandbox) -> Caller:
    return Caller(box)


def test_two_sandboxes_have_the_same_data(box: Sandbox) -> None:
    with Sandbox(now=NOW, exchanges=["bitget"]) as other:
        assert other.url != box.url
        assert other.truth("bitget-main") == box.truth("bitget-main")
        assert [a["key"] for a in other.accounts] == [a["key"] for a in box.accounts]
    with Sandbox(now=NOW, exchanges=["bitget"], seed=2) as other:
        assert other.truth("bitget-main") != box.truth("bitget-main")
        assert other.account("bitget")["key"] != box.account("bitget")["key"]


def test_the_default_clock_is_real() -> None:
    world = make_world()
    assert abs(world.clock.now_ms() / 1000 - datetime.now(UTC).timestamp()) < 2
    assert world.end % 86_400_000 == 0 and 0 <= world.clock.now_ms() - world.end < 86_400_000


def test_the_clock_can_be_frozen_moved_started_and_released(box: Sandbox) -> None:
    url = f"{box.url}/_control/clock"
    assert requests.get(url, timeout=5).json()["now_ms"] == int(NOW.timestamp() * 1000)
    later = requests.post(url, json={"now": "2026-11-25T00:00:00Z"}, timeout=5).json()
    assert later["now"] == "2026-11-25T00:00:00+00:00"
    assert requests.post(url, json={"advance": 1_500}, timeout=5).json()["now_ms"] % 10_000 == 1_500
    started = requests.post(url, json={"now": 1_800_000_000_000, "running": True}, timeout=5)
    assert 1_800_000_000_000 <= started.json()["now_ms"] < 1_800_000_005_000
    released = requests.post(url, json={"now": None}, timeout=5).json()["now_ms"]
    assert abs(released / 1000 - datetime.now(UTC).timestamp()) < 5


def test_every_answer_carries_the_sandboxs_date(box: Sandbox, call: Caller) -> None:
    box.set_now(datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC))
    answer = call.get(TIME)
    assert parsedate_to_datetime(answer.headers["Date"]) == box.now
    assert answer.json()["data"]["serverTime"] == str(int(box.now.timestamp() * 1000))


def test_the_ground_truth_is_available_by_label_uid_and_account_id(box: Sandbox) -> None:
    account = box.account("bitget")
    reported = [
        requests.get(f"{box.url}/_truth/{name}", timeout=5).json()
        for name in (account["label"], account["uid"], account["account_id"])
    ]
    assert reported[0] == reported[1] == reported[2] == box.truth("bitget-main")
    assert set(reported[0]) >= {"account_id", "exchange", "opened_at", "movements", "balances",
                            "deposits", "withdrawals", "trades", "transfers", "counts"}  # fmt: skip
    part = requests.get(f"{box.url}/_truth/bitget-main?parts=counts", timeout=5).json()
    assert "movements" not in part
    assert part["counts"]["spot_fills"] + part["counts"]["mix_fills"] == 100
    assert requests.get(f"{box.url}/_truth/nobody", timeout=5).status_code == 404


def test_the_truth_follows_the_clock(box: Sandbox) -> None:
    first = box.truth("bitget-main")
    assert box.truth("bitget-main", at=NOW + timedelta(days=40)) != first
    box.advance(timedelta(days=40))
    later = box.truth("bitget-main")
    assert later["counts"]["spot_fills"] > first["counts"]["spot_fills"]
    assert later["movements"][: len(first["movements"])] == first["movements"]


def sums(truth: dict[str, Any]) -> dict[tuple[str, str], Any]:
    from decimal import Decimal

    totals: dict[tuple[str, str], Decimal] = {}
    for move in truth["movements"]:
        key = (move["wallet"], move["asset"])
        totals[key] = totals.get(key, Decimal(0)) + Decimal(move["amount"])
    return totals


def test_balances_are_the_sums_of_movements(box: Sandbox) -> None:
    from decimal import Decimal

    truth = box.truth("bitget-main")
    balances = truth["balances"].items()
    reported = {(w, a): Decimal(v) for w, coins in balances for a, v in coins.items()}
    assert reported == sums(truth)


@pytest.mark.parametrize(
    ("fault", "status", "content_type"),
    [
        ("429", 429, "application/json"),
        ("418", 418, "text/html"),
        ("500", 500, "text/html"),
        ("502", 502, "text/html"),
        ("503", 503, "text/html"),
        ("html_403", 403, "text/html"),
        ("html_200", 200, "text/html"),
        ("closed", 404, "text/html"),
    ],
)
def test_faults_that_are_statuses(
    box: Sandbox, call: Caller, fault: str, status: int, content_type: str
) -> None:
    box.fault(fault, times=1, retry_after=7 if status < 500 and fault.isdigit() else None)
    answer = call.get(INFO)
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, content_type)
    if fault in ("429", "418"):
        assert answer.headers["Retry-After"] == "7"
    assert call.get(INFO).status_code == 200


def test_faults_that_spoil_a_right_answer(box: Sandbox, call: Caller) -> None:
    right = call.get(INFO)
    box.fault("cut_json")
    cut = call.get(INFO)
    assert cut.status_code == 200 and right.text.startswith(cut.text) and cut.text != right.text
    box.fault("wrong_type")
    wrong = call.get(INFO)
    assert wrong.headers["Content-Type"] == "text/html" and wrong.json() == right.json()
    box.fault("slow", seconds=0.3)
    assert call.get(INFO).elapsed.total_seconds() > 0.25
    box.fault("slow", seconds=2.0)
    with pytest.raises(requests.exceptions.ReadTimeout):
        requests.get(call.account["base_url"] + TIME, timeout=0.2)


@pytest.mark.parametrize("fault", ["reset", "cut_body"])
def test_faults_that_drop_the_connection(box: Sandbox, call: Caller, fault: str) -> None:
    call.get(INFO)
    box.fault(fault)
    with pytest.raises((requests.exceptions.ConnectionError, requests.exceptions.RequestException)):
        call.get(INFO)
    assert call.get(INFO).status_code == 200


def test_a_duplicated_page_comes_back_in_place_of_the_next(box: Sandbox, call: Caller) -> None:
    path = "/api/v2/spot/trade/fills"
    first = call.data(path, limit=5)
    box.fault("duplicate", path=path)
    assert call.data(path, limit=5, idLessThan=first[-1]["tradeId"]) == first
    assert call.data(path, limit=5, idLessThan=first[-1]["tradeId"]) != first


def test_faults_wait_count_and_match(box: Sandbox, call: Caller) -> None:
    box.fault("500", account="bitget-main", path="/info", after=2, times=2)
    other = Caller(box, "bitget-second")
    assert [other.get(INFO).status_code for _ in range(4)] == [200] * 4
    assert [call.get(INFO).status_code for _ in range(5)] == [200, 200, 500, 500, 200]
    box.fault("closed", exchange="bitget", times=None)
    assert {call.get(TIME).status_code for _ in range(3)} == {404}
    box.clear_faults()
    assert call.get(TIME).status_code == 200


def test_faults_over_http(box: Sandbox, call: Caller) -> None:
    url = f"{box.url}/_control/faults"
    armed = requests.post(url, json={"fault": "503", "times": None, "path": "/info"}, timeout=5)
    assert armed.json()["faults"][0]["name"] == "503"
    assert call.get(INFO).status_code == 503
    assert requests.post(url, json={"fault": "503", "colour": 1}, timeout=5).status_code == 400
    assert requests.delete(url, timeout=5).json() == {"faults": []}
    assert call.get(INFO).status_code == 200


def test_the_log_counts_by_path_account_and_status(box: Sandbox, call: Caller) -> None:
    call.get(INFO)
    call.get(INFO, _headers={"secret": "0"})
    Caller(box, "bitget-second").get(TIME)
    log = requests.get(f"{box.url}/_control/requests", timeout=5).json()
    assert log["by_path"] == {INFO: 2, TIME: 1}
    assert log["by_status"] == {"200": 2, "400": 1}
    assert log["by_account"]["bitget-main"] == 2
    assert log["log"][0]["at"] == int(NOW.timestamp() * 1000)
    assert requests.delete(f"{box.url}/_control/requests", timeout=5).json()["total"] == 0


def test_a_closed_sandbox_refuses_connections(box: Sandbox) -> None:
    url = box.url
    assert requests.get(url, timeout=5).json()["exchanges"] == ["bitget"]
    box.close()
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.get(url, timeout=5)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serving_prints_json_first_and_stops_on_a_signal(number: int) -> None:
    program = (
        "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN);"  # as in the background
        "from pipelines.sandbox.engine.server import serve; serve(size='tiny')"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            reported = json.loads(process.stdout.readline())
            main = reported["accounts"][0]
            assert main["base_url"].startswith(reported["url"])
            assert requests.get(main["base_url"] + "/x", timeout=5).status_code < 500
            process.send_signal(number)
            assert process.wait(timeout=10) == 0
        finally:
            process.kill()
