"""Data frames become Arrow tables typed by the contract, and values that break the contract stay visible."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spi_pipeline.contracts.arrow import ARROW_TYPES, SQL_TYPES, arrow_schema, to_arrow
from spi_pipeline.contracts.models.tables import LOGICAL_TYPES, Column, LogicalType, Table

cells = (
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.floats(allow_nan=False)
    | st.text(max_size=3)
    | st.binary(max_size=2)
)


def contract(**types: LogicalType) -> Table:
    columns = tuple(Column(name, kind, f"the {name}", key=int(name == "code")) for name, kind in types.items())
    return Table("some", "Some", "1.0.0", "team", "channel", "ogl", "once", "", "", "sources/some.yaml", columns)


def converted(values: Any, kind: LogicalType) -> pa.ChunkedArray:
    return to_arrow(pd.DataFrame({"x": values}), contract(x=kind)).column("x")


def test_every_logical_type_has_an_arrow_type_and_a_sql_type() -> None:
    assert set(ARROW_TYPES) == set(SQL_TYPES) == set(LOGICAL_TYPES)


def test_the_schema_follows_the_contract() -> None:
    table = Table(
        "some", "Some", "1.0.0", "team", "channel", "ogl", "once", "", "", "sources/some.yaml",
        (Column("code", "string", "Code", required=True, key=1), Column("n", "integer", "How many")),
    )  # fmt: skip
    schema = arrow_schema(table)
    assert schema.names == ["code", "n"]
    assert schema.types == [pa.string(), pa.int64()]
    assert [field.nullable for field in schema] == [False, True]
    assert schema.field("n").metadata == {b"description": b"How many"}


def test_columns_come_in_contract_order_typed_and_described() -> None:
    frame = pd.DataFrame({"n": [1.0, 2.0], "code": ["a", "b"], "share": [1, 2]})
    table = to_arrow(frame, contract(code="string", n="integer", share="number"))
    assert table.column_names == ["code", "n", "share"]
    assert table.schema.types == [pa.string(), pa.int64(), pa.float64()]
    assert table.schema.field("code").metadata == {b"description": b"the code"}
    assert table.to_pydict() == {"code": ["a", "b"], "n": [1, 2], "share": [1.0, 2.0]}


def test_missing_columns_stay_missing_and_unknown_ones_come_last() -> None:
    frame = pd.DataFrame({"extra": ["x"], "code": ["a"], "more": [1.5]})
    table = to_arrow(frame, contract(code="string", n="integer"))
    assert table.column_names == ["code", "extra", "more"]
    assert table.schema.field("more").type == pa.float64()


def test_a_duplicate_column_stays_duplicated() -> None:
    frame = pd.DataFrame([["a", 1, 2]], columns=["code", "n", "n"])
    table = to_arrow(frame, contract(n="integer", code="string"))
    assert table.column_names == ["n", "n", "code"]
    assert [column.to_pylist() for column in table.columns] == [[1], [2], ["a"]]


@pytest.mark.parametrize("kind", ["integer", "number", "boolean", "date", "timestamp", "binary"])
def test_text_stays_text_under_every_contract_type(kind: LogicalType) -> None:
    column = converted(["12", None, "2024-01-01"], kind)
    assert pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    assert column.to_pylist() == ["12", None, "2024-01-01"]


def test_text_among_numbers_makes_the_column_text_and_keeps_its_nulls() -> None:
    column = converted(pd.Series([1, "suppressed", None, np.nan], dtype=object), "integer")
    assert column.type == pa.string()
    assert column.to_pylist() == ["1", "suppressed", None, None]


def test_numbers_stay_numbers_in_a_text_column() -> None:
    assert converted([1, 2], "string").type == pa.int64()


def test_integers_with_nulls_are_integers() -> None:
    for values in ([1.0, np.nan, 3.0], pd.array([1, None, 3], dtype="Int64"), pd.Series([1, None, 3], dtype=object)):
        column = converted(values, "integer")
        assert column.type == pa.int64()
        assert column.to_pylist() == [1, None, 3]


def test_fractions_are_not_truncated_to_integers() -> None:
    column = converted([1.0, 2.5, np.nan], "integer")
    assert column.type == pa.float64()
    assert column.to_pylist() == [1.0, 2.5, None]


def test_infinite_counts_stay_visible() -> None:
    assert converted([1.0, float("inf")], "integer").to_pylist() == [1.0, float("inf")]


def test_dates_and_times() -> None:
    day = dt.date(2021, 3, 21)
    assert converted([day, None], "date").to_pylist() == [day, None]
    assert converted(pd.to_datetime(["2021-03-21"]), "date").to_pylist() == [day]
    utc = converted(pd.to_datetime(["2021-03-21T10:00:00Z", None]), "timestamp")
    assert utc.type == pa.timestamp("us", tz="UTC")
    assert utc.to_pylist() == [dt.datetime(2021, 3, 21, 10, tzinfo=dt.UTC), None]


def test_a_time_of_day_is_not_dropped_to_make_a_date() -> None:
    column = converted(pd.to_datetime(["2021-03-21 10:30"]), "date")
    assert pa.types.is_timestamp(column.type)
    assert column.to_pylist() == [dt.datetime(2021, 3, 21, 10, 30)]


def test_bytes_and_truth_values() -> None:
    assert converted([b"\x00\x01", None], "binary").to_pylist() == [b"\x00\x01", None]
    assert converted([True, False], "boolean").type == pa.bool_()
    assert converted([True, False], "integer").type == pa.bool_(), "truth values are not counts"


@pytest.mark.parametrize("kind", LOGICAL_TYPES)
def test_a_column_of_nulls_has_the_type_of_its_contract(kind: LogicalType) -> None:
    column = converted([None, None], kind)
    assert column.type == ARROW_TYPES[kind]
    assert column.null_count == 2
    assert converted(pd.Series([], dtype=object), kind).type == ARROW_TYPES[kind]


def test_categories_become_their_texts() -> None:
    column = converted(pd.Series(["a", "b", None], dtype="category"), "string")
    assert column.type == pa.string()
    assert column.to_pylist() == ["a", "b", None]


@given(
    integers=st.lists(st.none() | st.integers(-(2**53), 2**53), max_size=6),
    kind=st.sampled_from(["integer", "number"]),
)
def test_whole_numbers_and_their_nulls_survive(integers: list[int | None], kind: LogicalType) -> None:
    assert converted(pd.array(integers, dtype="Int64"), kind).to_pylist() == integers


@given(
    values=st.lists(cells, max_size=5),
    kind=st.sampled_from(LOGICAL_TYPES),
)
def test_every_mixture_of_values_converts_without_loss(values: list[Any], kind: LogicalType) -> None:
    column = converted(pd.Series(values, dtype=object), kind)
    assert len(column) == len(values)
    assert [value is None for value in column.to_pylist()] == [value is None for value in values]
    for result, original in zip(column.to_pylist(), values, strict=True):
        # A mixture becomes text, except that text among bytes becomes bytes.
        assert result in (original, str(original), str(original).encode())
