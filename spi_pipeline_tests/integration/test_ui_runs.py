"""What an analyst starts from the UI: Dagster's own runs, without the command, on the store's instance."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest

from spi_pipeline.orchestration.build import build_definitions
from spi_pipeline.orchestration.instance import open_instance
from spi_pipeline.orchestration.status import status_of
from spi_pipeline_tests.integration.houses import House

TURNOUT = dg.AssetKey(["indicator", "turnout"])
HOLD = """
import sys, time
from spi_pipeline.storage.store import Store
with Store(sys.argv[1]).lock():
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def instance(house: House) -> Iterator[dg.DagsterInstance]:
    with open_instance(house.store.dagster_home) as opened:
        yield opened


def picked(
    house: House, instance: dg.DagsterInstance, *, assets: set[dg.AssetKey], checks: set[dg.AssetCheckKey] | None = None
) -> Any:
    """Run assets or checks that were picked on their pages."""
    job = build_definitions(house.settings).resolve_implicit_global_asset_job_def()
    chosen = job.get_subset(asset_selection=assets, asset_check_selection=checks)
    return chosen.execute_in_process(instance=instance, raise_on_error=False)


def test_an_asset_that_is_not_stale_is_left_as_it_is_and_its_rules_are_recorded(
    house: House, instance: dg.DagsterInstance
) -> None:
    before = house.digests()
    done = picked(house, instance, assets={TURNOUT})
    assert done.success
    (made,) = done.asset_materializations_for_node("indicators_of_rights_and_voice")
    assert made.metadata["state"].value == "unchanged"
    assert house.digests() == before
    recorded = house.store.read_run("check_result", done.run_id)
    assert recorded is not None
    assert set(recorded["table_name"].to_pylist()) == {"indicator_value.turnout"}
    run = status_of(house.settings)["last_run"]
    assert (run["run_id"], run["state"], run["launched_by"]) == (done.run_id, "succeeded", "the UI")


def test_a_check_picked_alone_is_evaluated(house: House, instance: dg.DagsterInstance) -> None:
    names = ("form_and_keys", "relations")
    done = picked(house, instance, assets=set(), checks={dg.AssetCheckKey(TURNOUT, name) for name in names})
    assert done.success
    found = {evaluation.check_name: evaluation.passed for evaluation in done.get_asset_check_evaluations()}
    assert found == dict.fromkeys(names, True)
    assert not done.asset_materializations_for_node("indicators_of_rights_and_voice")


def test_a_check_of_a_table_that_is_not_there_fails_with_a_sentence(house: House, instance: dg.DagsterInstance) -> None:
    (house.store.root / "tables" / "indicator_value.turnout" / "current.json").unlink()
    done = picked(house, instance, assets=set(), checks={dg.AssetCheckKey(TURNOUT, "form_and_keys")})
    assert not done.success
    (run,) = [run for run in status_of(house.settings)["runs"] if run["run_id"] == done.run_id]
    assert run["cause"].endswith("there is no table indicator_value.turnout in the store yet; run spi refresh")


def test_a_run_of_the_ui_gives_way_to_who_writes_and_says_who(house: House, instance: dg.DagsterInstance) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLD, house.settings.store], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        before = house.digests()
        done = picked(house, instance, assets={TURNOUT})
        assert not done.success
        assert house.digests() == before
    finally:
        holder.kill()
        holder.communicate()
    found = status_of(house.settings)
    assert f"is being written by process {holder.pid} since " in found["last_run"]["cause"]
    assert any(f"the last run, {done.run_id} by the UI, failed: The store " in trouble for trouble in found["trouble"])
