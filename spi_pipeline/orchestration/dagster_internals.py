"""Dagster's private names that the pipeline needs, each with the reason; no other module imports any.

Any release of Dagster may remove one of them; the tests of the watchdog and of the instance are the first to fail then.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from typing import Any, TextIO, cast

# `dagster dev` starts the web server by its module's name, and has no option to start ours, with its guard, instead.
from dagster._cli import dev

# The tags that say which code and data a materialization follows from. A materialization may set them, but their names
# are not public.
from dagster._core.definitions.data_version import (
    CODE_VERSION_TAG,
    DATA_VERSION_TAG,
    INPUT_DATA_VERSION_TAG_PREFIX,
    INPUT_EVENT_POINTER_TAG_PREFIX,
)

# The parts of ``JobDefinition.execute_in_process``, which creates runs without their code location: the UI can neither
# run those again nor show them on its timeline.
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import create_execution_plan, execute_run

# The return types of a run launcher's health check; the interface for launchers is not public.
from dagster._core.launcher.base import CheckRunHealthResult, ResumeRunContext, WorkerStatus
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)

# The watchdog reads the daemon's records of schedules and sensors. The instance returns them from public methods whose
# types are private. Dagster has no public function for the ticks of a cron expression, and the only cron library
# installed is Dagster's own copy.
from dagster._core.scheduler.instigation import (
    InstigatorState,
    ScheduleInstigatorData,
    SensorInstigatorData,
    TickStatus,
)
from dagster._core.snap import snapshot_from_execution_plan

# Retention: ``DagsterInstance.delete_run`` deletes the last materialization of an asset with its run, leaves the
# evaluations of checks and all snapshots of jobs, and no public function deletes either.
from dagster._core.storage.event_log.schema import (
    AssetCheckExecutionsTable,
    AssetEventTagsTable,
    SqlEventLogStorageTable,
)
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._core.storage.runs.schema import SnapshotsTable
from dagster._core.storage.runs.sql_run_storage import SqlRunStorage
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

# The arguments for a worker that resumes a run: dagster-celery's own launcher calls its task by another name.
from dagster._grpc.types import ResumeRunArgs
from dagster._utils.schedules import schedule_execution_time_iterator
from dagster_shared.serdes import pack_value

__all__ = [
    "CODE_VERSION_TAG",
    "DATA_VERSION_TAG",
    "INPUT_DATA_VERSION_TAG_PREFIX",
    "INPUT_EVENT_POINTER_TAG_PREFIX",
    "NO_CAPTURE",
    "AssetCheckExecutionsTable",
    "AssetEventTagsTable",
    "CheckRunHealthResult",
    "InMemoryJob",
    "InstigatorState",
    "LoadableTargetOrigin",
    "ManagedGrpcPythonEnvCodeLocationOrigin",
    "RemoteJobOrigin",
    "RemoteRepositoryOrigin",
    "ResumeRunArgs",
    "ResumeRunContext",
    "ScheduleInstigatorData",
    "SensorInstigatorData",
    "SnapshotsTable",
    "SqlEventLogStorage",
    "SqlEventLogStorageTable",
    "SqlRunStorage",
    "TickStatus",
    "WorkerStatus",
    "create_execution_plan",
    "dev",
    "execute_run",
    "pack_value",
    "schedule_execution_time_iterator",
    "snapshot_from_execution_plan",
    "without_event_log_errors",
]

# A setting for ``dagster.yaml``, by the only name in Dagster's documentation.
NO_CAPTURE = {
    "compute_logs": {"module": "dagster._core.storage.noop_compute_log_manager", "class": "NoOpComputeLogManager"}
}

# Dagster writes this straight to standard error, several times over, when it cannot write its event log. The exception
# that it then raises is reported in a sentence.
EVENT_LOG_MESSAGE = "Exception while writing logger call to event log"


class _Without:
    """Standard error without Dagster's messages about its event log."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return len(text) if text.startswith(EVENT_LOG_MESSAGE) else self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def without_event_log_errors() -> Iterator[None]:
    """A context that suppresses what Dagster writes to standard error when it cannot write its event log."""
    with redirect_stderr(cast("TextIO", _Without(sys.stderr))):
        yield
