"""How whole the months of the police's figures are, beside the index."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import pyarrow as pa

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.indicators.completeness import COLUMNS, completeness
from spi_pipeline.steps.indicator import ward_places
from spi_pipeline.steps.inputs import Inputs
from spi_pipeline.steps.pages.markdown import markdown
from spi_pipeline.steps.pages.page import Facts, Page, rests_on
from spi_pipeline.steps.places import placed
from spi_pipeline.steps.step import Step, products


def completeness_step(contracts: Contracts) -> Step:
    """The step of the product ``completeness``."""
    counted = _counted(contracts)
    components = {contracts.component_of[item.id] for item in contracts.monthly if item.id in contracts.component_of}
    return Step(
        name="completeness",
        kind="completeness",
        group="context",
        inputs=(*counted, "wards", "area", "allocation"),
        outputs=("completeness",),
        files=(
            "recent.yaml",
            "framework.yaml",
            *(f"indicators/{component}.yaml" for component in sorted(components)),
            *(contracts.sources[name].file for name in counted),
            *products("completeness"),
        ),
        does=how_whole,
        page=Page(about=_about, preview=_months),
        title="How whole the months are",
        description="Which months the police published, in part or not at all, and how many incidents have no place.",
        lineage={"incidents": tuple((name, column) for name, columns in counted.items() for column in columns)},
    )


def how_whole(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, pd.DataFrame]:
    """The product ``completeness``, without the sources that every authority is without."""
    authority_of = ward_places(inputs, contracts).authorities
    frames = [
        completeness(name, rows, columns, authority_of, contracts.sources[name].properties.months.thin)
        for name, columns in _counted(contracts).items()
        if contracts.geography.holding(name) and len(rows := placed(inputs, contracts, name))
    ]
    return {"completeness": pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=COLUMNS)}


def _counted(contracts: Contracts) -> dict[str, list[str]]:
    """What is counted month by month, by source."""
    return {item.source: item.columns for item in contracts.monthly}


def _about(step: Step, contracts: Contracts) -> Facts:
    bounds = {name: contracts.sources[name].properties.months for name in _counted(contracts)}
    thin = ", ".join(f"{name} {said.thin:.0%} of what is usual" for name, said in bounds.items())
    return {"thin_below": thin, **rests_on(list(bounds), contracts)}


def _months(step: Step, table: pa.Table, contracts: Contracts) -> str:
    """The newest month of each source that is there, and every one that is not whole."""
    rows = table.to_pandas()
    there = rows[rows["state"] != "missing"]
    newest = there["month"] == there.groupby(["source_id", "area_code"])["month"].transform("max")
    shown = there[newest | (there["state"] == "thin")]
    columns = ["source_id", "area_code", "month", "state", "incidents", "share_of_usual", "share_without_place"]
    return markdown(shown[columns].round(3).astype(object).to_dict("records"))
