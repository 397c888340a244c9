"""Read-only queries to the published database: the command line shows only what readers can see."""

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
        SpiError: when nothing has been published yet, or the file cannot be opened.
    """
    if not database.exists():
        raise SpiError(f"nothing is published at {database} yet; run spi refresh")
    try:
        connection = connect(database, read_only=True)
    except duckdb.Error as error:
        reason = first_line(error)
        remedy = CLOSE_IT if "Conflicting lock" in reason else "run spi refresh"
        raise SpiError(f"{database} cannot be opened ({reason}); {remedy}") from error
    with connection:
        yield connection


def under_contract(version: str) -> str:
    """The last sentence of a table's comment: the version of the contract that it was published under."""
    return f"Contract {version}."


def refuse_other_contracts(database: Path, products: Mapping[str, Product]) -> None:
    """Refuse to read a database whose tables do not match the contracts in force.

    Raises:
        SpiError: when a table was published under another major version of its contract, or lacks a column that its
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
        match = _UNDER.search(table["comment"] or "")
        written = match.group(1) if match else FIRST
        origin = f"{database} was published under version {written} of the contract of {product.id}"
        if major(written) != major(product.version):
            raise SpiError(f"{origin}, but version {product.version} is in force; run spi refresh")
        if gained := [column.name for column in product.columns if column.name not in table["columns"]]:
            raise SpiError(
                f"{origin} and lacks {', '.join(gained)}, which version {product.version} has; run spi refresh"
            )


def rows(
    connection: duckdb.DuckDBPyConnection, query: str, values: Sequence[Any] | Mapping[str, Any] = ()
) -> list[dict[str, Any]]:
    """The rows of a query, as mappings."""
    cursor = connection.cursor().execute(query, values)
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


@dataclass(frozen=True)
class WardTable:
    """The wards of one edition and profile, grouped by authority: the best first, the authority itself last.

    Attributes:
        edition: the edition.
        profile: the profile.
        as_of: the day its figures were taken.
        newest: whether it is the newest edition.
        rows: ``area_code, area_name, level, score, rank, rank_low, rank_high, coverage, first_year, last_year``; the
            years are those of its oldest and newest figures.
    """

    edition: int
    profile: str
    as_of: dt.date
    newest: bool
    rows: list[dict[str, Any]]


def ward_table(database: Path, profile: str = "spi", edition: int | None = None) -> WardTable:
    """Scores of the index for every ward and authority.

    Args:
        database: the published database.
        profile: the profile.
        edition: the edition; the newest if None.

    Raises:
        SpiError: when there is no database, or it has no such edition or profile.
    """
    with reading(database) as connection:
        chosen = chosen_edition(connection, profile, edition)
        wards = rows(
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
    return WardTable(chosen, profile, last["as_of"], chosen == last["edition"], wards)


def chosen_edition(connection: duckdb.DuckDBPyConnection, profile: str, edition: int | None) -> int:
    """The requested edition, or the newest.

    Raises:
        UnknownNameError: when it does not exist; the message names the editions or profiles that do.
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
