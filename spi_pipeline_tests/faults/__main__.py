"""Faults at every step of a refresh: a full disk, failing reads, power cuts, kills.

    python -m spi_pipeline_tests.faults [--whole] [--fault KIND ...] [--every N] [--kills N] [--seed N]

Disturbs the refresh of one changed source (three steps) or, with --whole, the very first refresh. After each fault it
checks the messages, the tables that readers see, the report of ``spi status`` and the result of the next refresh. The
disk fills up at each of the pipeline's own writes and at one in N writes of Dagster's history; reads fail at one in N
calls, and the power goes at one in N. With --every 1 every call is tried. Prints each case that failed, then a table;
exits with 1 if any failed.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from spi_pipeline_tests.faults.proof import (
    HISTORY,
    ReferenceRefresh,
    cut_power,
    kill_refresh,
    moments,
    prepare_reference,
    refresh_on_faulty_disk,
)
from spi_pipeline_tests.faults.replay import Cut, operations
from spi_pipeline_tests.faults.runs import Disk, faulty_disk, full_from, unreadable_at
from spi_pipeline_tests.integration.sandboxes import copied, empty_sandbox

FULL, READ, POWER, KILL = "full", "read", "power", "kill"
NAMES = {
    FULL: "disk full from the n-th write on",
    READ: "the n-th read fails, once or for good",
    POWER: "power goes, unsynced writes and names dropped, kept or torn",
    KILL: "SIGKILL at a random moment",
}
# A case that was tried: its name, and what went wrong.
Case = tuple[str, list[str]]


def main() -> int:
    """Try the faults and print the results; return 0 if every refresh survived."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--whole", action="store_true", help="disturb the first refresh of all")
    parser.add_argument("--fault", nargs="*", choices=list(NAMES), default=list(NAMES))
    parser.add_argument("--every", type=int, default=50, help="try one of so many calls")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=16)
    arguments = parser.parse_args()
    os.environ.pop("DAGSTER_HOME", None)
    lines = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with faulty_disk(folder / "work") as disk:
            reference = _reference(disk, folder, whole=arguments.whole)
            for kind in arguments.fault:
                cases = list(_try_cases(kind, reference, disk, folder / "case", arguments))
                survived = sum(not problems for _, problems in cases)
                lines.append((kind, survived, len(cases)))
    print("| fault | survived |\n| --- | --- |")
    for kind, survived, count in lines:
        print(f"| {NAMES[kind]} | {survived:,} of {count:,} |")
    return int(any(survived < count for _, survived, count in lines))


def _reference(disk: Disk, folder: Path, *, whole: bool) -> ReferenceRefresh:
    sandbox = empty_sandbox(folder / "sandbox")
    if whole:
        return prepare_reference(disk, sandbox, folder)
    result = disk.run(sandbox.environment, "refresh")
    if result.code:
        raise SystemExit(result.err)
    return prepare_reference(disk, copied(sandbox, folder / "changed"), folder)


def _try_cases(
    kind: str, reference: ReferenceRefresh, disk: Disk, place: Path, arguments: argparse.Namespace
) -> Iterator[Case]:
    for number, (case, problems) in enumerate(_cases(kind, reference, disk, place, arguments), start=1):
        if problems:
            print(f"{case}: {'; '.join(problems)}", flush=True)
        print(f"\r{kind}: {number}", end="", file=sys.stderr, flush=True)
        yield case, problems
    print(file=sys.stderr)


def _cases(
    kind: str, reference: ReferenceRefresh, disk: Disk, place: Path, arguments: argparse.Namespace
) -> Iterator[Case]:
    chance = random.Random(arguments.seed)
    if kind == FULL:
        writes = reference.writes()
        its = [number for number, path in writes if path.startswith(HISTORY)]
        some = {its[moment - 1] for moment in moments(len(its), len(its) // arguments.every, chance)}
        for number, path in writes:
            if number in some or not path.startswith(HISTORY):
                yield (
                    f"full from write {number}, {path}",
                    refresh_on_faulty_disk(reference, disk, full_from(number), place)[1],
                )
    elif kind == READ:
        for number in moments(reference.result.reads, reference.result.reads // arguments.every, chance):
            for once in (True, False):
                fault = unreadable_at(number, once=once)
                yield str(fault), refresh_on_faulty_disk(reference, disk, fault, place)[1]
    elif kind == POWER:
        count = sum(1 for _ in operations(reference.log))
        for number in moments(count, count // arguments.every, chance):
            for cut in (Cut("none", "none"), Cut("all", "none"), Cut("some", "some", number)):
                ((_, _, problems),) = cut_power(reference, disk, [(number, cut)], place)
                yield f"power goes after operation {number} ({cut})", problems
    else:
        for _ in range(arguments.kills):
            after = chance.uniform(0, reference.result.seconds)
            yield f"killed after {after:.2f} s", kill_refresh(reference, disk, after, place)[1]


if __name__ == "__main__":
    sys.exit(main())
