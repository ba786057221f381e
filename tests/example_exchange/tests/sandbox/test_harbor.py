"""Harbor's simulator refuses what the exchange refuses."""

import requests

from pipelines.sandbox.engine.server import Sandbox


def test_unknown_key_is_refused() -> None:
    with Sandbox(exchanges=["harbor"]) as box:
        url = f"{box.account('harbor-main')['base_url']}/v1/account"
        answer = requests.get(url, headers={"X-Harbor-Key": "another"}, timeout=10)
    assert (answer.status_code, answer.json()["code"]) == (401, "unknown_key")
