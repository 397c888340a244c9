"""What an anchored indicator is where nothing moves it: its level alone, said to be one."""

from __future__ import annotations

from typing import TypeVar

from spi_pipeline.contracts.models.indicators import Indicator, Level, Measure, Measured, Months

M = TypeVar("M", bound=Measured)


def level_of(measured: M) -> M:
    """What an anchored measure stands at, as a measure of its own: the mean of the level's columns, added up."""
    level = stated_level(measured)
    stood = Measure(kind="mean", columns=level.columns, weighted_by=measured.measure.weighted_by)
    return measured.model_copy(update={"source": level.source, "measure": stood})


def at_its_level(indicator: Indicator, why: str) -> Indicator:
    """An anchored indicator as figures of the months of its level alone, with the error that these have as such.

    Args:
        indicator: the anchored one.
        why: why no counts are at hand, in sentences; they are told among its limits.
    """
    level = stated_level(indicator)
    stood = level_of(indicator)
    months = Months(start=level.start, end=level.end)
    said = f"It is the level of {level.start} to {level.end}, which no newer counts move. {why}"
    return stood.model_copy(
        update={
            "measure": stood.measure.model_copy(update={"months": months}),
            "error": level.error,
            "limits": f"{indicator.limits} {said}",
        }
    )


def stated_level(measured: Measured) -> Level:
    """The level of an anchored measure."""
    assert measured.measure.level is not None  # the measure's own validation sees to it
    return measured.measure.level
