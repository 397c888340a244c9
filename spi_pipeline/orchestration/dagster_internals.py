"""The names that Dagster keeps to itself and the pipeline needs all the same: here, with the reason, and nowhere else.

Each may be gone with any version of Dagster; the tests of the watchdog and of the instance say so first.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from typing import Any, TextIO, cast

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
    "NO_CAPTURE",
    "InstigatorState",
    "ScheduleInstigatorData",
    "SensorInstigatorData",
    "TickStatus",
    "schedule_execution_time_iterator",
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
