"""Run commands in separate processes on a disk that fails, fills up or loses writes."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

SOURCE = Path(__file__).with_name("faults.c")
WRITES, READS = 1, 2
LONGEST = 600.0


@dataclass(frozen=True)
class Fault:
    """The calls that a disk refuses.

    Attributes:
        kind: ``WRITES`` (every call that takes space, including ``fsync``) or ``READS``.
        at: the number of the call of that kind that is refused, from 1; 0 for none.
        once: whether later calls succeed.
        number: the error number that the call fails with.
    """

    kind: int = WRITES
    at: int = 0
    once: bool = False
    number: int = 0

    def __str__(self) -> str:
        if not self.at:
            return "no fault"
        name = "write" if self.kind == WRITES else "read"
        return f"{errno.errorcode[self.number]} at {name} {self.at}{'' if self.once else ' and after'}"


def full_from(moment: int) -> Fault:
    """A disk that is full from its ``moment``-th write on."""
    return Fault(WRITES, moment, False, errno.ENOSPC)


def unreadable_at(moment: int, *, once: bool) -> Fault:
    """A disk whose ``moment``-th read fails and, unless ``once``, every later read too."""
    return Fault(READS, moment, once, errno.EIO)


@dataclass(frozen=True)
class CommandResult:
    """The result of a command.

    Attributes:
        code: its exit code; negative if a signal ended it.
        out: its standard output.
        err: its standard error.
        writes, reads, refused: the numbers of calls, and how many were refused; 0 if it was killed.
        seconds: how long it took.
    """

    code: int
    out: str
    err: str
    writes: int
    reads: int
    refused: int
    seconds: float

    @property
    def sentences(self) -> list[str]:
        """The lines of stderr other than progress."""
        return [line for line in self.err.splitlines() if line.strip() and " done" not in line]


class Disk:
    """Runs commands on a folder through the library."""

    def __init__(self, requests: IO[str], responses: IO[str], work: Path) -> None:
        self._requests, self._responses, self._work = requests, responses, work
        self._count = 0

    def run(
        self,
        environment: Mapping[str, str],
        *arguments: str,
        fault: Fault | None = None,
        log: Path | None = None,
        kill_after: float | None = None,
    ) -> CommandResult:
        """Run ``spi``.

        Args:
            environment: contains SPI_STORE, the folder whose calls are counted.
            arguments: of the command.
            fault: the calls that are refused; by default none.
            log: the file that records each change to the folder.
            kill_after: seconds after which the process is killed.
        """
        self._count += 1
        output, fault = self._work / str(self._count), fault or Fault()
        request = {
            "arguments": arguments,
            "environment": dict(environment),
            "folder": str(Path(environment["SPI_STORE"]).resolve()),
            "fault": vars(fault) | {"once": int(fault.once)},
            "log": str(log or ""),
            "output": str(output),
            "kill_after": kill_after,
        }
        self._requests.write(json.dumps(request) + "\n")
        self._requests.flush()
        response = json.loads(self._responses.readline())
        counts = output.with_suffix(".counts")
        call_counts = json.loads(counts.read_text()) if counts.exists() else [0, 0, 0]
        out, err = (Path(f"{output}.{name}").read_text(errors="replace") for name in ("out", "err"))
        for file in self._work.glob(f"{self._count}.*"):
            file.unlink()
        return CommandResult(response["code"], out, err, *call_counts, response["seconds"])


def compile_library(folder: Path) -> Path:
    """Compile the library into a folder.

    Raises:
        FileNotFoundError: if there is no C compiler.
    """
    folder.mkdir(parents=True, exist_ok=True)
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        raise FileNotFoundError("no C compiler: apt-get install gcc libc6-dev")
    library = folder / "faults.so"
    options = ["-shared", "-fPIC", "-O2", "-std=gnu11", "-Wall", "-Wextra", "-Werror"]
    subprocess.run([compiler, *options, "-o", library, SOURCE, "-ldl", "-lpthread"], check=True)
    return library


@contextmanager
def faulty_disk(work: Path) -> Iterator[Disk]:
    """Compile the library, and start a process that runs commands through it.

    Args:
        work: a folder for the library and the output of commands.
    """
    library = compile_library(work)
    environment = {name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"}
    process = subprocess.Popen(
        [sys.executable, "-m", "spi_pipeline_tests.faults.server"],
        env=environment | {"LD_PRELOAD": str(library), "TMPDIR": str(work)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    assert process.stdout
    try:
        yield Disk(process.stdin, process.stdout, work)
    finally:
        process.stdin.close()
        process.wait(LONGEST)
        process.stdout.close()
