"""The cost of computing all wards of England, or a half or quarter of them, and how scores go with deprivation.

    python -m spi_pipeline_tests.benchmarks.england
    python -m spi_pipeline_tests.benchmarks.england --crimes ../shared/data

computes England from the embedded tables, and from tables cut to every fourth and every second council, each in its own
process. It prints the CPU seconds of each stage, the peak memory, and the CPU seconds of a bare DuckDB scan of the same
files. For all of England it then prints the rank correlation with the deprivation index of 2025 by region. It asserts
nothing. ``--crimes`` adds 18 million crimes to the tables (see ``crimes``), made from the publishers' files in the
folder named.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pandas as pd

from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline.contracts.models.geography import ENGLAND, Authority, Geography, Ward
from spi_pipeline.orchestration.assets import operations
from spi_pipeline.run.plan import build_plan
from spi_pipeline.settings import Settings
from spi_pipeline.snapshot.council import VINTAGE, council_geography, geography_file
from spi_pipeline.snapshot.embedded import read_embedded
from spi_pipeline.snapshot.figures import Figures
from spi_pipeline.steps.places import placed
from spi_pipeline_tests.benchmarks.crimes import CRIMES, with_crimes
from spi_pipeline_tests.integration.sandboxes import CONTRACTS, Sandbox

HERE = "spi_pipeline_tests.benchmarks.england"
# The stage under which an operation's time is counted, by its label or the first word of it.
STAGES = {
    "source_street_crime": "crimes", "recent": "months", "completeness": "months", "indicators_of_safety": "safety",
    "source": "sources", "allocation": "geography", "area": "geography", "context": "context",
    "indicators": "indicators", "basis": "basis", "components": "scores", "dimensions": "scores", "index": "scores",
    "uncertainty": "likely ranges", "composition": "composition", "standing": "standing", "joined": "joined",
    "publication": "database",
}  # fmt: skip

ADDED = "crimes added up"


def cut(every: int, folder: Path) -> Path:
    """A new folder with the embedded tables of every ``every``-th council of England; for 1, the existing folder."""
    england = Settings().england
    if every == 1:
        return england
    wards = read_embedded(england, "wards").table.to_pylist()
    codes = sorted({row["authority_code"] for row in wards})[::every]
    some = Geography(
        vintage=VINTAGE,
        authorities=[Authority(code=code, name=code, police_force="england") for code in codes],
        wards=[
            Ward(code=row["area_code"], name=row["area_name"], authority=row["authority_code"])
            for row in wards
            if row["authority_code"] in codes
        ],
    )
    folder.mkdir()
    for name, data in Figures(None, england, some).files(load_contracts(CONTRACTS).sources).items():
        (folder / name).write_bytes(data)
    return folder


def england_in(folder: Path, england: Path) -> Sandbox:
    """A folder for England as ``spi refresh --area england`` makes it, still without a store."""
    folder.mkdir(parents=True, exist_ok=True)
    geography = council_geography(ENGLAND, england, load_contracts(CONTRACTS).sources)
    (folder / "geography.yaml").write_text(geography_file(geography), encoding="utf-8")
    return Sandbox(Settings(council=folder, contracts=CONTRACTS, england=england))


def correlations(sandbox: Sandbox) -> pd.DataFrame:
    """Rank correlation between scores and deprivation over each region's wards, for the index and its dimensions."""
    standing = sandbox.store.read("ward_standing").to_pandas()
    wide = standing[standing["level"] != "component"].pivot(index="area_code", columns="id", values="score")
    context = sandbox.store.read("context").to_pandas()
    deprived = context[context["measure_id"] == "multiple_deprivation"].set_index("area_code")["value"]
    council = sandbox.store.read("wards").to_pandas().set_index("area_code")["authority_code"]
    region = council.map(sandbox.store.read("authority_lookup").to_pandas().set_index("area_code")["region"])
    table = wide.assign(deprived=deprived.reindex(wide.index))
    by_region = table.groupby(region.reindex(wide.index).rename("region"))
    correlation = by_region[[*wide.columns]].apply(lambda rows: rows.corrwith(table["deprived"], method="spearman"))
    correlation.loc["England"] = wide.corrwith(table["deprived"], method="spearman")
    table_with_sizes: pd.DataFrame = correlation.assign(wards=[*by_region.size(), len(wide)])
    return table_with_sizes


def scan(england: Path) -> float:
    """CPU seconds that DuckDB takes to read every value of the same files."""
    began = time.process_time()
    for file in england.glob("*.parquet"):
        duckdb.execute(f"SELECT sum(hash(t)) FROM read_parquet('{file}') t").fetchall()
    return time.process_time() - began


def count_crimes(england: Path) -> int:
    """The number of crimes in the tables of a folder."""
    files = [str(file) for file in england.glob(f"{CRIMES}.*.parquet")]
    return int(duckdb.read_parquet(files).sum("crimes").fetchall()[0][0]) if files else 0


def run(england: Path, whole: Path) -> None:
    """Compute England in this process from the tables of one folder into a new one, and print the cost as JSON."""
    began = time.process_time()
    sandbox = england_in(whole, england)
    contracts, runner, now = sandbox.contracts, sandbox.runner, dt.datetime.now(dt.UTC)
    seconds = {"contracts": time.process_time() - began}
    faults = []
    for label, steps in operations(build_plan(contracts)).items():
        began = time.process_time()
        if label == "recent_recent" and count_crimes(england):
            # Do this before the first step that needs it, to time it separately; the run reuses the result.
            placed(runner.reader.inputs(steps[0]), contracts, CRIMES)
            seconds[ADDED] = time.process_time() - began
            began = time.process_time()
        faults += [one.message for one in runner.run(steps, "england", now) if one.message]
        stage = STAGES.get(label, STAGES.get(label.split("_")[0], "others"))
        seconds[stage] = seconds.get(stage, 0.0) + time.process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    report = {"wards": len(contracts.geography.wards), "seconds": seconds, "peak": peak, "faults": faults[:3]}
    report |= {
        "scan": scan(england),
        "regions": correlations(sandbox).round(2).to_string(),
        "crimes": count_crimes(england),
    }
    print(json.dumps(report))


def measure(every: int, crimes: Path | None) -> dict[str, Any]:
    """The cost of one size, measured in its own process; ``crimes`` is for ``with_crimes``, None for no crimes."""
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        england = cut(every, folder / "cut")
        if crimes is not None:
            source = load_contracts(CONTRACTS).sources[CRIMES]
            england = with_crimes(england, folder / "england", source, crimes)
        command = [sys.executable, "-m", HERE, "--run", str(england), str(folder / "whole")]
        finished = subprocess.run(command, capture_output=True, text=True, check=False)
    if finished.returncode:
        raise SystemExit(f"1/{every} of England ended with {finished.returncode}:\n{finished.stderr}")
    report: dict[str, Any] = json.loads(finished.stdout.splitlines()[-1])
    return report


def main(crimes: Path | None) -> None:
    """Measure each size and print."""
    reports = [measure(every, crimes) for every in (4, 2, 1)]
    names = ["contracts", *dict.fromkeys(STAGES.values()), ADDED, "others"]
    print(f"{'CPU seconds, wards':<20}" + "".join(f"{report['wards']:>12,}" for report in reports))
    print(f"{'crimes':<20}" + "".join(f"{report['crimes']:>12,}" for report in reports))
    for name in names:
        print(f"{name:<20}" + "".join(f"{report['seconds'].get(name, 0):>12.1f}" for report in reports))
    print(f"{'all':<20}" + "".join(f"{sum(report['seconds'].values()):>12.1f}" for report in reports))
    print(f"{'a bare scan':<20}" + "".join(f"{report['scan']:>12.1f}" for report in reports))
    print(f"{'peak MB':<20}" + "".join(f"{report['peak']:>12.0f}" for report in reports))
    print(reports[-1]["regions"])
    for fault in (fault for report in reports for fault in report["faults"]):
        print(fault)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--crimes", type=Path, metavar="FOLDER")
    parser.add_argument("--run", type=Path, nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.run:
        run(*given.run)
    else:
        main(given.crimes)
