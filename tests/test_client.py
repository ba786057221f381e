"""The session sends only reads, retries if useful, and never reveals a secret."""

import json
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
import requests

from pipelines import registry
from pipelines.account import Account, Credentials
from pipelines.errors import RequestError
from pipelines.extract.client import (
    ATTEMPTS,
    ExchangeClock,
    NotARead,
    ReadOnlySession,
    StreamClient,
    fetch,
    set_clock,
)
from pipelines.extract.paginators import OnePage
from pipelines.extract.rate_limits import RateLimiter
from pipelines.extract.windows import Floor, Window
from tests.loopback import QuietHandler, listening

BITGET = registry.exchange("bitget")
SECRET = "a-secret-that-must-never-be-seen"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
GOOD = b'{"code":"00000","msg":"success","requestTime":1,"data":[]}'


@contextmanager
def serving(*answers):
    """A server that gives those (status, headers, body) in turn, the last one for ever."""
    seen = []

    class Handler(QuietHandler):
        def do_GET(self):
            seen.append((self.path, dict(self.headers)))
            status, headers, body = answers[min(len(seen), len(answers)) - 1]
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
            if int(headers.get("Content-Length", len(body))) != len(body):
                self.close_connection = True

    with listening(Handler) as url:
        yield f"{url}/bitget", seen


def session_at(base_url, naps=None, exchange=BITGET):
    naps = [] if naps is None else naps
    keys = Credentials({"key": "the-key", "secret": SECRET, "passphrase": "the-passphrase"})
    account = Account("main", exchange.spec.name, keys, base_url, pace=1_000.0)
    return ReadOnlySession(
        exchange,
        account,
        limiter=RateLimiter(sleep=lambda seconds: None),
        sleep=naps.append,
        clock=ExchangeClock(lambda: NOW),
    )


JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/bitget/api/v2/spot/trade/fills"),
        ("DELETE", "/bitget/api/v2/spot/trade/fills"),
        ("GET", "/bitget/api/v2/spot/trade/place-order"),
        ("GET", "/bitget/api/v2/spot/wallet/withdrawal"),
        ("GET", "/api/v2/spot/trade/fills"),
        ("GET", "/bitget/api/v2/spot/trade/fills/../place-order"),
    ],
)
def test_nothing_but_declared_reads_is_sent(method, path):
    with serving((200, JSON, GOOD)) as (url, seen):
        host = url.removesuffix("/bitget")
        session = session_at(url)
        with pytest.raises(NotARead):
            session.request(method, host + path)
        assert seen == []


@pytest.mark.parametrize(
    "query",
    ["?side=buy", "?startTime=1&_method=DELETE", "?startTime=1&x%09=1"],
)
def test_a_parameter_that_is_not_listed_is_not_sent(query):
    with serving((200, JSON, GOOD)) as (url, seen):
        with pytest.raises(NotARead):
            session_at(url).get(f"{url}/api/v2/spot/trade/fills{query}")
        assert seen == []


@pytest.mark.parametrize("sign", ["\t", "\n", "\r"])
def test_an_address_with_a_control_character_is_not_sent(sign):
    with serving((200, JSON, GOOD)) as (url, seen):
        session = session_at(url)
        request = session.prepare_request(
            requests.Request("GET", f"{url}/api/v2/spot/trade/fills")
        )
        request.url = request.url.replace("fills", f"fi{sign}lls")
        with pytest.raises(NotARead):
            session.send(request)
        assert seen == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-HTTP-Method-Override", "DELETE"),
        ("x_http_method", "POST"),
        ("X-Method-Override", "PUT"),
        ("X-Note", "a\tb"),
        ("X-Note", "a\nb"),
        ("X-Note", "“a”"),
    ],
)
def test_a_header_that_changes_the_request_is_not_sent(name, value):
    with serving((200, JSON, GOOD)) as (url, seen):
        session = session_at(url)
        request = session.prepare_request(
            requests.Request("GET", f"{url}/api/v2/spot/trade/fills")
        )
        request.headers[name] = value
        with pytest.raises(NotARead):
            session.send(request)
        assert seen == []


def test_no_other_host_is_requested():
    session = session_at("https://api.bitget.com")
    with pytest.raises(NotARead):
        session.get("https://api.bitget.com.evil.example/api/v2/spot/trade/fills")


def test_a_redirect_is_trouble_and_not_followed():
    with serving((302, {"Location": "/elsewhere"}, b"")) as (url, seen):
        with pytest.raises(RequestError) as caught:
            fetch(session_at(url), "/api/v2/spot/account/info")
        assert caught.value.kind == "redirected"
        assert len(seen) == 1


def test_the_signature_leaves_the_gateways_prefix_out():
    with serving((200, JSON, GOOD)) as (url, seen):
        session = session_at(url)
        fetch(session, "/api/v2/spot/account/info")
        expected = requests.Request("GET", "http://x/").prepare()
        BITGET.sign(expected, "/api/v2/spot/account/info", session.account.credentials, NOW)
        assert seen[0][1]["ACCESS-SIGN"] == expected.headers["ACCESS-SIGN"]


def test_public_routes_are_not_signed():
    with serving((200, JSON, GOOD)) as (url, seen):
        fetch(session_at(url), "/api/v2/spot/public/coins")
        assert "ACCESS-SIGN" not in seen[0][1]


FAULTS = [
    (429, JSON, b'{"code":"429","msg":"Too Many Requests"}'),
    (500, {"Content-Type": "text/html"}, b"<html>oops</html>"),
    (503, JSON, b"{}"),
    (200, JSON, GOOD[:-5]),
    (200, {**JSON, "Content-Length": "1000"}, GOOD),
    (400, JSON, b'{"code":"45001","msg":"system error"}'),
]


@pytest.mark.parametrize("fault", FAULTS)
def test_passing_trouble_is_outlived(fault):
    naps = []
    with serving(fault, fault, (200, JSON, GOOD)) as (url, seen):
        assert fetch(session_at(url, naps), "/api/v2/spot/account/info") == GOOD
        assert len(seen) == 3 and len(naps) == 2


@pytest.mark.parametrize("fault", FAULTS)
def test_lasting_trouble_is_raised_and_never_an_empty_page(fault):
    with serving(fault) as (url, seen):
        with pytest.raises(RequestError) as caught:
            fetch(session_at(url), "/api/v2/spot/account/info")
        assert caught.value.outcome == "failed" and caught.value.remedy
        assert len(seen) == ATTEMPTS


def test_every_attempt_is_signed_anew():
    moments = iter(NOW + timedelta(seconds=n) for n in range(100))
    with serving(FAULTS[0], (200, JSON, GOOD)) as (url, seen):
        session = session_at(url)
        session.clock = ExchangeClock(lambda: next(moments))
        fetch(session, "/api/v2/spot/account/info")
        assert seen[0][1]["ACCESS-TIMESTAMP"] != seen[1][1]["ACCESS-TIMESTAMP"]


def test_a_wait_required_by_the_exchange_is_kept():
    naps = []
    with serving((429, {**JSON, "Retry-After": "7"}, b"{}"), (200, JSON, GOOD)) as (url, _):
        fetch(session_at(url, naps), "/api/v2/spot/account/info")
    assert naps == [7.0]


def test_a_penalty_longer_than_patience_is_a_failure_now():
    with serving((429, {**JSON, "Retry-After": "3600"}, b"{}")) as (url, seen):
        with pytest.raises(RequestError) as caught:
            fetch(session_at(url), "/api/v2/spot/account/info")
        assert caught.value.kind == "rate_limited" and len(seen) == 1


@pytest.mark.parametrize("code", ["40006", "40009", "40012", "40014", "40018"])
def test_a_refused_key_is_not_tried_twice(code):
    body = json.dumps({"code": code, "msg": "no", "data": None}).encode()
    with serving((400, JSON, body)) as (url, seen):
        with pytest.raises(RequestError) as caught:
            fetch(session_at(url), "/api/v2/spot/account/info")
        assert caught.value.outcome == "refused" and len(seen) == 1


def test_an_unreachable_host_error_has_no_key():
    with serving((200, JSON, GOOD)) as (url, _):
        pass
    with pytest.raises(RequestError) as caught:
        fetch(session_at(url), "/api/v2/spot/account/info")
    assert caught.value.kind == "unreachable"
    assert SECRET not in str(caught.value) and "the-key" not in str(caught.value)


def test_an_unreachable_host_of_a_closed_exchange_has_closed():
    bitmex = registry.exchange("bitmex")
    with serving((200, JSON, b"[]")) as (url, _):
        pass
    with pytest.raises(RequestError) as caught:
        fetch(session_at(url, exchange=bitmex), "/api/v1/user")
    assert caught.value.outcome == "venue_closed"


def test_the_exchanges_clock_is_followed():
    theirs = NOW + timedelta(seconds=47)
    body = b'{"code":"00000","data":{"serverTime":"%d"}}' % round(theirs.timestamp() * 1_000)
    with serving((200, JSON, body)) as (url, _):
        session = session_at(url)
        set_clock(session)
    assert session.clock.now() == theirs


def test_a_page_is_records_and_not_objects():
    body = b'{"code":"00000","data":[{"id":"7","amount":0.10000000000000000001,"ts":"1000"}]}'
    stream = BITGET.spec.stream("tax_spot_records")
    window = Window(NOW, NOW, Floor(NOW, "opened_at"))
    with serving((200, JSON, body)) as (url, _):
        client = StreamClient(session_at(url), stream)
        (page,) = client.pages(OnePage({}, window, 500))
    assert page[0].raw == b'{"id":"7","amount":0.10000000000000000001,"ts":"1000"}'


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (429, b'{"code":"429","msg":"Too Many Requests"}', "rate_limited"),
        (400, b'{"code":"40014","msg":"no"}', "no_permission"),
        (500, b"{}", "server_error"),
    ],
)
def test_pages_raise_the_error_of_the_response(status, body, kind):
    stream = BITGET.spec.stream("tax_spot_records")
    window = Window(NOW, NOW, Floor(NOW, "opened_at"))
    with serving((status, JSON, body)) as (url, _):
        client = StreamClient(session_at(url), stream)
        with pytest.raises(RequestError) as caught:
            list(client.pages(OnePage({}, window, 500)))
    assert caught.value.kind == kind
