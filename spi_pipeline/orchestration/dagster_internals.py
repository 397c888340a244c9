"""The names that Dagster keeps to itself and the pipeline needs all the same: here, with the reason, and nowhere else.

Each may be gone with any version of Dagster; the tests of the watchdog and of the instance say so first.
"""

# What tells in the tags of a materialization which code and data it follows from. They may be given by name, and the
# names are public nowhere.
from dagster._core.definitions.data_version import (
    CODE_VERSION_TAG,
    DATA_VERSION_TAG,
    INPUT_DATA_VERSION_TAG_PREFIX,
    INPUT_EVENT_POINTER_TAG_PREFIX,
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
from dagster._utils.schedules import schedule_execution_time_iterator

__all__ = [
    "CODE_VERSION_TAG",
    "DATA_VERSION_TAG",
    "INPUT_DATA_VERSION_TAG_PREFIX",
    "INPUT_EVENT_POINTER_TAG_PREFIX",
    "NO_CAPTURE",
    "InstigatorState",
    "ScheduleInstigatorData",
    "SensorInstigatorData",
    "TickStatus",
    "schedule_execution_time_iterator",
]

# A setting of ``dagster.yaml``, by the only name that Dagster's documentation gives for it.
NO_CAPTURE = {
    "compute_logs": {"module": "dagster._core.storage.noop_compute_log_manager", "class": "NoOpComputeLogManager"}
}
