"""A process killed just before each change it makes to the file system: readers see old or new, never a mixture."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import duckdb
import pytest

from spi_pipeline.storage.store import Store
from spi_pipeline_tests.storage import children
from spi_pipeline_tests.storage.conftest import Start
from spi_pipeline_tests.storage.examples import built, fetched, scores


def prepare_nothing(store: Store) -> None:
    store.root.mkdir()


def prepare_old(store: Store) -> None:
    store.write("score", scores(1.0), fingerprint="f1", run_id="r1")
    store.append_run("check_result", "r1", scores(1.0))
    fetched(store, "2026-01", "r1")
    for version in ("older", "old"):
        store.publish(built(1.0), fingerprint=version, run_id="r1")


def visible_state(store: Store) -> tuple[object, ...]:
    """Everything that readers see, except times, which differ from run to run."""
    version = store.current("score")
    records = store.read_runs("check_result")
    downloads = store.raw("census").current()
    published = store.published_version()
    rows = None
    if published:
        with duckdb.connect(str(store.database), read_only=True) as connection:
            rows = connection.execute("SELECT * FROM score").fetchall()
    return (
        version and (version.sha256, version.run_id, version.stale_reason, store.read("score").to_pylist()),
        records and records.to_pylist(),
        downloads and ([one.sha256 for one in downloads.downloads], downloads.fetched_in),
        store.raw("census").failure(),
        published,
        rows,
    )


@pytest.mark.parametrize(
    ("prepare", "action"),
    [
        (prepare_nothing, children.write_under_lock),
        (prepare_old, children.write_new),
        (prepare_old, children.keep_old),
        (prepare_old, children.append_rows),
        (prepare_nothing, children.complete_downloads),
        (prepare_old, children.complete_downloads),
        (prepare_old, children.fail_to_fetch),
        (prepare_nothing, children.publish_new),
        (prepare_old, children.publish_new),
    ],
)
def test_a_process_killed_at_any_moment_leaves_the_old_state_or_the_new(
    tmp_path: Path,
    start: Start,
    monkeypatch: pytest.MonkeyPatch,
    prepare: children.Action,
    action: children.Action,
) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)
    prepare(Store(tmp_path / "before"))
    shutil.copytree(tmp_path / "before", tmp_path / "after", symlinks=True)
    action(Store(tmp_path / "after"))
    before, after = visible_state(Store(tmp_path / "before")), visible_state(Store(tmp_path / "after"))
    assert before != after

    states = []
    for moment in range(1, 100):
        root = tmp_path / f"killed-{moment}"
        shutil.copytree(tmp_path / "before", root, symlinks=True)
        child, _ = start(children.die_at, root, action, moment)
        child.join(30)
        store = Store(root)
        states.append(visible_state(store))
        if child.exitcode == 0:
            break
        assert child.exitcode == -signal.SIGKILL
        with store.lock():
            assert not [path for path in root.rglob("*.tmp-*") if path.name != "refresh.holder.json"]
            if action is not children.append_rows or states[-1] == before:
                action(store)
        assert visible_state(store) == after
    assert child.exitcode == 0
    turn = states.index(after)
    assert states == [before] * turn + [after] * (len(states) - turn)
    assert 3 < turn < len(states) - 1
