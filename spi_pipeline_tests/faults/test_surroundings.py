"""The surroundings of a store: read-only and full disks, readers that break the rules, odd folder names."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from spi_pipeline.orchestration.runs import RUN
from spi_pipeline_tests.faults.proof import ReferenceRefresh, shared_copy
from spi_pipeline_tests.faults.runs import WRITES, Disk, Fault, full_from
from spi_pipeline_tests.integration.sandboxes import Sandbox

# SQLAlchemy, DuckDB, Alembic and Rich each give one of these characters a special meaning.
ODD = "a#b?c %41 %s [d] 'e\" ü;\nf"
READ_ONLY = Fault(WRITES, 1, False, errno.EROFS)
HOLD_DATABASE = "import duckdb, sys; held = duckdb.connect(sys.argv[1]); print('held', flush=True); input()"


@pytest.fixture
def sandbox(reference: ReferenceRefresh, place: Path) -> Sandbox:
    return shared_copy(reference.before, place)


@pytest.mark.parametrize("fault", [READ_ONLY, full_from(1)], ids=["read-only", "full"])
def test_status_is_reported_when_the_disk_accepts_no_writes(sandbox: Sandbox, disk: Disk, fault: Fault) -> None:
    before = _names(sandbox)
    for arguments in (("alerts", "send"), ("status", "--json")):
        status = disk.run(sandbox.environment, *arguments, fault=fault)
    assert status.code == 0, status.err
    assert json.loads(status.out)["healthy"]
    assert json.loads(status.out)["last_run"]["state"] == "succeeded"
    assert _names(sandbox) == before
    refresh = disk.run(sandbox.environment, "refresh", fault=fault)
    assert refresh.code == 1
    assert len(refresh.sentences) == 1, refresh.err
    assert "could not be" in refresh.err


def _names(sandbox: Sandbox) -> set[Path]:
    return set(sandbox.store.root.rglob("*"))


def test_the_folder_of_a_store_may_have_any_name(reference: ReferenceRefresh, disk: Disk, tmp_path: Path) -> None:
    folder = tmp_path / "odd" / ODD
    sandbox = shared_copy(reference.before, folder)
    result = disk.run(sandbox.environment, "refresh")
    assert result.code == 0, result.err
    assert sandbox.digests() == reference.new[0]
    status = disk.run(sandbox.environment, "status", "--json")
    assert status.code == 0, status.out + status.err
    assert [path.name for path in folder.parent.iterdir()] == [ODD]  # nothing next to it
    assert {path.name for path in (sandbox.store.dagster_home / "history").glob("*.db")} >= {"runs.db", "event_log.db"}


@pytest.fixture
def held(sandbox: Sandbox) -> Iterator[None]:
    """Holds the published database open for writing, as a careless reader would."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD_DATABASE, str(sandbox.store.database)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        yield
        process.communicate("\n")


@pytest.mark.usefixtures("held")
def test_a_reader_that_opens_the_database_for_writing(
    reference: ReferenceRefresh, sandbox: Sandbox, disk: Disk
) -> None:
    status = disk.run(sandbox.environment, "status")
    assert status.code == 1
    assert "close it in that program" in status.err
    result = disk.run(sandbox.environment, "refresh")
    assert result.code == 0, result.err
    assert sandbox.query("SELECT * FROM score ORDER BY ALL") == reference.new[1][0]  # others see the new file
    assert disk.run(sandbox.environment, "status").code == 0


def test_a_refresh_without_changes_is_recorded_too(sandbox: Sandbox, disk: Disk) -> None:
    """It writes only its row in the list of runs; if that write fails, the command must not report success."""
    assert disk.run(sandbox.environment, "refresh").code == 0
    count = disk.run(sandbox.environment, "refresh").writes
    runs = len(sandbox.store.run_stamps(RUN))
    for moment in range(1, count + 1, 4):
        result = disk.run(sandbox.environment, "refresh", fault=full_from(moment))
        recorded, runs = len(sandbox.store.run_stamps(RUN)) - runs, len(sandbox.store.run_stamps(RUN))
        assert result.code == (0 if recorded and result.refused == 0 else 1), (moment, result.err)
        assert len(result.sentences) == 1, result.err
