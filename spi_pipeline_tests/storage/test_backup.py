"""A backup is complete, verified and safe to take during writes; restoring is one move and destroys nothing."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pytest

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.storage.retention import Retention
from spi_pipeline.storage.store import Store
from spi_pipeline_tests.storage.examples import built, scores

KEEP = Retention(runs=2, versions=1, downloads=0, refused=1, publications=1)


@pytest.fixture
def filled(store: Store) -> Store:
    with store.lock():
        store.write("score", scores(1.0), fingerprint="f1", run_id="r1")
        store.append_run("run", "r1", pa.table({"n": [1]}))
        store.publish(built(1.0), fingerprint="p1", run_id="r1")
    store.dagster_home.mkdir()
    with closing(sqlite3.connect(store.dagster_home / "runs.db")) as connection:
        connection.execute("CREATE TABLE runs (id)")
        connection.execute("INSERT INTO runs VALUES (1)")
        connection.commit()
    return store


def contents(root: Path) -> dict[str, tuple[bytes, int]]:
    left_out = ("backup.json", "refresh.lock")
    return {
        str(path.relative_to(root)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in root.rglob("*")
        if path.is_file() and path.suffix != ".db" and path.name not in left_out
    }


def test_restoring_a_backup_recovers_every_byte_and_timestamp(filled: Store, tmp_path: Path) -> None:
    size = filled.back_up(tmp_path / "copy")
    assert size > sum(len(content) for content, _ in contents(filled.published.resolve()).values())
    other = Store(tmp_path / "other")
    assert other.restore(tmp_path / "copy", replace=False) is None
    assert contents(other.root) == contents(filled.root)
    assert other.published_version() == "p1"
    assert str(other.database.readlink()) == "published/current/spi.duckdb"
    with closing(sqlite3.connect(other.dagster_home / "runs.db")) as connection:
        assert connection.execute("SELECT * FROM runs").fetchall() == [(1,)]


def test_restoring_refuses_an_existing_store_or_moves_it_aside(filled: Store, tmp_path: Path) -> None:
    filled.back_up(tmp_path / "copy")
    filled.write("score", scores(2.0), fingerprint="f2", run_id="r2")
    with pytest.raises(SpiError, match="exists and is not empty: give --replace"):
        filled.restore(tmp_path / "copy", replace=False)
    assert Store(filled.root).read("score").equals(scores(2.0))
    aside = filled.restore(tmp_path / "copy", replace=True)
    assert aside is not None
    assert Store(filled.root).read("score").equals(scores(1.0))
    assert Store(aside).read("score").equals(scores(2.0))


@pytest.mark.parametrize("at", [0.0, 0.5, 0.99])
def test_a_damaged_backup_is_refused_and_the_store_is_unchanged(filled: Store, tmp_path: Path, at: float) -> None:
    filled.back_up(tmp_path / "copy")
    files = [path for path in (tmp_path / "copy").rglob("*") if path.is_file() and not path.is_symlink()]
    before = contents(filled.root)
    for file in files:
        whole = file.read_bytes()
        place = int(at * len(whole))
        file.chmod(0o644)
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(SpiError, match=r"does not hold what was backed up|backup\.json is damaged"):
            filled.restore(tmp_path / "copy", replace=True)
        file.write_bytes(whole)
    assert contents(filled.root) == before
    assert {path.name for path in tmp_path.iterdir()} == {"copy", "store"}


def test_a_folder_that_is_not_a_backup_is_distinguished_from_a_damaged_backup(filled: Store, tmp_path: Path) -> None:
    with pytest.raises(SpiError, match=r"There is no folder .*/none: name the folder of a backup"):
        filled.restore(tmp_path / "none", replace=True)
    (tmp_path / "letters").mkdir()
    with pytest.raises(SpiError, match=r"letters is not a backup, since it holds no backup\.json"):
        filled.restore(tmp_path / "letters", replace=True)
    (tmp_path / "letters" / "backup.json").write_text("{}")
    with pytest.raises(SpiError, match=r"letters/backup\.json is damaged"):
        filled.restore(tmp_path / "letters", replace=True)


def test_a_backup_overwrites_nothing(filled: Store, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter").write_text("dear")
    with pytest.raises(SpiError, match="exists and is not empty: name another folder"):
        filled.back_up(tmp_path / "full")
    with pytest.raises(SpiError, match="is inside the store"):
        filled.back_up(filled.root / "copy")
    with pytest.raises(SpiError, match="There is no store"):
        Store(tmp_path / "none").back_up(tmp_path / "copy")
    assert {path.name for path in tmp_path.iterdir()} == {"full", "store"}


def test_backups_taken_during_writes_and_pruning_are_complete(filled: Store, tmp_path: Path) -> None:
    ended = threading.Event()

    def write() -> None:
        writer, number = Store(filled.root), 2.0
        while not ended.is_set():
            sha256 = writer.write("score", scores(number), fingerprint=f"f{number}", run_id="r2").sha256
            writer.append_run("run", "r2", pa.table({"n": [int(number)]}))
            if number % 5 == 0:
                made_of = {"score": sha256}
                writer.publish(built(number), fingerprint=f"p{int(number)}", run_id="r2", made_of=made_of)
            writer.prune(KEEP)
            number += 1

    thread = threading.Thread(target=write)
    thread.start()
    try:
        taken = 0
        for number in range(12):
            try:
                filled.back_up(tmp_path / f"copy{number}")
            except SpiError as error:
                if "changed faster than it could be copied" not in str(error):
                    raise
                continue
            taken += 1
            copy = Store(tmp_path / f"restored{number}")
            copy.restore(tmp_path / f"copy{number}", replace=False)
            assert [problem for problem in copy.damage(deep=True) if "no reader sees it" not in problem] == []
            assert copy.read("score").num_rows == 2
            assert copy.published_version()
    finally:
        ended.set()
        thread.join()
    assert taken
