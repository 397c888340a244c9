"""The areas and figures that all publishers use: the embedded tables, read once, and formulas that fill their gaps.

This module has areas with their parents and names, seeded noise, and the splitting of totals. Each publisher's module
builds its own responses from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from zlib import crc32

import numpy as np
import pandas as pd
import shapely

import spi_pipeline

LUTON = "E06000032"
NEIGHBOUR = "E06000056"  # Central Bedfordshire, with only a handful of areas served
_FOLDER = Path(spi_pipeline.__file__).parent / "snapshot" / "tables"

# The 19 wards before May 2023; codes are in the order of the names.
OLD_WARDS = {
    f"E0500{2193 + number}": name
    for number, name in enumerate(
        [
            "Barnfield",
            "Biscot",
            "Bramingham",
            "Challney",
            "Crawley",
            "Dallow",
            "Farley",
            "High Town",
            "Icknield",
            "Leagrave",
            "Lewsey",
            "Limbury",
            "Northwell",
            "Round Green",
            "Saints",
            "South",
            "Stopsley",
            "Sundon Park",
            "Wigmore",
        ]
    )
}
# A ward name that is new: its old name here is an old ward whose name is no longer used.
_OLD_NAMES = {"Beech Hill": "Icknield", "Central": "South", "Poets": "Limbury", "Vauxhall": "Crawley"}


@cache
def embedded(name: str) -> pd.DataFrame | None:
    """An embedded table, which callers must not change, or None if this checkout has no such table."""
    path = next(_FOLDER.glob(f"{name}.*.parquet"), None)
    return pd.read_parquet(path) if path else None


@dataclass(frozen=True)
class Areas:
    """Every area that is served, one row each.

    Attributes:
        table: indexed by code: ``name``, ``level`` (oa, lsoa, msoa, ward, old_ward, ltla, rgn, ctry).
        output_areas: indexed by OA: ``lsoa``, ``msoa``, ``ltla``, ``ward``, ``old_ward``, ``residents``.
    """

    table: pd.DataFrame
    output_areas: pd.DataFrame

    def members(self, level: str) -> pd.DataFrame:
        """The areas of a level with the authority they lie in (``ltla``)."""
        found = self.table[self.table.level == level]
        if level in ("oa", "lsoa", "msoa", "ward", "old_ward"):
            parent = self.output_areas.reset_index().groupby("code" if level == "oa" else level).ltla.first()
            return found.assign(ltla=parent.reindex(found.index))
        return found.assign(ltla=found.index)


@cache
def areas() -> Areas:
    lookup = required("output_area_lookup").iloc[:, :4].set_axis(["code", "lsoa", "msoa", "ltla"], axis=1)
    lookup = lookup[lookup.code.str.startswith("E00")]
    wards = required("wards")
    lookup["ward"] = _wards_of(lookup)
    lookup = pd.concat([lookup, _neighbours()], ignore_index=True).set_index("code")
    names = dict(zip(wards.area_code, wards.area_name, strict=True))
    codes = {name: code for code, name in OLD_WARDS.items()}
    best = lookup.groupby("lsoa").ward.agg(lambda found: found.mode()[0])
    lookup["old_ward"] = [
        codes.get(_OLD_NAMES.get(names.get(ward, ""), names.get(ward, "")), ward) for ward in lookup.lsoa.map(best)
    ]
    residents = required("census_residents").set_index("area_code").residents
    lookup["residents"] = residents.reindex(lookup.index).fillna(300).astype(int)
    return Areas(_named(lookup, names), lookup)


def required(name: str) -> pd.DataFrame:
    table = embedded(name)
    if table is None:
        raise FileNotFoundError(f"{_FOLDER / name}.parquet: the local publishers draw on it")
    return table


def _wards_of(lookup: pd.DataFrame) -> list[str]:
    """The ward that contains an inner point of the output area, or its LSOA's best fit if it has no boundary."""
    wards = required("wards")
    shapes = shapely.from_wkb(wards.geometry.to_numpy())
    outlines = required("output_area_boundaries_2011")
    middles = shapely.point_on_surface(shapely.from_wkb(outlines.geometry.to_numpy()))
    point, ward = shapely.STRtree(shapes).query(middles, predicate="within")
    by_point = dict(zip(outlines.area_code.to_numpy()[point], wards.area_code.to_numpy()[ward], strict=True))
    best_fit = required("lsoa_best_fit").set_index("area_code").ward_code
    return [by_point.get(code, best_fit[lsoa]) for code, lsoa in zip(lookup.code, lookup.lsoa, strict=True)]


def _neighbours() -> pd.DataFrame:
    """Six output areas across the border; a request for a type of area without a parent returns them too."""
    rows = [(f"E0008890{n}", f"E0101761{n // 2 * 4}", "E02003618", NEIGHBOUR, "E05014393") for n in range(6)]
    return pd.DataFrame(rows, columns=["code", "lsoa", "msoa", "ltla", "ward"])


def _named(lookup: pd.DataFrame, wards: dict[str, str]) -> pd.DataFrame:
    towns = {LUTON: "Luton", NEIGHBOUR: "Central Bedfordshire"}
    places = {
        "E12000006": ("East of England", "rgn"),
        "E92000001": ("England", "ctry"),
        "E05014393": ("Toddington", "ward"),
    }
    rows = {code: (code, "oa") for code in lookup.index}
    for (ltla, msoa), members in lookup.groupby(["ltla", "msoa"]):
        rows[msoa] = (f"{towns[ltla]} {_msoa_number(msoa):03d}", "msoa")
        for letter, lsoa in zip("ABCDEFGHIJKL", sorted(members.lsoa.unique()), strict=False):
            rows[lsoa] = (f"{rows[msoa][0]}{letter}", "lsoa")
    rows |= {code: (name, "ward") for code, name in wards.items()}
    rows |= {code: (name, "old_ward") for code, name in OLD_WARDS.items()}
    rows |= {code: (name, "ltla") for code, name in towns.items()} | places
    return pd.DataFrame.from_dict(rows, orient="index", columns=["name", "level"])


def _msoa_number(code: str) -> int:
    """The number in an MSOA's name: 1 for E02003258; the two split off in 2021 are 22 and 23."""
    number = int(code[1:])
    return {2006937: 22, 2006938: 23}.get(number, (number - 2003257) % 1000)


def noise(key: str, *words: str) -> float:
    """A number between 0 and 1 that depends only on the arguments."""
    return crc32("|".join((key, *words)).encode()) / 0xFFFFFFFF


def split(total: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Split each total into whole numbers by its row of weights, with largest remainders, so that rows add up.

    Args:
        total: (n,) whole numbers.
        weights: (n, k), not negative, no row of zeros.
    """
    exact = total[:, None] * weights / weights.sum(axis=1, keepdims=True)
    whole = np.floor(exact)
    left = (total - whole.sum(axis=1)).round().astype(int)
    order = np.argsort(np.argsort(whole - exact, axis=1, kind="stable"), axis=1)
    return (whole + (order < left[:, None])).astype(int)
