"""From raw values to indicator scores, in a fixed order of steps.

Small counts are suppressed and noise is shrunk (``counts``), gaps are filled (``impute``), outliers treated,
values transformed and normalised (all ``normalise``). The order belongs here, the steps do not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from spi_pipeline.engine.calculate.counts import Prepared
from spi_pipeline.engine.calculate.normalising import Yardsticks, normalised
from spi_pipeline.engine.errors import EngineError
from spi_pipeline.engine.framework.bounds import number
from spi_pipeline.engine.framework.methods import Spec
from spi_pipeline.engine.framework.recipe import Recipe
from spi_pipeline.engine.framework.structure import Structure
from spi_pipeline.engine.framework.values import Values
from spi_pipeline.engine.impute.record import CELL_COLUMNS, Imputed
from spi_pipeline.engine.impute.regression import impute_regression
from spi_pipeline.engine.impute.same_indicator import impute_average, impute_last, impute_linear, impute_neighbours
from spi_pipeline.engine.normalise.outliers import POINT_COLUMNS, treat_outliers
from spi_pipeline.engine.normalise.transform import Transform, estimated, transform_panel, transformed
from spi_pipeline.engine.panel import INDEX_NAMES, Flags, rows_of

# Ways to fill that look at other areas alone: they would make an area of which nothing is known an average one.
AVERAGES = ("mean", "median", "group_mean", "group_median")


@dataclass(frozen=True)
class Indicators:
    """The indicators scored.

    Attributes:
        raw: values in their own units, gaps filled.
        treated: the same with outliers treated.
        scores: their scores.
        cells: every filled cell, as ``impute.record.Imputed``.
        points: every treated outlier, as ``normalise.outliers.Treated``.
        values: the data the gaps were filled in: suppressed values blank, shrunk ones replaced.
        suppressed: every suppressed value, as ``counts.Prepared``.
        shrunk: every shrunk value, likewise.
    """

    raw: pd.DataFrame
    treated: pd.DataFrame
    scores: pd.DataFrame
    cells: pd.DataFrame
    points: pd.DataFrame
    values: Values
    suppressed: pd.DataFrame
    shrunk: pd.DataFrame


def score_indicators(structure: Structure, recipe: Recipe, prepared: Prepared) -> Indicators:
    """Score every indicator by its recipe.

    Args:
        structure: the tree, its goalposts settled.
        recipe: the methods, their caps settled.
        prepared: the values after what their counts demand.

    Raises:
        EngineError: a method cannot be applied to the values, naming the indicator.
    """
    values = prepared.values
    raw, cells = fill_gaps(structure, recipe, values)
    treated, points = _treat(raw, recipe, values.fitted)
    known = rows_of(treated, values.fitted)
    transforms = {
        name: estimated(known[name].to_numpy(dtype=float), leaf.transform) for name, leaf in recipe.leaves.items()
    }
    measure = yardsticks(structure, recipe, transforms, values)
    scores = normalise_all(recipe, transform_panel(treated, transforms), measure)
    return Indicators(raw, treated, scores, cells, points, values, prepared.suppressed, prepared.shrunk)


def fill_gaps(structure: Structure, recipe: Recipe, values: Values) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The panel with gaps filled as each indicator's recipe says, and the record of the cells."""
    panel = values.panel.copy()
    some = values.panel.notna().any(axis=1)
    cells = [pd.DataFrame(columns=CELL_COLUMNS)]
    for parent in structure.parents:
        siblings = [name for name in structure.children[parent] if name in recipe.leaves]
        for spec in {str(recipe.leaves[name].impute): recipe.leaves[name].impute for name in siblings}.values():
            chosen = [name for name in siblings if recipe.leaves[name].impute == spec]
            if spec.method == "none" or not values.panel[chosen].isna().any(axis=None):
                continue
            # Every sibling may serve as predictor, those that are not to be filled themselves among them.
            donors = siblings if spec.method in ("regression", "neighbours") else chosen
            filled = _impute(spec, values.panel[donors], chosen, values)
            kept = filled.cells["indicator_id"].isin(chosen)
            if spec.method in AVERAGES:
                panel[chosen] = filled.panel[chosen].where(some, axis=0)
                kept &= some.loc[pd.MultiIndex.from_frame(filled.cells[INDEX_NAMES])].to_numpy()
            else:
                panel[chosen] = filled.panel[chosen]
            cells.append(filled.cells[kept])
    recorded = [part for part in cells if len(part)]
    return panel, pd.concat(recorded, ignore_index=True) if recorded else cells[0]


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


def yardsticks(structure: Structure, recipe: Recipe, transforms: dict[str, Transform], values: Values) -> Yardsticks:
    """Directions, goalposts and targets in the unit of the transformed values, turned where scores measure need."""
    rows = {}
    for name, transform in transforms.items():
        element = structure.elements[name]
        method = recipe.leaves[name].normalise.method
        goalposts = [number(element.worst), number(element.best)] if method == "goalposts" else [None, None]
        if recipe.need:
            goalposts.reverse()
        target = element.target if method == "target" else None
        stated = np.array([np.nan if value is None else value for value in (*goalposts, target)])
        sign = element.direction * (-1 if transform.reverses else 1) * (-1 if recipe.need else 1)
        try:
            rows[name] = (sign, *transformed(stated, transform))
        except EngineError as error:
            raise EngineError(f"goalposts or target of indicator {name}: {error}") from error
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["direction", "worst", "best", "target"])
    ends = (table["worst"], table["best"], table["target"])
    return Yardsticks(table["direction"], *ends, values.population, recipe.scale, values.fitted)


def normalise_all(recipe: Recipe, panel: pd.DataFrame, known: Yardsticks) -> pd.DataFrame:
    """Score every column by its own method, columns of the same method together."""
    specs = {str(leaf.normalise): leaf.normalise for leaf in recipe.leaves.values()}
    parts = [
        normalised(spec, panel[[name for name, leaf in recipe.leaves.items() if leaf.normalise == spec]], known)
        for spec in specs.values()
    ]
    return pd.concat(parts, axis=1)[list(recipe.leaves)]
