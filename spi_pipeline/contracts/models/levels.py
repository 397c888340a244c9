"""An anchored indicator without counts to move it: its level alone, with limits that say so."""

from __future__ import annotations

from typing import TypeVar

from spi_pipeline.contracts.models.indicators import Indicator, Level, Measure, Measured, Months

M = TypeVar("M", bound=Measured)


def level_of(measured: M) -> M:
    """The level of an anchored measure as a measure of its own: the mean of the level's columns, added up."""
    level = declared_level(measured)
    mean = Measure(kind="mean", columns=level.columns, weighted_by=measured.measure.weighted_by)
    return measured.model_copy(update={"source": level.source, "measure": mean})


def at_its_level(indicator: Indicator, why: str) -> Indicator:
    """An anchored indicator as its level alone: figures of the level's months, with the level's own error.

    Args:
        indicator: the anchored indicator.
        why: why no counts are available, in sentences that are added to its limits.
    """
    level = declared_level(indicator)
    unmoved = level_of(indicator)
    months = Months(start=level.start, end=level.end)
    limit = f"It is the level of {level.start} to {level.end}, which no newer counts move. {why}"
    return unmoved.model_copy(
        update={
            "measure": unmoved.measure.model_copy(update={"months": months}),
            "error": level.error,
            "limits": f"{indicator.limits} {limit}",
        }
    )


def declared_level(measured: Measured) -> Level:
    """The level of an anchored measure."""
    assert measured.measure.level is not None  # ensured by the validation of Measure
    return measured.measure.level
