"""How many signals are false, and how soon the charts find a rise by half; takes some two minutes.

    python -m spi_pipeline_tests.charts [--histories N] [--write]

Runs the step ``recent`` on the embedded figures and prints both. The exit code is 1 if there are more false signals
than allowed. ``--write`` puts the tables into docs/reading-the-index.md.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

import numpy as np

from spi_pipeline_tests.charts.histories import DRAWS, resampled
from spi_pipeline_tests.charts.performance import WITHIN, delays, false_signals
from spi_pipeline_tests.charts.real import limit_of, real_counts
from spi_pipeline_tests.docs.documents import REPOSITORY, markdown_table, put_table
from spi_pipeline_tests.integration.sandboxes import empty_sandbox

DOCUMENT = REPOSITORY / "docs" / "reading-the-index.md"
SEED = 1


def main() -> int:
    """Run and print, and write the tables if requested; 0 if there are no more false signals than allowed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--histories", type=int, default=200)
    parser.add_argument("--write", action="store_true", help="put the tables into docs/reading-the-index.md")
    arguments = parser.parse_args()
    os.environ.pop("DAGSTER_HOME", None)
    with tempfile.TemporaryDirectory() as folder:
        sandbox = empty_sandbox(Path(folder))
        if faults := sandbox.refresh("recent").faults:
            print("\n".join(faults), file=sys.stderr)
            return 1
        reals, allowed = real_counts(sandbox), sandbox.contracts.recent.false_signals
        limit = limit_of(sandbox, reals)
    print(f"{sum(len(real.counts) for real in reals.values())} charts, limit {limit:.2f} standard deviations\n")
    rows, most = [], 0.0
    for name, draw in DRAWS.items():
        total = sum(false_signals(reals, draw, limit, arguments.histories, SEED).values())
        rows.append([name, f"{total:.1f}"])
        most = max(most, total)
    false_signals_table = markdown_table(
        ["Histories without a change", "Signals a year"], rows, numbers=["Signals a year"]
    )
    rows = []
    for measure, real in reals.items():
        for ward, months in delays(real, resampled(1), limit, arguments.histories // 4, SEED).items():
            median = np.median(months)
            shares = [f"{np.mean(months <= within):.0%}" for within in WITHIN]
            rows.append([f"`{measure}`", ward, f"{median:.0f}" if np.isfinite(median) else "over 24", *shares])
    header = ["Measure", "Ward", "Median months", *(f"within {within}" for within in WITHIN)]
    tables = {"false signals": false_signals_table, "delays": markdown_table(header, rows, numbers=header[2:])}
    for name, table in tables.items():
        print(f"{name}\n\n{table}\n")
        if arguments.write:
            put_table(DOCUMENT, name, table)
    return int(most > allowed)


if __name__ == "__main__":
    sys.exit(main())
