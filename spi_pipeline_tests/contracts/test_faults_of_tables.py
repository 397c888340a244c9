"""Faults within one table contract, by the rules of the standard or by our own."""

from __future__ import annotations

from pathlib import Path

import pytest

from spi_pipeline.contracts.errors import Fault
from spi_pipeline_tests.contracts.mutation import (
    BUS,
    CAR,
    LOCAL_HEALTH,
    assert_fault,
    case,
    change,
    faults,
    line_of,
    words,
)

TABLE = "schema.census_car_availability"


@pytest.mark.parametrize(
    ("old", "new", "at", "message"),
    [
        pytest.param(
            "status: active", "status: active\ndomian: transport", "domian",
            "'domian' is not a key of this part; nearest is 'domain', allowed are ",
            id="unknown key",
        ),
        pytest.param(
            "integer, required: true,\n         description: Households with one",
            "integer, requierd: true,\n         description: Households with one", None,
            "schema.census_car_availability.properties.one: 'requierd' is not a key of this part; "
            "nearest is 'required', allowed are ",
            id="unknown key of a column",
        ),
    ],
)  # fmt: skip
def test_a_key_outside_the_standard_is_refused(root: Path, old: str, new: str, at: str | None, message: str) -> None:
    line = change(root, CAR, old, new)
    (fault,) = faults(root)
    assert (fault.file, fault.line) == (CAR, line_of(root, CAR, at) if at else line)
    assert fault.message.startswith(message)
    assert "customProperties" in fault.message, "the keys of the standard are listed"


@pytest.mark.parametrize(
    ("file", "old", "new", "message", "at"),
    [
        case(
            "missing key", CAR,
            "kind: DataContract\n",
            "",
            "kind is missing", at="apiVersion",
        ),
        case(
            "no owner", CAR,
            "team: {name: social-progress}\n",
            "",
            "team is missing", at="apiVersion",
        ),
        case(
            "an owner Dagster could not name", CAR,
            "team: {name: social-progress}",
            "team: {name: Social Progress}",
            "team.name: 'Social Progress' is refused, string should match pattern '^[a-z][a-z0-9_-]*$'",
        ),
        case(
            "no support channel", CAR,
            "support:\n  - {channel: social-progress, tool: ticket, scope: issues, "
            "description: Issues of the repository that holds this contract}\n",
            "support: []\n",
            "support: list should have at least 1 item after validation, not 0",
        ),
        case(
            "no service level", CAR,
            "slaProperties:\n  - {property: frequency, value: decennial}\n",
            "",
            "slaProperties is missing", at="apiVersion",
        ),
        case(
            "a product without licence", "products/area.yaml",
            "  - {property: licence, value: OGL-UK-3.0}\n",
            "",
            "customProperties.licence is missing", at="customProperties:",
        ),
        case(
            "a product with an unknown licence", "products/area.yaml",
            "value: OGL-UK-3.0",
            "value: OGL-UK-3.1",
            f"'OGL-UK-3.1' is not a licence of vocabulary.yaml; nearest is 'OGL-UK-3.0', allowed are "
            f"{words('licences')}",
        ),
        case(
            "numbers without unit", CAR,
            ", {property: unit, value: households}",
            "",
            "column households: holds numbers but declares no unit; say what they count or measure",
            at="{name: households,",
        ),
        case(
            "unknown status", CAR,
            "status: active",
            "status: actve",
            "status: 'actve' is not a value of this key; nearest is 'active', "
            "allowed are active, deprecated, draft, proposed, retired",
        ),
        case(
            "older standard", CAR,
            "apiVersion: v3.1.0",
            "apiVersion: v2.2.0",
            r"apiVersion: 'v2.2.0' is refused, string should match pattern '^v3\.'",
        ),
        case(
            "missing property", CAR,
            "  - {property: mode, value: live}\n",
            "",
            "customProperties.mode is missing", at="customProperties:",
        ),
        case(
            "unknown mode", CAR,
            "mode, value: live}",
            "mode, value: frosen}",
            "customProperties.mode: 'frosen' is not a value of this key; nearest is 'frozen', "
            "allowed are frozen, live, own",
        ),
        case(
            "unknown property", CAR,
            "  - {property: mode,",
            "  - {property: colour, value: red}\n  - {property: mode,",
            "customProperties: 'colour' is not a key of this part; "
            "allowed are attribution, dataset, geography, group, licence, minimum_count, mode, months, no_total, own, "
            "period, publisher, restrictions, url, useful_life",
        ),
        case(
            "a council's own file without a minimum count", CAR,
            "mode, value: live}",
            "mode, value: own}\n  - property: own\n"
            "    value: {placed_by: ward_code, columns: [a], expires: 2030-12-31}",
            "customProperties: mode own needs the property minimum_count, the smallest count that may be shown",
            at="customProperties:",
        ),
        case(
            "a minimum count of figures by month", "sources/stop_and_search.yaml",
            "mode, value: live}",
            "mode, value: live}\n  - {property: minimum_count, value: 5}",
            "customProperties: a minimum_count does not protect figures by month, since the difference of two "
            "successive twelve-month rates reveals single months; count by year, or declare no minimum",
            at="customProperties:",
        ),
        case(
            "a minimum count of none", CAR,
            "mode, value: live}",
            "mode, value: live}\n  - {property: minimum_count, value: 0}",
            "customProperties.minimum_count: 0 is refused, input should be greater than or equal to 1",
        ),
        case(
            "a restriction of no column", LOCAL_HEALTH,
            "columns: [life_expectancy, life",
            "columns: [life_expectency, life",
            "'life_expectency' is not a column of this table; nearest is 'life_expectancy', allowed are "
            "alcohol_admissions, area_code, deaths_under_75, emergency_admissions, emergency_admissions_lower, "
            "emergency_admissions_upper, life_expectancy, life_expectancy_female, life_expectancy_lower, "
            "life_expectancy_male, life_expectancy_upper, low_birth_weight, reception_obesity, self_harm_admissions, "
            "year, year_6_obesity, year_6_obesity_lower, year_6_obesity_upper",
        ),
        case(
            "a restriction that says nothing", LOCAL_HEALTH,
            "says: non commercial use only",
            "says: ''",
            "customProperties.restrictions.1.says: '' is refused, string should have at least 1 character",
        ),
        case(
            "repeated property", CAR,
            "mode, value: live}",
            "mode, value: live}\n  - {property: mode, value: frozen}",
            "mode appears twice; keep one of them", at="value: frozen",
        ),
        case(
            "unknown property of a column", CAR,
            "[{property: concept, value: place}, ",
            "[{property: concept, value: place}, {property: units, value: m}, ",
            f"{TABLE}.properties.area_code.customProperties: 'units' is not a key of this part; "
            "nearest is 'unit', allowed are concept, mean_magnitude, published_name, unit",
        ),
        case(
            "typical size turned round", CAR,
            "[{property: concept, value: place}, ",
            "[{property: concept, value: place}, {property: mean_magnitude, value: [3, 2]}, ",
            f"{TABLE}.properties.area_code.customProperties.mean_magnitude: a typical size needs a lower end of at "
            "least 0 and a higher upper end",
        ),
        case(
            "parts by an unknown column", "products/area.yaml",
            "  - {property: levels,",
            "  - {property: parts, value: levle}\n  - {property: levels,",
            "'levle' is not a column of this table; nearest is 'level', allowed are area_code, area_name, households, "
            "level, parent_code, placed_by, population, split_lsoa_share, split_share, vintage",
        ),
        case(
            "unknown option of a type", CAR,
            "logicalTypeOptions: {minimum: 0, maximum: 2500}",
            "logicalTypeOptions: {minimun: 0}",
            f"{TABLE}.properties.households.logicalTypeOptions: 'minimun' is not a key of this part; "
            "nearest is 'minimum', allowed are format, maximum, minimum, pattern",
        ),
        case(
            "text for a number", CAR,
            "logicalTypeOptions: {minimum: 0, maximum: 2500}",
            "logicalTypeOptions: {minimum: none}",
            f"{TABLE}.properties.households.logicalTypeOptions.minimum: 'none' is refused, input should be a valid "
            "number, unable to parse string as a number",
        ),
        case(
            "empty range", CAR,
            "logicalTypeOptions: {minimum: 0, maximum: 2500}",
            "logicalTypeOptions: {minimum: 3, maximum: 2}",
            f"{TABLE}.properties.households.logicalTypeOptions: minimum 3 is above maximum 2",
        ),
        case(
            "no regular expression", CAR,
            "logicalTypeOptions: {minimum: 0, maximum: 2500}",
            'logicalTypeOptions: {pattern: "[A-Z"}',
            f"{TABLE}.properties.households.logicalTypeOptions.pattern: '[A-Z' is refused, it is not a regular "
            "expression "
            "(unterminated character set at position 0)",
        ),
        case(
            "unknown type", CAR,
            "logicalType: integer",
            "logicalType: integr",
            f"{TABLE}.properties.households.logicalType: 'integr' is not a value of this key; "
            "nearest is 'integer', allowed are boolean, date, integer, number, string, timestamp",
        ),
        case(
            "capital in a name", CAR,
            "name: two",
            "name: Two",
            f"{TABLE}.properties.Two.name: 'Two' is refused, string should match pattern '^[a-z][a-z0-9_]*$'",
        ),
        case(
            "unknown unit", CAR,
            "{property: unit, value: households}",
            "{property: unit, value: housholds}",
            f"column households: 'housholds' is not a unit of vocabulary.yaml; nearest is 'households', "
            f"allowed are {words('units')}",
        ),
        case(
            "unknown concept", CAR,
            "{property: concept, value: mobility}",
            "{property: concept, value: mobilty}",
            f"column none: 'mobilty' is not a concept of vocabulary.yaml; nearest is 'mobility', "
            f"allowed are {words('concepts')}",
        ),
        case(
            "column without concept", CAR,
            "[{property: concept, value: mobility}, ",
            "[",
            "column none declares no concept; every source column needs one", at="{name: none,",
        ),
        case(
            "unknown licence", CAR,
            "value: OGL-UK-3.0",
            "value: OGL-UK-3",
            f"'OGL-UK-3' is not a licence of vocabulary.yaml; nearest is 'OGL-UK-3.0', allowed are {words('licences')}",
        ),
        case(
            "unknown cadence", CAR,
            "value: decennial",
            "value: decenial",
            f"'decenial' is not a cadence of vocabulary.yaml; nearest is 'decennial', allowed are {words('cadences')}",
        ),
        case(
            "unknown level", CAR,
            "levels: [oa, lsoa]",
            "levels: [oa, lsao]",
            f"'lsao' is not a level of vocabulary.yaml; nearest is 'lsoa', allowed are {words('levels')}",
        ),
        case(
            "period turned round", CAR,
            'end: "2021-03-21"',
            'end: "2020-03-21"',
            "customProperties.period: start 2021-03-21 is after end 2020-03-21",
        ),
        case(
            "no date", CAR,
            'start: "2021-03-21"',
            "start: 2021-13-21",
            "customProperties.period.start: '2021-13-21' is refused, month must be in 1..12",
        ),
        case(
            "repeated column", "products/area.yaml",
            "{name: vintage,",
            "{name: area_name,",
            "column area_name appears twice; keep one of them",
        ),
        case(
            "id and file name differ", CAR,
            "id: census_car_availability",
            "id: census_cars",
            "'census_cars' must be the file's own name, 'census_car_availability'",
        ),
        case(
            "table and file name differ", CAR,
            "- name: census_car_availability",
            "- name: census_cars",
            "'census_cars' must be the file's own name, 'census_car_availability'",
        ),
    ],
)  # fmt: skip
def test_a_broken_table_contract(root: Path, file: str, old: str, new: str, message: str, at: str | None) -> None:
    assert_fault(root, file, old, new, message, at)


def test_primary_key_positions_must_count_up_from_1(root: Path) -> None:
    change(root, BUS, "primaryKeyPosition: 2", "primaryKeyPosition: 3")
    message = "primary key positions are 1, 3; they must count up from 1"
    assert faults(root) == [Fault(BUS, line_of(root, BUS, "properties:"), message)]


def test_levels_of_a_product_must_be_in_the_vocabulary(root: Path) -> None:
    line = change(root, "products/area.yaml", "[ward, authority]", "[ward, autority]")
    message = f"'autority' is not a level of vocabulary.yaml; nearest is 'authority', allowed are {words('levels')}"
    assert faults(root) == [Fault("products/area.yaml", line, message)]
