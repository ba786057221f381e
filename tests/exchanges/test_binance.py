"""Binance: signatures, what its answers mean, and how its lists are requested."""

import json
from datetime import UTC, datetime

import pytest
import requests

from pipelines.account import Account, Credentials
from pipelines.errors import RequestError
from pipelines.exchanges.binance import api as binance
from pipelines.exchanges.binance.spec import SPEC
from pipelines.extract.records import RecordReader
from pipelines.extract.windows import Floor, Window

AT = datetime.fromtimestamp(1_735_689_600, UTC)
KEYS = Credentials({"key": "some-key", "secret": "binance-demo-secret"})
explain, items = binance.EXCHANGE.explain, binance.EXCHANGE.items
PUBLISHED_SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
ORDER = "side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000"


@pytest.mark.parametrize(
    ("symbol", "signature"),
    [
        ("LTCBTC", "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"),
        (
            "%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96",
            "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3",
        ),
    ],
)
def test_published_signatures(symbol, signature):
    query = f"symbol={symbol}&{ORDER}&timestamp=1499827319559"
    assert binance.signature_of(PUBLISHED_SECRET, query) == signature
    head, tail = query.encode()[:40], query.encode()[40:]
    assert binance.signature_of(PUBLISHED_SECRET, head.decode(), tail) == signature


def test_the_signature_is_the_last_parameter():
    query = "symbol=BTCUSDT&fromId=0&limit=1000"
    request = requests.Request("GET", f"{SPEC.base_url}/api/v3/myTrades?{query}").prepare()
    for _ in range(2):  # a request that is sent again is signed again
        binance.sign(request, f"/api/v3/myTrades?{query}", KEYS, AT)
        assert request.url == (
            f"{SPEC.base_url}/api/v3/myTrades?{query}&recvWindow=10000&timestamp=1735689600000"
            "&signature=35466225745274ff2ea893087f240bc9e3f6eebde1c39d8c71884f3cbddcfed4"
        )
    assert request.headers["X-MBX-APIKEY"] == "some-key"


def test_a_parameter_is_encoded_before_it_is_signed():
    request = requests.Request("GET", f"{SPEC.base_url}/x", params={"symbol": "１２"}).prepare()
    target = request.path_url
    binance.sign(request, target, KEYS, AT)
    assert "symbol=%EF%BC%91%EF%BC%92&recvWindow" in request.url
    query, _, signature = request.url.partition("?")[2].partition("&signature=")
    assert signature == binance.signature_of("binance-demo-secret", query)


def explained(status, body, content_type="application/json", url="https://api.binance.com/x"):
    response = requests.Response()
    response.status_code = status
    response.url = url
    response._content = body.encode()
    response.headers["Content-Type"] = content_type
    return explain(response, AT)


@pytest.mark.parametrize(
    ("status", "code", "kind", "outcome", "retry"),
    [
        (401, -2014, "wrong_key_or_secret", "refused", False),
        (401, -2008, "wrong_key_or_secret", "refused", False),
        (400, -1022, "wrong_key_or_secret", "refused", False),
        (401, -2015, "no_permission", "refused", False),
        (400, -1021, "clock", "failed", True),
        (429, -1003, "rate_limited", "failed", True),
        (418, -1003, "rate_limited", "failed", False),
        (451, 0, "blocked", "refused", False),
        (408, -1007, "server_error", "failed", True),
        (503, -1008, "server_error", "failed", True),
        (400, -1127, "bad_request", "failed", False),
        (400, -1121, "bad_request", "failed", False),
        (200, -1121, "bad_request", "failed", False),
    ],
)
def test_error_codes_are_named(status, code, kind, outcome, retry):
    problem = explained(status, json.dumps({"code": code, "msg": "words"}))
    assert (problem.kind, problem.outcome, problem.retry) == (kind, outcome, retry)
    assert "words" in problem.what and problem.remedy


def test_an_unknown_pair_is_no_failure_of_the_stream():
    url = "https://api.binance.com/api/v3/myTrades?symbol=OLDUSDT"
    problem = explained(400, '{"code":-1121,"msg":"Invalid symbol."}', url=url)
    assert (problem.kind, problem.outcome) == ("unknown_scope", "refused")


def test_a_web_page_is_a_failure():
    assert explained(403, "<!DOCTYPE html><html></html>", "text/html").kind == "blocked"


@pytest.mark.parametrize(
    "body", ["[]", '{"rows":[],"total":"0"}', '{"code":"000000","message":"success","data":[]}']
)
def test_success_is_no_trouble(body):
    assert explained(200, body) is None


def test_rows_lie_where_each_route_has_them():
    for name, body in (
        ("trades", b'[{"symbol":"A","id":1}]'),
        ("dividends", b'{"rows":[{"id":1}],"total":1}'),
        ("conversions", b'{"list":[{"orderId":1}],"moreData":false}'),
        ("dust", b'{"total":1,"userAssetDribblets":[{"transId":1}]}'),
        ("fiat_orders", b'{"code":"000000","data":[{"orderNo":"1"}],"total":1}'),
        ("symbols", b'{"timezone":"UTC","symbols":[{"symbol":"A"}]}'),
    ):
        assert len(items(SPEC.stream(name), body)) == 1, name


def test_payments_have_no_list_if_there_are_none():
    payments = SPEC.stream("fiat_payments")
    assert items(payments, b'{"code":"000000","message":"success","total":0}') == []
    for stream, body in ((payments, b'{"code":"000000","total":3}'),
                         (SPEC.stream("fiat_orders"), b'{"code":"000000","total":0}')):  # fmt: skip
        with pytest.raises(RequestError):
            items(stream, body)


def test_withdrawals_are_requested_by_number_and_dated_by_text():
    stream = SPEC.stream("withdrawals")
    row = b'{"id":"a","status":6,"applyTime":"2026-01-01 00:00:59"}'
    (record,) = RecordReader(stream).read([row])
    assert (record.id, record.final) == ("a", True)
    assert record.at == 1_767_225_659_000_000
    position = requested("withdrawals", AT)
    assert position == {
        "limit": "1000", "offset": "0", "startTime": "1735689600000", "endTime": "1735689601000",
    }  # fmt: skip


def test_trades_begin_at_id_zero_and_later_at_a_time():
    assert requested("trades", AT, "BTCUSDT") == {
        "limit": "1000", "symbol": "BTCUSDT", "fromId": "0",
    }  # fmt: skip
    floor = datetime(2017, 7, 14, tzinfo=UTC)
    assert requested("trades", floor, "BTCUSDT") == {
        "limit": "1000", "symbol": "BTCUSDT", "startTime": "1735689600000",
    }  # fmt: skip


def requested(stream, floor, scope=""):
    """The parameters of the first request for one second."""
    end = datetime.fromtimestamp(AT.timestamp() + 1, UTC)
    window = Window(AT, end, Floor(floor, "opened_at"))
    request = requests.Request("GET", "https://x")
    binance.EXCHANGE.paginator(SPEC.stream(stream), window, scope).init_request(request)
    return {name: value for name, value in request.params.items() if value is not None}


def test_every_pair_of_wallets_is_a_type_once():
    types = SPEC.stream("transfers").scope_values
    assert len(types) == len(set(types)) == 28
    assert {"MAIN_FUNDING", "FUNDING_MAIN", "PORTFOLIO_MARGIN_MAIN"} <= set(types)


RIGHTS = {"ipRestrict": True, "createTime": 1_577_836_800_000, "enableReading": True,
          "enableWithdrawals": False, "enableSpotAndMarginTrading": False}  # fmt: skip


def identity_from(rights, sub_accounts=None):
    def fetch(path, params=None):
        if path.endswith("/account"):
            return b'{"uid":350011001,"canTrade":true,"canWithdraw":true}'
        if path.endswith("/apiRestrictions"):
            return json.dumps(rights).encode()
        if sub_accounts is not None:
            raise sub_accounts
        return b'{"subAccounts":[]}'

    return binance.identify(fetch, Account("main", "binance", KEYS, SPEC.base_url))


def test_the_rights_are_those_of_the_key_and_not_of_the_account():
    found = identity_from(RIGHTS)
    assert (found.uid, found.kind) == ("350011001", "main")
    assert (found.can_trade, found.can_withdraw) == (False, False)
    assert found.permissions == ("enableReading",)
    assert found.key_created_at == datetime(2020, 1, 1, tzinfo=UTC)
    trading = identity_from({**RIGHTS, "enableFutures": True})
    assert (trading.can_trade, trading.can_withdraw) == (True, False)
    assert identity_from({**RIGHTS, "enableWithdrawals": True}).can_withdraw is True
    assert identity_from({"enableReading": True}).can_withdraw is None


def test_a_sub_account_may_not_list_sub_accounts():
    refusal = explained(400, '{"code":-9000,"msg":"not a master account"}')
    assert identity_from(RIGHTS, refusal).kind == "sub"
    denied = explained(401, '{"code":-2015,"msg":"no"}')
    assert identity_from(RIGHTS, denied).kind == ""
    with pytest.raises(RequestError):
        identity_from(RIGHTS, explained(503, '{"code":-1008,"msg":"busy"}'))


def test_a_balance_names_its_wallet_and_its_coin():
    for name, wallet in (("spot_balances", "spot"), ("funding_balances", "funding")):
        stream = SPEC.stream(name)
        (record,) = RecordReader(stream).read([b'{"asset":"BTC","free":"1"}'])
        assert binance.EXCHANGE.balance_of(stream, record) == (wallet, "BTC")
    assert binance.EXCHANGE.balance_of(SPEC.stream("coins"), record) is None


@pytest.mark.parametrize(
    ("name", "calls_a_minute"),
    [("trades", 300), ("withdrawals", 10), ("fiat_orders", 4), ("conversions", 60)],
)
def test_a_route_is_requested_as_often_as_its_weight_allows(name, calls_a_minute):
    stream = SPEC.stream(name)
    rate = stream.rate or SPEC.ip_rate
    assert rate.requests / stream.weight * 60 / rate.per.total_seconds() == calls_a_minute
