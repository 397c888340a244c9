"""Each mutation, checked by hand on a small table."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pytest

from spi_pipeline.contracts.models.tables import Column, Table
from spi_pipeline.contracts.models.vocabulary import Unit
from spi_pipeline_tests.mutations.kinds import mutations
from spi_pipeline_tests.mutations.report import known_as_missed

COLUMNS = (
    Column("ward", "string", "Ward", required=True, key=1),
    Column("share", "number", "Share", unit="percent"),
    Column("count", "integer", "How many", unit="people"),
    Column("day", "date", "When"),
)
CONTRACT = Table("some", "Some", "1.0.0", "team", "channel", "ogl", "once", "", "", "sources/some.yaml", COLUMNS)
UNITS = {"percent": Unit(title="%", minimum=0, maximum=100), "people": Unit(title="people", minimum=0)}
DAY = dt.date(2021, 3, 21)
ROWS = pa.table(
    {
        "ward": ["E05000001", "E05000002", "E05000003"],
        "share": [1.0, 2.0, None],
        "count": [100, 300, 250],
        "day": [DAY, DAY, None],
    }
)
MUTATIONS = {
    (m.column, m.kind): (m.sure, m.change(ROWS))
    for m in mutations("some", ROWS, CONTRACT, UNITS, ["E05900001", "E05900002"])
}


@pytest.mark.parametrize(
    ("column", "kind", "values"),
    [
        ("ward", "retyped", [0, 1, 2]),
        ("share", "retyped", ["1.0", "2.0", None]),
        ("share", "×100", [100.0, 200.0, None]),
        ("count", "×0.01", [1, 3, 2]),
        ("count", "retyped to fractions", [100.5, 300.5, 250.5]),
        ("count", "shifted out of range", [3100, 3300, 3250]),
        ("count", "one value shifted out of range", [100, 3300, 250]),
        ("count", "every tenth value nulled", [None, 300, 250]),
        ("day", "nulled", [None, None, None]),
        ("day", "one value shifted out of range", [DAY, DAY + dt.timedelta(days=36525), None]),
        ("ward", "codes swapped to old wards", ["E05900001", "E05900002", "E05900001"]),
        ("ward", "one code swapped to an old ward", ["E05900001", "E05000002", "E05000003"]),
    ],
)
def test_columns(column: str, kind: str, values: list[object]) -> None:
    changed = MUTATIONS[column, kind][1]
    assert changed[column].to_pylist() == values
    assert changed.drop_columns([column]).equals(ROWS.drop_columns([column])), "nothing else is spoilt"


@pytest.mark.parametrize(
    ("kind", "counts"),
    [
        ("all rows dropped", []),
        ("every second row dropped", [300]),
        ("every tenth row dropped", [300, 250]),
        ("rows doubled", [100, 300, 250] * 2),
        ("one row doubled", [100, 300, 250, 300]),
    ],
)
def test_rows(kind: str, counts: list[int]) -> None:
    assert MUTATIONS["", kind][1]["count"].to_pylist() == counts


def test_columns_dropped_and_doubled() -> None:
    assert MUTATIONS["share", "column dropped"][1].column_names == ["ward", "count", "day"]
    assert MUTATIONS["share", "column doubled"][1].column_names == ["ward", "share", "count", "day", "share"]


def test_mutations_that_may_never_be_missed() -> None:
    sure = {name: word for name, (word, _) in MUTATIONS.items() if word}
    assert sure == {
        **{(column.name, "column dropped"): "missing column" for column in COLUMNS},
        **{(column.name, "retyped"): "retyped" for column in COLUMNS},
        ("count", "retyped to fractions"): "retyped",
        ("ward", "nulled"): "null in a required column",
        ("ward", "every tenth value nulled"): "null in a required column",
        ("share", "×100"): "×100 on a bounded unit",
        ("", "rows doubled"): "duplicate key",
        ("", "one row doubled"): "duplicate key",
        ("ward", "codes swapped to old wards"): "old ward code",
        ("ward", "one code swapped to an old ward"): "old ward code",
    }


def test_a_change_without_effect_is_not_a_mutation() -> None:
    empty = pa.table({"ward": ["a"], "share": [0.0], "count": pa.array([None], pa.int64()), "day": [DAY]})
    kinds = {(m.column, m.kind) for m in mutations("some", empty, CONTRACT, UNITS, ["E05900001"])}
    assert (
        not {("share", "×100"), ("count", "nulled"), ("count", "×100"), ("ward", "codes swapped to old wards")} & kinds
    )
    assert ("share", "shifted out of range") in kinds


def test_the_table_of_missed_mutations_is_read_as_it_is_written() -> None:
    table = "| Table | Column | Mutations missed | Why |\n| --- | --- | --- | --- |\n"
    table += (
        "| `weight`, 11 of 16 tables | `n` | ×100, ×0.01 | plausible |\n| `wards` | rows | all rows dropped | none |"
    )
    assert known_as_missed(table) == {
        ("weight", "n", "×100"),
        ("weight", "n", "×0.01"),
        ("wards", "", "all rows dropped"),
    }
