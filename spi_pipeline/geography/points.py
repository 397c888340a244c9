"""Assign points to wards, by the ward polygon that holds them or, without polygons, by their published small area.

``allocation`` handles figures of small areas.
"""

import numpy as np
import pandas as pd
import shapely

from spi_pipeline.geography.shapes import Array, Shapes


def place_points(longitude: pd.Series | Array, latitude: pd.Series | Array, wards: pd.DataFrame) -> Array:
    """Find the ward that each point lies in.

    Recorded places repeat (police data snap to street anchors), so each distinct point is looked up once.

    Args:
        longitude: degrees east, WGS84; may be missing.
        latitude: degrees north, WGS84, in the same order.
        wards: ``area_code`` and ``geometry`` (WKB, WGS84).

    Returns:
        One ward code per point, in order; ``None`` without coordinates or outside every ward. A point on a shared edge
        goes to the ward with the lowest code.

    Raises:
        ValueError: when the coordinates differ in number.
    """
    x, y = (pd.to_numeric(pd.Series(np.asarray(axis))).to_numpy(dtype=float) for axis in (longitude, latitude))
    placed = np.full(len(x), None, dtype=object)
    shapes = Shapes.from_frame(wards)
    if not len(shapes.codes):  # an authority placed by best fit has no polygons, so no bounds
        return placed
    west, south, east, north = shapely.total_bounds(shapes.polygons)
    # Compare with the bounds first: a table may hold a whole country's points. Missing coordinates compare as false.
    near = (west <= x) & (x <= east) & (south <= y) & (y <= north)
    distinct, position = np.unique(np.column_stack([x[near], y[near]]), axis=0, return_inverse=True)
    placed[near] = shapes.holding(shapely.points(distinct))[position.ravel()]
    return placed


def place_whole(codes: pd.Series, weights: pd.DataFrame) -> Array:
    """Find the ward of each incident by its small area. An incident cannot be divided, so the largest share decides.

    Args:
        codes: small areas, of any geography of the weights; may be missing.
        weights: as ``small_area_weights`` returns them, of the requested wards alone.

    Returns:
        One ward code per incident, in order; ``None`` without a code or outside every ward. On equal shares the ward
        with the lowest code wins.
    """
    ordered = weights.sort_values(["weight", "area_code"], ascending=[False, True])
    ward = ordered.drop_duplicates("small_area_code").set_index("small_area_code")["area_code"]
    placed = codes.map(ward).astype(object)
    return placed.where(placed.notna(), None).to_numpy(dtype=object)
