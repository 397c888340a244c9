"""Assigns each row of a table to a ward or LSOA of the geography in force, and refuses ambiguous rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import shapely

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.geography import Geography, plain
from spi_pipeline.contracts.models.tables import POINTS, Placed
from spi_pipeline.geography.points import place_points
from spi_pipeline.geography.shapes import Shapes

CODES: dict[Placed, re.Pattern[str]] = {
    "ward_code": re.compile(r"[EWSN]05\d{6}"),
    "lsoa": re.compile(r"[EW]01\d{6}"),
    "postcode": re.compile(r"[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}", re.IGNORECASE),
}
# A row placed by one of these is a single address or point; by any other, an area.
SINGLES: tuple[Placed, ...] = ("postcode", *POINTS)
# The share of rows of single postcodes or points that may lie elsewhere or have no place, so that most remain.
MOST_ELSEWHERE = 0.1
# The sources that locate a place of each kind.
_LSOAS = {2021: ("lsoa_best_fit", "area_code"), 2011: ("lsoa_2011_lookup", "lsoa_2011_code")}
NEEDS: dict[Placed, tuple[str, ...]] = {
    "ward_code": (),
    "ward_name": (),
    "lsoa": tuple(name for name, _ in _LSOAS.values()),
    "postcode": ("postcodes",),
    "wgs84": ("wards",),
    "british_national_grid": ("wards",),
}
_LSOA_NAME = re.compile(r".+ \d{3}[A-Z]")


@dataclass(frozen=True)
class Places:
    """Our areas, and the lookups by which rows are placed in them.

    Attributes:
        geography: wards and authorities.
        postcodes: ``postcode, ward_code``; empty if none are available.
        wards: ``area_code, geometry``, WGS84.
        lsoas: the codes of our LSOAs, by year.
    """

    geography: Geography
    postcodes: pd.DataFrame
    wards: pd.DataFrame
    lsoas: dict[int, frozenset[str]]

    @classmethod
    def load(cls, geography: Geography, kinds: Collection[Placed], table: Callable[[str], pd.DataFrame]) -> Places:
        """Load the lookups that place rows of some kinds.

        Args:
            geography: wards and authorities.
            kinds: the kinds of places by which rows may be placed.
            table: returns the table of a source that ``NEEDS`` names.
        """
        held = {name: table(name) for name in sorted({name for kind in kinds for name in NEEDS[kind]})}
        lsoas = {
            year: frozenset(held[name][column].dropna()) for year, (name, column) in _LSOAS.items() if name in held
        }
        none = pd.DataFrame(columns=["postcode", "ward_code", "area_code", "geometry"])
        return cls(geography, held.get("postcodes", none), held.get("wards", none), lsoas)

    @cached_property
    def codes_by_name(self) -> dict[str, list[str]]:
        """Codes of the wards in force by their plain names."""
        codes: dict[str, list[str]] = {}
        for ward in self.geography.wards:
            codes.setdefault(plain(ward.name), []).append(ward.code)
        return codes

    @cached_property
    def former_names(self) -> frozenset[str]:
        """Plain names of the former wards."""
        return frozenset(map(plain, self.geography.former_wards.values()))

    @cached_property
    def towns(self) -> str:
        """The names of our authorities, for errors."""
        return " and ".join(authority.name for authority in self.geography.authorities)

    @cached_property
    def town_names(self) -> frozenset[str]:
        """Plain names of our authorities."""
        return frozenset(plain(authority.name) for authority in self.geography.authorities)

    def names_a_ward(self, text: str) -> bool:
        """Whether a text is the name of a ward, in force or former."""
        return _ward(text) in self.codes_by_name or _ward(text) in self.former_names

    def names_an_area(self, text: str) -> bool:
        """Whether a text names an area of any kind rather than a person."""
        return self.names_a_ward(text) or plain(text) in self.town_names or bool(_LSOA_NAME.fullmatch(text))

    def is_kind(self, kind: Placed, text: str) -> bool:
        """Whether a text is a place of some kind, ours or not."""
        return self.names_a_ward(text) if kind == "ward_name" else bool(CODES[kind].fullmatch(text))

    def area_of(self, kind: Placed, text: str) -> str:
        """Return the area that a cell names.

        Returns:
            Its code; empty for a postcode that is not ours.

        Raises:
            SpiError: when the cell names no area of ours, with the reason.
        """
        if kind == "postcode":
            if not len(self.postcodes):
                raise SpiError("no postcodes are available to place it by; give ward codes")
            return self._by_postcode.get(text.upper().replace(" ", ""), "")
        if kind == "ward_name":
            codes = self.codes_by_name.get(_ward(text), [])
            if not codes:
                raise SpiError(f"{text!r} ceased to be a ward in {self.geography.vintage}; {_MOVE}")
            if len(codes) > 1:
                raise SpiError(f"{text!r} is the name of wards of several authorities; give ward codes")
            return codes[0]
        known = self.geography.ward_codes if kind == "ward_code" else frozenset[str]().union(*self.lsoas.values())
        if text in known:
            return text
        if text in self.geography.former_wards:
            was = self.geography.former_wards[text]
            raise SpiError(f"{text} is {was} as it was before {self.geography.vintage}; {_MOVE}")
        kind_name = "a ward" if kind == "ward_code" else "an LSOA"
        raise SpiError(
            f"{text} is not {kind_name} in {self.towns}; correct the code or the column, or keep only the rows for "
            f"{self.towns}"
        )

    def check_names(self, names: Sequence[str], where: str) -> None:
        """Refuse names that could just as well be those of the former wards, which had other edges.

        Raises:
            SpiError: when every name is also that of a former ward.
        """
        named = set(map(_ward, names))
        if self.former_names and named and not named - self.former_names:
            raise SpiError(
                f"{where}: the wards before {self.geography.vintage} had all of these names too, with other edges, and "
                "it is unclear which are meant; give ward codes"
            )

    def vintage(self, codes: Sequence[str], where: str) -> int:
        """Return the year of the LSOAs with some codes, all of them ours; the newest if several years are possible.

        Raises:
            SpiError: when no single year has all codes.
        """
        for year in sorted(self.lsoas, reverse=True):
            if self.lsoas[year].issuperset(codes):
                return year
        newest = self.lsoas[max(self.lsoas)]
        old, new = sorted(set(codes) - newest), sorted(set(codes) & newest - self.lsoas[min(self.lsoas)])
        raise SpiError(
            f"{where} holds LSOAs of several years, {old[0]} of {min(self.lsoas)} and {new[0]} of {max(self.lsoas)}; "
            "give all of one year"
        )

    def points(self, kind: Placed, x: Sequence[float], y: Sequence[float]) -> list[str]:
        """Return the ward of each point; empty for a point outside our wards.

        Raises:
            SpiError: when no ward boundaries are available.
        """
        if not self.wards["geometry"].notna().any():
            raise SpiError("no ward boundaries are available to place points by; give ward codes")
        if kind == "wgs84":
            wards = place_points(np.array(x, dtype=float), np.array(y, dtype=float), self.wards)
        else:
            shapes = Shapes.from_frame(self.wards).on_national_grid()
            wards = shapes.holding(shapely.points(np.array(x, dtype=float), np.array(y, dtype=float)))
        return [code or "" for code in wards]

    @cached_property
    def _by_postcode(self) -> dict[str, str]:
        squeezed = self.postcodes["postcode"].str.replace(" ", "", regex=False)
        return dict(zip(squeezed, self.postcodes["ward_code"], strict=True))


def _ward(name: str) -> str:
    """Return the plain name of a ward, without the word "ward" at its end."""
    return plain(re.sub(r"\s+ward$", "", name, flags=re.IGNORECASE))


_MOVE = (
    "it had other edges, and figures cannot be moved between them: give figures for the wards in force, or by LSOA, "
    "postcode or point"
)
