"""The economic context: any concept may stand in it, and every reference in it must hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline_tests.contracts.mutation import assert_fault, case

FILE = "economy.yaml"


def test_an_economic_concept_may_be_context(root: Path) -> None:
    assert load_contracts(root).economy.keys() == {"income_deprived"}


@pytest.mark.parametrize(
    ("file", "old", "new", "message", "at"),
    [
        case(
            "named like an indicator", FILE,
            "{measure: income_deprived, count: 5, floor: 1}\nmeasures:\n  - id: income_deprived",
            "{measure: burglary, count: 5, floor: 1}\nmeasures:\n  - id: burglary",
            "the id 'burglary' is taken already; ids are unique over all indicators and measures",
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
            "    goalposts: {basis: reference}\n    limits: Rounded to five.",
            "measures.income_deprived: 'goalposts' is not a key of this part; allowed are description, id, "
            "limits, measure, plausible, source, title, unit",
        ),
    ],
)  # fmt: skip
def test_a_broken_measure(root: Path, file: str, old: str, new: str, message: str, at: str | None) -> None:
    assert_fault(root, file, old, new, message, at)


def test_the_measures_of_the_repository_are_economic_or_about_who_lives_there(contracts: Contracts) -> None:
    kinds = {
        name: {
            contracts.vocabulary.concepts[column.concept].kind
            for column in contracts.sources[item.source].columns
            if column.name in item.measure.columns
        }
        for name, item in contracts.economy.items()
    }
    # Counts of who lives there that the index cannot take as outcomes: docs/index.md says why of each.
    counts = {"households_without_car", "bad_health", "disabled_a_lot"}
    assert {name for name, met in kinds.items() if "outcome" in met} == counts
    assert set().union(*kinds.values()) == {"economic", "context", "outcome"}
    assert not contracts.economy.keys() & contracts.indicators.keys()
