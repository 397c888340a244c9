"""A source without embedded figures: its indicators are missing with a reason and left out of the basis."""

from __future__ import annotations

from dataclasses import replace

import pytest

from spi_pipeline.run.plan import build_plan
from spi_pipeline.scoring.basis import slots
from spi_pipeline_tests.integration.fixtures import no_dagster_home, refreshed
from spi_pipeline_tests.integration.sandboxes import Sandbox

__all__ = ["no_dagster_home", "refreshed"]


@pytest.fixture
def missing(refreshed: Sandbox) -> list[str]:
    contracts = refreshed.contracts
    indicators = [item.id for item in contracts.indicators.values() if item not in contracts.active]
    assert "life_expectancy" in indicators
    return indicators


def test_it_is_missing_everywhere_and_the_catalogue_gives_the_reason(refreshed: Sandbox, missing: list[str]) -> None:
    for name in missing:
        states = refreshed.query("SELECT DISTINCT status, value FROM observation WHERE indicator_id = ?", name)
        assert states == [("missing", None)]
        [(limits,)] = refreshed.query("SELECT limits FROM indicator WHERE indicator_id = ?", name)
        source = refreshed.contracts.indicators[name].source
        assert limits.endswith(f" Missing here: {source} has no embedded figures, and is read by spi refresh --live.")
    assert refreshed.contracts.missing_because(refreshed.contracts.active[0]) == []


def test_it_is_not_in_the_basis_and_changes_no_score(refreshed: Sandbox, missing: list[str]) -> None:
    for name in missing:
        [(used, why, limits)] = refreshed.query(
            "SELECT in_basis, not_in_basis_because, limits FROM indicator WHERE indicator_id = ?", name
        )
        assert not used
        assert limits.endswith(why)
    scored = {name for (name,) in refreshed.query("SELECT DISTINCT id FROM score WHERE level = 'indicator'")}
    assert scored.isdisjoint(missing)
    [(lowest,)] = refreshed.query("SELECT min(coverage) FROM score WHERE level = 'index'")
    assert lowest > 0.9


def test_with_figures_it_enters_the_basis_and_fills_its_slot(refreshed: Sandbox, missing: list[str]) -> None:
    contracts = refreshed.contracts
    complete = replace(contracts, unavailable=frozenset())
    steps = {step.label: step for step in build_plan(complete)}
    assert "source/local_health" in steps
    assert "local_health" in steps["indicator/life_expectancy"].inputs
    assert "indicator_value.life_expectancy" in steps["component/health"].inputs
    assert (
        "indicator_value.life_expectancy"
        not in next(step for step in build_plan(contracts) if step.label == "component/health").inputs
    )
    before, after = ({chain[0] for chain in slots(each.active)} for each in (contracts, complete))
    assert before != after
    # An indicator that replaces an older definition fills the same slot, so nothing is counted twice.
    assert ["emergency_admissions", "emergency_admissions_2025", "emergency_admissions_2019"] in slots(complete.active)
    assert ["emergency_admissions_2025", "emergency_admissions_2019"] in slots(contracts.active)
