"""The subject of an explanation: an area, an element and a profile, looked up by name in the published tables."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from spi_pipeline.contracts.errors import UnknownNameError
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.outputs.queries import chosen_edition, reading, rows
from spi_pipeline.scoring.left_out import left_out


@dataclass(frozen=True)
class Question:
    """The subject of an explanation, and the database and contracts that the answer comes from.

    Attributes:
        connection: the published database.
        contracts: the contracts it was published under.
        area_code: the ward or authority.
        area_name: its name.
        authority_code: the authority of the ward, or the authority itself.
        element: the id of an indicator, component, dimension or the index.
        profile: the profile.
    """

    connection: duckdb.DuckDBPyConnection
    contracts: Contracts
    area_code: str
    area_name: str
    authority_code: str
    element: str
    profile: str

    def rows(self, query: str, **named: Any) -> list[dict[str, Any]]:
        """The rows of a query that may use ``$area``, ``$authority``, ``$profile`` and the given parameters."""
        known = {"area": self.area_code, "authority": self.authority_code, "profile": self.profile} | named
        return rows(self.connection, query, {name: value for name, value in known.items() if f"${name}" in query})

    def edition(self, edition: int | None) -> int:
        """The requested edition, or the newest.

        Raises:
            UnknownNameError: when it does not exist; the message names the editions or profiles that do.
        """
        return chosen_edition(self.connection, self.profile, edition)

    @property
    def identity(self) -> tuple[str, str, str]:
        """The first three fields of an ``Answer``."""
        return self.area_code, self.area_name, self.profile

    @cached_property
    def left_out(self) -> dict[str, dict[str, str]]:
        """The components that enter no score, each with the reasons why its indicators are not in the basis."""
        return left_out(pd.DataFrame(self.rows("SELECT * FROM indicator")))

    def unscored_components(self, parent: str) -> list[str]:
        """The components of a dimension that enter no score."""
        dimensions = {dimension.id: dimension.components for dimension in self.contracts.framework.dimensions}
        return [component.id for component in dimensions.get(parent, []) if component.id in self.left_out]

    def title(self, element: str) -> str:
        """The title of an element or indicator."""
        return self.contracts.titles.get(element, element)

    def children(self, parent: str, edition: int) -> list[dict[str, Any]]:
        """The children of a parent: ``id, weight, method, contribution``, most points first, those without any last."""
        return self.rows(
            """
            SELECT w.id, w.weight, w.method, c.contribution
            FROM weight w LEFT JOIN contribution c ON (c.edition, c.profile, c.parent_id, c.id, c.area_code)
                = (w.edition, w.profile, w.parent_id, w.id, $area)
            WHERE w.edition = $edition AND w.profile = $profile AND w.parent_id = $parent
                AND w.authority_code = $authority
            ORDER BY c.contribution DESC NULLS LAST, w.id
            """,
            edition=edition,
            parent=parent,
        )


@dataclass(frozen=True)
class Answer:
    """The facts that every explanation repeats from the question.

    Attributes:
        area_code: the ward or authority.
        area_name: its name.
        profile: the profile.
    """

    area_code: str
    area_name: str
    profile: str


@dataclass(frozen=True)
class Element:
    """One element of an explanation.

    Attributes:
        id: the id of an indicator, component, dimension or the index.
        title: its title.
        level: its level.
    """

    id: str
    title: str
    level: str


@contextmanager
def open_question(
    database: Path, contracts: Contracts, area: str, element: str, profile: str = "spi"
) -> Iterator[Question]:
    """A question whose names all exist.

    Args:
        database: the published database.
        contracts: the contracts it was published under.
        area: the code or name of a ward or authority.
        element: the id of an indicator, component, dimension or the index.
        profile: the profile.

    Raises:
        UnknownNameError: when the area, element or profile does not exist; the message names the closest match.
        SpiError: when there is no database.
    """
    with reading(database) as connection:
        chosen_edition(connection, profile, None)
        area_row = _area(connection, area)
        known = [row["id"] for row in rows(connection, "SELECT id FROM score UNION SELECT indicator_id FROM indicator")]
        authority = area_row["parent_code"] or area_row["area_code"]
        sources = rows(connection, "SELECT indicator_id, source_id FROM indicator")
        published = contracts.as_published({row["indicator_id"]: row["source_id"] for row in sources})
        question = Question(
            connection, published, area_row["area_code"], area_row["area_name"], authority, element, profile
        )
        known += question.left_out
        if element not in known:
            raise UnknownNameError(f"there is no element or indicator {element!r}{_nearest(element, known)}")
        yield question


def _area(connection: duckdb.DuckDBPyConnection, area: str) -> dict[str, Any]:
    known = rows(connection, "SELECT area_code, area_name, parent_code FROM area")
    matches = [row for row in known if area.casefold() in (row["area_code"].casefold(), row["area_name"].casefold())]
    if len(matches) > 1:
        codes = ", ".join(sorted(row["area_code"] for row in matches))
        raise UnknownNameError(f"{len(matches)} areas are named {area!r}; give the code, one of {codes}")
    if matches:
        return matches[0]
    names = [row["area_name"] for row in known]
    raise UnknownNameError(f"there is no ward {area!r}{_nearest(area, names)}")


def _nearest(word: str, known: list[str]) -> str:
    match = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean {match[0]!r}?" if match else f"; known: {', '.join(sorted(known)[:30])}"
