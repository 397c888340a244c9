"""A whole invented index with two components, one dimension, three editions and gaps, scored step by step."""

from __future__ import annotations

import datetime as dt
from functools import cache

import pandas as pd

from spi_pipeline.contracts.models.framework import Framework
from spi_pipeline.scoring.areas import Areas
from spi_pipeline.scoring.element import component_tables, parent_tables
from spi_pipeline.scoring.tree import Tree
from spi_pipeline_tests.scoring.town import NAN, NORTH, SOUTH, catalogue, framework, indicator, observed, trees

WARDS = [f"E050000{number:02}" for number in range(1, 11)]
EIGHT_AND_TWO = Areas(pd.Series({ward: NORTH if number < 8 else SOUTH for number, ward in enumerate(WARDS)}))
HOUSING, HEALTH = (
    [indicator("a"), indicator("b")], [indicator("c"), indicator("d"), indicator("e", worst=60, best=0)]
)  # fmt: skip
# One of the ten wards lacks ``b`` and another ``d``, both in the north; the profile ``spi`` fills these gaps.
FIGURES = {
    "a": [82, 61, 55, 74, 30, 18, 47, 26, 70, 40, 52, 55],
    "b": [70, 66, 50, 71, NAN, 30, 44, 28, 61, 35, 50, 48],
    "c": [55, 70, 41, 62, 33, 20, 48, 29, 66, 31, 45, 48],
    "d": [51, 77, 49, 60, 30, 26, NAN, 20, 70, 35, 46, 52],
    "e": [12, 5, 22, 14, 33, 41, 20, 44, 9, 30, 24, 20],
}
EDITIONS = [2022, 2023, 2024]
AREAS = [*WARDS, NORTH, SOUTH]


def observations() -> pd.DataFrame:
    """Rows of the product: ``c`` is measured every year, the others only in 2022; ``c`` and ``e`` have intervals."""
    rows = pd.concat([observed(FIGURES, edition, areas=AREAS) for edition in EDITIONS], ignore_index=True)
    yearly = rows["indicator_id"] == "c"
    later = rows["edition"] - EDITIONS[0]
    rows["value"] = rows["value"].where(~yearly, rows["value"] + 3.0 * later)
    rows["status"] = rows["status"].mask(~yearly & (later > 0) & (rows["status"] == "observed"), "carried")
    rows["period_end"] = rows["period_end"].mask(~yearly & rows["period_end"].notna(), dt.date(EDITIONS[0], 12, 31))
    margin = rows["indicator_id"].map({"c": 4.0, "e": 2.0})
    return rows.assign(lower=rows["value"] - margin, upper=rows["value"] + margin)


@cache
def town_trees(mean: str = "arithmetic") -> tuple[dict[str, Tree], Framework]:
    """The whole index under each profile, and the framework."""
    frame = framework(mean=mean)
    return trees(frame, catalogue(housing=HOUSING, health=HEALTH)), frame


@cache
def town_tables(mean: str = "arithmetic") -> dict[str, pd.DataFrame]:
    """The tables that the steps of components, dimensions and the index write, by product."""
    whole, rows = town_trees(mean)[0], observations()
    parts = [
        component_tables(name, {profile: tree.below(name) for profile, tree in whole.items()}, rows, EIGHT_AND_TWO)
        for name in ("housing", "health")
    ]
    for parent in ("needs", "town_index"):
        below = pd.concat([part["element_score"] for part in parts])
        parts.append(parent_tables(parent, whole, below, EIGHT_AND_TWO))
    return {
        name: pd.concat([part[name] for part in parts if name in part], ignore_index=True)
        for name in ("element_score", "weight", "contribution", "imputation")
    }
