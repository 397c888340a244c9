"""An index with its doubts, ready to be drawn: which sources there are in its data, and what a batch of draws changes.

Every source of doubt draws from a generator of its own, made from the seed, the source and the number of the draw, so
that a draw is the same on whatever machine, in whatever order and beside whatever other sources it is computed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from spi_pipeline.engine.calculate.changes import Changes, together
from spi_pipeline.engine.calculate.forward import Pass, forward
from spi_pipeline.engine.calculate.score import Scores
from spi_pipeline.engine.calculate.weighing import refitted
from spi_pipeline.engine.framework.doubt import SOURCES, Doubt
from spi_pipeline.engine.uncertainty.errors import Uncertain, drawn_values
from spi_pipeline.engine.uncertainty.source import Drawable, Noted, Varied
from spi_pipeline.engine.uncertainty.sources import PREPARE
from spi_pipeline.engine.uncertainty.streams import stream

# Rows of all draws recalculated at a time.
TOGETHER = 8192


class Model:
    """An index ready for many recalculations.

    Principal component weights are fitted anew in each draw, unless the doubt says otherwise; all others are as
    published, but for what is drawn of them.

    Attributes:
        scores: the index as computed.
        varied: every source of doubt, whether it is varied, how or why not.
    """

    def __init__(self, scores: Scores, doubt: Doubt) -> None:
        self.scores = scores
        found = {
            name: prepare(scores, doubt) if name in doubt.sources else "switched off"
            for name, prepare in PREPARE.items()
        }
        self.uncertain = {name: one for name, one in found.items() if isinstance(one, Uncertain)}
        self.drawable = {name: one for name, one in found.items() if isinstance(one, Drawable)}
        count = len(scores.task.structure.leaves)
        self.varied = [Varied(name, False, one) if isinstance(one, str) else _told(name, one, count)
                       for name, one in found.items()]  # fmt: skip
        recipes = scores.task.recipe.parents
        self.fitted = [name for name in recipes if doubt.refit and refitted(recipes[name].weights)]
        self._fixed = Changes(
            weights={name: one.weighed.weights for name, one in scores.formed.items() if name not in self.fitted}
        )

    def changes(self, numbers: Mapping[str, Sequence[int]], seed: int) -> tuple[Changes, Noted]:
        """What a batch of draws changes, and what was drawn.

        Args:
            numbers: for each source the number of every draw; a source that is not named stays as stated.
            seed: of the whole simulation.
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
        return together(parts), noted

    def draw(self, numbers: Mapping[str, Sequence[int]], seed: int) -> Pass:
        """A batch of recalculations; see ``changes``."""
        return forward(self.scores.inputs, self.changes(numbers, seed)[0])

    def weights(self, drawn: Pass) -> Noted:
        """The weights of every child in a batch."""
        children = self.scores.task.structure.children
        return {
            f"weight {child}": weights[:, place]
            for parent, weights in drawn.weights.items()
            for place, child in enumerate(children[parent])
        }

    def batches(self, draws: int) -> list[range]:
        """The numbers of the draws, so many at a time as a small index is recalculated for what one call costs."""
        at_once = max(TOGETHER // len(self.scores.scores), 1)
        return [range(start, min(start + at_once, draws)) for start in range(0, draws, at_once)]


def _told(name: str, one: Drawable | Uncertain, count: int) -> Varied:
    columns = np.arange(count) if one.columns is None else one.columns
    some = "" if len(columns) == count else f" ({len(columns)} of {count} indicators)"
    return Varied(name, True, one.how + some, one.assumed, columns)
