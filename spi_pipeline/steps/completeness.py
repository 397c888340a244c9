"""How complete the months of the police figures are; the index does not read this."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import pyarrow as pa

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.indicators.completeness import COLUMNS, completeness
from spi_pipeline.steps.indicator import ward_places
from spi_pipeline.steps.inputs import Inputs
from spi_pipeline.steps.pages.markdown import markdown
from spi_pipeline.steps.pages.page import Facts, Page, source_facts
from spi_pipeline.steps.places import placed
from spi_pipeline.steps.recent import monthly_files
from spi_pipeline.steps.step import Step, products


def completeness_step(contracts: Contracts) -> Step:
    """The step of the product ``completeness``."""
    counted = _counted(contracts)
    return Step(
        name="completeness",
        kind="completeness",
        group="context",
        inputs=(*counted, "wards", "area", "allocation"),
        outputs=("completeness",),
        files=(*monthly_files(contracts), *products("completeness")),
        does=completeness_table,
        page=Page(about=_about, preview=_months),
        title="Completeness of the months",
        description="The months that the police published in full, in part or not at all, and how many incidents "
        "have no place.",
        lineage={"incidents": tuple((name, column) for name, columns in counted.items() for column in columns)},
    )


def completeness_table(step: Step, contracts: Contracts, inputs: Inputs) -> Mapping[str, pd.DataFrame]:
    """The product ``completeness``, without the sources that no authority holds."""
    authority_of = ward_places(inputs, contracts).authorities
    frames = [
        completeness(name, rows, columns, authority_of, contracts.sources[name].properties.months.thin)
        for name, columns in _counted(contracts).items()
        if contracts.geography.holding(name) and len(rows := placed(inputs, contracts, name))
    ]
    return {"completeness": pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=COLUMNS)}


def _counted(contracts: Contracts) -> dict[str, list[str]]:
    """The columns that are counted month by month, by source."""
    return {item.source: item.columns for item in contracts.monthly}


def _about(step: Step, contracts: Contracts) -> Facts:
    bounds = {name: contracts.sources[name].properties.months for name in _counted(contracts)}
    thin = ", ".join(f"{name} {months.thin:.0%} of what is usual" for name, months in bounds.items())
    return {"thin_below": thin, **source_facts(list(bounds), contracts)}


def _months(step: Step, table: pa.Table, contracts: Contracts) -> str:
    """The newest published month of each source, and every month that is thin."""
    rows = table.to_pandas()
    present = rows[rows["state"] != "missing"]
    newest = present["month"] == present.groupby(["source_id", "area_code"])["month"].transform("max")
    shown = present[newest | (present["state"] == "thin")]
    columns = ["source_id", "area_code", "month", "state", "incidents", "share_of_usual", "share_without_place"]
    return markdown(shown[columns].round(3).astype(object).to_dict("records"))
