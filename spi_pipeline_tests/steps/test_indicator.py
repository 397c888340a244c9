"""How indicators are computed when their sources lack some of the figures that they need."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.contracts.models.geography import Authority, Without
from spi_pipeline.indicators.values import Wards
from spi_pipeline.steps.indicator import indicator_step, no_source, valued, without

OTHER = Authority(code="E06000056", name="Central Bedfordshire", police_force="bedfordshire", placed_by="best_fit")


def changed(contracts: Contracts, *others: Authority, **own: object) -> Contracts:
    """The contracts with changed properties of Luton, and with other authorities added."""
    (luton,) = contracts.geography.authorities
    authorities = [luton.model_copy(update=own), *others]
    return replace(contracts, geography=contracts.geography.model_copy(update={"authorities": authorities}))


def test_what_moves_a_level_may_lack_and_what_it_is_of_may_not(contracts: Contracts) -> None:
    nothing = replace(contracts, unavailable=frozenset({"street_crime"})).at_their_levels()
    theft = nothing.indicators["theft"]
    assert (theft.source, theft.measure.kind) == ("deprivation_2025", "mean")
    assert theft.limits.endswith(
        "which no newer counts move. Missing here: street_crime has no embedded figures, and is read by spi refresh "
        "--live."
    )
    step = indicator_step(nothing, "theft")
    assert step.does is valued
    assert {"deprivation_2025", "street_crime"}.intersection(step.inputs) == {"deprivation_2025"}
    assert "theft" not in [one.id for one in nothing.monthly]
    neither = replace(contracts, unavailable=frozenset({"street_crime", "deprivation_2025"})).at_their_levels()
    assert neither.indicators["theft"] == contracts.indicators["theft"]
    assert indicator_step(neither, "theft").does is no_source
    assert contracts.at_their_levels().indicators == contracts.indicators


def test_counts_that_one_authority_holds_move_the_level_there(contracts: Contracts) -> None:
    lacking = OTHER.model_copy(update={"without": [Without(sources=["street_crime"], reason="Not at hand.")]})
    both = changed(contracts, lacking)
    assert both.at_their_levels().indicators["theft"] == contracts.indicators["theft"]


def test_readers_take_an_indicator_as_it_was_published(contracts: Contracts) -> None:
    published = contracts.as_published({"theft": "deprivation_2025", "burglary": "street_crime"})
    assert published.indicators["theft"].measure.months is not None
    assert published.indicators["burglary"] == contracts.indicators["burglary"]


def test_a_source_that_no_authority_holds_has_no_figures(contracts: Contracts) -> None:
    own = changed(contracts, without=[Without(sources=["bus_service"], reason="No buses run.")])
    assert indicator_step(own, "bus_service").does is no_source
    assert "bus_service" not in [item.id for item in own.active]
    assert own.missing_because(own.indicators["bus_service"]) == ["Missing for Luton: No buses run."]


def test_electors_of_a_ward_are_not_divided_by_the_people_that_best_fit_puts_there(contracts: Contracts) -> None:
    registered, turnout = (contracts.indicators[name] for name in ("electoral_registration", "turnout"))
    assert not contracts.of_two_areas(registered)
    fitted = changed(contracts, placed_by="best_fit")
    assert fitted.of_two_areas(registered) == {"E06000032"}
    assert not fitted.of_two_areas(turnout), "a ward's own figure needs no small area"
    active = [item.id for item in fitted.active]
    assert "electoral_registration" not in active
    assert "turnout" in active
    assert fitted.missing_because(registered) == [
        "Missing for Luton: the count is of wards, but the figure it is divided by is of the small areas that fit them "
        "best, which are not the same areas."
    ]
    assert indicator_step(fitted, "electoral_registration").does is no_source


def test_beside_a_council_placed_by_postcodes_only_the_other_lacks_it(contracts: Contracts) -> None:
    both = changed(contracts, OTHER)
    registered = both.indicators["electoral_registration"]
    assert both.of_two_areas(registered) == {OTHER.code}
    assert indicator_step(both, registered.id).does is valued
    boundaries = pd.DataFrame({"area_code": ["E05000001", "E05000002"], "parent_code": ["E06000032", OTHER.code]})
    areas = ["E05000001", "E05000002", "E06000032", OTHER.code]
    values = pd.DataFrame({"area_code": areas, "value": 90.0, "allocation_error": 0.0, "numerator": 9.0,
                           "denominator": 10.0, "covered": 1.0})  # fmt: skip
    found = without(values, both.of_two_areas(registered), Wards(boundaries, pd.DataFrame(), 0.65))
    known = found.set_index("area_code")
    assert known["value"].notna().to_dict() == dict(zip(areas, [True, False, True, False], strict=True))
    assert known["covered"].to_list() == [1.0, 0.0, 1.0, 0.0]
    assert known["denominator"].isna().equals(known["value"].isna())
