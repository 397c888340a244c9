"""Points to wards, by the polygon they lie in.

Small areas belong in ``allocation``; what a point stands for is the caller's affair.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import shapely

from spi_pipeline.geography.shapes import Array, Shapes


def place_points(longitude: pd.Series | Array, latitude: pd.Series | Array, wards: pd.DataFrame) -> Array:
    """Find the ward each point lies in.

    Recorded places repeat (police data snap to street anchors), so each distinct point is looked up once.

    Args:
        longitude: degrees east, WGS84; may be missing.
        latitude: degrees north, WGS84, in the same order.
        wards: ``area_code`` and ``geometry`` (WKB, WGS84).

    Returns:
        One ward code per point, in order; ``None`` without coordinates or outside every ward. A point on a shared edge
        lies in the ward with the lowest code.

    Raises:
        ValueError: when the coordinates differ in number.
    """
    x, y = (pd.to_numeric(pd.Series(np.asarray(axis))).to_numpy(dtype=float) for axis in (longitude, latitude))
    placed = np.full(len(x), None, dtype=object)
    shapes = Shapes.from_frame(wards)
    west, south, east, north = shapely.total_bounds(shapes.polygons)
    # A whole country's points are looked through at a glance; those without coordinates compare as false.
    near = (west <= x) & (x <= east) & (south <= y) & (y <= north)
    distinct, position = np.unique(np.column_stack([x[near], y[near]]), axis=0, return_inverse=True)
    placed[near] = shapes.holding(shapely.points(distinct))[position.ravel()]
    return placed
