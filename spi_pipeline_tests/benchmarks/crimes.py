"""Crimes for all England, made from real ones and added to its embedded tables.

Each small area of England receives the crimes of a real small area, with their types and points, month after month.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from spi_pipeline.contracts.arrow import arrow_schema
from spi_pipeline.contracts.models.tables import Source
from spi_pipeline.rules.table import literal
from spi_pipeline.snapshot.embedded import (
    MANIFEST,
    EmbeddedTable,
    embedded_file,
    encoded,
    file_name,
    manifest,
    snapshot_as_of,
    snapshot_digests,
)
from spi_pipeline_tests.integration.sandboxes import SNAPSHOT

CRIMES = "street_crime"
# A publisher's file with five months of 41 forces, 1.77 million crimes; the largest force is not included.
FORCES = "police/street_2018-10_2019-02_41_forces_no_crime_id.parquet"
# The months in which all England then has 18 million crimes; the one-year windows end with the newest month.
MONTHS = pd.period_range("2020-11", "2024-04", freq="M").astype(str)
_FORCES_QUERY = """
    SELECT Month AS month, "Crime type" AS crime_type, Longitude::DOUBLE AS longitude, Latitude::DOUBLE AS latitude,
        "LSOA code" AS lsoa_code, count(*) AS crimes
    FROM read_parquet('{file}') GROUP BY ALL
"""
# The n-th of England's N small areas takes the crimes of the real small area equally far down its list, so that a part
# of England resembles the whole. The real months repeat in turn. Crimes without a place belong to no area: there are as
# many for each small area as in reality, but no more than the contract allows in one row.
_CRIMES_QUERY = """
    WITH held AS (FROM counted WHERE crime_type IN (SELECT crime_type FROM types)),
    real AS (SELECT lsoa_code, row_number() OVER (ORDER BY lsoa_code) - 1 AS number, count(*) OVER () AS of_all
        FROM held WHERE lsoa_code LIKE 'E01%' GROUP BY lsoa_code),
    turns AS (SELECT month, row_number() OVER (ORDER BY month) - 1 AS turn, count(*) OVER () AS of_all
        FROM held GROUP BY month),
    area AS (SELECT area_code, (row_number() OVER (ORDER BY area_code) - 1) * (SELECT any_value(of_all) FROM real)
        // count(*) OVER () AS number FROM read_parquet('{lookup}')),
    time AS (SELECT month, (row_number() OVER (ORDER BY month) - 1) % (SELECT any_value(of_all) FROM turns) AS turn
        FROM months),
    gone AS (SELECT month, crime_type, sum(crimes) * (SELECT count(*) FROM area) // (SELECT count(*) FROM real) AS lost
        FROM held WHERE longitude IS NULL GROUP BY ALL)
    SELECT time.month, crime_type, longitude, latitude, area_code AS lsoa_code, crimes
    FROM held JOIN real USING (lsoa_code) JOIN area USING (number) JOIN turns ON turns.month = held.month
        JOIN time USING (turn)
    UNION ALL
    SELECT time.month, crime_type, NULL, NULL, NULL, least(lost, {most})::BIGINT
    FROM gone JOIN turns ON turns.month = gone.month JOIN time USING (turn) WHERE lost > 0
"""


def with_crimes(england: Path, folder: Path, source: Source, shared: Path | None = None) -> Path:
    """Copy the tables of England, or of a part of it, into a new folder, and add crimes.

    Args:
        england: the folder of the tables.
        folder: the new folder.
        source: the contract of the crimes.
        shared: the folder of publishers' files, with the crimes of 41 forces; without it Luton's crimes are used.
    """
    shutil.copytree(england, folder)
    count, crimes = source.column("crimes"), source.column("crime_type")
    assert count
    assert crimes
    file = folder / "made.parquet"
    with duckdb.connect(config={"threads": 2}) as connection:
        counts = _FORCES_QUERY.format(file=shared / FORCES) if shared else f"FROM '{embedded_file(SNAPSHOT, CRIMES)}'"
        connection.execute(f"CREATE TABLE counted AS {counts}")
        connection.register("types", pd.DataFrame({"crime_type": crimes.values}))
        connection.register("months", pd.DataFrame({"month": MONTHS}))
        query = _CRIMES_QUERY.format(lookup=embedded_file(england, "lsoa_best_fit"), most=int(count.maximum or 0))
        # Take the metadata of an embedded table from one without rows.
        empty = encoded(EmbeddedTable(CRIMES, arrow_schema(source).empty_table(), ()), source)
        metadata = pq.read_schema(pa.BufferReader(empty)).metadata
        entries = ", ".join(f"{key.decode()}: {literal(value.decode())}" for key, value in metadata.items())
        connection.execute(f"COPY ({query}) TO '{file}' (FORMAT parquet, COMPRESSION zstd, KV_METADATA {{{entries}}})")
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    file.rename(folder / file_name(CRIMES, sha256))
    digests = {**snapshot_digests(england), CRIMES: sha256}
    (folder / MANIFEST).write_bytes(manifest(snapshot_as_of(england), digests))
    return folder
