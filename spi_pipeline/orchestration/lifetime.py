"""The life of a run: it begins with a record, has a deadline, and either records how it ended or is found killed.

This applies to every run of the command and of Dagster. The module does not import Dagster.
"""

from __future__ import annotations

import datetime as dt
import faulthandler
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, TextIO

from spi_pipeline.orchestration.runs import KILLED, RUN, began_at, cause_of_death
from spi_pipeline.run.logs import log_context, note
from spi_pipeline.run.records import run_row

if TYPE_CHECKING:
    from spi_pipeline.run.runner import Runner
    from spi_pipeline.storage.store import Store

# A run that has not ended this many seconds after its deadline hangs, and its process is ended.
GRACE = 300.0
# The signals with which a person, a service manager and a closing terminal stop a run.
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Deadline:
    """The deadline of a run, and the means that end the run after it.

    At the deadline the run is asked to end, and does so before its next operation. A run that hangs cannot react. A
    thread of the interpreter then ends its process; that thread needs neither memory nor any lock that the hanging code
    may hold.
    """

    def __init__(self, runner: Runner, trace: TextIO) -> None:
        self._runner, self._trace = runner, trace

    def begin(self, hours: float, setting: str) -> None:
        """Set the deadline to ``hours`` from now, as ``setting`` allows."""
        self._runner.deadline = time.monotonic() + hours * 3600
        self._runner.deadline_message = f"the run is past its deadline: it may take {hours:g} hours ({setting})"
        faulthandler.dump_traceback_later(hours * 3600 + GRACE, exit=True, file=self._trace)

    def end(self) -> None:
        """Cancel the deadline."""
        faulthandler.cancel_dump_traceback_later()


@contextmanager
def run_lifetime(runner: Runner, run_id: str, launched_by: str, name: str) -> Iterator[Deadline]:
    """A context for the duration of a run, whose record shows other processes that the run goes on.

    ``store.ended`` removes the record once the list of runs says how the run ended; a killed run leaves its record.

    Args:
        runner: the runner of its steps.
        run_id: its id.
        launched_by: who started it.
        name: its name for people.
    """
    details = {
        "began": dt.datetime.now(dt.UTC).isoformat(),
        "mode": runner.settings.mode,
        "name": name,
        "launched_by": launched_by,
        "pid": os.getpid(),
        "host": socket.gethostname(),
    }
    with log_context(run=run_id), runner.store.running(run_id, details) as trace_path, _trace_file(trace_path) as trace:
        deadline = Deadline(runner, trace)
        note("the run began", mode=details["mode"], name=name, launched_by=launched_by)
        try:
            yield deadline
        finally:
            deadline.end()


@contextmanager
def _trace_file(file: Path) -> Iterator[TextIO]:
    """The file for the trace of a process that hangs, opened in advance, since a hanging process may not be able to."""
    with file.open("w", encoding="utf-8") as trace:
        yield trace


@contextmanager
def stopping_between_steps(runner: Runner) -> Iterator[None]:
    """A context in which the first Ctrl-C, SIGTERM or SIGHUP stops the run before its next operation.

    The second one stops it at once. The first does not raise an exception, since that can be lost: one raised during
    garbage collection was printed and ignored, and the run went on to its end.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        if runner.stopping:
            signal.default_int_handler(number, frame)
        runner.stop()

    # An ignored signal stays ignored: under nohup, SIGHUP must not stop the run.
    handled = [number for number in STOPPING if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in handled}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def record_killed_runs(store: Store) -> None:
    """Record every killed run in the list of runs; the caller must hold the store's lock.

    Raises:
        SpiError: if the disk refuses to write; the records of the runs then stay.
    """
    for going in store.runs_in_progress():
        if going.alive:
            continue
        if store.read_run(RUN, going.run_id) is None:
            details = {name: going.details.get(name) for name in ("mode", "name", "launched_by")}
            row = run_row(
                run_id=going.run_id, run_at=began_at(going), state=KILLED, cause=cause_of_death(going),
                failed_checks=0, **details,
            )  # fmt: skip
            store.append_run(RUN, going.run_id, row)
        store.ended(going.run_id)
