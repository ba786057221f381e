"""Examine the installation, the files, the network and the accounts, and say what to do."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import socket
import ssl
import sys
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import urlsplit

from filelock import FileLock, Timeout
from rich.text import Text

from flows.cli.check_words import rights_words
from flows.cli.checking import Result, check_accounts
from flows.cli.show import BAD, GOOD, WARN, note
from flows.cli.terminal import console, table
from flows.reports import answers
from flows.reports.words import day
from flows.runtime.outcome import shortened
from pipelines.account import Account
from pipelines.config.accounts import readable_accounts
from pipelines.config.places import open_secrets
from pipelines.errors import LookbackError
from pipelines.home import PROJECT, Home

State = Literal["ok", "warning", "error"]
LOOK = {"ok": GOOD, "warning": WARN, "error": BAD}
LIBRARIES = ("dlt", "duckdb", "dbt-core", "dbt-duckdb", "prefect")
LOCKED = re.compile(r"^([a-z0-9-]+)==([^\s;\\]+)", re.MULTILINE)
SPARE_DISK = 1_000_000_000
"""Free bytes that a sync needs in addition to a copy of the warehouse."""
TIMEOUT = 5.0
CERTIFICATE_DAYS = 7


@dataclass(frozen=True)
class Item:
    """One examined thing. `remedy` is empty if nothing has to be done."""

    name: str
    state: State
    what: str
    remedy: str = ""
    account: str = ""


def examine(labels: Sequence[str], place: Home) -> list[Item]:
    """Everything about the installation and the accounts of those labels, or all."""
    items: list[Item] = []
    for part in (versions, disk, permissions, locks, proxy, schedule):
        items += _guarded(part.__name__, part, place)
    try:
        accounts, wrong = readable_accounts(labels)
    except LookbackError as error:
        return [*items, Item("settings", "error", error.what, error.remedy, error.account)]
    items += [Item("settings", "error", each.what, each.remedy, each.account) for each in wrong]
    if not accounts and not wrong:
        items.append(
            Item("settings", "warning", "no account is declared", "run `lookback connect EXCHANGE`")
        )
    for account in accounts:
        items += _guarded("network", network, account)
    if accounts:
        names = [account.label for account in accounts]
        for result in check_accounts(names, place, accepts=False):
            items += account_items(result)
    return items


def _guarded(name: str, part: Callable[[Any], Iterator[Item]], subject: object) -> list[Item]:
    """The items of one part; an unexpected error is an item, too."""
    try:
        return list(part(subject))
    except Exception as error:
        what = f"it could not be examined ({type(error).__name__}: {error})"
        return [Item(name, "warning", what, "report this message")]


def versions(place: Home) -> Iterator[Item]:
    """Python, and the libraries compared with the lock file."""
    lock = PROJECT / "requirements.lock"
    wanted = dict(LOCKED.findall(lock.read_text(encoding="utf-8"))) if lock.exists() else {}
    found = {name: importlib.metadata.version(name) for name in LIBRARIES}
    other = [name for name, version in found.items() if wanted.get(name, version) != version]
    named = ", ".join(f"{name} {version}" for name, version in found.items())
    python = ".".join(map(str, sys.version_info[:3]))
    if other:
        yield Item(
            "versions", "warning", f"{', '.join(other)}: not the locked version", "run `make setup`"
        )
    else:
        yield Item("versions", "ok", f"Python {python}, {named}")


def disk(place: Home) -> Iterator[Item]:
    """Whether a sync and a copy of the warehouse fit on the disk."""
    size = place.warehouse.stat().st_size if place.warehouse.exists() else 0
    free = shutil.disk_usage(place.data).free
    needed = SPARE_DISK + 2 * size
    words = f"{free / 1e9:.1f} GB free in {place.data}; a sync may need {needed / 1e9:.1f} GB"
    if free < needed:
        yield Item("disk", "error", words, "free disk space, or move LOOKBACK_HOME")
    else:
        yield Item("disk", "ok", words)


def permissions(place: Home) -> Iterator[Item]:
    """Whether other users of this machine can read the key and the data."""
    if opened := open_secrets(place.settings):
        yield Item("files", "error", opened.what, opened.remedy)
    elif place.data.stat().st_mode & 0o077:
        what = f"other users can read {place.data}"
        yield Item("files", "error", what, f"run: chmod 700 {place.data}")
    elif not os.access(place.data, os.W_OK):
        what = f"{place.data} cannot be written"
        yield Item("files", "error", what, "change its owner, or set LOOKBACK_HOME")
    else:
        yield Item("files", "ok", "only you can read the keys and the data")


def locks(place: Home) -> Iterator[Item]:
    """Whether another run writes the warehouse, and whether it can be opened."""
    try:
        with FileLock(place.data / ".lock", blocking=False, mode=0o600):
            pass
    except Timeout:
        note_file = place.data / ".lock_holder"
        holder = note_file.read_text(encoding="utf-8") if note_file.exists() else "just started"
        yield Item("locks", "warning", f"a run is in progress ({holder})", "wait until it ends")
        return
    if place.warehouse.exists():
        import duckdb

        try:
            duckdb.connect(str(place.warehouse), read_only=True).close()
        except duckdb.Error as error:
            reason = str(error).partition("\n")[0]
            remedy = "close it in other programs; if it is damaged, run `lookback restore`"
            yield Item("locks", "error", f"the warehouse cannot be opened: {reason}", remedy)
            return
    yield Item("locks", "ok", "no other run is in progress")


def proxy(place: Home) -> Iterator[Item]:
    """The proxies of the environment, without user name and password."""
    found = {
        kind: re.sub(r"//[^@/]*@", "//***@", url)
        for kind, url in urllib.request.getproxies().items()
        if kind in ("http", "https", "all")
    }
    named = ", ".join(f"{kind}: {url}" for kind, url in sorted(found.items()))
    yield Item("proxy", "ok", named or "none")


def schedule(place: Home) -> Iterator[Item]:
    """Whether the next sync is still in time."""
    if not place.published.exists():
        yield Item("schedule", "warning", "nothing was synced yet", "run `lookback sync`")
        return
    with answers.published(place) as warehouse:
        rows = [row for row in answers.deadlines(warehouse) if row["sync_before"]]
    if not rows:
        yield Item("schedule", "ok", "no known deadline")
        return
    first = rows[0]
    what = f"{first['label']} must be synced before {day(first['sync_before'])}"
    if first["sync_before"] < datetime.now(UTC):
        yield Item("schedule", "error", f"{what}, which has passed", "run `lookback sync` now")
    else:
        yield Item("schedule", "ok", what)


def network(account: Account) -> Iterator[Item]:
    """Name and certificate of the account's server; a proxy resolves names itself."""
    url = urlsplit(account.base_url)
    host, port = url.hostname or "", url.port or (443 if url.scheme == "https" else 80)
    if urllib.request.getproxies().get(url.scheme) and not urllib.request.proxy_bypass(host):
        yield Item("dns", "ok", f"{host} is reached through the proxy", account=account.label)
        return
    try:
        socket.getaddrinfo(host, port)
    except OSError as error:
        yield Item(
            "dns", "error", f"the name {host} cannot be resolved ({error.strerror or error})",
            "check the network, the DNS server, and base_url of the account", account.label,
        )  # fmt: skip
        return
    yield Item("dns", "ok", f"{host} is known", account=account.label)
    if url.scheme == "https":
        yield certificate(account.label, host, port)


def certificate(label: str, host: str, port: int) -> Item:
    """Whether the server has a valid certificate."""
    try:
        context = ssl.create_default_context()
        with (
            socket.create_connection((host, port), TIMEOUT) as plain,
            context.wrap_socket(plain, server_hostname=host) as secured,
        ):
            ends = ssl.cert_time_to_seconds(str((secured.getpeercert() or {})["notAfter"]))
    except ssl.SSLCertVerificationError as error:
        return Item(
            "tls", "error", f"the certificate of {host} is not valid: {error.verify_message}",
            "a program or network may intercept connections; do not send the key", label,
        )  # fmt: skip
    except (OSError, KeyError) as error:
        what = f"no secure connection to {host}:{port} ({type(error).__name__})"
        return Item("tls", "error", what, "check the network and the firewall", label)
    ends_at = datetime.fromtimestamp(ends, UTC)
    return Item("tls", "ok", f"{host} has a certificate until {day(ends_at)}", account=label)


def account_items(result: Result) -> Iterator[Item]:
    """Key, clock and streams of one account."""
    label, check, error = result.label, result.check, result.error
    if error is not None:
        yield Item("key", "error", error.what, error.remedy, label)
    if check is None:
        return
    words, _ = rights_words(check)
    if check.rights.beyond(check.account.accepted_rights):
        remedy = f"make a read-only key and run `lookback accounts rotate {label}`"
        yield Item("key", "error", words, remedy, label)
    elif error is None:
        yield Item("key", "ok", f"{check.account_id}: {words}", account=label)
    seconds = check.skew.total_seconds()
    if check.is_clock_off:
        what = f"this machine's clock is {abs(seconds):.0f} s off"
        yield Item("clock", "warning", what, "synchronise it over the network (NTP)", label)
    else:
        yield Item("clock", "ok", f"{abs(seconds):.1f} s off", account=label)
    wrong = [each for each in check.streams if each.answer in ("refused", "failed")]
    for why in dict.fromkeys((each.why, each.remedy) for each in wrong):
        names = shortened(each.stream.name for each in wrong if (each.why, each.remedy) == why)
        yield Item("streams", "warning", f"{names}: {why[0]}", why[1], label)
    if not wrong:
        what = f"{len(check.working)} of {len(check.streams)} answer"
        yield Item("streams", "ok", what, account=label)


def as_rows(items: Sequence[Item]) -> list[dict[str, Any]]:
    """The items as plain values, for JSON."""
    return [asdict(item) for item in items]


def show(items: Sequence[Item]) -> None:
    """Print what has to be done first, then everything that was examined."""
    out = console()
    wrong = [item for item in items if item.state != "ok"]
    if not wrong:
        out.print(Text("Everything works.", style=GOOD))
    for item in sorted(wrong, key=lambda item: item.state != "error"):
        mark = "!" if item.state == "error" else "~"
        note(out, mark, str(LookbackError(
            item.what, account=item.account, stream=item.name, remedy=item.remedy,
        )))  # fmt: skip
    out.print()
    listing = table("what", "account", "state", "found", whole=["what", "state"])
    for item in items:
        state = Text(item.state, style=LOOK[item.state])
        listing.add_row(item.name, item.account or "–", state, item.what)
    out.print(listing)
