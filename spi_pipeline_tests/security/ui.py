"""``spi ui`` as a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping

from spi_pipeline_tests.integration.houses import House
from spi_pipeline_tests.security.serving import PATIENCE, graphql


def started(house: House, more: Mapping[str, str], *arguments: str) -> subprocess.Popen[bytes]:
    """The command, on a house."""
    code = f"import sys; from spi_pipeline.cli import main; sys.argv = ['spi', 'ui', *{arguments!r}]; main()"
    environment = os.environ | house.environment | more
    quiet = subprocess.DEVNULL
    return subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=quiet, stderr=quiet)


def stopped(process: subprocess.Popen[bytes], by: signal.Signals) -> int:
    """Its exit code, once it was told to stop."""
    process.send_signal(by)
    return process.wait(5 * PATIENCE)


def answered(port: int, query: str) -> str:
    """The first answer of a server that is being started."""
    until = time.monotonic() + 5 * PATIENCE
    while True:
        try:
            return graphql(port, query)[1]
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)
