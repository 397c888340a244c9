"""Faults of corrections: names that do not exist, and corrections that change nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from spi_pipeline.contracts.errors import Fault
from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline_tests.contracts.mutation import faults

GOOD = """\
corrections:
  - id: nobody_without_a_car
    where: {area_code: E01015693}
    column: none
    expected: 22
    value: 23
    reason: The table of 30 March gives another figure than the one before it.
    since: 2026-11-01
    status: reported
"""
FILE = "corrections/census_car_availability.yaml"


def write(root: Path, text: str, file: str = FILE) -> None:
    (root / "corrections").mkdir(exist_ok=True)
    (root / file).write_text(text, encoding="utf-8")


def test_a_valid_correction_is_loaded(root: Path) -> None:
    write(root, GOOD)
    (correction,) = load_contracts(root).corrections["census_car_availability"]
    assert (correction.where, correction.column, correction.expected, correction.value) == (
        {"area_code": "E01015693"},
        "none",
        22,
        23,
    )


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("column: none", "column: non", 2, "'non' is not a column of census_car_availability; nearest is 'none'"),
        ("{area_code: E01015693}", "{households: 5}", 2, "where must name the whole key, area_code is missing"),
        ("expected: 22", "expected: 23", 2, "there is nothing to correct"),
        ("column: none", "column: area_code", 2, "area_code both singles out the row and is corrected"),
        ("2026-11-01", "2026-11-31", 8, "since"),
        ("reported", "known", 9, "'known' is not a value of this key"),
    ],
    ids=["column", "key", "nothing", "own_key", "day", "status"],
)
def test_an_invalid_correction_is_refused(root: Path, old: str, new: str, line: int, message: str) -> None:
    write(root, GOOD.replace(old, new))
    (fault,) = faults(root)
    assert (fault.file, fault.line) == (FILE, line)
    assert message in fault.message


def test_a_second_correction_of_a_cell_is_refused(root: Path) -> None:
    write(root, GOOD + GOOD.split("\n", 1)[1].replace("nobody_without", "somebody_without"))
    message = "correction somebody_without_a_car: its id or its cell appears twice; keep one"
    assert faults(root) == [Fault(FILE, 10, message)]


def test_corrections_of_an_unknown_source_are_refused(root: Path) -> None:
    write(root, GOOD, "corrections/census_cars.yaml")
    (fault,) = faults(root)
    assert fault.message.startswith("is named after no source; 'census_cars' is not a source; nearest is 'census_")
