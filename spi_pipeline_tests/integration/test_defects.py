"""Defects in our own code: one message and exit code 1; the stack trace goes to a log, not into the message."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.orchestration.instance import open_instance
from spi_pipeline.orchestration.provenance import Provenance
from spi_pipeline.orchestration.watching import status
from spi_pipeline.outputs import database
from spi_pipeline.run import runner
from spi_pipeline.steps.step import Step
from spi_pipeline_tests.integration.fixtures import Command
from spi_pipeline_tests.integration.sandboxes import Sandbox


def _faults(stderr: str) -> list[str]:
    return [line for line in stderr.splitlines() if " done" not in line]


@pytest.fixture
def due(sandbox: Sandbox) -> Sandbox:
    sandbox.make_due("index/social_progress_index")
    return sandbox


def test_a_step_that_breaks_keeps_its_good_version(due: Sandbox, spi: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    before = due.digests()
    whole = runner.compute

    def compute(step: Step, *rest: Any) -> Any:
        return 1 / 0 if step.kind == "index" else whole(step, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(runner, "compute", compute)
        result = spi(due, "refresh")
    assert result.code == 1
    assert "Traceback" not in result.out + result.err
    (fault,) = _faults(result.err)
    assert fault.startswith(
        "index/social_progress_index broke in our own code (ZeroDivisionError: division by zero); report it with the "
        "trace in the log of run "
    )
    assert due.digests() == before
    with open_instance(due.store.dagster_home) as instance:
        run = instance.get_runs()[0]
        assert run.run_id in fault
        logged = [entry.user_message for entry in instance.all_logs(run.run_id)]
    assert any("Traceback" in message and "ZeroDivisionError" in message for message in logged)
    assert due.refresh().state == "succeeded"


def test_an_operation_that_breaks_outside_its_steps_is_named(
    due: Sandbox, spi: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = due.digests()

    def ended(*_arguments: Any) -> Any:
        raise KeyError("a name nobody knows")

    with monkeypatch.context() as patch:
        patch.setattr(runner.Runner, "_ended", ended)
        result = spi(due, "refresh")
    assert result.code == 1
    assert "Traceback" not in result.out + result.err
    (fault,) = _faults(result.err)
    assert fault.startswith("index_social_progress_index broke in our own code (KeyError: 'a name nobody knows')")
    assert due.digests() == before


def test_a_store_that_cannot_be_read_while_reporting_to_dagster_is_not_a_defect(
    due: Sandbox, spi: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(*_arguments: Any) -> Any:
        raise SpiError("current.json could not be read (Input/output error): look at the disk.")

    with monkeypatch.context() as patch:
        patch.setattr(Provenance, "tags", unreadable)
        result = spi(due, "refresh")
    assert result.code == 1
    assert _faults(result.err) == [
        "index_social_progress_index: current.json could not be read (Input/output error): look at the disk."
    ]
    assert due.refresh().state == "succeeded"


def test_a_database_that_cannot_be_built_is_named(due: Sandbox, spi: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    scores = due.query("SELECT * FROM score ORDER BY ALL")

    def write(*_arguments: Any, **_named: Any) -> Any:
        raise TypeError("no such cast")

    with monkeypatch.context() as patch:
        patch.setattr(database, "write", write)
        result = spi(due, "refresh")
    assert result.code == 1
    (fault,) = _faults(result.err)
    assert fault.startswith("publication/outputs broke in our own code (TypeError: no such cast)")
    assert due.query("SELECT * FROM score ORDER BY ALL") == scores


def test_a_command_that_breaks_names_the_file_with_the_trace(
    refreshed: Sandbox, spi: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_arguments: Any) -> Any:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(status, "due_steps", broken)
    result = spi(refreshed, "status")
    assert (result.code, result.out) == (1, "")
    (sentence,) = result.err.splitlines()
    message, _, trace = sentence.rpartition(" ")
    assert message == "spi broke in our own code (ZeroDivisionError: division by zero); report it with the trace in"
    assert "Traceback" in Path(trace).read_text(encoding="utf-8")
    Path(trace).unlink()


@pytest.mark.parametrize("command", [["--help"], ["contracts", "lint"], ["status", "--json"]])
def test_output_that_cannot_be_written_is_reported(sandbox: Sandbox, command: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [str(Path(sys.executable).with_name("spi")), *command], stdout=full, stderr=subprocess.PIPE, text=True,
            env=os.environ | sandbox.environment, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == (
        "The output could not be written (No space left on device): free some disk space and run the command again.\n"
    )


def test_a_defect_is_reported_even_if_its_trace_cannot_be_written(
    sandbox: Sandbox, spi: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken(*_arguments: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(status, "status_of", broken)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    result = spi(sandbox, "status")
    assert result.code == 1
    assert result.err.strip().endswith("; no trace could be written (No such file or directory)")
