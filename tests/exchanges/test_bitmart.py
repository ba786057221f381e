"""BitMart: signature vectors, names and units of parameters, and the meaning of its responses."""

from datetime import UTC, datetime, timedelta
from functools import partial

import msgspec
import pytest
import requests

from pipelines.account import Account, Credentials
from pipelines.errors import RequestError
from pipelines.exchanges.bitmart import api as bitmart
from pipelines.exchanges.bitmart.spec import FUTURES_HOST, SPEC
from pipelines.extract.client import NotARead, ReadOnlySession, fetch, set_clock
from pipelines.extract.records import RecordReader
from pipelines.extract.windows import Floor, Window
from pipelines.sandbox.bitmart import keys as bitmart_keys
from pipelines.sandbox.engine.server import Sandbox

SECRET = "0123456789abcdef" * 4
KEYS = Credentials({"key": "bm_key", "secret": SECRET, "memo": "tax-memo"})
AT = datetime.fromtimestamp(1_756_000_000, UTC)
BEFORE_THE_END = datetime(2026, 12, 1, tzinfo=UTC)
AFTER_THE_END = datetime(2027, 2, 1, tzinfo=UTC)
WINDOW = Window(
    datetime(2026, 7, 1, 0, 0, 0, 300_000, UTC),
    datetime(2026, 7, 2, 0, 0, 0, 700_000, UTC),
    Floor(datetime(2026, 7, 1, tzinfo=UTC), "retention"),
)
paginator, items = bitmart.EXCHANGE.paginator, bitmart.EXCHANGE.items
explain = bitmart.EXCHANGE.explain

# Computed by the rule `timestamp#memo#body`; the same code gives the signature BitMart prints.
VECTORS = [
    (
        b'{"orderMode":"spot","startTime":1753401600000,"endTime":1755993600000,"limit":200}',
        "193ff0880ca65afd148f65ddd0ed631125cbb840b296b96eeeb97e4fc27586a3",
    ),
    (b"{}", "1a4308317be93dc3d8a4654c0808222890df25ac29fbad47991febf558077a80"),
    (b"", "8cd963cf7bf5e5239281856a418947dad1795b9cf95908b74532702596d0d7b5"),
]


@pytest.mark.parametrize(("body", "signature"), VECTORS)
def test_the_signature_is_over_the_body_as_sent(body, signature):
    request = requests.Request("POST", SPEC.base_url + "/spot/v4/query/trades", data=body).prepare()
    bitmart.sign(request, "/spot/v4/query/trades", KEYS, AT)
    assert request.headers["X-BM-SIGN"] == signature
    assert request.headers["X-BM-TIMESTAMP"] == "1756000000000"
    assert bitmart_keys.sign(SECRET, "1756000000000", "tax-memo", body) == signature


def test_a_get_shows_the_key_and_signs_nothing():
    request = requests.Request("GET", SPEC.base_url + "/spot/v1/wallet").prepare()
    bitmart.sign(request, "/spot/v1/wallet", KEYS, AT)
    assert request.headers["X-BM-KEY"] == "bm_key"
    assert "X-BM-SIGN" not in request.headers


# -- names and units


@pytest.mark.parametrize("stream", [s for s in SPEC.streams if s.kind == "history"])
def test_every_parameter_is_one_the_endpoint_documents(stream):
    pages = paginator(stream, WINDOW, "x")
    assert set(pages.params) | set(pages.position()) <= set(stream.params)
    if stream.time_filter and stream.name != "transfer_list":
        assert len(pages.position()) == 2  # never without both times: the default is seven days


def test_transfers_are_requested_by_page_number():
    sent = paginator(SPEC.stream("transfer_list"), WINDOW, "")
    assert {**sent.params, **sent.position()} == {
        "limit": 100, "page": 1,
        "time_start": 1_782_864_000_300, "time_end": 1_782_950_400_701,
    }  # fmt: skip


def test_moves_between_accounts_are_the_newest_hundred_and_say_so():
    stream = SPEC.stream("sub_transfers")
    raw = (
        b'{"fromAccount":"a","fromWalletType":"spot","toAccount":"b","toWalletType":"spot",'
        b'"currency":"USDT","amount":"2","submissionTime":%d}'
    )
    rows = RecordReader(stream).read([raw % (1_782_950_000 - n) for n in range(100)])
    pages = paginator(stream, WINDOW, "")
    pages.update_state(requests.Response(), rows)
    assert pages.capped and not pages.has_next_page and pages.reached == rows[-1].at + 1_000
    pages = paginator(stream, WINDOW, "")
    pages.update_state(requests.Response(), rows[:99])
    assert not pages.capped and pages.reached == pages.start


def test_bounds_cover_the_window_in_the_endpoints_unit():
    sent = dict(paginator(SPEC.stream("futures_fills"), WINDOW, "futures").position())
    assert sent == {"start_time": 1_782_864_000, "end_time": 1_782_950_401}
    sent = dict(paginator(SPEC.stream("futures_ledger"), WINDOW, "futures").position())
    assert sent == {"start_time": 1_782_864_000_300, "end_time": 1_782_950_400_700}
    sent = dict(paginator(SPEC.stream("spot_fills"), WINDOW, "").position())
    assert set(sent) == {"startTime", "endTime"}


def session(base_url: str = SPEC.base_url) -> ReadOnlySession:
    account = Account(label="x", exchange="bitmart", credentials=KEYS, base_url=base_url)
    return ReadOnlySession(bitmart.EXCHANGE, account)


@pytest.mark.parametrize(
    ("method", "url", "body"),
    [
        ("GET", f"{FUTURES_HOST}/contract/private/trades?startTime=1", None),
        ("POST", f"{SPEC.base_url}/spot/v4/query/trades", {"start_time": 1}),
        ("POST", f"{SPEC.base_url}/spot/v2/submit_order", {"symbol": "BTC_USDT"}),
        ("POST", f"{SPEC.base_url}/account/v1/withdraw/apply", {}),
        ("POST", f"{SPEC.base_url}/account/v1/wallet", {}),
        ("GET", f"{SPEC.base_url}/spot/v4/query/trades", None),
        ("GET", f"{SPEC.base_url}/contract/private/trades", None),  # the other host's
        ("GET", f"{FUTURES_HOST}/spot/v1/wallet", None),
    ],
)
def test_nothing_else_is_sent(method, url, body):
    sender = session()
    with pytest.raises(NotARead):
        sender.send(sender.prepare_request(requests.Request(method, url, json=body)))


def test_a_configured_base_url_replaces_both_hosts():
    assert session().url_of("/contract/private/trades").startswith(FUTURES_HOST)
    own = session("http://127.0.0.1:1/bitmart")
    assert own.url_of("/contract/private/trades") == (
        "http://127.0.0.1:1/bitmart/contract/private/trades"
    )


def test_what_is_left_out_is_never_sent():
    for route in SPEC.left_out:
        method, _, path = route.path.rpartition(" ")
        assert (method or "GET", path) not in SPEC.reads()
        assert route.reason and route.docs_url.startswith("https://")


# -- answers


def answer(status, body, content_type="text/plain;charset=UTF-8"):
    response = requests.Response()
    response.status_code = status
    response._content = body.encode()
    response.headers["Content-Type"] = content_type
    return response


def error(code, status=400, now=BEFORE_THE_END):
    body = f'{{"trace":"N/A","code":{code},"data":{{}},"message":"words"}}'
    return explain(answer(status, body), now)


@pytest.mark.parametrize(
    ("code", "status", "kind", "outcome", "retry"),
    [
        (30002, 401, "wrong_key", "refused", False),
        (30003, 401, "wrong_key", "refused", False),
        (30005, 401, "wrong_secret", "refused", False),
        (30007, 401, "clock", "failed", True),
        (30010, 403, "ip_refused", "refused", False),
        (30011, 403, "key_expired", "refused", False),
        (30012, 403, "no_permission", "refused", False),
        (60026, 403, "no_permission", "refused", False),
        (30013, 429, "rate_limited", "failed", True),
        (30017, 418, "rate_limited", "failed", False),
        (30014, 503, "server_error", "failed", True),
        (30016, 200, "server_error", "failed", True),
        (30031, 200, "not_found", "failed", False),
        (30000, 404, "not_found", "failed", False),
        (50041, 400, "out_of_range", "failed", False),
        (60067, 400, "out_of_range", "failed", False),
        (50021, 400, "bad_request", "failed", False),
        (99999, 200, "bad_request", "failed", False),
    ],
)
def test_error_codes_are_named_whatever_the_status(code, status, kind, outcome, retry):
    problem = error(code, status)
    assert (problem.kind, problem.outcome, problem.retry) == (kind, outcome, retry)
    assert str(code) in problem.what and problem.remedy


@pytest.mark.parametrize("code", [51001, 40046, 61006])
def test_a_product_never_used_is_an_empty_list(code):
    body = f'{{"code":{code},"message":"not opened","data":null,"errno":"X"}}'
    assert explain(answer(400, body), BEFORE_THE_END) is None
    for name in ("margin_accounts", "futures_ledger"):
        assert items(SPEC.stream(name), body.encode()) == []


@pytest.mark.parametrize(("code", "status"), [(30014, 503), (30031, 200), (30000, 404)])
def test_silence_is_a_failure_until_the_platform_has_ended(code, status):
    assert error(code, status).outcome == "failed"
    assert error(code, status, AFTER_THE_END).outcome == "venue_closed"


@pytest.mark.parametrize("status", [200, 403, 404])
def test_a_web_page_is_blocked_and_after_the_end_closed(status):
    page = answer(status, "<html>Just a moment</html>", "text/html")
    assert explain(page, BEFORE_THE_END).kind == "blocked"
    assert explain(page, AFTER_THE_END).outcome == "venue_closed"


def test_a_wrong_secret_is_reported_after_the_end():
    assert error(30005, 401, AFTER_THE_END).kind == "wrong_secret"


@pytest.mark.parametrize(
    ("name", "body", "count"),
    [
        ("spot_fills", '{"code":1000,"message":"success","data":[{"a":1},{"a":2}]}', 2),
        ("deposit_withdraw_history", '{"code":1000,"data":{"records":[{"a":1}]}}', 1),
        ("account_wallet", '{"code":1000,"data":{"wallet":[]}}', 0),
        ("futures_orders", '{"code":1000,"message":"Ok","data":null}', 0),
        ("margin_borrows", '{"code":1000,"data":null}', 0),
    ],
)
def test_records_are_found_where_the_route_puts_them(name, body, count):
    assert len(items(SPEC.stream(name), body.encode())) == count


@pytest.mark.parametrize("stream", SPEC.streams, ids=lambda stream: stream.name)
@pytest.mark.parametrize("data", ["", ',"data":{}', ',"data":""', ',"data":17'])
def test_success_without_data_is_no_empty_list(stream, data):
    with pytest.raises((RequestError, msgspec.DecodeError)):
        items(stream, f'{{"code":1000,"message":"OK"{data}}}'.encode())


def test_a_response_without_its_list_is_not_empty():
    with pytest.raises(RequestError, match="no records"):
        items(SPEC.stream("deposit_withdraw_history"), b'{"code":1000,"data":{"rows":[]}}')


LEDGER_ROW = (
    b'{"time":%b,"type":"Commission Fee","amount":"-0.1","asset":"USDT","symbol":"BTCUSDT",'
    b'"tran_id":"3000","flow_type":4,"account":"futures"}'
)


def test_equal_futures_ledger_rows_get_stable_numbers():
    row = msgspec.Raw(LEDGER_ROW % b'"1784160002114"')
    other = msgspec.Raw(LEDGER_ROW % b"1784160002115")
    reader = RecordReader(SPEC.stream("futures_ledger"))
    ids = [record.id for record in reader.read([row, other, row])]
    first = "futures|Commission Fee|BTCUSDT|USDT|1784160002114|3000|-0.1"
    assert ids == [first, ids[1], f"{first}|2"]
    assert ids[:1] == [record.id for record in reader.read([row])]


@pytest.mark.parametrize("written", [b'"1784160002114"', b"1784160002114"])
def test_a_time_may_be_text_or_number(written):
    (record,) = RecordReader(SPEC.stream("futures_ledger")).read([LEDGER_ROW % written])
    assert record.at == 1_784_160_002_114_000


@pytest.mark.parametrize("written", [1_784_139_729, 1_784_139_729_000])
def test_a_loans_time_may_be_seconds_or_milliseconds(written):
    raw = b'{"borrow_id":"a","create_time":%d}' % written
    (record,) = RecordReader(SPEC.stream("margin_borrows")).read([raw])
    assert record.at == 1_784_139_729_000_000


@pytest.mark.parametrize(("status", "final"), [(0, False), (1, False), (2, False), (3, True)])
def test_money_under_way_is_read_again(status, final):
    raw = b'{"deposit_id":"","withdraw_id":"7","apply_time":1,"status":%d}' % status
    (record,) = RecordReader(SPEC.stream("deposit_withdraw_history")).read([raw])
    assert (record.id, record.final) == ("|7", final)


# -- whose key it is


@pytest.fixture(scope="module")
def box():
    with Sandbox(size="tiny", now=datetime(2026, 8, 20, 12, tzinfo=UTC), pace=None,
                 exchanges=["bitmart"]) as running:
        yield running


def identity_of(box, name, **changed):
    card = box.account(name) | changed
    credentials = Credentials({key: card[key] for key in ("key", "secret", "memo")})
    account = Account("x", "bitmart", credentials, card["base_url"], uid=changed.get("uid", ""))
    session = ReadOnlySession(bitmart.EXCHANGE, account)
    set_clock(session)
    return bitmart.identify(partial(fetch, session), account)


def refused_streams(identity):
    return {stream.name for stream in SPEC.streams if bitmart.beyond(identity, stream)}


BETWEEN_ACCOUNTS = {"sub_transfers", "futures_sub_transfers", "sub_accounts"}


@pytest.mark.parametrize(
    ("name", "kind", "permissions", "refused"),
    [
        ("bitmart-main", "main", (), {"transfer_list"} | BETWEEN_ACCOUNTS),
        (
            "bitmart-withdrawing", "main", ("Withdraw",), {"transfer_list"} | BETWEEN_ACCOUNTS,
        ),
        ("bitmart-organisation", "main", ("Future-Trade", "Inter-Account Transfer"), set()),
        ("bitmart-trading", "main", ("Future-Trade", "Inter-Account Transfer"), set()),
        (
            "bitmart-sub", "sub", ("Inter-Account Transfer",),
            {"transfer_list", "sub_accounts", "deposit_withdraw_history"},
        ),
    ],
)  # fmt: skip
def test_streams_are_requested_by_the_rights_of_the_key(box, name, kind, permissions, refused):
    identity = identity_of(box, name)
    assert (identity.kind, identity.permissions) == (kind, permissions)
    assert refused_streams(identity) == refused
    assert identity.can_withdraw is ("Withdraw" in permissions)
    # That Read-Only is refused the list of transfers is documented, not known.
    assert identity.can_trade is None


@pytest.mark.parametrize("field", ["secret", "memo"])
def test_secret_and_memo_are_tested_with_a_signed_query(box, field):
    with pytest.raises(RequestError) as caught:
        identity_of(box, "bitmart-main", **{field: "" if field == "memo" else "wrong"})
    assert caught.value.kind == "wrong_secret" and "memo" in caught.value.remedy


def test_an_account_is_identified_by_key_or_configured_uid(box):
    fingerprint = Credentials({"key": box.account("bitmart-main")["key"]}).fingerprint
    assert identity_of(box, "bitmart-main").uid == f"key-{fingerprint}"
    assert identity_of(box, "bitmart-main", uid="me").uid == "me"


def test_a_busy_probe_does_not_stop_the_account(box, monkeypatch):
    monkeypatch.setattr("pipelines.extract.client._wait_before_next", lambda state: 0.0)
    box.fault("30014", exchange="bitmart", path="/account/v1/transfer-contract-list", times=None)
    try:
        assert "Future-Trade" in identity_of(box, "bitmart-main").permissions  # it is tried, then
    finally:
        box.clear_faults()


def test_the_clock_is_read_in_milliseconds():
    reply = answer(200, '{"code":1000,"data":{"server_time":1784160100000}}')
    assert bitmart.EXCHANGE.read_clock(reply) == datetime.fromtimestamp(1_784_160_100, UTC)
    assert bitmart.EXCHANGE.read_clock(answer(200, "{}")) is None


def test_limits_leave_room_for_the_exchanges_own_rounding():
    deposits = SPEC.stream("deposit_withdraw_history")
    assert deposits.max_window < timedelta(days=90)
    assert SPEC.lifecycle == "winding_down"
    assert SPEC.ends_at == datetime(2027, 1, 31, 15, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({}, None),
        ({"X-BM-RateLimit-Reset": "2"}, 2.0),
        ({"Retry-After": "7"}, 7.0),
        ({"X-BM-RateLimit-Reset": "2", "Retry-After": "7"}, 7.0),
        ({"X-BM-RateLimit-Reset": "soon", "Retry-After": "nan"}, None),
        ({"X-BM-RateLimit-Reset": "inf"}, None),
    ],
)
def test_rate_limits_wait_for_the_longest_required_time(headers, wait):
    reply = answer(429, '{"message":"Request too many requests","code":30013,"data":{}}')
    reply.headers.update(headers)
    assert explain(reply, BEFORE_THE_END).wait == wait


def test_after_a_ban_no_request_is_sent(box):
    card = box.account("bitmart-main")
    keys = Credentials({key: card[key] for key in ("key", "secret", "memo")})
    sender = ReadOnlySession(bitmart.EXCHANGE, Account("x", "bitmart", keys, card["base_url"]))
    def banned(path):
        with pytest.raises(RequestError) as caught:
            fetch(sender, path)
        assert caught.value.kind == "rate_limited" and "30017" in caught.value.what
        return sender.requests_sent

    box.fault("418", account="bitmart-main")
    assert [banned("/spot/v1/wallet"), banned("/spot/v1/wallet")] == [1, 1]
    fetch(sender, "/contract/private/assets-detail")  # it may have been that route alone
    box.fault("418", account="bitmart-main")
    assert [banned("/account/v1/wallet"), banned("/contract/private/assets-detail")] == [3, 3]
    sender.close()


@pytest.mark.parametrize("code", [50001, 50040, 40034])
def test_a_removed_pair_does_not_fail_the_stream(code):
    reply = answer(400, f'{{"message":"words","code":{code},"data":null}}')
    assert explain(reply, BEFORE_THE_END).kind == "bad_request"
    reply.url = "https://api-cloud.bitmart.com/contract/private/order-history?symbol=OLDUSDT"
    problem = explain(reply, BEFORE_THE_END)
    assert (problem.kind, problem.outcome, problem.retry) == ("unknown_scope", "refused", False)
