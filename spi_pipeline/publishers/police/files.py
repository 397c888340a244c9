"""data.police.uk: the CSV files of street-level crime and of stop and search, one force and month each.

The publisher's archives and copies of them hold the same files; ``fetching`` sends the requests. Crime IDs and
everything about a person are dropped here, in the first step, so that no later step can store them. A file is read in
blocks, and only counts are held in memory, however long the file.
"""

import io
from collections.abc import Callable, Iterator
from typing import IO

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.tables import Source
from spi_pipeline.publishers.files.areas import Areas
from spi_pipeline.publishers.files.folder import Folder
from spi_pipeline.publishers.files.plain import plain
from spi_pipeline.publishers.files.reading import header_of, text_blocks
from spi_pipeline.rules.wording import listing

STREET_HEADER = (
    "Crime ID", "Month", "Reported by", "Falls within", "Longitude", "Latitude", "Location", "LSOA code", "LSOA name",
    "Crime type", "Last outcome category", "Context",
)  # fmt: skip
STOP_HEADER = (
    "Type", "Date", "Part of a policing operation", "Policing operation", "Latitude", "Longitude", "Gender",
    "Age range", "Self-defined ethnicity", "Officer-defined ethnicity", "Legislation", "Object of search", "Outcome",
    "Outcome linked to object of search", "Removal of more than just outer clothing",
)  # fmt: skip
PUBLISHER = "data.police.uk"
# Counted rows held before they are summed: a force's month has some 10,000 to 80,000 different ones.
_HELD = 200_000


def parse_street_crime(content: bytes | IO[bytes], name: str) -> pd.DataFrame:
    """Count the crimes of one force and month by type and map point.

    A crime ID that repeats within a month is one crime (178 of them in Bedfordshire's January 2022). Rows without an
    ID are anti-social behaviour; identical rows of it are separate incidents, and each counts.

    Args:
        content: the CSV file, as bytes or open.
        name: its name, for errors.

    Returns:
        ``month, crime_type, longitude, latitude, lsoa_code, crimes``; the place is null if the police give none.

    Raises:
        SpiError: when the header is not the publisher's, a coordinate is not a number, or there is more than one month.
    """
    seen = np.array([], dtype="uint64")
    counts = _Counts("crimes")
    for table in _blocks(content, name, STREET_HEADER):
        known = table["Crime ID"].is_valid().to_numpy()
        hashes = pd.util.hash_array(table["Crime ID"].to_numpy())
        repeated = known & (pd.Series(hashes).duplicated() | np.isin(hashes, seen))
        seen = np.append(seen, hashes[known & ~repeated])
        crimes = table.filter(pa.array(~repeated))
        columns = {
            "month": crimes["Month"],
            "crime_type": crimes["Crime type"],
            **_places(crimes, name),
            "lsoa_code": crimes["LSOA code"],
        }
        counts.add(columns)
    return _one_month(counts.frame(), name)


def parse_stop_and_search(content: bytes | IO[bytes], name: str) -> pd.DataFrame:
    """Count the stops of one force and month by map point, without any attribute of the person.

    Args:
        content: the CSV file, as bytes or open.
        name: its name, for errors.

    Returns:
        ``month, longitude, latitude, stops``; the place is null if the police give none.

    Raises:
        SpiError: as for ``parse_street_crime``, or when a date cannot be read.
    """
    counts = _Counts("stops")
    for table in _blocks(content, name, STOP_HEADER):
        columns = {"month": _month_at_home(table["Date"].to_pandas(), name, "Date"), **_places(table, name)}
        counts.add(columns)
    return _one_month(counts.frame(), name)


def read_street_crime(folder: Folder, source: Source, areas: Areas) -> pd.DataFrame:
    """Read every month of street-level crime of the forces that police our authorities."""
    return _months(folder, source, areas, "street", parse_street_crime)


def read_stop_and_search(folder: Folder, source: Source, areas: Areas) -> pd.DataFrame:
    """Read every month of stop and search of the forces that police our authorities."""
    return _months(folder, source, areas, "stop_and_search", parse_stop_and_search)


def _months(
    folder: Folder, source: Source, areas: Areas, kind: str, parse: Callable[[bytes, str], pd.DataFrame]
) -> pd.DataFrame:
    held, frames = areas.geography.holding(source.id), []
    for force in sorted({item.police_force for item in areas.geography.authorities if item.code in held}):
        for name in folder.names(f"police/{force}_{kind}/[0-9][0-9][0-9][0-9]-[0-9][0-9]-*.csv.gz"):
            month = name.rsplit("/", 1)[-1][:7]
            frame = parse(folder.bytes(name, month), name)
            if other := sorted(set(frame["month"].dropna()) - {month}):
                raise SpiError(f"{name} holds {', '.join(other)}, not the month of its name; download it again")
            frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def _month_at_home(stamps: pd.Series, name: str, column: str) -> pd.Series:
    """Return the month in local time: stops are stamped in UTC but filed by local time.

    Ten of Bedfordshire's stops, in the first hour of a summer month, are stamped in the month before.

    Args:
        stamps: moments in ISO 8601.
        name: the file, for errors.
        column: the column, for errors.

    Raises:
        SpiError: when a moment cannot be read.
    """
    times = pd.to_datetime(stamps, utc=True, format="ISO8601", errors="coerce")
    _refuse_others(stamps, times, name, column, "a time")
    return times.dt.tz_convert("Europe/London").dt.strftime("%Y-%m")


def _blocks(content: bytes | IO[bytes], name: str, header: tuple[str, ...]) -> Iterator[pa.Table]:
    """Yield the file as text, block by block; at least one block, which may be empty."""
    stream = plain(io.BytesIO(content) if isinstance(content, bytes) else content, name)
    columns = header_of(stream, name, PUBLISHER)
    _check_header(tuple(columns), name, header)
    return text_blocks(stream, name, PUBLISHER, columns)


def _check_header(columns: tuple[str, ...], name: str, header: tuple[str, ...]) -> None:
    if columns != header:
        missing = [column for column in header if column not in columns]
        extra = [column[:60] for column in columns if column not in header]
        difference = "the columns in another order"
        if missing or extra:
            difference = f"missing {listing(missing) or 'none'}, unknown {listing(extra) or 'none'}"
        raise SpiError(f"{name} has another header than data.police.uk publishes: {difference}; download it again")


def _places(table: pa.Table, name: str) -> dict[str, pa.ChunkedArray]:
    """Return coordinates; null for zeros, which the police write if no map point lies within 20 km."""
    axes = {column.lower(): _coordinate(table[column], name, column) for column in ("Longitude", "Latitude")}
    nowhere = pc.fill_null(pc.equal(axes["latitude"], 0), False)
    return {column: pc.if_else(nowhere, pa.scalar(None, pa.float64()), values) for column, values in axes.items()}


def _coordinate(texts: pa.ChunkedArray, name: str, column: str) -> pa.ChunkedArray:
    try:
        return pc.round(pc.cast(texts, pa.float64()), 6)
    except pa.ArrowInvalid as error:
        series = texts.to_pandas()
        _refuse_others(series, pd.to_numeric(series, errors="coerce"), name, column, "a coordinate")
        raise SpiError(f"{name}: column {column} holds no coordinates ({error}); download it again") from error


def _refuse_others(texts: pd.Series, parsed: pd.Series, name: str, column: str, wanted: str) -> None:
    others = texts[parsed.isna() & texts.notna()]
    if len(others):
        fault = f"{others.iloc[0]!r} where {wanted} belongs ({len(others)} such cells)"
        raise SpiError(f"{name}: column {column} holds {fault}; download it again")


class _Counts:
    """Counts identical rows block by block; memory grows with the number of different rows, not with the file."""

    def __init__(self, count: str) -> None:
        self._count = count
        self._parts: list[pa.Table] = []
        self._rows, self._most = 0, _HELD

    def add(self, columns: dict[str, object]) -> None:
        """Add the rows of a block to the counts."""
        table = pa.table(columns)
        counted = table.group_by(table.column_names).aggregate([([], "count_all")])
        self._parts.append(counted.rename_columns([*columns, self._count]))
        self._rows += counted.num_rows
        if self._rows > self._most:
            self._parts = [self._summed()]
            self._rows = self._parts[0].num_rows
            # The limit doubles, so that counts are not summed again with every block if all rows differ.
            self._most = max(_HELD, 2 * self._rows)

    def frame(self) -> pd.DataFrame:
        """Return all counts, ordered."""
        summed = self._summed()
        keys = [(name, "ascending") for name in summed.column_names if name != self._count]
        frame: pd.DataFrame = summed.sort_by(keys).to_pandas()
        return frame

    def _summed(self) -> pa.Table:
        table = pa.concat_tables(self._parts, promote_options="permissive")
        keys = [name for name in table.column_names if name != self._count]
        return table.group_by(keys).aggregate([(self._count, "sum")]).rename_columns([*keys, self._count])


def _one_month(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    months = sorted(frame["month"].dropna().unique())
    if len(months) > 1:
        several = f"{len(months)} months ({months[0]} to {months[-1]})"
        raise SpiError(f"{name} holds {several} where one belongs; download it again")
    return frame
