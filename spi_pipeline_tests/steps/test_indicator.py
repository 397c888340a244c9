"""How indicators are computed when their sources lack some of the figures that they need."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.contracts.models.geography import Authority, Without
from spi_pipeline.indicators.values import Wards
from spi_pipeline.steps.indicator import indicator_step, no_source, valued, without

OTHER = Authority(code="E06000056", name="Central Bedfordshire", police_force="bedfordshire", placed_by="best_fit")


def with_changes(contracts: Contracts, *others: Authority, **own: object) -> Contracts:
    """The contracts with changed properties of Luton, and with other authorities added."""
    (luton,) = contracts.geography.authorities
    authorities = [luton.model_copy(update=own), *others]
    return replace(contracts, geography=contracts.geography.model_copy(update={"authorities": authorities}))


def test_an_anchored_indicator_needs_its_level_but_not_its_counts(contracts: Contracts) -> None:
    without_counts = replace(contracts, unavailable=frozenset({"street_crime"})).at_their_levels()
    theft = without_counts.indicators["theft"]
    assert (theft.source, theft.measure.kind) == ("deprivation_2025", "mean")
    assert theft.limits.endswith(
        "which no newer counts move. Missing here: street_crime has no embedded figures, and is read by spi refresh "
        "--live."
    )
    step = indicator_step(without_counts, "theft")
    assert step.does is valued
    assert {"deprivation_2025", "street_crime"}.intersection(step.inputs) == {"deprivation_2025"}
    assert "theft" not in [item.id for item in without_counts.monthly]
    without_both = replace(contracts, unavailable=frozenset({"street_crime", "deprivation_2025"})).at_their_levels()
    assert without_both.indicators["theft"] == contracts.indicators["theft"]
    assert indicator_step(without_both, "theft").does is no_source
    assert contracts.at_their_levels().indicators == contracts.indicators


def test_counts_held_by_one_authority_still_move_its_level(contracts: Contracts) -> None:
    lacking = OTHER.model_copy(update={"without": [Without(sources=["street_crime"], reason="Not at hand.")]})
    both = with_changes(contracts, lacking)
    assert both.at_their_levels().indicators["theft"] == contracts.indicators["theft"]


def test_readers_see_an_indicator_as_it_was_published(contracts: Contracts) -> None:
    published = contracts.as_published({"theft": "deprivation_2025", "burglary": "street_crime"})
    assert published.indicators["theft"].measure.months is not None
    assert published.indicators["burglary"] == contracts.indicators["burglary"]


def test_a_source_that_no_authority_holds_has_no_figures(contracts: Contracts) -> None:
    without_buses = with_changes(contracts, without=[Without(sources=["bus_service"], reason="No buses run.")])
    assert indicator_step(without_buses, "bus_service").does is no_source
    assert "bus_service" not in [item.id for item in without_buses.active]
    assert without_buses.missing_because(without_buses.indicators["bus_service"]) == [
        "Missing for Luton: No buses run."
    ]


def test_electors_of_a_ward_are_not_divided_by_residents_placed_by_best_fit(contracts: Contracts) -> None:
    registered, turnout = (contracts.indicators[name] for name in ("electoral_registration", "turnout"))
    assert not contracts.of_two_areas(registered)
    fitted = with_changes(contracts, placed_by="best_fit")
    assert fitted.of_two_areas(registered) == {"E06000032"}
    assert not fitted.of_two_areas(turnout), "a figure published for wards needs no small areas"
    active = [item.id for item in fitted.active]
    assert "electoral_registration" not in active
    assert "turnout" in active
    assert fitted.missing_because(registered) == [
        "Missing for Luton: the count is of wards, but the figure it is divided by is of the small areas that fit them "
        "best, which are not the same areas."
    ]
    assert indicator_step(fitted, "electoral_registration").does is no_source


def test_only_the_council_placed_by_best_fit_lacks_the_indicator(contracts: Contracts) -> None:
    both = with_changes(contracts, OTHER)
    registered = both.indicators["electoral_registration"]
    assert both.of_two_areas(registered) == {OTHER.code}
    assert indicator_step(both, registered.id).does is valued
    boundaries = pd.DataFrame({"area_code": ["E05000001", "E05000002"], "parent_code": ["E06000032", OTHER.code]})
    areas = ["E05000001", "E05000002", "E06000032", OTHER.code]
    values = pd.DataFrame({"area_code": areas, "value": 90.0, "allocation_error": 0.0, "numerator": 9.0,
                           "denominator": 10.0, "covered": 1.0})  # fmt: skip
    figures = without(values, both.of_two_areas(registered), Wards(boundaries, pd.DataFrame(), 0.65))
    by_area = figures.set_index("area_code")
    assert by_area["value"].notna().to_dict() == dict(zip(areas, [True, False, True, False], strict=True))
    assert by_area["covered"].to_list() == [1.0, 0.0, 1.0, 0.0]
    assert by_area["denominator"].isna().equals(by_area["value"].isna())
