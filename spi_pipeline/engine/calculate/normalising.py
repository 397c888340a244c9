"""Normalisation by name: calls the function of a method with its options; the functions are in ``normalise``."""

from __future__ import annotations

from spi_pipeline.engine.errors import EngineError
from spi_pipeline.engine.framework.methods import Spec
from spi_pipeline.engine.normalise import linear, ranks
from spi_pipeline.engine.normalise.reference_statistics import ReferenceStatistics
from spi_pipeline.engine.panel import Array


def normalised(spec: Spec, values: Array, statistics: ReferenceStatistics) -> Array:
    """Normalise values by one method.

    Args:
        spec: method and options, as in ``methods``.
        values: transformed values, ``[draw, row, indicator]``.
        statistics: their reference statistics.

    Raises:
        EngineError: the method cannot be applied to these values.
    """
    scale, options = statistics.scale, dict(spec.options)
    match spec.method:
        case "goalposts":
            worst, best = linear.goalposts(values, statistics)
            low, high = float(options.get("low", 0.0)), float(options.get("high", scale))
            share = linear.between(values, worst, best, bool(options.get("clip", True)))
            share *= high - low
            share += low
            return share
        case "minmax":
            return linear.minmax_scores(values, statistics, **{"high": scale, **options})
        case "scaled":
            return linear.scaled_scores(values, statistics, **options)
        case "z":
            return linear.z_scores(values, statistics, **options)
        case "base_year_z":
            return linear.base_year_z_scores(
                values, statistics, _edition(statistics, options.pop("base", None)), **options
            )
        case "maximum":
            return linear.distance_to_maximum(values, statistics)
        case "target":
            return linear.distance_to_target(values, statistics, **options)
        case "reference":
            return linear.distance_to_reference(
                values, statistics, **{**options, "area_code": str(options["area_code"])}
            )
        case "fraction":
            return linear.fraction_of_maximum(values, statistics)
        case "rank":
            return ranks.rank_scores(values, statistics, **options)
        case "percentile_rank":
            return ranks.percentile_ranks(values, statistics, **options)
        case "borda":
            return ranks.borda_scores(values, statistics, **options)
        case "normal":
            return ranks.normal_scores(values, statistics, **options)
        case "exponential":
            return ranks.exponential_scores(values, statistics, **options)
        case "exponential_of_ranks":
            return ranks.exponential_of_ranks(values, statistics, **options)
        case "none":
            return linear.towards_better(values, statistics)
    raise EngineError(f"'{spec.method}' is not a way to normalise")


def _edition(statistics: ReferenceStatistics, named: object) -> object:
    """The edition of the panel that a framework names, in digits or as text; the first where it names none."""
    editions = list(statistics.rows.editions)
    return min(editions) if named is None else {str(edition): edition for edition in editions}.get(str(named), named)  # type: ignore[type-var]
