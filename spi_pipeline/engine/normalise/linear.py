"""From raw values in their own units to scores on a common scale, higher always meaning better.

Only rules that map one indicator's values by a straight line belong here; what depends on the order of the values alone
is in ``ranks``, and weighting and combining indicators is elsewhere.

Extremes, means and deviations are taken over the whole panel, all editions pooled, so that a change over time is never
a change of the yardstick; where ``among`` flags rows, over these alone, and the others are measured by them.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from spi_pipeline.engine.errors import EngineError
from spi_pipeline.engine.panel import Flags, require_panel, row_in_words, rows_of

# A spread this small beside the values themselves is rounding, not variation.
NOISE = 1e-12


def goalpost_scores(panel: pd.DataFrame, worst: pd.Series, best: pd.Series, clip: bool = True) -> pd.DataFrame:
    """Score every value by its place between two fixed goalposts: ``100 * clip((x - worst) / (best - worst), 0, 1)``.

    Direction lies in the goalposts alone: with ``worst > best`` lower values score higher. Values beyond a goalpost
    score 0 or 100; missing values stay missing.

    Source: Social Progress Index methodology (utopia and dystopia per indicator).

    Args:
        panel: raw values in each indicator's own unit.
        worst: the value that scores 0, by indicator id; ids that are no column of the panel are not used.
        best: the value that scores 100, likewise.
        clip: False lets values beyond a goalpost score below 0 or above 100.

    Returns:
        Scores from 0 to 100 in the panel's shape.

    Raises:
        EngineError: an indicator's goalposts are missing, not finite or equal (every such indicator is named), or
            the panel is none.
    """
    require_panel(panel)
    low = worst.reindex(panel.columns).astype(float)
    high = best.reindex(panel.columns).astype(float)
    _require_goalposts(low, high)
    share = (panel - low) / (high - low)
    return 100 * (share.clip(0, 1) if clip else share)


def minmax_scores(
    panel: pd.DataFrame, direction: pd.Series, low: float = 0.0, high: float = 100.0, among: Flags | None = None
) -> pd.DataFrame:
    """Spread the panel's own extremes over a scale: ``low + (high - low) (x - min) / (max - min)``.

    Where lower is better, the largest value scores ``low``.

    Source: OECD/JRC handbook (2008), step 5.

    Args:
        panel: raw values.
        direction: +1 where higher values are better, -1 where lower ones are, by indicator id.
        low: score of the worst value.
        high: score of the best value.
        among: rows the extremes are taken over.

    Raises:
        EngineError: an indicator has the same value everywhere, or no direction.
    """
    turned = towards_better(panel, direction)
    lowest, highest = rows_of(turned, among).min(), rows_of(turned, among).max()
    require_spread(lowest, highest, "min-max")
    return low + (high - low) * (turned - lowest) / (highest - lowest)


def scaled_scores(
    panel: pd.DataFrame, direction: pd.Series, lower: float = 0.0, upper: float = 100.0, scale: float = 100.0
) -> pd.DataFrame:
    """Shift and stretch by given numbers without clipping: ``scale * (± x - lower) / (upper - lower)``.

    The sign of the values is turned first where lower is better, so the two numbers refer to the turned values.

    Source: COINr's ``n_scaled``, after the Global Innovation Index.

    Raises:
        EngineError: the two numbers are equal, or an indicator has no direction.
    """
    if lower == upper:
        raise EngineError(f"scaling needs two different numbers, not {lower:g} twice")
    return scale * (towards_better(panel, direction) - lower) / (upper - lower)


def z_scores(
    panel: pd.DataFrame, direction: pd.Series, mean: float = 0.0, sd: float = 1.0, ddof: int = 1,
    among: Flags | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Standardise: ``mean + sd (x - m) / s`` with the panel's mean ``m`` and standard deviation ``s``.

    An indicator with the same value everywhere scores the mean.

    Args:
        panel: raw values.
        direction: +1 or -1 by indicator id.
        mean: mean of the scores.
        sd: standard deviation of the scores.
        ddof: 1 divides the squares by n - 1, 0 by n.
        among: rows mean and deviation are taken over.
    """
    turned = towards_better(panel, direction)
    known = rows_of(turned, among)
    return mean + sd * _standardised(turned, known.mean(), known.std(ddof=ddof))


def base_year_z_scores(
    panel: pd.DataFrame,
    direction: pd.Series,
    base: object,
    population: pd.Series | None = None,
    mean: float = 100.0,
    sd: float = 10.0,
    among: Flags | None = None,
) -> pd.DataFrame:
    """Standardise against one edition: ``mean + sd (x - m) / s`` with mean and deviation of the base year.

    With weights ``w``: ``m = sum(w x) / sum(w)`` and ``s = sqrt(sum(w (x - m)^2) / (sum(w) - sum(w^2) / sum(w)))``,
    which is the ordinary n-1 deviation where all weights are equal.

    Source: ONS Health Index methodology.

    Args:
        panel: raw values.
        direction: +1 or -1 by indicator id.
        base: the edition that stands for 100.
        population: weight of each row, indexed as the panel; None weights all alike.
        mean: score of the base year's mean.
        sd: points per standard deviation.
        among: rows mean and deviation are taken over, of those of the base year.

    Raises:
        EngineError: the panel has no such edition, a weight is missing or not above 0, or an indicator has no value
            in it.
    """
    turned = towards_better(panel, direction)
    chosen = turned.index.get_level_values("edition") == base
    if not chosen.any():
        raise EngineError(f"the base year {base} is not an edition of the panel: choose one of those it has")
    rows = turned[chosen if among is None else chosen & among]
    weights = pd.Series(1.0, index=rows.index) if population is None else population.reindex(rows.index).astype(float)
    if not (weights > 0).all():
        lacking = row_in_words(rows.index[~(weights > 0)][0])
        raise EngineError(f"every area needs a population above 0 in the base year, unlike {lacking}: add it")
    if rows.isna().all().any():
        named = ", ".join(map(str, rows.columns[rows.isna().all()]))
        raise EngineError(f"these indicators have no value in the base year {base}: {named}")
    spread = rows.notna().mul(weights, axis=0)
    total = spread.sum()
    centre = rows.mul(weights, axis=0).sum() / total
    variance = ((rows - centre) ** 2).mul(weights, axis=0).sum() / (total - (spread**2).sum() / total)
    return mean + sd * _standardised(turned, centre, variance**0.5)


def distance_to_maximum(
    panel: pd.DataFrame, direction: pd.Series, scale: float = 100.0, among: Flags | None = None
) -> pd.DataFrame:
    """Distance to the best value, on the panel's range: ``scale * (1 - (max - x) / (max - min))``.

    Raises:
        EngineError: an indicator has the same value everywhere, or no direction.
    """
    turned = towards_better(panel, direction)
    return _distance(turned, rows_of(turned, among).max(), scale, False, among)


def distance_to_target(
    panel: pd.DataFrame, direction: pd.Series, target: pd.Series, scale: float = 100.0, cap: bool = False,
    among: Flags | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Distance to a target, on the range from the worst value to it: ``scale * (1 - (target - x) / (target - min))``.

    Args:
        panel: raw values.
        direction: +1 or -1 by indicator id.
        target: by indicator id, in its unit.
        scale: score of the target.
        cap: whether values better than the target score no more than it.
        among: rows the worst value is taken over.

    Raises:
        EngineError: a target is missing or equal to the worst value, or an indicator has no direction.
    """
    turned = towards_better(panel, direction)
    wanted = target.reindex(panel.columns).astype(float) * direction.reindex(panel.columns)
    if wanted.isna().any():
        raise EngineError(f"these indicators have no target: {', '.join(map(str, wanted.index[wanted.isna()]))}")
    return _distance(turned, wanted, scale, cap, among)


def distance_to_reference(
    panel: pd.DataFrame, direction: pd.Series, area_code: str, scale: float = 100.0, cap: bool = False,
    among: Flags | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Distance to the values of one area, edition by edition; otherwise as ``distance_to_target``.

    The worst value is that of the whole panel.

    Raises:
        EngineError: the area is not in the panel for every edition, or stands at the worst value itself.
    """
    turned = towards_better(panel, direction)
    editions = turned.index.get_level_values("edition")
    if area_code not in turned.index.get_level_values("area_code"):
        raise EngineError(f"the reference area {area_code} is not in the panel: choose one of its areas")
    rows = turned.xs(area_code, level="area_code").reindex(editions)
    lowest = rows_of(turned, among).min()
    own = rows.set_axis(turned.index)
    at_worst = [str(name) for name in own.columns if (own[name] - lowest[name] <= NOISE * abs(lowest[name])).any()]
    if at_worst:
        raise EngineError(f"the reference area itself has the worst value of: {', '.join(at_worst)}")
    share = 1 - (own - turned) / (own - lowest)
    return scale * (share.clip(upper=1) if cap else share)


def fraction_of_maximum(
    panel: pd.DataFrame, direction: pd.Series, scale: float = 100.0, among: Flags | None = None
) -> pd.DataFrame:
    """The share of the best value that an area reaches: ``x / max``, or ``min / x`` where lower is better.

    Raises:
        EngineError: an indicator has a negative value, or a value of 0 where lower is better, or no direction.
    """
    signs = _signs(panel, direction)
    lowest, highest = rows_of(panel, among).min(), rows_of(panel, among).max()
    refused = [
        name
        for name in panel.columns
        if lowest[name] < 0 or (signs[name] < 0 and lowest[name] == 0) or not highest[name] > 0
    ]
    if refused:
        named = ", ".join(map(str, refused))
        raise EngineError(f"a fraction of the maximum needs positive values, which these do not have: {named}")
    falling = list(signs.index[signs < 0])
    share = panel / highest
    share[falling] = lowest[falling] / panel[falling]
    return scale * share


def towards_better(panel: pd.DataFrame, direction: pd.Series) -> pd.DataFrame:
    """The values with their sign turned where lower is better.

    Raises:
        EngineError: an indicator has no direction of +1 or -1, or the panel is none.
    """
    return panel * _signs(panel, direction)


def require_spread(lowest: pd.Series, highest: pd.Series, method: str) -> None:
    """Insist on different extremes.

    Raises:
        EngineError: naming every indicator whose extremes are the same.
    """
    same = ~(highest - lowest > NOISE * np.maximum(lowest.abs(), highest.abs()))
    if same.any():
        named = ", ".join(map(str, lowest.index[same]))
        raise EngineError(
            f"{method} cannot place an indicator with the same value everywhere, give goalposts or leave out: {named}"
        )


def _distance(turned: pd.DataFrame, goal: pd.Series, scale: float, cap: bool, among: Flags | None) -> pd.DataFrame:
    lowest = rows_of(turned, among).min()
    require_spread(lowest, goal, "a distance")
    share = 1 - (goal - turned) / (goal - lowest)
    return scale * (share.clip(upper=1) if cap else share)


def _standardised(turned: pd.DataFrame, centre: pd.Series, spread: pd.Series) -> pd.DataFrame:
    constant = ~(spread > NOISE * centre.abs())
    distance = (turned - centre) / spread.mask(constant, 1.0)
    distance[list(constant.index[constant])] *= 0.0
    return distance


def _signs(panel: pd.DataFrame, direction: pd.Series) -> pd.Series:
    require_panel(panel)
    signs = direction.reindex(panel.columns)
    unsigned = ~signs.isin([1, -1])
    if unsigned.any():
        named = ", ".join(map(str, signs.index[unsigned]))
        raise EngineError(f"a direction is +1 (higher is better) or -1, which these do not have: {named}")
    return signs.astype(float)


def _require_goalposts(worst: pd.Series, best: pd.Series) -> None:
    unusable = [name for name in worst.index if not _usable(worst[name], best[name])]
    if unusable:
        named = ", ".join(f"{name} (worst {worst[name]:g}, best {best[name]:g})" for name in unusable)
        raise EngineError(f"goalposts must be two different finite numbers, which they are not for: {named}")


def _usable(worst: float, best: float) -> bool:
    return bool(np.isfinite(worst) and np.isfinite(best) and worst != best)
