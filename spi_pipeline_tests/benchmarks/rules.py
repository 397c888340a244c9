"""What rules cost: all contracts on the embedded figures, and 5 million rows of crime beside Great Expectations.

    python -m spi_pipeline_tests.benchmarks.rules

prints CPU seconds, wall seconds and peak memory, each measured in a process of its own; the import of a library is
measured by itself, so that it can be taken off. It asserts nothing.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from spi_pipeline.checks.evaluation import SET_WISE_ABOVE, evaluate
from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline.snapshot.embedded import read_embedded, snapshot_tables
from spi_pipeline_tests.benchmarks.refresh import measured
from spi_pipeline_tests.integration.houses import CONTRACTS, SNAPSHOT

ROWS = 5_000_000
HERE = "spi_pipeline_tests.benchmarks.rules"


def write_crimes(path: Path) -> None:
    """The embedded crimes over and over, each copy moved by a hair so that no row has a twin, to ``ROWS`` rows."""
    crimes = read_embedded(SNAPSHOT, "street_crime").table.replace_schema_metadata(None)
    copies = []
    for number in range(-(-ROWS // len(crimes))):
        place = crimes.schema.get_field_index("longitude")
        moved = pa.array(crimes["longitude"].to_numpy() + number * 1e-7, pa.float64(), from_pandas=True)
        copy = crimes.set_column(place, "longitude", moved)
        # Rows without a place would be twins of those of the copy before.
        copies.append(copy if number == 0 else copy.filter(pa.array(~np.isnan(moved.to_numpy(zero_copy_only=False)))))
    pq.write_table(pa.concat_tables(copies).slice(0, ROWS), path)


def judge_crimes(path: Path, set_wise_above: int) -> None:
    """All rules of the crimes on a file of them."""
    rules = load_contracts(CONTRACTS).sources["street_crime"].rules
    results = evaluate(pq.read_table(path), rules, table_name="street_crime", set_wise_above=set_wise_above)
    _refuse_broken([(result.rule.id, result.outcome) for result in results if result.outcome != "passed"])


def judge_snapshot() -> None:
    """All rules of all sources on the embedded figures."""
    sources = load_contracts(CONTRACTS).sources
    broken = []
    for name in snapshot_tables(SNAPSHOT):
        results = evaluate(read_embedded(SNAPSHOT, name).table, sources[name].rules, table_name=name)
        broken += [(name, result.rule.id) for result in results if result.blocks]
    _refuse_broken(broken)


def _refuse_broken(broken: list[tuple[str, str]]) -> None:
    if broken:
        raise SystemExit(f"what is measured must pass, but there is {broken}")


def main() -> None:
    """Measure and print."""
    contracts = load_contracts(CONTRACTS)
    count = sum(len(source.rules) for source in contracts.sources.values())
    imports = "import great_expectations, duckdb, pandas; import spi_pipeline.checks.evaluation"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "crimes.parquet"
        write_crimes(file)
        reading = f"import pyarrow.parquet as pq; pq.read_table({str(file)!r})"
        found = {
            "import great_expectations and what checks need": measured(["-c", imports], {}),
            f"{count} rules of {len(contracts.sources)} sources, snapshot": measured(["-m", HERE, "snapshot"], {}),
            f"read {ROWS:,} crimes": measured(["-c", f"{imports}; {reading}"], {}),
            f"{ROWS:,} crimes, set-wise": measured(["-m", HERE, str(file), str(SET_WISE_ABOVE)], {}),
            f"{ROWS:,} crimes, Great Expectations": measured(["-m", HERE, str(file), str(2 * ROWS)], {}),
        }
    print(f"{'':<50}{'CPU s':>8}{'wall s':>8}{'peak MB':>9}")
    for name, cost in found.items():
        print(f"{name:<50}{cost.cpu_seconds:>8.1f}{cost.wall_seconds:>8.1f}{cost.peak_mb:>9.0f}")


if __name__ == "__main__":
    if sys.argv[1:] == ["snapshot"]:
        judge_snapshot()
    elif sys.argv[1:]:
        judge_crimes(Path(sys.argv[1]), int(sys.argv[2]))
    else:
        main()
