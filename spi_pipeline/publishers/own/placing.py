"""Which ward, or LSOA, each row of a table belongs to, by the geography in force; what is not clear is refused."""

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
# A row placed by these is of one address or point; by the others of an area.
SINGLES: tuple[Placed, ...] = ("postcode", *POINTS)
# Of rows of single postcodes or points so many may lie elsewhere or say no place: what is left is then most of it.
MOST_ELSEWHERE = 0.1
# The sources that say where a place of each kind lies.
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
    """What is known of our areas.

    Attributes:
        geography: wards and authorities.
        postcodes: ``postcode, ward_code``; empty where none are at hand.
        wards: ``area_code, geometry``, WGS84.
        lsoas: by year the codes of ours.
    """

    geography: Geography
    postcodes: pd.DataFrame
    wards: pd.DataFrame
    lsoas: dict[int, frozenset[str]]

    @classmethod
    def of(cls, geography: Geography, kinds: Collection[Placed], table: Callable[[str], pd.DataFrame]) -> Places:
        """What it takes to place rows of some kinds.

        Args:
            geography: wards and authorities.
            kinds: by what rows may be placed.
            table: gives the table of a source, one of those that ``NEEDS`` names.
        """
        held = {name: table(name) for name in sorted({name for kind in kinds for name in NEEDS[kind]})}
        lsoas = {
            year: frozenset(held[name][column].dropna()) for year, (name, column) in _LSOAS.items() if name in held
        }
        none = pd.DataFrame(columns=["postcode", "ward_code", "area_code", "geometry"])
        return cls(geography, held.get("postcodes", none), held.get("wards", none), lsoas)

    @cached_property
    def in_force(self) -> dict[str, list[str]]:
        """Codes of the wards in force by their plain names."""
        found: dict[str, list[str]] = {}
        for ward in self.geography.wards:
            found.setdefault(plain(ward.name), []).append(ward.code)
        return found

    @cached_property
    def before(self) -> frozenset[str]:
        """Plain names of the wards before."""
        return frozenset(map(plain, self.geography.former_wards.values()))

    @cached_property
    def towns(self) -> str:
        """Our authorities, for errors."""
        return " and ".join(authority.name for authority in self.geography.authorities)

    @cached_property
    def town_names(self) -> frozenset[str]:
        """Plain names of our authorities."""
        return frozenset(plain(authority.name) for authority in self.geography.authorities)

    def names_a_ward(self, text: str) -> bool:
        """Whether a text is the name of a ward, in force or before."""
        return _ward(text) in self.in_force or _ward(text) in self.before

    def names_an_area(self, text: str) -> bool:
        """Whether a text names an area of any kind, and no person."""
        return self.names_a_ward(text) or plain(text) in self.town_names or bool(_LSOA_NAME.fullmatch(text))

    def is_kind(self, kind: Placed, text: str) -> bool:
        """Whether a text is of a kind of places, ours or not."""
        return self.names_a_ward(text) if kind == "ward_name" else bool(CODES[kind].fullmatch(text))

    def one(self, kind: Placed, text: str) -> str:
        """The area that one cell says.

        Returns:
            Its code; empty for a postcode that is none of ours.

        Raises:
            SpiError: why there is none.
        """
        if kind == "postcode":
            if not len(self.postcodes):
                raise SpiError("no postcodes are at hand to place it by; give ward codes")
            return self._by_postcode.get(text.upper().replace(" ", ""), "")
        if kind == "ward_name":
            found = self.in_force.get(_ward(text), [])
            if not found:
                raise SpiError(f"{text!r} is a ward of before {self.geography.vintage}; {_MOVE}")
            if len(found) > 1:
                raise SpiError(f"{text!r} is the name of wards of several authorities; give ward codes")
            return found[0]
        known = self.geography.ward_codes if kind == "ward_code" else frozenset[str]().union(*self.lsoas.values())
        if text in known:
            return text
        if text in self.geography.former_wards:
            was = self.geography.former_wards[text]
            raise SpiError(f"{text} is {was} as it was before {self.geography.vintage}; {_MOVE}")
        what = "ward" if kind == "ward_code" else "LSOA"
        raise SpiError(f"{text} is no {what} of {self.towns}; keep the rows of {self.towns} alone, or correct the code")

    def check_names(self, met: Sequence[str], where: str) -> None:
        """Refuse names that may as well be those of the wards before, whose edges were others.

        Raises:
            SpiError: when no name is of a ward that only there is now.
        """
        named = set(map(_ward, met))
        if self.before and named and not named - self.before:
            raise SpiError(
                f"{where}: the wards before {self.geography.vintage} had all of these names too, with other edges, and "
                "which are meant is not told; give ward codes"
            )

    def vintage(self, codes: Sequence[str], where: str) -> int:
        """The year of the LSOAs that some codes, each of ours, are of; the newest where it may be either.

        Raises:
            SpiError: when they are of no one year.
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
        """The ward of each point, empty outside all of ours.

        Raises:
            SpiError: when no ward has edges here.
        """
        if not self.wards["geometry"].notna().any():
            raise SpiError("no ward boundaries are at hand to place points by; give ward codes")
        if kind == "wgs84":
            found = place_points(np.array(x, dtype=float), np.array(y, dtype=float), self.wards)
        else:
            shapes = Shapes.from_frame(self.wards).on_national_grid()
            found = shapes.holding(shapely.points(np.array(x, dtype=float), np.array(y, dtype=float)))
        return [code or "" for code in found]

    @cached_property
    def _by_postcode(self) -> dict[str, str]:
        squeezed = self.postcodes["postcode"].str.replace(" ", "", regex=False)
        return dict(zip(squeezed, self.postcodes["ward_code"], strict=True))


def _ward(name: str) -> str:
    """The plain name of a ward, with or without the word behind it."""
    return plain(re.sub(r"\s+ward$", "", name, flags=re.IGNORECASE))


_MOVE = (
    "its edges were others, and figures cannot be moved between them: give them on the wards in force, or by LSOA, "
    "postcode or point"
)
