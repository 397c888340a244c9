"""From raw values to indicator scores: gaps filled, outliers treated, transformed, normalised, in this order.

The order of the steps belongs here; the steps themselves are in ``impute``, ``fill``, ``outliers``, ``transform`` and
``normalise``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from spi_pipeline.engine.errors import EngineError
from spi_pipeline.engine.fill import impute_average, impute_last, impute_linear, impute_neighbours
from spi_pipeline.engine.impute import CELL_COLUMNS, Imputed, impute_regression
from spi_pipeline.engine.methods import Spec
from spi_pipeline.engine.normalising import Yardsticks, normalised
from spi_pipeline.engine.outliers import POINT_COLUMNS, treat_outliers
from spi_pipeline.engine.recipe import Recipe
from spi_pipeline.engine.structure import Structure
from spi_pipeline.engine.transform import Transform, estimated, transform_panel, transformed
from spi_pipeline.engine.values import Values


@dataclass(frozen=True)
class Indicators:
    """The indicators scored.

    Attributes:
        raw: values in their own units, gaps filled.
        treated: the same with outliers treated.
        scores: their scores.
        cells: every filled cell, as ``impute.Imputed``.
        points: every treated outlier, as ``outliers.Treated``.
    """

    raw: pd.DataFrame
    treated: pd.DataFrame
    scores: pd.DataFrame
    cells: pd.DataFrame
    points: pd.DataFrame


def score_indicators(structure: Structure, recipe: Recipe, values: Values) -> Indicators:
    """Score every indicator by its recipe.

    Raises:
        EngineError: a method cannot be applied to the values, naming the indicator.
    """
    raw, cells = fill_gaps(structure, recipe, values)
    treated, points = _treat(raw, recipe)
    transforms = {
        name: estimated(treated[name].to_numpy(dtype=float), leaf.transform) for name, leaf in recipe.leaves.items()
    }
    known = yardsticks(structure, recipe, transforms, values.population)
    scores = normalise_all(recipe, transform_panel(treated, transforms), known)
    return Indicators(raw, treated, scores, cells, points)


def fill_gaps(structure: Structure, recipe: Recipe, values: Values) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The panel with gaps filled as each indicator's recipe says, and the record of the cells."""
    panel = values.panel.copy()
    cells = [pd.DataFrame(columns=CELL_COLUMNS)]
    for parent in structure.parents:
        siblings = [name for name in structure.children[parent] if name in recipe.leaves]
        for spec in {str(recipe.leaves[name].impute): recipe.leaves[name].impute for name in siblings}.values():
            chosen = [name for name in siblings if recipe.leaves[name].impute == spec]
            if spec.method == "none" or not values.panel[chosen].isna().any(axis=None):
                continue
            # Every sibling may serve as predictor, those that are not to be filled themselves among them.
            donors = siblings if spec.method in ("regression", "neighbours") else chosen
            filled = _impute(spec, values.panel[donors], chosen, values.group)
            panel[chosen] = filled.panel[chosen]
            cells.append(filled.cells[filled.cells["indicator_id"].isin(chosen)])
    recorded = [part for part in cells if len(part)]
    return panel, pd.concat(recorded, ignore_index=True) if recorded else cells[0]


def _impute(spec: Spec, panel: pd.DataFrame, chosen: list[str], group: pd.Series | None) -> Imputed:
    match spec.method:
        case "regression":
            eligible = pd.DataFrame(False, index=panel.index, columns=panel.columns)
            eligible[chosen] = True
            return impute_regression(panel, eligible, **spec.options)
        case "mean" | "median":
            return impute_average(panel, spec.method)
        case "group_mean" | "group_median":
            if group is None:
                named = spec.method.replace("_", " ")
                raise EngineError(f"filling with the {named} needs the column 'group' in the values")
            return impute_average(panel, spec.method.removeprefix("group_"), group)  # type: ignore[arg-type]
        case "last":
            return impute_last(panel)
        case "linear":
            return impute_linear(panel)
        case "neighbours":
            return impute_neighbours(panel, **spec.options)
    raise EngineError(f"'{spec.method}' is no way to impute")


def _treat(raw: pd.DataFrame, recipe: Recipe) -> tuple[pd.DataFrame, pd.DataFrame]:
    chosen = [name for name, leaf in recipe.leaves.items() if leaf.treat]
    if not chosen:
        return raw, pd.DataFrame(columns=POINT_COLUMNS)
    treated = treat_outliers(raw[chosen])
    panel = raw.copy()
    panel[chosen] = treated.panel
    return panel, treated.points


def yardsticks(
    structure: Structure, recipe: Recipe, transforms: dict[str, Transform], population: pd.Series | None
) -> Yardsticks:
    """Directions, goalposts and targets in the unit of the transformed values, turned where scores measure need."""
    rows = {}
    for name, transform in transforms.items():
        element = structure.elements[name]
        method = recipe.leaves[name].normalise.method
        ends = [element.worst, element.best] if method == "goalposts" else [None, None]
        if recipe.need:
            ends.reverse()
        target = element.target if method == "target" else None
        stated = np.array([np.nan if value is None else value for value in (*ends, target)])
        sign = element.direction * (-1 if transform.reverses else 1) * (-1 if recipe.need else 1)
        try:
            rows[name] = (sign, *transformed(stated, transform))
        except EngineError as error:
            raise EngineError(f"goalposts or target of indicator {name}: {error}") from error
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["direction", "worst", "best", "target"])
    return Yardsticks(table["direction"], table["worst"], table["best"], table["target"], population, recipe.scale)


def normalise_all(recipe: Recipe, panel: pd.DataFrame, known: Yardsticks) -> pd.DataFrame:
    """Score every column by its own method, columns of the same method together."""
    specs = {str(leaf.normalise): leaf.normalise for leaf in recipe.leaves.values()}
    parts = [
        normalised(spec, panel[[name for name, leaf in recipe.leaves.items() if leaf.normalise == spec]], known)
        for spec in specs.values()
    ]
    return pd.concat(parts, axis=1)[list(recipe.leaves)]
