"""The content of every form of description: tables, licences and sources of a publication, from the contracts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from spi_pipeline.contracts.arrow import ARROW_TYPES
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.contracts.models.tables import Column, LogicalType, Product, Source
from spi_pipeline.contracts.models.vocabulary import Licence
from spi_pipeline.outputs.elements import NAME as ELEMENT
from spi_pipeline.outputs.overview import NAME as OVERVIEW
from spi_pipeline.outputs.site.downloads import DICTIONARY, Download, licence_of
from spi_pipeline.outputs.site.results import Results, slug

# Titles of the views.
TITLES = {OVERVIEW: "Overview of the wards", ELEMENT: "Elements of the index"}
# DuckDB has no registered media type.
MEDIA_TYPES = {
    ".csv": "text/csv",
    ".parquet": "application/vnd.apache.parquet",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".geojson": "application/geo+json",
    ".duckdb": "application/vnd.duckdb",
}
_TYPES: Mapping[pa.DataType, LogicalType] = {ARROW_TYPES[kind]: kind for kind in ARROW_TYPES}  # type: ignore[misc]


@dataclass(frozen=True)
class Described:
    """A published table.

    Attributes:
        name: its name.
        title: its title in plain language.
        holds: what it holds.
        limits: what a reader must know; may be empty.
        columns: its columns, in order.
        key: the columns that together identify a row.
        references: by column, the table and column that its texts refer to.
        licence: its licence, a word of the vocabulary.
    """

    name: str
    title: str
    holds: str
    limits: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    references: Mapping[str, tuple[str, str]]
    licence: str

    @property
    def about(self) -> str:
        """Its content, followed by what a reader must know."""
        return f"{self.holds} {self.limits}".strip()


@dataclass(frozen=True)
class OpenData:
    """A publication.

    Attributes:
        results: what is published.
        release: its id.
        files: the files for download.
        folder: the folder they lie in.
    """

    results: Results
    release: str
    files: list[Download]
    folder: Path

    @property
    def contracts(self) -> Contracts:
        """The contracts that it was published under."""
        return self.results.contracts

    @property
    def name(self) -> str:
        """Its name, which is the same in every release."""
        return slug(f"{self.results.index.title} {self.results.town.name}")

    @property
    def title(self) -> str:
        """Its title."""
        return f"{self.results.index.title} of {self.results.town.name}, edition {self.results.edition}"

    @property
    def about(self) -> str:
        """Its description."""
        framework, wards = self.contracts.framework, len(self.results.wards)
        return (
            f"{framework.description} For the {wards} wards of {self.results.town.name}, editions "
            f"{self.results.editions[0]} to {self.results.edition}; figures taken on {self.as_of}."
        )

    @property
    def as_of(self) -> str:
        """The day the figures were taken, ISO 8601."""
        return self.results.as_of.date().isoformat()

    @cached_property
    def named(self) -> dict[str, Download]:
        """The files by the names that they have in every release, such as ``score.csv``."""
        mark = f"-{self.release}."
        return {PurePath(file.path).name.replace(mark, "."): file for file in self.files}

    @cached_property
    def tables(self) -> list[Described]:
        """Every table that has a CSV file, in the order of the files."""
        return [self._table(name.removesuffix(".csv")) for name in self.named if name.endswith(".csv")]

    @cached_property
    def licences(self) -> dict[str, Licence]:
        """The licences of the tables, by their words in the vocabulary."""
        words = dict.fromkeys(table.licence for table in self.tables)
        return {word: self.contracts.vocabulary.licences[word] for word in words}

    @cached_property
    def sources(self) -> list[Source]:
        """The sources behind anything published, in the order of their ids."""
        used = set(self.results.tables["source_release"]["source_id"])
        return [source for name, source in sorted(self.contracts.sources.items()) if name in used]

    @property
    def publisher(self) -> dict[str, str]:
        """The contact that ``publication.yaml`` names; empty if it names none."""
        contact = self.contracts.publication.contact
        if contact is None:
            return {}
        details = {"name": contact.name, "email": contact.email, "url": contact.url}
        return {key: value for key, value in details.items() if value}

    def meaning(self, column: Column) -> str:
        """The meaning of a column, with the unit of its numbers."""
        unit = self.contracts.vocabulary.units[column.unit].title if column.unit else ""
        return f"{column.description} ({unit})" if unit else column.description

    @staticmethod
    def bounds(column: Column) -> dict[str, float]:
        """The smallest and the largest number that a column may hold, as far as its contract declares them."""
        limits = {"minimum": column.minimum, "maximum": column.maximum}
        kind = int if column.type == "integer" else float
        return {name: kind(value) for name, value in limits.items() if value is not None}

    def _table(self, name: str) -> Described:
        product, licence = self.contracts.products.get(name), licence_of(self.results, name)
        if product:
            texts = product.title, product.description, product.limits
            references = dict(_references(product, self.contracts))
            # Columns that identify a row are never empty.
            columns = tuple(replace(each, required=each.required or each.key > 0) for each in product.columns)
            return Described(name, *texts, columns, product.key, references, licence)
        file = self.named[f"{name}.csv"]
        if name not in TITLES:
            columns = tuple(Column(column, "string", meaning) for column, meaning in DICTIONARY.items())
            return Described(name, file.title, file.holds, "", columns, tuple(DICTIONARY)[:2], {}, licence)
        schema = pq.read_schema(self.folder / self.named[f"{name}.parquet"].path)
        area = self.contracts.products["area"].key[0]
        key, references = (area, {area: ("area", area)}) if name == OVERVIEW else (schema.names[0], {})
        columns = tuple(
            Column(field.name, _TYPES[field.type], _description_of(field), field.name == key) for field in schema
        )
        return Described(name, TITLES[name], file.holds, "", columns, (key,), references, licence)


def _description_of(field: pa.Field) -> str:
    return str((field.metadata or {}).get(b"description", b"").decode())


def _references(product: Product, contracts: Contracts) -> Iterator[tuple[str, tuple[str, str]]]:
    """Columns whose texts refer to another table: codes of known areas, and columns named as another table's key.

    A column that may hold other texts as well as codes refers to nothing.
    """
    area = ("area", contracts.products["area"].key[0])
    geography = contracts.geography
    known = {*geography.ward_codes, *geography.authority_codes}
    codes: dict[str, Any] = {rule.columns[0]: rule.params for rule in product.rules if rule.kind == "known_areas"}
    keys = {one.key[0]: (one.id, one.key[0]) for one in contracts.products.values()
            if one.published and len(one.key) == 1}  # fmt: skip
    for column in product.columns:
        if (product.id, column.name) == area:
            continue
        params = codes.get(column.name)
        if params and not params.get("others") and known.issuperset(params.get("areas", [None])):
            yield column.name, area
        elif params is None and keys.get(column.name, (product.id,))[0] != product.id:
            yield column.name, keys[column.name]
