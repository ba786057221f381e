"""The dlt pipelines: one for each account, with its own working folder, into one warehouse."""

from __future__ import annotations

import hashlib
import logging
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb

from pipelines.home import Home
from pipelines.load.tables import all_tables
from pipelines.spec import ExchangeSpec

log = logging.getLogger(__name__)

LONGEST_NAME = 80
"""Characters of an account that name its working folder: a file may say anything of whose it is."""


def account_pipeline(home: Home, spec: ExchangeSpec, account_id: str) -> Any:
    """The dlt pipeline of one account, with its own working folder."""
    return pipeline_named(home, spec, pipeline_name(account_id))


def pipeline_name(of: str) -> str:
    """The name of the working folder of an account, or of something else that is loaded."""
    name = re.sub(r"[^a-z0-9]+", "_", f"lookback_{of}".lower())
    if len(name) <= LONGEST_NAME:
        return name
    return f"{name[:LONGEST_NAME]}_{hashlib.sha256(of.encode(errors='replace')).hexdigest()[:16]}"


def pipeline_named(home: Home, spec: ExchangeSpec, name: str) -> Any:
    """A dlt pipeline into the raw schema of one exchange."""
    import dlt

    return dlt.pipeline(
        pipeline_name=name,
        pipelines_dir=str(home.dlt_state),
        destination=dlt.destinations.duckdb(str(home.warehouse)),
        dataset_name=f"raw_{spec.name}",
    )


def load_source(pipeline: Any, source: Any, *, all_tables: bool = False) -> None:
    """Extract, normalize and load a source in one go.

    `all_tables` also creates the tables of the source's schema that get no rows.
    """
    forget_unfinished_extracts(pipeline)
    pipeline.extract(source, loader_file_format="parquet")
    pipeline.normalize()
    if all_tables:
        pipeline.sync_schema()
    pipeline.load()


def finish_pending(home: Home, spec: ExchangeSpec) -> None:
    """Load the packages that killed runs of this exchange left behind.

    A copy into staging that was done but not noted is done again, and the merge compares with
    the table only: the doubles that can come of it are removed.
    """
    for folder in sorted(home.dlt_state.glob(f"{pipeline_name(spec.name)}_*")):
        pipeline = pipeline_named(home, spec, folder.name)
        if not pipeline.has_pending_data:
            continue
        log.info("finishing a load that was cut off: %s", folder.name)
        pipeline.normalize()
        pending = pipeline.list_normalized_load_packages()
        pipeline.load()
        with duckdb.connect(str(home.warehouse)) as connection:
            for table in all_tables(spec):
                _remove_doubles(connection, f"raw_{spec.name}.{table.name}", table.key, pending)


def _remove_doubles(
    connection: duckdb.DuckDBPyConnection, table: str, key: Iterable[str], load_ids: Iterable[str]
) -> None:
    connection.execute(
        f"""
        delete from {table}
        where _dlt_load_id in (select unnest(?)) and rowid not in (
            select min(rowid) from {table} group by {", ".join(key)}
        )
        """,
        [list(load_ids)],
    )


def forget_unfinished_extracts(pipeline: Any) -> None:
    """An extraction that was killed leaves a folder that nothing will ever read."""
    normalize_folder = Path(pipeline.working_dir) / "normalize"
    if normalize_folder.is_dir():
        for folder in normalize_folder.iterdir():
            if folder.is_dir() and folder.name != "extracted":
                shutil.rmtree(folder, ignore_errors=True)
