"""Files for download: the database, tables as Parquet and CSV, an overview by ward, map layer, workbook, dictionary.

The same database gives the same bytes: no file contains the time it was written.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from spi_pipeline.geography.shapes import Shapes
from spi_pipeline.outputs.csv_files import as_csv
from spi_pipeline.outputs.duckdb_file import literal
from spi_pipeline.outputs.overview import NAME as OVERVIEW
from spi_pipeline.outputs.queries import reading
from spi_pipeline.outputs.site import words
from spi_pipeline.outputs.site.results import Results, records
from spi_pipeline.outputs.site.workbook import WITHHELD, write_workbook

# Decimal places of a degree: 0.1 m, a tenth of what boundaries generalised to 20 m can bear.
PLACES = 6
FOLDER = "downloads"
# The columns of the dictionary, and their meanings.
DICTIONARY = {
    "table": "Table that the column belongs to",
    "column": "Name of the column",
    "type": "Its type in Parquet",
    "meaning": "What it holds",
    "unit": "Unit of its numbers",
    "values": "The values that it may hold, where there is a closed list",
    "licence": "Licence of the table",
    "figures_taken_on": "The day the figures were taken",
}
# The attribution that is due wherever boundaries are shown.
OF_BOUNDARIES = "Contains OS data © Crown copyright and database right. Source: Office for National Statistics."


@dataclass(frozen=True)
class Download:
    """A file for download.

    Attributes:
        path: its path below the site's folder.
        title: its title.
        holds: its content, in a sentence or two.
        group: ``whole``, ``wards`` or ``tables``.
        size: its size in bytes; None for the database, whose blocks differ each time it is written.
    """

    path: str
    title: str
    holds: str
    group: str
    size: int | None


def write_downloads(results: Results, folder: Path, mark: str = "") -> list[Download]:
    """Write every file for download.

    Args:
        results: the published results, with their database.
        folder: the site's folder; files go below ``downloads``.
        mark: a suffix for the name of each file.

    Returns:
        The files, in the order of the page; none if there is no database.

    Raises:
        SpiError: when gptables, which the workbook needs, is not installed.
    """
    if results.database is None:
        return []
    target = folder / FOLDER
    target.mkdir(parents=True, exist_ok=True)

    def file(name: str) -> Path:
        stem, _, ending = name.rpartition(".")
        return target / f"{stem}{mark}.{ending}"

    tables = _tables(results)
    dictionary = _dictionary(results, tables)
    written = [
        _copied(results.database, file(results.database.name)),
        _csv(dictionary, file("dictionary.csv"), "Dictionary of all columns", _HOLDS["dictionary"], "whole"),
        write_workbook_of(results, dictionary.to_pandas(), file("spi.xlsx")),
        *([_geojson(results, file("wards.geojson"))] if len(results.boundaries.dropna(subset=["geometry"])) else []),
    ]
    for name, (table, holds) in tables.items():
        group = "wards" if name == OVERVIEW else "tables"
        written.append(_csv(table, file(f"{name}.csv"), name, holds, group))
        written.append(_parquet(results, table, file(f"{name}.parquet"), name, holds, group))
    return [
        Download(
            path.relative_to(folder).as_posix(), title, holds, group,
            None if path.suffix == results.database.suffix else path.stat().st_size,
        )
        for path, title, holds, group in written
    ]  # fmt: skip


_Written = tuple[Path, str, str, str]
_HOLDS = {
    "database": "All tables below in one DuckDB file, each table and column with a comment.",
    "dictionary": "What each column of each table means, with its unit, and the licence of the table.",
    "workbook": "Scores, likely ranks and the newest figure of each indicator by ward, with cover, contents and notes.",
    "geojson": "Outlines of the wards (WGS84, RFC 7946) with scores, ranks and likely ranks.",
}


def _copied(database: Path, copy: Path) -> _Written:
    shutil.copyfile(database, copy)
    return copy, "Database (DuckDB)", _HOLDS["database"], "whole"


def _tables(results: Results) -> dict[str, tuple[pa.Table, str]]:
    """Every published table and view with its description; its columns carry their meanings."""
    assert results.database
    described = {}
    with reading(results.database) as connection:
        comments = dict(connection.execute("SELECT table_name, comment FROM duckdb_tables()").fetchall())
        comments |= dict(
            connection.execute("SELECT view_name, comment FROM duckdb_views() WHERE NOT internal").fetchall()
        )
        for name in sorted(comments, key=lambda name: (name != OVERVIEW, name)):
            table = connection.sql(f'SELECT * FROM "{name}" ORDER BY ALL').to_arrow_table()
            meanings = dict(
                connection.execute(
                    f"SELECT column_name, comment FROM duckdb_columns() WHERE table_name = {literal(name)}"
                ).fetchall()
            )
            fields = [_field(field, meanings.get(field.name) or "") for field in table.schema]
            described[name] = table.cast(pa.schema(fields)), comments[name] or ""
    return described


def _field(field: pa.Field, meaning: str) -> pa.Field:
    """A column as it is written: timestamps in UTC, whatever the time zone of the machine."""
    kind = pa.timestamp("us", "UTC") if pa.types.is_timestamp(field.type) else field.type
    return pa.field(field.name, kind, field.nullable, {"description": meaning})


def licence_of(results: Results, table: str) -> str:
    """The licence of a published table."""
    product = results.contracts.products.get(table)
    return product.licence if product else "OGL-UK-3.0"


def _dictionary(results: Results, tables: dict[str, tuple[pa.Table, str]]) -> pa.Table:
    """A row for each column: its table, type, meaning, unit and allowed values, and the table's licence."""
    rows = []
    for name, (table, _) in tables.items():
        product = results.contracts.products.get(name)
        declared = {column.name: column for column in product.columns} if product else {}
        for field in table.schema:
            column = declared.get(field.name)
            cells = (
                name,
                field.name,
                str(field.type),
                (field.metadata or {}).get(b"description", b"").decode(),
                column.unit if column else "",
                ", ".join(column.values) if column else "",
                licence_of(results, name),
                results.as_of.date().isoformat(),
            )
            rows.append(dict(zip(DICTIONARY, cells, strict=True)))
    return pa.Table.from_pylist(rows)


def _csv(table: pa.Table, path: Path, title: str, holds: str, group: str) -> _Written:
    path.write_bytes(as_csv(table))
    return path, title, holds, group


def _parquet(results: Results, table: pa.Table, path: Path, title: str, holds: str, group: str) -> _Written:
    metadata = {
        "description": holds,
        "licence": licence_of(results, title),
        "edition": str(results.edition),
        "figures_taken_on": results.as_of.date().isoformat(),
    }
    pq.write_table(table.replace_schema_metadata(metadata), path, compression="zstd")
    return path, title, holds, group


def _geojson(results: Results, path: Path) -> _Written:
    """RFC 7946: longitude before latitude, outer rings anticlockwise, no other coordinate system named."""
    shapes = Shapes.from_frame(results.boundaries)
    oriented = shapely.orient_polygons(shapely.set_precision(shapes.polygons, 10**-PLACES))
    features = [
        {
            "type": "Feature",
            "id": str(code),
            "properties": _properties(results, str(code)),
            "geometry": json.loads(shapely.to_geojson(polygon)),
        }
        for code, polygon in zip(shapes.codes, oriented, strict=True)
        if str(code) in results.areas
    ]
    metadata = {
        "title": f"{results.index.title}, edition {results.edition}",
        "figures_taken_on": results.as_of.date().isoformat(),
        "licence": licence_of(results, "score"),
        "attribution": OF_BOUNDARIES,
        "columns": "<element>_score: 0 (worst) to 100 (best); _rank: 1 is best; _rank_low to _rank_high: likely range.",
    }
    collection: dict[str, Any] = {"type": "FeatureCollection", "metadata": metadata, "features": features}
    path.write_text(json.dumps(collection, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")
    return path, "Map layer (GeoJSON)", _HOLDS["geojson"], "wards"


def _properties(results: Results, code: str) -> dict[str, Any]:
    area = results.areas[code]
    properties: dict[str, Any] = {"area_code": code, "area_name": area.name, "edition": results.edition}
    for element in results.elements.values():
        row = results.scores.get((element.id, code))
        if element.level != "indicator" and row is not None:
            properties |= {f"{element.id}_{name}": row[name] for name in ("score", "rank", "rank_low", "rank_high")}
    return properties


def write_workbook_of(results: Results, dictionary: pd.DataFrame, path: Path) -> _Written:
    """Write the workbook: a sheet for scores, one for likely ranks and one for indicators."""
    write_workbook(path, results, dict(_sheets(results)), dictionary)
    return path, "Workbook (Excel)", _HOLDS["workbook"], "wards"


def _sheets(results: Results) -> Iterator[tuple[str, tuple[str, pd.DataFrame]]]:
    elements = [element for element in results.elements.values() if element.level != "indicator"]
    dated = f"edition {results.edition}, figures taken on {words.day(results.as_of)}"
    codes = [*(ward.code for ward in results.wards), results.town.code]
    names = [results.areas[code].name for code in codes]
    scores = {
        element.title: [results.scores.get((element.id, code), {}).get("score") for code in codes]
        for element in elements
    }
    yield "Scores", (f"Scores from 0 (worst) to 100 (best), {dated}", pd.DataFrame({"Area": names, **scores}))
    ranks: dict[str, list[object]] = {"Ward": [ward.name for ward in results.wards]}
    for element in elements:
        rows = [results.scores.get((element.id, ward.code), {}) for ward in results.wards]
        for column, label in (("rank", "rank"), ("rank_low", "likely from"), ("rank_high", "likely to")):
            ranks[f"{element.title}: {label}"] = [row.get(column) for row in rows]
    yield "Likely ranks", (f"Ranks, 1 is best, with their likely ranges, {dated}", pd.DataFrame(ranks))
    observed = results.tables["observation"]
    values = {
        (row["indicator_id"], row["area_code"]): WITHHELD if row["status"] == "suppressed" else row["value"]
        for row in records(observed[observed["edition"] == results.edition])
    }
    figures = {
        element.title: [values.get((element.id, code)) for code in codes]
        for element in results.elements.values()
        if element.level == "indicator"
    }
    yield "Indicators", (f"The figure of each indicator, {dated}", pd.DataFrame({"Area": names, **figures}))
