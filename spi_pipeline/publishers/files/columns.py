"""From a publisher's table to ours, by the ``published_name`` that the contract gives each column."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.tables import Source
from spi_pipeline.publishers.files.folder import Folder
from spi_pipeline.publishers.files.reading import numbers, whole


def by_contract(
    table: pd.DataFrame, source: Source, file: str, *, areas: Collection[str] | None = None
) -> pd.DataFrame:
    """Pick, rename and type the columns that name their published original, in contract order.

    Args:
        table: the publisher's table, as text or numbers.
        source: the contract.
        file: the file, for errors.
        areas: keep only rows of these areas (by the contract's first key column).

    Returns:
        The columns of the contract that state a published name.

    Raises:
        SpiError: when a published column is missing, holds text where numbers belong, or an area stands there twice.
    """
    columns = [column for column in source.columns if column.published_name]
    missing = [column.published_name for column in columns if column.published_name not in table.columns]
    if missing:
        found = list(table.columns)[:20]
        raise SpiError(f"{file} lacks {missing}, which {source.file} names as published; it has {found}")
    if areas is not None:
        key = next(column.published_name for column in columns if column.key == 1)
        table = table[table[key].isin(areas)]
    built = {}
    for column in columns:
        values = table[column.published_name]
        built[column.name] = values if column.type == "string" else numbers(values, file, column.published_name)
        if column.type == "integer":
            built[column.name] = whole(built[column.name], file, column.published_name)
    frame = pd.DataFrame(built).reset_index(drop=True)
    if set(source.key) <= set(frame.columns) and frame.duplicated(list(source.key)).any():
        twice = frame.loc[frame.duplicated(list(source.key)), list(source.key)].iloc[0].tolist()
        raise SpiError(f"{file} holds {', '.join(map(str, twice))} more than once; fetch it again")
    return frame


def national_or_extract(folder: Folder, national: str, extract: str, period: str) -> tuple[pd.DataFrame, str]:
    """A table and the file it is in: the national R data where it is at hand, else the one extract of it."""
    if folder.has(national):
        return folder.rdata(national, period), national
    name = folder.name(extract)
    return folder.csv(name, period), name
