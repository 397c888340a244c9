"""The context measures: they may have any concept, and every name they refer to must exist."""

from __future__ import annotations

from pathlib import Path

import pytest

from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline_tests.contracts.mutation import CHOICE, assert_fault, case, change, faults

FILE = "context.yaml"


def test_an_economic_concept_may_be_context(root: Path) -> None:
    assert load_contracts(root).context.keys() == {"income_deprived"}


@pytest.mark.parametrize(
    ("file", "old", "new", "message", "at"),
    [
        case(
            "named like an indicator", FILE,
            "{measure: income_deprived, count: 5, floor: 1}\ncomposition: {given: income_deprived, measures: "
            "[income_deprived]}\nmeasures:\n  - id: income_deprived",
            "{measure: burglary, count: 5, floor: 1}\ncomposition: {given: burglary, measures: "
            "[burglary]}\nmeasures:\n  - id: burglary",
            "the id 'burglary' is already used; ids are unique over all indicators and measures",
            at="id: burglary",
        ),
        case(
            "peers by an unknown measure", FILE,
            "peers: {measure: income_deprived",
            "peers: {measure: income_depraved",
            "'income_depraved' is not a measure of this file; nearest is 'income_deprived', allowed are "
            "income_deprived",
        ),
        case(
            "unknown column", FILE,
            "column: residents}",
            "column: resident}",
            "measure income_deprived: 'resident' is not a column of census_residents; nearest is 'residents', "
            "allowed are "
            "area_code, in_communal_establishments, in_households, residents",
        ),
        case(
            "sum of what cannot be summed", FILE,
            "columns: [income_deprived_people]",
            "columns: [housing_affordability]",
            "measure income_deprived: column housing_affordability of deprivation_2025 is in standard_score, which "
            "cannot be summed over areas; use a mean",
        ),
        case(
            "goalposts", FILE,
            "    limits: Rounded to five.",
            "    goalposts: {source: reference}\n    limits: Rounded to five.",
            "measures.income_deprived: 'goalposts' is not a key of this part; allowed are description, error, id, "
            "limits, measure, plausible, source, title, unit",
        ),
        case(
            "composition by an unknown measure", FILE,
            "given: income_deprived",
            "given: income_depraved",
            "'income_depraved' is not a measure of this file; nearest is 'income_deprived', allowed are "
            "income_deprived",
        ),
        case(
            "composition of an indicator", FILE,
            "measures: [income_deprived]",
            "measures: [burglary]",
            "'burglary' is not a measure of this file; allowed are income_deprived",
        ),
        case(
            "ten years of an unknown column", FILE,
            "    columns: [standard]",
            "    columns: [standards]",
            "decade of no_car: 'standards' is not a column of census_overcrowding; nearest is 'standard', allowed "
            "are area_code, households, minus_1, minus_2_or_less, plus_1, plus_2_or_more, standard",
        ),
        case(
            "ten years of a share without what it is a share of", FILE,
            "    denominator: {column: households}\n    limits: Not",
            "    limits: Not",
            "decade of no_car: no_car has a denominator, so its earlier figures need one too; correct denominator",
            at="- measure: no_car",
        ),
    ],
)  # fmt: skip
def test_a_broken_measure(root: Path, file: str, old: str, new: str, message: str, at: str | None) -> None:
    assert_fault(root, file, old, new, message, at)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("  - measure: no_car", "  - measure: no_cars", "'no_cars' is not an indicator, or measure of this file"),
        ("source: census_overcrowding", "source: census_1911", "'census_1911' is not a source"),
        (
            "source: census_overcrowding\n    columns: [standard]",
            "source: bus_service\n    columns: [trips_per_hour]",
            "source bus_service has several periods; each census of a decade must have one",
        ),
        ("measures: [income_deprived]}", "measures: [income_deprived], without: [Central]}", "'Central' is refused"),
        (
            "decade:\n",
            "decade:\n  - {measure: no_car, source: census_overcrowding, columns: [plus_1], "
            "denominator: {column: households}, limits: No.}\n",
            "no_car appears twice; keep one",
        ),
        (
            "    limits: Rounded to five.",
            "    error: {evidence: published, lower: low, upper: high}\n    limits: Rounded to five.",
            "'low' is not a column of deprivation_2025",
        ),
    ],
)
def test_an_unknown_name_is_reported(root: Path, old: str, new: str, message: str) -> None:
    change(root, FILE, old, new)
    assert message in "".join(fault.message for fault in faults(root))


def test_a_total_cannot_be_an_indicator(root: Path) -> None:
    kind = "measure: {kind: share, columns: [none], denominator: {column: households}}"
    change(root, CHOICE, f"{kind}\n    goalposts: {{source: reference}}\n    plausible: {{minimum: 0, maximum: 95}}",
           "measure: {kind: total, columns: [none]}\n    goalposts: {source: reference}\n"
           "    plausible: {minimum: 0, maximum: 95}")  # fmt: skip
    assert "a total is not an outcome; move it to context.yaml" in "".join(fault.message for fault in faults(root))


def test_context_measures_are_economic_or_describe_residents(contracts: Contracts) -> None:
    kinds = {
        name: {
            contracts.vocabulary.concepts[column.concept].kind
            for column in contracts.sources[item.source].columns
            if column.name in item.measure.columns
        }
        for name, item in contracts.context.items()
    }
    # Counts of residents that the index cannot use as outcomes; docs/methodology.md gives the reason for each.
    counts = {"households_without_car", "bad_health", "disabled_a_lot", "middling_qualifications"}
    assert {name for name, kinds_of_item in kinds.items() if "outcome" in kinds_of_item} == counts
    assert set().union(*kinds.values()) == {"economic", "context", "outcome"}
    assert not contracts.context.keys() & contracts.indicators.keys()
