"""The Department for Transport's collisions of the last five years."""

from __future__ import annotations

from functools import cache

import shapely

from spi_pipeline_tests.imitations.witness import police, town
from spi_pipeline_tests.imitations.witness.evidence import Evidence
from spi_pipeline_tests.imitations.witness.response import Request, Response, not_found

PATH = "/road-accidents-safety-data/dft-road-casualty-statistics-collision-last-5-years.csv"
YEARS = range(2021, 2026)
COLUMNS = (
    "collision_index", "collision_year", "collision_ref_no", "location_easting_osgr", "location_northing_osgr",
    "longitude", "latitude", "police_force", "collision_severity", "number_of_vehicles", "number_of_casualties",
    "date", "day_of_week", "time", "local_authority_district", "local_authority_ons_district",
    "local_authority_highway", "local_authority_highway_current", "first_road_class", "first_road_number",
    "road_type", "speed_limit", "junction_detail_historic", "junction_detail", "junction_control",
    "second_road_class", "second_road_number", "pedestrian_crossing_human_control_historic",
    "pedestrian_crossing_physical_facilities_historic", "pedestrian_crossing", "light_conditions",
    "weather_conditions", "road_surface_conditions", "special_conditions_at_site", "carriageway_hazards_historic",
    "carriageway_hazards", "urban_or_rural_area", "did_police_officer_attend_scene_of_accident", "trunk_road_flag",
    "lsoa_of_accident_location", "enhanced_severity_collision", "collision_injury_based",
    "collision_adjusted_severity_serious", "collision_adjusted_severity_slight",
)  # fmt: skip


def respond(request: Request) -> Response:
    return Response(_file(), "text/csv") if request.path == PATH else not_found()


@cache
def _file() -> bytes:
    """Collisions at points of crimes; in each year one more without a place and one far away."""
    lines = [",".join(COLUMNS)]
    around = shapely.union_all(list(town.shapes("wards").values()))
    for year in YEARS:
        places = police.crimes(f"{year}-05")
        inside = places[shapely.contains_xy(around, places.longitude.astype(float), places.latitude.astype(float))]
        inside = inside.iloc[:150]
        for number, (longitude, latitude, lsoa) in enumerate(
            zip(inside.longitude.astype(float), inside.latitude.astype(float), inside.lsoa_code, strict=True)
        ):
            lines.append(_line(year, number, (longitude, latitude), lsoa))
        lines.append(_line(year, 900, None, "-1"))
        lines.append(_line(year, 901, (-0.127758, 51.507351), "E01004736"))
    return ("\n".join(lines) + "\n").encode()


def _line(year: int, number: int, place: tuple[float, float] | None, lsoa: str) -> str:
    reference = f"40{number:07d}"
    cells = dict.fromkeys(COLUMNS, "-1")
    severity = 1 if number % 50 == 49 else 2 if number % 5 == 4 else 3
    cells |= {
        "collision_index": f"{year}{reference}",
        "collision_year": str(year),
        "collision_ref_no": reference,
        "police_force": "40",
        "collision_severity": str(severity),
        "number_of_vehicles": str(number % 3 + 1),
        "number_of_casualties": "1",
        "date": f"{number % 28 + 1:02d}/05/{year}",
        "day_of_week": str(number % 7 + 1),
        "time": f"{number % 24:02d}:05",
        "local_authority_ons_district": town.CODE,
        "local_authority_highway": town.CODE,
        "local_authority_highway_current": town.CODE,
        "first_road_class": "6",
        "speed_limit": "30",
        "urban_or_rural_area": "1",
        "trunk_road_flag": "2",
        "lsoa_of_accident_location": lsoa,
        "enhanced_severity_collision": "-1",
        "collision_injury_based": "0",
        "collision_adjusted_severity_serious": "1" if severity < 3 else "0.043",
        "collision_adjusted_severity_slight": "0" if severity < 3 else "0.957",
    }
    if place:
        east, north = town.to_grid(*place)
        cells["location_easting_osgr"], cells["location_northing_osgr"] = str(round(east)), str(round(north))
        cells["longitude"], cells["latitude"] = f"{place[0]:.6f}", f"{place[1]:.6f}"
    else:
        for name in ("location_easting_osgr", "location_northing_osgr", "longitude", "latitude"):
            cells[name] = "NULL" if year % 2 else "-1"
    return ",".join(cells.values())


EVIDENCE = (
    Evidence(
        PATH,
        "44 columns in this order",
        "two public schemas that load the file (one of a database, one of a course at TU Wien, 2026)",
    ),
    Evidence(PATH, "-1 for what is missing, date as dd/mm/yyyy", "ropensci/stats19; the same schemas"),
    Evidence(
        PATH,
        "NULL among coordinates, collisions of 2025 in it",
        "the tests of a public pipeline of 2026, on files shaped like the real ones (`stage_stats19`)",
    ),
    Evidence(PATH, "Codes of authorities and LSOAs as such", "ropensci/stats19"),
    Evidence(PATH, "Content-Type, line ends, ETag and Last-Modified (none is sent here)"),
)
