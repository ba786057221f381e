"""The child process in which `flows.build.dbt` runs dbt's command line.

It is faster than dbt's own: the parsed state of the project is valid for every warehouse, and the
results are written without the manifest, which is not used.
"""

from __future__ import annotations

import gc
import os
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


def main(target: str, *arguments: str) -> int:
    """Run dbt and return the exit code.

    `arguments` are dbt's options, its command with the options of that command alone, and the
    options that all commands take, with "--" between them.
    """
    end_with_parent()
    # The objects of a manifest live until the end; collecting garbage among them takes an eighth
    # of the time.
    gc.set_threshold(100_000, 20, 50)
    _ignore_warehouse_path()
    before, command, after = _split([*arguments, "--target-path", target])
    runner = dbtRunner()
    if file := os.environ.get(selection.UNCHANGED):
        parsed = dbtRunner().invoke([*before, "parse", "--no-write-json", *after])
        if isinstance(parsed.result, Manifest):
            selection.leave_out(parsed.result, file)
            runner = dbtRunner(manifest=parsed.result)
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
