"""A new version of a table compared with the last: the figures, and when they are worth a look."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.publishers.drift import drift, drift_ids
from spi_pipeline.rules.result import RuleResult

CONTRACTS = Path(__file__).resolve().parents[2] / "data_contracts"
AREAS = [f"E010156{number:02d}" for number in range(90, 100)]


@pytest.fixture(scope="module")
def contracts() -> Contracts:
    return load_contracts(CONTRACTS)


def people(figures: list[int], areas: list[str] = AREAS) -> pa.Table:
    return pa.table({"area_code": areas, "households": [100] * len(areas), "none": figures})


def drift_results(contracts: Contracts, new: pa.Table, old: pa.Table, source: str) -> dict[str, RuleResult]:
    results = drift(new, old, contracts.sources[source])
    assert all(result.rule.severity == "warning" and result.observed and result.expected for result in results)
    assert {result.rule.id for result in results} <= drift_ids(contracts.sources[source])
    return {result.rule.id.removeprefix("drift_"): result for result in results}


BEFORE = [10, 20, 30, 40, 50, 60, 70, 80, 90, 95]


def test_identical_tables_show_no_drift(contracts: Contracts) -> None:
    results = drift_results(contracts, people(BEFORE), people(BEFORE), "census_car_availability")
    assert {result.outcome for result in results.values()} == {"passed"}


@pytest.mark.parametrize(
    ("figures", "expected_failures", "expected"),
    [
        ([value * 100 for value in BEFORE], {"jump_none"}, "10 of 10 changed, most by +9900.0%; median 9900.0%"),
        (BEFORE[::-1], {"jump_none", "order_none"}, "rank correlation -1.00 over 10 rows"),
        ([value + 1 for value in BEFORE], set(), "rank correlation 1.00 over 10 rows"),
        ([1000, *BEFORE[1:]], {"order_none"}, "rank correlation 0.45 over 10 rows"),
    ],
    ids=["hundredfold", "reversed", "revised", "one_wild_value"],
)
def test_changed_measures_are_reported(
    contracts: Contracts, figures: list[int], expected_failures: set[str], expected: str
) -> None:
    results = drift_results(contracts, people(figures), people(BEFORE), "census_car_availability")
    assert {name for name, result in results.items() if result.outcome == "failed"} == expected_failures
    assert expected in "; ".join(result.observed for result in results.values())


def test_missing_and_new_areas_are_reported(contracts: Contracts) -> None:
    new = people(BEFORE[:7], [*AREAS[:6], "E01099999"])
    results = drift_results(contracts, new, people(BEFORE), "census_car_availability")
    assert results["rows"].observed == "7 rows after 10 (-30.0%)"
    assert results["areas"].observed == "4 gone (E01015696, E01015697, E01015698, …); 1 new (E01099999)"
    assert results["rows"].outcome == results["areas"].outcome == "failed"


def test_changed_columns_are_reported(contracts: Contracts) -> None:
    new = people(BEFORE).drop(["households"])
    results = drift_results(contracts, new, people(BEFORE), "census_car_availability")
    assert (results["columns"].outcome, results["columns"].observed) == ("failed", "changed: households")


def crimes(by_month: dict[str, int]) -> pa.Table:
    rows = [(month, "Drugs", None, None, None, count) for month, count in by_month.items()]
    names = ["month", "crime_type", "longitude", "latitude", "lsoa_code", "crimes"]
    return pa.table({name: [row[place] for row in rows] for place, name in enumerate(names)})


def test_revised_months_are_reported_and_large_revisions_fail(contracts: Contracts) -> None:
    before = {"2026-01": 100, "2026-02": 100, "2026-03": 100}
    small = drift_results(contracts, crimes(before | {"2026-03": 104, "2026-04": 90}), crimes(before), "street_crime")
    assert small["totals_crimes"].outcome == "passed"
    assert small["totals_crimes"].observed == "1 of 3 periods revised, most 2026-03 by +4.0%"
    large = drift_results(contracts, crimes(before | {"2026-02": 40}), crimes(before), "street_crime")
    assert large["totals_crimes"].outcome == "failed"
    gone = drift_results(contracts, crimes({"2026-01": 100, "2026-03": 100}), crimes(before), "street_crime")
    assert (gone["periods_crimes"].outcome, gone["periods_crimes"].observed) == ("failed", "1 gone (2026-02)")
