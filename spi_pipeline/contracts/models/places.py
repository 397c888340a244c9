"""Which areas a table may name: the words for sets of area codes, and the codes behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from spi_pipeline.contracts.models.geography import Geography
from spi_pipeline.contracts.rules import SMALL_AREAS

Places = Literal["oa21", "lsoa21", "msoa21", "lsoa11", "msoa11", "ward", "authority"]


@dataclass(frozen=True)
class TablePlaces:
    """What is known of the areas of one table.

    Attributes:
        levels: levels its ``area_code`` may belong to.
        vintage: year of the codes; None for products, whose areas are those of ``geography``.
        geography: the wards and authorities it may hold.
        sure: whether every level is a word of the vocabulary; else that is told, and nothing that follows from it.
    """

    levels: Sequence[str]
    vintage: int | None
    geography: Geography
    sure: bool = True

    @property
    def names(self) -> list[str]:
        """The sets its ``area_code`` comes from, such as ``oa21``; some may be listed nowhere."""
        return [name if name in ("ward", "authority") else f"{name}{str(self.vintage)[2:]}" for name in self.levels]

    def params(self, names: Sequence[str]) -> dict[str, Any]:
        """The codes of some sets as a rule takes them: listed, or for small areas named until their lookup is at hand.

        Empty where one of the sets is listed nowhere, or where small areas stand beside wards.
        """
        if names and set(names) <= SMALL_AREAS.keys():
            return {"geographies": list(names)}
        if not names or not set(names) <= {"ward", "authority"}:
            return {}
        wards = self.geography.ward_codes if "ward" in names else ()
        return {"areas": [*wards, *(self.geography.authority_codes if "authority" in names else ())]}
