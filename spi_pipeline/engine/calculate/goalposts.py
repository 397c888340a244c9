"""Goalposts and caps that are percentiles made numbers, once the values are known.

How they are stated is in ``framework.bounds``; what is done with them is in ``indicators``.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from spi_pipeline.engine.errors import EngineError
from spi_pipeline.engine.framework.bounds import Bound, Percentile, shown
from spi_pipeline.engine.framework.recipe import Recipe
from spi_pipeline.engine.framework.structure import Structure
from spi_pipeline.engine.framework.values import Values
from spi_pipeline.engine.panel import rows_of


def known(bound: Bound | None, values: pd.Series) -> float | None:
    """A bound as a number: of a percentile, the place between two values on a straight line, as spreadsheets have it.

    Raises:
        EngineError: there are no values.
    """
    if not isinstance(bound, Percentile):
        return bound
    observed = values.dropna()
    if observed.empty:
        raise EngineError(f"indicator {values.name} has no observed values to take {bound} of: state a number")
    return float(np.percentile(observed.to_numpy(dtype=float), bound.at))


def settled(structure: Structure, recipe: Recipe, values: Values) -> tuple[Structure, Recipe]:
    """Both with every percentile replaced by the number it is among the observed values, all editions pooled.

    Raises:
        EngineError: goalposts that are percentiles turn out equal or against the direction of their indicator, or a
            lower cap above the upper one.
    """
    panel = rows_of(values.panel, values.fitted)
    elements, leaves = dict(structure.elements), dict(recipe.leaves)
    for name, leaf in recipe.leaves.items():
        element = elements[name]
        if not any(isinstance(one, Percentile) for one in (element.worst, element.best, leaf.at_least, leaf.at_most)):
            continue
        worst, best, low, high = (
            known(bound, panel[name]) for bound in (element.worst, element.best, leaf.at_least, leaf.at_most)
        )
        if worst is not None and best is not None and not (best - worst) * element.direction > 0:
            raise EngineError(
                f"the goalposts of {name} come to worst {worst:g} ({shown(element.worst)}) and best {best:g} "
                f"({shown(element.best)}), which do not go with its direction: state others"
            )
        if low is not None and high is not None and low > high:
            raise EngineError(f"the values of {name} would be held between {low:g} and {high:g}: state others")
        elements[name] = replace(element, worst=worst, best=best)
        leaves[name] = replace(leaf, at_least=low, at_most=high)
    return replace(structure, elements=elements), replace(recipe, leaves=leaves)
