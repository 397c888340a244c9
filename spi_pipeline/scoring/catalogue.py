"""The catalogue of indicators: what each measures, how it is scored, and whether it fills a slot of the basis."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.contracts.models.indicators import Indicator
from spi_pipeline.scoring.basis import PRESENT, Slot, slots

LOW, HIGH = "low", "high"


def catalogue(
    contracts: Contracts, reference: pd.DataFrame, chosen: Sequence[Slot], observations: pd.DataFrame
) -> pd.DataFrame:
    """Describe each indicator: what it measures, how it is scored, and whether scores use it.

    Args:
        contracts: all contracts.
        reference: rows of the source ``reference``.
        chosen: every slot that contains an indicator with a source.
        observations: rows of the product ``indicator_value``.

    Returns:
        The columns of the product ``indicator``.

    Raises:
        SpiError: when the reference lacks an indicator that takes its goalposts from it, or the ends of its scale do
            not differ.
    """
    ends = reference[reference["statistic"].isin([LOW, HIGH])]
    known = ends.pivot(index="indicator_id", columns="statistic", values="value")
    slot_of = {name: chain[0] for chain in slots(list(contracts.indicators.values())) for name in chain}
    by_slot = {slot.filled_by: slot for slot in chosen}
    periods, of_england = _newest_periods(observations), _periods_of_england(reference)
    rows = []
    for indicator in contracts.indicators.values():
        component = contracts.component_of[indicator.id]
        source, unit = contracts.sources[indicator.source], contracts.vocabulary.units[indicator.unit]
        worst, best = goalposts(indicator, known)
        out = _out_because(indicator, by_slot, slot_of, contracts)
        rows.append(
            {
                "indicator_id": indicator.id,
                "slot_id": slot_of[indicator.id],
                "in_basis": not out,
                "not_in_basis_because": out or None,
                "title": indicator.title,
                "description": indicator.description,
                "unit": unit.title,
                "direction": indicator.direction,
                "component_id": component,
                "dimension_id": contracts.framework.dimension_of(component).id,
                "source_id": source.id,
                "licence": source.properties.terms(indicator.measure.columns),
                "worst": worst,
                "best": best,
                "methods": json.dumps(indicator.methods) if indicator.methods else None,
                "goalpost_source": indicator.goalposts.source,
                "relative": unit.relative,
                "useful_years": contracts.vocabulary.useful_lives[source.properties.useful_life].years,
                "reference_period": periods.get(indicator.id),
                "england_period": of_england.get(indicator.id),
                "allocation": " or ".join(source.properties.geography.levels),
                "predecessor": indicator.predecessor,
                "limits": " ".join(
                    [indicator.limits, *_error_sentence(indicator), *contracts.missing_because(indicator)]
                ),
            }
        )
    return pd.DataFrame(rows)


def _newest_periods(observations: pd.DataFrame) -> dict[str, str]:
    """First and last day of the newest period of each indicator, in ISO 8601."""
    known = observations[observations["status"].isin(PRESENT)].sort_values("period_end").groupby("indicator_id").last()
    return _written(known)


def _periods_of_england(reference: pd.DataFrame) -> dict[str, str]:
    """First and last day of the figures for England, for each indicator that the reference holds."""
    known = reference.dropna(subset=["period_start", "period_end"]).drop_duplicates("indicator_id")
    return _written(known.set_index("indicator_id"))


def _written(periods: pd.DataFrame) -> dict[str, str]:
    ends = zip(periods.index, periods["period_start"], periods["period_end"], strict=True)
    return {str(name): f"{start}/{end}" for name, start, end in ends}


def _out_because(indicator: Indicator, by_slot: dict[str, Slot], slot_of: dict[str, str], contracts: Contracts) -> str:
    """Why no score uses an indicator; empty where one does."""
    if indicator.id in by_slot:
        return by_slot[indicator.id].missing_because
    if missing := contracts.missing_because(indicator):
        return " ".join(missing)
    filled = next((slot.filled_by for slot in by_slot.values() if slot.id == slot_of[indicator.id]), "")
    return f"{filled} fills the slot in every edition." if filled else "Its slot has no values here."


def _error_sentence(indicator: Indicator) -> list[str]:
    """A sentence on the source of an error that does not come from the area's own figures."""
    error = indicator.error
    if error is None or not error.reason:
        return []
    return [f"The error is {'assumed' if error.evidence == 'assumed' else 'estimated'}: {error.reason}"]


def goalposts(indicator: Indicator, ends: pd.DataFrame) -> tuple[float, float]:
    """Worst and best of an indicator: as its contract declares them, or else the ends of the reference's scale.

    Args:
        indicator: the indicator.
        ends: ``low`` and ``high`` of the reference's scale, by indicator.

    Raises:
        SpiError: as for ``catalogue``.
    """
    declared = indicator.goalposts
    if declared.worst is not None and declared.best is not None:
        return declared.worst, declared.best
    if indicator.id not in ends.index:
        raise SpiError(
            f"indicator {indicator.id} takes its goalposts from the reference, which does not hold it; state worst, "
            "best and a reason, or run spi snapshot build with a national file of its source"
        )
    low, high = map(float, ends.loc[indicator.id, [LOW, HIGH]].to_numpy(dtype="float64"))
    if not low < high:
        raise SpiError(
            f"indicator {indicator.id}: the reference has {LOW} {low:g} and {HIGH} {high:g}, but {LOW} must be below "
            f"{HIGH}; state worst, best and a reason in its contract"
        )
    return (low, high) if indicator.direction == "higher_is_better" else (high, low)
