"""``csv-metadata.json``: CSV on the Web (https://www.w3.org/TR/tabular-metadata/), which readers find by its name."""

from __future__ import annotations

from typing import Any

from spi_pipeline.contracts.models.tables import Column
from spi_pipeline.outputs.csv_files import RULE
from spi_pipeline.outputs.open_data.description import Described, OpenData

FILE = "csv-metadata.json"
_TYPES = {"number": "double", "timestamp": "dateTimeStamp"}


def csvw(data: OpenData) -> dict[str, Any]:
    """The description of every CSV file.

    Args:
        data: the publication.
    """
    return {
        "@context": ["http://www.w3.org/ns/csvw", {"@language": "en"}],
        "dc:title": data.title,
        "dc:description": f"{data.about} {RULE}",
        **({"dc:publisher": data.publisher["name"]} if data.publisher else {}),
        "dc:license": [{"@id": licence.url} for licence in data.licences.values()],
        "dc:source": [{"@id": source.properties.url} for source in data.sources],
        "tables": [_table(data, table) for table in data.tables],
    }


def _table(data: OpenData, table: Described) -> dict[str, Any]:
    # A strict reader of this standard refuses references from a column that may have empty cells.
    required = {column.name for column in table.columns if column.required}
    references = [
        {"columnReference": name, "reference": {"resource": data.named[f"{other}.csv"].path, "columnReference": column}}
        for name, (other, column) in table.references.items()
        if name in required
    ]
    return {
        "url": data.named[f"{table.name}.csv"].path,
        "dc:title": table.title,
        "dc:description": table.about,
        "dc:license": {"@id": data.licences[table.licence].url},
        "tableSchema": {
            "columns": [_column(data, column) for column in table.columns],
            "primaryKey": list(table.key),
            **({"foreignKeys": references} if references else {}),
        },
    }


def _column(data: OpenData, column: Column) -> dict[str, Any]:
    facets = {**data.bounds(column), **({"format": column.pattern} if column.pattern else {})}
    kind = _TYPES.get(column.type, column.type)
    return {
        "name": column.name,
        "titles": column.name,
        "dc:description": data.meaning(column),
        "datatype": {"base": kind, **facets} if facets else kind,
        **({"required": True} if column.required else {}),
        # A required text may be empty.
        **({"null": []} if column.type == "string" and column.required else {}),
    }
