"""The cost of rules: all contracts on the snapshot, and 5 million rows of crime compared with Great Expectations.

    python -m spi_pipeline_tests.benchmarks.rules

refreshes a store from the embedded figures, checks every table in it, sources and products, and prints CPU seconds,
wall seconds and peak memory. Each is measured in its own process; importing the libraries is measured separately so
that it can be subtracted. It asserts nothing.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline.rules.evaluation import GREAT_EXPECTATIONS_BELOW, evaluate
from spi_pipeline.run.plan import build_plan
from spi_pipeline.snapshot.embedded import read_embedded
from spi_pipeline_tests.benchmarks.refresh import measure
from spi_pipeline_tests.integration.sandboxes import CONTRACTS, SNAPSHOT, empty_sandbox, sandbox_in

ROWS = 5_000_000
HERE = "spi_pipeline_tests.benchmarks.rules"


def write_crimes(path: Path) -> None:
    """Write ``ROWS`` rows of embedded crimes, repeated; each copy is moved by a hair so that no row is a duplicate."""
    crimes = read_embedded(SNAPSHOT, "street_crime").table.replace_schema_metadata(None)
    copies = []
    for number in range(-(-ROWS // len(crimes))):
        place = crimes.schema.get_field_index("longitude")
        moved = pa.array(crimes["longitude"].to_numpy() + number * 1e-7, pa.float64(), from_pandas=True)
        copy = crimes.set_column(place, "longitude", moved)
        # Rows without a place cannot be moved, so later copies would duplicate them.
        copies.append(copy if number == 0 else copy.filter(pa.array(~np.isnan(moved.to_numpy(zero_copy_only=False)))))
    pq.write_table(pa.concat_tables(copies).slice(0, ROWS), path)


def judge_crimes(path: Path, great_expectations_below: int) -> None:
    """Check a file of crimes with all their rules."""
    rules = load_contracts(CONTRACTS).sources["street_crime"].rules
    results = evaluate(
        pq.read_table(path), rules, table_name="street_crime", great_expectations_below=great_expectations_below
    )
    _refuse_broken([(result.rule.id, result.outcome) for result in results if result.outcome != "passed"])


def judge_store(folder: Path) -> None:
    """Check the tables of a refreshed sandbox with all rules of all contracts, as a refresh does."""
    runner = sandbox_in(folder).runner
    outcomes = runner.check([step for step in build_plan(runner.contracts) if step.outputs])
    _refuse_broken([(outcome.table, r.rule.id) for outcome in outcomes for r in outcome.results if r.blocks])


def _refuse_broken(broken: list[tuple[str, str]]) -> None:
    if broken:
        raise SystemExit(f"what is measured must pass, but there is {broken}")


def main() -> None:
    """Measure and print."""
    contracts = load_contracts(CONTRACTS)
    tables = [*contracts.sources.values(), *contracts.products.values()]
    count = sum(len(table.rules) for table in tables)
    imports = "import great_expectations, duckdb, pandas; import spi_pipeline.run.runner"
    with tempfile.TemporaryDirectory() as folder:
        file, sandbox = Path(folder) / "crimes.parquet", Path(folder) / "sandbox"
        write_crimes(file)
        if faults := empty_sandbox(sandbox).refresh().faults:
            raise SystemExit("\n".join(faults))
        reading = f"import pyarrow.parquet as pq; pq.read_table({str(file)!r})"
        by_name = {
            "import great_expectations and what checks need": measure(["-c", imports], {}),
            f"{count} rules of {len(tables)} contracts, snapshot": measure(["-m", HERE, "store", str(sandbox)], {}),
            f"read {ROWS:,} crimes": measure(["-c", f"{imports}; {reading}"], {}),
            f"{ROWS:,} crimes, set-wise": measure(["-m", HERE, str(file), str(GREAT_EXPECTATIONS_BELOW)], {}),
            f"{ROWS:,} crimes, Great Expectations": measure(["-m", HERE, str(file), str(2 * ROWS)], {}),
        }
    print(f"{'':<50}{'CPU s':>8}{'wall s':>8}{'peak MB':>9}")
    for name, cost in by_name.items():
        print(f"{name:<50}{cost.cpu_seconds:>8.1f}{cost.wall_seconds:>8.1f}{cost.peak_mb:>9.0f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["store"]:
        judge_store(Path(sys.argv[2]))
    elif sys.argv[1:]:
        judge_crimes(Path(sys.argv[1]), int(sys.argv[2]))
    else:
        main()
