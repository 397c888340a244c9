"""A council's targets: the indicators and authorities they name must exist, and their values be plausible."""

from __future__ import annotations

from pathlib import Path

import pytest

from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline_tests.contracts.mutation import assert_fault, case, change, faults

FILE = "targets.yaml"
TWO = """targets:
  - id: crowding_2040
    authority: E06000032
    indicator: overcrowded_homes
    value: 8
    year: 2040
    source: A plan of 2020
  - {id: less_burglary, authority: E06000032, indicator: burglary, value: 4, year: 2030, source: Another plan}
"""


@pytest.fixture
def with_targets(root: Path) -> Path:
    (root / FILE).write_text(TWO, encoding="utf-8")
    return root


def test_valid_targets_are_loaded(with_targets: Path) -> None:
    assert [(one.indicator, one.value, one.year) for one in load_contracts(with_targets).targets.targets] == [
        ("overcrowded_homes", 8.0, 2040), ("burglary", 4.0, 2030),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("file", "old", "new", "message", "at"),
    [
        case("an id twice", FILE, "{id: less_burglary", "{id: crowding_2040",
             "the id 'crowding_2040' is already used; choose another"),
        case("no source", FILE, "    source: A plan of 2020\n", "", "targets.crowding_2040.source is missing",
             "id: crowding_2040"),
        case("long ago", FILE, "year: 2040", "year: 1940",
             "targets.crowding_2040.year: 1940 is refused, input should be greater than or equal to 2000"),
        case("no plausible value", FILE, "value: 8", "value: 800",
             "target crowding_2040: 800 is not a plausible value of overcrowded_homes, which lies between 0 and "
             "60; correct the value or its unit"),
    ],
)  # fmt: skip
def test_a_broken_entry(with_targets: Path, file: str, old: str, new: str, message: str, at: str | None) -> None:
    assert_fault(with_targets, file, old, new, message, at)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("indicator: overcrowded_homes", "indicator: overcrowded_home",
         "target crowding_2040: 'overcrowded_home' is not an indicator; nearest is 'overcrowded_homes'"),
        ("    authority: E06000032", "    authority: E06000033",
         "target crowding_2040: 'E06000033' is not an authority of geography.yaml; nearest is 'E06000032'"),
    ],
)  # fmt: skip
def test_an_unknown_name_is_refused(with_targets: Path, old: str, new: str, message: str) -> None:
    line = change(with_targets, FILE, old, new)
    (fault,) = faults(with_targets)
    assert (fault.file, fault.line) == (FILE, line)
    assert fault.message.startswith(message)
