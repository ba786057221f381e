"""A temporary Prefect server for one command, unless the user has a server.

Prefect can start one itself, but first imports its whole server into the calling process. Here the
server starts while the caller imports its own modules, and from a prepared empty database
(`make setup` creates it in the virtual environment): 5 seconds instead of 20.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from flows.runtime.child import end_with_parent
from flows.runtime.environment import without_secrets
from pipelines.errors import LookbackError
from pipelines.home import Home

START_LIMIT = 180.0
"""Longest start of a server, in seconds. Small machines need 30."""

SETTINGS = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_ENABLED": "false",
    "PREFECT_SERVER_API_BLOCKS_REGISTER_ON_START": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": f"{START_LIMIT:.0f}",
    "PREFECT_LOGGING_LEVEL": "WARNING",
}
"""Prefect reads these when it is first imported; values set by the user take precedence."""


REPORTED_BY_CALLER = {"PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL"}
"""For a run whose caller prints the errors: Prefect does not print them again."""

UNREAD = {"PREFECT_LOGGING_TO_API_ENABLED": "false"}
"""For a server that ends with the run: it does not store logs."""


def quiet_prefect(place: Home, settings: Mapping[str, str] = SETTINGS) -> None:
    """Set what Prefect reads on import: no analytics, few logs, files only in the home."""
    for name, value in settings.items():
        os.environ.setdefault(name, value)
    os.environ.setdefault("PREFECT_HOME", str(place.data / "prefect"))


@contextmanager
def prefect_api(place: Home, meanwhile: Callable[[], object]) -> Iterator[None]:
    """Inside the context, flows use the user's server (`PREFECT_API_URL`) or a temporary one.

    `meanwhile` is called while the temporary server starts. Raises what that raises, and
    LookbackError if the server does not start.
    """
    if os.environ.get("PREFECT_API_URL"):
        quiet_prefect(place, SETTINGS | REPORTED_BY_CALLER)
        meanwhile()
        yield
        return
    quiet_prefect(place, SETTINGS | REPORTED_BY_CALLER | UNREAD)
    with temporary_server() as url:
        meanwhile()
        from prefect.settings import PREFECT_API_URL, temporary_settings

        wait_until_up(url)
        with temporary_settings(updates={PREFECT_API_URL: url}):
            yield


@contextmanager
def temporary_server() -> Iterator[str]:
    """Start a server on a free loopback port and yield its API's URL before it responds."""
    folder = Path(os.environ["PREFECT_HOME"])
    folder.mkdir(parents=True, exist_ok=True)
    copy_template(folder / "prefect.db")
    port = free_port()
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", __name__, "serve", str(port)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            env=without_secrets(),
        )
    try:
        yield f"http://127.0.0.1:{port}/api"
    finally:
        server.terminate()
        try:
            server.wait(timeout=10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        if server.stdin:
            server.stdin.close()


def wait_until_up(url: str) -> None:
    """Return when the server responds. Raises LookbackError after `START_LIMIT` seconds."""
    deadline = time.monotonic() + START_LIMIT
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):  # the server does not listen yet
            urllib.request.urlopen(f"{url}/health", timeout=5).close()  # noqa: S310
            return
        time.sleep(0.05)
    raise LookbackError(
        f"Prefect's temporary server did not start within {START_LIMIT:.0f} seconds",
        remedy=f"see {os.environ['PREFECT_HOME']}/server.log, or set PREFECT_API_URL to a server",
    )


def free_port() -> int:
    """A loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def template() -> Path:
    """The empty database of this Prefect version, inside the virtual environment."""
    version = importlib.metadata.version("prefect")
    return Path(sys.prefix) / "share" / "lookback" / f"prefect-{version}.db"


def copy_template(database: Path) -> None:
    """Copy the prepared empty database, so that no migrations run."""
    if not database.exists() and template().exists():
        shutil.copyfile(template(), database)


def make_template() -> None:
    """Run Prefect's migrations once and keep the empty database they create."""
    if template().exists():
        return
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PREFECT_HOME"] = folder
        quiet_prefect(Home(Path(folder)))
        from prefect.server.database import provide_database_interface

        asyncio.run(provide_database_interface().create_db())
        template().parent.mkdir(parents=True, exist_ok=True)
        with contextlib.closing(sqlite3.connect(Path(folder) / "prefect.db")) as made:
            part = template().with_suffix(f".{os.getpid()}")
            made.execute("vacuum into ?", (str(part),))
            part.replace(template())  # atomic, as another setup may run at the same time


def serve(port: int) -> None:
    """Serve until terminated, or until the parent process ends, without background services."""
    import uvicorn

    end_with_parent()
    from prefect.server.api.server import create_app

    uvicorn.run(
        create_app(ephemeral=True, final=True),
        host="127.0.0.1",
        port=port,
        log_level="error",
        lifespan="on",
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(int(sys.argv[2]))
    else:
        make_template()
