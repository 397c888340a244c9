"""The wards that an index is computed for: one vintage, by code, and the ways to place figures in them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import cached_property
from typing import Literal

from pydantic import Field, PositiveInt

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.vocabulary import Strict
from spi_pipeline.rules.rule import SmallAreas

PlacedBy = Literal["postcodes", "output_areas", "best_fit"]
"""How figures of small areas are placed in wards, best first."""

# The lookup that lists the small areas of each level and vintage: its source and column.
SMALL_AREAS: dict[SmallAreas, tuple[str, str]] = {
    "oa21": ("output_area_lookup", "area_code"),
    "lsoa21": ("lsoa_best_fit", "area_code"),
    "msoa21": ("lsoa_best_fit", "msoa_code"),
    "lsoa11": ("lsoa_2011_lookup", "lsoa_2011_code"),
    "msoa11": ("msoa_2011_lookup", "msoa_2011_code"),
}

# The sources with which `postcodes` places figures, and those that each way does without. Ward boundaries are a fifth,
# but their source `wards` also lists the wards.
PLACING_SOURCES = ("lsoa_boundaries", "output_area_boundaries_2011", "output_area_lookup", "postcodes")
DOES_WITHOUT: dict[PlacedBy, tuple[str, ...]] = {
    "postcodes": (),
    "output_areas": ("lsoa_boundaries", "output_area_boundaries_2011", "postcodes"),
    "best_fit": PLACING_SOURCES,
}

# England as one area: the authority of all its wards.
ENGLAND = "E92000001"
# Results for England are embedded for each council: the source that each product becomes.
STANDING, SIMILAR, GOES_WITH = "england_standing", "england_similar", "england_composition"
OF_ENGLAND = {"ward_standing": STANDING, "similar_ward": SIMILAR, "composition": GOES_WITH}
WARD_CODE = r"^[EW]05\d{6}$"


class Without(Strict):
    """Sources that hold no figures for an authority.

    Attributes:
        sources: their ids.
        reason: why, in a sentence; it is shown wherever their indicators are missing.
    """

    sources: list[str] = Field(min_length=1)
    reason: str = Field(min_length=1)


class Authority(Strict):
    """A local authority whose wards are scored.

    Attributes:
        code: its ONS code.
        name: its name.
        police_force: slug of its police force.
        placed_by: how figures of small areas are placed in its wards. ``postcodes`` uses ward boundaries, output areas
            and their postcodes; ``output_areas`` places each output area whole in its official best-fit ward;
            ``best_fit`` does the same with LSOAs. If left out, the first of these whose tables are available is used.
        small_areas: the number of small areas in each set, such as ``lsoa21: 125``. Figures are checked against the
            embedded lookups, and the lookups against these numbers. For a set left out, its lookup is not checked.
        without: sources that hold no figures for it. Their indicators are missing, with the reason.
    """

    code: str = Field(pattern=r"^[EW]\d{8}$")
    name: str
    police_force: str
    placed_by: PlacedBy | None = None
    small_areas: dict[SmallAreas, PositiveInt] = Field(default_factory=dict)
    without: list[Without] = Field(default_factory=list)

    def lacks(self, source_id: str) -> str:
        """Why a source holds no figures for this authority; empty if it should hold some."""
        declared = next((item.reason for item in self.without if source_id in item.sources), "")
        implied = self.placed_by is not None and source_id in DOES_WITHOUT[self.placed_by]
        return declared or ("Figures are placed by the official best fit." if implied else "")


class Ward(Strict):
    """An electoral ward of the declared vintage.

    Attributes:
        code: its ONS code.
        name: its name.
        authority: code of the authority among whose wards it is compared.
        council: code of its council if that authority is England; empty otherwise.
    """

    code: str = Field(pattern=WARD_CODE)
    name: str
    authority: str
    council: str = ""


class Geography(Strict):
    """The ward list of one vintage.

    Attributes:
        vintage: the month in which these wards came into force, such as ``2023-05``.
        authorities: the authorities covered.
        wards: every ward of those authorities.
        former_wards: names of former wards, by code. Their codes are refused wherever they appear, since most names
            exist in both sets with different boundaries.
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
        """Whether the wards of all England are compared together."""
        return self.authority_codes == (ENGLAND,)

    @cached_property
    def council_codes(self) -> tuple[str, ...]:
        """Codes of the councils in publishers' tables, ascending: the authorities, or the councils of England."""
        return tuple(sorted({ward.council or ward.authority for ward in self.wards}))

    @property
    def drawn(self) -> frozenset[str]:
        """Codes of the authorities that need boundaries and postcodes, which are read from a folder."""
        return frozenset(item.code for item in self.authorities if item.placed_by in (None, "postcodes"))

    @property
    def dispensable(self) -> frozenset[str]:
        """The placing sources that no declared ``placed_by`` needs; without them the next best way is used."""
        declared = [item.placed_by for item in self.authorities if item.placed_by is not None]
        return frozenset(PLACING_SOURCES).intersection(*(DOES_WITHOUT[method] for method in declared))

    def placed_without(self, absent: Collection[str]) -> Geography:
        """The same geography, with the best way left to place figures for authorities that declare none.

        Args:
            absent: sources that have no table; only those used for placing matter.
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
        """The same geography, reduced to the authorities for which a source should hold figures, and their wards."""
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
            column_of: returns the values of a column, given the names of source and column.

        Raises:
            SpiError: the lookup does not list as many areas as its authorities declare together.
        """
        lookup, column = SMALL_AREAS[small_areas]
        known = frozenset(filter(None, column_of(lookup, column)))
        declared = [item.small_areas.get(small_areas) for item in self.authorities if not item.lacks(lookup)]
        numbers = [number for number in declared if number is not None]
        if declared and len(numbers) == len(declared) and sum(numbers) != len(known):
            raise SpiError(
                f"the embedded table {lookup} lists {len(known)} areas of {small_areas}, geography.yaml states "
                f"{sum(numbers)} under small_areas: restore the table, or write it with spi snapshot build --from "
                "FOLDER, or correct the number"
            )
        return known

    def ward_code(self, name: str, authority_name: str) -> str | None:
        """The code of a ward in a table that has names only; None if no such ward is listed.

        Names are unique only within one authority and one vintage. Publishers differ only in commas, capitals and
        ampersands; without these, the names within an authority are still unique.
        """
        codes = self._named.get((authority_name, plain(name)), [])
        return codes[0] if len(codes) == 1 else None

    @cached_property
    def _named(self) -> dict[tuple[str, str], list[str]]:
        """Codes of wards by the name of their authority and their own name, without capitals and punctuation."""
        authorities = {authority.code: authority.name for authority in self.authorities}
        codes: dict[tuple[str, str], list[str]] = {}
        for ward in self.wards:
            codes.setdefault((authorities.get(ward.authority, ""), plain(ward.name)), []).append(ward.code)
        return codes


def plain(name: str) -> str:
    """A name without capitals and punctuation, with ``&`` written as a word."""
    return "".join(letter for letter in name.casefold().replace("&", "and") if letter.isalnum())
