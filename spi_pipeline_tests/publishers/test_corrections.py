"""Corrections change the cell they name, or fail."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.corrections import Correction
from spi_pipeline.snapshot.corrections import correct

TABLE = pa.table({"area_code": ["a", "b", "b"], "year": [2024, 2024, 2025], "people": [1, 2, None]})
SOURCE: Any = SimpleNamespace(id="people")


def one(**change: Any) -> Correction:
    stated = {
        "id": "typing_error", "where": {"area_code": "b", "year": 2024}, "column": "people", "expected": 2, "value": 20,
        "reason": "The publisher's own note of May says twenty.", "since": "2026-11-01", "status": "reported",
    }  # fmt: skip
    return Correction(**(stated | change))


def test_a_correction_changes_exactly_one_cell() -> None:
    found = correct(TABLE, SOURCE, [one()])
    assert found["people"].to_pylist() == [1, 20, None]
    assert found.drop(["people"]).equals(TABLE.drop(["people"]))
    assert found.schema == TABLE.schema


def test_a_cell_can_be_emptied_and_filled() -> None:
    empty = one(id="empty", where={"area_code": "b", "year": 2025}, expected=None, value=3)
    assert correct(TABLE, SOURCE, [one(value=None), empty])["people"].to_pylist() == [1, None, 3]


def test_the_reverse_correction_restores_the_table() -> None:
    back = one(expected=20, value=2)
    assert correct(correct(TABLE, SOURCE, [one()]), SOURCE, [back]).equals(TABLE)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"expected": 3}, "expects people 3 and finds 2: the publisher has changed it"),
        ({"where": {"area_code": "c", "year": 2024}}, "must match one row and matches 0"),
        ({"where": {"area_code": "b"}}, "must match one row and matches 2"),
        ({"where": {"ward": "b"}}, "names ward, which the table lacks"),
        ({"where": {"year": "this year"}}, "is 'this year', but the column holds int64"),
        ({"value": "many"}, "puts 'many' into people, which holds int64"),
    ],
    ids=["other_figure", "no_row", "two_rows", "no_column", "other_type", "other_type_of_value"],
)
def test_a_correction_that_no_longer_applies_fails(change: dict[str, Any], expected: str) -> None:
    with pytest.raises(SpiError, match=r"corrections/people\.yaml: typing_error") as failure:
        correct(TABLE, SOURCE, [one(**change)])
    assert expected in str(failure.value)
