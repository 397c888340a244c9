"""Measure how a store grows over the years, and whether its late days take as long as its early ones.

``python -m spi_pipeline_tests.integration.years 365`` refreshes a store on 365 consecutive days through Dagster. Each
day the clock moves on by a day and one change is drawn with a seed: a month's crimes, a turnout, or the goalpost of an
indicator. It prints a line for each day with the size of the store and the processor time. A folder given after the
number keeps the store, and an interrupted run continues there.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import time_machine

from spi_pipeline_tests.integration.sandboxes import Sandbox, column, empty_sandbox, sandbox_in

BEGINS = dt.datetime(2026, 11, 24, 5, 0, tzinfo=dt.UTC)
SEED = 20261128
# The number of days at the start and at the end that the summary compares.
DAYS = 10
FOLDERS = ("tables", "published", "runs", "dagster", "alerts", "cache")


@dataclass
class Day:
    """The result of one day.

    Attributes:
        number: the number of the day, from 0.
        changed: the kind of change.
        steps: the number of steps that ran.
        seconds: processor time.
        bytes: the size of each folder of the store.
        faults: the faults of the refresh.
    """

    number: int
    changed: str
    steps: int
    seconds: float
    bytes: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        """The size of the whole store in bytes."""
        return sum(self.bytes.values())


def years(sandbox: Sandbox, days: int, seed: int = SEED, first: int = 0) -> Iterator[Day]:
    """Refresh a sandbox once a day.

    Args:
        sandbox: the sandbox; its store may already exist.
        days: the number of days, including those before ``first``.
        seed: the seed of the changes.
        first: the number of the day to start with.
    """
    for number in range(first, days):
        random = np.random.default_rng([seed, number])
        with time_machine.travel(BEGINS + dt.timedelta(days=number)):
            changed = _change(sandbox, random) if number else "nothing yet"
            began = time.clock_gettime(time.CLOCK_PROCESS_CPUTIME_ID)
            done = sandbox.refresh()
            seconds = time.clock_gettime(time.CLOCK_PROCESS_CPUTIME_ID) - began
        sizes = {name: _size(sandbox.store.root / name) for name in FOLDERS}
        yield Day(number, changed, len(done.stale), seconds, sizes, done.faults)


def _change(sandbox: Sandbox, random: np.random.Generator) -> str:
    """Make one change and return its kind."""
    what = random.choice(["crimes", "votes", "goalpost"])
    if what == "goalpost":
        file = sandbox.settings.contracts / "indicators" / "rights_and_voice.yaml"
        text = file.read_text("utf-8")
        best = text.partition("worst: 10, best: ")[2].partition(",")[0]
        sandbox.amend(
            "indicators/rights_and_voice.yaml", f"worst: 10, best: {best}", f"worst: 10, best: {_other(best)}"
        )
    elif what == "crimes":
        sandbox.rewrite("street_crime", lambda table: _one_more(table, "crimes", random))
    else:
        sandbox.rewrite("local_elections_2023", lambda table: _one_more(table, "turnout", random))
    return str(what)


def _other(best: str) -> int:
    return 61 if best == "60" else 60


def _one_more(table: pa.Table, name: str, random: np.random.Generator) -> pa.Table:
    """A copy of the table with one random figure changed: a count rises by one, any other figure moves by 1%."""
    row, sign = int(random.integers(len(table))), int(random.choice([-1, 1]))

    def change(values: list[float | None]) -> list[float | None]:
        value = values[row]
        if value is not None:
            values[row] = value + 1 if isinstance(value, int) else value * (1 + sign / 100)
        return values

    return column(table, name, change)


def _size(folder: Path) -> int:
    files = (Path(place, name) for place, _, names in os.walk(folder) for name in names)
    return sum(file.stat().st_size for file in files if not file.is_symlink())


def main(days: int, to: Path) -> None:
    """Print the result of each day and a summary."""
    os.environ.pop("DAGSTER_HOME", None)
    to.mkdir(parents=True, exist_ok=True)
    kept = to / "days.jsonl"
    finished = [Day(**json.loads(line)) for line in kept.read_text("utf-8").splitlines()] if kept.exists() else []
    sandbox = sandbox_in(to) if finished else empty_sandbox(to)
    for count in () if finished else ("draws: 500", "shares: 250"):  # the uncertainty of ranks takes time but no space
        sandbox.amend("framework.yaml", count, f"{count.split(':')[0]}: 20")
    for day in years(sandbox, days, first=len(finished)):
        finished.append(day)
        with kept.open("a", encoding="utf-8") as opened:
            opened.write(json.dumps(asdict(day)) + "\n")
        sizes = ", ".join(f"{name} {size / 1e6:.1f}" for name, size in day.bytes.items() if size)
        store_size = f"{day.total / 1e6:.1f} MB: {sizes}"
        print(f"day {day.number}: {day.changed}, {day.steps} steps, {day.seconds:.1f} s, {store_size}", flush=True)
        for fault in day.faults:
            print(f"FAULT {fault}")
    first, last = (median(day.seconds for day in part) for part in (finished[1 : DAYS + 1], finished[-DAYS:]))
    most = max(day.total for day in finished) / 1e6
    print(f"{days} days: at most {most:.1f} MB; a day took {first:.1f} s of the first {DAYS}, {last:.1f} s of the last")


if __name__ == "__main__":
    if len(sys.argv) > 2:
        main(int(sys.argv[1]), Path(sys.argv[2]))
    else:
        with TemporaryDirectory() as folder:
            main(int(sys.argv[1]), Path(folder))
