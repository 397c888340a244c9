"""Uncertainty of transforms: the scale of the values on which they are normalised."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from spi_pipeline.engine.calculate.changes import Changes
from spi_pipeline.engine.calculate.indicators import measured
from spi_pipeline.engine.calculate.score import Scores
from spi_pipeline.engine.framework.bounds import number
from spi_pipeline.engine.framework.uncertainty_settings import UncertaintySettings
from spi_pipeline.engine.normalise.transform import Transform
from spi_pipeline.engine.panel import reference_rows
from spi_pipeline.engine.uncertainty.scale import scale_of
from spi_pipeline.engine.uncertainty.source import Drawable, DrawnParameters, Generators


def prepare(scores: Scores, settings: UncertaintySettings) -> Drawable | str:
    """Draw values as declared or as square roots, where no value is negative."""
    task, raw = scores.inputs.task, reference_rows(scores.indicators.raw, scores.inputs.rows.reference)
    leaves, elements = task.structure.leaves, task.structure.elements
    ends = [(number(elements[name].worst), number(elements[name].best)) for name in leaves]
    positive = (raw.min() >= 0).to_numpy() & np.array([min(end or 0.0 for end in pair) >= 0 for pair in ends])
    recipes = [task.recipe.leaves[name] for name in leaves]
    plain = np.array([one.transform.method == "none" and one.normalise.method != "none" for one in recipes])
    columns = np.flatnonzero(plain & positive)
    if not len(columns):
        return "no untransformed indicator is free of negative values"
    root = Transform("square_root")
    transforms = scores.inputs.measure.transforms
    chosen = [root if column in columns else one for column, one in enumerate(transforms)]
    other, scale = replace(measured(task, chosen), floor=0.0), scale_of(scores)

    def draw(generators: Generators) -> tuple[Changes, DrawnParameters]:
        rooted = np.array([bool(one.integers(2)) for one in generators])
        noted = {"transform": np.where(rooted, "square_root", "as_declared")}
        return Changes(measure=(other, rooted), scale=scale), noted

    return Drawable("as declared, or the square root, on one scale", draw,
                    "either is as likely as the other", columns)  # fmt: skip
