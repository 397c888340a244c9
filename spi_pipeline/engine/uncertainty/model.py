"""The simulation model of an index: the sources of uncertainty that its data allow, and the changes of each draw.

Every source draws from a generator of its own, made from the seed, the source and the number of the draw. A draw is
therefore the same on every machine, in any order, and together with any other sources.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from spi_pipeline.engine.calculate.changes import Changes, merged
from spi_pipeline.engine.calculate.forward import Pass, forward
from spi_pipeline.engine.calculate.score import Scores
from spi_pipeline.engine.calculate.weighing import refitted
from spi_pipeline.engine.framework.uncertainty_settings import SOURCES, UncertaintySettings
from spi_pipeline.engine.uncertainty.errors import UncertainValues, drawn_values
from spi_pipeline.engine.uncertainty.source import Drawable, DrawnParameters, Varied
from spi_pipeline.engine.uncertainty.sources import PREPARE
from spi_pipeline.engine.uncertainty.streams import stream

# A function that receives the number of recalculations done, and the total.
Progress = Callable[[int, int], None]
# Number of rows, over all draws, that are recalculated at a time.
ROWS_AT_ONCE = 8192


class Model:
    """An index prepared for many recalculations.

    Principal component weights are refitted in each draw, unless the framework switches this off. All other weights are
    as published, apart from their random changes.

    Attributes:
        scores: the index as computed.
        varied: every source of uncertainty, with whether it is varied and how, or why not.
    """

    def __init__(self, scores: Scores, settings: UncertaintySettings) -> None:
        self.scores = scores
        prepared = {
            name: prepare(scores, settings) if name in settings.sources else "switched off"
            for name, prepare in PREPARE.items()
        }
        self.uncertain = {name: one for name, one in prepared.items() if isinstance(one, UncertainValues)}
        self.drawable = {name: one for name, one in prepared.items() if isinstance(one, Drawable)}
        count = len(scores.task.structure.leaves)
        self.varied = [Varied(name, False, one) if isinstance(one, str) else _varied(name, one, count)
                       for name, one in prepared.items()]  # fmt: skip
        recipes = scores.task.recipe.parents
        self.fitted = [name for name in recipes if settings.refit and refitted(recipes[name].weights)]
        self._fixed = Changes(
            weights={
                name: one.child_weights.weights for name, one in scores.aggregations.items() if name not in self.fitted
            }
        )

    def changes(self, numbers: Mapping[str, Sequence[int]], seed: int) -> tuple[Changes, DrawnParameters]:
        """The changes of a batch of draws, and the drawn parameters.

        Args:
            numbers: for each source the number of every draw; sources that are not named are not varied.
            seed: seed of the whole simulation.
        """
        parts = [self._fixed]
        noted: dict[str, Any] = {}
        uncertain = {name: one for name, one in self.uncertain.items() if name in numbers}
        if uncertain:
            parts.append(Changes(values=drawn_values(self.scores, uncertain, numbers, seed)))
        for source in SOURCES:
            if source in self.drawable and source in numbers:
                generators = [stream(seed, source, number) for number in numbers[source]]
                change, drawn = self.drawable[source].draw(generators)
                parts.append(change)
                noted |= drawn
        return merged(parts), noted

    def draw(self, numbers: Mapping[str, Sequence[int]], seed: int) -> Pass:
        """A batch of recalculations; see ``changes``."""
        return forward(self.scores.inputs, self.changes(numbers, seed)[0])

    def weights(self, drawn: Pass) -> DrawnParameters:
        """The weights of every child in a batch of draws."""
        children = self.scores.task.structure.children
        return {
            f"weight {child}": weights[:, place]
            for parent, weights in drawn.weights.items()
            for place, child in enumerate(children[parent])
        }

    def batches(self, draws: int) -> list[range]:
        """The numbers of the draws in batches; a small index has large batches, since each call has a fixed cost."""
        at_once = max(ROWS_AT_ONCE // len(self.scores.scores), 1)
        return [range(start, min(start + at_once, draws)) for start in range(0, draws, at_once)]


def _varied(name: str, prepared: Drawable | UncertainValues, count: int) -> Varied:
    columns = np.arange(count) if prepared.columns is None else prepared.columns
    some = "" if len(columns) == count else f" ({len(columns)} of {count} indicators)"
    return Varied(name, True, prepared.how + some, prepared.assumed, columns)
