"""Runs as operators see them: Prometheus metrics, a log by run and step, and a status that survives a wrong clock."""

from __future__ import annotations

import datetime as dt
import json
import resource
import subprocess
import sys
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from spi_pipeline.cli.metrics import HELP, exposition
from spi_pipeline.orchestration.watching.status import status_of
from spi_pipeline.run.logs import set_up
from spi_pipeline.run.records import run_row
from spi_pipeline_tests.integration.fixtures import Command
from spi_pipeline_tests.integration.sandboxes import Sandbox


def figures(text: str) -> dict[str, list[Any]]:
    """The samples of each metric, read by Prometheus's own parser."""
    families = list(text_string_to_metric_families(text))
    assert all((family.type, family.documentation) == ("gauge", HELP[family.name]) for family in families)
    return {family.name: family.samples for family in families}


def test_status_exports_metrics_for_prometheus(refreshed: Sandbox, spi: Command) -> None:
    result = spi(refreshed, "status", "--prometheus")
    assert result.code == 0
    metrics = figures(result.out)
    assert [sample.value for sample in metrics["spi_healthy"]] == [1]
    rows = {sample.labels["table"]: sample.value for sample in metrics["spi_table_rows"]}
    assert rows == {name: version.rows for name, version in refreshed.store.versions().items()}
    (outcome,) = metrics["spi_last_run_outcome"]
    assert outcome.labels == {"outcome": "succeeded", "launched_by": "spi refresh"}
    assert metrics["spi_last_run_duration_seconds"][0].value > 0


def test_a_store_that_cannot_be_read_is_not_healthy(sandbox: Sandbox, spi: Command) -> None:
    (sandbox.store.root / "layout").write_text("999\n")
    result = spi(sandbox, "status", "--prometheus")
    assert result.code == 1
    assert [sample.value for sample in figures(result.out)["spi_healthy"]] == [0]


def test_labels_may_hold_anything() -> None:
    odd = 'a "b" \\ c\nd'
    status = {"healthy": True, "trouble": [], "alerts_waiting": [{"channel": odd, "messages": 3}]}
    (sample,) = figures(exposition(status))["spi_alerts_waiting"]
    assert (sample.labels, sample.value) == ({"channel": odd}, 3)


def test_a_refresh_logs_each_step_with_its_run(sandbox: Sandbox, spi: Command) -> None:
    sandbox.make_due("index/social_progress_index")
    result = spi(Sandbox(sandbox.settings.model_copy(update={"log": "json"})), "refresh")
    set_up("")
    lines = [json.loads(line) for line in result.err.splitlines() if line.startswith("{")]
    assert len({line["run"] for line in lines}) == 1
    assert (lines[0]["message"], lines[0]["launched_by"]) == ("the run began", "spi refresh")
    assert (lines[-1]["message"], lines[-1]["outcome"]) == ("the run ended: succeeded", "succeeded")
    assert {line["step"]: line["outcome"] for line in lines[1:-1]}["index/social_progress_index"] == "written"


def _record_run(sandbox: Sandbox, run_id: str, at: dt.datetime, state: str, **values: Any) -> None:
    row = run_row(run_id=run_id, run_at=at, seconds=1.0, state=state, failed_checks=0, requests=0, **values)
    sandbox.store.append_run("run", run_id, row)


def test_a_failure_turns_status_red_even_if_an_earlier_run_is_dated_2099(sandbox: Sandbox) -> None:
    now = dt.datetime.now(dt.UTC)
    _record_run(sandbox, "ahead", now.replace(year=2099), "succeeded")
    assert status_of(sandbox.settings)["healthy"]
    _record_run(sandbox, "fails", now, "failed", cause="the disk is full")
    status = status_of(sandbox.settings)
    assert status["last_run"]["run_id"] == "fails"
    assert status["trouble"] == ["the last run, fails by spi refresh, failed: the disk is full"]


def test_a_run_of_another_selection_does_not_resolve_a_failure(sandbox: Sandbox) -> None:
    now = dt.datetime.now(dt.UTC)
    _record_run(sandbox, "fails", now, "failed", cause="no", name="refresh")
    _record_run(sandbox, "part", now + dt.timedelta(milliseconds=1), "succeeded", name="refresh of turnout")
    status = status_of(sandbox.settings)
    assert status["trouble"] == ["the last run refresh, fails by spi refresh, failed: no"]
    _record_run(sandbox, "whole", now + dt.timedelta(milliseconds=2), "nothing to do", name="refresh")
    assert status_of(sandbox.settings)["healthy"]


@pytest.mark.parametrize("megabytes", [300, 600, 1000])
def test_a_run_without_enough_memory_ends_at_once_with_a_message(sandbox: Sandbox, megabytes: int) -> None:
    """Without the check, 600 MB hangs for ever: OpenBLAS keeps retrying a thread's allocation while it loads."""

    def limit_memory() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (megabytes * 2**20, megabytes * 2**20))

    code = "import sys; from spi_pipeline.cli import main; sys.argv = ['spi', 'refresh']; main()"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, preexec_fn=limit_memory, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 1
    assert "a run needs 3,400 MB of address space, and this process may use " in done.stderr
    assert " MB (ulimit -v): raise this limit" in done.stderr
    assert not sandbox.store.is_locked()
