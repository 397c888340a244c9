"""Uncertainty of aggregation: the mean that combines children into their parent."""

from __future__ import annotations

import numpy as np

from spi_pipeline.engine.calculate.changes import Changes
from spi_pipeline.engine.calculate.forward import AVERAGES
from spi_pipeline.engine.calculate.score import Scores
from spi_pipeline.engine.framework.uncertainty_settings import UncertaintySettings
from spi_pipeline.engine.panel import reference_rows
from spi_pipeline.engine.uncertainty.source import Drawable, DrawnParameters, Generators

ALTERNATIVES = ("as_declared", "arithmetic", "geometric")


def prepare(scores: Scores, settings: UncertaintySettings) -> Drawable | str:
    """Draw every power mean as declared, arithmetic, or geometric."""
    if not any(parent.mean.method in AVERAGES for parent in scores.task.recipe.parents.values()):
        return "no level is formed by a mean"
    if (reference_rows(scores.scores, scores.inputs.rows.reference) < 0).any(axis=None):
        # A geometric mean of scores around 0 would lift half of them to its floor, which would be another index.
        return "scores below 0 have no geometric mean"

    def draw(generators: Generators) -> tuple[Changes, DrawnParameters]:
        chosen = np.array([ALTERNATIVES[one.integers(len(ALTERNATIVES))] for one in generators])
        return Changes(means=chosen), {"aggregation": chosen}

    return Drawable("as declared, arithmetic, or geometric", draw, "each is as likely as another")
