"""Monthly counts that are watched as they arrive, between the yearly editions."""

from __future__ import annotations

from pydantic import Field

from spi_pipeline.contracts.models.indicators import Id
from spi_pipeline.contracts.models.vocabulary import Strict


class Monthly(Strict):
    """Something counted every month.

    Attributes:
        id: unique over all indicators and measures.
        title: short name, as printed.
        source: id of a monthly source of points.
        columns: the columns counted.
        where: keep only rows whose column holds one of the listed values.
    """

    id: str = Field(pattern=Id)
    title: str
    source: str
    columns: list[str] = Field(min_length=1)
    where: dict[str, list[str]] = Field(default_factory=dict)


class Recent(Strict):
    """``recent.yaml``: the counts that have control charts, in addition to the monthly indicators.

    Attributes:
        false_signals: number of false signals allowed per year, over all charts of an authority together.
        measures: what is counted in addition to the monthly indicators.
    """

    false_signals: float = Field(gt=0)
    measures: list[Monthly] = Field(default_factory=list)
