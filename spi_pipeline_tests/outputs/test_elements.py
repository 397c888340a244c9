"""The view ``element``, which explains the ids in scores, weights and changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa

from spi_pipeline.outputs.duckdb_file import Column, DatabaseTable, write
from spi_pipeline.outputs.elements import COLUMNS, elements
from spi_pipeline_tests.integration.sandboxes import Sandbox


def test_exactly_the_ids_of_scores_have_one_row_each(refreshed: Sandbox) -> None:
    scored = refreshed.query("SELECT DISTINCT id, level FROM score ORDER BY ALL")
    assert refreshed.query("SELECT id, level FROM element ORDER BY ALL") == scored


def test_parents_agree_with_the_weights(refreshed: Sandbox) -> None:
    parents = refreshed.query("SELECT id, parent_id FROM element WHERE parent_id IS NOT NULL ORDER BY ALL")
    assert parents == refreshed.query("SELECT DISTINCT id, parent_id FROM weight ORDER BY ALL")
    assert refreshed.query("SELECT id FROM element WHERE parent_id IS NULL") == [(refreshed.contracts.framework.id,)]


def test_titles_are_those_of_the_contracts_in_the_order_of_the_framework(refreshed: Sandbox) -> None:
    rows = refreshed.query("SELECT id, title, description, place FROM element")
    titles = refreshed.contracts.titles
    assert {name: title for name, title, *_ in rows} == {name: titles[name] for name, *_ in rows}
    assert [place for *_, place in rows] == list(range(1, len(rows) + 1))
    dimensions = refreshed.contracts.framework.dimensions
    components = [part for dimension in dimensions for part in dimension.components]
    assert [row[0] for row in rows[1:16]] == [part.id for part in (*dimensions, *components)]
    assert {name: description for name, _, description, _ in rows}["safety"] == "Are people safe where they live?"
    assert refreshed.query("SELECT count(missing_because) FROM element") == [(0,)], "every component has a slot"
    comments = refreshed.query("SELECT column_name, comment FROM duckdb_columns() WHERE table_name = 'element'")
    assert dict(comments) == COLUMNS


def test_a_title_with_quotes_is_text(refreshed: Sandbox, tmp_path: Path) -> None:
    contracts = refreshed.contracts
    framework = contracts.framework.model_copy(update={"title": 'People\'s "Index"'})
    names = ("indicator_id", "title", "description", "component_id", "not_in_basis_because")
    columns = [*(Column(name, "VARCHAR") for name in names), Column("in_basis", "BOOLEAN")]
    empty = pa.table({column.name: pa.array([], pa.bool_() if column.name == "in_basis" else pa.string())
                      for column in columns})  # fmt: skip
    table = DatabaseTable("indicator", columns, ("indicator_id",), "", [empty])
    write(tmp_path / "spi.duckdb", [table], [elements(replace(contracts, framework=framework), empty)])
    with duckdb.connect(str(tmp_path / "spi.duckdb"), read_only=True) as connection:
        assert connection.execute("SELECT title FROM element WHERE place = 1").fetchall() == [(framework.title,)]
