"""The layers of ONS Open Geography: boundaries, centroids and lookups under their documented names (section 2.1).

Field names contain the year. ``ons_geography`` itself handles queries of a layer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
import shapely

from spi_pipeline_tests.imitations.tables import LUTON, NEIGHBOUR, areas, required

_TOWNS = {LUTON: "Luton", NEIGHBOUR: "Central Bedfordshire"}


@dataclass(frozen=True)
class Layer:
    """One layer.

    Attributes:
        rows: attributes, with the object id first.
        shapes: geometry by row in longitude and latitude, or None for a lookup.
        records: the maximum number of rows in one response.
    """

    rows: pd.DataFrame
    shapes: np.ndarray | None
    records: int = 2000

    @property
    def object_id(self) -> str:
        return str(self.rows.columns[0])


def _wards(year: int) -> Layer:
    """The wards of a year. Until 2022 they are the old wards, merged from LSOAs, so their edges are invented."""
    if year <= 2022:
        outlines = _merged("old_ward")
    else:
        table = required("wards")
        outlines = pd.Series(shapely.from_wkb(table.geometry.to_numpy()), index=table.area_code)
        outlines["E05014393"] = shapely.box(-0.32, 51.86, -0.30, 51.90)
    found = areas().table.loc[outlines.index]
    of_luton = ~outlines.index.isin(["E05014393"])
    towns = np.where(of_luton, LUTON, NEIGHBOUR)
    two = year % 100
    rows = {f"WD{two}CD": outlines.index, f"WD{two}NM": found.name.to_numpy(), f"WD{two}NMW": " "}
    rows |= {f"LAD{two}CD": towns, f"LAD{two}NM": [_TOWNS[town] for town in towns]}
    return _layer(rows, outlines.to_numpy(), "FID")


def _small_areas(level: str, prefix: str) -> Layer:
    outlines = _merged(level)
    rows = {f"{prefix}CD": outlines.index, f"{prefix}NM": areas().table.name.reindex(outlines.index).to_numpy()}
    return _layer(rows, outlines.to_numpy(), "FID", records=1000)


def _lsoa_2011() -> Layer:
    lookup = required("lsoa_2011_lookup")
    outlines = _lsoa_outlines().reindex(lookup.lsoa_2021_code)
    merged = {
        code: shapely.union_all(outlines.to_numpy()[at])
        for code, at in lookup.groupby("lsoa_2011_code").indices.items()
    }
    return _layer({"LSOA11CD": list(merged), "LSOA11NM": _names(list(merged))}, np.array(list(merged.values())), "FID")


def _centroids() -> Layer:
    outlines = _lsoa_outlines()
    return _layer({"LSOA21CD": outlines.index}, shapely.point_on_surface(outlines.to_numpy()), "FID")


def _best_fit(level: str, prefix: str, year: int) -> Layer:
    """Small area to ward and authority: the official best fit of LSOAs from 2023, and the old wards for 2022."""
    two = year % 100
    oas = areas().output_areas.reset_index().rename(columns={"code": "oa"})
    ward = "old_ward" if year <= 2022 else "ward"
    table = oas.groupby(level).agg({ward: lambda found: found.mode()[0], "ltla": "first"})
    if level == "lsoa" and ward == "ward":
        official = required("lsoa_best_fit").set_index("area_code").ward_code
        table[ward] = official.reindex(table.index).fillna(table[ward])
    rows = {f"{prefix}CD": table.index}
    if level == "lsoa":
        rows |= {f"{prefix}NM": _names(table.index), f"{prefix}NMW": " "}
    rows |= {f"WD{two}CD": table[ward], f"WD{two}NM": _names(table[ward]), f"WD{two}NMW": " "}
    return _layer({**rows, **_authority(table.ltla, two)}, None, "ObjectId")


def _nested() -> Layer:
    oas = areas().output_areas
    rows = {"OA21CD": oas.index, "LSOA21CD": oas.lsoa, "LSOA21NM": _names(oas.lsoa), "LSOA21NMW": " "}
    rows |= {"MSOA21CD": oas.msoa, "MSOA21NM": _names(oas.msoa), "MSOA21NMW": " "}
    return _layer({**rows, **_authority(oas.ltla, 22)}, None, "ObjectId")


def _from_2011() -> Layer:
    lookup = required("lsoa_2011_lookup")
    rows = {"LSOA11CD": lookup.lsoa_2011_code, "LSOA11NM": _names(lookup.lsoa_2011_code), "CHGIND": lookup.change}
    rows |= {"LSOA21CD": lookup.lsoa_2021_code, "LSOA21NM": _names(lookup.lsoa_2021_code)}
    return _layer({**rows, **_authority(pd.Series(LUTON, index=lookup.index), 22)}, None, "ObjectId")


def _ward_authority(year: int) -> Layer:
    rows = _wards(year).rows.drop(columns="FID")
    return _layer(dict(rows.items()), None, "ObjectId")


def _authority(codes: pd.Series, two: int) -> dict[str, object]:
    return {f"LAD{two}CD": codes.to_numpy(), f"LAD{two}NM": codes.map(_TOWNS).to_numpy(), f"LAD{two}NMW": " "}


def _names(codes: object) -> np.ndarray:
    return areas().table.name.reindex(pd.Index(codes)).fillna("").to_numpy()


def _layer(rows: dict[str, object], shapes: np.ndarray | None, object_id: str, records: int = 2000) -> Layer:
    frame = pd.DataFrame(
        {name: np.asarray(values) if not isinstance(values, str) else values for name, values in rows.items()}
    )
    frame.insert(0, object_id, range(1, len(frame) + 1))
    if shapes is not None:
        middles = shapely.point_on_surface(shapes)
        frame["LONG"], frame["LAT"] = shapely.get_x(middles).round(6), shapely.get_y(middles).round(6)
    return Layer(frame, shapes, records)


@cache
def _lsoa_outlines() -> pd.Series:
    table = required("lsoa_boundaries")
    outlines = pd.Series(shapely.from_wkb(table.geometry.to_numpy()), index=table.area_code)
    for number, code in enumerate(sorted(areas().output_areas.query("ltla == @NEIGHBOUR").lsoa.unique())):
        outlines[code] = shapely.box(-0.32, 51.86 + 0.01 * number, -0.30, 51.87 + 0.01 * number)
    return outlines


def _merged(level: str) -> pd.Series:
    """Outlines of the areas of a level, each the union of its LSOAs."""
    outlines = _lsoa_outlines()
    if level == "lsoa":
        return outlines
    parent = areas().output_areas.drop_duplicates("lsoa").set_index("lsoa")[level].reindex(outlines.index)
    return pd.Series({code: shapely.union_all(outlines[parent == code].to_numpy()) for code in sorted(parent.unique())})


_LSOA = "Lower_layer_Super_Output_Areas_December_2021_Boundaries_EW"
_NAMED: dict[str, Callable[[], Layer]] = {
    **{f"Wards_May_2024_Boundaries_UK_{kind}": lambda: _wards(2024) for kind in ("BGC",)},
    **{f"Wards_December_2024_Boundaries_UK_{kind}": lambda: _wards(2024) for kind in ("BGC", "BFC")},
    **{f"Wards_December_2023_Boundaries_UK_{kind}": lambda: _wards(2023) for kind in ("BGC", "BFE")},
    **{f"Wards_December_2022_Boundaries_UK_{kind}": lambda: _wards(2022) for kind in ("BSC", "BGC")},
    "WD_MAY_2025_UK_BSC_V2": lambda: _wards(2025),
    **{f"{_LSOA}_{kind}": lambda: _small_areas("lsoa", "LSOA21") for kind in ("BGC_V5", "BSC_V4", "BFC_V10")},
    "LSOA_Dec_2011_Boundaries_Generalised_Clipped_BGC_EW_V3": _lsoa_2011,
    "MSOA_2021_EW_BSC_V2": lambda: _small_areas("msoa", "MSOA21"),
    "LSOA_PopCentroids_EW_2021_V4": _centroids,
    "LSOA21_WD22_LAD22_EW_LU_v3": lambda: _best_fit("lsoa", "LSOA21", 2022),
    "LSOA21_WD23_LAD23_EW_LU": lambda: _best_fit("lsoa", "LSOA21", 2023),
    "LSOA21_WD24_LAD24_EW_LU": lambda: _best_fit("lsoa", "LSOA21", 2024),
    "LSOA21_WD25_LAD25_EW_LU_v2": lambda: _best_fit("lsoa", "LSOA21", 2025),
    "OA21_WD23_LAD23_EW_LU": lambda: _best_fit("oa", "OA21", 2023),
    "OA21_WD24_LAD24_EW_LU_v2": lambda: _best_fit("oa", "OA21", 2024),
    "OA21_WD25_LAD25_EW_LU_v3": lambda: _best_fit("oa", "OA21", 2025),
    "OA_LSOA_MSOA_EW_DEC_2021_LU_v3": _nested,
    "LSOA11_LSOA21_LAD22_EW_LU_v5": _from_2011,
    "WD23_LAD23_UK_LU": lambda: _ward_authority(2023),
    "WD24_LAD24_UK_LU": lambda: _ward_authority(2024),
}
NAMES = tuple(_NAMED)


@cache
def layer(service: str) -> Layer | None:
    """The layer of the service with exactly this name, or None."""
    return _NAMED[service]() if service in _NAMED else None
