"""A town of squares, small enough to compute its weights by hand.

Coordinates are metres east and north of a corner on the British National Grid. There are two wards: West (0 to 1000)
and East (1000 to 1800). LSOA A reaches from 0 to 1200 and holds the output areas 1 to 4; LSOA B reaches from 1200 to
2000 and holds 5 and 6. The last 200 m of B lie in no ward. C and D have no polygon, and D has no output area either.
The output areas 4, 5 and 7 have no polygon.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import shapely
from pyproj import Transformer

EAST0, NORTH0 = 508_000.0, 222_000.0
TO_WGS84 = Transformer.from_crs("EPSG:27700", "EPSG:4326", always_xy=True)

WEST, EAST, TOWN = "E05000001", "E05000002", "E06000099"
OA = {n: f"E0000000{n}" for n in range(1, 8)}
A, B, C, D = "E01000001", "E01000002", "E01000003", "E01000004"
M1, M2, M3 = "E02000001", "E02000002", "E02000003"


def lon_lat(x: float, y: float) -> tuple[float, float]:
    longitude, latitude = TO_WGS84.transform(EAST0 + x, NORTH0 + y)
    return longitude, latitude


def rectangle(x0: float, y0: float, x1: float, y1: float) -> bytes:
    ring = [lon_lat(x, y) for x, y in ((x0, y0), (x1, y0), (x1, y1), (x0, y1))]
    wkb: bytes = shapely.to_wkb(shapely.Polygon(ring))
    return wkb


def boundaries(shapes: dict[str, tuple[float, float, float, float]]) -> pd.DataFrame:
    return pd.DataFrame({"area_code": list(shapes), "geometry": [rectangle(*corners) for corners in shapes.values()]})


def wards() -> pd.DataFrame:
    shapes = boundaries({WEST: (0, 0, 1000, 1000), EAST: (1000, 0, 1800, 1000)})
    return shapes.assign(area_name=["West", "East"], parent_code=TOWN)


def postcodes(*rows: tuple[float, float, str | None]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["easting", "northing", "ward_code"])
    frame["easting"] += EAST0
    frame["northing"] += NORTH0
    return frame.assign(postcode=[f"LU9 {n}AA" for n in range(len(frame))])


def tables() -> dict[str, Any]:
    """All arguments of ``small_area_weights``, created afresh on each call."""
    return {
        "wards": wards(),
        "lsoa_best_fit": pd.DataFrame(
            [
                (A, WEST, TOWN),
                (B, EAST, TOWN),
                (C, WEST, TOWN),
                (D, EAST, TOWN),
                ("E01000009", "E05000009", "E06000001"),
            ],
            columns=["lsoa_code", "ward_code", "authority_code"],
        ),
        "lsoa_2011_lookup": pd.DataFrame(
            [("X1", A, "S"), ("X1", B, "S"), ("X2", C, "M"), ("X3", C, "M"), (D, D, "U"), ("X9", "E01000009", "U")],
            columns=["lsoa11_code", "lsoa21_code", "change"],
        ),
        "msoa_2011_lookup": pd.DataFrame(
            [("Y1", M1, "S"), ("Y1", M2, "S"), (M3, M3, "U")], columns=["msoa11_code", "msoa21_code", "change"]
        ),
        "output_area_lookup": pd.DataFrame(
            [
                (OA[1], A, M1, 100, 40),
                (OA[2], A, M1, 200, 100),
                (OA[3], A, M1, 100, 50),
                (OA[4], A, M1, 90, 30),
                (OA[5], B, M1, 50, 20),
                (OA[6], B, M1, 60, 30),
                (OA[7], C, M2, 80, 40),
            ],
            columns=["oa_code", "lsoa_code", "msoa_code", "residents", "households"],
        ),
        "output_area_boundaries": boundaries(
            {
                OA[1]: (0, 0, 500, 500),
                OA[2]: (800, 0, 1200, 500),
                OA[3]: (600, 500, 1100, 1000),
                OA[6]: (1200, 0, 1600, 1000),
                "E00000099": (1600, 0, 2000, 1000),
            }
        ),
        "lsoa_boundaries": boundaries({A: (0, 0, 1200, 1000), B: (1200, 0, 2000, 1000)}),
        "postcodes": postcodes(
            (100, 100, WEST),
            (400, 400, WEST),
            (810, 100, WEST),
            (850, 100, WEST),
            (900, 100, WEST),
            (1100, 100, EAST),
            (600, 250, WEST),
            (650, 250, WEST),
            (1150, 750, EAST),
            (1300, 500, EAST),
        ),
        "lsoa_lookup": pd.DataFrame({"lsoa_code": [D], "msoa_code": [M3], "residents": [40], "households": [20]}),
    }
