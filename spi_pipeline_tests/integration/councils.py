"""Councils by their names, from the embedded figures: how long each takes, what it covers, and what goes wrong.

``python -m spi_pipeline_tests.integration.councils`` computes all 296 with site and report, one after the other on each
processor, and prints a line for each; names or codes after it choose some. Stores are made in a passing folder.
"""

from __future__ import annotations

import datetime as dt
import os
import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline.orchestration.assets import operations
from spi_pipeline.run.plan import build_plan
from spi_pipeline.settings import Settings
from spi_pipeline.snapshot.council import council_code, council_geography, councils, geography_file
from spi_pipeline_tests.integration.houses import CONTRACTS, House


@dataclass(frozen=True)
class Computed:
    """What became of a council.

    Attributes:
        name: its name.
        wards: how many it has.
        slots: how many indicators carry its newest scores.
        scored: how many wards have a score in the newest edition.
        seconds: of the processor.
        megabytes: of memory at most.
        faults: what was refused or broke, in sentences.
        warnings: how many rules warned.
    """

    name: str
    wards: int
    slots: int
    scored: int
    seconds: float
    megabytes: float
    faults: tuple[str, ...]
    warnings: int

    def __str__(self) -> str:
        told = f" {self.faults[0][:300]}" if self.faults else ""
        return (
            f"| {self.name} | {self.wards} | {self.slots} | {self.scored} | {self.seconds:.0f} | {self.megabytes:.0f} "
            f"| {self.warnings} | {len(self.faults)}{told} |"
        )


def council_in(folder: Path, code: str, *outputs: str) -> House:
    """A council's folder, as ``spi council`` makes it, whose store is yet to be made."""
    settings = Settings(council=folder, contracts=CONTRACTS, snapshot=folder / "snapshot", store=str(folder / "store"))
    geography = council_geography(code, settings.england, load_contracts(CONTRACTS).sources)
    (folder / "geography.yaml").write_text(geography_file(geography), encoding="utf-8")
    return House(settings).making(*outputs)


def computed(code: str, folder: Path) -> Computed:
    """Compute a council step by step, without Dagster, and look at what came of it.

    Args:
        code: of the authority.
        folder: an empty one.
    """
    began = time.process_time()
    house = council_in(folder, code, "site", "report")
    contracts, runner, now = house.contracts, house.runner, dt.datetime.now(dt.UTC)
    outcomes = [
        one for steps in operations(build_plan(contracts)).values() for one in runner.run(steps, "council", now)
    ]
    faults = tuple(outcome.message for outcome in outcomes if outcome.message)
    warned = {(outcome.table, result.rule.id) for outcome in outcomes for result in outcome.results
              if result.outcome == "failed" and not result.blocks}  # fmt: skip
    slots = scored = 0
    if house.store.published_version() is not None:
        [(slots,)] = house.query("SELECT count(*) FROM indicator WHERE in_basis")
        [(scored,)] = house.query(
            "SELECT count(*) FROM score s JOIN area USING (area_code) WHERE s.level = 'index' AND profile = 'spi' "
            "AND area.level = 'ward' AND edition = (SELECT max(edition) FROM score) AND score IS NOT NULL"
        )
    return Computed(
        name=contracts.geography.authorities[0].name,
        wards=len(contracts.geography.wards),
        slots=slots,
        scored=scored,
        seconds=time.process_time() - began,
        megabytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
        faults=faults,
        warnings=len(warned),
    )


def _alone(code: str) -> Computed:
    with TemporaryDirectory() as folder:
        return computed(code, Path(folder))


def main(names: list[str]) -> int:
    """Compute some councils, or all; the number of those with a fault is at most 1 in what is returned."""
    known = councils(Settings().england)
    codes = [council_code(name, known) for name in names] or [row["area_code"] for row in known]
    print("| Council | Wards | Slots | Scored | CPU s | MB | Warnings | Faults |", flush=True)
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |", flush=True)
    wrong = 0
    with ProcessPoolExecutor(os.cpu_count(), max_tasks_per_child=1) as pool:
        for found in pool.map(_alone, codes):
            wrong += bool(found.faults or found.scored < found.wards)
            print(found, flush=True)
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
