"""The scale of indicator scores under the framework's own methods, to which other methods are brought.

A square root, or min-max normalisation among twenty areas, changes the unit. It would move all areas by tens of points
in one direction, which says nothing about the uncertainty of a score. The uncertainty concerns the distances between
areas, and their order.
"""

from __future__ import annotations

import numpy as np

from spi_pipeline.engine.calculate.changes import Scale
from spi_pipeline.engine.calculate.score import Scores
from spi_pipeline.engine.panel import reference_rows

# Methods whose scores are bounded by their scale.
CLOSED = ("goalposts", "minmax", "percentile_rank")


def scale_of(scores: Scores) -> Scale:
    """Mean, standard deviation and limits of the scores of every indicator, over the reference areas."""
    recipe, leaves = scores.task.recipe, scores.task.structure.leaves
    reference = reference_rows(scores.scores[leaves], scores.inputs.rows.reference).to_numpy(dtype=float)
    low, high = np.full(len(leaves), -np.inf), np.full(len(leaves), np.inf)
    for column, spec in enumerate(recipe.leaves[name].normalise for name in leaves):
        if spec.method in CLOSED and spec.options.get("clip", True):
            ends = (float(spec.options.get("low", 0.0)), float(spec.options.get("high", recipe.scale)))
            low[column], high[column] = min(ends), max(ends)
    return Scale(np.nanmean(reference, axis=0), np.nanstd(reference, axis=0), low, high)
