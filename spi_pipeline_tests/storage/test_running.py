"""Runs in progress, and how others notice that one was killed: its lock died with it, no clock is involved."""

from __future__ import annotations

import os

import pytest

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.storage.store import Store
from spi_pipeline_tests.storage import children
from spi_pipeline_tests.storage.conftest import Start


def test_listing_runs_creates_nothing(store: Store) -> None:
    assert store.runs_in_progress() == []
    assert not store.root.exists()


def test_a_run_is_in_progress_as_long_as_its_process_lives(store: Store, start: Start) -> None:
    process, pipe = start(children.hold_run, store.root)
    assert pipe.recv() == "begun"
    (run,) = store.runs_in_progress()
    assert (run.run_id, run.details, run.alive, run.trace) == ("r1", {"name": "refresh"}, True, None)
    process.kill()
    process.join(10)
    (run,) = store.runs_in_progress()
    assert (run.run_id, run.alive) == ("r1", False)
    store.ended("r1")
    assert store.runs_in_progress() == []
    assert list((store.root / "running").iterdir()) == []


def test_simultaneous_readers_do_not_mistake_each_other_for_the_run(store: Store) -> None:
    with store.running("r1", {}):
        pass
    descriptor = os.open(store.root / "running" / "r1.lock", os.O_RDONLY)
    try:
        children.take_shared_lock(descriptor)
        assert [each.alive for each in store.runs_in_progress()] == [False]
    finally:
        os.close(descriptor)


def test_the_trace_of_a_hung_process_outlives_its_record(store: Store) -> None:
    with store.running("r1", {}) as trace:
        trace.write_text("File a, line 1")
    assert [each.trace for each in store.runs_in_progress()] == [trace]
    store.ended("r1")
    assert store.runs_in_progress() == []
    assert trace.read_text() == "File a, line 1"


def test_a_record_that_cannot_be_written_is_reported(store: Store) -> None:
    store.root.mkdir(parents=True, exist_ok=True)
    (store.root / "running").touch()
    with pytest.raises(SpiError, match="running could not be written"):
        store.running("r1", {}).__enter__()
