"""Compute councils by name from the embedded figures: how long each takes, what it covers and which faults it has.

    python -m spi_pipeline_tests.integration.councils [--outputs NAMES] [--write] [--go-on] [NAME ...]

Without names or codes it computes all 296 councils, one at a time on each processor, and prints a line for each.
Stores are built in a temporary folder. --outputs adds outputs to the database, such as site,report. --write puts each
council into the table in docs/councils.md as soon as it is computed. --go-on skips the councils that the table lists
without a fault, so that an interrupted run continues where it stopped.
"""

from __future__ import annotations

import argparse
import datetime as dt
import multiprocessing
import os
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline.orchestration.assets import operations
from spi_pipeline.run.plan import build_plan
from spi_pipeline.settings import Settings
from spi_pipeline.snapshot.council import council_code, council_geography, councils, geography_file
from spi_pipeline_tests.docs.documents import REPOSITORY, markdown_table, put_table, table_in
from spi_pipeline_tests.integration.sandboxes import CONTRACTS, Sandbox

DOCUMENT = REPOSITORY / "docs" / "councils.md"
TABLE = "councils"
COLUMNS = ("Council", "Wards", "Slots", "Scored", "Electors", "CPU s", "MB", "Warnings", "Faults")
FAULTLESS = "–"


@dataclass(frozen=True)
class Computed:
    """The result for one council.

    Attributes:
        name: its name.
        wards: the number of wards.
        slots: the number of indicators behind its newest scores.
        scored: the number of wards with a score in the newest edition.
        electors: how much the number of electors per resident aged 16 and over, allocated by best fit, varies between
            wards, in percent: the standard deviation of its logarithm. None if the council did not elect these wards
            in 2023.
        seconds: processor time.
        megabytes: peak memory.
        faults: refusals and failures, one message each.
        warnings: the number of rules that warned.
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
        """The row in the table; its columns are ``COLUMNS``."""
        electors = "–" if self.electors is None else f"{self.electors:.0f}%"
        faults = f"{len(self.faults)}: {self.faults[0]}" if self.faults else FAULTLESS
        return (self.name, self.wards, self.slots, self.scored, electors, f"{self.seconds:.0f}",
                f"{self.megabytes:.0f}", self.warnings, faults)  # fmt: skip


def council_in(folder: Path, code: str, *outputs: str) -> Sandbox:
    """A council's folder as ``spi council`` creates it, with no store yet."""
    settings = Settings(council=folder, contracts=CONTRACTS, snapshot=folder / "snapshot", store=str(folder / "store"))
    geography = council_geography(code, settings.england, load_contracts(CONTRACTS).sources)
    (folder / "geography.yaml").write_text(geography_file(geography), encoding="utf-8")
    return Sandbox(settings).building(*outputs)


def computed(code: str, folder: Path, *outputs: str) -> Computed:
    """Compute a council step by step, without Dagster, and summarise the result.

    Args:
        code: the code of the authority.
        folder: an empty folder.
        outputs: the outputs to build in addition to the database.
    """
    began = time.process_time()
    sandbox = council_in(folder, code, *outputs)
    contracts, runner, now = sandbox.contracts, sandbox.runner, dt.datetime.now(dt.UTC)
    outcomes = [
        one for steps in operations(build_plan(contracts)).values() for one in runner.run(steps, "council", now)
    ]
    faults = tuple(outcome.message for outcome in outcomes if outcome.message)
    warned = {(outcome.table, result.rule.id) for outcome in outcomes for result in outcome.results
              if result.outcome == "failed" and not result.blocks}  # fmt: skip
    slots = scored = 0
    if sandbox.store.published_version() is not None:
        [(slots,)] = sandbox.query("SELECT count(*) FROM indicator WHERE in_basis")
        [(scored,)] = sandbox.query(
            "SELECT count(*) FROM score s JOIN area USING (area_code) WHERE s.level = 'index' AND profile = 'spi' "
            "AND area.level = 'ward' AND edition = (SELECT max(edition) FROM score) AND score IS NOT NULL"
        )
    return Computed(
        name=contracts.geography.authorities[0].name,
        wards=len(contracts.geography.wards),
        slots=slots,
        scored=scored,
        electors=_electors(sandbox),
        seconds=time.process_time() - began,
        megabytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
        faults=faults,
        warnings=len(warned),
    )


def _electors(sandbox: Sandbox) -> float | None:
    versions = sandbox.store.versions()
    if "local_elections_2023" not in versions:
        return None
    elected, adults, placed = (
        sandbox.store.read(name).to_pandas() for name in ("local_elections_2023", "census_qualifications", "allocation")
    )
    placed = placed.merge(adults, left_on="small_area_code", right_on="area_code", suffixes=("", "_small"))
    adults_of = (placed["weight"] * placed["residents_16_and_over"]).groupby(placed["area_code"]).sum()
    electors = elected.set_index("area_code")["electorate"].dropna()
    ratio = np.log(electors / adults_of.reindex(electors.index))
    return float(ratio.std() * 100) if len(ratio) > 1 else None


def _in_temporary_folder(code: str, outputs: Sequence[str]) -> Computed:
    with TemporaryDirectory() as folder:
        return computed(code, Path(folder), *outputs)


def _all(codes: Sequence[str], outputs: Sequence[str]) -> Iterator[Computed]:
    """Yield each council as soon as it is computed."""
    # Each council gets its own process, because peak memory is measured per process. The imports that all of them
    # need take five seconds, so they are done once.
    forked = multiprocessing.get_context("forkserver")
    forked.set_forkserver_preload(["spi_pipeline_tests.integration.councils", "great_expectations"])
    with ProcessPoolExecutor(os.cpu_count(), forked, max_tasks_per_child=1) as pool:
        for task in as_completed([pool.submit(_in_temporary_folder, code, outputs) for code in codes]):
            yield task.result()


def _in_document() -> dict[str, tuple[object, ...]]:
    """The rows of the table by council name."""
    rows = [tuple(line.strip("| ").split(" | ")) for line in table_in(DOCUMENT, TABLE).splitlines()[2:]]
    return {row[0]: row for row in rows}


def main() -> int:
    """Compute the chosen councils, or all; return 1 if any has a fault or a ward without a score."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--outputs", default="")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--go-on", action="store_true")
    options = parser.parse_args()
    known = councils(Settings().england)
    named = {row["area_code"]: row["area_name"] for row in known}
    codes = [council_code(name, known) for name in options.names] or list(named)
    rows = _in_document() if options.go_on or options.names else {}
    if options.go_on:
        codes = [code for code in codes if named[code] not in rows or rows[named[code]][-1] != FAULTLESS]
    faultless = True
    for one in _all(codes, [name for name in options.outputs.split(",") if name]):
        rows[one.name], faultless = one.cells, faultless and not one.faults and one.scored == one.wards
        print(" | ".join(map(str, one.cells)), flush=True)
        if options.write:
            put_table(DOCUMENT, TABLE, markdown_table(COLUMNS, [rows[name] for name in sorted(rows)],
                                                      numbers=COLUMNS[1:-1]))  # fmt: skip
    return int(not faultless)


if __name__ == "__main__":
    sys.exit(main())
