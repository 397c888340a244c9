from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.outputs.duckdb_file import Column, DatabaseTable
from spi_pipeline.storage.store import Store
from spi_pipeline_tests.storage import children
from spi_pipeline_tests.storage.conftest import Start
from spi_pipeline_tests.storage.examples import database_table, scores


def ask(database: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(database), read_only=True) as connection:
        return connection.execute(query).fetchall()


def publish(store: Store, version: str, value: float) -> Path:
    return store.publish([database_table(scores(value))], version=version)


def published(store: Store) -> set[str]:
    return {path.name for path in (store.root / "published").iterdir()}


def test_a_database_cut_short_is_not_published_and_made_anew(store: Store) -> None:
    whole = publish(store, "v1", 1.0) / "spi.duckdb"
    whole.write_bytes(whole.read_bytes()[:5000])
    assert store.published_version() is None
    publish(store, "v1", 1.0)
    assert store.published_version() == "v1"


def test_a_publication_is_found_through_relative_links(store: Store, tmp_path: Path) -> None:
    folder = publish(store, "v1", 1.0)
    assert folder == store.root / "published" / "v1"
    assert [path.name for path in folder.iterdir()] == ["spi.duckdb"]
    assert store.published_version() == "v1"
    assert str(store.database.readlink()) == "published/current/spi.duckdb"
    assert str((store.root / "published" / "current").readlink()) == "v1"
    store.root.rename(tmp_path / "moved")
    assert ask(tmp_path / "moved" / "spi.duckdb", "SELECT sum(score) FROM score") == [(2.0,)]


def test_the_database_has_types_keys_constraints_and_comments(store: Store) -> None:
    publish(store, "v1", 1.0)
    assert ask(
        store.database, "SELECT column_name, data_type, is_nullable, comment FROM duckdb_columns() WHERE NOT internal"
    ) == [
        ("area_code", "VARCHAR", False, "the ward's code"),
        ("score", "DOUBLE", True, "from 0 to 100"),
    ]
    assert ask(store.database, "SELECT comment FROM duckdb_tables()") == [("one row per ward",)]
    kinds = ask(store.database, "SELECT constraint_type, constraint_column_names FROM duckdb_constraints()")
    assert ("PRIMARY KEY", ["area_code"]) in kinds
    assert ("CHECK", ["area_code"]) in kinds


def test_parts_are_united_cast_and_sorted_by_key_whatever_the_order_of_their_columns(store: Store) -> None:
    first = pa.table({"score": [3, 1], "area_code": pa.array(["E05000003", "E05000001"]).dictionary_encode()})
    second = pa.table({"area_code": pa.array(["E05000002"], pa.large_string()), "score": pa.nulls(1)})
    store.publish([database_table(first, second)], version="v1")
    rows = [("E05000001", 1.0), ("E05000002", None), ("E05000003", 3.0)]
    assert ask(store.database, "SELECT area_code, score FROM score") == rows
    keyless = replace(database_table(first, second, first), primary_key=())
    store.publish([keyless], version="v2")
    assert ask(store.database, "SELECT * FROM score") == [rows[0], rows[0], rows[1], rows[2], rows[2]]


def test_a_table_without_parts_is_there_and_empty(store: Store) -> None:
    store.publish([database_table()], version="v1")
    assert ask(store.database, "SELECT count(*) FROM score") == [(0,)]


def test_names_and_comments_are_never_taken_for_statements(store: Store) -> None:
    table = DatabaseTable(
        name='a"; DROP TABLE b; --',
        columns=[Column('c" INTEGER); --', "VARCHAR", "it's; DROP TABLE b; --"), Column("select", "BIGINT", "''")],
        primary_key=('c" INTEGER); --',),
        comment="'; DROP TABLE b; --",
        parts=[pa.table({'c" INTEGER); --': ["'; --"], "select": [1]})],
    )
    plain = DatabaseTable("score part 0", [Column("x", "BIGINT")], (), "", [pa.table({"x": [1]}), pa.table({"x": [2]})])
    store.publish([table, plain, database_table(scores(1.0))], version="v1")
    assert ask(store.database, "SELECT table_name, comment FROM duckdb_tables() ORDER BY 1") == [
        (table.name, table.comment),
        ("score", "one row per ward"),
        ("score part 0", ""),
    ]
    assert ask(store.database, """SELECT * FROM "a""; DROP TABLE b; --" """) == [("'; --", 1)]
    comments = "SELECT comment FROM duckdb_columns() WHERE NOT internal ORDER BY table_name, column_index"
    assert ask(store.database, comments)[:2] == [("it's; DROP TABLE b; --",), ("''",)]
    assert ask(store.database, 'SELECT x FROM "score part 0"') == [(1,), (2,)]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ({"area_code": ["E05000001"] * 2, "score": [1.0, 2.0]}, 'uplicate key ".*E05000001"'),
        ({"area_code": [None], "score": [1.0]}, "NOT NULL constraint failed: score.area_code"),
        ({"area_code": ["E05"], "score": [1.0]}, "CHECK constraint failed"),
        ({"area_code": ["E05000001"], "score": ["high"]}, "Could not convert string 'high' to DOUBLE"),
        ({"area_code": ["E05000001"], "extra": [1.0]}, r"missing \['score'\], extra \['extra'\]"),
    ],
)
def test_a_table_that_breaks_its_promise_is_named_and_nothing_changes(
    store: Store, no_leftovers: Callable[[], bool], rows: dict[str, list[Any]], said: str
) -> None:
    publish(store, "v1", 1.0)
    types = {"area_code": pa.string()}
    bad = pa.table({name: pa.array(values, types.get(name)) for name, values in rows.items()})
    with pytest.raises(SpiError, match=f"able 'score' .*{said}"):
        store.publish([database_table(bad)], version="v2")
    assert store.published_version() == "v1"
    assert ask(store.database, "SELECT sum(score) FROM score") == [(2.0,)]
    assert published(store) == {"v1", "current"}
    assert no_leftovers()


def test_a_version_published_before_is_pointed_to_and_not_built_again(store: Store) -> None:
    publish(store, "v1", 1.0)
    publish(store, "v2", 2.0)
    publish(store, "v1", 99.0)
    assert store.published_version() == "v1"
    assert ask(store.database, "SELECT sum(score) FROM score") == [(2.0,)]
    assert published(store) == {"v1", "v2", "current"}


def test_the_publication_before_is_kept_and_older_ones_are_deleted(store: Store) -> None:
    for number in range(1, 5):
        publish(store, f"v{number}", float(number))
    assert published(store) == {"v3", "v4", "current"}
    publish(store, "v4", 4.0)
    assert published(store) == {"v3", "v4", "current"}


def test_a_publication_whose_database_is_gone_is_built_again(store: Store) -> None:
    (publish(store, "v1", 1.0) / "spi.duckdb").unlink()
    assert store.published_version() is None
    publish(store, "v1", 3.0)
    assert store.published_version() == "v1"
    assert ask(store.database, "SELECT sum(score) FROM score") == [(6.0,)]


def test_a_reader_keeps_the_database_it_opened_even_when_that_is_deleted(store: Store, start: Start) -> None:
    publish(store, "v1", 1.0)
    _, pipe = start(children.read_twice, store.database)
    assert pipe.recv() == [(1.0,)]
    publish(store, "v2", 2.0)
    publish(store, "v3", 3.0)
    assert published(store) == {"v2", "v3", "current"}
    pipe.send("again")
    assert pipe.recv() == [(1.0,)]
    _, later = start(children.read_twice, store.database)
    assert later.recv() == [(3.0,)]
