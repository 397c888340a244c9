"""What a council wants to reach, and by when."""

from __future__ import annotations

from pydantic import Field

from spi_pipeline.contracts.models.indicators import Id
from spi_pipeline.contracts.models.vocabulary import Strict


class Target(Strict):
    """One target.

    Attributes:
        id: of the entry.
        authority: code of the authority whose value shall reach it.
        indicator: id of the indicator.
        value: what it shall be, in the indicator's unit.
        year: by the end of which.
        source: where the council says so: the document and its date.
        url: of that document.
    """

    id: str = Field(pattern=Id)
    authority: str
    indicator: str
    value: float
    year: int = Field(ge=2000, le=2100)
    source: str = Field(min_length=1)
    url: str | None = Field(default=None, pattern=r"^https?://\S+$")


class Targets(Strict):
    """``targets.yaml``.

    Attributes:
        targets: each once.
    """

    targets: list[Target] = Field(default_factory=list)
