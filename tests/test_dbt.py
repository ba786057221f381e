"""Models that changed build stored rows anew; models that did not only build what is new."""

from __future__ import annotations

import json
import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
import yaml

from flows.build import dbt, publish
from pipelines.home import Home
from pipelines.load.warehouse import prepare_warehouse


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
    dated_load(private_home, timedelta(days=1))
    dbt.build(private_home)  # what is loaded today would look older than that
    assert was_full(private_home)
    dated_load(private_home, timedelta(hours=-1))
    (private_home.data / "dbt" / "built_from").write_text("an older version's models")
    dbt.build(private_home)
    assert was_full(private_home)


def dated_load(place: Home, later: timedelta) -> None:
    """Leave one load behind, of a clock that is off by so much."""
    with duckdb.connect(str(place.warehouse)) as warehouse:
        warehouse.execute("delete from raw_bitget._dlt_loads where load_id = 'dated'")
        warehouse.execute(
            "insert into raw_bitget._dlt_loads by name select 'dated' as load_id, "
            "'bitget' as schema_name, 0 as status, ?::timestamptz as inserted_at",
            [datetime.now(UTC) + later],
        )


def test_a_load_of_tomorrow_is_noticed_until_it_is_past(prepared_home: Home):
    assert not dbt.has_load_to_come(prepared_home)
    for later, is_to_come in ((timedelta(days=1), True), (timedelta(hours=-1), False)):
        dated_load(prepared_home, later)
        assert dbt.has_load_to_come(prepared_home) == is_to_come


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
    for made_by in ("**/*.csv", "**/*__base.yml"):
        file = next(project.glob(made_by))
        file.write_text(file.read_text() + "\n")
        assert dbt.fingerprint(project) != before
        before = dbt.fingerprint(project)


# -- what was parsed once is never taken for what is there now

NAMES = ("first", "second")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of one model, which tells where each of its words comes from."""
    folder = tmp_path / "dbt_project"
    (folder / "models").mkdir(parents=True)
    (folder / "macros").mkdir()
    (folder / "seeds").mkdir()
    shutil.copyfile(dbt.DBT_PROJECT / "profiles.yml", folder / "profiles.yml")
    shutil.copyfile(dbt.DBT_PROJECT / "macros" / "as_of.sql", folder / "macros" / "as_of.sql")
    (folder / "dbt_project.yml").write_text(
        "{name: small, version: '1.0', profile: lookback, vars: {told: of the settings}}"
    )
    (folder / "macros" / "said.sql").write_text("{% macro said() %}'of a macro'{% endmacro %}")
    (folder / "seeds" / "seeded.csv").write_text("word\nof a seed\n")
    (folder / "models" / "told.sql").write_text(
        "select 'of a model' as model, {{ said() }} as macro, '{{ var(\"told\") }}' as setting,\n"
        "    word as seed, {{ as_of() }} as moment from {{ ref('seeded') }}"
    )
    (folder / "models" / "told.yml").write_text(
        "models: [{name: told, columns: [{name: seed, data_tests: [not_null]}]}]"
    )
    monkeypatch.setattr(dbt, "DBT_PROJECT", folder)
    return folder


def told(place: Home, as_of: datetime | None = None, *arguments: str) -> dict[str, object]:
    """What the one model of that project says, and how its file was parsed."""
    place.data.mkdir(parents=True, exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DBT_DEBUG", "true")
        done = dbt.run_dbt(place, ["build", "--no-write-json", *arguments], as_of)
    assert place.warehouse.exists(), done.stdout
    with duckdb.connect(str(place.warehouse), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        found = connection.execute("from marts.told")
        names = [column[0] for column in found.description or ()]
        (row,) = found.fetchall()
    anew = "Nothing changed, skipping partial parsing" not in done.stdout
    return dict(zip(names, row, strict=True)) | {"code": done.returncode, "anew": anew}


def test_another_home_and_another_moment_need_no_parsing(project: Path, tmp_path: Path):
    first, second = (Home(tmp_path / name) for name in NAMES)
    moment = datetime(2024, 2, 3, tzinfo=UTC)
    assert told(first)["anew"]
    found = told(second, moment)
    assert found["moment"] == moment and not found["anew"]
    found = told(second)
    assert found["moment"] > datetime.now(UTC) - timedelta(minutes=5) and not found["anew"]


def test_whatever_changed_is_read_anew(project: Path, tmp_path: Path):
    """Also where a file's time says that nothing did, and in a home that never saw the old one."""
    first, second = (Home(tmp_path / name) for name in NAMES)
    old = {
        "models/told.sql": ("model", "of a model"),
        "macros/said.sql": ("macro", "of a macro"),
        "dbt_project.yml": ("setting", "of the settings"),
        "seeds/seeded.csv": ("seed", "of a seed"),
    }
    assert dict(old.values()).items() <= told(first).items()
    for name, (_, words) in old.items():
        rewrite(project / name, words, f"new {words}")
    rewrite(project / "models" / "told.yml", "not_null", OTHER_TEST)
    new = {part: f"new {words}" for part, words in old.values()}
    for place in (second, first):
        found = told(place)
        assert new.items() <= found.items(), place
        assert found["code"] == 1, "a test that was changed did not run"
    assert told(second, None, "--vars", "{told: by hand}")["setting"] == "by hand"
    assert new.items() <= told(second).items()


OTHER_TEST = "{accepted_values: {arguments: {values: [other]}}}"


def rewrite(file: Path, old: str, new: str) -> None:
    """Other words in a file that looks as if nobody had touched it."""
    times = file.stat()
    file.write_text(file.read_text().replace(old, new))
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))


def test_every_unit_test_of_the_models_holds(prepared_home: Home):
    done = dbt.run_dbt(prepared_home, ["build", "--exclude-resource-type", "test"])
    nodes = dbt.read_results(dbt.target_folder(prepared_home) / dbt.RESULTS)
    broken = [node for node in nodes if node.broken]
    assert not broken, dbt.describe(broken, done)
    results = json.loads((dbt.target_folder(prepared_home) / dbt.RESULTS).read_text())["results"]
    held = [
        result["unique_id"].split(".")[-1]
        for result in results
        if result["unique_id"].startswith("unit_test.") and result["status"] == "pass"
    ]
    written = [
        test["name"]
        for file in (dbt.DBT_PROJECT / "models").rglob("*.yml")
        for test in yaml.safe_load(file.read_text()).get("unit_tests", ())
    ]
    assert sorted(held) == sorted(written) and written
