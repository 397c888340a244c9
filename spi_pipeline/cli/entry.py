"""The ``spi`` command itself: which commands there are, and every expected failure as one sentence on stderr."""

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

# So many objects are made between two looks of Python's collector of cycles. At its own 700 the looks take 3 of the 27
# CPU s of a first refresh, nearly all at what libraries keep for good; at this number 0.8 s, in 12 MB more of 600.
GARBAGE_AFTER = 200_000
# What a disk, or the place that output goes to, says when it takes no more.
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# How the loader of libraries says that there is no memory.
UNMAPPED = "failed to map segment"

# What a command does to a store that machines share: those that write send what they wrote, all bring it first.
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


def _version(wanted: bool) -> None:
    if wanted:
        out.print(f"spi_pipeline {version('spi-pipeline')}")
        raise typer.Exit


@app.callback()
def _spi(
    _version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which version this is.")
    ] = False,
) -> None:
    with suppress(ValidationError):  # the command itself says what is wrong with a setting
        set_up(Settings().log)


def main() -> NoReturn:
    """Run the command; every expected failure is one sentence on stderr.

    Exit codes: 0 done, 1 a check or step failed, 2 bad usage or a bad contract, 130 stopped (Ctrl-C, SIGTERM, SIGHUP).
    """
    gc.set_threshold(GARBAGE_AFTER)
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_DFL:  # under nohup SIGHUP is ignored, and stays so
            signal.signal(number, signal.default_int_handler)
    for console in (out, err):
        if not console.is_terminal:
            console.width = PLAIN_WIDTH
    # Only then is what was raised let go of, with all that its frames hold: alive at the interpreter's end, objects of
    # DuckDB's make it write of leaks.
    sys.exit(_written(_ended()))


def _ended() -> int | str | None:
    """Run the command, say what went wrong, and return the exit code."""
    try:
        _at_work()
    except KeyboardInterrupt:
        return _told(STOPPED, "stopped; what was done is kept, run the command again to go on")
    except SystemExit as left:
        return left.code
    except ContractError as error:
        count = sum(fault.count for fault in error.faults)
        counted = f"{count:,} fault{'s' * (count > 1)} in {error.where}; nothing was done."
        return _told(BAD_USAGE, *map(str, error.faults), counted)
    except ValidationError as error:  # of the settings: nothing else is validated unguarded
        return _told(BAD_USAGE, *(_setting(e["loc"][0], e["input"], e["msg"]) for e in error.errors()))
    except (SettingError, UnknownNameError) as error:
        return _told(BAD_USAGE, str(error))
    except SpiError as error:
        return _told(FAILED, str(error))
    except MemoryError:
        _leave_without_memory()
    except Exception as error:
        if isinstance(error, ImportError) and UNMAPPED in str(error):
            _leave_without_memory()
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            return _told(FAILED, _without_room(error))
        said = f"spi broke in our own code ({type(error).__name__}: {' '.join(str(error).split())[:200]})"
        return _told(FAILED, f"{said}; {_traced(error)}")
    return None


def _at_work() -> None:
    """Run the command; where machines share the store, on this one's working copy of it."""
    named = set(sys.argv[1:2])
    copy = Settings().shared if named & (READING | WRITING) and "--help" not in sys.argv else None
    if copy is None:
        return _run()
    from spi_pipeline.storage.shared.copy import at_work

    def tell(sentence: str) -> None:
        err.print(sentence, style="yellow", soft_wrap=True)

    wait = math.inf if "--wait" in sys.argv else 0
    return at_work(copy, _run, writes=bool(named & WRITING), wait=wait, tell=tell)


def _run() -> None:
    try:
        app()
    except SystemExit as left:
        if left.code == STOPPED:
            raise KeyboardInterrupt from None
        raise


def _written(code: int | str | None) -> int | str | None:
    """The exit code, once all that there was to say has been taken."""
    try:
        sys.stdout.flush()
    except OSError as error:
        sys.stdout = None  # the interpreter would try again, and say so in its own way
        return code if error.errno == errno.EPIPE else _told(FAILED, _without_room(error))
    return code


def _without_room(error: OSError) -> str:
    file = f"{error.filename} could" if error.filename else "What there was to write or to print could"
    return f"{file} not be written ({error.strerror}): free some disk space and run the command again."


def _traced(error: Exception) -> str:
    try:
        with NamedTemporaryFile("w", prefix="spi-", suffix=".log", delete=False, encoding="utf-8") as trace:
            traceback.print_exception(error, file=trace)
    except OSError as refused:
        return f"no trace could be kept ({refused.strerror or refused})"
    return f"report it with the trace in {trace.name}"


def _setting(name: object, given: object, fault: str) -> str:
    return f"SPI_{str(name).upper()}={given!r}: {fault.removeprefix('Value error, ')}"


def _leave_without_memory() -> NoReturn:
    """Nothing is printed, closed or waited for that would ask for memory, or for a thread that never began."""
    os.write(2, f"{NO_MEMORY}\n".encode())
    os._exit(FAILED)


def _told(code: int, *sentences: str) -> int:
    for sentence in sentences:
        err.print(sentence, style="red", soft_wrap=True)
    return code
