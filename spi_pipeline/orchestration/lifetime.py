"""The life of a run: it begins with a record, has a deadline, and ends with word of how it ended, or is found killed.

That holds for each run of the command and of Dagster. Nothing here imports Dagster.
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

from spi_pipeline.orchestration.runs import KILLED, RUN, began, cause_of_death
from spi_pipeline.run.logs import about as log_about
from spi_pipeline.run.logs import note
from spi_pipeline.run.records import run_row

if TYPE_CHECKING:
    from spi_pipeline.run.runner import Runner
    from spi_pipeline.storage.store import Store

# A run that does not end by itself so many seconds past its deadline hangs, and its process is ended.
GRACE = 300.0
# What a service manager, a closing terminal and a person send who want the run to stop.
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Deadline:
    """When a run is to be over, and what then ends it.

    First it is asked to end, which it does before its next operation. One that hangs hears nothing: then its process
    is ended by a thread of the interpreter's own, which needs no lock that what hangs may hold, nor any memory.
    """

    def __init__(self, runner: Runner, trace: TextIO) -> None:
        self._runner, self._trace = runner, trace

    def begin(self, hours: float, setting: str) -> None:
        """Count anew: from now on ``hours``, which is what ``setting`` allows."""
        self._runner.until = time.monotonic() + hours * 3600
        self._runner.late = f"the run is past its deadline: it may take {hours:g} hours ({setting})"
        faulthandler.dump_traceback_later(hours * 3600 + GRACE, exit=True, file=self._trace)

    def end(self) -> None:
        """Count no longer."""
        faulthandler.cancel_dump_traceback_later()


@contextmanager
def living(runner: Runner, run_id: str, launched_by: str, name: str) -> Iterator[Deadline]:
    """A context in which a run goes on, and by whose record others see that it does.

    ``store.ended`` takes the record away once it is written down how the run ended; who is killed leaves it.

    Args:
        runner: what runs its steps.
        run_id: its id.
        launched_by: who started it.
        name: what people call it.
    """
    about = {
        "began": dt.datetime.now(dt.UTC).isoformat(),
        "mode": runner.settings.mode,
        "name": name,
        "launched_by": launched_by,
        "pid": os.getpid(),
        "host": socket.gethostname(),
    }
    with log_about(run=run_id), runner.store.going(run_id, about) as stood, _written(stood) as trace:
        deadline = Deadline(runner, trace)
        note("the run began", mode=about["mode"], name=name, launched_by=launched_by)
        try:
            yield deadline
        finally:
            deadline.end()


@contextmanager
def _written(stood: Path) -> Iterator[TextIO]:
    """The file that the trace of a process that hangs is written to, opened before it may be too late to."""
    with stood.open("w", encoding="utf-8") as trace:
        yield trace


@contextmanager
def stopping_between_steps(runner: Runner) -> Iterator[None]:
    """A context in which the first Ctrl-C, SIGTERM or SIGHUP stops the run before its next operation, the second now.

    An exception that a signal raises anywhere can be lost: one that came while the interpreter cleared objects away was
    printed and ignored, and the run went on to its end.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        if runner.stopping:
            signal.default_int_handler(number, frame)
        runner.stop()

    # What is ignored stays so: nohup ignores SIGHUP, and then it is not meant.
    heard = [number for number in STOPPING if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def bury(store: Store) -> None:
    """Write down of each run that was killed that it was, in the list of runs; only for who holds the store's lock.

    Raises:
        SpiError: where the disk refuses; the records of the runs then stay.
    """
    for going in store.all_going():
        if going.alive:
            continue
        if store.read_run(RUN, going.run_id) is None:
            about = {name: going.about.get(name) for name in ("mode", "name", "launched_by")}
            row = run_row(
                run_id=going.run_id, run_at=began(going), state=KILLED, cause=cause_of_death(going),
                failed_checks=0, **about,
            )  # fmt: skip
            store.append_run(RUN, going.run_id, row)
        store.ended(going.run_id)
