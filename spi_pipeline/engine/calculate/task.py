"""What is computed: a framework read without a fault, with its data, and what every pass through it begins from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from spi_pipeline.engine.framework.bounds import number
from spi_pipeline.engine.framework.methods import Spec
from spi_pipeline.engine.framework.recipe import Recipe
from spi_pipeline.engine.framework.structure import Structure
from spi_pipeline.engine.framework.values import Values
from spi_pipeline.engine.normalise.transform import Transform
from spi_pipeline.engine.normalise.yardsticks import Yardsticks
from spi_pipeline.engine.panel import Array, Flags, Positions, Rows

# Ways to weight that look at the scores, and how many observed rows they should have for each child.
FITTED = ("pca", "pca_loadings", "factor", "correlation_balanced")
ROWS_PER_CHILD = 10


@dataclass(frozen=True)
class Task:
    """A framework read without a fault, with its data.

    Attributes:
        structure: the tree.
        recipe: the methods.
        values: the data.
    """

    structure: Structure
    recipe: Recipe
    values: Values


@dataclass(frozen=True)
class Measure:
    """How raw values are brought to where scores are read off.

    Attributes:
        transforms: by indicator, in the order of the leaves.
        yardsticks: directions, goalposts and targets in the unit of the transformed values.
        least: lower raw values, which only areas outside can have, are taken as it before a square root.
    """

    transforms: tuple[Transform, ...]
    yardsticks: Yardsticks
    least: float = -np.inf


@dataclass(frozen=True)
class Inputs:
    """What every pass begins from: goalposts settled, small counts suppressed, gaps filled, outliers treated.

    Attributes:
        task: the task, its goalposts and caps numbers.
        treated: the values, rows by indicators.
        measure: how they are brought to scores as stated.
    """

    task: Task
    treated: Array
    measure: Measure

    @cached_property
    def rows(self) -> Rows:
        """The rows of the values."""
        return Rows(self.task.values.panel.index, self.task.values.fitted)

    @cached_property
    def limits(self) -> tuple[Array, Array]:
        """Where values can be, lowest and highest by indicator.

        Not below 0 where none is, within what is stated as at_least and at_most, and within the range of the values
        where a transform needs it.
        """
        low, high = np.fmin.reduce(self.treated), np.fmax.reduce(self.treated)
        bounded = np.array([one.method != "none" for one in self.measure.transforms], dtype=bool)
        caps = [(number(leaf.at_least), number(leaf.at_most)) for leaf in self.task.recipe.leaves.values()]
        least, most = np.array(caps, dtype=float).reshape(-1, 2).T
        low = np.where(bounded, low, np.where(low >= 0, 0.0, -np.inf))
        return np.fmax(low, least), np.fmin(np.where(bounded, high, np.inf), most)

    @cached_property
    def groups(self) -> list[Positions]:
        """Rows of the same group in the same edition, whose means stand in for what is missing."""
        group = self.task.values.group
        if group is None:
            return list(self.rows.editions.values())
        labels = group.to_numpy()
        known = {label for label in labels if label == label and label is not None}
        return [rows[labels[rows] == label] for rows in self.rows.editions.values() for label in known]

    @cached_property
    def by_method(self) -> list[tuple[Spec, Positions]]:
        """The ways indicators are normalised, and the columns of each."""
        leaves: Mapping[str, Spec] = {name: leaf.normalise for name, leaf in self.task.recipe.leaves.items()}
        own = np.array([str(spec) for spec in leaves.values()])
        return [(spec, np.flatnonzero(own == name)) for name, spec in {str(s): s for s in leaves.values()}.items()]

    @cached_property
    def fitted(self) -> dict[str, Flags | None]:
        """The rows that each parent's weights are fitted over; None for all."""
        task = self.task
        return {
            name: rows_to_fit(parent.weights, task.structure.children[name], task.values)
            for name, parent in task.recipe.parents.items()
        }


def rows_to_fit(spec: Spec, ids: Sequence[str], values: Values) -> Flags | None:
    """The rows that weights are fitted over: observed ones, where they are ten times as many as the children.

    A value filled by regression agrees with its siblings better than an observed one would: on the global index,
    fitting over filled rows too moves scores by up to 0.4 points away from the published ones.
    """
    fitted, panel = values.fitted, values.panel
    leaves = [name for name in ids if name in panel.columns]
    if spec.method not in FITTED or not leaves:
        return fitted
    observed = panel[leaves].notna().all(axis=1).to_numpy()
    observed = observed if fitted is None else observed & fitted
    return observed if observed.sum() >= ROWS_PER_CHILD * len(ids) else fitted
