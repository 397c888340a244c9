"""Polygons from tables, the British National Grid, and the polygon that holds a point.

``points`` and ``allocation`` use the polygons.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from pyproj import Transformer

Array = npt.NDArray[Any]

# EPSG:27700 with the seven-parameter Helmert shift that Ordnance Survey gives for WGS84 (good to about 5 m; "A guide to
# coordinate systems in Great Britain", section 6.6). The bare EPSG code would let PROJ use the OSTN15 grid on machines
# that have it and the shift on others: about ten of Luton's 3,236 postcodes change output area by two metres.
BRITISH_NATIONAL_GRID = (
    "+proj=tmerc +lat_0=49 +lon_0=-2 +k=0.9996012717 +x_0=400000 +y_0=-100000 +ellps=airy "
    "+towgs84=446.448,-125.157,542.06,0.15,0.247,0.842,-20.489 +units=m +no_defs"
)


@dataclass(frozen=True)
class Shapes:
    """Named polygons, ordered by code.

    Attributes:
        codes: one code per polygon, ascending.
        polygons: shapely polygons or multipolygons, valid, in one coordinate system.
    """

    codes: Array
    polygons: Array

    @classmethod
    def from_frame(cls, frame: pd.DataFrame) -> Shapes:
        """Read the polygons of a table.

        Args:
            frame: ``area_code`` and ``geometry`` (WKB bytes; rows without geometry are left out).

        Returns:
            The polygons in the frame's coordinate system. Generalised boundaries have self-touching rings; these are
            made valid.
        """
        drawn = frame.dropna(subset=["geometry"]).sort_values("area_code")
        polygons = shapely.make_valid(shapely.from_wkb(drawn["geometry"].to_numpy(dtype=object)))
        return cls(drawn["area_code"].to_numpy(dtype=object), polygons)

    def on_national_grid(self) -> Shapes:
        """Move the polygons from WGS84 (longitude, latitude) to the British National Grid (metres)."""
        transformer = Transformer.from_crs("EPSG:4326", BRITISH_NATIONAL_GRID, always_xy=True)

        def move(vertices: Array) -> Array:
            return np.column_stack(transformer.transform(vertices[:, 0], vertices[:, 1]))

        return Shapes(self.codes, shapely.transform(self.polygons, move))

    def only(self, wanted: pd.Series) -> Shapes:
        """Keep the polygons whose code is in ``wanted``."""
        chosen = pd.Series(self.codes, dtype=object).isin(set(wanted)).to_numpy()
        return Shapes(self.codes[chosen], self.polygons[chosen])

    def touching(self) -> list[tuple[str, str]]:
        """Pairs of polygons that border or overlap each other, as codes, each pair in both directions."""
        one, other = shapely.STRtree(self.polygons).query(self.polygons, predicate="intersects")
        return [(str(self.codes[a]), str(self.codes[b])) for a, b in zip(one, other, strict=True) if a != b]

    def holding(self, points: Array) -> Array:
        """Find the polygon that each point lies in or on.

        Args:
            points: shapely points in the polygons' coordinate system.

        Returns:
            One code per point, ``None`` where no polygon holds it; on a shared edge the lowest code.
        """
        point, polygon = shapely.STRtree(self.polygons).query(points, predicate="intersects")
        first = np.full(len(points), len(self.codes))
        np.minimum.at(first, point, polygon)
        named: Array = np.append(self.codes, [None])[first]
        return named
