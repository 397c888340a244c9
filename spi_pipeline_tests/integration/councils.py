"""Councils by their names, from the embedded figures: how long each takes, what it covers, and what goes wrong.

    python -m spi_pipeline_tests.integration.councils [--outputs NAMES] [--kept FILE] [--write] [NAME ...]

Computes all 296, one after the other on each processor, and prints a line for each; names or codes choose some. Stores
are made in a passing folder. --outputs makes more than the database, such as site,report. What --kept names holds those
that are done, so that a loop that was ended goes on where it was. With --write the table in docs/councils.md is written
from all of them.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import multiprocessing
import os
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline.orchestration.assets import operations
from spi_pipeline.run.plan import build_plan
from spi_pipeline.settings import Settings
from spi_pipeline.snapshot.council import council_code, council_geography, councils, geography_file
from spi_pipeline_tests.docs.documents import REPOSITORY, markdown_table, put_table
from spi_pipeline_tests.integration.houses import CONTRACTS, House

DOCUMENT = REPOSITORY / "docs" / "councils.md"
COLUMNS = ("Council", "Wards", "Slots", "Scored", "Electors", "CPU s", "MB", "Warnings", "Faults")


@dataclass(frozen=True)
class Computed:
    """What became of a council.

    Attributes:
        name: its name.
        wards: how many it has.
        slots: how many indicators carry its newest scores.
        scored: how many wards have a score in the newest edition.
        electors: percent by which electors for each resident of 16 and over, as best fit places them, vary between
            wards: the standard deviation of their logarithm. None where the council did not elect these wards in 2023.
        seconds: of the processor.
        megabytes: of memory at most.
        faults: what was refused or broke, in sentences.
        warnings: how many rules warned.
    """

    name: str
    wards: int
    slots: int
    scored: int
    electors: float | None
    seconds: float
    megabytes: float
    faults: tuple[str, ...]
    warnings: int

    @property
    def cells(self) -> tuple[object, ...]:
        """Its row of the table, ``COLUMNS``."""
        electors = "–" if self.electors is None else f"{self.electors:.0f}%"
        told = f"{len(self.faults)}: {self.faults[0]}" if self.faults else "–"
        return (self.name, self.wards, self.slots, self.scored, electors, f"{self.seconds:.0f}",
                f"{self.megabytes:.0f}", self.warnings, told)  # fmt: skip


def council_in(folder: Path, code: str, *outputs: str) -> House:
    """A council's folder, as ``spi council`` makes it, whose store is yet to be made."""
    settings = Settings(council=folder, contracts=CONTRACTS, snapshot=folder / "snapshot", store=str(folder / "store"))
    geography = council_geography(code, settings.england, load_contracts(CONTRACTS).sources)
    (folder / "geography.yaml").write_text(geography_file(geography), encoding="utf-8")
    return House(settings).making(*outputs)


def computed(code: str, folder: Path, *outputs: str) -> Computed:
    """Compute a council step by step, without Dagster, and look at what came of it.

    Args:
        code: of the authority.
        folder: an empty one.
        outputs: what is made beside the database.
    """
    began = time.process_time()
    house = council_in(folder, code, *outputs)
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
        electors=_electors(house),
        seconds=time.process_time() - began,
        megabytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
        faults=faults,
        warnings=len(warned),
    )


def _electors(house: House) -> float | None:
    versions = house.store.versions()
    if "local_elections_2023" not in versions:
        return None
    elected, adults, placed = (
        house.store.read(name).to_pandas() for name in ("local_elections_2023", "census_qualifications", "allocation")
    )
    placed = placed.merge(adults, left_on="small_area_code", right_on="area_code", suffixes=("", "_small"))
    adults_of = (placed["weight"] * placed["residents_16_and_over"]).groupby(placed["area_code"]).sum()
    electors = elected.set_index("area_code")["electorate"].dropna()
    ratio = np.log(electors / adults_of.reindex(electors.index))
    return float(ratio.std() * 100) if len(ratio) > 1 else None


def _alone(code: str, outputs: Sequence[str]) -> tuple[str, Computed]:
    with TemporaryDirectory() as folder:
        return code, computed(code, Path(folder), *outputs)


def _all(codes: Sequence[str], outputs: Sequence[str], kept: Path | None) -> Iterator[Computed]:
    """Each council, those that were kept first."""
    done: dict[str, Computed] = {}
    if kept and kept.exists():
        for line in kept.read_text(encoding="utf-8").splitlines():
            code, found = json.loads(line)
            done[code] = Computed(**found | {"faults": tuple(found["faults"])})
    yield from (done[code] for code in codes if code in done)
    # Each council has a process of its own, since the most memory is a process's. What all of them import, for five
    # seconds, is imported once.
    forked = multiprocessing.get_context("forkserver")
    forked.set_forkserver_preload(["spi_pipeline_tests.integration.councils", "great_expectations"])
    with ProcessPoolExecutor(os.cpu_count(), forked, max_tasks_per_child=1) as pool:
        tasks = [pool.submit(_alone, code, outputs) for code in codes if code not in done]
        for task in as_completed(tasks):
            code, found = task.result()
            if kept:
                with kept.open("a", encoding="utf-8") as file:
                    file.write(json.dumps([code, asdict(found)]) + "\n")
            yield found


def main() -> int:
    """Compute some councils, or all; 1 where one has a fault or a ward without a score."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--outputs", default="")
    parser.add_argument("--kept", type=Path)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    known = councils(Settings().england)
    codes = [council_code(name, known) for name in asked.names] or [row["area_code"] for row in known]
    found = []
    for one in _all(codes, [name for name in asked.outputs.split(",") if name], asked.kept):
        found.append(one)
        print(" | ".join(map(str, one.cells)), flush=True)
    table = markdown_table(COLUMNS, [one.cells for one in sorted(found, key=lambda one: one.name)],
                           numbers=COLUMNS[1:-1])  # fmt: skip
    if asked.write:
        put_table(DOCUMENT, "councils", table)
    return int(any(one.faults or one.scored < one.wards for one in found))


if __name__ == "__main__":
    sys.exit(main())
