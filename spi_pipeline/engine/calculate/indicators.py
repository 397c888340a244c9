"""The values made ready, in a fixed order of steps, for every pass to begin from.

Small counts were suppressed and noise shrunk (``counts``); gaps are filled (``impute``), outliers treated and what the
transforms need estimated (``normalise``). The order belongs here, the steps do not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from spi_pipeline.engine.calculate.counts import Prepared
from spi_pipeline.engine.calculate.task import Inputs, Measure, Task
from spi_pipeline.engine.errors import EngineError
from spi_pipeline.engine.framework.bounds import number
from spi_pipeline.engine.framework.methods import Spec
from spi_pipeline.engine.framework.recipe import Recipe
from spi_pipeline.engine.framework.structure import Structure
from spi_pipeline.engine.framework.values import Values
from spi_pipeline.engine.impute.record import CELL_COLUMNS, Imputed, tried
from spi_pipeline.engine.impute.regression import impute_regression
from spi_pipeline.engine.impute.same_indicator import impute_average, impute_last, impute_linear, impute_neighbours
from spi_pipeline.engine.normalise.outliers import POINT_COLUMNS, treat_outliers
from spi_pipeline.engine.normalise.transform import Transform, estimated, transformed
from spi_pipeline.engine.normalise.yardsticks import Yardsticks
from spi_pipeline.engine.panel import INDEX_NAMES, Flags, Rows, rows_of

# Ways to fill that look at other areas alone: they would make an area of which nothing is known an average one.
AVERAGES = ("mean", "median", "group_mean", "group_median")


@dataclass(frozen=True)
class Indicators:
    """How the indicators came about.

    Attributes:
        raw: values in their own units, gaps filled.
        treated: the same with outliers treated.
        cells: every filled cell, as ``impute.record.Imputed``.
        points: every treated outlier, as ``normalise.outliers.Treated``.
        suppressed: every suppressed value, as ``counts.Prepared``.
        shrunk: every shrunk value, likewise.
    """

    raw: pd.DataFrame
    treated: pd.DataFrame
    cells: pd.DataFrame
    points: pd.DataFrame
    suppressed: pd.DataFrame
    shrunk: pd.DataFrame


def ready(task: Task, prepared: Prepared) -> tuple[Inputs, Indicators]:
    """What every pass begins from, and the record of how it came about.

    Args:
        task: its goalposts and caps settled, its values those after what their counts demand.
        prepared: what the counts demanded.

    Raises:
        EngineError: a method cannot be applied to the values, naming the indicator.
    """
    recipe, values = task.recipe, task.values
    raw, cells = fill_gaps(task.structure, recipe, values)
    treated, points = _treat(raw, recipe, values.fitted)
    known = rows_of(treated, values.fitted)
    transforms = [estimated(known[name].to_numpy(dtype=float), leaf.transform) for name, leaf in recipe.leaves.items()]
    inputs = Inputs(task, treated.to_numpy(dtype=float), measured(task, transforms))
    return inputs, Indicators(raw, treated, cells, points, prepared.suppressed, prepared.shrunk)


def fill_gaps(structure: Structure, recipe: Recipe, values: Values) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The panel with gaps filled as each indicator's recipe says, and the record of the cells."""
    panel = values.panel.copy()
    some = values.panel.notna().any(axis=1)
    cells = [pd.DataFrame(columns=CELL_COLUMNS)]
    for spec, donors, chosen in _alike(structure, recipe):
        if spec.method == "none" or not values.panel[chosen].isna().any(axis=None):
            continue
        filled = _impute(spec, values.panel[donors], chosen, values)
        if spec.method != "regression":  # which tries itself against the mean
            filled = replace(filled, cells=_with_errors(filled.cells, spec, values, donors, chosen))
        kept = filled.cells["indicator_id"].isin(chosen)
        if spec.method in AVERAGES:
            panel[chosen] = filled.panel[chosen].where(some, axis=0)
            kept &= some.loc[pd.MultiIndex.from_frame(filled.cells[INDEX_NAMES])].to_numpy()
        else:
            panel[chosen] = filled.panel[chosen]
        cells.append(filled.cells[kept])
    recorded = [part for part in cells if len(part)]
    return panel, pd.concat(recorded, ignore_index=True) if recorded else cells[0]


def _alike(structure: Structure, recipe: Recipe) -> Iterator[tuple[Spec, list[str], list[str]]]:
    """Indicators filled together, with those they are filled from.

    Regressions and neighbours look at siblings, those that are not to be filled themselves among them; the other ways
    look at one indicator alone.
    """
    for spec in {str(leaf.impute): leaf.impute for leaf in recipe.leaves.values()}.values():
        own = [name for name, leaf in recipe.leaves.items() if leaf.impute == spec]
        if spec.method not in ("regression", "neighbours"):
            yield spec, own, own
            continue
        for parent in structure.parents:
            siblings = [name for name in structure.children[parent] if name in recipe.leaves]
            chosen = [name for name in siblings if name in own]
            if chosen:
                yield spec, siblings, chosen


def _with_errors(cells: pd.DataFrame, spec: Spec, values: Values, donors: list[str], chosen: list[str]) -> pd.DataFrame:
    """The record with the errors that trying the method on known cells shows."""
    ids = [name for name in chosen if name in set(cells["indicator_id"])]
    panel = values.panel[donors if spec.method == "neighbours" else ids]
    errors = tried(lambda hidden: _impute(spec, hidden, ids, values), panel, ids, values.fitted)
    return cells.assign(error=cells["indicator_id"].map(errors).astype(float))


def _impute(spec: Spec, panel: pd.DataFrame, chosen: list[str], values: Values) -> Imputed:
    group, among = values.group, values.fitted
    match spec.method:
        case "regression":
            eligible = pd.DataFrame(False, index=panel.index, columns=panel.columns)
            eligible[chosen] = True
            return impute_regression(panel, eligible, **spec.options, among=among)
        case "mean" | "median":
            return impute_average(panel, spec.method, among=among)
        case "group_mean" | "group_median":
            if group is None:
                named = spec.method.replace("_", " ")
                raise EngineError(f"filling with the {named} needs the column 'group' in the values")
            average = "mean" if spec.method == "group_mean" else "median"
            return impute_average(panel, average, group, among)  # type: ignore[arg-type]
        case "last":
            return impute_last(panel)
        case "linear":
            return impute_linear(panel)
        case "neighbours":
            return impute_neighbours(panel, **spec.options, among=among)
    raise EngineError(f"'{spec.method}' is not a way to impute")


def _treat(raw: pd.DataFrame, recipe: Recipe, among: Flags | None) -> tuple[pd.DataFrame, pd.DataFrame]:
    panel, points = _held(raw, recipe)
    for limits in dict.fromkeys(leaf.treat for leaf in recipe.leaves.values() if leaf.treat is not None):
        chosen = [name for name, leaf in recipe.leaves.items() if leaf.treat == limits]
        treated = treat_outliers(panel[chosen], limits, among)
        panel[chosen] = treated.panel
        points.append(treated.points)
    found = [part for part in points if len(part)]
    return panel, pd.concat(found, ignore_index=True) if found else points[0]


def _held(raw: pd.DataFrame, recipe: Recipe) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    """Values beyond what is stated as at_least and at_most taken as these, and the record of them."""
    panel, points = raw.copy(), [pd.DataFrame(columns=POINT_COLUMNS)]
    for name, leaf in recipe.leaves.items():
        low, high = number(leaf.at_least), number(leaf.at_most)
        if low is None and high is None:
            continue
        panel[name] = raw[name].clip(low, high)
        for word, moved in (("at_least", panel[name] > raw[name]), ("at_most", panel[name] < raw[name])):
            record = (
                raw.index[moved].to_frame(index=False).assign(indicator_id=name, before=raw[name][moved].to_numpy())
            )
            points.append(record.assign(after=panel[name][moved].to_numpy(), treatment=word)[POINT_COLUMNS])
    return panel, points


def measured(task: Task, transforms: Sequence[Transform]) -> Measure:
    """Directions, goalposts and targets in the unit of the transformed values, turned where scores measure need."""
    structure, recipe, values = task.structure, task.recipe, task.values
    ends, signs = [], []
    for name, transform in zip(structure.leaves, transforms, strict=True):
        element = structure.elements[name]
        method = recipe.leaves[name].normalise.method
        goalposts = [number(element.worst), number(element.best)] if method == "goalposts" else [None, None]
        if recipe.need:
            goalposts.reverse()
        target = element.target if method == "target" else None
        stated = np.array([np.nan if value is None else value for value in (*goalposts, target)])
        signs.append(element.direction * (-1 if transform.reverses else 1) * (-1 if recipe.need else 1))
        try:
            ends.append(transformed(stated, transform))
        except EngineError as error:
            raise EngineError(f"goalposts or target of indicator {name}: {error}") from error
    worst, best, target_ = np.array(ends, dtype=float).T
    population = None if values.population is None else values.population.to_numpy(dtype=float)
    known = Yardsticks(
        structure.leaves, np.array(signs, dtype=float), worst, best, target_, recipe.scale,
        Rows(values.panel.index, values.fitted), population,
    )  # fmt: skip
    return Measure(tuple(transforms), known)
