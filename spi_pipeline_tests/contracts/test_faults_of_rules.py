"""Faults of quality rules: rules that could not be evaluated or could never fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from spi_pipeline.contracts.errors import Fault
from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline_tests.contracts.mutation import CAR, assert_fault, case, change, faults, line_of

ROW_COUNT = "      - {id: row_count, type: library, metric: rowCount, mustBeGreaterOrEqualTo: 1, severity: error}\n"


@pytest.mark.parametrize(
    ("file", "old", "new", "message", "at"),
    [
        case(
            "unknown kind of rule", CAR,
            "rule: not_constant",
            "rule: constant",
            "rule none_varies: 'constant' is not a kind of rule; nearest is 'not_constant', "
            "allowed are adds_up, agrees_with_total, between, coverage, empty, key, known_areas, no_gaps, "
            "not_constant, null_share, null_together, part_of_whole, totals",
        ),
        case(
            "unknown severity", CAR,
            "severity: warning",
            "severity: warn",
            "schema.census_car_availability.quality.none_varies.severity: 'warn' is not a value of this key; "
            "nearest is 'warning', allowed are error, warning",
        ),
        case(
            "rule on an unknown column", CAR,
            "columns: [none, households]",
            "columns: [nones, households]",
            "rule none_within_households: 'nones' is not a column of this table; nearest is 'none', "
            "allowed are area_code, households, none, one, three_or_more, two",
        ),
        case(
            "part without whole", CAR,
            "columns: [none, households]",
            "columns: [none]",
            "rule none_within_households: columns: list should have at least 2 items after validation, not 1",
        ),
        case(
            "parameter of another kind", CAR,
            "{rule: not_constant, columns: [none]}",
            "{rule: not_constant, columns: [none], max_share: 1}",
            "rule none_varies: 'max_share' is not a key of this part; allowed are columns, rule",
        ),
        case(
            "missing parameter", CAR,
            "{rule: not_constant, columns: [none]}",
            "{rule: null_share, columns: [none]}",
            "rule none_varies: max_share is missing",
        ),
        case(
            "coverage of areas nobody lists", "sources/stop_and_search.yaml",
            "{rule: null_share, columns: [longitude], max_share: 0.3}",
            "{rule: coverage, columns: [month]}",
            "rule few_without_a_place: there is no list of these areas; declare geographies, or drop the rule",
        ),
        case(
            "codes of an unknown set", CAR,
            "{rule: not_constant, columns: [none]}",
            "{rule: known_areas, columns: [area_code], geographies: [oa2]}",
            "rule none_varies: geographies.1: 'oa2' is not a value of this key; nearest is 'oa21', "
            "allowed are authority, lsoa11, lsoa21, msoa11, msoa21, oa21, ward",
        ),
        case(
            "group by an unknown column", CAR,
            "{rule: not_constant, columns: [none]}",
            "{rule: totals, columns: [none], by: [area], total: 1}",
            "rule none_varies: 'area' is not a column of this table; nearest is 'area_code', "
            "allowed are area_code, households, none, one, three_or_more, two",
        ),
        case(
            "range without ends", CAR,
            "{rule: not_constant, columns: [none]}",
            "{rule: between, columns: [none]}",
            "rule none_varies: a range states min, max or both",
        ),
        case(
            "repeated rule", CAR,
            "id: none_varies",
            "id: row_count",
            "rule id 'row_count' is used already; rename this rule",
        ),
        case(
            "rule named like an implied one", CAR,
            "id: none_varies",
            "id: types",
            "rule id 'types' is used already; rename this rule",
        ),
        case(
            "row count without lower end", CAR,
            "mustBeGreaterOrEqualTo: 1",
            "mustBeLessOrEqualTo: 1",
            "rule row_count: a row count states mustBe, mustBeBetween or mustBeGreaterOrEqualTo",
        ),
        case(
            "row count by another bound", CAR,
            "mustBeGreaterOrEqualTo: 1",
            "mustBeGreaterThan: 1",
            "rule row_count: 'mustBeGreaterThan' is not a key of this part; nearest is 'mustBeGreaterOrEqualTo', "
            "allowed are mustBe, mustBeBetween, mustBeGreaterOrEqualTo, mustBeLessOrEqualTo",
        ),
        case(
            "rule of another engine", CAR,
            "type: custom, engine: spi",
            "type: custom, engine: soda",
            "schema.census_car_availability.quality.none_within_households.engine: 'soda' is not a value of this key; "
            "allowed are spi",
        ),
    ],
)  # fmt: skip
def test_a_broken_rule(root: Path, file: str, old: str, new: str, message: str, at: str | None) -> None:
    assert_fault(root, file, old, new, message, at)


def test_a_table_needs_a_rule_that_notices_emptiness(root: Path) -> None:
    change(root, CAR, ROW_COUNT, "")
    change(root, CAR, "{rule: coverage, columns: [area_code], min_share: 0.95}", "{rule: not_constant, columns: [one]}")
    message = "the table has neither a row-count nor a coverage rule, so an empty table would go unnoticed; add one"
    assert faults(root) == [Fault(CAR, line_of(root, CAR, "- name: census_car_availability"), message)]


def test_a_row_count_that_cannot_fail_is_refused(root: Path) -> None:
    change(root, CAR, ROW_COUNT, ROW_COUNT.replace("To: 1", "To: 0"))
    change(root, CAR, "{rule: coverage, columns: [area_code], min_share: 0.95}", "{rule: not_constant, columns: [one]}")
    message = "no rule on rows or coverage can fail on an empty table; let a row count begin at 1"
    assert faults(root) == [Fault(CAR, line_of(root, CAR, "- name: census_car_availability"), message)]


def test_rules_of_a_product_in_parts_must_count_by_part(root: Path) -> None:
    area = "products/area.yaml"
    change(root, area, "  - {property: levels,", "  - {property: parts, value: level}\n  - {property: levels,")
    change(root, area, "min_share: 1.0", "min_share: 1.0, by: [level]")
    message = (
        "rule wards_have_parents: the table is split into parts by level, which are judged together; add by: [level]"
    )
    assert faults(root) == [Fault(area, line_of(root, area, "{rule: null_share"), message)]
    change(root, area, "max_share: 0.5", "max_share: 0.5, by: [level]")
    load_contracts(root)


@pytest.mark.parametrize(
    ("file", "old", "new", "message", "at"),
    [
        case(
            "a range on text", CAR,
            "{rule: not_constant, columns: [none]}",
            "{rule: between, columns: [area_code], max: 5}",
            "rule none_varies can never be judged: column area_code holds string, not numbers; "
            "drop it or correct the column",
            "id: none_varies",
        ),
        case(
            "a range of days on numbers", CAR,
            "{rule: not_constant, columns: [none]}",
            "{rule: between, columns: [none], max: 2021-01-01}",
            "rule none_varies can never be judged: column none holds integer, not days; drop it or correct the column",
            "id: none_varies",
        ),
        case(
            "codes in a column of numbers", CAR,
            "{rule: not_constant, columns: [none]}",
            "{rule: known_areas, columns: [none], geographies: [ward]}",
            "rule none_varies can never be judged: column none holds integer, not text; drop it or correct the column",
            "id: none_varies",
        ),
    ],
)  # fmt: skip
def test_a_rule_that_cannot_be_evaluated_is_refused(
    root: Path, file: str, old: str, new: str, message: str, at: str
) -> None:
    assert_fault(root, file, old, new, message, at)
