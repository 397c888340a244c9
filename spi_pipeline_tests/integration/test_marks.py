"""Marks in the Dagster UI: refused tables, overdue sources, unchanged steps and runs of the command."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import dagster as dg
import pytest

from spi_pipeline.orchestration.asset_checks import freshness_result
from spi_pipeline.orchestration.assets import asset_key
from spi_pipeline.orchestration.build import build_definitions
from spi_pipeline.orchestration.instance import open_instance
from spi_pipeline.orchestration.provenance import FROM_KEPT, KEPT
from spi_pipeline.run.freshness import judge_freshness
from spi_pipeline.run.plan import build_plan
from spi_pipeline.storage.tables import ORIGINS
from spi_pipeline_tests.integration.sandboxes import Sandbox, column
from spi_pipeline_tests.run.test_unsynced import computed, unsynced_in_dagster

SOURCE = "census_car_availability"


def materialization(instance: dg.DagsterInstance, sandbox: Sandbox, label: str) -> dg.AssetMaterialization:
    (step,) = [step for step in build_plan(sandbox.contracts) if step.label == label]
    event = instance.get_latest_materialization_event(asset_key(step))
    assert event
    assert event.asset_materialization
    return event.asset_materialization


def test_a_refused_table_and_its_dependants_are_marked_until_a_good_version_arrives(sandbox: Sandbox) -> None:
    sandbox.rewrite(SOURCE, lambda table: column(table, "households", lambda values: [-5, *values[1:]]))
    refused = sandbox.refresh()
    assert refused.faults
    assert unsynced_in_dagster(sandbox) == computed(sandbox) == {step.label for step in refused.stale}
    with open_instance(sandbox.store.dagster_home) as instance:
        kept = materialization(instance, sandbox, f"source/{SOURCE}")
        assert (kept.tags or {})["dagster/code_version"] == KEPT
        assert (kept.tags or {})["dagster/data_version"] == sandbox.digests()[SOURCE]
        assert kept.metadata["state"].value == "kept"
        behind = materialization(instance, sandbox, "residual/residual")
        assert (behind.tags or {})["dagster/code_version"] == FROM_KEPT
        checks = instance.event_log_storage.get_asset_check_execution_history(
            dg.AssetCheckKey(kept.asset_key, "values_and_plausibility"), limit=1
        )
        evaluation = checks[0].event.dagster_event.asset_check_evaluation_data  # type: ignore[union-attr]
        assert (evaluation.passed, evaluation.severity) == (False, dg.AssetCheckSeverity.ERROR)
        (run,) = instance.get_runs(dg.RunsFilter(run_ids=[refused.run_id]))
        origin = run.remote_job_origin
        assert origin, "the UI can repeat only a run with a known origin"
        assert (origin.location_name, origin.job_name) == ("spi_pipeline.definitions", "refresh")
        assert run.asset_selection == {asset_key(step) for step in refused.stale}

    sandbox.restore_figures()
    repaired = sandbox.refresh()
    assert [step.label for step in repaired.stale] == [f"source/{SOURCE}", "publication/outputs"]
    assert unsynced_in_dagster(sandbox) == set(), "steps that did not run are reported as up to date as well"


def test_an_overdue_source_turns_red_without_a_run(sandbox: Sandbox) -> None:
    live = Sandbox(sandbox.settings.model_copy(update={"mode": "live"}))
    table, day = live.store.read("street_crime"), dt.datetime.now(dt.UTC) - dt.timedelta(days=400)
    origin = {"file": "f", "period": "p", "sha256": "0" * 64, "bytes": 1, "published_at": day.isoformat()}
    live.store.write("street_crime", table, fingerprint="", run_id="test", metadata={ORIGINS: json.dumps([origin])})
    sensor = build_definitions(live.settings).resolve_sensor_def("overdue")

    def tick(cursor: str | None) -> Any:
        with (
            dg.DagsterInstance.ephemeral() as instance,
            dg.build_sensor_context(instance=instance, cursor=cursor) as context,
        ):
            return sensor(context)

    result = tick(None)
    (event,) = [each for each in result.asset_events if each.asset_key.path[-1] == "street_crime"]
    assert (event.check_name, event.passed, event.severity) == ("fresh", False, dg.AssetCheckSeverity.ERROR)
    assert tick(result.cursor).skip_message

    judged = judge_freshness(live.contracts.sources["street_crime"], live.settings, live.runner.reader, day)
    assert freshness_result(judged, event.asset_key).passed


@pytest.mark.parametrize("key", [("source", SOURCE), ("indicator", "turnout")])
def test_an_unchanged_step_reports_that_it_computed_nothing(sandbox: Sandbox, key: tuple[str, str]) -> None:
    job = build_definitions(sandbox.settings).resolve_implicit_global_asset_job_def()
    with open_instance(sandbox.store.dagster_home) as instance:
        before = sandbox.store.versions()
        done = job.get_subset(asset_selection={dg.AssetKey(list(key))}).execute_in_process(instance=instance)
        (event,) = done.get_asset_materialization_events()
        assert event.materialization.metadata["reason"].value == (
            "nothing that it follows from has changed, so nothing was computed"
        )
        assert sandbox.store.versions() == before
        steps = {one.step_key for one in done.all_events if one.event_type_value == "ASSET_CHECK_EVALUATION"}
        assert steps, "the step reports its checks"
        assert "judge_again" not in steps, "and the checks are not evaluated again"
