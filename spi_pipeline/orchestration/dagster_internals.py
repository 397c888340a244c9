"""The names that Dagster keeps to itself and the pipeline needs all the same: here, with the reason, and nowhere else.

Each may be gone with any version of Dagster; the tests of the watchdog and of the instance say so first.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from typing import Any, TextIO, cast

# `dagster dev` starts the web server by its module's name. Ours stands before it, and there is no option for that.
from dagster._cli import dev

# What tells in the tags of a materialization which code and data it follows from. They may be given by name, and the
# names are public nowhere.
from dagster._core.definitions.data_version import (
    CODE_VERSION_TAG,
    DATA_VERSION_TAG,
    INPUT_DATA_VERSION_TAG_PREFIX,
    INPUT_EVENT_POINTER_TAG_PREFIX,
)

# What ``JobDefinition.execute_in_process`` is made of. It creates runs without the code location they came from, and
# those the UI can neither run again nor show on its time line.
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import create_execution_plan, execute_run

# What a run launcher answers when it is asked after a run; the interface for launchers is public nowhere.
from dagster._core.launcher.base import CheckRunHealthResult, ResumeRunContext, WorkerStatus
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)

# A watchdog reads what the daemon recorded of schedules and sensors. The instance hands it out by public methods, of
# which the types are private. Which ticks a cron expression asks for is public nowhere, and no cron library is
# installed beside Dagster's own copy.
from dagster._core.scheduler.instigation import (
    InstigatorState,
    ScheduleInstigatorData,
    SensorInstigatorData,
    TickStatus,
)
from dagster._core.snap import snapshot_from_execution_plan

# Retention: ``DagsterInstance.delete_run`` deletes the last word on an asset with its run, leaves the evaluations of
# checks and all descriptions of jobs, and nothing public deletes either.
from dagster._core.storage.event_log.schema import (
    AssetCheckExecutionsTable,
    AssetEventTagsTable,
    SqlEventLogStorageTable,
)
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._core.storage.runs.schema import SnapshotsTable
from dagster._core.storage.runs.sql_run_storage import SqlRunStorage
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

# What a worker is handed that is to resume a run: dagster-celery's own launcher calls its task by another name.
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
    "without_its_stderr",
]

# A setting of ``dagster.yaml``, by the only name that Dagster's documentation gives for it.
NO_CAPTURE = {
    "compute_logs": {"module": "dagster._core.storage.noop_compute_log_manager", "class": "NoOpComputeLogManager"}
}

# What Dagster writes straight to standard error, several times over, where its log cannot be written. The exception
# that it raises then is told in a sentence.
ITS_LOG = "Exception while writing logger call to event log"


class _Without:
    """Standard error without that."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return len(text) if text.startswith(ITS_LOG) else self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def without_its_stderr() -> Iterator[None]:
    """A context in which Dagster does not write to standard error that its log cannot be written."""
    with redirect_stderr(cast("TextIO", _Without(sys.stderr))):
        yield
