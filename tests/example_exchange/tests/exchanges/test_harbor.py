"""Harbor's client: a signature as documented."""

from datetime import UTC, datetime

from requests import Request

from pipelines.account import Credentials
from pipelines.exchanges.harbor.api import sign


def test_signature_is_that_of_the_documentation() -> None:
    request = Request("GET", "https://api.harbor.example/v1/trades?limit=1").prepare()
    keys = Credentials({"key": "k", "secret": "s"})
    sign(request, "/v1/trades?limit=1", keys, datetime(2026, 1, 1, tzinfo=UTC))
    assert request.headers["X-Harbor-Time"] == "1767225600000"
    assert request.headers["X-Harbor-Sign"] == (
        "3d5feb95bfdf10f529a16c804ac92fc181d3115bf36a428194f9130822baeac1"
    )
