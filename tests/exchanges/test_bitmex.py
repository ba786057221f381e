"""BitMEX: the published signature vectors, and the meaning of its responses."""

from datetime import UTC, datetime

import pytest
import requests

from pipelines.account import Account, Credentials
from pipelines.errors import RequestError
from pipelines.exchanges.bitmex import api as bitmex
from pipelines.exchanges.bitmex.spec import SPEC
from pipelines.extract.records import Record, RecordReader
from pipelines.extract.windows import Floor, Window
from pipelines.sandbox.engine.server import Sandbox
from tests.conftest import Lab

# bitmex.com/app/apiKeysUsage
KEYS = Credentials(
    {
        "key": "LAqUlngMIQkIUjXMUreyu3qn",
        "secret": "chNOOS4KvNXR_Xq4k4c9qsfoKWvnDecLATCRlcBwyKDYnWgO",
    }
)
FILTERED = "/api/v1/instrument?filter=%7B%22symbol%22%3A+%22XBTM15%22%7D"


@pytest.mark.parametrize(
    ("target", "expires", "signature"),
    [
        (
            "/api/v1/instrument",
            1_518_064_236,
            "c7682d435d0cfe87c16098df34ef2eb5a549d4c5a3c2b1f0f77b8af73423bf00",
        ),
        (
            FILTERED,
            1_518_064_237,
            "e2f422547eecb5b3cb29ade2127e21b858b235b386bfa45e1c1756eb3383919f",
        ),
    ],
)
def test_the_published_vectors(target, expires, signature):
    request = requests.Request("GET", "https://www.bitmex.com" + target).prepare()
    now = datetime.fromtimestamp(expires, UTC) - bitmex.VALID_FOR
    bitmex.sign(request, target, KEYS, now)
    assert request.headers["api-signature"] == signature
    assert request.headers["api-expires"] == str(expires)


def answer(status, body, content_type="application/json", **headers):
    response = requests.Response()
    response.status_code = status
    response._content = body if isinstance(body, bytes) else body.encode()
    response.headers.update({"Content-Type": content_type, **headers})
    return response


def explained(status, body, *args, **headers):
    return bitmex.EXCHANGE.explain(answer(status, body, *args, **headers), datetime.now(UTC))


@pytest.mark.parametrize(
    ("status", "message", "kind", "outcome"),
    [
        (401, "Invalid API Key.", "wrong_key", "refused"),
        (401, "Signature not valid.", "wrong_secret", "refused"),
        (400, "This request has expired - `expires` is in the past.", "clock", "failed"),
        (403, "Access Denied", "no_permission", "refused"),
        (403, "This key is disabled.", "wrong_key", "refused"),
        (403, "This IP address is not allowed to use this key.", "ip_refused", "refused"),
        (401, "Something new", "no_permission", "refused"),
        (404, "Not Found", "not_found", "failed"),
        (400, "Maximum result count is 500.", "bad_request", "failed"),
    ],
)
def test_errors_are_named(status, message, kind, outcome):
    body = f'{{"error":{{"message":"{message}","name":"HTTPError"}}}}'
    problem = explained(status, body)
    # A request that came too late is sent again once the clocks were compared.
    assert (problem.kind, problem.outcome, problem.retry) == (kind, outcome, kind == "clock")
    assert problem.remedy


def test_a_rate_limit_waits_as_long_as_it_says():
    body = (
        '{"error":{"message":"Rate limit exceeded, retry in 7 seconds.","name":"RateLimitError"}}'
    )
    problem = explained(429, body, **{"Retry-After": "7"})
    assert (problem.kind, problem.retry, problem.wait) == ("rate_limited", True, 7.0)


def test_overload_is_tried_again():
    body = '{"error":{"message":"The system is currently overloaded.","name":"HTTPError"}}'
    assert explained(503, body).retry


@pytest.mark.parametrize("status", [200, 403, 404, 410])
def test_a_web_page_means_the_exchange_has_closed(status):
    assert explained(status, "<html>goodbye</html>", "text/html").outcome == "venue_closed"


def test_a_redirect_is_not_followed_and_means_closed():
    assert explained(302, "", "text/html", Location="https://x").outcome == "venue_closed"


def test_a_good_answer_is_no_trouble():
    assert explained(200, "[]") is None


def ledger_row(kind):
    raw = f'{{"transactType":"{kind}","text":"UnrealisedPNL"}}'.encode()
    return Record(raw, "x", "x", None, True, "")


def test_only_the_open_positions_row_is_no_record():
    stream = SPEC.stream("wallet_history")
    assert not bitmex.is_record(stream, ledger_row("UnrealisedPNL"))
    assert bitmex.is_record(stream, ledger_row("RealisedPNL"))


def identity_from(answers):
    def fetch(path, params=None):
        found = answers[path]
        if isinstance(found, RequestError):
            raise found
        return found

    account = Account("main", "bitmex", Credentials({"key": "K", "secret": "S"}), SPEC.base_url)
    return bitmex.identify(fetch, account)


DENIED = RequestError("no", kind="no_permission", outcome="refused")
WALLET = b'{"account":1000001,"currency":"XBt"}'
USER = b'{"id":900001,"email":"d@example.org","created":"2020-04-30T10:00:00.000Z"}'


@pytest.mark.parametrize(
    ("permissions", "can_trade", "can_withdraw"),
    [
        (b"[]", False, False),
        (b'["order"]', True, False),
        (b'[["orderCancel"],"withdraw"]', True, True),
    ],
)
def test_rights_by_the_keys_own_entry(permissions, can_trade, can_withdraw):
    key = b'{"id":"K","permissions":%s,"cidrs":["0.0.0.0/0"]}' % permissions
    found = identity_from(
        {"/api/v1/user/wallet": WALLET, "/api/v1/apiKey/self": key, "/api/v1/user": USER}
    )
    assert (found.uid, found.can_trade, found.can_withdraw) == ("1000001", can_trade, can_withdraw)
    assert found.opened_at == datetime(2020, 4, 30, 10, tzinfo=UTC)
    assert found.ip_allow_list == ()


def test_the_key_list_serves_where_the_own_entry_is_unknown():
    missing = RequestError("no", kind="not_found")
    found = identity_from(
        {
            "/api/v1/user/wallet": WALLET,
            "/api/v1/apiKey/self": missing,
            "/api/v1/apiKey": b'[{"id":"other","permissions":["withdraw"]},{"id":"K"}]',
            "/api/v1/user": DENIED,
        }
    )
    assert found.can_withdraw is False
    assert found.opened_at is None


def test_rights_are_unknown_if_their_route_is_refused():
    found = identity_from(
        {
            "/api/v1/user/wallet": WALLET,
            "/api/v1/apiKey/self": DENIED,
            "/api/v1/apiKey": DENIED,
            "/api/v1/user": USER,
        }
    )
    assert found.can_trade is None
    assert found.can_withdraw is None


def test_the_account_number_of_a_record():
    reader = RecordReader(SPEC.stream("wallet_history"))
    (record,) = reader.read([b'{"transactID":"a","account":126541}'])
    assert bitmex.uid_of(record.raw) == "126541"


# -- requests


NOW = datetime(2026, 9, 20, 12, tzinfo=UTC)
SNAPSHOT = Window(NOW, NOW, Floor(NOW, "opened_at"))
ALL_TIME = Window(datetime(2020, 1, 1, tzinfo=UTC), NOW, Floor(NOW, "opened_at"))


def first_question(name, scope="", window=SNAPSHOT):
    request = requests.Request("GET", "https://x")
    bitmex.EXCHANGE.paginator(SPEC.stream(name), window, scope).init_request(request)
    return {key: value for key, value in request.params.items() if value is not None}


def test_each_new_read_is_requested_as_documented():
    assert first_question("margin") == {"currency": "all"}
    assert first_question("affiliate_status", "USDt") == {"currency": "USDt"}
    assert first_question("positions") == {"count": "500"}
    assert first_question("staking") == first_question("addresses") == {}
    for name in ("funding_rates", "settlements"):
        assert first_question(name, "XBTUSD", ALL_TIME) == {
            "symbol": "XBTUSD", "reverse": "false", "count": "500", "start": "0",
            "startTime": "2020-01-01T00:00:00.000Z", "endTime": "2026-09-20T12:00:00.000Z",
        }  # fmt: skip


@pytest.mark.parametrize(("rows", "capped"), [(499, False), (500, True)])
def test_a_full_page_of_positions_may_lack_some(rows, capped):
    stream = SPEC.stream("positions")
    raws = [f'{{"symbol":"S{n}","currency":"XBt"}}'.encode() for n in range(rows)]
    paginator = bitmex.EXCHANGE.paginator(stream, SNAPSHOT, "")
    paginator.update_state(answer(200, "[]"), RecordReader(stream).read(raws))
    assert (paginator.capped, paginator.has_next_page) == (capped, False)


WRITES = (
    "/user/walletTransfer", "/user/requestWithdrawal", "/user/cancelWithdrawal",
    "/user/addSubaccount", "/user/logout", "/user/preferences", "/order/all",
    "/order/closePosition", "/position/leverage", "/position/isolate",
)  # fmt: skip


def test_left_out_routes_have_reasons_and_no_write_is_sent():
    paths = [route.path for route in SPEC.left_out]
    assert len(paths) == len(set(paths)) and all(route.reason for route in SPEC.left_out)
    assert not set(paths) & {path for _, path in SPEC.reads()}
    assert {method for method, _ in SPEC.reads()} == {"GET"}
    for path in WRITES:
        assert ("GET", f"/api/v1{path}") not in SPEC.reads()
    # A request for a deposit address may create one.
    assert "/api/v1/user/depositAddress" in paths


def test_the_guide_names_every_refusal():
    reported = " ".join(what.lower() for what, _ in SPEC.guide.problems)
    unnamed = {part for part in bitmex.ERRORS.messages if part not in reported}
    # Both errors have the message "Access Denied".
    assert unnamed == {"subaccount", "account is restricted"}
    assert SPEC.guide.steps and SPEC.guide.alerts and SPEC.guide.notes


# -- whose rows


def test_a_key_bound_to_a_sub_account_says_so():
    key = b'{"id":"K","permissions":[],"targetAccountId":1000002,"userId":900001}'
    found = identity_from(
        {
            "/api/v1/user/wallet": b'{"account":1000002,"currency":"XBt"}',
            "/api/v1/apiKey/self": key,
            "/api/v1/user": USER,
        }
    )
    assert (found.uid, found.kind, found.parent_uid) == ("1000002", "sub", "")


@pytest.fixture
def mixing(prepared_home, monkeypatch):
    """A simulator that returns the executions of all accounts of the key's user."""
    options = {"bitmex.parent_reads_all": True}
    with Sandbox(
        size="tiny", pace=None, now=NOW, years=1.2, exchanges=["bitmex"], options=options
    ) as box:
        yield Lab(box, prepared_home, monkeypatch)


def test_rows_of_another_account_are_refused_whole(mixing):
    """Nothing of the sub-account is stored, no such window counts as read, the rest goes on."""
    label = mixing.declare("bitmex-main")
    (result,) = mixing.sync(label).values()
    sub = mixing.box.account("bitmex-sub")["account_id"]
    assert result.failures
    for failure in result.failures:
        assert failure.stream == "trade_history" and failure.kind in ("other_account", "gave_up")
    assert sub in result.failures[0].what and result.failures[0].remedy
    main = mixing.box.account("bitmex-main")["account_id"]
    number = sub.removeprefix("bitmex:")
    for stream in SPEC.streams:
        if stream.private and "account" in stream.fields:
            strangers = mixing.query(
                f"select count(*) from raw_bitmex.{stream.name} "
                "where account_id <> ? or (record ->> 'account') = ?", main, number
            )  # fmt: skip
            assert strangers == [(0,)], stream.name
    outcomes = mixing.query(
        "select distinct stream, outcome from raw_bitmex.receipts where outcome <> 'exhausted'"
    )
    assert outcomes == [("trade_history", "failed")]
    assert mixing.query("select count(*) > 0 from raw_bitmex.wallet_history") == [(True,)]


def test_main_and_sub_account_stay_two(prepared_home, monkeypatch):
    with Sandbox(size="tiny", pace=None, now=NOW, years=1.2, exchanges=["bitmex"]) as box:
        lab = Lab(box, prepared_home, monkeypatch)
        lab.sync(lab.declare("bitmex-main"), lab.declare("bitmex-sub"))
        for stream in SPEC.streams:
            if stream.private and "account" in stream.fields:
                assert lab.query(
                    f"select count(*) from raw_bitmex.{stream.name} "
                    "where account_id <> 'bitmex:' || (record ->> 'account')"
                ) == [(0,)], stream.name
        kinds = lab.query("select account_id, account_kind, parent_uid from raw_bitmex.accounts")
        assert sorted(kinds) == [
            (box.account("bitmex-main")["account_id"], "main", ""),
            (box.account("bitmex-sub")["account_id"], "sub", ""),
        ]


def test_public_rates_are_stored_once_for_traded_symbols(
    prepared_home, monkeypatch
):
    with Sandbox(size="tiny", pace=None, now=NOW, years=1.2, exchanges=["bitmex"]) as box:
        lab = Lab(box, prepared_home, monkeypatch)
        lab.sync(lab.declare("bitmex-main"), lab.declare("bitmex-sub"))
        traded = lab.query("select distinct record ->> 'symbol' from raw_bitmex.trade_history")
        for stream in ("funding_rates", "settlements"):
            requested = lab.query(
                f"select distinct scope from raw_bitmex.receipts where stream = '{stream}'"
            )
            assert sorted(requested) == sorted(traded) and traded
            stored = lab.query(
                "select count(*), count(distinct record_id) from "
                f"raw_bitmex.{stream} where account_id = 'bitmex'"
            )
            ((rows, ids),) = stored
            assert rows == ids, stream
            assert lab.query(f"select count(*) from raw_bitmex.{stream}") == [(rows,)]
        # Every funding execution has a public rate.
        without = lab.query(
            """
            select count(*)
            from raw_bitmex.trade_history as executions
            left join raw_bitmex.funding_rates as rates
                on
                    (executions.record ->> 'symbol') = (rates.record ->> 'symbol')
                    and (executions.record ->> 'transactTime') = (rates.record ->> 'timestamp')
            where (executions.record ->> 'execType') = 'Funding' and rates.record_id is null
            """
        )
        assert without == [(0,)]


def test_a_ledger_of_several_pages_comes_whole(prepared_home, monkeypatch):
    """More than 10,000 rows, a page's limit; open positions shift the pages by their rows."""
    with Sandbox(size=10_500, pace=None, now=NOW, exchanges=["bitmex"]) as box:
        truth = box.truth("bitmex-main")["counts"]
        assert truth["wallet_history"] > 10_000 and truth["wallet_pseudo_rows"] == 2
        lab = Lab(box, prepared_home, monkeypatch)
        (result,) = lab.sync(lab.declare("bitmex-main")).values()
        assert result.failures == []
        for stream in ("wallet_history", "trade_history", "orders"):
            stored = lab.query(f"select count(distinct record_id) from raw_bitmex.{stream}")
            assert stored == [(truth[stream],)], stream
        pages = lab.query(
            "select pages, skipped from raw_bitmex.receipts where stream = 'wallet_history'"
        )
        assert pages == [(2, 2)]
