"""The rules of a table, derived by hand from its contract."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.contracts.models.places import with_known_areas
from spi_pipeline.rules.evaluation import evaluate
from spi_pipeline.rules.kinds import KINDS
from spi_pipeline.rules.rule import Rule
from spi_pipeline_tests.contracts.mutation import BUS, CAR, change


def test_rules_from_columns_precede_listed_rules(contracts: Contracts) -> None:
    names = ("area_code", "year", "trips_per_hour")
    types = {"area_code": "string", "year": "integer", "trips_per_hour": "number"}
    assert contracts.sources["bus_service"].rules == (
        Rule("columns", "columns", "error", KINDS["columns"].promise, names),
        Rule("types", "types", "error", KINDS["types"].promise, names, {"types": types}),
        Rule("required", "required", "error", KINDS["required"].promise, ("area_code", "year")),
        Rule("key", "key", "error", KINDS["key"].promise, ("area_code", "year")),
        Rule(
            "between_year", "between", "error", "numbers lie in the range their unit allows", ("year",),
            {"min": 2000, "max": 2100},
        ),
        Rule(
            "between_trips_per_hour", "between", "error", "numbers lie in the range their unit allows",
            ("trips_per_hour",), {"min": 0, "max": 1000},
        ),
        Rule(
            "mean_magnitude", "mean_magnitude", "error", KINDS["mean_magnitude"].promise, ("trips_per_hour",),
            {"ranges": {"trips_per_hour": [0.1, 200]}, "by": None},
        ),
        Rule(
            "area_codes", "pattern", "error", "area codes are of level lsoa", ("area_code",),
            {"regex": r"(?:[EW]01\d{6})"},
        ),
        Rule(
            "known_areas", "known_areas", "error", KINDS["known_areas"].promise, ("area_code",),
            {"geographies": ["lsoa21"]},
        ),
        Rule("row_count", "row_count", "error", KINDS["row_count"].promise, (), {"min": 1, "max": None}),
        Rule("trips_per_hour_varies", "not_constant", "warning", KINDS["not_constant"].promise, ("trips_per_hour",)),
        Rule(
            "nearly_every_area", "coverage", "error", KINDS["coverage"].promise, ("area_code",),
            {"min_share": 0.95, "by": ["year"], "geographies": ["lsoa21"]},
        ),
        Rule(
            "complete", "null_share", "warning", KINDS["null_share"].promise, ("trips_per_hour",), {"max_share": 0.05},
        ),
        Rule("years_in_a_row", "no_gaps", "warning", KINDS["no_gaps"].promise, ("year",)),
    )  # fmt: skip


def rule(contracts: Contracts, table: str, rule_id: str) -> Rule:
    tables = contracts.sources | contracts.products
    return next(rule for rule in tables[table].rules if rule.id == rule_id)


def test_a_column_without_a_range_takes_that_of_its_unit(contracts: Contracts) -> None:
    assert rule(contracts, "local_elections_2023", "between_turnout").params == {"min": 0, "max": 100}


def test_columns_with_the_same_range_share_a_rule(contracts: Contracts) -> None:
    shared = rule(contracts, "census_car_availability", "between_0_and_any")
    assert shared.columns == ("none", "one", "two", "three_or_more")
    assert rule(contracts, "census_car_availability", "between_households").params == {"min": 0, "max": 2500}
    assert shared.params == {"min": 0}


def test_closed_lists_and_patterns_become_rules(contracts: Contracts) -> None:
    types = rule(contracts, "street_crime", "in_set_crime_type")
    assert types.columns == ("crime_type",)
    assert len(types.params["values"]) == 14
    assert rule(contracts, "street_crime", "pattern_month").params == {"regex": r"20\d{2}-(?:0[1-9]|1[0-2])"}


def test_ward_tables_list_every_ward_and_refuse_former_wards(contracts: Contracts) -> None:
    known = rule(contracts, "wards", "known_areas")
    assert known.params["areas"] == list(contracts.geography.ward_codes)
    assert known.params["former"] == [f"E050{number:05}" for number in range(2193, 2212)]
    assert rule(contracts, "wards", "every_ward").params == {
        "min_share": 1,
        "areas": list(contracts.geography.ward_codes),
    }
    areas = rule(contracts, "area", "known_areas").params["areas"]
    assert areas == [*contracts.geography.ward_codes, "E06000032"]


def test_defaults_of_stated_rules_are_filled_in(contracts: Contracts) -> None:
    part = rule(contracts, "census_car_availability", "none_within_households")
    assert (part.columns, part.params) == (("none", "households"), {"tolerance": 0})
    assert rule(contracts, "street_crime", "few_without_a_place").params == {"max_share": 0.1}
    assert rule(contracts, "local_elections_2023", "most_wards").params["min_share"] == 0.5


def test_every_form_of_row_count_bound_is_read(root: Path) -> None:
    bound = "mustBeGreaterOrEqualTo: 1"
    for new_bound, low, high in (
        ("mustBe: 125", 125, 125),
        ("mustBeBetween: [100, 200]", 100, 200),
        ("mustBeGreaterOrEqualTo: 3, mustBeLessOrEqualTo: 9", 3, 9),
    ):
        change(root, CAR, bound, new_bound)
        row_count = rule(load_contracts(root), "census_car_availability", "row_count")
        assert row_count.params == {"min": low, "max": high}
        bound = new_bound


def test_a_stated_range_may_be_open_at_one_end(root: Path) -> None:
    change(
        root,
        BUS,
        "{rule: not_constant, columns: [trips_per_hour]}",
        "{rule: between, columns: [trips_per_hour], max: 90}",
    )
    assert rule(load_contracts(root), "bus_service", "trips_per_hour_varies").params == {"max": 90}


def test_small_areas_are_listed_when_their_lookup_is_available(contracts: Contracts) -> None:
    rules = contracts.sources["census_residents"].rules
    codes = {"oa21": ["E00000002"], "lsoa21": ["E01000001"]}
    listed = {rule.id: rule for rule in with_known_areas(rules, lambda small_areas: codes[small_areas])}
    assert listed["known_areas"].params == {"areas": ["E00000002", "E01000001"]}
    assert listed["nearly_every_area"].params == {
        "min_share": 0.95, "choices": {"oa21": ["E00000002"], "lsoa21": ["E01000001"]},
    }  # fmt: skip
    others = [rule for rule in rules if "geographies" not in rule.params]
    assert [listed[rule.id] for rule in others] == others


def test_area_rules_error_when_their_lookup_is_incomplete(contracts: Contracts) -> None:
    def incomplete_lookup(_: str) -> list[str]:
        raise SpiError("the lookup lists 1 area of 2")

    rules = with_known_areas(contracts.sources["census_households"].rules, incomplete_lookup)
    table = pa.table({"area_code": ["E00000001"], "households": [100]})
    results = {result.rule.id: result for result in evaluate(table, rules, table_name="census_households")}
    for name in ("known_areas", "nearly_every_area"):
        assert results[name].blocks
        assert (results[name].outcome, results[name].observed) == ("errored", "the lookup lists 1 area of 2")


def test_small_areas_without_a_lookup_have_no_known_areas_rule(contracts: Contracts) -> None:
    old = contracts.sources["output_area_boundaries_2011"].rules
    assert "known_areas" not in {rule.kind for rule in old}, "no lookup lists the output areas of 2011"
