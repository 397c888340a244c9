"""Disks that fill up; the failures are injected, since file permissions do not stop an administrator."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.storage.store import Store
from spi_pipeline_tests.storage import children
from spi_pipeline_tests.storage.conftest import Start
from spi_pipeline_tests.storage.examples import built, scores

FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def filled(store: Store) -> Store:
    store.write("score", scores(1.0), fingerprint="f1", run_id="r1")
    store.append_run("check_result", "r1", scores(1.0))
    store.publish(built(1.0), fingerprint="old", run_id="r1")
    return store


def state(store: Store) -> tuple[object, ...]:
    return store.current("score"), store.read("score"), store.read_runs("check_result"), store.published_version()


def full_at(monkeypatch: pytest.MonkeyPatch, moment: int) -> None:
    """Make the ``moment``-th flush to disk from now, and all later ones, fail because the disk is full."""
    real, flushes = os.fsync, iter(range(1, 1000))

    def fsync(descriptor: int) -> None:
        if next(flushes) >= moment:
            raise FULL
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)


# Each action, and how often it flushes before readers could see any of its changes.
ACTIONS = [
    (children.write_new, 3),
    (children.keep_old, 1),
    (children.append_rows, 1),
    (children.publish_new, 4),
    (lambda store: store.quarantine("score", scores(-1.0), reason="range", results=[], run_id="r2"), 3),
]


@pytest.mark.parametrize(
    ("action", "moment"), [(action, moment) for action, last in ACTIONS for moment in range(1, last + 1)]
)
def test_a_full_disk_is_reported_and_changes_nothing(
    filled: Store,
    no_leftovers: Callable[[], bool],
    monkeypatch: pytest.MonkeyPatch,
    action: children.Action,
    moment: int,
) -> None:
    before = state(filled)
    full_at(monkeypatch, moment)
    with pytest.raises(SpiError, match=r"could not be written \(No space left on device\): free some disk space"):
        action(filled)
    monkeypatch.undo()
    assert no_leftovers()
    assert state(filled) == before
    action(filled)
    assert no_leftovers()


def test_a_disk_that_fills_up_during_a_write_leaves_no_partial_file(
    filled: Store, no_leftovers: Callable[[], bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    def write_half(path: Path, data: bytes) -> int:
        with path.open("wb") as file:
            file.write(data[: len(data) // 2])
        raise FULL

    before = state(filled)
    monkeypatch.setattr(Path, "write_bytes", write_half)
    with pytest.raises(SpiError, match="No space left on device"):
        children.write_new(filled)
    assert no_leftovers()
    assert state(filled) == before


def test_a_lock_is_released_if_its_holder_cannot_be_recorded(
    filled: Store, monkeypatch: pytest.MonkeyPatch, start: Start
) -> None:
    full_at(monkeypatch, 1)
    with pytest.raises(SpiError, match="No space left on device"):
        filled.lock().__enter__()
    _, pipe = start(children.hold_lock, filled.root)
    assert pipe.recv() == "held"


def test_a_database_too_large_for_the_disk_is_reported(
    filled: Store, no_leftovers: Callable[[], bool], start: Start
) -> None:
    _, pipe = start(children.publish_on_a_small_disk, filled.root)
    assert "could not be written" in pipe.recv()
    assert filled.published_version() == "old"
    assert no_leftovers()


def test_other_operating_system_errors_are_reported(filled: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(SpiError, match=r"current.json could not be read \(Input/output error\): check the folder"):
        filled.read("score")
    monkeypatch.undo()
    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(SpiError, match="could not be written"):
        filled.append_run("check_result", "r2", pa.table({"rule": ["key"]}))
