"""A whole invented index: two components, one dimension, two editions, a predecessor, gaps; scored by the pipeline."""

from __future__ import annotations

from functools import cache

import pandas as pd

from spi_pipeline.contracts.models.framework import Framework
from spi_pipeline.scoring.above import score_parent
from spi_pipeline.scoring.again import Tables
from spi_pipeline.scoring.component import score_component
from spi_pipeline.scoring.tables import Areas
from spi_pipeline_tests.scoring.town import NAN, NO_YARDSTICK, NORTH, SOUTH, framework, goalposts, indicator, observed

WARDS = [f"E050000{number:02}" for number in range(1, 11)]
EIGHT_AND_TWO = Areas(pd.Series({ward: NORTH if number < 8 else SOUTH for number, ward in enumerate(WARDS)}))
NEW, OLD = indicator("new", predecessor="old"), indicator("old", worst=80, best=10)
HOUSING, HEALTH = [NEW, OLD, indicator("b")], [indicator("c"), indicator("d"), indicator("e", worst=60, best=0)]
# From the north ten per cent are missing, which is filled; in the second edition d is gone altogether.
FIGURES = {
    "old": [20, 35, 50, 30, 65, 70, 45, 75, 40, 60, 44, 50],
    "new": [82, 61, 55, 74, 30, 18, 47, 26, 70, 40, 52, 55],
    "b": [70, 66, 50, 71, NAN, 30, 44, 28, 61, 35, 50, 48],
    "c": [55, 70, 41, 62, 33, 20, 48, 29, 66, 31, 45, 48],
    "d": [51, 77, 49, 60, 30, 26, NAN, 20, 70, 35, 46, 52],
    "e": [12, 5, 22, 14, 33, 41, 20, 44, 9, 30, 24, 20],
}
EDITIONS = {2023: ["old", "b", "c", "d", "e"], 2024: ["new", "b", "c", "e"]}


def observations() -> pd.DataFrame:
    """Rows of the product; the values of ``c`` have an interval of four points either way."""
    areas = [*WARDS, NORTH, SOUTH]
    shifted = {2023: 0, 2024: 3}
    rows = pd.concat([
        observed({name: [value + shifted[edition] for value in FIGURES[name]] for name in names}, edition, areas=areas)
        for edition, names in EDITIONS.items()
    ])  # fmt: skip
    margin = rows["indicator_id"].map({"c": 4.0})
    return rows.assign(lower=rows["value"] - margin, upper=rows["value"] + margin)


@cache
def town_index(mean: str = "arithmetic") -> tuple[Tables, Framework]:
    """The tables the pipeline makes of it, every level in ``score``, and the framework."""
    indicators, rows, posts = [*HOUSING, *HEALTH], observations(), goalposts(*HOUSING, *HEALTH)
    frame, editions = framework(mean=mean), sorted(EDITIONS)
    parts = {
        name: score_component(name, items, rows[rows["indicator_id"].isin([item.id for item in items])], editions,
                              posts, NO_YARDSTICK, frame, EIGHT_AND_TWO)
        for name, items in (("housing", HOUSING), ("health", HEALTH))
    }  # fmt: skip
    below = pd.concat([part.score for part in parts.values()])
    below = below[below["level"] == "component"]
    parts["needs"] = score_parent("needs", "dimension", below, {"housing": 2, "health": 3}, frame, EIGHT_AND_TWO)
    parts["town_index"] = score_parent("town_index", "index", parts["needs"].score, {"needs": 5}, frame, EIGHT_AND_TWO)
    score, weight, imputation = (
        pd.concat([getattr(part, name) for part in parts.values()], ignore_index=True)
        for name in ("score", "weight", "imputation")
    )
    catalogue = posts.assign(direction=[item.direction for item in indicators]).rename_axis("indicator_id")
    return Tables(score, weight, rows, imputation, catalogue.reset_index()), frame
