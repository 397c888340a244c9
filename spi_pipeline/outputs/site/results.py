"""The published tables as pages need them: the newest edition and the first profile, unless another is named."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.outputs.csv_files import as_csv
from spi_pipeline.outputs.queries import reading, refuse_other_contracts
from spi_pipeline.scoring.left_out import left_out

Row = Mapping[str, Any]
LEVELS = ("index", "dimension", "component", "indicator")


@dataclass(frozen=True)
class Element:
    """The index, a dimension, a component or an indicator.

    Attributes:
        id: its id in the contracts.
        title: its title.
        level: one of ``LEVELS``.
        parent: the element above it; None for the index.
        description: its meaning, in plain language.
    """

    id: str
    title: str
    level: str
    parent: str | None
    description: str


@dataclass(frozen=True)
class Area:
    """A ward or an authority.

    Attributes:
        code: its code.
        name: its name.
        level: ``ward`` or ``authority``.
        slug: its name in addresses.
    """

    code: str
    name: str
    level: str
    slug: str


def records(table: pd.DataFrame) -> list[Row]:
    """The rows of a table, with None for unknown values."""
    return [
        {str(name): None if pd.api.types.is_scalar(cell) and pd.isna(cell) else cell for name, cell in row.items()}
        for row in table.to_dict("records")
    ]


def slug(text: str) -> str:
    """A name for use in an address: lower-case Latin letters, digits and hyphens."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-") or "area"


def by_area(table: pd.DataFrame, column: str = "area_code") -> dict[str, list[Row]]:
    """The rows of a table by the code of their area, or by another column that identifies their area."""
    grouped: dict[str, list[Row]] = {}
    for row in records(table):
        grouped.setdefault(row[column], []).append(row)
    return grouped


class Results:
    """The published results.

    Args:
        tables: the published products by name, as frames.
        boundaries: ``area_code`` and ``geometry`` (well-known binary, WGS84) of the wards.
        contracts: the contracts, which define the elements and measures.
        postcodes: ``postcode`` and ``ward_code``; without rows if no postcodes are available.
        database: the published file that the tables come from, if any.
    """

    def __init__(
        self,
        tables: Mapping[str, pd.DataFrame],
        boundaries: pd.DataFrame,
        contracts: Contracts,
        postcodes: pd.DataFrame,
        database: Path | None = None,
    ) -> None:
        self.tables = tables
        self.boundaries = boundaries
        catalogue = tables["indicator"]
        self.contracts = contracts.as_published(
            dict(zip(catalogue["indicator_id"], catalogue["source_id"], strict=True))
        )
        self.postcodes = postcodes
        self.database = database

    @classmethod
    def of_database(
        cls, database: Path, boundaries: pd.DataFrame, contracts: Contracts, postcodes: pd.DataFrame
    ) -> Results:
        """Read every published table.

        Raises:
            SpiError: when nothing is published, or it was published under contracts with fewer tables or columns.
        """
        names = [name for name, product in contracts.products.items() if product.published]
        refuse_other_contracts(database, contracts.products)
        with reading(database) as connection:
            present = {name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
            if missing := sorted({*names} - present):
                raise SpiError(
                    f"{database} lacks the table {missing[0]}, since an older version wrote it; run spi refresh"
                )
            tables = {name: connection.execute(f'SELECT * FROM "{name}"').df() for name in names}
        return cls(tables, boundaries, contracts, postcodes, database)

    @property
    def file(self) -> Path:
        """The database file.

        Raises:
            SpiError: when the results have none.
        """
        if self.database is None:
            raise SpiError("these results were not read from a database; run spi refresh")
        return self.database

    @cached_property
    def sha256(self) -> str | None:
        """The SHA-256 of the table of scores as CSV, to which a citation is pinned; None without a database.

        The database itself would not do: DuckDB writes the same tables into different blocks each time.
        """
        if self.database is None:
            return None
        with reading(self.database) as connection:
            return hashlib.sha256(
                as_csv(connection.sql('SELECT * FROM "score" ORDER BY ALL').to_arrow_table())
            ).hexdigest()

    @cached_property
    def edition(self) -> int:
        """The newest edition."""
        return int(self.tables["edition"]["edition"].max())

    @cached_property
    def editions(self) -> list[int]:
        """Every edition, oldest first."""
        return sorted(map(int, self.tables["edition"]["edition"].unique()))

    @cached_property
    def profile(self) -> str:
        """The profile that pages show."""
        return next(iter(self.contracts.framework.profiles))

    @cached_property
    def as_of(self) -> pd.Timestamp:
        """The day the figures were taken."""
        return pd.Timestamp(self.tables["edition"]["as_of"].max())

    @cached_property
    def index(self) -> Element:
        """The index itself."""
        return self.elements[self.contracts.framework.id]

    @cached_property
    def elements(self) -> dict[str, Element]:
        """Every element with scores, by id, from the index down in the order of the framework."""
        framework = self.contracts.framework
        elements = [Element(framework.id, framework.title, "index", None, framework.description)]
        known = {row["indicator_id"] for row in records(self.tables["indicator"]) if row["in_basis"]}
        for dimension in framework.dimensions:
            elements.append(Element(dimension.id, dimension.title, "dimension", framework.id, dimension.description))
            for component in dimension.components:
                if component.id in self.left_out:
                    continue
                elements.append(
                    Element(component.id, component.title, "component", dimension.id, component.description)
                )
                elements += [
                    Element(item.id, item.title, "indicator", component.id, item.description)
                    for item in self.contracts.indicators_of(component.id)
                    if item.id in known
                ]
        return {element.id: element for element in elements}

    @cached_property
    def left_out(self) -> dict[str, list[Row]]:
        """The rows of the table ``indicator`` for each component without a score, in the order of the framework."""
        without_score = left_out(self.tables["indicator"])
        return {
            name: [self.indicators[indicator] for indicator in without_score[name]]
            for name in self.contracts.framework.components
            if name in without_score
        }

    def below(self, element_id: str) -> list[Element]:
        """The elements that an element is made of."""
        return [element for element in self.elements.values() if element.parent == element_id]

    @cached_property
    def areas(self) -> dict[str, Area]:
        """Every ward by name, then every authority by code; areas that share a name have their code in the slug."""
        table = self.tables["area"].sort_values(["level", "area_name"], ascending=[False, True])
        shared = table["area_name"].map(slug).duplicated(keep=False)
        areas = {}
        for row, is_shared in zip(records(table), shared, strict=True):
            code, name = row["area_code"], row["area_name"]
            areas[code] = Area(code, name, row["level"], f"{slug(name)}-{code.lower()}" if is_shared else slug(name))
        return areas

    @cached_property
    def wards(self) -> list[Area]:
        """Every ward, ordered by name."""
        return [area for area in self.areas.values() if area.level == "ward"]

    @cached_property
    def own_areas(self) -> list[Row]:
        """The row of the table ``own_area`` for each of the council's own areas, ordered by name."""
        return records(self.tables["own_area"].sort_values(["area_name", "own_area"]))

    @cached_property
    def town(self) -> Area:
        """The authority.

        Raises:
            SpiError: when there are several: ranks are places within one, and pages compare wards with only one.
        """
        towns = [area for area in self.areas.values() if area.level == "authority"]
        if len(towns) > 1:
            raise SpiError(
                f"site, report and downloads cover one authority, but the tables hold {len(towns)}, including "
                f"{towns[0].name} and {towns[1].name}; keep contracts and a store for each, or leave these outputs out "
                "of SPI_OUTPUTS"
            )
        return towns[0]

    def under_profile(self, table: str) -> list[Row]:
        """The rows of a table under the profile that pages show, for every edition."""
        return records(self.tables[table][self.tables[table]["profile"] == self.profile])

    @cached_property
    def history(self) -> dict[tuple[str, str, int], Row]:
        """The row of the table ``score`` for each element, area and edition."""
        return {(row["id"], row["area_code"], row["edition"]): row for row in self.under_profile("score")}

    @cached_property
    def changes(self) -> dict[tuple[str, str, int, int], Row]:
        """The row of the table ``change`` for each element, area, earlier and later edition."""
        return {
            (row["id"], row["area_code"], row["edition_from"], row["edition_to"]): row
            for row in self.under_profile("change")
        }

    @cached_property
    def observations(self) -> dict[tuple[str, str, int], Row]:
        """The row of the table ``observation`` for each indicator, area and edition."""
        return {
            (row["indicator_id"], row["area_code"], row["edition"]): row for row in records(self.tables["observation"])
        }

    @cached_property
    def weights(self) -> dict[tuple[str, str], Row]:
        """The row of the table ``weight`` for each parent and child, in the newest edition and for the town."""
        rows = self.newest("weight")
        rows = rows[rows["authority_code"] == self.town.code]
        return {(row["parent_id"], row["id"]): row for row in records(rows)}

    @cached_property
    def contributions(self) -> dict[tuple[str, str, str], float]:
        """The points a child adds to a parent in an area, newest edition; children without a score have no entry."""
        rows = records(self.newest("contribution"))
        return {
            (row["parent_id"], row["id"], row["area_code"]): row["contribution"]
            for row in rows
            if row["contribution"] is not None
        }

    @cached_property
    def indicators(self) -> dict[str, Row]:
        """The row of the table ``indicator`` for each indicator, including those that enter no score."""
        return {row["indicator_id"]: row for row in records(self.tables["indicator"])}

    def newest(self, table: str) -> pd.DataFrame:
        """The rows of a table for the newest edition and the profile that pages show, if it has these columns."""
        rows = self.tables[table]
        for column, value in (("edition", self.edition), ("profile", self.profile)):
            if column in rows:
                rows = rows[rows[column] == value]
        return rows

    @cached_property
    def scores(self) -> dict[tuple[str, str], Row]:
        """The row of the table ``score`` for each element and area, in the newest edition and profile shown."""
        return {(row["id"], row["area_code"]): row for row in records(self.newest("score"))}

    def ranking(self, element_id: str) -> list[Row]:
        """The wards by an element, as rows of the table ``score``: best first, those without a rank last, by name."""
        rows = [self.scores[element_id, ward.code] for ward in self.wards if (element_id, ward.code) in self.scores]
        return sorted(rows, key=lambda row: (row["rank"] is None, row["rank"] or 0))
