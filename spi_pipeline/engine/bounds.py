"""Goalposts and caps: numbers as stated, or percentiles of the values observed.

How they are stated and what a percentile comes to belong here; what is done with them is in ``indicators``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from spi_pipeline.engine.errors import EngineError
from spi_pipeline.engine.faults import Faults, Place
from spi_pipeline.engine.panel import rows_of

if TYPE_CHECKING:
    from spi_pipeline.engine.recipe import Recipe
    from spi_pipeline.engine.structure import Structure
    from spi_pipeline.engine.values import Values

WRITTEN = re.compile(r"p(\d+(\.\d+)?)")


@dataclass(frozen=True)
class Percentile:
    """A share of the values, in percent: 0 is the lowest of them, 100 the highest."""

    at: float

    def __str__(self) -> str:
        return f"p{self.at:g}"


Bound = float | Percentile


def read_bound(stated: Any, place: Place, what: str, faults: Faults) -> Bound | None:
    """A number, or a percentile written as ``p5``; None and one more fault where it is neither."""
    written = WRITTEN.fullmatch(stated) if isinstance(stated, str) else None
    if written is None and isinstance(stated, str) and re.search(r"\d", stated) and re.search(r"p|th|%", stated, re.I):
        faults.add(place, f"{what} is '{stated}': write a number in digits, or a percentile as p5 or p97.5")
        return None
    if written is None:
        return faults.number(stated, place, what)
    at = float(written[1])
    if at > 100:
        faults.add(place, f"{what} is '{stated}': percentiles run from p0 to p100")
        return None
    return Percentile(at)


def shown(bound: Bound | None) -> str:
    """A bound as people write it."""
    return f"{bound:g}" if isinstance(bound, float) else str(bound)


def number(bound: Bound | None) -> float | None:
    """A bound that has been settled."""
    assert not isinstance(bound, Percentile)
    return bound


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
