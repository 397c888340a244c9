"""The cost of the index engine, compared with the same index in plain pandas, and whether cost grows in proportion.

    python -m spi_pipeline_tests.benchmarks.engine

prints the CPU seconds of each call, without imports and the preparation of data, and the peak memory of its process.

* COINr's example with 1,000 draws: the published data if available, otherwise invented data of the same shape.
* Scores of 7,500 wards by 50 indicators by 10 editions.
* 1,000 draws on 7,500 wards by 50 indicators, with and without sampling error.

Every case runs in its own process. The plain version is the code that a careful analyst writes in an hour; where it
would take too long, it runs fewer draws and its figure is scaled up. The benchmark asserts nothing.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from spi_pipeline.engine import score
from spi_pipeline.engine.uncertainty.simulate import simulate
from spi_pipeline_tests.benchmarks.plain import plain_draws, plain_scores
from spi_pipeline_tests.published.files import FOLDER

HERE = "spi_pipeline_tests.benchmarks.engine"
WARDS, INDICATORS, EDITIONS, DRAWS = 7500, 50, 10, 1000
# Draws of the plain version on 7,500 wards: enough for a timing, few enough to wait for.
FEW = 20
# The share of invented values that are missing.
GAPS = 0.03


def invented(
    units: int, indicators: int, editions: int, *, errors: bool = False
) -> tuple[dict[str, Any], pd.DataFrame]:
    """A framework of four levels and values for it; the indicators are correlated and have gaps."""
    random = np.random.default_rng(0)
    components = max(indicators // 5, 1)
    rows = units * editions
    panel = 50 + 10 * (random.normal(size=(rows, 1)) + random.normal(size=(rows, indicators)))
    panel[random.random(panel.shape) < GAPS] = np.nan
    elements: list[dict[str, Any]] = [{"id": "index"}, *({"id": f"d{n}", "parent": "index"} for n in range(3))]
    elements += [{"id": f"c{n}", "parent": f"d{n % 3}"} for n in range(components)]
    leaf = {"direction": "higher_is_better", "worst": 0, "best": 100}
    elements += [{"id": f"i{n}", "parent": f"c{n % components}", **leaf} for n in range(indicators)]
    wide = pd.DataFrame(panel, columns=[f"i{n}" for n in range(indicators)])
    wide.insert(0, "area_code", np.tile([f"E05{n:06d}" for n in range(units)], editions))
    wide.insert(1, "edition", np.repeat(np.arange(2015, 2015 + editions), units))
    values = wide.melt(["area_code", "edition"], var_name="indicator_id", value_name="value")
    if errors:
        values = values.assign(lower=values["value"] - 3, upper=values["value"] + 3)
    return {"profile": "spi", "elements": elements}, values


def example() -> tuple[dict[str, Any], pd.DataFrame]:
    """COINr's example, or invented data of its shape: 51 countries, 49 indicators, eight groups, gaps and outliers."""
    if not FOLDER.exists():
        framework, values = invented(51, 49, 1)
        return framework | {"impute": "median", "treat": True, "normalise": "minmax"}, values
    from spi_pipeline_tests.published.test_whole_indices import asem, asem_framework, long

    groups = pd.read_csv(FOLDER / "coinr_asem" / "ASEM_iData.csv", index_col="uCode")["EurAsia_group"]
    return asem_framework(impute="group_mean", treat=True), long(asem("dset_Denominated"), group=groups)


def engine_scores(framework: dict[str, Any], values: pd.DataFrame) -> None:
    score(framework, values).table()


def engine_draws(framework: dict[str, Any], values: pd.DataFrame, draws: int = DRAWS) -> None:
    simulate(score(framework, values), draws, 1)


def cases() -> dict[str, tuple[Callable[[], tuple[dict[str, Any], pd.DataFrame]], Callable[..., None], float]]:
    """The cases by name: a function for the data, the call, and the factor for its seconds."""
    many = DRAWS / FEW

    def few(framework: dict[str, Any], values: pd.DataFrame) -> None:
        plain_draws(framework, values, FEW)

    def thousand(framework: dict[str, Any], values: pd.DataFrame) -> None:
        plain_draws(framework, values, DRAWS)

    by_name: dict[str, Any] = {
        "COINr's example, 1,000 draws": (example, engine_draws, 1),
        "the same in plain pandas": (example, thousand, 1),
        "7,500 × 50 × 10 scored": (lambda: invented(WARDS, INDICATORS, EDITIONS), engine_scores, 1),
        "the same in plain pandas ": (lambda: invented(WARDS, INDICATORS, EDITIONS), plain_scores, 1),
        "7,500 × 50, 1,000 draws": (lambda: invented(WARDS, INDICATORS, 1), engine_draws, 1),
        "7,500 × 50, 1,000 draws, sampling too": (lambda: invented(WARDS, INDICATORS, 1, errors=True), engine_draws, 1),
        f"the same in plain pandas, {FEW} draws × {many:g}": (
            lambda: invented(WARDS, INDICATORS, 1, errors=True), few, many,
        ),
    }  # fmt: skip
    for units, indicators, draws in ((3750, 50, 100), (7500, 50, 100), (15000, 50, 100), (7500, 25, 100),
                                     (7500, 100, 100), (7500, 50, 50), (7500, 50, 200)):  # fmt: skip
        by_name[f"{units:,} × {indicators}, {draws} draws"] = (
            lambda units=units, indicators=indicators: invented(units, indicators, 1, errors=True),
            lambda framework, values, draws=draws: engine_draws(framework, values, draws),
            1,
        )
    for units, indicators in ((37500, 50), (75000, 50), (150000, 50), (75000, 25), (75000, 100)):
        by_name[f"{units:,} × {indicators} scored"] = (
            lambda units=units, indicators=indicators: invented(units // 10, indicators, 10), engine_scores, 1,
        )  # fmt: skip
    return by_name


def run(name: str) -> None:
    """Run one case in this process and print its cost."""
    data, call, times = cases()[name]
    arguments = data()
    call(*invented(40, 15, 1, errors=True))  # a small call first, for imports and compilation on first use
    began = time.process_time()
    call(*arguments)
    seconds = (time.process_time() - began) * times
    print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))


def main() -> None:
    """Measure every case and print."""
    print(f"{'':<52}{'CPU s':>8}{'peak MB':>9}")
    for name in cases():
        finished = subprocess.run([sys.executable, "-m", HERE, name], capture_output=True, text=True, check=False)
        if finished.returncode:
            raise SystemExit(f"{name} ended with {finished.returncode}:\n{finished.stderr}")
        seconds, peak = json.loads(finished.stdout.splitlines()[-1])
        print(f"{name:<52}{seconds:>8.2f}{peak:>9.0f}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:]:
        run(sys.argv[1])
    else:
        main()
