"""The Dagster instance of a store: the pipeline sets its settings, Dagster keeps its history, and that stays small."""

from __future__ import annotations

import ast
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

import spi_pipeline
from spi_pipeline.orchestration.asset_checks import CHECKS
from spi_pipeline.orchestration.assets import table_keys
from spi_pipeline.orchestration.instance import open_instance
from spi_pipeline.rules.kinds import family_of
from spi_pipeline.run.plan import build_plan
from spi_pipeline_tests.integration.sandboxes import Sandbox, refreshed_once

# Settings written by an earlier version of the pipeline, with a class that no longer exists.
EARLIER_SETTINGS = """\
telemetry:
  enabled: false
event_log_storage:
  module: spi_pipeline.orchestration.instance
  class: PooledEventLogStorage
  config:
    base_dir: {home}/history/runs
"""
# For 134 assets and their 493 checks. Empty evaluations alone take about 5 MB, because Dagster stores each twice.
MOST_MEGABYTES = 10


@dg.multi_asset(specs=[dg.AssetSpec("trivial")], check_specs=[dg.AssetCheckSpec("one", asset="trivial")])
def trivial() -> Iterator[dg.MaterializeResult[Any]]:
    yield dg.MaterializeResult(check_results=[dg.AssetCheckResult(check_name="one", passed=True)])


def run_asset(home: Path) -> str:
    """Run one asset on the instance in a folder and return the id of the run."""
    run_id = str(uuid.uuid4())
    job = dg.Definitions(assets=[trivial]).resolve_implicit_global_asset_job_def()
    with open_instance(home, run_id=run_id) as instance:
        assert job.execute_in_process(instance=instance, run_id=run_id).success
    return run_id


@pytest.mark.parametrize("name", ["plain", "#1 of 50% off", "a b", "it's", "ü"])
def test_a_store_can_be_in_a_folder_of_any_name(tmp_path: Path, name: str) -> None:
    home = tmp_path / name / "dagster"
    run_id = run_asset(home)
    with open_instance(home) as instance:
        assert (
            len(instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION).records) == 1
        )
    assert {path.name for path in (home / "history").iterdir()} == {"event_log.db", "runs.db"}  # nothing is left open
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("named", [False, True], ids=["alone", "named by DAGSTER_HOME"])
def test_settings_of_an_earlier_version_are_replaced_and_the_history_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: bool
) -> None:
    if named:
        monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    run_id = run_asset(tmp_path)
    settings = tmp_path / "dagster.yaml"
    expected = settings.read_text(encoding="utf-8")
    settings.write_text(EARLIER_SETTINGS.format(home=tmp_path), encoding="utf-8")
    with open_instance(tmp_path) as instance:
        (run,) = instance.get_runs()
        assert (run.run_id, run.status) == (run_id, dg.DagsterRunStatus.SUCCESS)
        assert instance.get_latest_materialization_event(dg.AssetKey("trivial"))
    assert settings.read_text(encoding="utf-8") == expected


def test_a_store_with_a_file_for_each_run_keeps_that_layout_and_its_history(tmp_path: Path) -> None:
    job = dg.Definitions(assets=[trivial]).resolve_implicit_global_asset_job_def()
    with dg.DagsterInstance.local_temp(str(tmp_path)) as earlier:
        first = job.execute_in_process(instance=earlier).run_id
    (tmp_path / "dagster.yaml").write_text(EARLIER_SETTINGS.format(home=tmp_path), encoding="utf-8")
    second = run_asset(tmp_path)
    with open_instance(tmp_path) as instance:
        for run_id in (first, second):
            assert instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION).records
    assert (tmp_path / "history" / "runs" / f"{second}.db").is_file()
    assert not (tmp_path / "history" / "event_log.db").exists()


def test_private_names_of_dagster_are_used_in_one_file() -> None:
    root = Path(str(spi_pipeline.__file__)).parent
    users = set()
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            texts = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            texts += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            texts += [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []
            if any(text.startswith("dagster._") for text in texts):
                users.add(path.relative_to(root).as_posix())
    assert users == {"orchestration/dagster_internals.py"}


def test_dagster_holds_one_evaluation_for_every_evaluated_family(
    refreshed: Sandbox, tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> None:
    first = refreshed_once(tmp_path_factory.getbasetemp(), worker_id)[1]
    keys = table_keys(build_plan(refreshed.contracts))
    expected = {
        dg.AssetCheckKey(keys[outcome.table], CHECKS[family_of(result.rule.kind)][0])
        for outcome in first.outcomes
        for result in outcome.results
        if result.outcome != "skipped"
    }
    with open_instance(refreshed.store.dagster_home) as instance:
        (run,) = instance.get_runs()
        events = instance.get_records_for_run(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION).records
    assert run.status == dg.DagsterRunStatus.SUCCESS
    evaluations = [record.event_log_entry.dagster_event.asset_check_evaluation_data for record in events]
    assert sorted(evaluation.asset_check_key for evaluation in evaluations) == sorted(expected)
    assert all(evaluation.passed for evaluation in evaluations)


def test_the_history_of_a_full_run_stays_small(refreshed: Sandbox) -> None:
    files = [path for path in refreshed.store.dagster_home.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) / 1e6 < MOST_MEGABYTES


def test_settings_in_the_folder_of_dagster_home_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n", encoding="utf-8")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with open_instance(tmp_path / "store" / "dagster"):
        assert (tmp_path / "dagster.yaml").read_text(encoding="utf-8") == "telemetry: {enabled: false}\n"
        assert not (tmp_path / "store").exists()
