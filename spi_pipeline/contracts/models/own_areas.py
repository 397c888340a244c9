"""A council's own areas, such as that of a neighbourhood board: how each is drawn, not what lies in it."""

from __future__ import annotations

import math
import re
from typing import Self

from pydantic import Field, field_validator, model_validator

from spi_pipeline.contracts.models.indicators import Id
from spi_pipeline.contracts.models.vocabulary import Strict

# Codes of which an area may be made: output areas and LSOAs of 2021, and wards.
CODE = re.compile(r"[EW](00|01|05)\d{6}")


class OwnArea(Strict):
    """``areas/<id>.yaml``: one of a council's own areas.

    The file holds how the area is drawn, not what was found in it, so that the area can be placed again with another
    geography or better tables.

    Attributes:
        id: the id of the area, which is also the name of its file.
        title: shown to people.
        outline: polygons as well-known text, longitude and latitude in degrees (WGS84).
        postcodes: the postcodes that belong to it.
        codes: codes of the output areas, LSOAs or wards that belong to it, each whole.
    """

    id: str = Field(pattern=Id)
    title: str = Field(min_length=1)
    outline: str | None = None
    postcodes: list[str] | None = Field(default=None, min_length=1)
    codes: list[str] | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _drawn_once(self) -> Self:
        if sum(drawn is not None for drawn in (self.outline, self.postcodes, self.codes)) != 1:
            raise ValueError("state one of outline, postcodes and codes")
        if strange := [code for code in self.codes or () if not CODE.fullmatch(code)]:
            raise ValueError(f"{strange[0]} is not the code of an output area, LSOA or ward")
        return self

    @field_validator("outline")
    @classmethod
    def _encloses(cls, outline: str | None) -> str | None:
        if outline is None:
            return None
        # Imported only if an area has an outline, since it takes a fifth of a second.
        import numpy as np
        import shapely

        try:
            # numpy warns about a coordinate that is NaN; the check below refuses it.
            with np.errstate(invalid="ignore"):
                drawn = shapely.from_wkt(outline)
        except shapely.errors.ShapelyError as error:
            raise ValueError(f"it is not well-known text ({error}); add the area again with spi area add") from error
        area = shapely.area(drawn)
        if drawn.geom_type not in ("Polygon", "MultiPolygon") or not (math.isfinite(area) and area > 0):
            raise ValueError("it encloses no area; add the area again with spi area add")
        return outline

    @property
    def drawn_by(self) -> str:
        """How it is drawn: ``outline``, ``postcodes`` or ``codes``."""
        return next(way for way in ("outline", "postcodes", "codes") if getattr(self, way) is not None)
