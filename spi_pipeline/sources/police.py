"""data.police.uk: the CSV files of street-level crime and of stop and search, one force and month each.

The same dialect comes from the publisher's archive and from kept copies of it. Crime IDs and everything about a person
are dropped here, at the first step, so that no later one can keep them.
"""

from __future__ import annotations

import io

import pandas as pd

from spi_pipeline.contracts.errors import SpiError

STREET_HEADER = (
    "Crime ID", "Month", "Reported by", "Falls within", "Longitude", "Latitude", "Location", "LSOA code", "LSOA name",
    "Crime type", "Last outcome category", "Context",
)  # fmt: skip
STOP_HEADER = (
    "Type", "Date", "Part of a policing operation", "Policing operation", "Latitude", "Longitude", "Gender",
    "Age range", "Self-defined ethnicity", "Officer-defined ethnicity", "Legislation", "Object of search", "Outcome",
    "Outcome linked to object of search", "Removal of more than just outer clothing",
)  # fmt: skip


def parse_street_crime(content: bytes, name: str) -> pd.DataFrame:
    """Crimes of one force and month, counted by type and map point.

    A crime ID that repeats within a month is one crime (178 of them in Bedfordshire's January 2022); rows without an
    ID are anti-social behaviour, where alike rows are separate incidents and all count.

    Args:
        content: the CSV file.
        name: its name, for errors.

    Returns:
        ``month, crime_type, longitude, latitude, lsoa_code, crimes``; place null where the police give none.

    Raises:
        SpiError: when the header is not the publisher's, a coordinate is no number, or there is more than one month.
    """
    table = _read(content, name, STREET_HEADER)
    identified = table["Crime ID"].notna()
    table = table[~(identified & table["Crime ID"].duplicated())]
    frame = pd.DataFrame(
        {
            "month": table["Month"],
            "crime_type": table["Crime type"],
            "longitude": _coordinate(table["Longitude"], name),
            "latitude": _coordinate(table["Latitude"], name),
            "lsoa_code": table["LSOA code"],
        }
    )
    return _one_month(_counted(frame, "crimes"), name)


def parse_stop_and_search(content: bytes, name: str) -> pd.DataFrame:
    """Stops of one force and month, counted by map point, with no attribute of the person.

    Args:
        content: the CSV file.
        name: its name, for errors.

    Returns:
        ``month, longitude, latitude, stops``; place null where the police give none.

    Raises:
        SpiError: as for ``parse_street_crime``, or when a date cannot be read.
    """
    table = _read(content, name, STOP_HEADER)
    frame = pd.DataFrame(
        {
            "month": _month_at_home(table["Date"], name),
            "longitude": _coordinate(table["Longitude"], name),
            "latitude": _coordinate(table["Latitude"], name),
        }
    )
    return _one_month(_counted(frame, "stops"), name)


def _read(content: bytes, name: str, header: tuple[str, ...]) -> pd.DataFrame:
    try:
        table = pd.read_csv(io.BytesIO(content), dtype=str)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise SpiError(f"{name} is not a CSV file of data.police.uk: {error}; fetch it again") from error
    if tuple(table.columns) != header:
        missing = [column for column in header if column not in table.columns]
        extra = [column for column in table.columns if column not in header]
        found = f"missing {missing}, unknown {extra}" if missing or extra else "the columns in another order"
        raise SpiError(f"{name} has another header than data.police.uk publishes: {found}; fetch it again")
    # pandas takes surplus fields for row names, and every column would move by one.
    if not isinstance(table.index, pd.RangeIndex):
        raise SpiError(f"{name} has rows with more fields than its header names; fetch it again")
    return table


def _coordinate(texts: pd.Series, name: str) -> pd.Series:
    numbers = pd.to_numeric(texts, errors="coerce").astype("float64")
    _refuse_others(texts, numbers, name, "a coordinate")
    return numbers.round(6)


def _month_at_home(stamps: pd.Series, name: str) -> pd.Series:
    """The month by the clock on the wall: stops are stamped in UTC, filed by local time.

    Ten of Bedfordshire's stops, of the first hour of a summer month, are stamped in the month before.
    """
    times = pd.to_datetime(stamps, utc=True, format="ISO8601", errors="coerce")
    _refuse_others(stamps, times, name, "a time")
    return times.dt.tz_convert("Europe/London").dt.strftime("%Y-%m")


def _refuse_others(texts: pd.Series, parsed: pd.Series, name: str, wanted: str) -> None:
    others = texts[parsed.isna() & texts.notna()]
    if len(others):
        found = f"{others.iloc[0]!r} where {wanted} belongs ({len(others)} such cells)"
        raise SpiError(f"{name}: column {texts.name} holds {found}; fetch it again")


def _counted(frame: pd.DataFrame, count: str) -> pd.DataFrame:
    return frame.groupby(list(frame.columns), dropna=False, sort=True).size().rename(count).reset_index()


def _one_month(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    months = sorted(frame["month"].dropna().unique())
    if len(months) > 1:
        found = f"{len(months)} months ({months[0]} to {months[-1]})"
        raise SpiError(f"{name} holds {found} where one belongs; fetch it again")
    return frame
