"""Makes our table from a publisher's, by the ``published_name`` of each column in the contract."""

from collections.abc import Collection
from dataclasses import dataclass

import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.tables import Source
from spi_pipeline.publishers.files.areas import Areas
from spi_pipeline.publishers.files.folder import Folder
from spi_pipeline.publishers.files.reading import numbers, whole


def by_contract(
    table: pd.DataFrame, file: str, source: Source, *, areas: Collection[str] | None = None
) -> pd.DataFrame:
    """Pick, rename and type the columns that have a published name, in the order of the contract.

    Args:
        table: the publisher's table, as text or numbers.
        file: the file, for errors.
        source: the contract.
        areas: keep only rows of these areas (by the contract's first key column).

    Returns:
        The columns of the contract that have a published name.

    Raises:
        SpiError: when a published column is missing, holds text where numbers belong, or an area is repeated.
    """
    columns = [column for column in source.columns if column.published_name]
    missing = [column.published_name for column in columns if column.published_name not in table.columns]
    if missing:
        present = list(table.columns)[:20]
        raise SpiError(f"{file} lacks {missing}, which {source.file} names as published; it has {present}")
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
        raise SpiError(f"{file} holds {', '.join(map(str, twice))} more than once; download it again")
    return frame


@dataclass(frozen=True)
class ContractReader:
    """Reads a file for which the column names in the contract suffice.

    Attributes:
        pattern: a pattern of the file's name.
        period: its period, as in ``InputFile``.
        level: the attribute of ``Areas`` with the areas to read.
        national: a national file that is read instead if it is available.
        after: as for ``Folder.csv``.
    """

    pattern: str
    period: str
    level: str
    national: str = ""
    after: str = ""

    def table(self, folder: Folder, needs: Collection[str] = ()) -> tuple[pd.DataFrame, str]:
        """Return the file as published, and its name; of a workbook, the sheet that has the columns needed."""
        name = self.national if self.national and folder.has(self.national) else folder.name(self.pattern)
        if name.endswith((".rda", ".Rds")):
            return folder.rdata(name, self.period), name
        if name.endswith(".xlsx"):
            return folder.sheet(name, self.period, needs), name
        if name.endswith(".parquet"):
            return folder.parquet(name, self.period), name
        return folder.csv(name, self.period, after=self.after), name

    def __call__(self, folder: Folder, source: Source, areas: Areas) -> pd.DataFrame:
        """Return the columns of the contract for our areas."""
        published = [column.published_name for column in source.columns if column.published_name]
        return by_contract(*self.table(folder, published), source, areas=getattr(areas, self.level))
