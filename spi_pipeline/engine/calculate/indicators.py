"""Preparation of the values, in a fixed order of steps, from which every forward pass begins.

Small counts have been suppressed and noise shrunk (``counts``). Then missing values are imputed (``impute``), outliers
treated and parameters of the transforms estimated (``normalise``). This module holds the order, not the steps.
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
from spi_pipeline.engine.impute.record import CELL_COLUMNS, Imputed, cross_validation_errors
from spi_pipeline.engine.impute.regression import impute_regression
from spi_pipeline.engine.impute.same_indicator import impute_average, impute_last, impute_linear, impute_neighbours
from spi_pipeline.engine.normalise.outliers import POINT_COLUMNS, treat_outliers
from spi_pipeline.engine.normalise.reference_statistics import ReferenceStatistics
from spi_pipeline.engine.normalise.transform import Transform, estimated, transformed
from spi_pipeline.engine.panel import INDEX_NAMES, Flags, Rows, reference_rows

# Imputation methods that use other areas only: they would turn an area without any data into an average one.
AVERAGES = ("mean", "median", "group_mean", "group_median")


@dataclass(frozen=True)
class Indicators:
    """The prepared indicators and the record of their preparation.

    Attributes:
        raw: values in their own units, missing ones imputed.
        treated: the same values with outliers treated.
        cells: every imputed cell, as in ``impute.record.Imputed``.
        points: every treated outlier, as in ``normalise.outliers.Treated``.
        suppressed: every suppressed value, as in ``counts.Prepared``.
        shrunk: every shrunk value, as in ``counts.Prepared``.
    """

    raw: pd.DataFrame
    treated: pd.DataFrame
    cells: pd.DataFrame
    points: pd.DataFrame
    suppressed: pd.DataFrame
    shrunk: pd.DataFrame


def prepare_inputs(task: Task, prepared: Prepared) -> tuple[Inputs, Indicators]:
    """The inputs of every forward pass, and the record of their preparation.

    Args:
        task: the task, with goalposts and caps resolved to numbers and values after suppression and shrinkage.
        prepared: the record of suppression and shrinkage.

    Raises:
        EngineError: a method cannot be applied to the values, naming the indicator.
    """
    recipe, values = task.recipe, task.values
    raw, cells = fill_gaps(task.structure, recipe, values)
    treated, points = _treat(raw, recipe, values.fitted)
    known = reference_rows(treated, values.fitted)
    transforms = [estimated(known[name].to_numpy(dtype=float), leaf.transform) for name, leaf in recipe.leaves.items()]
    inputs = Inputs(task, treated.to_numpy(dtype=float), measured(task, transforms))
    return inputs, Indicators(raw, treated, cells, points, prepared.suppressed, prepared.shrunk)


def fill_gaps(structure: Structure, recipe: Recipe, values: Values) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The panel with missing values imputed by each indicator's method, and the record of the imputed cells."""
    panel = values.panel.copy()
    some = values.panel.notna().any(axis=1)
    cells = [pd.DataFrame(columns=CELL_COLUMNS)]
    for spec, donors, chosen in _alike(structure, recipe):
        if spec.method == "none" or not values.panel[chosen].isna().any(axis=None):
            continue
        filled = _impute(spec, values.panel[donors], chosen, values)
        if spec.method != "regression":  # the regression has its own cross-validation
            filled = replace(filled, cells=_with_errors(filled.cells, spec, values, donors, chosen))
        retained = filled.cells["indicator_id"].isin(chosen)
        if values.applies is not None:  # a cell that does not apply is not missing
            filled = replace(filled, panel=filled.panel.where(values.applies[filled.panel.columns]))
            row = values.applies.index.get_indexer(pd.MultiIndex.from_frame(filled.cells[INDEX_NAMES]))
            column = values.applies.columns.get_indexer(pd.Index(filled.cells["indicator_id"]))
            retained &= values.applies.to_numpy(dtype=bool)[row, column]
        if spec.method in AVERAGES:
            panel[chosen] = filled.panel[chosen].where(some, axis=0)
            retained &= some.loc[pd.MultiIndex.from_frame(filled.cells[INDEX_NAMES])].to_numpy()
        else:
            panel[chosen] = filled.panel[chosen]
        cells.append(filled.cells[retained])
    recorded = [part for part in cells if len(part)]
    return panel, pd.concat(recorded, ignore_index=True) if recorded else cells[0]


def _alike(structure: Structure, recipe: Recipe) -> Iterator[tuple[Spec, list[str], list[str]]]:
    """The methods, each with the indicators it uses and the indicators it imputes.

    Regressions and neighbours use siblings, including those that are not imputed themselves. The other methods use one
    indicator alone.
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
    """The record with the errors of the method on known cells."""
    ids = [name for name in chosen if name in set(cells["indicator_id"])]
    panel = values.panel[donors if spec.method == "neighbours" else ids]
    errors = cross_validation_errors(lambda hidden: _impute(spec, hidden, ids, values), panel, ids, values.fitted)
    return cells.assign(error=cells["indicator_id"].map(errors).astype(float))


def _impute(spec: Spec, panel: pd.DataFrame, chosen: list[str], values: Values) -> Imputed:
    group, reference = values.group, values.fitted
    match spec.method:
        case "regression":
            eligible = pd.DataFrame(False, index=panel.index, columns=panel.columns)
            eligible[chosen] = True if values.applies is None else values.applies[chosen]
            return impute_regression(panel, eligible, **spec.options, reference=reference)
        case "mean" | "median":
            return impute_average(panel, spec.method, reference=reference)
        case "group_mean" | "group_median":
            if group is None:
                named = spec.method.replace("_", " ")
                raise EngineError(f"imputation by the {named} needs the column 'group' in the values: add it")
            average = "mean" if spec.method == "group_mean" else "median"
            return impute_average(panel, average, group, reference)  # type: ignore[arg-type]
        case "last":
            return impute_last(panel)
        case "linear":
            return impute_linear(panel)
        case "neighbours":
            return impute_neighbours(panel, **spec.options, reference=reference)
    raise EngineError(f"'{spec.method}' is not a way to impute")


def _treat(raw: pd.DataFrame, recipe: Recipe, reference: Flags | None) -> tuple[pd.DataFrame, pd.DataFrame]:
    panel, points = _held(raw, recipe)
    for limits in dict.fromkeys(leaf.treat for leaf in recipe.leaves.values() if leaf.treat is not None):
        chosen = [name for name, leaf in recipe.leaves.items() if leaf.treat == limits]
        treated = treat_outliers(panel[chosen], limits, reference)
        panel[chosen] = treated.panel
        points.append(treated.points)
    treatments = [part for part in points if len(part)]
    return panel, pd.concat(treatments, ignore_index=True) if treatments else points[0]


def _held(raw: pd.DataFrame, recipe: Recipe) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    """Values capped at ``at_least`` and ``at_most``, and the record of the capped values."""
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
    """Directions, goalposts and targets in the unit of the transformed values, reversed where scores measure need."""
    structure, recipe, values = task.structure, task.recipe, task.values
    ends, signs = [], []
    for name, transform in zip(structure.leaves, transforms, strict=True):
        element = structure.elements[name]
        method = recipe.leaves[name].normalise.method
        goalposts = [number(element.worst), number(element.best)] if method == "goalposts" else [None, None]
        if recipe.need:
            goalposts.reverse()
        target = element.target if method == "target" else None
        raw = np.array([np.nan if value is None else value for value in (*goalposts, target)])
        signs.append(element.direction * (-1 if transform.reverses else 1) * (-1 if recipe.need else 1))
        try:
            ends.append(transformed(raw, transform))
        except EngineError as error:
            raise EngineError(f"goalposts or target of indicator {name}: {error}") from error
        if ends[-1][0] == ends[-1][1]:
            raise EngineError(
                f"the goalposts of indicator {name} are the same once transformed: choose another transform"
            )
    worst, best, target_ = np.array(ends, dtype=float).T
    population = None if values.population is None else values.population.to_numpy(dtype=float)
    statistics = ReferenceStatistics(
        structure.leaves, np.array(signs, dtype=float), worst, best, target_, recipe.scale,
        Rows(values.panel.index, values.fitted), population,
    )  # fmt: skip
    return Measure(tuple(transforms), statistics)
