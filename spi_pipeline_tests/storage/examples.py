"""Small tables the store tests are about."""

from __future__ import annotations

import pyarrow as pa

from spi_pipeline.outputs.duckdb_file import Column, DatabaseTable


def scores(value: float) -> pa.Table:
    return pa.table({"area_code": ["E05000002", "E05000001"], "score": [value, value]})


def database_table(*parts: pa.Table) -> DatabaseTable:
    return DatabaseTable(
        name="score",
        columns=(
            Column("area_code", "VARCHAR", "the ward's code", required=True, check="length(area_code) = 9"),
            Column("score", "DOUBLE", "from 0 to 100"),
        ),
        primary_key=("area_code",),
        comment="one row per ward",
        parts=parts,
    )
