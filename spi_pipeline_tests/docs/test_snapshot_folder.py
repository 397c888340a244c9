"""``docs/snapshot-folder.md`` names the files from which the embedded tables were actually read."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

import pytest

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.settings import Settings
from spi_pipeline.snapshot.embedded import read_embedded, snapshot_tables
from spi_pipeline.snapshot.figures import Figures
from spi_pipeline_tests.docs.documents import REPOSITORY, assert_table, markdown_table, table_in, text

DOCUMENT = REPOSITORY / "docs" / "snapshot-folder.md"
PLACEHOLDERS = {"YYYY": "[0-9][0-9][0-9][0-9]", "MM": "[0-9][0-9]", "FORCE": "*"}
ROWS = {
    cells[1].strip("` "): cells[2:-1]
    for cells in (line.split("|") for line in table_in(DOCUMENT, "sources").splitlines()[2:])
}
READERS = "".join(
    file.read_text(encoding="utf-8")
    for folder in ("snapshot", "publishers")
    for file in (REPOSITORY / "spi_pipeline" / folder).rglob("*.py")
)


def quoted(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def pattern(path: str) -> str:
    for word, glob in PLACEHOLDERS.items():
        path = path.replace(word, glob)
    return path


def figures_of(contracts: Contracts) -> Figures:
    return Settings().figures(contracts.geography)


def test_every_source_has_a_row(contracts: Contracts) -> None:
    assert sorted(ROWS) == sorted(figures_of(contracts).names)


@pytest.mark.parametrize("source_id", ROWS)
def test_the_files_described_are_those_read(source_id: str, contracts: Contracts) -> None:
    described = [pattern(path) for path in quoted(ROWS[source_id][0])]
    read = [item.file for item in figures_of(contracts).read(source_id).inputs]
    assert [file for file in read if not any(PurePosixPath(file).match(glob) for glob in described)] == []
    if " else each " not in ROWS[source_id][0]:
        unused = [glob for glob in described if not any(PurePosixPath(file).match(glob) for file in read)]
        assert unused == []


@pytest.mark.parametrize("source_id", ROWS)
def test_the_columns_described_are_those_read(source_id: str, contracts: Contracts) -> None:
    cell = ROWS[source_id][-1]
    by_contract = any(column.published_name for column in contracts.sources[source_id].columns)
    assert not ("contract" in cell and not by_contract)
    ages = {"50", "90+"}
    unknown = [
        name
        for name in quoted(cell)
        if f'"{name}"' not in READERS
        and name not in ages
        and name not in {column.published_name for column in contracts.sources[source_id].columns}
    ]
    assert unknown == []


def test_the_table_about_england() -> None:
    england = Settings().england
    rows = []
    for source_id in snapshot_tables(england):
        embedded = read_embedded(england, source_id)
        files = "; ".join(f"`{name}`" for name in sorted(item.file for item in embedded.inputs))
        rows.append([f"`{source_id}`", f"{embedded.table.num_rows:,}", files])
    assert_table(DOCUMENT, "england", markdown_table(["Source", "Rows", "Files"], rows))


def test_the_statement_about_personal_data(contracts: Contracts) -> None:
    assert "Nothing. Crime IDs" in text(DOCUMENT)
    columns = {
        column.name for name in ("street_crime", "stop_and_search") for column in contracts.sources[name].columns
    }
    assert columns == {"month", "crime_type", "longitude", "latitude", "lsoa_code", "crimes", "stops"}
