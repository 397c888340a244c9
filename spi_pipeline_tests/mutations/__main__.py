"""Try every mutation of every real table: about ten minutes on two cores.

    python -m spi_pipeline_tests.mutations [--write] [--processes N] [--table NAME ...]

Refreshes a store from the embedded figures, spoils each of its tables in every way, and prints what was caught and
missed. Exits with 1 if more was missed than allowed. ``--write`` puts the tables into docs/contracts.md.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from spi_pipeline_tests.docs.documents import put_table
from spi_pipeline_tests.integration.sandboxes import empty_sandbox
from spi_pipeline_tests.mutations.report import BY_KIND, DOCUMENT, MISSED, by_kind, missed_table
from spi_pipeline_tests.mutations.run import Result, judge_all
from spi_pipeline_tests.mutations.tables import real_tables

MOST_MISSED = 0.05


def main() -> int:
    """Run, print, and write if requested; returns 0 if no more was missed than allowed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="put the tables into docs/contracts.md")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--table", nargs="*", default=[], help="only these tables, or all parts of these products")
    options = parser.parse_args()
    os.environ.pop("DAGSTER_HOME", None)
    with tempfile.TemporaryDirectory() as folder:
        sandbox = empty_sandbox(Path(folder))
        if faults := sandbox.refresh().faults:
            print("\n".join(faults), file=sys.stderr)
            return 1
        reals = sorted(real_tables(sandbox), key=lambda real: -real.rows.nbytes)
        names = [
            r.name for r in reals if not options.table or {r.name, r.name.split(".")[0]}.intersection(options.table)
        ]
        results: list[Result] = []
        for judged in judge_all(sandbox, names, options.processes):
            results += judged
            missed = sum(item.missed for item in judged)
            print(f"{judged[0].table}: {len(judged)} mutations, {missed} missed", file=sys.stderr)
        order = [*sandbox.contracts.sources, *sandbox.contracts.products]
        results.sort(key=lambda item: (order.index(item.table.split(".")[0]), item.table))
        tables = {BY_KIND: by_kind(results), MISSED: missed_table(results, sandbox.contracts)}
    for name, table in tables.items():
        print(f"{name}\n\n{table}\n")
        if options.write:
            put_table(DOCUMENT, name, table)
    return _verdict(results)


def _verdict(results: Sequence[Result]) -> int:
    missed = [item for item in results if item.missed]
    sure = [item for item in missed if item.sure]
    for item in sure:
        print(f"never to be missed ({item.sure}): {item.table}.{item.column or '*'}: {item.kind}", file=sys.stderr)
    share = len(missed) / len(results)
    print(f"{len(missed):,} of {len(results):,} missed ({share:.1%}), {len(sure)} of them never to be")
    return int(bool(sure) or len(missed) > MOST_MISSED * len(results))


if __name__ == "__main__":
    sys.exit(main())
