"""``datapackage.json``: the Data Package standard, version 2 (https://datapackage.org)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spi_pipeline.contracts.models.tables import Column, Source
from spi_pipeline.outputs.csv_files import RULE
from spi_pipeline.outputs.open_data.description import MEDIA_TYPES, Described, OpenData
from spi_pipeline.outputs.site.downloads import Download

FILE = "datapackage.json"
_PROFILES = "https://datapackage.org/profiles/2.0"
_TYPES = {"timestamp": "datetime"}


def datapackage(data: OpenData, sums: Mapping[str, str]) -> dict[str, Any]:
    """The description of every CSV file; the other files hold the same in other forms.

    Args:
        data: the publication.
        sums: the sha256 of each file by its path.
    """
    return {
        "$schema": f"{_PROFILES}/datapackage.json",
        "name": data.name,
        "title": data.title,
        "description": f"{data.about} {RULE}",
        "version": data.release,
        "created": f"{data.as_of}T00:00:00Z",
        "licenses": _licences(data, list(data.licences)),
        "sources": [_source(data, source) for source in data.sources],
        **({"contributors": [_contributor(data.publisher)]} if data.publisher else {}),
        "resources": [_resource(data, table, data.named[f"{table.name}.csv"], sums) for table in data.tables],
    }


def _resource(data: OpenData, table: Described, file: Download, sums: Mapping[str, str]) -> dict[str, Any]:
    return {
        "name": table.name,
        "type": "table",
        "title": table.title,
        "description": table.about,
        "path": file.path,
        "format": "csv",
        "mediatype": MEDIA_TYPES[".csv"],
        "encoding": "utf-8",
        "bytes": file.size,
        "hash": f"sha256:{sums[file.path]}",
        "licenses": _licences(data, [table.licence]),
        "schema": _schema(data, table),
    }


def _schema(data: OpenData, table: Described) -> dict[str, Any]:
    references = [
        {"fields": [name], "reference": {"resource": other if other != table.name else "", "fields": [column]}}
        for name, (other, column) in table.references.items()
    ]
    return {
        "$schema": f"{_PROFILES}/tableschema.json",
        "fields": [_field(data, column) for column in table.columns],
        "missingValues": [""],
        "primaryKey": list(table.key),
        **({"foreignKeys": references} if references else {}),
    }


def _field(data: OpenData, column: Column) -> dict[str, Any]:
    constraints: dict[str, Any] = {
        **({"required": True} if column.required else {}),
        **data.bounds(column),
        **({"pattern": column.pattern} if column.pattern else {}),
        **({"enum": list(column.values)} if column.values else {}),
    }
    kind = _TYPES.get(column.type, column.type)
    return {
        "name": column.name,
        "type": kind,
        "description": data.meaning(column),
        **({"unit": column.unit} if column.unit else {}),
        **({"constraints": constraints} if constraints else {}),
        # A required text may be empty.
        **({"missingValues": []} if column.type == "string" and column.required else {}),
    }


def _licences(data: OpenData, words: list[str]) -> list[dict[str, str]]:
    known = data.contracts.vocabulary.licences
    return [{"name": word, "title": known[word].title, "path": known[word].url} for word in words]


def _source(data: OpenData, source: Source) -> dict[str, Any]:
    """A source with its required attribution and the restrictions on some of its columns."""
    properties = source.properties
    return {
        "title": f"{properties.publisher}: {properties.dataset}",
        "path": properties.url,
        "attribution": properties.attribution,
        "licenses": _licences(data, [properties.licence]),
        **({"restrictions": properties.restricted} if properties.restrictions else {}),
    }


def _contributor(publisher: Mapping[str, str]) -> dict[str, Any]:
    renamed = {"name": "title", "email": "email", "url": "path"}
    return {**{renamed[key]: value for key, value in publisher.items()}, "roles": ["publisher"]}
