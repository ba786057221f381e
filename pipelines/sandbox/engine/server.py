"""The HTTP shell around the simulators: routing, clock, faults, request log, ground truth.

Exchanges respond below /<name>; `/_control/...`, `/_truth/<account>` and `/_site/<account>/<file>`
belong to the sandbox: a site file is what the exchange's site would export.
An adapter is a module `<exchange>/simulator.py` with `build(world)`; see `adapter.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import struct
import threading
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from importlib import import_module
from pkgutil import iter_modules
from types import TracebackType
from typing import Any
from urllib.parse import unquote

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from pipelines import sandbox
from pipelines.sandbox.engine.account import DAY, SIZES
from pipelines.sandbox.engine.adapter import Adapter, Answer, Call, Card, World
from pipelines.sandbox.engine.clock import Clock, from_ms, parse_moment, to_ms
from pipelines.sandbox.engine.faults import (
    ON_THE_WIRE,
    STATUS_TEXT,
    Fault,
    Faults,
    web_page,
    without_rows,
)
from pipelines.sandbox.engine.moves import draw_moves

ALL_PARTS = frozenset(
    {"movements", "balances", "deposits", "withdrawals", "trades", "transfers", "counts"}
)
LOG_LENGTH = 200_000
ENGINE = "engine"


def adapter_names() -> list[str]:
    """The exchanges with a simulator: the packages next to the engine."""
    return sorted(module.name for module in iter_modules(sandbox.__path__) if module.name != ENGINE)


def _module(name: str) -> Any:
    return import_module(f"{sandbox.__name__}.{name}.simulator")


def make_world(
    *,
    seed: int = 1,
    size: str | int = "tiny",
    pace: float | None = None,
    years: float = 3.0,
    now: datetime | None = None,
    end: datetime | None = None,
    future_days: int = 60,
    ties: tuple[int, ...] | None = None,
    options: Mapping[str, Any] | None = None,
    moves: bool = False,
) -> World:
    """The world that all adapters use.

    Histories end at `end`, by default at `now`, or at the last midnight (UTC) when the clock is
    the real one, so that a restart on the same day serves the same data.
    """
    clock = Clock(None if now is None else to_ms(now))
    anchor = end or now
    end_ms = to_ms(anchor) if anchor else clock.now_ms() // DAY * DAY
    fills = SIZES[size] if isinstance(size, str) and size in SIZES else int(size)
    span = int(years * 365.25 * DAY)
    return World(
        clock=clock,
        end=end_ms,
        seed=seed,
        fills=fills,
        opened_at=end_ms - span,
        pace=pace,
        future=future_days * DAY,
        tie_groups=ties,
        options=dict(options or {}),
        moves=draw_moves(seed, end_ms - span, end_ms) if moves and fills else (),
    )


class Shell:
    """The ASGI application."""

    def __init__(self, world: World, exchanges: list[str] | None = None) -> None:
        self.world, self.clock = world, world.clock
        self.adapters: dict[str, Adapter] = {
            name: _module(name).build(world) for name in exchanges or adapter_names()
        }
        self.cards = [card for adapter in self.adapters.values() for card in adapter.cards()]
        self.faults = Faults()
        self.log: deque[tuple[int, str, str, str, str, int, str]] = deque(maxlen=LOG_LENGTH)
        self._last_good: dict[tuple[str, str], Answer] = {}
        self._control = Starlette(
            routes=[
                Route("/", self._index),
                Route("/_truth/{account:path}", self._truth),
                Route("/_site/{path:path}", self._site_file),
                Route("/_control/clock", self._clock, methods=["GET", "POST"]),
                Route("/_control/faults", self._faults, methods=["GET", "POST", "DELETE"]),
                Route("/_control/requests", self._requests, methods=["GET", "DELETE"]),
            ]
        )

    # -- exchanges

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request: to the exchange its first path segment names, or to the controls."""
        if scope["type"] == "lifespan":
            await self._control(scope, receive, send)
            return
        name, _, rest = scope["path"].lstrip("/").partition("/")
        adapter = self.adapters.get(name)
        if adapter is None:
            await self._control(scope, receive, send)
            return
        call = await self._read_call(scope, receive, name, "/" + rest)
        label = adapter.label_of(call)
        fault = self.faults.next(name, label, call.path) if self.faults.rules else None
        answer = await self._answer(adapter, call, label, fault)
        status = answer.status if answer else 0
        self.log.append(
            (self.clock.now_ms(), name, label, call.method, call.path, status, call.query)
        )
        if answer is None:
            self._reset(send)
            return
        await self._send(send, answer, cut=fault is not None and fault.name == "cut_body")

    async def _read_call(self, scope: Scope, receive: Receive, name: str, path: str) -> Call:
        headers = {
            key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]
        }
        body = b""
        if scope["method"] not in ("GET", "HEAD"):
            more = True
            while more:
                message = await receive()
                body += message.get("body", b"")
                more = message.get("more_body", False)
        raw_path = scope["raw_path"].decode("latin-1").partition("?")[0]
        client = scope.get("client")
        return Call(
            method=scope["method"],
            path=unquote(path),
            raw_path=raw_path.removeprefix(f"/{name}"),
            query=scope["query_string"].decode("latin-1"),
            headers=headers,
            ip=client[0] if client else "",
            body=body,
        )

    async def _answer(
        self, adapter: Adapter, call: Call, label: str, fault: Fault | None
    ) -> Answer | None:
        """The answer, faults applied; None stands for a reset connection."""
        if fault is None:
            answer = adapter.handle(call)
            if answer.status == 200:
                self._last_good[label, call.path] = answer
            return answer
        if fault.name == "reset":
            return None
        if fault.name not in ON_THE_WIRE:
            return self._refusal(adapter, call, fault)
        if fault.name == "html_403":
            return Answer(403, web_page(b"403 Forbidden"), content_type="text/html")
        if fault.name == "html_200":
            return Answer(200, web_page(b"Just a moment..."), content_type="text/html")
        if fault.name == "closed":
            return Answer(404, web_page(b"404 Not Found"), content_type="text/html")
        if fault.name == "slow":
            await asyncio.sleep(fault.seconds)
        if fault.name == "duplicate" and (label, call.path) in self._last_good:
            return self._last_good[label, call.path]
        answer = adapter.handle(call)
        if fault.name == "cut_json":
            return Answer(answer.status, answer.body[: len(answer.body) // 2], answer.headers)
        if fault.name == "drop_rows":
            body = without_rows(answer.body, fault.rows)
            return Answer(answer.status, body, answer.headers, answer.content_type)
        if fault.name == "wrong_type":
            return Answer(answer.status, answer.body, answer.headers, "text/html")
        return answer

    def _refusal(self, adapter: Adapter, call: Call, fault: Fault) -> Answer:
        extra = () if fault.retry_after is None else (("Retry-After", str(fault.retry_after)),)
        answer = adapter.fault(fault.name, call)
        if answer is None:
            status = int(fault.name) if fault.name.isdigit() and len(fault.name) == 3 else 500
            page = web_page(b"%d %b" % (status, STATUS_TEXT.get(status, b"Error")))
            answer = Answer(status, page, content_type="text/html")
        return Answer(answer.status, answer.body, (*answer.headers, *extra), answer.content_type)

    async def _send(self, send: Send, answer: Answer, cut: bool) -> None:
        now = format_datetime(from_ms(self.clock.now_ms()), usegmt=True)
        headers = [
            (b"date", now.encode()),
            (b"content-type", answer.content_type.encode()),
            (b"content-length", str(len(answer.body)).encode()),
            *((key.encode(), value.encode()) for key, value in answer.headers),
        ]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        body = answer.body[: len(answer.body) // 2] if cut else answer.body
        await send({"type": "http.response.body", "body": body, "more_body": cut})
        if cut:
            self._reset(send, kindly=True)

    @staticmethod
    def _reset(send: Send, kindly: bool = False) -> None:
        """Drop the connection; uvicorn's transport is the only thing that can.

        `kindly` lets what was written go out first; otherwise the client sees a TCP reset.
        """
        transport = getattr(getattr(send, "__self__", None), "transport", None)
        if transport is None:
            raise ConnectionResetError("no transport to drop")
        if kindly:
            transport.close()
            return
        sock = transport.get_extra_info("socket")
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()

    # -- controls

    def card(self, account: str) -> Card:
        """The key with that label, or the first one of that uid or account id. Raises KeyError."""
        for card in self.cards:
            if card.label == account:
                return card
        for card in self.cards:
            if account in (card.uid, card.account_id):
                return card
        raise KeyError(f"the sandbox has no account {account!r}")

    def truth(
        self, account: str, at: int | None = None, parts: frozenset[str] = ALL_PARTS
    ) -> dict[str, Any]:
        """The ground truth of that account up to `at` (Unix ms; default: the clock)."""
        card = self.card(account)
        moment = self.clock.now_ms() if at is None else at
        return self.adapters[card.exchange].truth(card.label, moment, parts)

    def site_files(self, account: str, at: int | None = None) -> dict[str, str]:
        """The files that the exchange's site exports of that account, by name."""
        card = self.card(account)
        moment = self.clock.now_ms() if at is None else at
        export = getattr(self.adapters[card.exchange], "site_files", None)
        return export(card.label, moment) if export else {}

    async def _site_file(self, request: Request) -> Response:
        account, _, name = request.path_params["path"].rpartition("/")
        try:
            files = self.site_files(account or name)
        except KeyError as error:
            return JSONResponse({"error": str(error)}, status_code=404)
        if not account:
            return JSONResponse(sorted(files))
        if name not in files:
            return JSONResponse({"error": f"no file {name!r}"}, status_code=404)
        return Response(files[name].encode(), media_type="text/csv")

    async def _index(self, request: Request) -> Response:
        return JSONResponse(
            {
                "exchanges": sorted(self.adapters),
                "accounts": [card.label for card in self.cards],
                "now": from_ms(self.clock.now_ms()).isoformat(),
            }
        )

    async def _truth(self, request: Request) -> Response:
        wanted = request.query_params.get("parts")
        at = request.query_params.get("at")
        parts = frozenset(wanted.split(",")) if wanted else ALL_PARTS
        try:
            found = self.truth(
                request.path_params["account"], parse_moment(at) if at else None, parts
            )
        except KeyError as error:
            return JSONResponse({"error": str(error)}, status_code=404)
        return Response(json.dumps(found), media_type="application/json")

    async def _clock(self, request: Request) -> Response:
        if request.method == "POST":
            wish = await request.json()
            if wish.get("advance") is not None:
                self.clock.advance(int(wish["advance"]))
            elif wish.get("now") is None:
                self.clock.release()
            elif wish.get("running"):
                self.clock.start(parse_moment(wish["now"]))
            else:
                self.clock.freeze(parse_moment(wish["now"]))
        now = self.clock.now_ms()
        return JSONResponse({"now": from_ms(now).isoformat(), "now_ms": now})

    async def _faults(self, request: Request) -> Response:
        if request.method == "POST":
            try:
                self.faults.arm(**await request.json())
            except (TypeError, KeyError) as error:
                return JSONResponse({"error": str(error)}, status_code=400)
        elif request.method == "DELETE":
            self.faults.clear()
        return JSONResponse({"faults": [vars(rule) for rule in self.faults.rules]})

    async def _requests(self, request: Request) -> Response:
        if request.method == "DELETE":
            self.log.clear()
        return JSONResponse(self.requests())

    def requests(self) -> dict[str, Any]:
        """Counts by path, account and status, and the log of at most the last 200,000."""
        log = list(self.log)
        return {
            "total": len(log),
            "by_path": Counter(entry[4] for entry in log),
            "by_account": Counter(entry[2] for entry in log),
            "by_status": Counter(str(entry[5]) for entry in log),
            "log": [
                dict(
                    zip(
                        ("at", "exchange", "account", "method", "path", "status", "query"),
                        entry,
                        strict=True,
                    )
                )
                for entry in log
            ],
        }


def listen(port: int) -> socket.socket:
    """A listening loopback socket.

    Its protocol is named, as asyncio switches Nagle's delay off only for sockets that say TCP.
    """
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", port))
    sock.listen(256)
    return sock


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: the sandbox runs in a thread."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Sandbox:
    """All simulators on a free loopback port, in a thread, inside the `with` block.

    `now` freezes the clock (an aware datetime); without it the clock is the real one. `pace`:
    None switches rate limits off, 1.0 are the real ones, 20.0 twenty times as fast.
    `exchanges` selects the served ones; `options` are switches of the adapters. With `moves`, there
    are transfers between the main accounts of different exchanges.
    """

    def __init__(
        self,
        *,
        seed: int = 1,
        size: str | int = "tiny",
        pace: float | None = None,
        years: float = 3.0,
        now: datetime | None = None,
        end: datetime | None = None,
        port: int = 0,
        future_days: int = 60,
        ties: tuple[int, ...] | None = None,
        exchanges: list[str] | None = None,
        options: Mapping[str, Any] | None = None,
        moves: bool = False,
    ) -> None:
        world = make_world(
            seed=seed, size=size, pace=pace, years=years, now=now, end=end,
            future_days=future_days, ties=ties, options=options, moves=moves,
        )  # fmt: skip
        self.shell = Shell(world, exchanges)
        self._port = port
        self._socket: socket.socket | None = None
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Sandbox:
        """Listen and serve; returns once requests are answered."""
        self._socket = listen(self._port)
        config = uvicorn.Config(
            self.shell, log_level="critical", access_log=False, lifespan="off",
            date_header=False, server_header=False, timeout_keep_alive=30,
        )  # fmt: skip
        self._server = _Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True
        )
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            threading.Event().wait(0.002)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop serving and free the port."""
        self.close()

    def close(self) -> None:
        """Stop serving: from now on connections are refused."""
        if self._server and self._thread:
            self._server.should_exit = True
            self._server.force_exit = True
            self._thread.join(timeout=5)
        if self._socket:
            self._socket.close()
            self._socket = None

    def wait(self) -> None:
        """Block until the server ends (by an interrupt, usually)."""
        while self._thread and self._thread.is_alive():
            self._thread.join(0.5)

    # -- what a test reads and moves

    @property
    def url(self) -> str:
        """Where it listens, without a trailing slash."""
        if self._socket is None:
            raise RuntimeError("the sandbox is not running")
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    @property
    def accounts(self) -> list[dict[str, str]]:
        """Every key with its `base_url`, as in the first line of `lookback sandbox`."""
        return [
            {
                "exchange": card.exchange,
                "label": card.label,
                "base_url": f"{self.url}/{card.exchange}",
                "key": card.key,
                "secret": card.secret,
                "passphrase": card.passphrase,
                **({"memo": card.memo} if card.memo else {}),
                "uid": card.uid,
                "account_id": card.account_id,
                "profile": card.profile,
            }
            for card in self.shell.cards
        ]

    def account(self, name: str) -> dict[str, str]:
        """The key with that label; for an exchange's name, its main read-only one."""
        for account in self.accounts:
            if name in (account["label"], account["exchange"]):
                return account
        raise KeyError(f"the sandbox has no account {name!r}")

    def truth(
        self, account: str, at: datetime | None = None, parts: frozenset[str] = ALL_PARTS
    ) -> dict[str, Any]:
        """The ground truth of that account (label, uid or account id) up to `at` or the clock."""
        return self.shell.truth(account, None if at is None else to_ms(at), parts)

    @property
    def now(self) -> datetime:
        """The sandbox's time."""
        return from_ms(self.shell.clock.now_ms())

    def set_now(self, moment: datetime | None) -> None:
        """Freeze the clock at that moment; None lets it be real again."""
        if moment is None:
            self.shell.clock.release()
        else:
            self.shell.clock.freeze(to_ms(moment.astimezone(UTC)))

    def advance(self, span: timedelta) -> None:
        """Move the clock on; a frozen one stays frozen, at the later moment."""
        self.shell.clock.advance(span // timedelta(milliseconds=1))

    def fault(self, fault: str, **rule: Any) -> Fault:
        """Arm a fault of `faults.py`; `rule` are the fields of `Fault`, by default it hits once."""
        return self.shell.faults.arm(fault=fault, **rule)

    def clear_faults(self) -> None:
        """Disarm every fault."""
        self.shell.faults.clear()

    def requests(self) -> dict[str, Any]:
        """Counts by path, account and status, and the log."""
        return self.shell.requests()


def key_of(label: str, port: int, seed: int = 1) -> dict[str, str]:
    """The key of a simulated account and its address on that port, without serving anything.

    Keys depend only on the seed. Raises KeyError.
    """
    for card in Sandbox(seed=seed).shell.cards:
        if label in (card.label, card.exchange):
            own = {"passphrase": card.passphrase} if not card.memo else {"memo": card.memo}
            return {
                "exchange": card.exchange,
                "base_url": f"http://127.0.0.1:{port}/{card.exchange}",
                "key": card.key,
                "secret": card.secret,
                **{name: value for name, value in own.items() if value},
            }
    raise KeyError(label)


def serve(
    port: int = 0,
    seed: int = 1,
    size: str | int = "tiny",
    pace: float | None = None,
    years: float = 3.0,
) -> None:
    """Serve until interrupted or terminated; the first line printed is JSON: url and accounts.

    Both signals are taken even where they came in ignored, as a shell hands them to a program it
    starts in the background.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    with (
        contextlib.suppress(KeyboardInterrupt),
        Sandbox(port=port, seed=seed, size=size, pace=pace, years=years) as box,
    ):
        print(json.dumps({"url": box.url, "accounts": box.accounts}), flush=True)
        box.wait()
