"""Linear normalisation: from raw values in their own units to scores on a common scale, where higher is always better.

This module holds methods that map one indicator's values by a straight line. Methods that use only the order of the
values are in ``ranks``; weighting and aggregation are elsewhere.

Values are arrays ``[draw, row, indicator]``. Extremes, means and deviations are taken over the whole panel, all
editions pooled, so that a change over time is never a change of the reference. Where the rows name reference rows, only
these are used, and all other rows are measured by them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from spi_pipeline.engine.errors import EngineError
from spi_pipeline.engine.normalise.reference_statistics import ReferenceStatistics
from spi_pipeline.engine.over_rows import average, deviation, highest, lowest, total
from spi_pipeline.engine.panel import Array, Flags, require_panel, row_in_words

# A spread this small relative to the values themselves is rounding, not variation.
NOISE = 1e-12


def goalpost_scores(panel: pd.DataFrame, worst: pd.Series, best: pd.Series, clip: bool = True) -> pd.DataFrame:
    """Score every value by its position between two goalposts: ``100 * clip((x - worst) / (best - worst), 0, 1)``.

    The goalposts alone set the direction: with ``worst > best`` lower values score higher. Values beyond a goalpost
    score 0 or 100; missing values stay missing.

    Source: Social Progress Index methodology (utopia and dystopia per indicator).

    Args:
        panel: raw values in each indicator's own unit.
        worst: the value that scores 0, by indicator id; ids that are not columns of the panel are ignored.
        best: the value that scores 100, by indicator id.
        clip: False lets values beyond a goalpost score below 0 or above 100.

    Returns:
        Scores from 0 to 100 in the panel's shape.

    Raises:
        EngineError: an indicator's goalposts are missing, not finite or equal (every such indicator is named), or
            ``require_panel`` refuses the panel.
    """
    require_panel(panel)
    low = worst.reindex(panel.columns).astype(float)
    high = best.reindex(panel.columns).astype(float)
    _require_goalposts(low, high)
    share = between(panel.to_numpy(dtype=float), np.asarray(low), np.asarray(high), clip)
    return pd.DataFrame(100 * share, index=panel.index, columns=panel.columns)


def between(values: Array, worst: Array, best: Array, clip: bool) -> Array:
    """The share of the way from the worst to the best goalpost, optionally clipped to 0 to 1."""
    share: Array = values - worst
    share /= best - worst
    return np.clip(share, 0, 1, out=share) if clip else share


def goalposts(values: Array, statistics: ReferenceStatistics) -> tuple[Array, Array]:
    """The goalposts of each indicator, or the panel's extremes where none are declared, with the shifts of the draws.

    Raises:
        EngineError: an indicator without goalposts has the same value everywhere.
    """
    worst, best = statistics.worst, statistics.best
    undeclared = np.isnan(worst)
    if undeclared.any():
        low, high = lowest(statistics.rows.reference_values(values)), highest(statistics.rows.reference_values(values))
        require_spread(
            low[..., undeclared], high[..., undeclared], _picked(statistics, undeclared), "a score between the extremes"
        )
        rising = statistics.direction > 0
        worst = np.where(undeclared, np.where(rising, low, high), worst)
        best = np.where(undeclared, np.where(rising, high, low), best)
    if statistics.shifts is None:
        return worst, best
    distance = best - worst
    return worst + statistics.shifts[:, :1] * distance, best + statistics.shifts[:, 1:] * distance


def minmax_scores(values: Array, statistics: ReferenceStatistics, low: float = 0.0, high: float = 100.0) -> Array:
    """Min-max normalisation by the panel's own extremes: ``low + (high - low) (x - min) / (max - min)``.

    Where lower is better, the largest value scores ``low``.

    Source: OECD/JRC handbook (2008), step 5.

    Args:
        values: raw values.
        statistics: the direction of each indicator.
        low: score of the worst value.
        high: score of the best value.

    Raises:
        EngineError: an indicator has the same value everywhere, or no direction.
    """
    turned = towards_better(values, statistics)
    least, most = lowest(statistics.rows.reference_values(turned)), highest(statistics.rows.reference_values(turned))
    require_spread(least, most, statistics.names, "min-max")
    return np.asarray(low + (high - low) * (turned - least) / (most - least))


def scaled_scores(values: Array, statistics: ReferenceStatistics, lower: float = 0.0, upper: float = 100.0) -> Array:
    """Rescale by given limits without clipping: ``scale * (± x - lower) / (upper - lower)``.

    Where lower is better, the sign of the values is reversed first, so the two limits refer to the reversed values.

    Source: COINr's ``n_scaled``, after the Global Innovation Index.

    Raises:
        EngineError: the two numbers are equal, or an indicator has no direction.
    """
    if lower == upper:
        raise EngineError(f"scaling needs two different numbers, not {lower:g} twice")
    return statistics.scale * (towards_better(values, statistics) - lower) / (upper - lower)


def z_scores(
    values: Array, statistics: ReferenceStatistics, mean: float = 0.0, sd: float = 1.0, ddof: int = 1
) -> Array:
    """Standardise: ``mean + sd (x - m) / s`` with the panel's mean ``m`` and standard deviation ``s``.

    An indicator with the same value everywhere scores the mean.

    Args:
        values: raw values.
        statistics: the direction of each indicator.
        mean: mean of the scores.
        sd: standard deviation of the scores.
        ddof: 1 divides the squares by n - 1, 0 by n.
    """
    turned = towards_better(values, statistics)
    compared = statistics.rows.reference_values(turned)
    return np.asarray(mean + sd * _standardised(turned, average(compared), deviation(compared, ddof)))


def base_year_z_scores(
    values: Array, statistics: ReferenceStatistics, base: object, mean: float = 100.0, sd: float = 10.0
) -> Array:
    """Standardise against one edition: ``mean + sd (x - m) / s`` with mean and deviation of the base year.

    With weights ``w``: ``m = sum(w x) / sum(w)`` and ``s = sqrt(sum(w (x - m)^2) / (sum(w) - sum(w^2) / sum(w)))``,
    which is the usual n-1 standard deviation where all weights are equal. The weights are the population, where known.

    Source: ONS Health Index methodology.

    Args:
        values: raw values.
        statistics: direction of each indicator, and the population.
        base: the base edition.
        mean: score of the base year's mean.
        sd: points per standard deviation.

    Raises:
        EngineError: the panel has no such edition, a weight is missing or not above 0, or an indicator has no value
            in it.
    """
    turned = towards_better(values, statistics)
    if base not in statistics.rows.editions:
        raise EngineError(f"the base year {base} is not an edition of the panel: choose one of those it has")
    chosen = statistics.rows.ranked[base]
    weights = np.ones(len(chosen)) if statistics.population is None else statistics.population[chosen]
    if not (weights > 0).all():
        lacking = row_in_words(statistics.rows.index[chosen[~(weights > 0)][0]])
        raise EngineError(f"every area needs a population above 0 in the base year, which {lacking} lacks: add it")
    rows = turned[..., chosen, :]
    absent = np.asarray(np.isnan(rows).all(axis=-2).any(axis=0))
    if absent.any():
        raise EngineError(f"these indicators have no value in the base year {base}: {_listed(statistics, absent)}")
    weight = np.where(np.isnan(rows), np.nan, weights[:, np.newaxis])
    whole = total(weight)
    centre = total(rows * weight) / whole
    with np.errstate(divide="ignore", invalid="ignore"):  # a single area has no spread
        variance = total((rows - centre) ** 2 * weight) / (whole - total(weight**2) / whole)
    return np.asarray(mean + sd * _standardised(turned, centre, variance**0.5))


def distance_to_maximum(values: Array, statistics: ReferenceStatistics) -> Array:
    """Distance to the best value, on the panel's range: ``scale * (1 - (max - x) / (max - min))``.

    Raises:
        EngineError: an indicator has the same value everywhere, or no direction.
    """
    turned = towards_better(values, statistics)
    return _distance(turned, highest(statistics.rows.reference_values(turned)), statistics, False)


def distance_to_target(values: Array, statistics: ReferenceStatistics, cap: bool = False) -> Array:
    """Distance to a target, on the range from the worst value to the target.

    The formula is ``scale * (1 - (target - x) / (target - min))``.

    Args:
        values: raw values.
        statistics: direction and target of each indicator.
        cap: whether values better than the target score no more than the target.

    Raises:
        EngineError: a target is missing or equal to the worst value, or an indicator has no direction.
    """
    turned = towards_better(values, statistics)
    target = statistics.target * statistics.direction
    if np.isnan(target).any():
        raise EngineError(f"these indicators have no target: {_listed(statistics, np.isnan(target))}")
    return _distance(turned, target, statistics, cap)


def distance_to_reference(values: Array, statistics: ReferenceStatistics, area_code: str, cap: bool = False) -> Array:
    """Distance to the values of one reference area, edition by edition; otherwise as in ``distance_to_target``.

    The worst value is that of the whole panel.

    Raises:
        EngineError: the area is not in the panel, or has the worst value itself.
    """
    turned = towards_better(values, statistics)
    areas = statistics.rows.index.get_level_values("area_code")
    if area_code not in areas:
        raise EngineError(f"the reference area {area_code} is not in the panel: choose one of its areas")
    reference = np.full(turned.shape, np.nan)
    for rows in statistics.rows.editions.values():
        place = rows[areas[rows] == area_code]
        if len(place):
            reference[..., rows, :] = turned[..., place, :]
    worst = lowest(statistics.rows.reference_values(turned))
    at_worst = np.asarray((reference - worst <= NOISE * np.abs(worst)).any(axis=(0, 1)))
    if at_worst.any():
        raise EngineError(
            f"the reference area {area_code} itself has the worst value of: {_listed(statistics, at_worst)}; "
            "choose another area, or another normalisation for these"
        )
    share = 1 - (reference - turned) / (reference - worst)
    return np.asarray(statistics.scale * (np.minimum(share, 1) if cap else share))


def fraction_of_maximum(values: Array, statistics: ReferenceStatistics) -> Array:
    """The share of the best value that an area reaches: ``x / max``, or ``min / x`` where lower is better.

    Raises:
        EngineError: an indicator has a negative value, or a value of 0 where lower is better, or no direction.
    """
    _require_directions(statistics)
    least, most = lowest(statistics.rows.reference_values(values)), highest(statistics.rows.reference_values(values))
    falling = statistics.direction < 0
    refused = np.asarray(((least < 0) | (falling & (least == 0)) | ~(most > 0)).any(axis=(0, 1)))
    if refused.any():
        named = _listed(statistics, refused)
        raise EngineError(
            f"a fraction of the maximum needs positive values, which these indicators do not have: {named}"
        )
    share = values / most
    share[..., falling] = least[..., falling] / values[..., falling]
    return statistics.scale * share


def towards_better(values: Array, statistics: ReferenceStatistics) -> Array:
    """The values with their sign reversed where lower is better.

    Raises:
        EngineError: an indicator has no direction of +1 or -1.
    """
    _require_directions(statistics)
    return values * statistics.direction


def require_spread(least: Array, most: Array, names: Sequence[str], method: str) -> None:
    """Insist on different extremes.

    Raises:
        EngineError: the extremes of the indicators that it names are the same.
    """
    same = np.asarray((~(most - least > NOISE * np.maximum(np.abs(least), np.abs(most)))).any(axis=(0, 1)))
    if same.any():
        named = ", ".join(name for name, flag in zip(names, same, strict=True) if flag)
        raise EngineError(
            f"{method} cannot score an indicator with the same value everywhere, give goalposts or leave it out: "
            f"{named}"
        )


def _distance(turned: Array, goal: Array, statistics: ReferenceStatistics, cap: bool) -> Array:
    worst = lowest(statistics.rows.reference_values(turned))
    require_spread(worst, np.broadcast_to(goal, worst.shape), statistics.names, "a distance")
    share = 1 - (goal - turned) / (goal - worst)
    return np.asarray(statistics.scale * (np.minimum(share, 1) if cap else share))


def _standardised(turned: Array, centre: Array, spread: Array) -> Array:
    constant = ~(spread > NOISE * np.abs(centre))
    distance: Array = (turned - centre) / np.where(constant, 1.0, spread)
    return np.where(constant, 0.0 * distance, distance)


def _require_directions(statistics: ReferenceStatistics) -> None:
    unsigned = ~np.isin(statistics.direction, [1, -1])
    if unsigned.any():
        named = _listed(statistics, unsigned)
        raise EngineError(f"a direction is +1 (higher is better) or -1, which these indicators do not have: {named}")


def _listed(statistics: ReferenceStatistics, flags: Flags) -> str:
    return ", ".join(_picked(statistics, flags))


def _picked(statistics: ReferenceStatistics, flags: Flags) -> list[str]:
    return [str(name) for name, flag in zip(statistics.names, flags, strict=True) if flag]


def _require_goalposts(worst: pd.Series, best: pd.Series) -> None:
    unusable = [name for name in worst.index if not _usable(worst[name], best[name])]
    if unusable:
        named = ", ".join(f"{name} (worst {worst[name]:g}, best {best[name]:g})" for name in unusable)
        raise EngineError(f"goalposts must be two different finite numbers: correct those of {named}")


def _usable(worst: float, best: float) -> bool:
    return bool(np.isfinite(worst) and np.isfinite(best) and worst != best)
