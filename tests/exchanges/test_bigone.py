"""BigONE: tokens, and the meaning of its responses."""

import base64
import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
import requests

from pipelines.account import Account, Credentials
from pipelines.errors import RequestError
from pipelines.exchanges.bigone import api as bigone
from pipelines.exchanges.bigone.spec import SPEC
from pipelines.extract.paginators import ByCursor
from pipelines.extract.records import RecordReader
from pipelines.extract.windows import Floor, Window

KEY = "11111111-2222-3333-4444-555555555555"
SECRET = "bigone-demo-secret"
KEYS = Credentials({"key": KEY, "secret": SECRET})
NONCE = 1_735_689_600_000_000_000
paginator, items = bigone.EXCHANGE.paginator, bigone.EXCHANGE.items
explain = bigone.EXCHANGE.explain
AT = datetime.fromtimestamp(1_735_689_600, UTC)
# No published token verifies with a published key in this form: computed from the rule itself.
TOKEN = (
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0eXBlIjoiT3BlbkFQSVYyIiwic3ViIjoiMTExMTExMTEtMjIyMi0z"
    "MzMzLTQ0NDQtNTU1NTU1NTU1NTU1Iiwibm9uY2UiOiIxNzM1Njg5NjAwMDAwMDAwMDAwIn0.0BdWBj4t4QBUFCr1XLZW"
    "lkmlGVTx7dKFLSFldqLOIEg"
)
TOKEN_WITH_WINDOW = (
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0eXBlIjoiT3BlbkFQSVYyIiwic3ViIjoiMTExMTExMTEtMjIyMi0z"
    "MzMzLTQ0NDQtNTU1NTU1NTU1NTU1Iiwibm9uY2UiOiIxNzM1Njg5NjAwMDAwMDAwMDAwIiwicmVjdl93aW5kb3ciOiIz"
    "MCJ9.VCgwemtVWL7lEThp3qkYo5MuOKe43NZodiZYeTnBOBI"
)


def test_the_token():
    assert bigone.token(KEY, SECRET, NONCE) == TOKEN
    assert bigone.token(KEY, SECRET, NONCE, "30") == TOKEN_WITH_WINDOW


def claims_of(request):
    word, token = request.headers["Authorization"].split(" ")
    assert word == "Bearer"
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def test_every_request_has_a_token_of_its_own():
    nonces = set()
    for _ in range(3):
        request = requests.Request("GET", SPEC.base_url + "/api/v3/viewer/accounts").prepare()
        bigone.sign(request, "/api/v3/viewer/accounts", KEYS, AT)
        claims = claims_of(request)
        assert claims.keys() == {"type", "sub", "nonce"} and claims["sub"] == KEY
        assert abs(int(claims["nonce"]) - NONCE) < 1_000_000
        nonces.add(claims["nonce"])
    assert len(nonces) == 3


def answer(status, body, content_type="application/json", url="https://api.big.one/x"):
    response = requests.Response()
    response.status_code = status
    response.url = url
    response._content = body.encode()
    response.headers["Content-Type"] = content_type
    return response


def explained(status, body, *args, **more):
    return explain(answer(status, body, *args, **more), AT)


@pytest.mark.parametrize(
    ("status", "code", "kind", "outcome", "retry"),
    [
        (401, 40004, "wrong_key_or_secret", "refused", False),
        (401, "40106", "wrong_key_or_secret", "refused", False),
        (400, 40107, "wrong_key_or_secret", "refused", False),
        (403, 10403, "no_permission", "refused", False),
        (400, 40301, "no_permission", "refused", False),
        (429, 10429, "rate_limited", "failed", True),
        (500, 10005, "server_error", "failed", True),
        (400, 10007, "bad_request", "failed", False),
        (404, 10013, "not_found", "failed", False),
        (200, 60100, "bad_request", "failed", False),
    ],
)
def test_error_codes_are_named(status, code, kind, outcome, retry):
    problem = explained(status, json.dumps({"code": code, "message": "words"}))
    assert (problem.kind, problem.outcome, problem.retry) == (kind, outcome, retry)
    assert problem.remedy


def test_an_unknown_pair_does_not_fail_the_stream():
    url = "https://api.big.one/api/v3/viewer/trades?asset_pair_name=OLD-USDT"
    problem = explained(404, '{"code":10013,"message":"Resource not found"}', url=url)
    assert (problem.kind, problem.outcome) == ("unknown_scope", "refused")


def test_an_anomaly_of_the_contract_service_is_an_error():
    for status in (200, 400):
        body = '{"anomaly":"anomaly.request/invalid-params"}'
        assert "invalid-params" in explained(status, body).what


@pytest.mark.parametrize(("status", "kind"), [(401, "wrong_key_or_secret"), (403, "no_permission")])
def test_the_contract_service_refuses_by_status_alone(status, kind):
    assert explained(status, "{}").kind == kind


def test_a_web_page_is_a_failure():
    assert explained(403, "<!DOCTYPE html><html></html>", "text/html").kind == "blocked"
    assert explained(200, "<html></html>", "text/html").kind == "blocked"


@pytest.mark.parametrize(
    "body",
    ['{"code":0,"data":[]}', '{"code":"0","data":[],"message":""}', "[]", '[{"id":"a"}]'],
)
def test_success_is_no_trouble(body):
    assert explained(200, body) is None


def test_the_list_inside_the_envelope_or_bare():
    trades = items(SPEC.stream("spot_trades"), b'{"code":0,"data":[{"id":1}]}')
    bare = items(SPEC.stream("contract_trades"), b'[{"id":"a","fee":6.200177148e-05}]')
    assert (len(trades), bytes(bare[0])) == (1, b'{"id":"a","fee":6.200177148e-05}')
    with pytest.raises(RequestError):
        items(SPEC.stream("deposits"), b'{"code":0}')


def test_cash_and_positions_are_cut_out_of_one_answer():
    body = (
        b'[{"cash":{"id":"c","currency":"USDT","balances":0.10},"positions":[{"id":"p"},{"id":"q"}]}'
        b',{"cash":{"id":"d","currency":"BTC"},"positions":[]}]'
    )
    cash = items(SPEC.stream("contract_accounts"), body)
    assert bytes(cash[0]) == b'{"id":"c","currency":"USDT","balances":0.10}'
    assert len(cash) == 2
    assert len(items(SPEC.stream("contract_positions"), body)) == 2
    record = RecordReader(SPEC.stream("contract_accounts")).read(cash)[0]
    found = bigone.balance_of(SPEC.stream("contract_accounts"), record)
    assert found == ("contract", "USDT")


@pytest.mark.parametrize("key", ["Timestamp", "timestamp"])
def test_the_clock_counts_nanoseconds(key):
    body = f'{{"code":0,"data":{{"{key}":{NONCE + 123_456_789}}}}}'
    assert bigone.EXCHANGE.read_clock(answer(200, body)) == AT + timedelta(microseconds=123_456)
    assert bigone.EXCHANGE.read_clock(answer(200, "{}")) is None


WITHDRAWALS = b'{"code":0,"data":[{"id":1,"customer_id":1082679}],"page_token":""}'
@pytest.mark.parametrize("stream", SPEC.streams, ids=lambda stream: stream.name)
@pytest.mark.parametrize("body", [b'{"code":0}', b'{"code":0,"message":"OK"}', b'[{"id":"1"}'])
def test_success_without_data_is_no_empty_list(stream, body):
    with pytest.raises((RequestError, msgspec.DecodeError)):
        items(stream, body)


@pytest.mark.parametrize("name", ["contract_accounts", "contract_positions"])
def test_a_contract_account_without_its_parts_is_no_empty_list(name):
    with pytest.raises((RequestError, msgspec.DecodeError)):
        items(SPEC.stream(name), b'[{"id":"1"}]')


CASH = b'[{"cash":{"id":"c","currency":"USDT","readableId":1000001},"positions":[]}]'
NOTHING = b'{"code":0,"data":[]}'
DENIED = RequestError("no", kind="no_permission", outcome="refused")


def identity_from(withdrawals, contract=b"[]", accounts=NOTHING, uid=""):
    answers = [withdrawals, contract, accounts]

    def fetch(path, params=None):
        found = answers.pop(0)
        if isinstance(found, RequestError):
            raise found
        return found

    return bigone.identify(fetch, Account("main", "bigone", KEYS, SPEC.base_url, uid=uid))


def test_what_names_the_account():
    assert identity_from(WITHDRAWALS).uid == "1082679"
    assert identity_from(WITHDRAWALS.replace(b"1082679", b'"1082679"')).uid == "1082679"
    assert identity_from(NOTHING, CASH).uid == "contract-1000001"
    assert identity_from(DENIED, CASH).uid == "contract-1000001"
    assert identity_from(NOTHING).uid == f"key-{KEYS.fingerprint}"
    assert identity_from(DENIED, DENIED).uid == f"key-{KEYS.fingerprint}"
    assert identity_from(WITHDRAWALS, uid="mine").uid == "mine"


def test_what_a_key_may_do_is_not_known():
    found = identity_from(WITHDRAWALS)
    assert (found.can_trade, found.can_withdraw, found.permissions) == (None, None, ())


def test_a_key_without_access_mentions_bound_addresses():
    with pytest.raises(RequestError) as caught:
        identity_from(DENIED, DENIED, DENIED)
    assert caught.value.kind == "ip_refused" and "address" in caught.value.remedy
    with pytest.raises(RequestError, match="40004"):
        identity_from(RequestError("40004", kind="wrong_key_or_secret", outcome="refused"))


# Every private read that BigONE documents, by service.
DOCUMENTED = {
    "/api/v3": (
        "/viewer/accounts /viewer/accounts/{asset_symbol} /viewer/fund/accounts "
        "/viewer/fund/accounts/{asset_symbol} /viewer/trades /viewer/orders /viewer/orders/{id} "
        "/viewer/order /viewer/deposits /viewer/withdrawals /viewer/withdrawals/{guid} "
        "/viewer/transfer /viewer/trading_fees /viewer/assets/{asset_symbol}/address"
    ),
    "/sapi/v1/convert": "/viewer/trades /viewer/trade",
    "/api/contract/v2": (
        "/accounts /trades /trades/count /orders /orders/{id} /orders/count /orders/opening "
        "/orders/opening/count"
    ),
}


def test_every_documented_read_is_a_stream_or_left_out():
    documented = {base + path for base, paths in DOCUMENTED.items() for path in paths.split()}
    read = {stream.path for stream in SPEC.streams if stream.private}
    left_out = {route.path for route in SPEC.left_out}
    assert read | left_out == documented and not read & left_out
    assert len(left_out) == len(SPEC.left_out)
    assert all(route.reason and route.docs_url for route in SPEC.left_out)


def test_the_guide_explains_every_refusal():
    reported = " ".join(seen for seen, _ in SPEC.guide.problems)
    known = bigone.ERRORS.codes.keys() - {bigone.CLOCK}
    older = {"10011", "40301"}  # of answers that are not given any more
    assert {code for code in known if code not in reported} == older


# --- pagination -------------------------------------------------------------------------------

END = datetime(2026, 1, 10, tzinfo=UTC)


def paginated(pages, *, days=9, scope=""):
    """The records of those pages of (token, [(id, day, pair)]), and the requested tokens."""
    start = END - timedelta(days=days)
    stream = SPEC.stream("spot_trades")
    pager = paginator(stream, Window(start, END, Floor(start, "opened_at")), scope)
    assert isinstance(pager, ByCursor)
    reader, requested = RecordReader(stream), []
    for token, rows in pages:
        requested.append(pager.position()["page_token"])
        data = [
            {"id": n, "asset_pair_name": pair, "inserted_at": f"2026-01-{day:02d}T00:00:00Z"}
            for n, day, pair in rows
        ]
        body = json.dumps({"code": 0, "data": data, "page_token": token})
        records = reader.read(items(stream, body.encode()))
        pager.update_state(answer(200, body), records)
        if not pager.has_next_page:
            break
    return pager, requested


def rows(*days):
    return [(100 - n, day, "A-B") for n, day in enumerate(days)]


def test_only_a_missing_token_ends_the_list():
    pages, requested = paginated([("t1", rows(9)), ("t2", []), ("", [(5, 3, "A-B")])], scope="A-B")
    assert requested == [None, "t1", "t2"]
    assert pages.reached == pages.start and pages.unresolved == []


def test_a_resumed_read_stops_at_its_window_start():
    pages, requested = paginated([("t1", rows(9, 8)), ("t2", [(5, 3, "A-B")]), ("", [])], days=2)
    assert requested == [None, "t1"]
    assert pages.reached == pages.start


def test_unordered_rows_do_not_end_the_window():
    pages, requested = paginated([("t1", rows(9, 3, 9)), ("t2", [(5, 2, "A-B")]), ("", [])], days=2)
    assert requested == [None, "t1", "t2"]
    assert pages.reached == pages.start


@pytest.mark.parametrize(
    "pages",
    [
        [("t1", rows(9, 8)), ("t1", [(50, 7, "A-B")])],
        [("t1", rows(9, 8)), ("t2", rows(9, 8))],
    ],
)
def test_the_same_token_or_the_same_page_again_is_unresolved(pages):
    pages, _ = paginated([*pages, ("never", [])])
    assert pages.unresolved and pages.reached > pages.start and not pages.has_next_page


def test_rows_of_another_pair_are_refused():
    with pytest.raises(RequestError, match="A-B"):
        paginated([("t1", [(9, 9, "C-D")])], scope="A-B")


def test_orders_are_requested_in_every_state_with_full_pages():
    window = Window(END - timedelta(days=1), END, Floor(END, "opened_at"))
    orders = paginator(SPEC.stream("spot_orders"), window, "A-B")
    assert orders.params == {"limit": 200, "asset_pair_name": "A-B", "state": "ALL"}
    assert "asset_pair_name" not in paginator(SPEC.stream("deposits"), window, "").params


def test_contract_rows_are_paginated_to_an_empty_page():
    stream = SPEC.stream("contract_trades")
    start = END - timedelta(days=9)
    pages = paginator(stream, Window(start, END, Floor(start, "opened_at")), "")
    reader = RecordReader(stream)
    requested = []
    for day, name in ((9, "c"), (8, "b"), (None, "")):
        requested.append(pages.position()["id"])
        at = int(datetime(2026, 1, day, tzinfo=UTC).timestamp()) * 1_000 if day else 0
        body = json.dumps([{"id": name, "ts": at}] if day else [])
        pages.update_state(answer(200, body), reader.read(items(stream, body.encode())))
    assert requested == [None, "c", "b"] and pages.reached == pages.start
