"""Faults between contracts: names in one file that must exist in another."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from spi_pipeline.contracts.errors import Fault
from spi_pipeline_tests.contracts.mutation import (
    BUS,
    CAR,
    CHOICE,
    CONTEXT,
    CONTRACTS,
    ENVIRONMENT,
    HOUSING,
    LOCAL_HEALTH,
    RIGHTS,
    SAFETY,
    assert_fault,
    case,
    change,
    faults,
    line_of,
    names,
    words,
)

CRIME_TYPES = (
    "Anti-social behaviour, Bicycle theft, Burglary, Criminal damage and arson, Drugs, Other crime, Other theft, "
    "Possession of weapons, Public order, Robbery, Shoplifting, Theft from the person, Vehicle crime, "
    "Violence and sexual offences"
)
OUTCOMES = (
    "care, connectivity, crowding, education, environment, health, housing_quality, inclusion, mobility, "
    "participation, rights, safety, sanitation, skills"
)


@pytest.mark.parametrize(
    ("file", "old", "new", "message", "at"),
    [
        case(
            "a rate per another number than its unit", SAFETY,
            "per: 1000",
            "per: 100",
            "indicator road_collisions: per is 100, a rate in per_1000_residents is per 1000; correct one",
        ),
        case(
            "unknown unit", HOUSING,
            "unit: percent",
            "unit: percnt",
            f"indicator overcrowded_homes: 'percnt' is not a unit of vocabulary.yaml; nearest is 'percent', "
            f"allowed are {words('units')}",
        ),
        case(
            "unknown column", HOUSING,
            "[minus_1,",
            "[minus_one,",
            "indicator overcrowded_homes: 'minus_one' is not a column of census_overcrowding; nearest is 'minus_1', "
            "allowed are area_code, households, minus_1, minus_2_or_less, plus_1, plus_2_or_more, standard",
        ),
        case(
            "unknown denominator column", SAFETY,
            "{source: census_residents, column: residents}",
            "{source: census_residents, column: people}",
            "indicator road_collisions: 'people' is not a column of census_residents; "
            "allowed are area_code, in_communal_establishments, in_households, residents",
        ),
        case(
            "unknown column to filter by", SAFETY,
            "where: {crime_type: [Burglary]}",
            "where: {crime_typ: [Burglary]}",
            "indicator burglary: 'crime_typ' is not a column of street_crime; nearest is 'crime_type', "
            "allowed are crime_type, crimes, latitude, longitude, lsoa_code, month",
        ),
        case(
            "unknown value to filter by", SAFETY,
            "where: {crime_type: [Burglary]}",
            "where: {crime_type: [Burglry]}",
            "indicator burglary: 'Burglry' is not a value of crime_type in street_crime; nearest is 'Burglary', "
            f"allowed are {CRIME_TYPES}",
        ),
        case(
            "unknown predecessor", ENVIRONMENT,
            "predecessor: air_pollution",
            "predecessor: air_polution",
            "indicator outdoor_environment: 'air_polution' is not an indicator above this one in its file; nearest is "
            "'air_pollution', allowed are air_pollution, private_outdoor_space, residents_flooded",
        ),
        case(
            "its own predecessor", ENVIRONMENT,
            "predecessor: air_pollution",
            "predecessor: outdoor_environment",
            "indicator outdoor_environment: 'outdoor_environment' is not an indicator above this one in its file; "
            "allowed are air_pollution, private_outdoor_space, residents_flooded",
        ),
        case(
            "context for an outcome", HOUSING,
            "[minus_1,",
            "[households,",
            "indicator overcrowded_homes: column households of census_overcrowding measures households, which is "
            f"context, not an outcome; allowed are {OUTCOMES}",
        ),
        case(
            "sum of what cannot be summed", CHOICE,
            "{kind: mean, columns: [trips_per_hour]}",
            "{kind: rate, columns: [trips_per_hour], denominator: {source: census_residents, column: residents}}",
            "indicator bus_service: column trips_per_hour of bus_service is in trips_per_hour, which cannot be summed "
            "over areas; use a mean",
        ),
        case(
            "share across tables", HOUSING,
            "denominator: {column: households}",
            "denominator: {source: census_residents, column: residents}",
            "indicator overcrowded_homes: both columns of a share come from census_overcrowding; use a rate to divide "
            "by census_residents",
        ),
        case(
            "text for a denominator", HOUSING,
            "denominator: {column: households}",
            "denominator: {column: area_code}",
            "indicator overcrowded_homes: column area_code of census_overcrowding holds string, not numbers",
        ),
        case(
            "points for a denominator", SAFETY,
            "{source: census_residents, column: residents}",
            "{source: stop_and_search, column: stops}",
            "indicator road_collisions: source stop_and_search holds points; a denominator comes from areas",
        ),
        case(
            "window without months", CHOICE,
            "columns: [trips_per_hour]",
            "columns: [trips_per_hour], window: {months: 12}",
            "indicator bus_service: source bus_service is not monthly; a monthly source needs a window, any other has "
            "none",
        ),
        case(
            "a level in another unit", SAFETY,
            "columns: [criminal_damage]",
            "columns: [burglary]",
            "indicator criminal_damage: column burglary of deprivation_2025 is in per_1000_properties, the indicator "
            "in per_1000_at_risk",
        ),
        case(
            "repeated indicator", HOUSING,
            "id: energy_efficiency",
            "id: overcrowded_homes",
            "the id 'overcrowded_homes' is already used at indicators/housing.yaml:3; every id must be unique",
        ),
        case(
            "indicator named like a dimension", SAFETY,
            "id: burglary",
            "id: opportunity",
            "the id 'opportunity' is already used at framework.yaml:24; every id must be unique",
        ),
        case(
            "dimension named like the index", "framework.yaml",
            "- id: opportunity",
            "- id: social_progress_index",
            "the id 'social_progress_index' is already used at framework.yaml:3; every id must be unique",
        ),
        case(
            "component without indicators", "framework.yaml",
            "      - {id: safety,",
            "      - {id: leisure, title: Leisure, description: Fun?}\n"
            "      - {id: safety,",
            "component leisure has no indicators; add indicators/leisure.yaml",
        ),
        case(
            "unknown useful life", CAR,
            "useful_life, value: stock",
            "useful_life, value: stok",
            f"'stok' is not a useful life of vocabulary.yaml; nearest is 'stock', allowed are {words('useful_lives')}",
        ),
        case(
            "component and file name differ", HOUSING,
            "component: housing",
            "component: safety",
            "component 'safety' must be the file's own name, 'housing'",
        ),
        case(
            "period in an unknown column", BUS,
            "{basis: reference, column: year}",
            "{basis: reference, column: month}",
            "'month' is not a column of this table; allowed are area_code, trips_per_hour, year",
        ),
    ],
)  # fmt: skip
def test_a_broken_reference(root: Path, file: str, old: str, new: str, message: str, at: str | None) -> None:
    assert_fault(root, file, old, new, message, at)


def test_a_restricted_column_needs_a_stated_reason(root: Path) -> None:
    text = (root / LOCAL_HEALTH).read_text(encoding="utf-8")
    reason = re.search(r"        reason: >-\n(?:          .*\n)+", text)
    assert reason
    change(root, LOCAL_HEALTH, reason[0], "")
    (fault,) = faults(root)
    assert fault.file == "indicators/health.yaml"
    assert fault.message == (
        "indicator life_expectancy: source local_health restricts life_expectancy: 'non commercial use only'; give a "
        "reason for using it under restrictions in sources/local_health.yaml, or read another column"
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("deprivation_2025\n        columns: [burglary]", "deprivation_2052\n        columns: [burglary]",
         "'deprivation_2052' is not a source; nearest is 'deprivation_2025'"),
        ("columns: [burglary]", "columns: [burglry]", "'burglry' is not a column of deprivation_2025; nearest is"),
        ("columns: [burglary]", "columns: [area_code]", "column area_code of deprivation_2025 holds string"),
        ("columns: [burglary]", "columns: [income_deprived_people]", "measures income (earnings and income)"),
        ("source: deprivation_2025\n        columns: [burglary]", "source: street_crime\n        columns: [crimes]",
         "source street_crime is not of areas and one period, as a level must be"),
    ],
)  # fmt: skip
def test_a_level_is_an_outcome_by_area_for_one_period(root: Path, old: str, new: str, message: str) -> None:
    line = change(root, SAFETY, old, new)
    assert [fault.line for fault in faults(root) if message in str(fault)] == [line]


def test_a_monthly_source_needs_a_window(root: Path) -> None:
    change(root, RIGHTS, "      window: {months: 12}\n", "")
    message = (
        "indicator stop_and_search: source stop_and_search is monthly; a monthly source needs a window, any other has "
        "none"
    )
    assert [fault.message for fault in faults(root)] == [message]


def test_an_anchored_measure_needs_points(root: Path) -> None:
    change(root, "sources/street_crime.yaml", "levels: [point]", "levels: [lsoa]")
    message = "source street_crime holds no points; an anchored measure counts points in wards"
    assert sum(message in str(fault) for fault in faults(root)) == 6


def test_an_anchored_measure_is_refused_in_the_context(root: Path) -> None:
    measure = """
      kind: anchored
      columns: [crimes]
      window: {months: 12}
      level: {source: deprivation_2025, columns: [burglary], start: 2018-04, end: 2024-03}
"""
    context = CONTEXT.replace("source: deprivation_2025", "source: street_crime")
    before, after = context.split("    plausible:")
    head = before.split("    measure:")[0]
    (root / "context.yaml").write_text(f"{head}    measure:{measure}    plausible:{after}", encoding="utf-8")
    message = "an anchored measure belongs to the index; the context has no level to move"
    assert sum(message in str(fault) for fault in faults(root)) == 1


def test_one_indicator_has_one_successor(root: Path) -> None:
    change(root, ENVIRONMENT, "source: recorded_flooding", "source: recorded_flooding\n    predecessor: air_pollution")
    source = line_of(root, ENVIRONMENT, "source: deprivation_2025_subdomains")
    message = (
        "indicator outdoor_environment: residents_flooded names 'air_pollution' as its predecessor already; "
        "one indicator has one successor"
    )
    assert faults(root) == [Fault(ENVIRONMENT, source + 1, message)]


def test_an_indicator_needs_a_source_that_states_its_useful_life(root: Path) -> None:
    change(root, CAR, "  - {property: useful_life, value: stock}\n", "")
    message = (
        "indicator no_car: source census_car_availability does not state its useful_life; add one of stock, modelled, "
        "election, flow to its contract"
    )
    assert faults(root) == [Fault(CHOICE, line_of(root, CHOICE, "source: census_car_availability"), message)]


def test_a_text_column_is_refused_for_its_type_and_its_concept(root: Path) -> None:
    line = change(root, CHOICE, "columns: [trips_per_hour]", "columns: [area_code]")
    message = "indicator bus_service: column area_code of bus_service"
    assert faults(root) == [
        Fault(CHOICE, line, f"{message} holds string, not numbers"),
        Fault(CHOICE, line, f"{message} measures place, which is context, not an outcome; allowed are {OUTCOMES}"),
    ]


def test_an_unknown_source_is_reported_with_all_known_sources(root: Path) -> None:
    own_line = change(root, HOUSING, "source: census_overcrowding", "source: census_overcroding")
    other = change(root, SAFETY, "{source: census_residents,", "{source: census_resident,")
    known = names(root, "sources")
    assert faults(root) == [
        Fault(
            HOUSING, own_line,
            "indicator overcrowded_homes: 'census_overcroding' is not a source; nearest is 'census_overcrowding', "
            f"allowed are {known}",
        ),
        Fault(
            SAFETY, other,
            f"indicator road_collisions: 'census_resident' is not a source; nearest is 'census_residents', allowed are "
            f"{known}",
        ),
    ]  # fmt: skip


def test_an_error_must_name_another_indicator_and_existing_columns(root: Path) -> None:
    other = change(root, HOUSING, "other: indoor_environment,", "other: indoor_environmen,")
    limit = change(root, "indicators/health.yaml", "upper: life_expectancy_upper", "upper: life_expectancy_hi")
    limits, measures = sorted(faults(root), key=lambda fault: fault.file)
    assert (limits.line, measures.line) == (limit, other)
    assert limits.message.startswith(
        "indicator life_expectancy: 'life_expectancy_hi' is not a column of local_health; nearest is 'life_expectancy'"
    )
    assert measures.message.startswith(
        "indicator homes_in_poor_condition: 'indoor_environmen' is not an indicator that could be a second measure; "
        "nearest is 'indoor_environment'"
    )


def test_a_refused_economic_concept_is_reported_with_indicator_and_column(root: Path) -> None:
    change(root, CAR, "[{property: concept, value: mobility}", "[{property: concept, value: income}")
    message = (
        "indicator no_car: column none of census_car_availability measures income (earnings and income), an economic "
        "concept, and the index holds only outcomes: if that concept is wrong, correct it in "
        "sources/census_car_availability.yaml; if it is right, move the indicator to context.yaml"
    )
    assert faults(root) == [Fault(CHOICE, line_of(root, CHOICE, "columns: [none]"), message)]


def test_an_economic_denominator_is_refused_too(root: Path) -> None:
    change(root, CAR, "[{property: concept, value: households}", "[{property: concept, value: employment}")
    (fault,) = faults(root)
    assert (fault.file, fault.line) == (CHOICE, line_of(root, CHOICE, "columns: [none]"))
    assert fault.message.startswith(
        "indicator no_car: column households of census_car_availability measures employment"
    )


@pytest.mark.parametrize("unit", ["rank", "decile"])
@pytest.mark.parametrize("measure", ["kind: mean", "kind: rate"])
def test_ranks_and_deciles_are_refused_in_every_measure(root: Path, unit: str, measure: str) -> None:
    change(root, BUS, "value: trips_per_hour}", f"value: {unit}}}")
    divided = ", denominator: {source: census_residents, column: residents}" if "rate" in measure else ""
    line = change(
        root, CHOICE, "kind: mean, columns: [trips_per_hour]", f" {measure}, columns: [trips_per_hour]{divided}"
    )
    message = (
        f"indicator bus_service: column trips_per_hour of bus_service is a {unit}; averages of ranks or deciles are "
        "refused, use the score or count behind it"
    )
    assert faults(root) == [Fault(CHOICE, line, message)]


def test_a_share_of_a_percentage_is_refused(root: Path) -> None:
    change(root, CAR, "{property: concept, value: mobility}, {property: unit, value: households}",
           "{property: concept, value: mobility}, {property: unit, value: percent}")  # fmt: skip
    message = (
        "indicator no_car: column none of census_car_availability is in percent, which cannot be summed over areas; "
        "use a mean"
    )
    assert faults(root) == [Fault(CHOICE, line_of(root, CHOICE, "columns: [none]"), message)]


def test_a_component_without_an_indicator_file_is_reported_in_the_framework(root: Path) -> None:
    (root / HOUSING).unlink()
    message = "component housing has no indicators; add indicators/housing.yaml"
    assert faults(root) == [Fault("framework.yaml", line_of(root, "framework.yaml", "{id: housing,"), message)]


def test_an_indicator_file_without_a_component_is_reported(root: Path) -> None:
    shutil.copy(root / HOUSING, root / "indicators/leisure.yaml")
    change(root, "indicators/leisure.yaml", "component: housing", "component: leisure")
    copy = root / "indicators/leisure.yaml"
    again = re.sub(r"(id|predecessor): (\w+)", r"\1: \2_again", copy.read_text(encoding="utf-8"))
    copy.write_text(again, encoding="utf-8")
    (fault,) = faults(root)
    assert (fault.file, fault.line) == ("indicators/leisure.yaml", 1)
    assert fault.message.startswith("'leisure' is not a component of framework.yaml; ")
    assert "rights_and_voice, safety, water_and_sanitation" in fault.message


def test_a_second_contract_for_a_table_is_refused(root: Path) -> None:
    shutil.copy(root / "sources/bus_service.yaml", root / "products/bus_service.yaml")
    text = (CONTRACTS / "products/area.yaml").read_text(encoding="utf-8").replace("id: area\n", "id: bus_service\n")
    (root / "products/bus_service.yaml").write_text(
        text.replace("name: area\n", "name: bus_service\n"), encoding="utf-8"
    )
    message = "the table 'bus_service' has a second contract, products/bus_service.yaml; rename one of them"
    assert faults(root) == [Fault(BUS, 0, message)]
