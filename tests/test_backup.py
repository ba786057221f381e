"""A lost or damaged warehouse comes back from the published file or from a backup."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from flows.build import backup, publish
from flows.runtime import lock
from pipelines.errors import LookbackError
from pipelines.home import Home
from tests.conftest import run_cli


def receive(place: Home, *receipts: str) -> None:
    """Store receipts of an API, as a sync does."""
    with duckdb.connect(str(place.warehouse)) as connection:
        connection.execute("create schema if not exists raw_bitmex")
        connection.execute(
            "create table if not exists raw_bitmex.receipts (receipt_id text, origin text)"
        )
        connection.executemany(
            "insert into raw_bitmex.receipts values (?, 'api')", [[name] for name in receipts]
        )


def receipts_in(path: Path) -> set[str]:
    with duckdb.connect(str(path), read_only=True) as connection:
        rows = connection.execute("select receipt_id from raw_bitmex.receipts").fetchall()
    return {name for (name,) in rows}


@pytest.fixture
def place(private_home: Home) -> Home:
    receive(private_home, "first", "second")
    publish.publish(private_home)
    return private_home


def test_a_lost_warehouse_is_restored_from_the_published_file(place: Home) -> None:
    place.warehouse.unlink()
    assert backup.restore_if_lost(place)
    assert receipts_in(place.warehouse) == {"first", "second"}
    assert not backup.restore_if_lost(place)
    place.warehouse.write_bytes(b"")  # as a full disk leaves it
    assert backup.restore_if_lost(place)
    assert receipts_in(place.warehouse) == {"first", "second"}


def test_a_sync_restores_before_it_asks(place: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    for field, value in {"EXCHANGE": "bitmex", "KEY": "k", "SECRET": "s"}.items():
        monkeypatch.setenv(f"ACCOUNTS__MAIN__{field}", value)
    place.warehouse.unlink()
    from flows import sync

    def stop(place: Home, exchanges: set[str]) -> None:
        raise InterruptedError

    monkeypatch.setattr(sync, "prepare_warehouse", stop)
    with pytest.raises(InterruptedError):
        sync.sync.fn(())
    assert receipts_in(place.warehouse) == {"first", "second"}


def test_a_poorer_warehouse_is_never_published(place: Home) -> None:
    place.warehouse.unlink()
    receive(place, "second", "third")
    with pytest.raises(LookbackError, match=r"lacks 1 of the receipts.*lookback restore"):
        publish.publish(place)
    assert receipts_in(place.published) == {"first", "second"}


def test_a_damaged_warehouse_names_the_way_back_which_works(place: Home) -> None:
    place.warehouse.write_bytes(b"damaged" * 4096)
    refused = pytest.raises(LookbackError, match=r"cannot be opened.*lookback restore")
    with refused, lock.run_lock(place, "sync"):
        pass
    done = run_cli(["restore"])
    assert done.returncode == 0, done.stderr
    assert receipts_in(place.warehouse) == {"first", "second"}
    [kept] = place.data.glob("warehouse-*.duckdb")
    assert kept.read_bytes().startswith(b"damaged")


def test_a_backup_is_a_whole_warehouse_to_restore(place: Home) -> None:
    receive(place, "third")
    done = run_cli(["backup"])
    assert done.returncode == 0, done.stderr
    [file] = (place.data / "backups").iterdir()
    assert file.stat().st_mode & 0o077 == 0
    receive(place, "wrong")
    done = run_cli(["restore", str(file)])
    assert done.returncode == 0, done.stderr
    assert receipts_in(place.warehouse) == {"first", "second", "third"}


def test_an_older_backup_does_not_hide_what_is_published(place: Home) -> None:
    file = backup.back_up(place)
    receive(place, "third")
    publish.publish(place)
    with pytest.raises(LookbackError, match="lacks 1 of the receipts"):
        backup.restore(place, file)
    assert receipts_in(place.warehouse) == {"first", "second", "third"}


def test_a_file_without_records_is_not_restored(place: Home, tmp_path: Path) -> None:
    empty = tmp_path / "empty.duckdb"
    duckdb.connect(str(empty)).close()
    with pytest.raises(LookbackError, match="holds no records"):
        backup.restore(place, empty)
    with pytest.raises(LookbackError, match="no such file"):
        backup.restore(place, tmp_path / "nothing")
    assert receipts_in(place.warehouse) == {"first", "second"}
