"""The names that Dagster keeps to itself and the pipeline needs all the same: here, with the reason, and nowhere else.

Each may be gone with any version of Dagster; the tests of the watchdog and of the instance say so first.
"""

# A watchdog reads what the daemon recorded of schedules and sensors. The instance hands it out by public methods, of
# which the types are private. Which ticks a cron expression asks for is public nowhere, and no cron library is
# installed beside Dagster's own copy.
from dagster._core.scheduler.instigation import (
    InstigatorState,
    ScheduleInstigatorData,
    SensorInstigatorData,
    TickStatus,
)

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
from dagster._utils.schedules import schedule_execution_time_iterator

__all__ = [
    "NO_CAPTURE",
    "AssetCheckExecutionsTable",
    "AssetEventTagsTable",
    "InstigatorState",
    "ScheduleInstigatorData",
    "SensorInstigatorData",
    "SnapshotsTable",
    "SqlEventLogStorage",
    "SqlEventLogStorageTable",
    "SqlRunStorage",
    "TickStatus",
    "schedule_execution_time_iterator",
]

# A setting of ``dagster.yaml``, by the only name that Dagster's documentation gives for it.
NO_CAPTURE = {
    "compute_logs": {"module": "dagster._core.storage.noop_compute_log_manager", "class": "NoOpComputeLogManager"}
}
