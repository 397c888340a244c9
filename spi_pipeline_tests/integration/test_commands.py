"""The command line as people on call and programs use it: exit codes, messages, JSON."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import socket
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from spi_pipeline.contracts.models.contracts import contract_of
from spi_pipeline.run.plan import build_plan, is_table
from spi_pipeline_tests.integration.fixtures import Command
from spi_pipeline_tests.integration.sandboxes import Sandbox, empty_sandbox


def test_a_bad_contract_exits_with_two_and_a_line_for_each_fault(sandbox: Sandbox, spi: Command) -> None:
    before = sandbox.digests()
    sandbox.amend("indicators/housing.yaml", "direction: lower_is_better", "direction: sideways")
    sandbox.amend("indicators/safety.yaml", "source: street_crime", "source: street_crimes")
    for arguments in (["refresh"], ["contracts", "lint"], ["status"]):
        result = spi(sandbox, *arguments)
        assert (result.code, result.out) == (2, "")
        *faults, last = result.err.splitlines()
        assert last == "2 faults in the contracts; nothing was done."
        housing, safety = faults
        assert housing.startswith("indicators/housing.yaml:7: ")
        assert "sideways" in housing
        assert safety.startswith("indicators/safety.yaml:12: ")
        assert "street_crimes" in safety
    assert sandbox.digests() == before


def test_every_command_reports_a_table_without_a_contract(tmp_path: Path, spi: Command) -> None:
    sandbox = empty_sandbox(tmp_path)
    (sandbox.settings.contracts / "products" / "sensitivity.yaml").unlink()
    for arguments in (["refresh"], ["contracts", "lint"], ["status"]):
        result = spi(sandbox, *arguments)
        assert (result.code, result.out) == (2, "")
        assert result.err.startswith("products/sensitivity.yaml: the file is missing; the pipeline writes this table")


def test_a_broken_outline_is_one_fault_without_further_output(sandbox: Sandbox) -> None:
    """A pydantic error must not hold a DuckDB connection, whose 40 lines about leaks would hide the message."""
    sandbox.add_area("board", "title: Board\noutline: POLYGON ((-0.4 51.9, oops))\n")
    code = "import sys; from spi_pipeline.cli import main; sys.argv = ['spi', 'status']; main()"
    environment = os.environ | sandbox.environment
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120)
    assert (result.returncode, result.stdout) == (2, "")
    fault, last = result.stderr.splitlines()
    assert fault.startswith(
        "areas/board.yaml:3: outline: 'POLYGON ((-0.4 51.9, oops))' is refused, it is not well-known"
    )
    assert last == "1 fault in the contracts; nothing was done."


def test_a_comparison_with_nothing_is_refused(sandbox: Sandbox, spi: Command) -> None:
    result = spi(sandbox, "contracts", "lint", "--against", "")
    assert result.code == 2
    assert "--against is empty" in result.err


@pytest.mark.parametrize(
    ("name", "value", "code", "words"),
    [
        ("SPI_MODE", "night", 2, "SPI_MODE is 'night'; set it to snapshot or live"),
        ("SPI_LOG", "yes", 2, "SPI_LOG is 'yes'; set it to nothing, text or json"),
        ("SPI_CONTRACTS", "nowhere", 2, "nowhere: this contracts folder does not exist; set SPI_CONTRACTS to yours"),
        (
            "SPI_STORE",
            "ftp://bucket/spi",
            2,
            "SPI_STORE='ftp://bucket/spi' is not the address of a store: write s3://bucket/prefix",
        ),
    ],
)
def test_a_bad_setting_is_named_with_its_variable(
    refreshed: Sandbox, spi: Command, monkeypatch: pytest.MonkeyPatch, name: str, value: str, code: int, words: str
) -> None:
    monkeypatch.setattr(Sandbox, "environment", refreshed.environment | {name: value})
    result = spi(refreshed, "status")
    assert (result.code, result.out) == (code, "")
    assert words in result.err
    assert "Traceback" not in result.err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["explain", "Farlay", "housing"], "there is no ward 'Farlay'; did you mean 'Farley'?"),
        (["explain", "Farley", "hosing"], "there is no element or indicator 'hosing'; did you mean 'housing'?"),
        (["explain", "Farley", "housing", "--edition", "1999"], "edition 1999 is not published; published: "),
        (["explain", "Farley", "housing", "--profile", "mine"], "there is no profile 'mine'; known: equal, spi"),
        (["refresh", "--select", "hosing"], "there is no step or group 'hosing'; did you mean 'housing'?"),
    ],
)
def test_an_unknown_name_is_bad_usage(refreshed: Sandbox, spi: Command, arguments: list[str], sentence: str) -> None:
    result = spi(refreshed, *arguments)
    assert (result.code, result.out) == (2, "")
    (line,) = result.err.splitlines()
    assert line.startswith(sentence)


def test_an_unknown_command_or_option_exits_with_two(refreshed: Sandbox, spi: Command) -> None:
    assert spi(refreshed, "refrehs").code == 2
    assert spi(refreshed, "refresh", "--everything").code == 2


def test_before_the_first_refresh_every_command_says_what_to_do(
    tmp_path_factory: pytest.TempPathFactory, spi: Command
) -> None:
    sandbox = empty_sandbox(tmp_path_factory.mktemp("bare"))
    result = spi(sandbox, "status", "--json")
    status = json.loads(result.out)
    assert (result.code, status["published"], status["editions"], status["runs"]) == (1, None, [], [])
    # A probe that looks at the wrong folder must not report a healthy store.
    assert (status["healthy"], status["trouble"]) == (False, ["nothing is published yet; run spi refresh"])
    assert len(status["stale_steps"]) == len(build_plan(sandbox.contracts))
    assert not sandbox.store.root.exists()  # status creates nothing
    for arguments in (["explain", "Farley", "housing"], ["check"]):
        result = spi(sandbox, *arguments)
        assert result.code == 1
        assert "run spi refresh" in result.err


def test_status_reports_a_healthy_store(refreshed: Sandbox, spi: Command) -> None:
    result = spi(refreshed, "status", "--json")
    status = json.loads(result.out)
    assert result.code == 0
    assert status["store"] == refreshed.settings.store
    assert status["published"] == refreshed.store.published_version()
    assert (status["stale_steps"], status["stale_tables"]) == ([], [])
    assert status["editions"] == [
        year for (year,) in refreshed.query("SELECT DISTINCT edition FROM edition ORDER BY 1")
    ]
    (run,) = status["runs"]
    assert (run["state"], run["failed_checks"]) == ("succeeded", 0)
    lines = spi(refreshed, "status").out.splitlines()
    assert lines[:2] == [f"store: {refreshed.settings.store}", f"published: {status['published']}"]
    assert lines[-1].startswith(f"run {run['run_at']} succeeded: ")
    assert lines[-1].endswith(run["run_id"])


def test_check_evaluates_every_rule_and_writes_nothing(refreshed: Sandbox, spi: Command) -> None:
    before = {path: path.stat().st_mtime_ns for path in refreshed.store.root.rglob("*")}
    result = spi(refreshed, "check", "--json")
    assert result.code == 0
    contracts = refreshed.contracts
    rules = [
        (table, rule.id)
        for step in build_plan(contracts)
        for table in filter(is_table, step.outputs)
        for rule in contract_of(table, contracts).rules
    ]
    rows = json.loads(result.out)
    assert sorted((row["table"], row["rule"]) for row in rows) == sorted(rules)
    assert {row["outcome"] for row in rows} <= {"passed", "skipped"}
    assert {path: path.stat().st_mtime_ns for path in refreshed.store.root.rglob("*")} == before


def test_output_is_not_wrapped_without_a_terminal(refreshed: Sandbox, spi: Command) -> None:
    """A SHA-256 that is wrapped over two lines cannot be searched for."""
    result = spi(refreshed, "explain", "Farley", "housing")
    assert result.code == 0
    for (sha256,) in refreshed.query("SELECT sha256 FROM source_release WHERE source_id = 'census_overcrowding'"):
        assert f"sha256 {sha256}" in result.out


def test_on_a_terminal_progress_is_a_bar_for_each_group(sandbox: Sandbox) -> None:
    """Dagster captures the output of a run; progress must still reach the terminal while the run lasts."""
    sandbox.make_due("index/social_progress_index")
    ours, theirs = pty.openpty()
    code = "import sys; from spi_pipeline.cli import main; sys.argv = ['spi', 'refresh']; main()"
    environment = os.environ | sandbox.environment | {"TERM": "xterm", "COLUMNS": "80"}
    command = [sys.executable, "-c", code]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    written = b""
    with contextlib.suppress(OSError):  # a terminal raises OSError once its last writer has gone
        while part := os.read(ours, 10_000):
            written += part
    os.close(ours)
    assert process.wait(60) == 0
    drawn = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written.decode())
    for group, steps in (("index", 1), ("published", 3)):
        assert re.search(rf"{group} +\S+ 0/{steps}", drawn)
        assert re.search(rf"{group} +\S+ {steps}/{steps}", drawn)
        assert f"{group}: 1 done" not in drawn, "only output without a terminal has this line"
    assert drawn.index("published") < drawn.index("Social Progress Index")


def test_a_taken_port_is_reported_and_nothing_is_started(refreshed: Sandbox, spi: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = spi(refreshed, "ui", "--port", str(port))
    assert (result.code, result.out) == (1, "")
    assert result.err == f"port {port} cannot be used (Address already in use); give another one with --port\n"


def test_the_format_of_a_month_is_explained(refreshed: Sandbox, spi: Command) -> None:
    result = spi(refreshed, "refresh", "--since", "2020-13")
    assert (result.code, result.err) == (2, "SPI_SINCE='2020-13': write a month as YYYY-MM, such as 2024-04\n")


def test_the_version_is_printed(refreshed: Sandbox, spi: Command) -> None:
    assert spi(refreshed, "--version").out == f"spi_pipeline {version('spi-pipeline')}\n"
