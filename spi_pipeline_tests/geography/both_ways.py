"""Luton's small areas placed by each of the methods used for councils, to measure the error of placement.

No official best fit of Luton's output areas is available. Each output area goes to the ward with most of its postcodes,
as in a best fit.
"""

from __future__ import annotations

import pandas as pd
import pyarrow as pa

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.contracts.models.geography import DOES_WITHOUT
from spi_pipeline.run.plan import build_plan
from spi_pipeline.settings import Settings
from spi_pipeline.snapshot.embedded import read_embedded
from spi_pipeline.steps.inputs import Inputs
from spi_pipeline.steps.step import compute

LEVELS = ("oa", "lsoa", "msoa")


def frame_of(name: str) -> pd.DataFrame:
    return read_embedded(Settings().snapshot, name).table.to_pandas()


def placed_each_way(contracts: Contracts) -> dict[str, pd.DataFrame]:
    """The table ``allocation`` for ``postcodes``, ``output_areas`` and ``best_fit``, each with all geographies."""
    step = next(step for step in build_plan(contracts) if step.kind == "allocation")
    tables = {name: read_embedded(Settings().snapshot, name).table for name in step.inputs}

    def placed(available: dict[str, pa.Table]) -> pd.DataFrame:
        return compute(step, contracts, Inputs(available, dict.fromkeys(available, "embedded"), {}))[
            "allocation"
        ].to_pandas()

    lookup = tables["output_area_lookup"]
    true = placed(tables)
    areas = true[true["geography"] == "oa21"].sort_values(["weight", "area_code"], ascending=[False, True])
    most = areas.drop_duplicates("small_area_code").set_index("small_area_code")["area_code"]
    bare = tables | {name: tables[name].slice(0, 0) for name in DOES_WITHOUT["output_areas"]}
    ward = most.reindex(lookup["area_code"].to_pylist()).tolist()
    return {
        "postcodes": true,
        "output_areas": placed(
            bare | {"output_area_lookup": lookup.drop_columns("ward_code").append_column("ward_code", [ward])}
        ),
        "best_fit": placed(bare),
    }


def of_level(weights: pd.DataFrame, level: str) -> pd.DataFrame:
    """The rows for the 2021 areas of a level."""
    return weights[weights["geography"] == f"{level}21"]
