"""Incidents at points, added up by ward straight from the file of a stored table.

DuckDB streams the file, so memory grows with the number of places and sums, not with the number of rows. The caller
supplies the ward of each place.
"""

from __future__ import annotations

import glob
from collections.abc import Callable
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa

from spi_pipeline.contracts.arrow import arrow_schema
from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.tables import Source
from spi_pipeline.geography.shapes import Array
from spi_pipeline.rules.duck import connect, first_line
from spi_pipeline.rules.table import quoted


def counts_by_place(
    file: Path, source: Source, place: Callable[[pd.DataFrame], Array], *, by_point: bool = False
) -> pd.DataFrame:
    """Count incidents by ward and by their other attributes, such as month and type.

    Args:
        file: Parquet file of the source's table, written under this or an earlier minor version of its contract.
        source: the contract.
        place: returns the ward of each place, ``None`` outside every ward. It receives every place once, in any order:
            ``longitude``, ``latitude`` and, where the source has it, ``lsoa_code``.
        by_point: whether each place has rows of its own.

    Returns:
        One row for each ward and combination of attributes: the attributes, ``ward_code``, ``has_place`` (whether there
        are coordinates), ``has_area`` (whether a small area is named; true where the source names none) and the counts;
        with ``by_point`` the columns of the place too. Rows are ordered by all columns.

    Raises:
        SpiError: when the file cannot be read.
        MemoryError: when memory is too small for the sums.
    """
    try:
        return _counts_by_place(file, source, place, by_point)
    except duckdb.OutOfMemoryException as error:
        raise MemoryError from error
    except duckdb.Error as error:
        raise SpiError(
            f"{file} cannot be read ({first_line(error)}); run spi refresh, which looks for damage"
        ) from error


def _counts_by_place(
    file: Path, source: Source, place: Callable[[pd.DataFrame], Array], by_point: bool
) -> pd.DataFrame:
    where = [column.name for column in source.columns if column.concept == "place"]
    kinds = [column.name for column in source.columns if column.name not in (*where, *source.figures)]
    with connect(config={"threads": 2}) as connection:
        # A column added to the contract since the file was written is null.
        connection.register("contract", arrow_schema(source).empty_table())
        # Escape the path: in a folder named a?b the pattern would also match the file in a folder axb.
        connection.read_parquet(glob.escape(str(file))).create_view("stored")
        connection.execute("CREATE VIEW incidents AS FROM contract UNION ALL BY NAME FROM stored")
        places = connection.sql(f"SELECT DISTINCT {', '.join(map(quoted, where))} FROM incidents").to_arrow_table()
        wards = pa.array(place(places.to_pandas()), pa.string(), from_pandas=True)
        connection.register("places", places.append_column("ward_code", wards))
        columns = [
            *(f"incidents.{quoted(name)}" for name in (*kinds, *(where if by_point else ()))),
            "ward_code",
            "incidents.longitude IS NOT NULL AS has_place",
            f"{'incidents.lsoa_code IS NOT NULL' if 'lsoa_code' in where else 'true'} AS has_area",
            *(f"sum({quoted(name)})::BIGINT AS {quoted(name)}" for name in source.figures),
        ]
        same_place = " AND ".join(
            f"incidents.{quoted(name)} IS NOT DISTINCT FROM places.{quoted(name)}" for name in where
        )
        query = f"SELECT {', '.join(columns)} FROM incidents JOIN places ON {same_place} GROUP BY ALL ORDER BY ALL"
        counts: pd.DataFrame = connection.sql(query).to_arrow_table().to_pandas()
    return counts
