"""Road collisions (sources.md, section 7.9): STATS19 as CSV, for the last five years and for single years."""

from __future__ import annotations

import re
from functools import cache

import numpy as np
import pandas as pd
import shapely

from spi_pipeline_tests.imitations.messages import Request, Response, Served, not_found
from spi_pipeline_tests.imitations.tables import LUTON, NEIGHBOUR, required

_YEARS = range(2020, 2025)
_STEM = "dft-road-casualty-statistics-collision"


def respond(request: Request) -> Response:
    """The file of the last five years, of one year, or the provisional file of the newest half-year."""
    name = request.path.removeprefix("/road-accidents-safety-data").lstrip("/")
    found = re.fullmatch(rf"{_STEM}-(last-5-years|provisional-mid-year-unvalidated-2025|\d{{4}})\.csv", name)
    years = list(_YEARS) if found and found[1] == "last-5-years" else [int(found[1][-4:])] if found else []
    if not years or not set(years) <= {*_YEARS, 2025}:
        return not_found(request)
    table = pd.concat([_collisions(year) for year in years])
    return Response(200, table.to_csv(index=False, lineterminator="\n").encode(), "text/csv")


@cache
def _collisions(year: int) -> pd.DataFrame:
    """280 collisions of a year in and around Luton, at points where crimes were recorded; -1 means missing."""
    dice = np.random.default_rng(year)
    places = required("street_crime").dropna(subset="longitude")
    places = places[places.longitude.between(-0.50, -0.36) & places.latitude.between(51.85, 51.93)]
    places = places.drop_duplicates(["longitude", "latitude"]).sort_values(["longitude", "latitude"])
    at = places.iloc[dice.integers(0, len(places), 280)].reset_index(drop=True)
    town = shapely.union_all(shapely.from_wkb(required("wards").geometry.to_numpy()))
    ours = shapely.contains_xy(town, at.longitude.to_numpy(), at.latitude.to_numpy())
    number = np.arange(len(at))
    severity = dice.choice([1, 2, 3], len(at), p=[0.01, 0.19, 0.8])
    days = pd.Timestamp(year, 1, 1) + pd.to_timedelta(dice.integers(0, 181 if year == 2025 else 365, len(at)), unit="D")
    nowhere = number % 97 == 96  # a few have no location
    return pd.DataFrame(
        {
            "collision_index": [f"{year}40{n:07d}" for n in number],
            "collision_year": year,
            "collision_reference": [f"40{n:07d}" for n in number],
            "longitude": at.longitude.where(~nowhere, -1),
            "latitude": at.latitude.where(~nowhere, -1),
            "police_force": 40,
            "collision_severity": severity,
            "number_of_vehicles": dice.integers(1, 4, len(at)),
            "number_of_casualties": dice.integers(1, 3, len(at)),
            "date": days.strftime("%d/%m/%Y"),
            "time": [f"{h:02d}:{m:02d}" for h, m in dice.integers(0, [24, 60], (len(at), 2))],
            "local_authority_ons_district": np.where(ours, LUTON, NEIGHBOUR),
            "lsoa_of_accident_location": at.lsoa_code.fillna("-1").where(~nowhere, "-1"),
            "collision_adjusted_severity_serious": np.where(severity == 2, 1.0, np.where(severity == 3, 0.12, 0.0)),
            "collision_adjusted_severity_slight": np.where(severity == 3, 0.88, 0.0),
        }
    )


SERVED = {
    "stats19": Served(respond, "road_collisions", column="collision_severity", figures=("collision_severity",)),
}
