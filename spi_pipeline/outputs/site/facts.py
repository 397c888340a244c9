"""The facts that pages are checked against: tables of the published database, names and texts of the contracts."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb

from spi_pipeline.contracts.errors import ContractError, Fault
from spi_pipeline.contracts.reading.documents import read_document
from spi_pipeline.contracts.root import Root
from spi_pipeline.engine.any_weights import rank_range
from spi_pipeline.rules.duck import connect


@dataclass
class Facts:
    """The published database and the names in the contracts, as readers of the site could look them up.

    Attributes:
        database: the published database.
        contracts: the folder of the contracts.
    """

    database: Path
    contracts: Root
    _rows: dict[tuple[str, tuple[str, ...]], dict[tuple[str, ...], list[dict[str, Any]]]] = field(default_factory=dict)
    _tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    _answers: dict[str, Any] = field(default_factory=dict)
    _reach: dict[tuple[str, str, str], dict[str, dict[str, int]]] = field(default_factory=dict)

    @cached_property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The database, open for reading."""
        return connect(self.database, read_only=True)

    def table(self, name: str) -> list[dict[str, Any]]:
        """Every row of a table."""
        if name not in self._tables:
            self._tables[name] = self.connection.table(name).to_arrow_table().to_pylist()
        return self._tables[name]

    def rows(self, table: str, key: Mapping[str, str]) -> list[dict[str, Any]]:
        """The rows of a table whose cells match the key, as text."""
        columns = tuple(key)
        if (table, columns) not in self._rows:
            by_key: dict[tuple[str, ...], list[dict[str, Any]]] = {}
            for row in self.table(table):
                by_key.setdefault(tuple(as_text(row[column]) for column in columns), []).append(row)
            self._rows[table, columns] = by_key
        return self._rows[table, columns].get(tuple(key.values()), [])

    def answer(self, query: str) -> Any:
        """The answer to a query that returns one row of one column."""
        if query not in self._answers:
            rows = self.connection.execute(query).fetchall()
            if len(rows) != 1 or len(rows[0]) != 1:
                raise LookupError(f"{len(rows)} rows")
            self._answers[query] = rows[0][0]
        return self._answers[query]

    def reach(self, level: str, edition: str, profile: str) -> dict[str, dict[str, int]]:
        """The best and the worst rank of each ward under any weights of the parts of a level."""
        if (level, edition, profile) not in self._reach:
            self._reach[level, edition, profile] = self._reached(level, edition, profile)
        return self._reach[level, edition, profile]

    def _reached(self, level: str, edition: str, profile: str) -> dict[str, dict[str, int]]:
        scores = self.connection.execute(
            "PIVOT (SELECT area_code, id, score FROM score SEMI JOIN area ON area.level = 'ward' AND area.area_code = "
            f"score.area_code WHERE score.level = '{level}' AND edition = {int(edition)} AND profile = '{profile}') "
            "ON id USING first(score)"
        ).df().set_index("area_code").dropna()  # fmt: skip
        ranks = rank_range(scores.to_numpy())
        return {code: {"best": best, "worst": worst} for code, (best, worst) in zip(scores.index, ranks, strict=True)}

    def declared(self, where: str) -> Any:
        """The value at a place in a contract: the file, then names that lead to the value."""
        file, *names = where.split()
        value = self.yaml[file]
        for name in names:
            value = value[name]
        return value

    @cached_property
    def yaml(self) -> dict[str, Any]:
        """The content of every contract, by its file.

        Raises:
            ContractError: when a file has faults. Files outside the places of contracts were not checked before.
        """
        faults: list[Fault] = []
        files = {path: file for path, file in self.contracts.files().items() if path.endswith(".yaml")}
        read = {shown: read_document(file, shown, faults) for shown, file in files.items()}
        if faults:
            raise ContractError(faults)
        return {shown: document.data for shown, document in read.items() if document}

    @cached_property
    def names(self) -> dict[str, str]:
        """The names of areas by code, and of everything measured by id."""
        names_by_id = {row["area_code"]: row["area_name"] for row in self.table("area")}
        for table, column in (("indicator", "indicator_id"), ("context", "measure_id"), ("decade", "measure_id")):
            names_by_id |= {row[column]: row["title"] for row in self.table(table)}
        return titles({file: data for file, data in self.yaml.items() if not file.startswith("areas/")}) | names_by_id

    @cached_property
    def own_areas(self) -> dict[str, str]:
        """The names of the council's own areas, by id."""
        return {row["own_area"]: row["area_name"] for row in self.table("own_area")}

    @cached_property
    def published_texts(self) -> set[str]:
        """Every text with numbers in tables and contracts, its white space collapsed: pages may quote these whole."""
        columns = self.connection.execute(
            "SELECT table_name, column_name FROM duckdb_columns() JOIN duckdb_tables() USING (table_name) "
            "WHERE data_type = 'VARCHAR'"
        ).fetchall()
        cells = (
            cell
            for table, column in columns
            for (cell,) in self.connection.execute(f'SELECT DISTINCT "{column}" FROM "{table}"').fetchall()
            if cell is not None
        )
        return {one for text in (*cells, *strings(self.yaml)) if re.search(r"\d", one := " ".join(text.split()))}

    @cached_property
    def quotable(self) -> re.Pattern[str]:
        """A pattern for names, definitions and limits that contain numbers, the longest first."""
        definitions = (
            text for file, data in self.yaml.items() if not file.startswith("products/") for text in strings(data)
        )
        quoted = {
            *self.names.values(),
            *self.own_areas.values(),
            *source_names(self.yaml),
            *(text for text in definitions if " " in text),
        }
        bare = {re.sub(r"\s*\(.*?\)", "", name) for name in self.names.values()}
        numbered = {" ".join(text.split()).rstrip(".") for text in quoted | bare if re.search(r"\d", text)}
        return re.compile("|".join(map(re.escape, sorted(numbered, key=len, reverse=True))) or r"(?!)", re.I)

    @cached_property
    def newest(self) -> tuple[int, str]:
        """The edition and the profile that pages show."""
        profiles = self.yaml["framework.yaml"]["profiles"]
        return max(row["edition"] for row in self.table("edition")), next(iter(profiles))


def as_text(cell: object) -> str:
    """A cell as text, in the form that keys use."""
    if isinstance(cell, dt.datetime):
        return cell.strftime("%Y-%m-%d")
    return str(cell)


def strings(thing: object) -> Iterator[str]:
    """Every text in nested lists and mappings."""
    if isinstance(thing, str):
        yield thing
    elif isinstance(thing, Mapping):
        for child in thing.values():
            yield from strings(child)
    elif isinstance(thing, list):
        for child in thing:
            yield from strings(child)


def titles(thing: object) -> dict[str, str]:
    """The title of everything that has an id and a title, by id."""
    by_id: dict[str, str] = {}
    if isinstance(thing, Mapping):
        if isinstance(thing.get("id"), str) and isinstance(thing.get("title"), str):
            by_id[thing["id"]] = thing["title"]
        for child in thing.values():
            by_id |= titles(child)
    elif isinstance(thing, list):
        for child in thing:
            by_id |= titles(child)
    return by_id


def source_names(contracts: Mapping[str, Any]) -> Iterator[str]:
    """The names of sources, of their data sets and publishers, and of units."""
    for name, contract in contracts.items():
        if name.startswith("sources/"):
            yield contract["name"]
            yield from (
                item["value"] for item in contract["customProperties"] if item["property"] in ("dataset", "publisher")
            )
        elif name == "vocabulary.yaml":
            yield from (item["title"] for item in contract["units"].values())
