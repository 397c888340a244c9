"""Uncertainty of normalisation: the method that turns values into scores."""

from __future__ import annotations

import numpy as np

from spi_pipeline.engine.calculate.changes import Changes, Normalisation
from spi_pipeline.engine.calculate.score import Scores
from spi_pipeline.engine.framework.uncertainty_settings import UncertaintySettings
from spi_pipeline.engine.panel import reference_rows
from spi_pipeline.engine.uncertainty.scale import scale_of
from spi_pipeline.engine.uncertainty.source import Drawable, DrawnParameters, Generators

ALTERNATIVES = ("as_declared", "minmax", "percentile_rank")
# Methods that take scores or ranks as given; these indicators are not normalised in another way.
GIVEN = ("none", "exponential", "exponential_of_ranks")


def prepare(scores: Scores, settings: UncertaintySettings) -> Drawable | str:
    """Draw the normalisation as declared, min-max, or percentile rank."""
    recipe, leaves = scores.task.recipe, scores.task.structure.leaves
    methods = np.array([recipe.leaves[name].normalise.method for name in leaves])
    reference = scores.inputs.rows.reference
    raw = reference_rows(scores.indicators.treated, reference)
    columns = np.flatnonzero((raw.max() > raw.min()).to_numpy() & ~np.isin(methods, GIVEN))
    if not len(columns):
        return "scores or ranks are taken as given"
    if min(map(len, scores.inputs.rows.ranked.values())) < 2:
        return "a single area cannot be compared with others"
    scale = scale_of(scores)

    def draw(generators: Generators) -> tuple[Changes, DrawnParameters]:
        chosen = np.array([ALTERNATIVES[one.integers(len(ALTERNATIVES))] for one in generators])
        return Changes(normalisation=Normalisation(columns, chosen), scale=scale), {"normalisation": chosen}

    return Drawable("as declared, min-max, or percentile rank, on one scale", draw,
                    "each is as likely as another", columns)  # fmt: skip
