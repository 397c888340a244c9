"""The scale that scores of indicators stand on as stated: what another transform or normalisation is brought to.

A square root or a min-max among twenty areas is another unit: it would move all areas by tens of points one way, which
says nothing of how sure a score is. What it leaves open is how far areas stand apart, and in what order.
"""

from __future__ import annotations

import numpy as np

from spi_pipeline.engine.calculate.changes import Scale
from spi_pipeline.engine.calculate.score import Scores
from spi_pipeline.engine.panel import rows_of

# Methods whose scores end where their scale does.
CLOSED = ("goalposts", "minmax", "percentile_rank")


def scale_of(scores: Scores) -> Scale:
    """Mean, standard deviation and ends of the scores of every indicator, over the areas that are compared."""
    recipe, leaves = scores.task.recipe, scores.task.structure.leaves
    stated = rows_of(scores.scores[leaves], scores.inputs.rows.among).to_numpy(dtype=float)
    low, high = np.full(len(leaves), -np.inf), np.full(len(leaves), np.inf)
    for column, spec in enumerate(recipe.leaves[name].normalise for name in leaves):
        if spec.method in CLOSED and spec.options.get("clip", True):
            ends = (float(spec.options.get("low", 0.0)), float(spec.options.get("high", recipe.scale)))
            low[column], high[column] = min(ends), max(ends)
    return Scale(np.nanmean(stated, axis=0), np.nanstd(stated, axis=0), low, high)
