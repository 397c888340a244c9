"""Nomis: a whole table of Census 2021 from its bulk zip, which has a file for each level of area.

The headers of the files hold no codes of categories, so a category is identified by its label alone. Nine zips between
TS001 and TS067 were available when this was written; the headers of the others come from public code that reads them.
"""

from collections.abc import Collection
from pathlib import Path

import pandas as pd

from spi_pipeline.contracts.download import Download
from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.files.archives import member_of
from spi_pipeline.publishers.files.reading import header_of, text_rows, whole_numbers
from spi_pipeline.publishers.nomis.tables import PUBLISHER, Table, check_whole, columns_of

AREA = "geography code"
_NO_CATEGORY = {"date", "geography", AREA}
_LEVELS = {"output_areas": "oa", "lsoas": "lsoa"}


def check(table: Table, path: Path) -> None:
    """Check that a zip holds the table's level of area, with the categories that are read.

    Raises:
        SpiError: when it does not.
    """
    _columns(table, path, f"census2021-{table.bulk}.zip")


def read(table: Table, download: Download, areas: Collection[str]) -> pd.DataFrame:
    """Read the rows of some areas.

    Args:
        table: the table.
        download: its zip.
        areas: codes of areas at the table's level.

    Returns:
        ``area_code`` and a column for each of ``table.labels``, in the order of the codes.

    Raises:
        SpiError: when it is another zip, an area is missing or repeated, or a cell is not a count.
    """
    columns = _columns(table, download.path, download.name)
    with member_of(download.path, _member(table), download.name, PUBLISHER) as (stream, member):
        wanted = {"area_code": AREA, **columns}
        rows = text_rows(stream, member, PUBLISHER, wanted, where={"area_code": areas})
    check_whole(rows["area_code"], areas, member)
    twice = rows[rows["area_code"].duplicated()]
    if len(twice):
        raise SpiError(f"{member} of {PUBLISHER} holds {twice.iloc[0]['area_code']} twice; download it again")
    frame = whole_numbers(rows, list(table.labels), member).sort_values("area_code", ignore_index=True)
    return frame[["area_code", *table.labels]]


def _columns(table: Table, path: Path, name: str) -> dict[str, str]:
    """Return the published column of each of our columns."""
    with member_of(path, _member(table), name, PUBLISHER) as (stream, member):
        header = header_of(stream, member, PUBLISHER)
    labels = dict.fromkeys(column for column in header if column.strip().lower() not in _NO_CATEGORY)
    return {ours: label for label, ours in columns_of(table, labels, member).items()}


def _member(table: Table) -> str:
    return rf"census2021-{table.bulk}-{_LEVELS[table.level]}\.csv"
