"""A plain client of Bitget's routes, with its own signature, to test the simulator."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any
from urllib.parse import quote

import requests

from pipelines.sandbox.engine.server import Sandbox

DAY = 86_400_000


def signature(secret: str, text: str) -> str:
    mac = hmac.new(secret.encode("utf-8"), text.encode("utf-8"), hashlib.sha256)
    return base64.b64encode(mac.digest()).decode("ascii")


class Caller:
    """Signs as the docs say: timestamp + GET + path + ?query, query as decoded by the server."""

    def __init__(self, box: Sandbox, label: str = "bitget-main") -> None:
        self.box, self.account = box, box.account(label)
        self.session = requests.Session()

    @property
    def now(self) -> int:
        return self.box.shell.clock.now_ms()

    def headers(self, path: str, query: str, **changes: str | None) -> dict[str, str]:
        stamp = str(changes.pop("stamp", None) or self.now)
        text = f"{stamp}GET{path}" + (f"?{query}" if query else "")
        given = {
            "ACCESS-KEY": self.account["key"],
            "ACCESS-SIGN": signature(changes.pop("secret", None) or self.account["secret"], text),
            "ACCESS-TIMESTAMP": stamp,
            "ACCESS-PASSPHRASE": self.account["passphrase"],
        }
        given |= {name.replace("_", "-").upper(): value for name, value in changes.items()}
        return {name: value for name, value in given.items() if value is not None}

    def get(self, path: str, _headers: dict[str, str | None] | None = None, **params: Any) -> Any:
        query = "&".join(f"{name}={value}" for name, value in params.items())
        sent = "&".join(f"{name}={quote(str(value))}" for name, value in params.items())
        url = self.account["base_url"] + path + (f"?{sent}" if sent else "")
        return self.session.get(
            url, headers=self.headers(path, query, **(_headers or {})), timeout=10
        )

    def data(self, path: str, **params: Any) -> Any:
        answer = self.get(path, **params)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def paginate(self, path: str, id_field: str, start: int, end: int, **params: Any) -> list[Any]:
        """Every row of [start, end], page by page along the documented cursor."""
        rows: list[Any] = []
        cursor: dict[str, Any] = {}
        while page := self.data(path, startTime=start, endTime=end, **params, **cursor):
            rows += page
            cursor = {"idLessThan": page[-1][id_field]}
        return rows

    def walk_windows(
        self, path: str, id_field: str, start: int, end: int, width: int, **params: Any
    ) -> list[Any]:
        """Every row of [start, end], window by window, newest first."""
        rows: list[Any] = []
        while end >= start:
            rows += self.paginate(path, id_field, max(start, end - width + 1), end, **params)
            end -= width
        return rows
