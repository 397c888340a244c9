"""The ``spi`` command itself: lists the commands and prints every expected failure as one sentence on stderr."""

import errno
import gc
import math
import os
import signal
import sys
import traceback
from contextlib import suppress
from importlib.metadata import version
from tempfile import NamedTemporaryFile
from typing import Annotated, NoReturn

import typer
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from spi_pipeline.cli import alerts, contracts, site, snapshot
from spi_pipeline.cli.console import BAD_USAGE, FAILED, PLAIN_WIDTH, STOPPED, err, out
from spi_pipeline.cli.council import council
from spi_pipeline.cli.doctor import doctor
from spi_pipeline.cli.explain.command import explain
from spi_pipeline.cli.outputs import publish, report
from spi_pipeline.cli.own import area, source
from spi_pipeline.cli.refresh import check, refresh, status
from spi_pipeline.cli.releases import release
from spi_pipeline.cli.releases.diff import diff
from spi_pipeline.cli.score.arguments import score
from spi_pipeline.cli.store import backup, prune, restore
from spi_pipeline.cli.ui import ui
from spi_pipeline.contracts.errors import NO_MEMORY, ContractError, SettingError, SpiError, UnknownNameError
from spi_pipeline.run.logs import set_up
from spi_pipeline.settings import Settings

# Allocations between two runs of Python's cycle collector. With its default of 700, the collector takes 3 of the 27 CPU
# seconds of a first refresh, nearly all of it on objects that libraries keep for good; with this number it takes 0.8 s,
# for 12 MB more on top of 600.
GARBAGE_AFTER = 200_000
# Errors of a disk, or of the target of output, that is full.
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# The message of the library loader when memory runs out.
OUT_OF_MEMORY = "failed to map segment"

# How commands use a store that machines share: all of them fetch it first, and those that write send their changes.
READING = frozenset(
    ("area", "backup", "check", "diff", "doctor", "explain", "publish", "report", "site", "snapshot", "status", "ui")
)
WRITING = frozenset(("alerts", "prune", "refresh", "release", "restore", "source"))

app = typer.Typer(
    help="The pipeline behind a ward-level Social Progress Index.", no_args_is_help=True, add_completion=False
)
for command in (
    council,
    refresh,
    check,
    status,
    doctor,
    explain,
    diff,
    score,
    report,
    publish,
    ui,
    prune,
    backup,
    restore,
):
    app.command()(command)
for name, group in {
    "contracts": contracts.app,
    "snapshot": snapshot.app,
    "source": source.app,
    "area": area.app,
    "site": site.app,
    "release": release.app,
    "alerts": alerts.app,
}.items():
    app.add_typer(group, name=name)


def _version(requested: bool) -> None:
    if requested:
        out.print(f"spi_pipeline {version('spi-pipeline')}")
        raise typer.Exit


@app.callback()
def _spi(
    _version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    with suppress(ValidationError):  # the command itself reports a faulty setting
        set_up(Settings().log)


def main() -> NoReturn:
    """Run the command and exit; every expected failure is one sentence on stderr.

    Exit codes: 0 done, 1 a check or step failed, 2 bad usage or a bad contract, 130 stopped (Ctrl-C, SIGTERM, SIGHUP).
    """
    gc.set_threshold(GARBAGE_AFTER)
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_DFL:  # under nohup, SIGHUP stays ignored
            signal.signal(number, signal.default_int_handler)
    for console in (out, err):
        if not console.is_terminal:
            console.width = PLAIN_WIDTH
    # Only when the inner function returns are the exception and the objects in its frames released. DuckDB objects that
    # are alive when the interpreter ends make it print leak warnings.
    sys.exit(_flush(_exit_code()))


def _exit_code() -> int | str | None:
    """Run the command, print any error and return the exit code."""
    try:
        _run_on_store()
    except KeyboardInterrupt:
        return _print_error(STOPPED, "stopped; finished work is kept, run the command again to continue")
    except SystemExit as ended:
        return ended.code
    except ContractError as error:
        count = sum(fault.count for fault in error.faults)
        summary = f"{count:,} fault{'s' * (count > 1)} in {error.where}; nothing was done."
        return _print_error(BAD_USAGE, *map(str, error.faults), summary)
    except ValidationError as error:  # of the settings: every other validation handles its errors
        return _print_error(BAD_USAGE, *map(_setting, error.errors()))
    except (SettingError, UnknownNameError) as error:
        return _print_error(BAD_USAGE, str(error))
    except SpiError as error:
        return _print_error(FAILED, str(error))
    except MemoryError:
        _leave_without_memory()
    except Exception as error:
        if isinstance(error, ImportError) and OUT_OF_MEMORY in str(error):
            _leave_without_memory()
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            return _print_error(FAILED, _full_disk(error))
        problem = f"spi broke in our own code ({type(error).__name__}: {' '.join(str(error).split())[:200]})"
        return _print_error(FAILED, f"{problem}; {_trace_advice(error)}")
    return None


def _run_on_store() -> None:
    """Run the command; if machines share the store, run it on this machine's working copy."""
    command = set(sys.argv[1:2])
    copy = Settings().shared if command & (READING | WRITING) and "--help" not in sys.argv else None
    if copy is None:
        return _run()
    from spi_pipeline.storage.shared.copy import run_on_copy

    def notify(sentence: str) -> None:
        err.print(sentence, style="yellow", soft_wrap=True)

    wait = math.inf if "--wait" in sys.argv else 0
    return run_on_copy(copy, _run, writes=bool(command & WRITING), wait=wait, notify=notify)


def _run() -> None:
    try:
        app()
    except SystemExit as ended:
        if ended.code == STOPPED:
            raise KeyboardInterrupt from None
        raise


def _flush(code: int | str | None) -> int | str | None:
    """Flush standard output and return the exit code, that of a failure if the output cannot be written."""
    try:
        sys.stdout.flush()
    except OSError as error:
        sys.stdout = None  # otherwise the interpreter would try again and print its own error
        return code if error.errno == errno.EPIPE else _print_error(FAILED, _full_disk(error))
    return code


def _full_disk(error: OSError) -> str:
    subject = f"{error.filename} could" if error.filename else "The output could"
    return f"{subject} not be written ({error.strerror}): free some disk space and run the command again."


def _trace_advice(error: Exception) -> str:
    try:
        with NamedTemporaryFile("w", prefix="spi-", suffix=".log", delete=False, encoding="utf-8") as trace:
            traceback.print_exception(error, file=trace)
    except OSError as failure:
        return f"no trace could be written ({failure.strerror or failure})"
    return f"report it with the trace in {trace.name}"


def _setting(detail: ErrorDetails) -> str:
    name, given = f"SPI_{str(detail['loc'][0]).upper()}", detail["input"]
    if detail["type"] == "literal_error":
        allowed = detail["ctx"]["expected"].replace("''", "nothing").replace("'", "")
        return f"{name} is {given!r}; set it to {allowed}"
    return f"{name}={given!r}: {detail['msg'].removeprefix('Value error, ')}"


def _leave_without_memory() -> NoReturn:
    """Exit at once: printing, closing or waiting could need memory, or a thread that never started."""
    os.write(2, f"{NO_MEMORY}\n".encode())
    os._exit(FAILED)


def _print_error(code: int, *sentences: str) -> int:
    for sentence in sentences:
        err.print(sentence, style="red", soft_wrap=True)
    return code
