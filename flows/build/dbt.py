"""Run dbt as a child process: in this process it would keep the warehouse open afterwards."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from flows.build import dismissals, renames, selection
from flows.runtime.environment import without_secrets
from pipelines import registry
from pipelines.errors import LookbackError
from pipelines.home import PROJECT, Home
from pipelines.load.warehouse import exchanges_in_use

DBT_PROJECT = PROJECT / "dbt_project"
CLOCK = re.compile(r"^\d\d:\d\d:\d\d +", re.MULTILINE)

RESULTS = "run_results.json"
FRESH = "partial_parse.msgpack"
"""The file that dbt writes into its target folder after it parsed the project."""

SHOWN = 5
"""How many failed models or tests an error names; the others are counted."""


@dataclass(frozen=True)
class Node:
    """The result of one model or test."""

    name: str
    kind: str
    status: str
    message: str

    @property
    def broken(self) -> bool:
        return self.status in {"error", "fail", "runtime error"}


@dataclass(frozen=True)
class Built:
    """What a build was made from: the models' fingerprint, and the mark of each raw table."""

    models: str = ""
    unused: list[str] = field(default_factory=list)
    tables: dict[str, str] = field(default_factory=dict)


def build(
    home: Home,
    as_of: datetime | None = None,
    *,
    unit_tests: bool = False,
    child: Child | None = None,
) -> list[Node]:
    """Run every model and data test on the warehouse. `as_of` is the current time for the models.

    A sync does not run the unit tests, as they only test the models' code. With them, the models of
    all exchanges are built, else those of the exchanges in use. A `child` that was started earlier
    has `as_of` and the exchanges already.
    Raises LookbackError that names the first models and tests that failed.
    """
    dismissals.load(home)
    renames.load(home)
    child = child or Child(home, as_of, () if unit_tests else None)
    arguments = ["build"] if unit_tests else ["build", "--exclude-resource-type", "unit_test"]
    before = last_build(home)
    now = Built(fingerprint(DBT_PROJECT), list(child.unused), selection.marks(home))
    unchanged: list[str] = []
    if before.models != now.models or has_load_to_come(home):
        arguments.append("--full-refresh")  # stored rows must not keep results of older models
    elif before.unused == now.unused and not unit_tests:
        unchanged = [
            table for table, mark in now.tables.items() if before.tables.get(table) == mark
        ]
    results = target_folder(home) / RESULTS
    results.unlink(missing_ok=True)
    done = child.run([*arguments, "--no-write-json"], unchanged)
    nodes = read_results(results)
    broken = [node for node in nodes if node.broken]
    if done.returncode or broken:
        raise LookbackError(
            f"the build of the models failed, nothing was published: {describe(broken, done)}",
            remedy=f"see the full log in {log_folder(home) / 'dbt.log'}",
        )
    _built_from_file(home).write_text(json.dumps(asdict(now)), encoding="utf-8")
    return nodes


def has_load_to_come(home: Home) -> bool:
    """Whether a load is dated later than now, because this machine's clock was wrong.

    Incremental models would skip new rows, as they seem older than the stored rows.
    """
    import duckdb

    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        loads = connection.execute(
            "select schema_name from duckdb_tables() "
            "where starts_with(schema_name, 'raw_') and table_name = '_dlt_loads'"
        ).fetchall()
        return any(
            connection.execute(
                f'select bool_or(inserted_at > now()) from "{schema}"._dlt_loads'
            ).fetchall()[0][0]
            for (schema,) in loads
        )


def fingerprint(project: Path) -> str:
    """A hash of all files that determine rows: models, macros, seeds, settings, declarations."""
    return _hash_of(
        project,
        lambda path: (
            path.suffix in {".sql", ".csv"}
            or path.name == "dbt_project.yml"
            or path.name.endswith("__base.yml")
        ),
    )


def _hash_of(project: Path, counts: Callable[[Path], bool]) -> str:
    digest = hashlib.sha256()
    for path in sorted(project.rglob("*")):
        inside = path.relative_to(project)
        if not {"target", "logs"} & set(inside.parts) and counts(path):
            digest.update(f"{inside}\n".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def last_build(home: Home) -> Built:
    """What the last successful build was made from; empty if unknown."""
    try:
        return Built(**json.loads(_built_from_file(home).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return Built()


def forget_build(home: Home) -> None:
    """Make the next build a full refresh."""
    _built_from_file(home).unlink(missing_ok=True)


def _built_from_file(home: Home) -> Path:
    return home.data / "dbt" / "built_from"


def unused_exchanges(home: Home) -> tuple[str, ...]:
    """The exchanges whose models are not built.

    Empty if no exchange is in use yet: dbt then builds all models.
    """
    used = exchanges_in_use(home)
    return tuple(name for name in registry.names() if name not in used) if used else ()


def parsed_file(home: Home, unused: Sequence[str] = ()) -> Path:
    """The file with dbt's parsed state of this version of the project, shared by all homes.

    The name has a hash of the project's files and the exchanges left out: both change the project.

    dbt detects changes as well, but misses a changed YAML file with an unchanged modification
    time, so each version of the project has a file of its own.
    """
    read = {".sql", ".csv", ".yml", ".md"}
    files = _hash_of(DBT_PROJECT, lambda path: path.suffix in read)
    name = "_".join(["parsed", files, *unused]) + ".msgpack"
    writable = os.access(DBT_PROJECT, os.W_OK)
    return (DBT_PROJECT / "target" if writable else home.data / "dbt") / name


def _remember_parsed(home: Home, parsed: Path) -> None:
    """Keep the parsed state of this run, and delete those of older versions of the project."""
    fresh = target_folder(home) / FRESH
    if parsed.exists() or not fresh.exists():
        return
    parsed.parent.mkdir(parents=True, exist_ok=True)
    _, files, *_ = parsed.stem.split("_")
    for older in parsed.parent.glob("parsed_*.msgpack"):
        if not older.name.startswith(f"parsed_{files}"):
            older.unlink(missing_ok=True)
    part = parsed.with_suffix(f".{os.getpid()}")
    shutil.move(fresh, part)
    part.replace(parsed)


def write_docs(home: Home) -> Path:
    """Write the models' documentation as one page, `data/docs/index.html`, and return the path."""
    done = run_dbt(home, ["docs", "generate", "--static"], unused=())
    made = target_folder(home) / "static_index.html"
    if done.returncode or not made.exists():
        raise LookbackError(
            f"the documentation was not written: {describe([], done)}",
            remedy=f"see the full log in {log_folder(home) / 'dbt.log'}",
        )
    page = home.data / "docs" / "index.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    made.replace(page)
    return page


def run_dbt(
    home: Home,
    arguments: Sequence[str],
    as_of: datetime | None = None,
    unused: Sequence[str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run one dbt command on the home's warehouse; its output is captured, not shown."""
    return Child(home, as_of, unused).run(arguments)


class Child:
    """A dbt process. It starts and parses the project while the caller does other work.

    It takes one command, and ends when this process ends: a killed sync must not leave a process
    that keeps the warehouse open.
    """

    def __init__(
        self, home: Home, as_of: datetime | None = None, unused: Sequence[str] | None = None
    ) -> None:
        """Start dbt without the models of the `unused` exchanges (default: those not in use)."""
        self.unused = tuple(unused_exchanges(home) if unused is None else unused)
        self._home = home
        self._parsed = parsed_file(home, self.unused)
        state = ("--partial-parse-file-path", str(self._parsed)) if self._parsed.exists() else ()
        (target_folder(home) / FRESH).unlink(missing_ok=True)
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "flows.build.dbt_process", str(target_folder(home))),
                *("--no-use-colors", "--no-version-check", "--log-level-file", "info"),
                *state,
                "--",
                *("--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)),
                *("--log-path", str(log_folder(home))),
                *("--threads", str(max(2, min(8, os.cpu_count() or 1)))),
            ],
            cwd=PROJECT,
            env=environment(home, as_of, self.unused),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End the process if it was not used."""
        self._process.kill()
        self._wait()

    def run(
        self, arguments: Sequence[str], unchanged: Sequence[str] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Run one command. What depends only on the `unchanged` raw tables is left out."""
        order: dict[str, Any] = {"command": list(arguments), "unchanged": None}
        if unchanged:
            order["unchanged"] = {"tables": [*unchanged], "built": selection.relations(self._home)}
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None
        with suppress(BrokenPipeError):  # dbt has ended: its output says why
            stdin.write(f"{json.dumps(order)}\n")
            stdin.flush()
        output = stdout.read()  # standard input stays open until dbt has ended
        self._wait()
        _remember_parsed(self._home, self._parsed)
        return subprocess.CompletedProcess(self._process.args, self._process.returncode, output)

    def _wait(self) -> None:
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with suppress(BrokenPipeError):
                    stream.close()


def environment(
    home: Home, as_of: datetime | None = None, unused: Sequence[str] = ()
) -> dict[str, str]:
    """This process's environment without any account's secrets, plus the warehouse's path.

    `as_of` is passed here and not in `--vars`, as dbt parses the project again if vars change.
    """
    return without_secrets() | {
        "WAREHOUSE_PATH": str(home.warehouse),
        "LOOKBACK_UNUSED_EXCHANGES": ",".join(unused),
        "LOOKBACK_AS_OF": as_of.isoformat() if as_of is not None else "",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
        "PYTHONIOENCODING": "utf-8",  # the terminal of the user may be ASCII only
        "PYTHONUTF8": "1",
    }


def target_folder(home: Home) -> Path:
    """The folder of dbt's compiled files, results and parsed state."""
    return home.data / "dbt" / "target"


def log_folder(home: Home) -> Path:
    """The folder of dbt.log."""
    return home.data / "dbt" / "logs"


def read_results(path: Path) -> list[Node]:
    """The result of every node; empty if dbt stopped before it ran them."""
    if not path.exists():
        return []
    results = json.loads(path.read_text(encoding="utf-8"))["results"]
    return [
        Node(
            name=result["unique_id"].split(".")[2],
            kind=result["unique_id"].split(".")[0],
            status=str(result["status"]),
            message=" ".join(str(result.get("message") or "").split()),
        )
        for result in results
    ]


def describe(broken: Sequence[Node], done: subprocess.CompletedProcess[str]) -> str:
    """One line: the first failed nodes, or the end of dbt's output if there are none."""
    if broken:
        # A failed model explains the tests that fail after it, so models come first.
        ordered = sorted(broken, key=lambda node: node.kind != "model")
        named = [f"{node.kind} {node.name} ({node.message[:200]})" for node in ordered[:SHOWN]]
        rest = len(broken) - len(named)
        return "; ".join(named) + (f"; and {rest} more" if rest else "")
    output = CLOCK.sub("", done.stdout)
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return " ".join(lines[-6:])[-600:] or f"dbt ended with code {done.returncode}"
