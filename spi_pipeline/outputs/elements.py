"""A view that says what the ids in scores, weights and changes mean: the index and everything it is made of."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.outputs.duckdb_file import View, literal
from spi_pipeline.scoring.left_out import in_words, left_out

NAME = "element"
COLUMNS = {
    "id": "Id of the indicator, component, dimension or index, as in score, weight, change and scorecard",
    "level": "indicator, component, dimension or index",
    "title": "Its title",
    "description": "What it says, in plain language",
    "parent_id": "Id of the element it is part of; null for the index",
    "place": "Its place in the order of the framework; indicators come last, by id",
    "missing_because": "Why a component has no score: by indicator, why it is not in the basis; otherwise null",
}
COMMENT = (
    "One row for each element of the framework and each indicator that enters scores: the meaning of its id, and the "
    "element it is part of. A view: details of an indicator are in the table indicator."
)


def elements(contracts: Contracts, catalogue: pa.Table) -> View:
    """The view of all elements.

    Args:
        contracts: the framework with its titles.
        catalogue: rows of the product ``indicator``, for the components that are left out.
    """
    rows = list(_rows(contracts))
    reasons = {literal(name): literal(in_words(why)) for name, why in left_out(catalogue.to_pandas()).items()}
    values = ", ".join(
        f"({', '.join(row)}, {place}, {reasons.get(row[0], 'NULL::VARCHAR')})" for place, row in enumerate(rows, 1)
    )
    query = (
        f"SELECT * FROM (VALUES {values}) AS stated({', '.join(COLUMNS)}) UNION ALL "
        "SELECT indicator_id, 'indicator', title, description, component_id, "
        f"{len(rows)} + row_number() OVER (ORDER BY indicator_id), NULL FROM indicator WHERE in_basis ORDER BY place"
    )
    return View(NAME, query, COLUMNS, COMMENT)


def _rows(contracts: Contracts) -> Iterator[list[str]]:
    """``id, level, title, description, parent_id`` of every element except indicators, each as an SQL literal."""
    index = contracts.framework
    yield [*map(literal, (index.id, "index", index.title, index.description)), "NULL"]
    for dimension in index.dimensions:
        yield [*map(literal, (dimension.id, "dimension", dimension.title, dimension.description, index.id))]
    for dimension in index.dimensions:
        for component in dimension.components:
            yield [*map(literal, (component.id, "component", component.title, component.description, dimension.id))]
