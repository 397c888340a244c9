"""Methods asked for by name, applied to columns of a panel.

Handing a panel to the right function with its options belongs here; the functions are in ``normalise``.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from spi_pipeline.engine.errors import EngineError
from spi_pipeline.engine.framework.methods import Spec
from spi_pipeline.engine.normalise import linear, ranks
from spi_pipeline.engine.panel import Flags, rows_of


@dataclass(frozen=True)
class Yardsticks:
    """What is known of each indicator, by id, in the unit of its transformed values.

    Attributes:
        direction: +1 where higher values get higher scores, -1 where lower ones do.
        worst: value that scores 0; NaN where the panel's extreme stands in.
        best: value that scores the top, likewise.
        target: value aimed at; NaN without one.
        population: residents by row; None where not known.
        scale: score of the best value.
        among: rows that extremes, means and ranks are taken over; None for all.
    """

    direction: pd.Series
    worst: pd.Series
    best: pd.Series
    target: pd.Series
    population: pd.Series | None
    scale: float
    among: Flags | None = None


def normalised(spec: Spec, panel: pd.DataFrame, known: Yardsticks) -> pd.DataFrame:
    """Score the columns of a panel by one method.

    Args:
        spec: method and options, as in ``methods``.
        panel: transformed values.
        known: what is known of its indicators.

    Raises:
        EngineError: the method cannot be applied to these values.
    """
    direction, scale, options = known.direction.reindex(panel.columns), known.scale, dict(spec.options)
    among = known.among
    match spec.method:
        case "goalposts":
            worst, best = goalposts(panel, known)
            low, high = float(options.get("low", 0.0)), float(options.get("high", scale))
            share = linear.goalpost_scores(panel, worst, best, bool(options.get("clip", True))) / 100
            return low + (high - low) * share
        case "minmax":
            return linear.minmax_scores(panel, direction, **{"high": scale, **options}, among=among)
        case "scaled":
            return linear.scaled_scores(panel, direction, scale=scale, **options)
        case "z":
            return linear.z_scores(panel, direction, **options, among=among)
        case "base_year_z":
            base = _edition(panel, options.pop("base", None))
            return linear.base_year_z_scores(panel, direction, base, known.population, **options, among=among)
        case "maximum":
            return linear.distance_to_maximum(panel, direction, scale, among)
        case "target":
            return linear.distance_to_target(panel, direction, known.target, scale, **options, among=among)
        case "reference":
            options["area_code"] = str(options["area_code"])
            return linear.distance_to_reference(panel, direction, scale=scale, **options, among=among)
        case "fraction":
            return linear.fraction_of_maximum(panel, direction, scale, among)
        case _:
            return _by_rank(spec, panel, direction, scale, among)


def _edition(panel: pd.DataFrame, stated: object) -> object:
    """An edition of the panel as a framework names it, in digits or as text; the first where it names none."""
    editions = panel.index.get_level_values("edition").unique()
    return min(editions) if stated is None else {str(edition): edition for edition in editions}.get(str(stated), stated)


def goalposts(panel: pd.DataFrame, known: Yardsticks) -> tuple[pd.Series, pd.Series]:
    """Worst and best of each indicator, the panel's extremes where none are stated."""
    lowest, highest = rows_of(panel, known.among).min(), rows_of(panel, known.among).max()
    rising = known.direction.reindex(panel.columns) > 0
    worst = known.worst.reindex(panel.columns)
    best = known.best.reindex(panel.columns)
    unstated = worst.isna()
    if unstated.any():
        linear.require_spread(lowest[unstated], highest[unstated], "a score between the extremes")
    return worst.fillna(lowest.where(rising, highest)), best.fillna(highest.where(rising, lowest))


def _by_rank(spec: Spec, panel: pd.DataFrame, direction: pd.Series, scale: float, among: Flags | None) -> pd.DataFrame:
    options = dict(spec.options)
    match spec.method:
        case "rank":
            return ranks.rank_scores(panel, direction, **options, among=among)
        case "percentile_rank":
            return ranks.percentile_ranks(panel, direction, scale=scale, **options, among=among)
        case "borda":
            return ranks.borda_scores(panel, direction, **options, among=among)
        case "normal":
            return ranks.normal_scores(panel, direction, **options, among=among)
        case "exponential":
            return ranks.exponential_scores(panel, direction, **options, among=among)
        case "exponential_of_ranks":
            return _from_published_ranks(panel, direction, options.get("count"))
        case "none":
            return linear.towards_better(panel, direction)
    raise EngineError(f"'{spec.method}' is not a way to normalise")


def _from_published_ranks(published: pd.DataFrame, direction: pd.Series, count: int | None) -> pd.DataFrame:
    """Rank 1 gets the highest score where lower values do, the lowest where higher values do."""
    total = published.groupby(level="edition").transform("count") if count is None else count
    turned = total + 1 - published
    falling = list(direction.index[direction < 0])
    turned[falling] = published[falling]
    return ranks.exponential_of_ranks(turned, count)
