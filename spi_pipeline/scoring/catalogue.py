"""The catalogue of indicators, with the goalposts that the yardstick sets for those that leave them to it."""

from __future__ import annotations

import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.contracts.models.indicators import Indicator

LOW, HIGH = "p01", "p99"


def catalogue(contracts: Contracts, reference: pd.DataFrame) -> pd.DataFrame:
    """What each indicator measures and how it is scored.

    Args:
        contracts: all contracts.
        reference: rows of the source ``reference``.

    Returns:
        The columns of the product ``indicator``.

    Raises:
        SpiError: when the reference does not hold an indicator that leaves its goalposts to it, or holds percentiles
            that do not lie apart.
    """
    quantiles = reference[reference["statistic"].isin([LOW, HIGH])]
    known = quantiles.pivot(index="indicator_id", columns="statistic", values="value")
    rows = []
    for indicator in contracts.indicators.values():
        component = contracts.component_of[indicator.id]
        source, unit = contracts.sources[indicator.source], contracts.vocabulary.units[indicator.unit]
        worst, best = goalposts(indicator, known)
        rows.append(
            {
                "indicator_id": indicator.id,
                "title": indicator.title,
                "description": indicator.description,
                "unit": unit.title,
                "direction": indicator.direction,
                "component_id": component,
                "dimension_id": contracts.framework.dimension_of(component).id,
                "source_id": source.id,
                "licence": source.properties.licence,
                "worst": worst,
                "best": best,
                "goalpost_basis": indicator.goalposts.basis,
                "relative": unit.relative,
                "allocation": " or ".join(source.properties.geography.levels),
                "predecessor": indicator.predecessor,
                "limits": " ".join([indicator.limits, *_assumed(indicator), *contracts.missing_because(indicator)]),
            }
        )
    return pd.DataFrame(rows)


def _assumed(indicator: Indicator) -> list[str]:
    """What no figure could tell of the error of a value is said beside it."""
    error = indicator.error
    return [f"The error is assumed: {error.reason}"] if error is not None and error.basis == "assumed" else []


def goalposts(indicator: Indicator, quantiles: pd.DataFrame) -> tuple[float, float]:
    """Worst and best of an indicator: as its contract states them, else the 1st and 99th percentile by direction.

    Args:
        indicator: the indicator.
        quantiles: ``p01`` and ``p99`` of the wards of England, by indicator.

    Raises:
        SpiError: as ``catalogue``.
    """
    stated = indicator.goalposts
    if stated.worst is not None and stated.best is not None:
        return stated.worst, stated.best
    if indicator.id not in quantiles.index:
        raise SpiError(
            f"indicator {indicator.id} takes its goalposts from the reference, which does not hold it; state worst, "
            "best and a reason, or run spi snapshot build with a national file of its source"
        )
    low, high = map(float, quantiles.loc[indicator.id, [LOW, HIGH]].to_numpy(dtype="float64"))
    if not low < high:
        raise SpiError(
            f"indicator {indicator.id}: the reference has {LOW} {low:g} and {HIGH} {high:g}, which do not lie apart; "
            "state worst, best and a reason in its contract"
        )
    return (low, high) if indicator.direction == "higher_is_better" else (high, low)
