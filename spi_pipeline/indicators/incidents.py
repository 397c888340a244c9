"""Incidents at points, added up by ward straight from the file of a stored table.

DuckDB streams the file, so that memory follows how many places and sums there are and not how many rows. In which ward
a place lies is the geography's to say, what a sum is good for the caller's.
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


def added_up(
    file: Path, source: Source, place: Callable[[pd.DataFrame], Array], *, by_point: bool = False
) -> pd.DataFrame:
    """Counts of incidents by ward and by whatever else tells them apart, such as month and type.

    Args:
        file: Parquet file of the source's table, of this or an earlier minor version of its contract.
        source: its contract.
        place: the ward of each of some places, ``None`` of one in none. It is given every place once, in any order:
            ``longitude``, ``latitude`` and, where the source has it, ``lsoa_code``.
        by_point: whether each place keeps rows of its own.

    Returns:
        One row for each ward and combination of what says when and of which kind: these columns, ``ward_code``,
        ``has_place``, whether there are coordinates, ``has_area``, whether a small area is named (true where the source
        names none), and the counts; ``by_point`` the columns of the place too. In the order of all that.

    Raises:
        SpiError: when the file cannot be read.
        MemoryError: when there is not enough for the sums.
    """
    try:
        return _added_up(file, source, place, by_point)
    except duckdb.OutOfMemoryException as error:
        raise MemoryError from error
    except duckdb.Error as error:
        raise SpiError(
            f"{file} cannot be read ({first_line(error)}); run spi refresh, which looks for damage"
        ) from error


def _added_up(file: Path, source: Source, place: Callable[[pd.DataFrame], Array], by_point: bool) -> pd.DataFrame:
    where = [column.name for column in source.columns if column.concept == "place"]
    kinds = [column.name for column in source.columns if column.name not in (*where, *source.figures)]
    with connect(config={"threads": 2}) as connection:
        # A column that the contract has gained since is null.
        connection.register("contract", arrow_schema(source).empty_table())
        # In a folder a?b the file of a folder axb would be added to it.
        connection.read_parquet(glob.escape(str(file))).create_view("stored")
        connection.execute("CREATE VIEW incidents AS FROM contract UNION ALL BY NAME FROM stored")
        places = connection.sql(f"SELECT DISTINCT {', '.join(map(quoted, where))} FROM incidents").to_arrow_table()
        wards = pa.array(place(places.to_pandas()), pa.string(), from_pandas=True)
        connection.register("places", places.append_column("ward_code", wards))
        told = [
            *(f"incidents.{quoted(name)}" for name in (*kinds, *(where if by_point else ()))),
            "ward_code",
            "incidents.longitude IS NOT NULL AS has_place",
            f"{'incidents.lsoa_code IS NOT NULL' if 'lsoa_code' in where else 'true'} AS has_area",
            *(f"sum({quoted(name)})::BIGINT AS {quoted(name)}" for name in source.figures),
        ]
        same = " AND ".join(f"incidents.{quoted(name)} IS NOT DISTINCT FROM places.{quoted(name)}" for name in where)
        query = f"SELECT {', '.join(told)} FROM incidents JOIN places ON {same} GROUP BY ALL ORDER BY ALL"
        found: pd.DataFrame = connection.sql(query).to_arrow_table().to_pandas()
    return found
