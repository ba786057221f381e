"""The child process in which `flows.build.dbt` runs dbt's command line.

It is faster than dbt's own: the parsed state of the project is valid for every warehouse, and the
results are written without the manifest, which is not used.
"""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from dbt.adapters.duckdb.credentials import DuckDBCredentials
from dbt.artifacts.schemas.run import RunExecutionResult
from dbt.cli.exceptions import DbtUsageException
from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest

from flows.build import selection
from flows.runtime.child import end_with_parent

RESULTS = "run_results.json"

WRITTEN = {"docs", "parse"}
"""The commands whose manifest is read; dbt does not write one that it was given."""


def main(target: str, *options: str) -> int:
    """Parse the project, wait for an order, run it, and return the exit code.

    `options` are those before dbt's command and those after it, with "--" between them. The order
    is one line of JSON on standard input: `command` (dbt's command with its own options) and, for a
    build that leaves models out, `unchanged` (see `selection.leave_out`).
    """
    # The objects of a manifest live until the end; collecting garbage among them takes an eighth
    # of the time.
    gc.set_threshold(100_000, 20, 50)
    _ignore_warehouse_path()
    before, after = _split([*options, "--target-path", target])
    parsed = dbtRunner().invoke([*before, "parse", "--no-write-json", *after])
    if not (line := sys.stdin.readline()):
        return 1  # the parent process has ended
    end_with_parent()
    order = json.loads(line)
    command: list[str] = order["command"]
    runner = dbtRunner()
    if isinstance(parsed.result, Manifest):
        runner = dbtRunner(manifest=parsed.result)
        if WRITTEN & set(command):
            manifest = str(Path(target) / "manifest.json")
            parsed.result.write(manifest)  # type: ignore[no-untyped-call]
        if order["unchanged"]:
            selection.leave_out(parsed.result, **order["unchanged"])
            command += ["--exclude", f"tag:{selection.TAG}", "--indirect-selection", "empty"]
    done = runner.invoke([*before, *command, *after])
    if isinstance(done.result, RunExecutionResult):
        done.result.write(str(Path(target) / RESULTS))
    if isinstance(done.exception, DbtUsageException):  # dbt prints all other errors
        print(done.exception)
    return 0 if done.success else 1


def _split(arguments: Sequence[str]) -> list[list[str]]:
    """The arguments in groups, without the "--" between them."""
    groups: list[list[str]] = [[]]
    for argument in arguments:
        if argument == "--":
            groups.append([])
        else:
            groups[-1].append(argument)
    return groups


def _ignore_warehouse_path() -> None:
    """Let dbt reuse a parsed state with another path of the warehouse.

    No model depends on the path: a table's full name has only the file's name.
    """
    keys: Callable[[DuckDBCredentials], tuple[str, ...]] = DuckDBCredentials._connection_keys

    def without_path(self: DuckDBCredentials) -> tuple[str, ...]:
        return tuple(key for key in keys(self) if key != "path")

    setattr(DuckDBCredentials, keys.__name__, without_path)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
