"""The wards an index is computed for: one vintage, by code, and what is at hand to place figures in them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import cached_property
from typing import Literal

from pydantic import Field, PositiveInt

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.vocabulary import Strict
from spi_pipeline.rules.rule import SmallAreas

PlacedBy = Literal["postcodes", "output_areas", "best_fit"]
"""How figures of small areas reach wards, best first."""

# Small areas are known by the lookups: the source and column that list those of a level and vintage.
SMALL_AREAS: dict[SmallAreas, tuple[str, str]] = {
    "oa21": ("output_area_lookup", "area_code"),
    "lsoa21": ("lsoa_best_fit", "area_code"),
    "msoa21": ("lsoa_best_fit", "msoa_code"),
    "lsoa11": ("lsoa_2011_lookup", "lsoa_2011_code"),
    "msoa11": ("msoa_2011_lookup", "msoa_2011_code"),
}

# What `postcodes` places figures with, and what each of the others does without. Ward boundaries are the fifth, but
# `wards` also lists the wards.
PLACING_SOURCES = ("lsoa_boundaries", "output_area_boundaries_2011", "output_area_lookup", "postcodes")
DOES_WITHOUT: dict[PlacedBy, tuple[str, ...]] = {
    "postcodes": (),
    "output_areas": ("lsoa_boundaries", "output_area_boundaries_2011", "postcodes"),
    "best_fit": PLACING_SOURCES,
}

# England as one area: the authority of all its wards.
ENGLAND = "E92000001"
# What is computed there is embedded for each council: by product, the source that it becomes.
STANDING, SIMILAR, GOES_WITH = "england_standing", "england_similar", "england_composition"
OF_ENGLAND = {"ward_standing": STANDING, "similar_ward": SIMILAR, "composition": GOES_WITH}
WARD_CODE = r"^[EW]05\d{6}$"


class Without(Strict):
    """Sources that hold no figures for an authority.

    Attributes:
        sources: their ids.
        reason: why, in a sentence; it is told wherever their indicators are missing.
    """

    sources: list[str] = Field(min_length=1)
    reason: str = Field(min_length=1)


class Authority(Strict):
    """A local authority whose wards are scored.

    Attributes:
        code: its ONS code.
        name: its name.
        police_force: slug of the force that polices it.
        placed_by: ``postcodes`` by ward boundaries, output areas and their postcodes; ``output_areas``, each whole to
            its official best-fit ward; ``best_fit`` every LSOA likewise. Left out, it is the first of these whose
            tables are at hand.
        small_areas: how many of them it has, such as ``lsoa21: 125``. Figures are judged by the embedded lookups; this
            is what those are judged by. A set left out is taken as its lookup has it.
        without: sources that hold no figures for it: their indicators are missing, with the reason.
    """

    code: str = Field(pattern=r"^[EW]\d{8}$")
    name: str
    police_force: str
    placed_by: PlacedBy | None = None
    small_areas: dict[SmallAreas, PositiveInt] = Field(default_factory=dict)
    without: list[Without] = Field(default_factory=list)

    def lacks(self, source_id: str) -> str:
        """Why a source holds no figures for this authority; empty where it should hold some."""
        stated = next((item.reason for item in self.without if source_id in item.sources), "")
        implied = self.placed_by is not None and source_id in DOES_WITHOUT[self.placed_by]
        return stated or ("Figures are placed by the official best fit." if implied else "")


class Ward(Strict):
    """An electoral ward of the stated vintage.

    Attributes:
        code: its ONS code.
        name: its name.
        authority: code of the authority it is judged in.
        council: code of its council, where that authority is England; empty elsewhere.
    """

    code: str = Field(pattern=WARD_CODE)
    name: str
    authority: str
    council: str = ""


class Geography(Strict):
    """The ward list of one vintage.

    Attributes:
        vintage: when these wards came into force, such as ``2023-05``.
        authorities: the authorities covered.
        wards: every ward of those authorities.
        former_wards: codes of the sets before, with their names: refused wherever they appear, since most names exist
            in both sets with different boundaries.
    """

    vintage: str = Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")
    authorities: list[Authority]
    wards: list[Ward]
    former_wards: dict[str, str] = Field(default_factory=dict)

    @cached_property
    def ward_codes(self) -> tuple[str, ...]:
        """Codes of all wards, ascending."""
        return tuple(sorted(ward.code for ward in self.wards))

    @cached_property
    def authority_codes(self) -> tuple[str, ...]:
        """Codes of all authorities, ascending."""
        return tuple(sorted(authority.code for authority in self.authorities))

    @property
    def national(self) -> bool:
        """Whether the wards of all England are judged together."""
        return self.authority_codes == (ENGLAND,)

    @cached_property
    def council_codes(self) -> tuple[str, ...]:
        """Codes of the councils that publishers name, ascending: the authorities, or those that make up England."""
        return tuple(sorted({ward.council or ward.authority for ward in self.wards}))

    @property
    def drawn(self) -> frozenset[str]:
        """Codes of the authorities whose boundaries and postcodes are read from a folder: those not to do without."""
        return frozenset(item.code for item in self.authorities if item.placed_by in (None, "postcodes"))

    @property
    def dispensable(self) -> frozenset[str]:
        """What places figures and no authority is stated to be placed with: without its table the next best does."""
        stated = [item.placed_by for item in self.authorities if item.placed_by is not None]
        return frozenset(PLACING_SOURCES).intersection(*(DOES_WITHOUT[method] for method in stated))

    def placed_without(self, absent: Collection[str]) -> Geography:
        """The same, every authority that does not state how it is placed being so in the best way left.

        Args:
            absent: sources that have no table; those that place nothing make no difference.
        """
        lacking = set(PLACING_SOURCES).intersection(absent)
        best = next(method for method, without in DOES_WITHOUT.items() if lacking <= set(without))
        authorities = [item.model_copy(update={"placed_by": item.placed_by or best}) for item in self.authorities]
        return self.model_copy(update={"authorities": authorities})

    def wards_of(self, authorities: Sequence[str] | frozenset[str]) -> tuple[str, ...]:
        """Codes of the wards of some authorities, ascending."""
        return tuple(sorted(ward.code for ward in self.wards if ward.authority in authorities))

    def holding(self, source_id: str) -> frozenset[str]:
        """Codes of the authorities a source should hold figures for."""
        return frozenset(authority.code for authority in self.authorities if not authority.lacks(source_id))

    def restricted(self, source_id: str) -> Geography:
        """The same with the authorities alone that a source should hold figures for, and their wards."""
        held = self.holding(source_id)
        return Geography(
            vintage=self.vintage,
            authorities=[authority for authority in self.authorities if authority.code in held],
            wards=[ward for ward in self.wards if ward.authority in held],
            former_wards=self.former_wards,
        )

    def known(self, small_areas: SmallAreas, column_of: Callable[[str, str], Collection[str | None]]) -> frozenset[str]:
        """The codes of a set of small areas, as its lookup lists them.

        Args:
            small_areas: the set.
            column_of: gives what a column of a source holds, by their names.

        Raises:
            SpiError: when the lookup lists more or fewer than all its authorities together state.
        """
        lookup, column = SMALL_AREAS[small_areas]
        known = frozenset(filter(None, column_of(lookup, column)))
        stated = [item.small_areas.get(small_areas) for item in self.authorities if not item.lacks(lookup)]
        numbers = [number for number in stated if number is not None]
        if stated and len(numbers) == len(stated) and sum(numbers) != len(known):
            raise SpiError(
                f"the embedded table {lookup} lists {len(known)} areas of {small_areas}, geography.yaml states "
                f"{sum(numbers)} under small_areas: restore the table, or write it with spi snapshot build --from "
                "FOLDER, or correct the number"
            )
        return known

    def ward_code(self, name: str, authority_name: str) -> str | None:
        """The code of a ward named in a table that has names only, or None when no such ward is listed.

        Names mean something only within one authority and one vintage. Publishers differ in commas, capitals and
        ampersands, and in nothing else: the names of an authority stay different without them.
        """
        found = self._named.get((authority_name, plain(name)), [])
        return found[0] if len(found) == 1 else None

    @cached_property
    def _named(self) -> dict[tuple[str, str], list[str]]:
        """The codes of the wards by the name of their authority and their own, without capitals and punctuation."""
        authorities = {authority.code: authority.name for authority in self.authorities}
        found: dict[tuple[str, str], list[str]] = {}
        for ward in self.wards:
            found.setdefault((authorities.get(ward.authority, ""), plain(ward.name)), []).append(ward.code)
        return found


def plain(name: str) -> str:
    """A name without capitals and punctuation, ``&`` written as a word."""
    return "".join(letter for letter in name.casefold().replace("&", "and") if letter.isalnum())
