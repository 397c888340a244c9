"""Column types that rules read from Arrow tables, the types that fit each other, and distinct column names."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import duckdb
import pyarrow as pa
import pytest

from spi_pipeline.contracts.models.tables import LOGICAL_TYPES
from spi_pipeline.rules.evaluation import evaluate
from spi_pipeline.rules.table import Table, distinct_names
from spi_pipeline_tests.rules.cases import rule

DAY, MOMENT = dt.date(2021, 1, 1), dt.datetime(2021, 1, 1)


@pytest.mark.parametrize(
    ("values", "actual"),
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
def test_types_are_read_from_arrow(values: pa.Array, actual: str) -> None:
    with duckdb.connect() as connection:
        assert Table(pa.table({"x": values}), connection).types["x"].startswith(actual)


SAMPLES: dict[str, pa.Array] = {
    "string": pa.array(["1"]),
    "integer": pa.array([1]),
    "number": pa.array([1.0]),
    "boolean": pa.array([True]),
    "date": pa.array([DAY]),
    "timestamp": pa.array([MOMENT]),
    "binary": pa.array([b"1"]),
}


def test_a_type_fits_itself_and_integers_fit_numbers() -> None:
    promised = {f"{actual}_for_{expected}": expected for actual in SAMPLES for expected in LOGICAL_TYPES}
    table = pa.table({name: SAMPLES[name.split("_for_")[0]] for name in promised})
    fitting = [*(f"{name}_for_{name}" for name in LOGICAL_TYPES), "integer_for_number"]
    rules = [
        replace(rule("types", *columns, types=promised), id=name)
        for name, columns in (("all", promised), ("fitting", fitting))
    ]
    every, fits = evaluate(table, rules, table_name="example")
    assert fits.outcome == "passed"
    # So the other 41 columns are exactly those that do not fit.
    assert every.observed.startswith("41 of 49 columns of another type: string_for_integer holds string, not integer, ")
    assert every.observed.endswith(" and 31 more")
    assert len(every.failing_rows) == 10


def test_duplicate_names_are_made_distinct() -> None:
    assert distinct_names(["a", "b", "a", "a"]) == ["a", "b", "a (again)", "a (again) (again)"]
