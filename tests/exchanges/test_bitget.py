"""Bitget: signature vectors, and the meaning of its responses."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest
import requests

from pipelines.account import Account, Credentials
from pipelines.errors import RequestError
from pipelines.exchanges.bitget import api as bitget
from pipelines.exchanges.bitget.spec import SPEC
from pipelines.exchanges.bitget.spec_terms import END_ID
from pipelines.extract.paging import follower
from pipelines.extract.records import Record, RecordReader, field_of
from pipelines.extract.windows import Floor, Window
from pipelines.sandbox.engine.server import Sandbox

SECRET = "0f1e2d3c4b5a69788796a5b4c3d2e1f00112233445566778899aabbccddeeff0"
KEYS = Credentials({"key": "bg_key", "secret": SECRET, "passphrase": "letmein99"})
AT = datetime.fromtimestamp(1_735_689_600, UTC)


# Computed from the rule in …/common/signature; Bitget publishes no secret to check against.
@pytest.mark.parametrize(
    ("target", "signature"),
    [
        ("/api/v2/spot/account/info", "m8FqFiX7PlQC7ZYbM6ZgkvIlM9kueYxzfohtmW33yek="),
        (
            "/api/v2/tax/spot-record?endTime=1735689600000&limit=500&startTime=1733097600000",
            "2BudEG21Mupn/ug0twN2I755Ul9z+adGgIWCyn1/OIM=",
        ),
    ],
)
def test_the_signature(target, signature):
    request = requests.Request("GET", SPEC.base_url + target).prepare()
    bitget.sign(request, target, KEYS, AT)
    assert request.headers["ACCESS-SIGN"] == signature
    assert request.headers["ACCESS-TIMESTAMP"] == "1735689600000"
    assert request.headers["ACCESS-PASSPHRASE"] == "letmein99"


def test_the_query_is_signed_as_the_server_decodes_it():
    escaped, plain = (
        requests.Request("GET", SPEC.base_url + "/x?coin=" + coin).prepare()
        for coin in ("%24ALT", "$ALT")
    )
    bitget.sign(escaped, "/x?coin=%24ALT", KEYS, AT)
    bitget.sign(plain, "/x?coin=$ALT", KEYS, AT)
    assert escaped.headers["ACCESS-SIGN"] == plain.headers["ACCESS-SIGN"]


def test_a_coin_of_any_script_passes_the_signature_check():
    query = urlencode({"coin": "龙虾", "limit": "10"})
    with Sandbox(size="tiny", pace=None) as box:
        card = box.account("bitget-main")
        target = f"/api/v2/spot/account/bills?{query}"
        keys = Credentials({name: card[name] for name in ("key", "secret", "passphrase")})
        request = requests.Request("GET", card["base_url"] + target).prepare()
        bitget.sign(request, target, keys, datetime.now(UTC))
        assert requests.Session().send(request, timeout=10).json()["code"] == "00000"


def test_a_tax_key_sends_no_passphrase():
    request = requests.Request("GET", SPEC.base_url + "/x").prepare()
    bitget.sign(request, "/x", Credentials({"key": "k", "secret": "s"}), AT)
    assert "ACCESS-PASSPHRASE" not in request.headers


def answer(status, body, content_type="application/json"):
    response = requests.Response()
    response.status_code = status
    response._content = body.encode()
    response.headers["Content-Type"] = content_type
    return response


def explained(status, body, *args):
    return bitget.EXCHANGE.explain(answer(status, body, *args), AT)


@pytest.mark.parametrize(
    ("code", "kind", "outcome", "retry"),
    [
        ("40006", "wrong_key", "refused", False),
        ("40037", "wrong_key", "refused", False),
        ("40009", "wrong_secret", "refused", False),
        ("40012", "wrong_passphrase", "refused", False),
        ("40018", "ip_refused", "refused", False),
        ("40014", "no_permission", "refused", False),
        ("40085", "account_mode", "refused", False),
        ("40731", "account_mode", "refused", False),
        ("40008", "clock", "failed", True),
        ("40015", "server_error", "failed", True),
        ("43111", "bad_request", "failed", False),
        ("99999", "bad_request", "failed", False),
    ],
)
def test_error_codes_are_named(code, kind, outcome, retry):
    problem = explained(400, f'{{"code":"{code}","msg":"words","requestTime":1,"data":null}}')
    assert (problem.kind, problem.outcome, problem.retry) == (kind, outcome, retry)
    assert code in problem.what and problem.remedy


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (429, '{"code":"429","msg":"Too Many Requests"}'),
        (429, "slow down"),
        (200, '{"code":"429","msg":"Too Many Requests"}'),
        (400, '{"code":429,"msg":"Too Many Requests"}'),
    ],
)
def test_a_rate_limit_is_tried_again(status, body):
    problem = explained(status, body)
    assert (problem.kind, problem.retry) == ("rate_limited", True)


def test_a_web_page_is_a_failure():
    assert explained(403, "<!DOCTYPE html><html></html>", "text/html").kind == "blocked"


def test_the_text_of_an_error_may_be_called_message():
    assert "words" in explained(400, '{"code":"40014","message":"words"}').what


def test_success_is_no_trouble():
    assert explained(200, '{"code":"00000","msg":"success","data":[]}') is None


@pytest.mark.parametrize(
    ("data", "count"), [("null", 0), ("[]", 0), ('[{"id":"1"}]', 1), ('{"id":"1"}', 1)]
)
def test_the_list_inside_the_envelope(data, count):
    body = f'{{"code":"00000","data":{data},"requestTime":1}}'.encode()
    assert len(bitget.EXCHANGE.items(SPEC.stream("tax_spot_records"), body)) == count


def identity_from(info):
    def fetch(path, params=None):
        if isinstance(info, RequestError):
            raise info
        return b'{"code":"00000","data":%s}' % info

    return bitget.identify(fetch, Account("main", "bitget", KEYS, SPEC.base_url))


@pytest.mark.parametrize(
    ("rights", "can_trade", "can_withdraw"),
    [
        (b'["coor","stor","taxr"]', False, False),
        (b'["stor","stow"]', True, False),
        (b'["wwow"]', False, True),
        (b'["readonly"]', False, False),
        (b'["brand_new_code"]', True, False),
    ],
)
def test_rights_by_the_keys_authorities(rights, can_trade, can_withdraw):
    found = identity_from(
        b'{"userId":"7000000001","parentId":7000000001,"ips":null,"authorities":%s,'
        b'"regisTime":"1640995200000"}' % rights
    )
    assert (found.can_trade, found.can_withdraw) == (can_trade, can_withdraw)
    assert (found.uid, found.parent_uid) == ("7000000001", "")
    assert found.opened_at == datetime(2022, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("ips", [b'"10.0.0.1,10.0.0.2"', b'["10.0.0.1","10.0.0.2"]'])
def test_the_address_list_in_both_its_shapes(ips):
    found = identity_from(b'{"userId":"7","parentId":9,"ips":%s,"authorities":[]}' % ips)
    assert found.ip_allow_list == ("10.0.0.1", "10.0.0.2")
    assert found.parent_uid == "9"


def lead_trader(settings):
    """Who a lead trader's account is, where v3 routes answer so."""
    refused = explained(400, '{"code":"40731","msg":"This product does not support copy trading"}')

    def fetch(path, params=None):
        if path.startswith("/api/v3/") and not isinstance(settings, RequestError):
            return b'{"code":"00000","data":%s}' % settings
        raise settings if path.startswith("/api/v3/") else refused

    return bitget.identify(fetch, Account("main", "bitget", KEYS, SPEC.base_url))


def test_lead_trader_is_read_by_unified_routes():
    assert lead_trader(b'{"uid":"7000000001","accountMode":"unified"}').kind == "unified"


def test_lead_trader_that_no_route_reads_is_refused():
    classic = explained(400, '{"code":"40084","msg":"classic account"}')
    with pytest.raises(RequestError, match="cannot read the account of a lead trader") as refused:
        lead_trader(classic)
    assert (refused.value.kind, refused.value.outcome) == ("account_mode", "refused")


def test_a_tax_key_is_known_by_its_own_hash():
    found = identity_from(RequestError("no", kind="no_permission", outcome="refused"))
    assert found.kind == "tax_key"
    assert found.uid == f"key-{KEYS.fingerprint}"


def test_a_wrong_key_is_not_taken_for_a_tax_key():
    with pytest.raises(RequestError):
        identity_from(RequestError("no", kind="wrong_key", outcome="refused"))


def test_secrets_are_masked():
    assert SECRET not in repr(KEYS)
    assert KEYS.hide_in(f"key {SECRET}!") == "key ***!"


def test_a_tax_key_is_tried_on_tax_routes_only():
    tax = identity_from(RequestError("no", kind="no_permission", outcome="refused"))
    full = identity_from(
        b'{"userId":"7","parentId":7,"authorities":["stor"],"traderType":"trader"}'
    )
    for stream in SPEC.streams:
        is_open = not stream.private or "/tax/" in stream.path
        assert (bitget.beyond(tax, stream) is None) is is_open, stream.name
        assert bitget.beyond(full, stream) is None


def test_trader_streams_are_requested_only_from_traders():
    identity = identity_from(
        b'{"userId":"7","parentId":7,"authorities":["ttor"],"traderType":"not_trader"}'
    )
    beyond = {s.name for s in SPEC.streams if bitget.beyond(identity, s) is not None}
    assert beyond == {"led_positions", "led_spot_orders"}


@pytest.mark.parametrize(("parent", "kind"), [(7, "classic"), (9, "classic_sub"), (0, "classic")])
def test_main_account_streams_are_not_requested_from_sub_accounts(parent, kind):
    found = identity_from(b'{"userId":"7","parentId":%d,"authorities":["chor"]}' % parent)
    assert found.kind == kind
    served = {s.name for s in SPEC.streams if s.serves(found.kind)}
    of_main = {"sub_account_transfers", "sub_account_deposits", "sub_account_assets"}
    assert served >= of_main or (kind == "classic_sub" and not served & of_main)
    assert {"tax_spot_records", "earn_assets"} <= served


def first_request(stream_name, scope=""):
    """The parameters of the first request of a paginator through one day."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    window = Window(start, start + timedelta(days=1), Floor(start, "opened_at"))
    paginator = bitget.EXCHANGE.paginator(SPEC.stream(stream_name), window, scope)
    request = requests.Request("GET", SPEC.base_url)
    paginator.init_request(request)
    return {name: value for name, value in request.params.items() if value is not None}


@pytest.mark.parametrize("product", ["USDT-FUTURES", "USDC-FUTURES", "COIN-FUTURES"])
def test_futures_are_requested_per_product(product):
    day = {"startTime": "1767225600000", "endTime": "1767312000000"}
    scoped = {"productType": product}
    assert first_request("mix_bills", product) == {**scoped, "limit": "100", **day}
    assert first_request("tax_future_records", product) == {**scoped, "limit": "500", **day}
    assert first_request("mix_interest", product) == {**scoped, "limit": "100"}
    assert first_request("mix_contracts", product) == scoped
    accounts = product.lower().replace("-", "_") + "_accounts"
    assert first_request(accounts) == scoped


@pytest.mark.parametrize("kind", ["crossed", "isolated"])
def test_margin_tax_records_are_requested_for_both_kinds(kind):
    day = {"startTime": "1767225600000", "endTime": "1767312000000"}
    assert first_request("tax_margin_records", kind) == {"marginType": kind, "limit": "500", **day}
    assert first_request("tax_p2p_records") == {"limit": "500", **day}


def test_isolated_margin_has_a_coin_in_several_pairs():
    row = Record(b"{}", "SOLUSDT|USDT", "", None, True, "")
    assert bitget.balance_of(SPEC.stream("isolated_margin_assets"), row) == (
        "isolated_margin",
        "USDT",
    )


def test_a_futures_balance_has_the_wallet_of_its_product():
    row = Record(b'{"marginCoin":"USDC"}', "USDC", "", None, True, "")
    found = {
        name: bitget.balance_of(SPEC.stream(name), row)
        for name in ("usdc_futures_accounts", "coin_futures_accounts", "mix_positions")
    }
    assert found == {
        "usdc_futures_accounts": ("usdc_futures", "USDC"),
        "coin_futures_accounts": ("coin_futures", "USDC"),
        "mix_positions": None,
    }


@pytest.mark.parametrize(
    ("end_id", "rows", "cursor"),
    [('"17"', 1, "17"), ("17", 1, "17"), ('""', 1, ""), ("null", 1, ""), ('"17"', 0, "")],
)
def test_the_next_page_is_named_by_the_last_one(end_id, rows, cursor):
    body = f'{{"code":"00000","data":{{"interestList":[],"endId":{end_id}}},"requestTime":1}}'
    records = [Record(b"{}", "1", "", None, True, "")] * rows
    assert follower(END_ID)(answer(200, body), records) == cursor


@pytest.mark.parametrize(
    "data", ['{"bills":[{"billId":"1"}],"endId":"1"}', '{"list":[{"positionId":"1"}],"endId":""}']
)
def test_a_list_with_an_end_id_is_read(data):
    body = f'{{"code":"00000","data":{data},"requestTime":1}}'.encode()
    assert len(bitget.EXCHANGE.items(SPEC.stream("mix_bills"), body)) == 1


@pytest.mark.parametrize("listed", ["[]", "null"])
def test_margin_lists_with_zero_ids_are_empty(listed):
    data = f'{{"resultList":{listed},"maxId":"0","minId":"0"}}'
    body = f'{{"code":"00000","data":{data},"requestTime":1}}'.encode()
    assert bitget.EXCHANGE.items(SPEC.stream("crossed_margin_borrows"), body) == []


@pytest.mark.parametrize(
    ("data", "ids"),
    [
        ('{"resultList":[{"loanId":"7"}],"maxId":"0","minId":"0"}', ["7"]),  # rows all the same
        ('{"resultList":null,"maxId":"9","minId":"9"}', []),
        ('{"maxId":"0","minId":"0"}', []),
        ('{"resultList":[{"loanId":"7"}],"maxId":"9","minId":"9","warnings":[]}', ["7"]),
        ('{"bills":null,"endId":"0"}', []),
        ('{"list":null,"cursor":"123"}', []),
        ('{"fillList":"","endId":"7"}', []),
        ('{"nextSettleTime":"1","borrowAmount":"0","interestList":null,"endId":""}', []),
        ('{"loanId":"7","list":[]}', ["7"]),  # a record alone
    ],
)
def test_members_outside_the_list_are_ignored(data, ids):
    body = f'{{"code":"00000","data":{data},"requestTime":1}}'.encode()
    found = bitget.EXCHANGE.items(SPEC.stream("crossed_margin_borrows"), body)
    assert [field_of(bytes(raw), "loanId") for raw in found] == ids


@pytest.mark.parametrize("data", ['{"endId":"7"}', '{"bills":{},"endId":""}', '{"bills":17}'])
def test_a_missing_list_is_not_an_empty_list(data):
    body = f'{{"code":"00000","data":{data},"requestTime":1}}'.encode()
    with pytest.raises(RequestError):
        bitget.EXCHANGE.items(SPEC.stream("mix_bills"), body)


def test_isolated_margin_is_requested_per_pair():
    day = {"startTime": "1767225600000", "endTime": "1767312000000"}
    requested = first_request("isolated_margin_borrows", "SOLUSDT")
    assert requested == {"symbol": "SOLUSDT", "limit": "500", **day}
    assert first_request("crossed_margin_borrows") == {"limit": "500", **day}


@pytest.mark.parametrize("scope", ["productType", "marginType"])
def test_products_and_kinds_are_those_of_the_spec_alone(scope):
    """Other routes have fields of the same name that mean something else."""
    scoped = [stream for stream in SPEC.streams if stream.scope == scope]
    assert scoped
    for stream in scoped:
        assert stream.scope_values and stream.scope_from
        assert not any(scope in SPEC.stream(name).fields for name in stream.scope_from)


DAY = {"startTime": "1767225600000", "endTime": "1767312000000"}


@pytest.mark.parametrize(
    ("stream", "scope", "requested"),
    [
        ("convert_records", "", {"limit": "100", **DAY}),
        ("bgb_convert_records", "", {"limit": "100", **DAY}),
        ("sub_account_transfers", "receiver", {"role": "receiver", "limit": "100", **DAY}),
        ("sub_account_deposits", "8", {"subUid": "8", "limit": "100", **DAY}),
        ("sub_account_assets", "", {"limit": "50"}),
        ("savings_records", "fixed", {"periodType": "fixed", "limit": "100", **DAY}),
        ("savings_assets", "fixed", {"periodType": "fixed", "limit": "100"}),
        ("sharkfin_records", "interest", {"type": "interest", "limit": "100", **DAY}),
        ("earn_assets", "", {}),
        ("funding_assets", "", {}),
        ("spot_bot_assets", "", {"accountType": "spot"}),
        ("futures_bot_assets", "", {"accountType": "futures"}),
        ("loan_repayments", "", {"pageSize": "100", "pageNo": "1", **DAY}),
        ("loan_orders", "", {"pageSize": "100", "pageNo": "1"}),
        (
            "copied_positions",
            "COIN-FUTURES",
            {"productType": "COIN-FUTURES", "limit": "100", **DAY},
        ),
        ("copied_spot_orders", "", {"limit": "50", **DAY}),
        ("p2p_orders", "", {"limit": "100", **DAY}),
        ("isolated_margin_fills", "SOLUSDT", {"symbol": "SOLUSDT", "limit": "500", **DAY}),
    ],
)
def test_request_parameters_of_each_list(stream, scope, requested):
    assert first_request(stream, scope) == requested


def test_balances_of_other_wallets_than_spot():
    row = Record(b"{}", "USDT", "", None, True, "")
    found = {
        name: bitget.balance_of(SPEC.stream(name), row)
        for name in (
            "funding_assets", "earn_assets", "spot_bot_assets", "futures_bot_assets",
            "savings_assets", "sub_account_assets", "loan_orders",
        )
    }  # fmt: skip
    assert found == {
        "funding_assets": ("p2p", "USDT"),
        "earn_assets": ("earn", "USDT"),
        "spot_bot_assets": ("spot_bots", "USDT"),
        "futures_bot_assets": ("futures_bots", "USDT"),
        "savings_assets": None,
        "sub_account_assets": None,
        "loan_orders": None,
    }


def test_an_order_of_fixed_savings_has_several_records():
    reader = RecordReader(SPEC.stream("savings_records"))
    rows = [
        b'{"orderId":"1","orderType":"%b","ts":"%d","coinName":"USDT"}' % (what, at)
        for what, at in ((b"subscribe", 1), (b"pay_interest", 2), (b"pay_interest", 3))
    ]
    assert len({record.id for record in reader.read(rows)}) == 3


@pytest.mark.parametrize(
    ("stream", "data"),
    [
        ("convert_records", '{"dataList":[{"id":"1"}],"endId":"1"}'),
        ("bgb_convert_records", '[{"orderId":"1"}]'),
        ("savings_records", '{"resultList":[{"orderId":"1"}],"endId":"1"}'),
        ("copied_positions", '{"trackingList":[{"trackingNo":"1"}],"endId":"1"}'),
        ("p2p_orders", '{"orderList":[{"orderId":"1"}],"minOrderId":"1"}'),
        ("isolated_margin_fills", '{"fills":[{"tradeId":"1"}],"maxId":"1","minId":"1"}'),
        ("sub_account_assets", '[{"id":9,"userId":7000000009,"assetsList":[]}]'),
    ],
)
def test_the_list_inside_every_kind_of_answer(stream, data):
    body = f'{{"code":"00000","data":{data},"requestTime":1}}'.encode()
    assert len(bitget.EXCHANGE.items(SPEC.stream(stream), body)) == 1
