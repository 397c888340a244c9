"""The areas that a table may name: names of sets of area codes, and the codes in them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.geography import SMALL_AREAS, Geography
from spi_pipeline.rules.rule import Rule, SmallAreas


@dataclass(frozen=True)
class TablePlaces:
    """The areas of one table.

    Attributes:
        levels: levels to which its ``area_code`` may belong.
        vintage: year of the codes; None for products, whose areas are those of ``geography``.
        geography: the wards and authorities it may hold.
        sure: whether every level is a word of the vocabulary; if not, lint reports that, and no fault that follows.
    """

    levels: Sequence[str]
    vintage: int | None
    geography: Geography
    sure: bool = True

    @property
    def names(self) -> list[str]:
        """The sets from which its ``area_code`` comes, such as ``oa21``; some sets may have no list of codes."""
        return [name if name in ("ward", "authority") else f"{name}{str(self.vintage)[2:]}" for name in self.levels]

    def params(self, names: Sequence[str]) -> dict[str, Any]:
        """The codes of some sets as parameters of a rule; small areas by name only, until their lookup is available.

        Empty if one of the sets has no list of codes, or if small areas are mixed with wards or authorities.
        """
        if names and set(names) <= SMALL_AREAS.keys():
            return {"geographies": list(names)}
        if not names or not set(names) <= {"ward", "authority"}:
            return {}
        wards = self.geography.ward_codes if "ward" in names else ()
        # Publishers' tables name councils; in products for England the only authority is England.
        authorities = self.geography.authority_codes if self.vintage is None else self.geography.council_codes
        return {"areas": [*wards, *(authorities if "authority" in names else ())]}

    def total(self, totals: Mapping[str, float]) -> float | None:
        """The sum over the table's authorities, from totals by authority or police force; None if one is missing."""
        forces = sorted({authority.police_force for authority in self.geography.authorities})
        for names in (self.geography.authority_codes, forces):
            if set(names) <= totals.keys():
                return sum(totals[name] for name in names)
        return None


def with_known_areas(rules: Sequence[Rule], codes: Callable[[SmallAreas], Collection[str]]) -> tuple[Rule, ...]:
    """The rules with the codes of their small areas filled in.

    Args:
        rules: the rules of a table.
        codes: returns the codes of a set of small areas from their lookup. If it raises an ``SpiError``, nothing can be
            judged by that lookup, and the rule reports the error (``unlisted``).
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
