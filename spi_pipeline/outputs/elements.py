"""What the ids in scores, weights and changes stand for, as a view: the index and all that it is made of."""

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
    "parent_id": "Id of what it is part of; null for the index",
    "place": "Its place in the order of the framework; indicators come after all that they are part of, by id",
    "missing_because": "Why a component has no score: of each of its indicators why it is not in the basis; else blank",
}
COMMENT = (
    "One row for each element of the framework and each indicator that scores rest on: what its id stands for, and "
    "what it is part of. A view: what is said of an indicator stands in the table indicator."
)


def elements(contracts: Contracts, catalogue: pa.Table) -> View:
    """The view.

    Args:
        contracts: the framework with its titles.
        catalogue: rows of the product ``indicator``, for the components that are left out.
    """
    rows = list(_rows(contracts))
    apart = {literal(name): literal(in_words(why)) for name, why in left_out(catalogue.to_pandas()).items()}
    stated = ", ".join(
        f"({', '.join(row)}, {place}, {apart.get(row[0], 'NULL::VARCHAR')})" for place, row in enumerate(rows, 1)
    )
    query = (
        f"SELECT * FROM (VALUES {stated}) AS stated({', '.join(COLUMNS)}) UNION ALL "
        "SELECT indicator_id, 'indicator', title, description, component_id, "
        f"{len(rows)} + row_number() OVER (ORDER BY indicator_id), NULL FROM indicator WHERE in_basis ORDER BY place"
    )
    return View(NAME, query, COLUMNS, COMMENT)


def _rows(contracts: Contracts) -> Iterator[list[str]]:
    """``id, level, title, description, parent_id`` of all but indicators, each in the words of SQL."""
    index = contracts.framework
    yield [*map(literal, (index.id, "index", index.title, index.description)), "NULL"]
    for dimension in index.dimensions:
        yield [*map(literal, (dimension.id, "dimension", dimension.title, dimension.description, index.id))]
    for dimension in index.dimensions:
        for component in dimension.components:
            yield [*map(literal, (component.id, "component", component.title, component.description, dimension.id))]
