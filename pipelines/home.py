"""Where everything private lies: settings and secrets in `.dlt/`, the rest in `data/`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent

# dlt reads these when it is first imported. A load id on every Arrow row is what ties rows and
# receipts to a finished load; telemetry and state restore would only cost time here.
DLT_ENVIRONMENT = {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "ERROR",
    "RESTORE_FROM_DESTINATION": "false",
    "NORMALIZE__PARQUET_NORMALIZER__ADD_DLT_LOAD_ID": "true",
    "DATA_WRITER__FILE_MAX_ITEMS": "500000",
}


LOOPBACK = ("127.0.0.1", "127.0.0.0/8", "localhost", "::1")
"""Where this machine's own servers answer: Prefect's temporary one, and the sandbox."""


@dataclass(frozen=True)
class Home:
    """One profile's folders. Tests and demos use another than the user's and never meet it."""

    root: Path

    @property
    def settings(self) -> Path:
        return self.root / ".dlt"

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def warehouse(self) -> Path:
        """The file that pipelines and dbt write."""
        return self.data / "warehouse.duckdb"

    @property
    def published(self) -> Path:
        """The file that analysts read."""
        return self.data / "lookback.duckdb"

    @property
    def dlt_state(self) -> Path:
        return self.data / "dlt"


def home() -> Home:
    """The home in force: `LOOKBACK_HOME`, else the project's folder. Points dlt at it.

    From then on no server on this machine is reached through a proxy of the environment.
    """
    root = Path(os.environ.get("LOOKBACK_HOME") or PROJECT).expanduser().resolve()
    found = Home(root)
    found.data.mkdir(parents=True, exist_ok=True)
    if found.data.stat().st_mode & 0o077:
        found.data.chmod(0o700)  # private: only the owner can read it
    os.environ["DLT_PROJECT_DIR"] = str(root)
    for name, value in DLT_ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    _exempt_loopback_from_proxies()
    return found


def _exempt_loopback_from_proxies() -> None:
    """Add this machine to `NO_PROXY`, in both spellings: libraries differ in which they read."""
    said = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    hosts = [host.strip() for host in said.split(",") if host.strip()]
    exempt = ",".join([*hosts, *(host for host in LOOPBACK if host not in hosts)])
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = exempt
