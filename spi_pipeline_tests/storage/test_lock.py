"""The lock of a store: one writer at a time, released when its holder ends, and refused for another layout."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.storage.lock import exclusive
from spi_pipeline.storage.store import LAYOUT, Store
from spi_pipeline_tests.storage import children
from spi_pipeline_tests.storage.conftest import Start


def test_a_second_process_is_refused_at_once_with_the_holder_and_since_when(store: Store, start: Start) -> None:
    process, pipe = start(children.hold_lock, store.root)
    assert pipe.recv() == "held"
    with pytest.raises(SpiError, match=rf"{store.root} is being written by process {process.pid} since 20\d\d-"):
        store.lock().__enter__()
    (store.root / "refresh.holder.json").unlink()
    with pytest.raises(SpiError, match="is being written by another process"):
        store.lock().__enter__()
    pipe.send("let go")
    process.join(10)
    with store.lock():
        assert f'"pid": {os.getpid()}' in (store.root / "refresh.holder.json").read_text()


def test_a_waiting_process_gets_the_lock_when_its_holder_ends(store: Store, start: Start) -> None:
    process, pipe = start(children.hold_lock, store.root)
    assert pipe.recv() == "held"
    with pytest.raises(SpiError, match=f"is being written by process {process.pid} since"):
        store.lock(wait=0.1).__enter__()
    threading.Timer(0.2, process.kill).start()
    with store.lock(wait=60):
        assert f'"pid": {os.getpid()}' in (store.root / "refresh.holder.json").read_text()


def test_a_store_that_cannot_be_created_is_not_reported_as_locked() -> None:
    with pytest.raises(
        SpiError, match=r"The store /proc/spi does not exist and cannot be created .*: set SPI_STORE to"
    ):
        Store(Path("/proc/spi")).lock().__enter__()


def test_the_lock_dies_with_its_holder(store: Store, start: Start) -> None:
    process, pipe = start(children.hold_lock, store.root)
    assert pipe.recv() == "held"
    process.kill()
    process.join(10)
    assert (store.root / "refresh.holder.json").exists()
    with store.lock():
        pass
    assert not (store.root / "refresh.holder.json").exists()


def test_a_process_can_take_its_own_lock_again(store: Store, start: Start) -> None:
    seen: list[bool] = []

    def other_thread() -> None:
        with Store(store.root).lock():
            seen.append((store.root / "refresh.holder.json").exists())

    with store.lock():
        with store.lock(), Store(Path(store.root)).lock():
            pass
        thread = threading.Thread(target=other_thread)
        thread.start()
        thread.join(10)
        assert seen == [True]
        assert (store.root / "refresh.holder.json").exists()
    _, pipe = start(children.hold_lock, store.root)
    assert pipe.recv() == "held"


def test_the_lock_is_released_when_the_work_fails(store: Store, start: Start) -> None:
    with pytest.raises(ZeroDivisionError), store.lock():
        raise ZeroDivisionError
    _, pipe = start(children.hold_lock, store.root)
    assert pipe.recv() == "held"


def test_taking_the_lock_removes_leftovers_of_killed_processes_and_nothing_else(store: Store) -> None:
    left = [
        "refresh.holder.json.tmp-1", "spi.duckdb.tmp-22", "published/v1.tmp-333/spi.duckdb", "published/current.tmp-4",
        "tables/score/aa.parquet.tmp-5", "quarantine/score/aa.json.tmp-6", "runs/check_result/r.parquet.tmp-7",
    ]  # fmt: skip
    kept = ["dagster/x.tmp-1", "inbox/ofcom/x.tmp-1", "published/v1/spi.duckdb", "notes.tmp-draft"]
    for name in left + kept:
        (store.root / name).parent.mkdir(parents=True, exist_ok=True)
        (store.root / name).touch()
    with store.lock():
        remaining = {str(path.relative_to(store.root)) for path in store.root.rglob("*") if path.is_file()}
    assert remaining == {*kept, "layout", "refresh.lock", "refresh.holder.json"}
    assert not (store.root / "published/v1.tmp-333").exists()


def test_a_root_that_cannot_be_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for root in (tmp_path / "file", tmp_path / "file" / "store"):
        with pytest.raises(SpiError, match=r"/file is a file, but the store must be a folder: move it"):
            Store(root)


def test_taking_the_lock_records_the_layout_number(store: Store) -> None:
    with store.lock():
        assert (store.root / "layout").read_text() == f"{LAYOUT}\n"
    written = (store.root / "layout").stat().st_mtime_ns
    with store.lock():
        assert (store.root / "layout").stat().st_mtime_ns == written, "the number is written only once"


@pytest.mark.parametrize("recorded", [f"{LAYOUT + 1}\n", "one\n", "\n"])
def test_a_store_of_another_layout_is_neither_written_nor_read(store: Store, recorded: str) -> None:
    (store.root / "layout").parent.mkdir(parents=True, exist_ok=True)
    (store.root / "layout").write_text(recorded)
    message = f"has layout {recorded.strip()!r} of a newer version of this program"
    with pytest.raises(SpiError, match=message):
        store.lock().__enter__()
    with pytest.raises(SpiError, match=message):
        store.current("score")
    with exclusive(store.root):
        assert (store.root / "layout").read_text() == recorded, "the lock is free, and nothing changed"
