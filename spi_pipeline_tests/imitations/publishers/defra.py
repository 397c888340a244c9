"""DEFRA's modelled background pollution (sources.md, section 7.4): one-kilometre grid squares as CSV."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from spi_pipeline_tests.imitations.messages import Request, Response, Served, not_found
from spi_pipeline_tests.imitations.tables import noise

_YEARS = range(2018, 2025)
_CENTRE = (508_900, 221_300)


def respond(request: Request) -> Response:
    """mapno2YYYY.csv and mappm25YYYYg.csv: five lines about the file, then the header; squares of sea are MISSING."""
    found = re.fullmatch(r"(?:/datastore)?(?:/pcm)?/map((no2|pm25)(\d{4})g?)\.csv", request.path)
    if not found or int(found[3]) not in _YEARS or (found[2] == "pm25") != found[1].endswith("g"):
        return not_found(request)
    column, kind, year = found.groups()
    squares = {
        (x, y): f"{_level(kind, int(year), x, y):.5f}"
        for y in range(215_500, 230_000, 1000)
        for x in range(499_500, 514_000, 1000)
    }
    return Response(200, grid(column, squares), "text/csv")


def grid(column: str, squares: Mapping[tuple[int, int], str]) -> bytes:
    """A file as it is published: values by the centre of their square in metres, and two squares of sea."""
    kind, year = re.split(r"(?=20\d\d)", column.removesuffix("g"))
    lines = [f"Modelled background {kind}", f"Year: {year}", "Units: ug/m3", "Grid: OSGB, 1 km", "Created: 2025-09-01"]
    sea = dict.fromkeys([(675_500, 221_500), (676_500, 221_500)], "MISSING")
    lines += [f"gridcode,x,y,{column}"]
    lines += [f"{x // 1000 * 1000 + y // 1000},{x},{y},{value}" for (x, y), value in {**squares, **sea}.items()]
    return ("\n".join(lines) + "\n").encode()


def _level(kind: str, year: int, x: int, y: int) -> float:
    """Values are highest in the town centre and near the motorway, and fall from year to year."""
    town = math.exp(-math.hypot(x - _CENTRE[0], y - _CENTRE[1]) / 4000)
    motorway = math.exp(-abs(x - 504_500) / 1500)
    level = {"no2": 8 + 9 * town + 4 * motorway, "pm25": 7 + 2 * town + motorway}[kind]
    return level * (1 - 0.02 * (year - 2018)) + 0.3 * noise(kind, str(x), str(y))


SERVED = {
    "defra_pcm": Served(respond, "background_pollution", column="no2*", figures=("no2*", "pm25*")),
}
