"""Indicator scores of a batch of draws: transformation and normalisation of the values."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from spi_pipeline.engine.calculate.changes import Changes, Scale
from spi_pipeline.engine.calculate.normalising import normalised
from spi_pipeline.engine.calculate.task import Inputs, Measure
from spi_pipeline.engine.errors import EngineError
from spi_pipeline.engine.framework.methods import Spec
from spi_pipeline.engine.normalise.reference_statistics import ReferenceStatistics
from spi_pipeline.engine.normalise.transform import transformed
from spi_pipeline.engine.over_rows import average, deviation
from spi_pipeline.engine.panel import Array, Positions, as_slice


def indicator_scores(inputs: Inputs, changes: Changes) -> Array:
    """Scores of the indicators, ``[draw, row, indicator]``; a single draw where the draws do not differ.

    Raises:
        EngineError: a method cannot be applied to the values, naming the indicator.
    """
    values = inputs.treated[np.newaxis] if changes.values is None else changes.values
    if changes.measure is None and changes.normalisation is None:
        return _scored(inputs, values, inputs.measure, changes.shifts)
    other = changes.normalisation
    flags = None if changes.measure is None else changes.measure[1]
    chosen = other.chosen if other is not None else np.full(len(flags) if flags is not None else 1, "as_declared")
    rooted = np.zeros(len(chosen), dtype=bool) if flags is None else flags
    scores = np.empty_like(values, shape=(len(chosen), *values.shape[1:]))
    for root, method in sorted(set(zip(rooted.tolist(), chosen.tolist(), strict=True))):
        draws = as_slice(np.flatnonzero((rooted == root) & (chosen == method)))
        own = values if len(values) == 1 else values[draws]
        shifts = None if changes.shifts is None else changes.shifts[draws]
        measure = changes.measure[0] if root and changes.measure is not None else inputs.measure
        renormalised = other.columns if other is not None and method != "as_declared" else np.array([], dtype=np.intp)
        own_scores = _scored(inputs, own, measure, shifts, method, renormalised)
        changed = [one != two for one, two in zip(measure.transforms, inputs.measure.transforms, strict=True)]
        columns = np.union1d(np.flatnonzero(changed), renormalised)
        scores[draws] = own_scores if changes.scale is None else _on_scale(own_scores, columns, changes.scale, inputs)
    return scores


def _on_scale(scores: Array, columns: Positions, scale: Scale, inputs: Inputs) -> Array:
    """Scores of some columns rescaled to the mean and spread they have under the framework's own methods."""
    if not len(columns):
        return scores
    selected = scores[..., as_slice(columns)]
    compared = inputs.rows.reference_values(selected)
    spread = deviation(compared, ddof=0)
    distance = (selected - average(compared)) / np.where(spread > 0, spread, 1.0)
    rescaled = scale.centre[columns] + scale.width[columns] * distance
    np.clip(rescaled, scale.low[columns], scale.high[columns], out=rescaled)
    if rescaled.shape == scores.shape:
        return rescaled
    scores[..., columns] = rescaled
    return scores


def _scored(
    inputs: Inputs, values: Array, measure: Measure, shifts: Array | None, method: str = "as_declared",
    renormalised: Positions | None = None,
) -> Array:  # fmt: skip
    """Scores by one measure, with another method for some columns."""
    values = _transformed(values, measure, inputs)
    statistics = measure.reference_statistics
    others = np.array([], dtype=np.intp) if renormalised is None else renormalised
    parts: list[tuple[Spec, Positions]] = []
    for spec, columns in inputs.by_method:
        remaining = np.setdiff1d(columns, others) if len(others) else columns
        parts += [(spec, remaining)] if len(remaining) else []
    parts += [(Spec(method), others)] if len(others) else []
    if len(parts) == 1:
        return _by(parts[0][0], values, statistics, parts[0][1], shifts)
    scored = [_by(spec, values, statistics, columns, shifts) for spec, columns in parts]
    scores = np.empty_like(values, shape=(max(map(len, scored)), *values.shape[1:]))
    for (_, columns), part in zip(parts, scored, strict=True):
        scores[..., columns] = part
    return scores


def _by(spec: Spec, values: Array, statistics: ReferenceStatistics, columns: Positions, shifts: Array | None) -> Array:
    whole = len(columns) == values.shape[-1]
    if shifts is not None and spec.method == "goalposts":
        statistics = replace(statistics, shifts=shifts)
    return normalised(spec, values if whole else values[..., columns], statistics.of(columns))


def _transformed(values: Array, measure: Measure, inputs: Inputs) -> Array:
    active = [column for column, one in enumerate(measure.transforms) if one.method != "none"]
    if not active:
        return values
    values = values.copy()
    for column in active:
        try:
            one = measure.transforms[column]
            least = measure.floor if one.method == "square_root" else -np.inf
            values[..., column] = transformed(np.maximum(values[..., column], least), one)
        except EngineError as error:
            raise EngineError(f"indicator {inputs.task.structure.leaves[column]}: {error}") from error
    return values
