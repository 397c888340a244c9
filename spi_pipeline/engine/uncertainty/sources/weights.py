"""Uncertainty of weights: how much each child counts in its parent."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from spi_pipeline.engine.calculate.changes import Changes
from spi_pipeline.engine.calculate.score import Scores
from spi_pipeline.engine.calculate.weighing import refitted
from spi_pipeline.engine.framework.uncertainty_settings import UncertaintySettings
from spi_pipeline.engine.uncertainty.source import Drawable, DrawnParameters, Generators


def prepare(scores: Scores, settings: UncertaintySettings) -> Drawable | str:
    """Draw a relative change of each weight; the weights of one element's children retain their sum."""
    children = scores.task.structure.children
    if all(len(ids) == 1 for ids in children.values()):
        return "no element has more than one child"
    parents = scores.task.structure.parents
    ends = np.cumsum([0, *(len(children[parent]) for parent in parents)])
    places = {parent: slice(*pair) for parent, pair in zip(parents, pairwise(ends), strict=True)}

    def draw(generators: Generators) -> tuple[Changes, DrawnParameters]:
        factors = np.array([one.uniform(1 - settings.weights, 1 + settings.weights, ends[-1]) for one in generators])
        return Changes(factors={parent: factors[:, place] for parent, place in places.items()}), {}

    fits = settings.refit and any(refitted(scores.task.recipe.parents[parent].weights) for parent in parents)
    refits = ", with principal component weights refitted in each draw" if fits else ""
    return Drawable(f"each changed by up to {settings.weights:.0%}{refits}", draw,
                    "every change in this range is as likely as another")  # fmt: skip
