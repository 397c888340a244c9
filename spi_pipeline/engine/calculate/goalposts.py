"""Goalposts and caps given as percentiles, resolved to numbers once the values are known.

``framework.bounds`` reads them; ``indicators`` applies them.
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
from spi_pipeline.engine.panel import reference_rows


def resolved(bound: Bound | None, values: pd.Series) -> float | None:
    """A bound as a number; percentiles are interpolated linearly between two values, as in spreadsheets.

    Raises:
        EngineError: there are no values.
    """
    if not isinstance(bound, Percentile):
        return bound
    observed = values.dropna()
    if observed.empty:
        raise EngineError(f"indicator {values.name} has no observed values to compute {bound} from: give a number")
    return float(np.percentile(observed.to_numpy(dtype=float), bound.at))


def resolve_goalposts(structure: Structure, recipe: Recipe, values: Values) -> tuple[Structure, Recipe]:
    """Structure and recipe with every percentile replaced by its number among the observed values, editions pooled.

    Raises:
        EngineError: percentile goalposts turn out equal or against the direction of their indicator, or a lower cap
            turns out above the upper one.
    """
    panel = reference_rows(values.panel, values.fitted)
    elements, leaves = dict(structure.elements), dict(recipe.leaves)
    for name, leaf in recipe.leaves.items():
        element = elements[name]
        if not any(isinstance(one, Percentile) for one in (element.worst, element.best, leaf.at_least, leaf.at_most)):
            continue
        worst, best, low, high = (
            resolved(bound, panel[name]) for bound in (element.worst, element.best, leaf.at_least, leaf.at_most)
        )
        if worst is not None and best is not None and not (best - worst) * element.direction > 0:
            raise EngineError(
                f"the goalposts of {name} work out at worst {worst:g} ({shown(element.worst)}) and best {best:g} "
                f"({shown(element.best)}), although its direction is {element.direction:+d}: correct one of them"
            )
        if low is not None and high is not None and low > high:
            raise EngineError(f"at_least of {name} comes to {low:g}, above at_most, {high:g}: give others")
        elements[name] = replace(element, worst=worst, best=best)
        leaves[name] = replace(leaf, at_least=low, at_most=high)
    return replace(structure, elements=elements), replace(recipe, leaves=leaves)
