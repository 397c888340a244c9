"""Change one thing in a copy of the repository's contracts and check the faults that the loader reports."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from spi_pipeline.contracts.errors import ContractError, Fault
from spi_pipeline.contracts.loader import load_contracts

CONTRACTS = Path(__file__).resolve().parents[2] / "data_contracts"

CAR = "sources/census_car_availability.yaml"
LOCAL_HEALTH = "sources/local_health.yaml"
BUS = "sources/bus_service.yaml"
HOUSING = "indicators/housing.yaml"
RIGHTS = "indicators/rights_and_voice.yaml"
SAFETY = "indicators/safety.yaml"
CHOICE = "indicators/freedom_and_choice.yaml"
ENVIRONMENT = "indicators/environmental_quality.yaml"
# An indicator for the tests only: the index has none as simple.
CARS = """  - id: no_car
    title: Households without a car (%)
    description: Households with no car or van of their own.
    unit: percent
    direction: lower_is_better
    source: census_car_availability
    measure: {kind: share, columns: [none], denominator: {column: households}}
    goalposts: {source: reference}
    plausible: {minimum: 0, maximum: 95}
    limits: Some live without one by choice.
"""
CONTEXT = """peers: {measure: income_deprived, count: 5, floor: 1}
composition: {given: income_deprived, measures: [income_deprived]}
measures:
  - id: income_deprived
    title: People in income deprivation (%)
    description: Residents in families that live on a low income.
    unit: percent
    source: deprivation_2025
    measure:
      kind: rate
      columns: [income_deprived_people]
      denominator: {source: census_residents, column: residents}
      per: 100
    plausible: {minimum: 0, maximum: 100}
    limits: Rounded to five.
decade:
  - measure: no_car
    source: census_overcrowding
    columns: [standard]
    denominator: {column: households}
    limits: Not the same at all.
"""


def case(name: str, file: str, old: str, new: str, message: str, at: str | None = None) -> Any:
    """Parameters of ``assert_fault``; ``at`` is text on the expected line, if that is not the changed line."""
    return pytest.param(file, old, new, message, at, id=name)


def assert_fault(root: Path, file: str, old: str, new: str, message: str, at: str | None) -> None:
    """The change gives exactly one fault, with the expected file, line and message."""
    line = change(root, file, old, new)
    assert faults(root) == [Fault(file, line_of(root, file, at) if at else line, message)]


def change(root: Path, file: str, old: str, new: str) -> int:
    """Replace the first ``old`` in a file; returns the first line that differs, counted from 1."""
    before = (root / file).read_text(encoding="utf-8")
    after = before.replace(old, new, 1)
    assert after != before, f"{file} no longer holds {old!r}"
    (root / file).write_text(after, encoding="utf-8")
    lines = zip(before.splitlines(), after.splitlines(), strict=False)
    return next(number for number, (one, other) in enumerate(lines, start=1) if one != other)


def line_of(root: Path, file: str, text: str) -> int:
    """The number of the first line of a file that contains a text."""
    lines = (root / file).read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, start=1) if text in line)


def faults(root: Path) -> list[Fault]:
    """Every fault of a folder, in the order in which the error lists them."""
    with pytest.raises(ContractError) as caught:
        load_contracts(root)
    assert str(caught.value) == "\n".join(str(fault) for fault in caught.value.faults)
    return caught.value.faults


def words(kind: str) -> str:
    """The words of one kind in the vocabulary, as a message lists them."""
    vocabulary = yaml.safe_load((CONTRACTS / "vocabulary.yaml").read_text(encoding="utf-8"))
    return ", ".join(sorted(vocabulary[kind]))


def names(root: Path, folder: str) -> str:
    """The contracts of a folder as a message lists them."""
    return ", ".join(sorted(file.stem for file in (root / folder).glob("*.yaml")))
