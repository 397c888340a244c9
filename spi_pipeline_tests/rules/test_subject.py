from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from spi_pipeline.contracts.models.tables import LOGICAL_TYPES
from spi_pipeline.rules.evaluation import evaluate
from spi_pipeline.rules.subject import Subject
from spi_pipeline_tests.rules.cases import rule

DAY, MOMENT = dt.date(2021, 1, 1), dt.datetime(2021, 1, 1)


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (pa.array(["1"]), "string"),
        (pa.array(["1"], pa.large_string()), "string"),
        (pa.array(["1"]).dictionary_encode(), "string"),
        (pa.array([1, None]), "integer"),
        (pa.array([1], pa.uint8()), "integer"),
        (pa.array([1.0, None]), "number"),
        (pa.array([1.0], pa.float32()), "number"),
        (pa.array([float("nan")]), "number"),
        (pa.array([float("-inf")]), "number with infinity"),
        (pa.array([Decimal("1.5")]), "number"),
        (pa.array([True, None]), "boolean"),
        (pa.array([DAY]), "date"),
        (pa.array([MOMENT]), "timestamp"),
        (pa.array([MOMENT], pa.timestamp("s", "UTC")), "timestamp"),
        (pa.array([b"1"]), "binary"),
        (pa.array([None]), "null"),
        (pa.array([["1"]]), "list<item: string>"),
    ],
)
def test_types_are_read_from_arrow(values: pa.Array, found: str) -> None:
    assert Subject.of(pa.table({"x": values})).types["x"].startswith(found)


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (pd.Series(["1", "2"]), "string"),
        (pd.Series(["1", "2"], dtype=object), "string"),
        (pd.Series(["1", None], dtype="category"), "string"),
        (pd.Series([1, 2]), "integer"),
        (pd.Series([1, None], dtype="Int64"), "integer"),
        (pd.Series([1.0, None]), "number"),
        (pd.Series([1.0, 2.0]), "number"),
        (pd.Series([1.0, np.inf]), "number with infinity"),
        (pd.Series([True, None], dtype="boolean"), "boolean"),
        (pd.Series([True, None], dtype=object), "boolean"),
        (pd.Series([DAY]), "date"),
        (pd.Series([MOMENT]), "timestamp"),
        (pd.Series([b"1"]), "binary"),
        (pd.Series([1, "1"], dtype=object), "values of several types"),
        (pd.Series([None, None], dtype=object), "null"),
    ],
)
def test_types_of_a_frame_are_what_it_holds(values: pd.Series, found: str) -> None:
    assert Subject.of(pd.DataFrame({"x": values})).types["x"] == found


SAMPLES: dict[str, pa.Array] = {
    "string": pa.array(["1"]),
    "integer": pa.array([1]),
    "number": pa.array([1.0]),
    "boolean": pa.array([True]),
    "date": pa.array([DAY]),
    "timestamp": pa.array([MOMENT]),
    "binary": pa.array([b"1"]),
}


def test_a_type_fits_itself_and_whole_numbers_are_numbers() -> None:
    promised = {f"{found}_for_{wanted}": wanted for found in SAMPLES for wanted in LOGICAL_TYPES}
    table = pa.table({name: SAMPLES[name.split("_for_")[0]] for name in promised})
    fitting = [*(f"{name}_for_{name}" for name in LOGICAL_TYPES), "integer_for_number"]
    rules = [
        replace(rule("types", *columns, types=promised), id=name)
        for name, columns in (("all", promised), ("fitting", fitting))
    ]
    every, fits = evaluate(table, rules, table_name="example")
    assert fits.outcome == "passed"
    # So the 41 that do not fit are all the others.
    assert every.observed.startswith("41 of 49 columns of another type: string_for_integer holds string, not integer, ")
    assert every.observed.endswith(" and 31 more")
    assert len(every.failing_rows) == 10


def test_text_that_looks_like_numbers_is_no_number() -> None:
    frame = pd.DataFrame({"x": ["1", "2"], "y": [1.0, 2.0]})
    asked = rule("types", "x", "y", types={"x": "number", "y": "integer"})
    (result,) = evaluate(frame, [asked], table_name="example")
    assert result.observed == (
        "2 of 2 columns of another type: x holds string, not number, y holds number, not integer"
    )


def test_a_column_without_values_has_no_type() -> None:
    frame: Any = pd.DataFrame({"x": [None]}, dtype=object)
    (result,) = evaluate(frame, [rule("types", "x", types={"x": "string"})], table_name="example")
    assert (result.outcome, result.observed) == ("failed", "1 of 1 column of another type: x holds null, not string")


def test_the_frame_handed_in_is_left_alone() -> None:
    frame = pd.DataFrame({1: [1]}, index=[5])
    assert list(Subject.of(frame).frame.columns) == ["1"]
    assert frame.columns.equals(pd.Index([1]))
    assert list(frame.index) == [5]
