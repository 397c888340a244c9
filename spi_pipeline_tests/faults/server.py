"""A process that imports ``spi`` once and forks a child for each command.

Each request is one line of JSON, and so is each response; ``runs.Disk`` documents the requests. The process starts with
the library loaded, so every child can get a disk that fails.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import time
import traceback
from typing import Any

# Imported here, so that no child has to import it again.
import great_expectations  # noqa: F401

import spi_pipeline.cli.terminal
import spi_pipeline.orchestration.build
import spi_pipeline.orchestration.instance
import spi_pipeline.orchestration.refresh
import spi_pipeline.orchestration.watching.status  # noqa: F401
from spi_pipeline.cli import main

NOT_LEFT = 99


def _child(request: dict[str, Any]) -> None:
    os.environ.update(request["environment"])
    for descriptor, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(f"{request['output']}.{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), descriptor)
    sys.argv = ["spi", *request["arguments"]]
    library, fault = ctypes.CDLL(None), request["fault"]
    library.fault_arm(
        os.fsencode(request["folder"]),
        fault["kind"],
        ctypes.c_long(fault["at"]),
        fault["once"],
        fault["number"],
        os.fsencode(request["log"]),
    )
    code = NOT_LEFT
    try:
        main()
    except SystemExit as exit_signal:
        code = int(exit_signal.code or 0)
    except BaseException:
        traceback.print_exc()
    counts = (ctypes.c_long * 3)()
    library.fault_counts(counts)
    with open(f"{request['output']}.counts", "w", encoding="utf-8") as file:  # noqa: PTH123
        json.dump(list(counts), file)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


def _wait_for(child: int, after: float | None) -> int:
    """Wait for a child, or kill it after ``after`` seconds; return its exit code, negative if a signal ended it."""
    if after is not None:
        until = time.monotonic() + after
        while time.monotonic() < until:
            finished, status = os.waitpid(child, os.WNOHANG)
            if finished:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.005)
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def serve() -> None:
    """Run each requested command until there are no more requests."""
    responses = os.fdopen(os.dup(1), "w", encoding="utf-8")
    for line in iter(sys.stdin.readline, ""):
        request = json.loads(line)
        began = time.monotonic()
        child = os.fork()
        if child == 0:
            _child(request)
        code = _wait_for(child, request["kill_after"])
        responses.write(json.dumps({"code": code, "seconds": time.monotonic() - began}) + "\n")
        responses.flush()


if __name__ == "__main__":
    serve()
