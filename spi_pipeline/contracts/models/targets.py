"""A council's targets: the values it wants to reach, and by when."""

from __future__ import annotations

from pydantic import Field

from spi_pipeline.contracts.models.indicators import Id
from spi_pipeline.contracts.models.vocabulary import Strict


class Target(Strict):
    """One target.

    Attributes:
        id: id of the entry.
        authority: code of the authority that has the target.
        indicator: id of the indicator.
        value: the value to reach, in the indicator's unit.
        year: the year by the end of which it is to be reached.
        source: the council's document that sets the target, with its date.
        url: address of that document.
    """

    id: str = Field(pattern=Id)
    authority: str
    indicator: str
    value: float
    year: int = Field(ge=2000, le=2100)
    source: str = Field(min_length=1)
    url: str | None = Field(default=None, pattern=r"^https?://\S+$")


class Targets(Strict):
    """``targets.yaml``: the council's targets.

    Attributes:
        targets: each target, once.
    """

    targets: list[Target] = Field(default_factory=list)
