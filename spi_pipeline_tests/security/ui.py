"""``spi ui`` in a separate process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping

from spi_pipeline_tests.integration.sandboxes import Sandbox
from spi_pipeline_tests.security.serving import PATIENCE, graphql


def start_ui(sandbox: Sandbox, more: Mapping[str, str], *arguments: str) -> subprocess.Popen[bytes]:
    """Start the command in a sandbox."""
    code = f"import sys; from spi_pipeline.cli import main; sys.argv = ['spi', 'ui', *{arguments!r}]; main()"
    environment = os.environ | sandbox.environment | more
    quiet = subprocess.DEVNULL
    return subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=quiet, stderr=quiet)


def stop_ui(process: subprocess.Popen[bytes], by: signal.Signals) -> int:
    """Signal the process to stop and return its exit code."""
    process.send_signal(by)
    return process.wait(5 * PATIENCE)


def first_response(port: int, query: str) -> str:
    """The first response of a server that is starting up."""
    deadline = time.monotonic() + 5 * PATIENCE
    while True:
        try:
            return graphql(port, query)[1]
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
