"""Runs started from the Dagster UI, without the command, on the store's instance."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.orchestration import instance as of_instance
from spi_pipeline.orchestration.build import build_definitions
from spi_pipeline.orchestration.instance import close_abandoned_runs, open_instance
from spi_pipeline.orchestration.runs import UNDER_WAY
from spi_pipeline.orchestration.watching.status import status_of
from spi_pipeline.storage.store import Store
from spi_pipeline_tests.integration.sandboxes import Sandbox

TURNOUT = dg.AssetKey(["indicator", "turnout"])
HOLD = """
import sys, time
from spi_pipeline.storage.store import Store
with Store(sys.argv[1]).lock():
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def instance(sandbox: Sandbox) -> Iterator[dg.DagsterInstance]:
    with open_instance(sandbox.store.dagster_home) as opened:
        yield opened


def run_picked(
    sandbox: Sandbox,
    instance: dg.DagsterInstance,
    *,
    assets: set[dg.AssetKey],
    checks: set[dg.AssetCheckKey] | None = None,
) -> Any:
    """Run assets or checks picked on their pages in the UI."""
    job = build_definitions(sandbox.settings).resolve_implicit_global_asset_job_def()
    chosen = job.get_subset(asset_selection=assets, asset_check_selection=checks)
    return chosen.execute_in_process(instance=instance, raise_on_error=False)


def test_an_asset_that_is_not_stale_is_left_unchanged_and_its_rules_are_recorded(
    sandbox: Sandbox, instance: dg.DagsterInstance
) -> None:
    before = sandbox.digests()
    done = run_picked(sandbox, instance, assets={TURNOUT})
    assert done.success
    (materialization,) = done.asset_materializations_for_node("indicators_of_rights_and_voice")
    assert materialization.metadata["state"].value == "unchanged"
    assert sandbox.digests() == before
    recorded = sandbox.store.read_run("check_result", done.run_id)
    assert recorded is not None
    assert set(recorded["table_name"].to_pylist()) == {"indicator_value.turnout"}
    run = status_of(sandbox.settings)["last_run"]
    assert (run["run_id"], run["state"], run["launched_by"]) == (done.run_id, "succeeded", "the UI")


def test_a_check_picked_alone_is_evaluated(sandbox: Sandbox, instance: dg.DagsterInstance) -> None:
    names = ("form_and_keys", "relations")
    done = run_picked(sandbox, instance, assets=set(), checks={dg.AssetCheckKey(TURNOUT, name) for name in names})
    assert done.success
    passed = {evaluation.check_name: evaluation.passed for evaluation in done.get_asset_check_evaluations()}
    assert passed == dict.fromkeys(names, True)
    assert not done.asset_materializations_for_node("indicators_of_rights_and_voice")


def test_a_check_of_a_missing_table_fails_with_a_message(sandbox: Sandbox, instance: dg.DagsterInstance) -> None:
    (sandbox.store.root / "tables" / "indicator_value.turnout" / "current.json").unlink()
    done = run_picked(sandbox, instance, assets=set(), checks={dg.AssetCheckKey(TURNOUT, "form_and_keys")})
    assert not done.success
    (run,) = [run for run in status_of(sandbox.settings)["runs"] if run["run_id"] == done.run_id]
    assert run["cause"].endswith("there is no table indicator_value.turnout in the store yet; run spi refresh")


@pytest.fixture
def holder(sandbox: Sandbox) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock of the store until it is killed."""
    command = [sys.executable, "-c", HOLD, sandbox.settings.store]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_run_of_the_ui_waits_for_a_writer(
    sandbox: Sandbox, instance: dg.DagsterInstance, holder: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, bool]] = []
    whole = Store.lock

    @contextmanager
    def lock(store: Store, wait: float = 0) -> Iterator[None]:
        """Before the run waits for the lock, record that others see it running; then kill the lock holder."""
        close_abandoned_runs(instance, store)
        seen.append((status_of(sandbox.settings)["last_run"]["state"], store.is_locked()))
        holder.kill()
        with whole(store, wait):
            yield

    monkeypatch.setattr(Store, "lock", lock)
    assert run_picked(sandbox, instance, assets={TURNOUT}).success
    assert seen[0] == ("running", True)
    assert status_of(sandbox.settings)["healthy"]


def test_a_stopped_run_of_the_ui_waits_no_longer_and_names_the_writer(
    sandbox: Sandbox, instance: dg.DagsterInstance, holder: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of_instance, "WAIT_SECONDS", 0.1)
    before = sandbox.digests()

    def canceling(_self: dg.DagsterInstance, run_id: str) -> SimpleNamespace:
        return SimpleNamespace(run_id=run_id, status=dg.DagsterRunStatus.CANCELING, is_finished=False)

    monkeypatch.setattr(dg.DagsterInstance, "get_run_by_id", canceling)
    waiting = of_instance._waited_for(instance, sandbox.store, "a-run", 60)
    with pytest.raises(SpiError, match=f"is being written by process {holder.pid} since "):
        waiting.__enter__()
    assert sandbox.digests() == before


RUN_AND_DIE = """
import os, signal
import dagster as dg
from spi_pipeline.orchestration.build import build_definitions
from spi_pipeline.orchestration.instance import open_instance
from spi_pipeline.run.runner import Runner
from spi_pipeline.settings import Settings
from spi_pipeline.storage.store import Store

Runner.run = lambda *_arguments: os.kill(os.getpid(), signal.SIGKILL)
settings = Settings()
job = build_definitions(settings).resolve_job_def("refresh")
with open_instance(Store(settings.store).dagster_home) as instance:
    job.execute_in_process(instance=instance, asset_selection=[dg.AssetKey(["indicator", "turnout"])])
"""


@pytest.mark.parametrize("home", [False, True], ids=["alone", "with DAGSTER_HOME"])
def test_a_run_of_the_ui_whose_machine_died_is_closed_and_blocks_no_other(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: bool
) -> None:
    if home:
        (tmp_path / "home").mkdir()
        monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    died = subprocess.run([sys.executable, "-c", RUN_AND_DIE], env=os.environ | sandbox.environment, check=False)
    assert died.returncode == -signal.SIGKILL
    status = status_of(sandbox.settings)
    last = status["last_run"]
    assert (status["healthy"], last["state"], last["launched_by"]) == (False, "killed", "the UI")
    with open_instance(sandbox.store.dagster_home) as instance:
        (run,) = [run for run in instance.get_runs() if run.run_id == last["run_id"]]
        assert run.status == dg.DagsterRunStatus.STARTED
        close_abandoned_runs(instance, sandbox.store)
        under_way = instance.get_runs(dg.RunsFilter(statuses=list(map(dg.DagsterRunStatus, UNDER_WAY))))
        assert not under_way, "the queue would wait for it for ever"
        assert instance.get_run_by_id(run.run_id).status == dg.DagsterRunStatus.FAILURE
    assert status_of(sandbox.settings)["last_run"]["state"] == "killed"
    sandbox.refresh()
    assert status_of(sandbox.settings)["healthy"]
