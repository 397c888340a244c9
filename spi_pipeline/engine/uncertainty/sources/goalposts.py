"""Uncertainty of goalposts: the values that score lowest and highest."""

from __future__ import annotations

import numpy as np

from spi_pipeline.engine.calculate.changes import Changes
from spi_pipeline.engine.calculate.score import Scores
from spi_pipeline.engine.framework.uncertainty_settings import UncertaintySettings
from spi_pipeline.engine.uncertainty.source import Drawable, DrawnParameters, Generators


def prepare(scores: Scores, settings: UncertaintySettings) -> Drawable | str:
    """Draw a shift of each goalpost, by a share of the distance between the two."""
    recipe, leaves = scores.task.recipe, scores.task.structure.leaves
    columns = np.flatnonzero([recipe.leaves[name].normalise.method == "goalposts" for name in leaves])
    if not len(columns):
        return "no indicator has goalposts"

    def draw(generators: Generators) -> tuple[Changes, DrawnParameters]:
        shape = (2, len(leaves))
        shifts = np.array([one.uniform(-settings.goalposts, settings.goalposts, shape) for one in generators])
        noted = {
            f"{end} {leaves[column]}": shifts[:, place, column]
            for place, end in enumerate(("worst", "best"))
            for column in columns
        }
        return Changes(shifts=shifts), noted

    return Drawable(f"each shifted by up to {settings.goalposts:.0%} of their distance", draw,
                    "every shift in this range is as likely as another", columns)  # fmt: skip
