"""The cost of a refresh, compared with that of its libraries alone, measured within the same minutes.

    python -m spi_pipeline_tests.benchmarks.refresh

prints CPU seconds (which other jobs on the machine hardly affect), wall seconds and peak memory of a first refresh from
an empty store, of a second one with nothing to do, of one after a goalpost was moved, and of the peers. It asserts
nothing: compare a figure with the peers in the same run, not with figures from another machine or day.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from spi_pipeline.run.plan import build_plan
from spi_pipeline_tests.integration.sandboxes import Sandbox, empty_sandbox

# A process inherits its parent's memory at the start as its own peak, so a bare process starts and measures it.
LAUNCHER = """
import resource, subprocess, sys, time
began = time.monotonic()
code = subprocess.call(sys.argv[1:])
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime, time.monotonic() - began, used.ru_maxrss / 1024)
sys.exit(code)
"""
SPI = "import sys; from spi_pipeline.cli import main; sys.argv = ['spi', 'refresh']; main()"


@dataclass(frozen=True)
class Cost:
    """The resources that a process and its children used."""

    cpu_seconds: float
    wall_seconds: float
    peak_mb: float


def measure(arguments: Sequence[str], environment: Mapping[str, str]) -> Cost:
    """Run Python with some arguments to its end; if it fails, show its output and stop."""
    command = [sys.executable, "-c", LAUNCHER, sys.executable, *arguments]
    finished = subprocess.run(command, env=os.environ | dict(environment), capture_output=True, text=True, check=False)
    if finished.returncode:
        raise SystemExit(f"{' '.join(arguments)} ended with {finished.returncode}:\n{finished.stdout}{finished.stderr}")
    return Cost(*map(float, finished.stdout.splitlines()[-1].split()))


def costs(sandbox: Sandbox, home: Path) -> dict[str, Cost]:
    """The costs by name, in the order measured: refreshes of a sandbox without a store, and their peers."""
    count = len(build_plan(sandbox.contracts))
    home.mkdir()
    environment = sandbox.environment | {"DAGSTER_HOME": ""}
    by_name = {
        "import pandas": measure(["-c", "import pandas"], {}),
        "import dagster": measure(["-c", "import dagster"], {}),
        "import great_expectations": measure(["-c", "import great_expectations"], {}),
        f"{count} trivial assets, stock Dagster": measure(
            ["-m", "spi_pipeline_tests.benchmarks.peer", str(count), str(home)], {"DAGSTER_HOME": str(home)}
        ),
        "first refresh": measure(["-c", SPI], environment),
        "second refresh, nothing stale": measure(["-c", SPI], environment),
    }
    sandbox.amend("indicators/safety.yaml", "goalposts: {worst: 160", "goalposts: {worst: 170")
    return by_name | {"refresh after a moved goalpost": measure(["-c", SPI], environment)}


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        by_name = costs(empty_sandbox(Path(folder)), Path(folder) / "peer")
    print(f"{'':<40}{'CPU s':>8}{'wall s':>8}{'peak MB':>9}")
    for name, cost in by_name.items():
        print(f"{name:<40}{cost.cpu_seconds:>8.1f}{cost.wall_seconds:>8.1f}{cost.peak_mb:>9.0f}")


if __name__ == "__main__":
    main()
