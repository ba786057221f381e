"""dbt's command line as `flows.build.dbt` starts it: a process of its own that is quick about its work.

What dbt remembers of a parsed project holds for every warehouse, and its results are written
without the manifest, which nothing reads.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from dbt.adapters.duckdb.credentials import DuckDBCredentials
from dbt.artifacts.schemas.run import RunExecutionResult
from dbt.cli.exceptions import DbtUsageException
from dbt.cli.main import dbtRunner

from flows.runtime.child import end_with_parent

RESULTS = "run_results.json"


def main(arguments: Sequence[str]) -> int:
    """Run dbt with those arguments, the target folder first; gives the process's exit code."""
    end_with_parent()
    target, *rest = arguments
    # The objects of a manifest stay until the end: to look among them for waste takes an eighth
    # of the time.
    gc.set_threshold(100_000, 20, 50)
    _forget_the_place()
    done = dbtRunner().invoke([*rest, "--target-path", target])
    if isinstance(done.result, RunExecutionResult):
        done.result.write(str(Path(target) / RESULTS))
    if isinstance(done.exception, DbtUsageException):  # every other error dbt has told itself
        print(done.exception)
    return 0 if done.success else 1


def _forget_the_place() -> None:
    """Leave the file's path out of what dbt compares to tell whether it has to parse anew.

    No model depends on it: a table's full name holds the file's name alone.
    """
    keys: Callable[[DuckDBCredentials], tuple[str, ...]] = DuckDBCredentials._connection_keys

    def without_path(self: DuckDBCredentials) -> tuple[str, ...]:
        return tuple(key for key in keys(self) if key != "path")

    setattr(DuckDBCredentials, keys.__name__, without_path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
