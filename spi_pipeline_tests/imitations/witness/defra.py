"""DEFRA's modelled background pollution: `/datastore/pcm/….csv`."""

from __future__ import annotations

import re
from functools import cache

from shapely import union_all

from spi_pipeline_tests.imitations.witness import town
from spi_pipeline_tests.imitations.witness.evidence import Evidence
from spi_pipeline_tests.imitations.witness.response import Request, Response, not_found

NEWEST = 2024
OLDEST = 2018
# Pollutant -> how its column begins, and the letter after the year in the file's name.
FILES = {"no2": ("no2", ""), "pm25": ("pm25", "g")}


def respond(request: Request) -> Response:
    found = re.fullmatch(r"/datastore/pcm/map(no2|pm25)(\d{4})(g?)\.csv", request.path)
    if not found or not OLDEST <= int(found[2]) <= NEWEST or found[3] != FILES[found[1]][1]:
        return not_found()
    return Response(_file(found[1], int(found[2]), found[3]), "text/csv")


@cache
def _box() -> tuple[int, int, int, int]:
    west, south, east, north = town.on_grid(union_all(list(town.shapes("wards").values()))).bounds
    return int(west) // 1000 - 3, int(south) // 1000 - 3, int(east) // 1000 + 3, int(north) // 1000 + 3


@cache
def _file(pollutant: str, year: int, letter: str) -> bytes:
    """A few distant cells and sea, then the cells around the town, row by row from the north."""
    west, south, east, north = _box()
    name = f"{FILES[pollutant][0]}{year}{letter}"
    lines = [f"{FILES[pollutant][0]},,,", f"{year},,,", "annual mean,,,", "ug m-3,,,", ",,,", f"gridcode,x,y,{name}"]
    lines += ["54291,460500,1221500,MISSING", "54294,463500,1221500,1.08712", "400001,-500,5500,MISSING"]
    base = {"no2": 11.0, "pm25": 7.5}[pollutant] - (year - OLDEST) * 0.3
    for row in range(north, south - 1, -1):
        for column in range(west, east + 1):
            value = base + ((column * 13 + row * 7) % 50) / 10
            code = 300_000 + (north - row) * 700 + column
            lines.append(f"{code},{column * 1000 + 500},{row * 1000 + 500},{value:.6g}")
    return ("\r\n".join(lines) + "\r\n").encode("ascii")


PCM = "/datastore/pcm/map….csv"
COPY = "copies of mapno22024.csv and of PM2.5 files of earlier years in public repositories, 254,905 rows each"
EVIDENCE = (
    Evidence(PCM, "Five lines before the header, each with three commas", COPY),
    Evidence(PCM, "gridcode, x, y and a last column that carries the year (no22024, pm252024g)", COPY),
    Evidence(PCM, "Centres of square kilometres, one west of zero; MISSING; CRLF; ASCII", COPY),
    Evidence(PCM, "2024 is the newest year", "mysociety/local-intelligence-hub; a client of 2026"),
    Evidence(PCM, "The third line of PM2.5 files, and their fourth"),
    Evidence(PCM, "Status for a year that is not there (here 404)"),
    Evidence(PCM, "Content-Type, ETag and Last-Modified (none is sent here)"),
)
