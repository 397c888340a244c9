"""Which areas a table may name: the words for sets of area codes, and the codes behind them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.geography import SMALL_AREAS, Geography
from spi_pipeline.rules.rule import Rule, SmallAreas


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
        # Figures of publishers name councils; of what is computed here England has none.
        authorities = self.geography.authority_codes if self.vintage is None else self.geography.council_codes
        return {"areas": [*wards, *(authorities if "authority" in names else ())]}

    def total(self, totals: Mapping[str, float]) -> float | None:
        """A total of all authorities of the table, from those by authority or police force; None where one has none."""
        forces = sorted({authority.police_force for authority in self.geography.authorities})
        for names in (self.geography.authority_codes, forces):
            if set(names) <= totals.keys():
                return sum(totals[name] for name in names)
        return None


def with_known_areas(rules: Sequence[Rule], codes: Callable[[SmallAreas], Collection[str]]) -> tuple[Rule, ...]:
    """Rules whose small areas are listed.

    Args:
        rules: the rules of a table.
        codes: gives the codes of a set of small areas, as their lookup holds them; where it raises an ``SpiError``,
            the rule says so when asked (``unlisted``), since nothing can be judged by that lookup.
    """

    def listed(rule: Rule) -> Rule:
        if "geographies" not in rule.params:
            return rule
        params = {name: value for name, value in rule.params.items() if name != "geographies"}
        try:
            known = {name: sorted(codes(name)) for name in rule.params["geographies"]}
        except SpiError as error:
            return replace(rule, params=params | {"unlisted": str(error)})
        if rule.kind == "coverage":
            return replace(rule, params=params | {"choices": {name: each for name, each in known.items() if each}})
        return replace(rule, params=params | {"areas": sorted({code for each in known.values() for code in each})})

    return tuple(map(listed, rules))
