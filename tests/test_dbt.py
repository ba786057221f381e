"""Models that changed build stored rows anew; models that did not only build what is new."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import duckdb

from flows import dbt, publish
from pipelines.home import Home
from pipelines.load import prepare_warehouse


def was_full(place: Home) -> bool:
    results = json.loads((dbt.target_folder(place) / "run_results.json").read_text())
    return bool(results["args"].get("full_refresh"))


def test_rows_are_built_anew_only_where_the_models_changed(private_home: Home):
    prepare_warehouse(private_home)
    dbt.build(private_home)
    assert was_full(private_home)
    every_view_opens(publish.publish(private_home))
    dbt.build(private_home)
    assert not was_full(private_home)
    (private_home.data / "dbt" / "built_from").write_text("an older version's models")
    dbt.build(private_home)
    assert was_full(private_home)


def every_view_opens(published: Path) -> None:
    """The published file has another name than the one its views were made in."""
    with duckdb.connect() as connection:
        connection.execute(f"attach '{published}' as history (read_only)")
        views = connection.execute(
            "select schema_name, view_name from duckdb_views() where database_name = 'history'"
        ).fetchall()
        assert len(views) > 20
        for schema, view in views:
            connection.execute(f'select * from history."{schema}"."{view}" limit 1')


def test_the_fingerprint_follows_what_makes_rows(tmp_path: Path):
    project = tmp_path / "project"
    shutil.copytree(dbt.DBT_PROJECT, project, ignore=shutil.ignore_patterns("target", "logs"))
    before = dbt.fingerprint(project)
    (project / "README.md").write_text("words")
    (project / "target").mkdir()
    (project / "target" / "compiled.sql").write_text("select 1")
    assert dbt.fingerprint(project) == before
    seed = next(project.glob("seeds/*.csv"))
    seed.write_text(seed.read_text() + "\n")
    assert dbt.fingerprint(project) != before
