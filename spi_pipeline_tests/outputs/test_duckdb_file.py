"""The DuckDB file: its types, keys, constraints, comments and views, and the tables and views it refuses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.outputs.duckdb_file import Column, DatabaseTable, View, write

SCORES = pa.table({"area_code": ["E05000002", "E05000001"], "score": [1.0, 1.0]})


def database_table(*parts: pa.Table) -> DatabaseTable:
    return DatabaseTable(
        name="score",
        columns=(
            Column("area_code", "VARCHAR", "the ward's code", required=True, check="length(area_code) = 9"),
            Column("score", "DOUBLE", "from 0 to 100"),
        ),
        primary_key=("area_code",),
        comment="one row per ward",
        parts=parts,
    )


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "some.duckdb"


def query_rows(database: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(database), read_only=True) as connection:
        return connection.execute(query).fetchall()


def test_the_database_has_types_keys_constraints_and_comments(database: Path) -> None:
    write(database, [database_table(SCORES)])
    assert query_rows(
        database, "SELECT column_name, data_type, is_nullable, comment FROM duckdb_columns() WHERE NOT internal"
    ) == [
        ("area_code", "VARCHAR", False, "the ward's code"),
        ("score", "DOUBLE", True, "from 0 to 100"),
    ]
    assert query_rows(database, "SELECT comment FROM duckdb_tables()") == [("one row per ward",)]
    kinds = query_rows(database, "SELECT constraint_type, constraint_column_names FROM duckdb_constraints()")
    assert ("PRIMARY KEY", ["area_code"]) in kinds
    assert ("CHECK", ["area_code"]) in kinds


def test_blocks_have_the_smallest_size_and_keys_may_be_omitted(tmp_path: Path) -> None:
    with_keys, without_keys = tmp_path / "held.duckdb", tmp_path / "left_out.duckdb"
    write(with_keys, [database_table(SCORES)])
    write(without_keys, [database_table(SCORES)], keyed=False)
    for file, keys in ((with_keys, 1), (without_keys, 0)):
        assert query_rows(file, "SELECT block_size FROM pragma_database_size()") == [(16384,)]
        keyed = "SELECT count(*) FROM duckdb_constraints() WHERE constraint_type = 'PRIMARY KEY'"
        assert query_rows(file, keyed) == [(keys,)]
        assert query_rows(file, "SELECT * FROM score") == [("E05000001", 1.0), ("E05000002", 1.0)]
        assert not file.with_name(f"{file.name}.wal").exists()


def test_parts_are_combined_cast_and_sorted_by_key(database: Path) -> None:
    first = pa.table({"score": [3, 1], "area_code": pa.array(["E05000003", "E05000001"]).dictionary_encode()})
    second = pa.table({"area_code": pa.array(["E05000002"], pa.large_string()), "score": pa.nulls(1)})
    write(database, [database_table(first, second)])
    rows = [("E05000001", 1.0), ("E05000002", None), ("E05000003", 3.0)]
    assert query_rows(database, "SELECT area_code, score FROM score") == rows
    database.unlink()
    write(database, [replace(database_table(first, second, first), primary_key=())])
    assert query_rows(database, "SELECT * FROM score") == [rows[0], rows[0], rows[1], rows[2], rows[2]]


def test_a_table_without_parts_exists_and_is_empty(database: Path) -> None:
    write(database, [database_table()])
    assert query_rows(database, "SELECT count(*) FROM score") == [(0,)]


def test_names_and_comments_are_never_run_as_statements(database: Path) -> None:
    table = DatabaseTable(
        name='a"; DROP TABLE b; --',
        columns=[Column('c" INTEGER); --', "VARCHAR", "it's; DROP TABLE b; --"), Column("select", "BIGINT", "''")],
        primary_key=('c" INTEGER); --',),
        comment="'; DROP TABLE b; --",
        parts=[pa.table({'c" INTEGER); --': ["'; --"], "select": [1]})],
    )
    plain = DatabaseTable("score part 0", [Column("x", "BIGINT")], (), "", [pa.table({"x": [1]}), pa.table({"x": [2]})])
    write(database, [table, plain, database_table(SCORES)])
    assert query_rows(database, "SELECT table_name, comment FROM duckdb_tables() ORDER BY 1") == [
        (table.name, table.comment),
        ("score", "one row per ward"),
        ("score part 0", ""),
    ]
    assert query_rows(database, """SELECT * FROM "a""; DROP TABLE b; --" """) == [("'; --", 1)]
    comments = "SELECT comment FROM duckdb_columns() WHERE NOT internal ORDER BY table_name, column_index"
    assert query_rows(database, comments)[:2] == [("it's; DROP TABLE b; --",), ("''",)]
    assert query_rows(database, 'SELECT x FROM "score part 0"') == [(1,), (2,)]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({"area_code": ["E05000001"] * 2, "score": [1.0, 2.0]}, 'uplicate key ".*E05000001"'),
        ({"area_code": [None], "score": [1.0]}, "NOT NULL constraint failed: score.area_code"),
        ({"area_code": ["E05"], "score": [1.0]}, "CHECK constraint failed"),
        ({"area_code": ["E05000001"], "score": ["high"]}, "Could not convert string 'high' to DOUBLE"),
        ({"area_code": ["E05000001"], "extra": [1.0]}, r"missing \['score'\], extra \['extra'\]"),
    ],
)
def test_a_table_that_breaks_its_constraints_is_named(database: Path, rows: dict[str, list[Any]], message: str) -> None:
    types = {"area_code": pa.string()}
    bad = pa.table({name: pa.array(values, types.get(name)) for name, values in rows.items()})
    with pytest.raises(SpiError, match=f"able 'score' .*{message}"):
        write(database, [database_table(bad)])


def test_the_same_tables_give_the_same_rows_in_the_same_order(tmp_path: Path) -> None:
    files = [tmp_path / "one.duckdb", tmp_path / "two.duckdb"]
    write(files[0], [database_table(SCORES)])
    write(files[1], [database_table(SCORES.slice(1), SCORES.slice(0, 1))])
    one, two = (query_rows(file, "SELECT * FROM score") for file in files)
    assert one == two == [("E05000001", 1.0), ("E05000002", 1.0)]


def test_a_missing_folder_is_reported_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SpiError, match=r"some.duckdb could not be written .*check the disk"):
        write(tmp_path / "nowhere" / "some.duckdb", [database_table(SCORES)])


def test_a_view_reads_the_tables_and_has_comments(database: Path) -> None:
    view = View(
        'best"; --', "SELECT max(score), area_code FROM score GROUP BY 2 ORDER BY 2 DESC",
        {"it's": "the 'best'", 'c"': "its ward"}, "one row; 'x'",
    )  # fmt: skip
    write(database, [database_table(SCORES)], [view])
    assert query_rows(database, 'SELECT * FROM "best""; --"') == [(1.0, "E05000002"), (1.0, "E05000001")]
    assert query_rows(database, "SELECT view_name, comment FROM duckdb_views() WHERE NOT internal") == [
        (view.name, view.comment)
    ]
    columns = "SELECT column_name, comment FROM duckdb_columns() WHERE NOT internal AND table_name LIKE 'best%'"
    assert query_rows(database, columns) == list(view.columns.items())


@pytest.mark.parametrize(
    ("query", "columns"),
    [
        ("SELECT nothing FROM score", ["nothing"]),
        ("SELECT 1 FROM no_table", ["a"]),
        ("SELECT score FROM score", ["a", "b"]),
    ],
)
def test_a_view_of_missing_tables_or_columns_is_named(database: Path, query: str, columns: list[str]) -> None:
    with pytest.raises(SpiError, match=r"View 'best' cannot go into the database .*: nothing was published"):
        write(database, [database_table(SCORES)], [View("best", query, dict.fromkeys(columns, ""), "")])
