"""Dagster's history stays small, keeps the latest event of every asset, and is set aside if it is damaged."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from spi_pipeline.orchestration import history
from spi_pipeline.orchestration.history import damage, set_aside_folders
from spi_pipeline.orchestration.instance import open_instance, renew, tidy
from spi_pipeline.orchestration.watching.status import status_of
from spi_pipeline.storage.retention import Retention
from spi_pipeline.storage.store import Store
from spi_pipeline_tests.integration.sandboxes import Sandbox
from spi_pipeline_tests.integration.years import years

KEEP = Retention(runs=2, versions=0, downloads=0, refused=1, publications=0)


@dg.multi_asset(specs=[dg.AssetSpec("always")], check_specs=[dg.AssetCheckSpec("one", asset="always")])
def always() -> Iterator[dg.MaterializeResult[Any]]:
    result = dg.AssetCheckResult(check_name="one", asset_key="always", passed=True)
    yield dg.MaterializeResult("always", metadata={"text": "x" * 20_000}, check_results=[result])


@dg.asset
def once() -> None:
    pass


def run_assets(home: Path, *names: str) -> str:
    run_id = str(uuid.uuid4())
    picked = dg.define_asset_job("job", list(names) or "*")
    job = dg.Definitions(assets=[always, once], jobs=[picked]).resolve_job_def("job")
    with open_instance(home, run_id=run_id) as instance:
        assert job.execute_in_process(instance=instance, run_id=run_id).success
    return run_id


def history_bytes(home: Path) -> int:
    return sum(file.stat().st_size for file in (home / "history").iterdir())


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_tidying_retains_the_latest_event_of_every_asset_and_shrinks_the_file(store: Store) -> None:
    home = store.dagster_home
    first, *others = [run_assets(home), *(run_assets(home, "always") for _ in range(12))]
    before = history_bytes(home)
    with open_instance(home) as instance:
        freed = tidy(instance, store, KEEP, dry=True)[1]
        assert tidy(instance, store, KEEP)[1] == freed > 10 * 20_000
        assert tidy(instance, store, KEEP)[1] == 0
        assert {run.run_id for run in instance.get_runs()} == {first, *others[-2:]}
        last = instance.get_latest_materialization_event(dg.AssetKey("once"))
        assert last is not None
        assert last.run_id == first
        check = dg.AssetCheckKey(dg.AssetKey("always"), "one")
        (latest,) = instance.event_log_storage.get_latest_asset_check_execution_by_key([check]).values()
        assert latest.run_id == others[-1]
        assert len(instance.get_records_for_run(others[-1]).records) > 5
        assert [instance.get_job_snapshot(run.job_snapshot_id or "").name for run in instance.get_runs()] == ["job"] * 3
    assert history_bytes(home) < 0.6 * before, "empty databases alone take a third"
    run_assets(home)


def test_runs_of_others_in_a_shared_instance_are_retained(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    theirs = {run_assets(tmp_path) for _ in range(4)}
    with open_instance(store.dagster_home) as instance:
        assert tidy(instance, store, KEEP)[1] == 0
        assert {run.run_id for run in instance.get_runs()} == theirs


def garbage(file: Path) -> None:
    file.write_bytes(b"no database at all " * 500)


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def torn(file: Path) -> None:
    data = file.read_bytes()
    file.write_bytes(data[: len(data) // 2])


def unreadable(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        for table, column in (("runs", "run_body"), ("event_logs", "event"), ("asset_keys", "last_materialization")):
            present = connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone()
            if present:
                connection.execute(f"UPDATE {table} SET {column} = substr({column}, 3)")
        connection.commit()


@pytest.mark.parametrize("name", ["history/runs.db", "history/event_log.db", "schedules/schedules.db"])
@pytest.mark.parametrize("how", [garbage, emptied, torn])
def test_a_damaged_database_is_set_aside_and_a_new_one_is_begun(
    store: Store, name: str, how: Callable[[Path], None]
) -> None:
    home = store.dagster_home
    run_assets(home)
    assert damage(home) == []
    how(home / name)
    (message,) = renew(home)
    (place,) = set_aside_folders(home)
    assert message.startswith(f"Dagster's history is damaged ({home / name}: ")
    assert message.endswith(f"it was set aside as {place} and a new one was begun; no figure depends on it")
    assert (place / Path(name).name).exists()
    run_assets(home)
    assert damage(home, deep=True) == []


@pytest.mark.parametrize("name", ["history/runs.db", "history/event_log.db"])
@pytest.mark.parametrize("how", [garbage, unreadable])
def test_a_refresh_continues_with_a_new_history(sandbox: Sandbox, name: str, how: Callable[[Path], None]) -> None:
    sandbox.make_due("target/target")
    how(sandbox.store.dagster_home / name)
    done = sandbox.refresh()
    assert done.faults == []
    assert [outcome.state for outcome in done.outcomes] == ["written", "published"]
    (message,) = done.notices
    assert "was set aside as" in message
    assert status_of(sandbox.settings)["healthy"]


def test_status_reports_a_damaged_history_and_leaves_it(sandbox: Sandbox) -> None:
    garbage(sandbox.store.dagster_home / "history" / "runs.db")
    status = status_of(sandbox.settings)
    assert not status["healthy"]
    (message,) = status["damage"]
    assert message.endswith("spi refresh sets it aside and begins a new one")
    assert set_aside_folders(sandbox.store.dagster_home) == []


def test_a_history_that_seems_damaged_for_a_moment_is_checked_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_assets(store.dagster_home)
    torn_once = iter(["database disk image is malformed"])
    seen = history._seen
    monkeypatch.setattr(history, "_seen", lambda *arguments: next(torn_once, None) or seen(*arguments))
    assert damage(store.dagster_home) == []


def test_a_refresh_sets_a_damaged_record_of_an_earlier_run_aside(sandbox: Sandbox) -> None:
    sandbox.make_due("target/target")
    (file, *_) = (sandbox.store.root / "runs" / "run").iterdir()
    file.write_bytes(file.read_bytes()[:-1])
    done = sandbox.refresh()
    assert done.faults == []
    assert [notice.partition(" was damaged")[0] for notice in done.notices] == [str(file)]
    assert status_of(sandbox.settings)["healthy"]


def test_daily_refreshes_retain_no_more_than_the_settings_allow(sandbox: Sandbox) -> None:
    keeping = {"keep_runs": 2, "keep_versions": 0, "keep_publications": 0}
    kept = Sandbox(sandbox.settings.model_copy(update=keeping))
    days = list(years(kept, 4))
    assert [day.faults for day in days] == [[]] * 4
    assert all(day.steps > 5 for day in days[1:])
    assert days[3].bytes["tables"] < 1.05 * days[1].bytes["tables"]
    assert days[3].bytes["runs"] < 1.2 * days[2].bytes["runs"]
    assert days[3].bytes["dagster"] < 1.2 * days[2].bytes["dagster"]
    with open_instance(kept.store.dagster_home) as instance:
        keys = instance.all_asset_keys()
        assert len(keys) > 100
        assert all(map(instance.get_latest_materialization_event, keys)), "the UI still knows every asset"
    assert kept.store.damage(deep=True) == []
    assert kept.refresh().stale == [], "pruning makes nothing due"
