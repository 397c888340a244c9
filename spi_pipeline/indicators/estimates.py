"""Estimates behind the errors that contracts and ``spreading`` declare: from two measures, repeats or census tables.

Only ``spi snapshot errors`` and tests compute these; a run uses the declared errors.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from spi_pipeline.contracts.models.indicators import Indicator
from spi_pipeline.engine.intervals import Z95
from spi_pipeline.engine.panel import Array

# The share of the variance between wards that is assumed to be error where nothing can be estimated. It exceeds the
# share found in any pair of measures of the same thing (the largest is 0.29, for mood and anxiety disorders).
BOUND = 0.5


def estimated_error(indicator: Indicator, observed: pd.DataFrame) -> float | None:
    """The standard error that an indicator should declare, from ward values; None where it is not estimated here.

    Args:
        indicator: the indicator, as its contract defines it.
        observed: ward values of all indicators: ``indicator_id, area_code, period_end, value``.

    Returns:
        The error in the unit of the value, or as a share of it where the contract declares ``relative_sd``. From two
        measures it is ``s √(1 − r)``, the standard error of measurement (Lord and Novick, Statistical Theories of
        Mental Test Scores, 1968), where s is the standard deviation between wards and r the correlation of the two. It
        covers everything that the two do not share, including changes between their periods. For repeats see
        ``scatter``. The assumed bound is ``s √BOUND``.
    """
    error = indicator.error
    if error is None or (error.evidence == "assumed" and error.sd is None):
        return None
    panel = _panel(indicator.id, observed)
    if error.evidence == "dispersion":
        if panel.shape[1] < 3:  # as with a level alone: a single figure is not a repeat
            return None
        return scatter(np.log(panel.to_numpy(dtype=float)))
    newest = panel.ffill(axis=1).iloc[:, -1]
    if error.evidence == "assumed":
        return float(newest.std() * np.sqrt(BOUND))
    if error.evidence != "two_measures":
        return None
    second = _panel(str(error.other), observed).ffill(axis=1).iloc[:, -1]
    return float(newest.std() * np.sqrt(1 - abs(newest.corr(second))))


def scatter(values: Array) -> float:
    """The standard deviation of yearly values of wards about the line through the years on either side.

    ``√(Σ (x₋ − 2x + x₊)² / 6 / degrees of freedom)``, with second differences less their mean over the wards. So
    neither a ward's steady trend nor a change common to all wards counts as scatter.

    Source: Gasser, Sroka and Jennen-Steinmetz (1986), Biometrika 73, for the difference-based estimate of noise.

    Args:
        values: wards × years; wards with a missing year are left out.
    """
    values = values[~np.isnan(values).any(axis=1)]
    second = values[:, :-2] - 2 * values[:, 1:-1] + values[:, 2:]
    second = second - second.mean(axis=0)
    return float(np.sqrt((second**2).sum() / 6 / ((second.shape[0] - 1) * second.shape[1])))


def level_error(levels: pd.Series, observed: pd.DataFrame) -> float:
    """How far wards lie in single years from their level over many years, as a share of the level.

    ``√mean(((v − l)² + e²) / l²)`` over wards and years, where e is the standard error of a year's value v: the true
    value of a year may differ from what its counts show.

    Args:
        levels: levels of the wards, by code.
        observed: their values of several years: ``area_code, period_end, value, lower, upper``, with 95 % limits.
    """
    years = observed.drop_duplicates(["area_code", "period_end"])
    level, error = years["area_code"].map(levels), (years["upper"] - years["lower"]) / (2 * Z95)
    return float(np.sqrt((((years["value"] - level) ** 2 + error**2) / level**2).mean()))


def contrast_ratio(figures: Mapping[str, pd.DataFrame], weights: pd.DataFrame, parent_of: pd.Series) -> float | None:
    """``CONTRAST`` of one level: the mean of δ² / σ² over figures published for output areas.

    δ is the rate of the part of an area that lies in one ward, less the rate of the rest; σ² is the variance of the
    rate between areas, weighted by base. Each δ² is weighted by ``(w (1 − w) d)²``, as in ``spreading_error``, so that
    areas count by how much of them is moved.

    Args:
        figures: tables under any names, with ``area_code`` (output areas), ``count`` and ``base``.
        weights: the rows of ``allocation`` for output areas.
        parent_of: the area of the level that each output area lies in, by code.

    Returns:
        The ratio; None where wards share no area.
    """
    parts = [_parts(figure, weights, parent_of) for figure in figures.values()]
    moved, contrast = np.concatenate([columns.to_numpy(dtype=float) for columns in parts]).T
    return float(np.average(contrast, weights=moved)) if len(moved) else None


def misplacement_ratios(fitted: pd.DataFrame, true: pd.DataFrame, number: pd.Series) -> tuple[float, float]:
    """``MISPLACED`` of one level: the mean over wards of n Σ (f − t)², and of n times the squared error of their size.

    Args:
        fitted: weights of the level's small areas, made of areas placed whole.
        true: the same weights by postcodes.
        number: how many areas were placed whole in each ward.
    """
    taken, own = (
        rows.assign(held=rows["weight"] * rows["residents"]).pivot(
            index="area_code", columns="small_area_code", values="held"
        )
        for rows in (fitted, true)
    )
    own = own.fillna(0.0)
    taken = taken.reindex(index=own.index, columns=own.columns).fillna(0.0)
    size = taken.sum(axis=1) / own.sum(axis=1) - 1
    missed = taken.div(taken.sum(axis=1), axis=0) - own.div(own.sum(axis=1), axis=0)
    n = number.reindex(own.index)
    return float((n * (missed**2).sum(axis=1)).mean()), float((n * size**2).mean())


def _parts(figure: pd.DataFrame, weights: pd.DataFrame, parent_of: pd.Series) -> pd.DataFrame:
    """For each part of an area that wards share: the squared amount it moves, and its δ² / σ²."""
    placed = weights.merge(figure, left_on="small_area_code", right_on="area_code", suffixes=("", "_"), validate="m:1")
    own = placed[["count", "base"]].mul(placed["weight"], axis=0)
    part = own.groupby([placed["small_area_code"].map(parent_of), placed["area_code"]]).sum()
    sums = part.groupby(level=0)
    whole, count, base = sums.transform("sum"), sums["count"].sum(), sums["base"].sum()
    between = np.average((count / base - count.sum() / base.sum()) ** 2, weights=base)
    share, rate = part["base"] / whole["base"], part["count"] / part["base"]
    split = (share > 0) & (share < 1)
    delta = (rate - whole["count"] / whole["base"]) / (1 - share)
    return pd.DataFrame({"moved": (share * (1 - share) * whole["base"]) ** 2, "contrast": delta**2 / between})[split]


def _panel(indicator_id: str, observed: pd.DataFrame) -> pd.DataFrame:
    """Values of one indicator, wards × period ends ascending; a value carried through editions appears once."""
    own = observed[observed["indicator_id"] == indicator_id].drop_duplicates(["area_code", "period_end"])
    return own.pivot(index="area_code", columns="period_end", values="value").sort_index(axis=1)
