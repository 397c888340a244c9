"""What all wards of England cost together, at a quarter, half and all of them, and how they go with deprivation.

    python -m spi_pipeline_tests.benchmarks.england

computes England from the embedded tables, and from those cut to every fourth and every second council, each in its own
process, and prints CPU seconds of each stage, the peak of memory, and CPU seconds of a bare DuckDB scan of the same
files. Of all of England it then prints the rank correlation with the deprivation index of 2025 by region. It asserts
nothing.
"""

from __future__ import annotations

import datetime as dt
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

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
from spi_pipeline_tests.integration.houses import CONTRACTS, House

HERE = "spi_pipeline_tests.benchmarks.england"
# What is counted together, by the first word of an operation's label.
STAGES = {
    "source": "sources", "allocation": "geography", "area": "geography", "context": "context",
    "indicators": "indicators", "basis": "basis", "components": "scores", "dimensions": "scores", "index": "scores",
    "uncertainty": "likely ranges", "composition": "composition", "standing": "standing", "joined": "joined",
    "publication": "database",
}  # fmt: skip


def cut(every: int, folder: Path) -> Path:
    """The embedded tables of every so many councils of England, as a folder of their own; all of them for 1."""
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


def england_in(folder: Path, england: Path) -> House:
    """A folder of England as ``spi refresh --area england`` makes it, whose store is yet to be made."""
    folder.mkdir(parents=True, exist_ok=True)
    geography = council_geography(ENGLAND, england, load_contracts(CONTRACTS).sources)
    (folder / "geography.yaml").write_text(geography_file(geography), encoding="utf-8")
    return House(Settings(council=folder, contracts=CONTRACTS, england=england))


def correlations(house: House) -> pd.DataFrame:
    """Rank correlation of each region's wards with their deprivation, in the index and its dimensions."""
    standing = house.store.read("ward_standing").to_pandas()
    wide = standing[standing["level"] != "component"].pivot(index="area_code", columns="id", values="score")
    context = house.store.read("context").to_pandas()
    deprived = context[context["measure_id"] == "multiple_deprivation"].set_index("area_code")["value"]
    council = house.store.read("wards").to_pandas().set_index("area_code")["authority_code"]
    region = council.map(house.store.read("authority_lookup").to_pandas().set_index("area_code")["region"])
    table = wide.assign(deprived=deprived.reindex(wide.index))
    by_region = table.groupby(region.reindex(wide.index).rename("region"))
    found = by_region[[*wide.columns]].apply(lambda rows: rows.corrwith(table["deprived"], method="spearman"))
    found.loc["England"] = wide.corrwith(table["deprived"], method="spearman")
    told: pd.DataFrame = found.assign(wards=[*by_region.size(), len(wide)])
    return told


def scan(england: Path) -> float:
    """CPU seconds in which DuckDB reads every value of the same files."""
    began = time.process_time()
    for file in england.glob("*.parquet"):
        duckdb.execute(f"SELECT sum(hash(t)) FROM read_parquet('{file}') t").fetchall()
    return time.process_time() - began


def run(every: int) -> None:
    """One size in this process; its cost printed as JSON."""
    with TemporaryDirectory() as folder:
        england = cut(every, Path(folder) / "england")
        began = time.process_time()
        house = england_in(Path(folder) / "whole", england)
        contracts, runner, now = house.contracts, house.runner, dt.datetime.now(dt.UTC)
        seconds = {"contracts": time.process_time() - began}
        faults = []
        for label, steps in operations(build_plan(contracts)).items():
            began = time.process_time()
            faults += [one.message for one in runner.run(steps, "england", now) if one.message]
            stage = STAGES.get(label.split("_")[0], "others")
            seconds[stage] = seconds.get(stage, 0.0) + time.process_time() - began
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        told = {"wards": len(contracts.geography.wards), "seconds": seconds, "peak": peak, "faults": faults[:3]}
        told |= {"scan": scan(england), "regions": correlations(house).round(2).to_string() if every == 1 else ""}
    print(json.dumps(told))


def main() -> None:
    """Measure each size and print."""
    found = []
    for every in (4, 2, 1):
        done = subprocess.run([sys.executable, "-m", HERE, str(every)], capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"1/{every} of England ended with {done.returncode}:\n{done.stderr}")
        found.append(json.loads(done.stdout.splitlines()[-1]))
    names = ["contracts", *dict.fromkeys(STAGES.values()), "others"]
    print(f"{'CPU seconds':<20}" + "".join(f"{one['wards']:>8,}" for one in found))
    for name in names:
        print(f"{name:<20}" + "".join(f"{one['seconds'].get(name, 0):>8.1f}" for one in found))
    print(f"{'all':<20}" + "".join(f"{sum(one['seconds'].values()):>8.1f}" for one in found))
    print(f"{'a bare scan':<20}" + "".join(f"{one['scan']:>8.1f}" for one in found))
    print(f"{'peak MB':<20}" + "".join(f"{one['peak']:>8.0f}" for one in found))
    print(found[-1]["regions"])
    for fault in (fault for one in found for fault in one["faults"]):
        print(fault)


if __name__ == "__main__":
    if sys.argv[1:]:
        run(int(sys.argv[1]))
    else:
        main()
