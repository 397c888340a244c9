"""Crimes and stops by month, for the imitated API and archive of the police.

The embedded counts by month, type and point are expanded to one row for each incident. Formulas invent the details that
the embedded table lacks (numbers, streets, outcomes, people).
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from spi_pipeline_tests.imitations.tables import areas, required

CATEGORIES = {
    "anti-social-behaviour": "Anti-social behaviour",
    "bicycle-theft": "Bicycle theft",
    "burglary": "Burglary",
    "criminal-damage-arson": "Criminal damage and arson",
    "drugs": "Drugs",
    "other-theft": "Other theft",
    "possession-of-weapons": "Possession of weapons",
    "public-order": "Public order",
    "robbery": "Robbery",
    "shoplifting": "Shoplifting",
    "theft-from-the-person": "Theft from the person",
    "vehicle-crime": "Vehicle crime",
    "violent-crime": "Violence and sexual offences",
    "other-crime": "Other crime",
}
FORCES = {
    "bedfordshire": "Bedfordshire Police",
    "btp": "British Transport Police",
    "metropolitan": "Metropolitan Police Service",
}
OUTCOMES = np.array(
    ["Investigation complete; no suspect identified", "Unable to prosecute suspect", "Under investigation",
     "Court result unavailable", "Local resolution", "Status update unavailable"]
)  # fmt: skip
_STREETS = np.array(
    ["High Street", "Park/Open Space", "Parking Area", "Church Road", "Supermarket", "Mill Lane", "Station Way"]
)
_OBJECTS = np.array(["Controlled drugs", "Offensive weapons", "Stolen goods", "Article for use in theft"])


@cache
def months() -> tuple[str, ...]:
    """Every month with crimes, oldest first."""
    return tuple(sorted(_rows_by_month()))


@cache
def _rows_by_month() -> dict[str, np.ndarray]:
    return dict(required("street_crime").groupby("month").indices)


def published(held_back: int) -> tuple[str, ...]:
    """Every month except the newest `held_back` months."""
    return months()[: len(months()) - held_back]


def window(length: int, held_back: int = 0) -> tuple[str, ...]:
    """The rolling window: `length` calendar months up to the newest, without months that have no embedded crimes."""
    newest = pd.Period(published(held_back)[-1], "M")
    return tuple(str(newest - back) for back in reversed(range(length)) if str(newest - back) in months())


@cache
def crimes(month: str) -> pd.DataFrame:
    """Incidents of a month, with null places for those that have none.

    Columns: ``id``, ``crime_id`` (blank for ASB), ``force``, ``type``, ``longitude``, ``latitude``, ``lsoa_code``,
    ``lsoa_name``, ``street_id``, ``street``, ``outcome``.
    """
    table = required("street_crime").iloc[_rows_by_month()[month]]
    table = table.loc[table.index.repeat(table.crimes)].reset_index(drop=True)
    number = int(month.replace("-", "")) * 100_000 + np.arange(len(table))
    frame = pd.DataFrame(
        {"id": number, "force": "bedfordshire", "type": table.crime_type, "longitude": table.longitude}
        | {"latitude": table.latitude, "lsoa_code": table.lsoa_code}
    )
    frame = pd.concat([frame, _of_other_forces(month)], ignore_index=True)
    return _with_words(frame)


def _of_other_forces(month: str) -> pd.DataFrame:
    """Two other forces in the same archive, with crimes outside Luton: a client must not count by file name alone."""
    number = int(month.replace("-", "")) * 100_000 + 90_000
    rows = [
        (number, "btp", "Public order", -0.479523, 52.136174, "E01017440"),
        (number + 1, "btp", "Other theft", -0.479523, 52.136174, "E01017440"),
        (number + 2, "metropolitan", "Burglary", -0.097543, 51.518226, "E01000001"),
        (number + 3, "metropolitan", "Robbery", -0.097543, 51.518226, "E01000001"),
    ]
    return pd.DataFrame(rows, columns=["id", "force", "type", "longitude", "latitude", "lsoa_code"])


def _with_words(frame: pd.DataFrame) -> pd.DataFrame:
    names = areas().table.name
    asb = frame.type == CATEGORIES["anti-social-behaviour"]
    place = ((frame.longitude.fillna(0).abs() + frame.latitude.fillna(0)) * 1e6).round().astype(int)
    frame["crime_id"] = [f"{number:016x}" * 4 for number in frame.id]
    frame.loc[asb, "crime_id"] = ""
    frame["lsoa_name"] = frame.lsoa_code.map(names).fillna("Elsewhere 001A").where(frame.lsoa_code.notna(), "")
    frame["street_id"] = 1_600_000 + place % 200_000
    frame["street"] = np.where(
        frame.longitude.isna(), "No Location", "On or near " + _STREETS[place % len(_STREETS)].astype(object)
    )
    frame["outcome"] = OUTCOMES[frame.id % len(OUTCOMES)]
    frame.loc[asb, "outcome"] = ""
    return frame


@cache
def stops(month: str) -> pd.DataFrame:
    """Stops of a month.

    Columns: ``id``, ``at`` (ISO 8601), ``longitude``, ``latitude`` (null without a place), ``street_id``, ``street``,
    ``object``.
    """
    table = required("stop_and_search")
    table = table[table.month == month]
    table = table.loc[table.index.repeat(table.stops)].reset_index(drop=True)
    number = np.arange(len(table))
    place = ((table.longitude.fillna(0).abs() + table.latitude.fillna(0)) * 1e6).round().astype(int)
    at = [f"{month}-{n % 28 + 1:02d}T{n % 24:02d}:{n % 6}0:00+00:00" for n in number]
    return pd.DataFrame(
        {"id": number, "at": at, "longitude": table.longitude, "latitude": table.latitude}
        | {
            "street_id": 1_600_000 + place % 200_000,
            "street": "On or near " + _STREETS[place % len(_STREETS)].astype(object),
        }
        | {"object": _OBJECTS[number % len(_OBJECTS)]}
    )
