"""The catalogue of indicators, with the goalposts that the yardstick sets for those that leave them to it."""

from __future__ import annotations

import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.contracts.models.indicators import Indicator

LOW, HIGH = "low", "high"


def catalogue(contracts: Contracts, reference: pd.DataFrame) -> pd.DataFrame:
    """What each indicator measures and how it is scored.

    Args:
        contracts: all contracts.
        reference: rows of the source ``reference``.

    Returns:
        The columns of the product ``indicator``.

    Raises:
        SpiError: when the reference does not hold an indicator that leaves its goalposts to it, or holds ends of a
            scale that do not lie apart.
    """
    ends = reference[reference["statistic"].isin([LOW, HIGH])]
    known = ends.pivot(index="indicator_id", columns="statistic", values="value")
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
                "limits": " ".join([indicator.limits, *_no_interval(indicator), *contracts.missing_because(indicator)]),
            }
        )
    return pd.DataFrame(rows)


def _no_interval(indicator: Indicator) -> list[str]:
    """What is published as a value alone says nothing of how far chance could move it."""
    return ["No interval: the counts behind it are not published."] if indicator.measure.kind == "mean" else []


def goalposts(indicator: Indicator, ends: pd.DataFrame) -> tuple[float, float]:
    """Worst and best of an indicator: as its contract states them, else the ends of the reference's scale.

    Args:
        indicator: the indicator.
        ends: ``low`` and ``high`` of the reference's scale, by indicator.

    Raises:
        SpiError: as ``catalogue``.
    """
    stated = indicator.goalposts
    if stated.worst is not None and stated.best is not None:
        return stated.worst, stated.best
    if indicator.id not in ends.index:
        raise SpiError(
            f"indicator {indicator.id} takes its goalposts from the reference, which does not hold it; state worst, "
            "best and a reason, or run spi snapshot build with a national file of its source"
        )
    low, high = map(float, ends.loc[indicator.id, [LOW, HIGH]].to_numpy(dtype="float64"))
    if not low < high:
        raise SpiError(
            f"indicator {indicator.id}: the reference has {LOW} {low:g} and {HIGH} {high:g}, which do not lie apart; "
            "state worst, best and a reason in its contract"
        )
    return (low, high) if indicator.direction == "higher_is_better" else (high, low)
