"""Questions put to the published database, read-only: what the command line shows comes from what readers see."""

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from spi_pipeline.contracts.errors import SpiError, UnknownNameError
from spi_pipeline.contracts.models.tables import Product
from spi_pipeline.contracts.versions import FIRST, major
from spi_pipeline.rules.duck import connect, first_line

# DuckDB lets one program open a file for writing, or several for reading.
CLOSE_IT = "close it in that program, and let it open the file with read_only=True"
_UNDER = re.compile(r"Contract (\d+\.\d+\.\d+)\.$")


@contextmanager
def reading(database: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A read-only connection to the published database.

    Raises:
        SpiError: when nothing was published yet, or the file cannot be opened.
    """
    if not database.exists():
        raise SpiError(f"nothing is published at {database} yet; run spi refresh")
    try:
        connection = connect(database, read_only=True)
    except duckdb.Error as error:
        said = first_line(error)
        remedy = CLOSE_IT if "Conflicting lock" in said else "run spi refresh"
        raise SpiError(f"{database} cannot be opened ({said}); {remedy}") from error
    with connection:
        yield connection


def under_contract(version: str) -> str:
    """The last sentence of the comment of a table: the version of the contract it was published under."""
    return f"Contract {version}."


def refuse_other_contracts(database: Path, products: Mapping[str, Product]) -> None:
    """Refuse to read a database whose tables are not those that the contracts in force speak of.

    Raises:
        SpiError: where a table was published under another major version of its contract, or lacks a column that its
            contract has gained since.
    """
    with reading(database) as connection:
        published = rows(
            connection,
            """
            SELECT t.table_name, t.comment, list(c.column_name) AS columns
            FROM duckdb_tables() t JOIN duckdb_columns() c USING (table_oid)
            GROUP BY ALL
            """,
        )
    for table in published:
        product = products.get(table["table_name"])
        if product is None:
            continue
        stated = _UNDER.search(table["comment"] or "")
        written = stated.group(1) if stated else FIRST
        was = f"{database} was published under version {written} of the contract of {product.id}"
        if major(written) != major(product.version):
            raise SpiError(
                f"{was}, and {product.version} is in force: it is not read as something it is not; run spi refresh"
            )
        if gained := [column.name for column in product.columns if column.name not in table["columns"]]:
            raise SpiError(f"{was} and has no {', '.join(gained)}, which {product.version} has; run spi refresh")


def rows(
    connection: duckdb.DuckDBPyConnection, query: str, values: Sequence[Any] | Mapping[str, Any] = ()
) -> list[dict[str, Any]]:
    """The rows of a query as mappings."""
    cursor = connection.cursor().execute(query, values)
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


@dataclass(frozen=True)
class WardTable:
    """The wards of one edition and profile, authority by authority: best first, the authority itself last.

    Attributes:
        edition: the edition.
        profile: the profile.
        as_of: the day its figures were taken.
        newest: whether there is no later edition.
        rows: ``area_code, area_name, level, score, rank, rank_low, rank_high, coverage, first_year, last_year``; the
            years are those that the oldest and the newest of its figures are of.
    """

    edition: int
    profile: str
    as_of: dt.date
    newest: bool
    rows: list[dict[str, Any]]


def ward_table(database: Path, profile: str = "spi", edition: int | None = None) -> WardTable:
    """Scores of the index.

    Args:
        database: the published database.
        profile: the profile.
        edition: the edition; the newest when left out.

    Raises:
        SpiError: when there is no database, or no such edition or profile.
    """
    with reading(database) as connection:
        chosen = chosen_edition(connection, profile, edition)
        found = rows(
            connection,
            """
            WITH figures AS (
                SELECT area_code, min(year(period_end)) AS first_year, max(year(period_end)) AS last_year
                FROM observation JOIN indicator USING (indicator_id)
                WHERE in_basis AND edition = $edition GROUP BY area_code
            )
            SELECT a.area_code, a.area_name, a.level, s.score, s.rank, s.rank_low, s.rank_high, s.coverage,
                f.first_year, f.last_year
            FROM score s JOIN area a USING (area_code) LEFT JOIN figures f USING (area_code)
            WHERE s.level = 'index' AND s.profile = $profile AND s.edition = $edition
            ORDER BY coalesce(a.parent_code, a.area_code), a.level DESC, s.rank NULLS LAST, a.area_name
            """,
            {"profile": profile, "edition": chosen},
        )
        last = rows(connection, "SELECT max(edition) AS edition, any_value(as_of) AS as_of FROM edition")[0]
    return WardTable(chosen, profile, last["as_of"], chosen == last["edition"], found)


def chosen_edition(connection: duckdb.DuckDBPyConnection, profile: str, edition: int | None) -> int:
    """The edition asked for, or the newest.

    Raises:
        UnknownNameError: naming the editions and profiles there are.
    """
    known = rows(connection, "SELECT profile, edition FROM edition ORDER BY edition")
    editions = [row["edition"] for row in known if row["profile"] == profile]
    if not editions:
        raise UnknownNameError(
            f"there is no profile {profile!r}; known: {', '.join(sorted({row['profile'] for row in known}))}"
        )
    if edition is not None and edition not in editions:
        raise UnknownNameError(f"edition {edition} is not published; published: {', '.join(map(str, editions))}")
    return edition if edition is not None else int(editions[-1])
