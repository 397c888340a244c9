"""Which slots form the basis of an index, and which editions and components follow from it."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.indicators.observations import observations
from spi_pipeline.scoring.areas import Areas
from spi_pipeline.scoring.basis import Slot, basis_id, choose_slots, edition_table, require_dimensions, slots
from spi_pipeline.scoring.left_out import in_words, left_out
from spi_pipeline_tests.scoring.town import AREAS, NAN, NORTH, SOUTH, WARDS, framework, indicator, observed, source

TODAY = dt.date(2024, 6, 1)
ONE = Areas(pd.Series(NORTH, index=WARDS))
COMPONENT_OF = {"damp": "housing", "crowded": "housing", "ill": "health"}


def observed_until(values: list[float], year: int, name: str = "damp", edition: int = 2024) -> pd.DataFrame:
    """Values of one indicator in an edition, for the period that ends with ``year``."""
    rows = observed({name: values}, edition)
    return rows.assign(period_end=rows["period_end"].map(lambda day: day and dt.date(year, 12, 31)))


def chosen(rows: pd.DataFrame, *chains: list[str], years: int = 3, areas: Areas = ONE) -> list[Slot]:
    names = [name for chain in chains for name in chain]
    return choose_slots(rows, chains, dict.fromkeys(names, years), areas, 0.65)


def test_a_slot_is_an_indicator_with_its_predecessors_newest_first() -> None:
    chain = [indicator("old"), indicator("new", predecessor="middle"), indicator("middle", predecessor="old")]
    assert slots([chain[0], indicator("single"), *chain[1:]]) == [["single"], ["new", "middle", "old"]]


def test_a_slot_is_in_the_basis_until_its_useful_life_ends() -> None:
    assert chosen(observed_until([1] * 6, 2021), ["damp"]) == [Slot("damp", "damp", "")]
    [late] = chosen(observed_until([1] * 6, 2020), ["damp"])
    assert late.missing_because == "Its newest values are for 2020 and useful for 3 years, until 2023."


def test_the_newest_definition_with_values_fills_the_slot() -> None:
    both = pd.concat([observed_until([1] * 6, 2023, "new"), observed_until([1] * 6, 2024, "old")])
    assert chosen(both, ["new", "old"]) == [Slot("new", "new", "")]
    few = pd.concat([observed_until([1, 1, NAN, NAN, 1, 1], 2023, "new"), observed_until([1] * 6, 2024, "old")])
    assert chosen(few, ["new", "old"]) == [Slot("new", "old", "")], "half of the wards is below 65 %"


def test_a_definition_without_a_source_fills_no_slot() -> None:
    rows = observed_until([1] * 6, 2024, "old")
    assert choose_slots(rows, [["new", "old"], ["live"]], {"old": 3}, ONE, 0.65) == [Slot("new", "old", "")]


def test_a_slot_needs_values_for_65_percent_of_the_wards() -> None:
    assert not chosen(observed_until([1, 1, 1, NAN, NAN, NAN], 2024), ["damp"])[0].missing_because
    [slot] = chosen(observed_until([1, 1, NAN, NAN, 1, 1], 2024), ["damp"])
    assert slot.missing_because == "It has values for 50% of the wards; 65% are needed."


def test_a_slot_needs_values_in_every_authority() -> None:
    assert chosen(observed_until([1, 1, 1, NAN, 1, NAN], 2024), ["damp"], areas=AREAS)[0].missing_because
    assert not chosen(observed_until([1, 1, 1, 1, 1, 1], 2024), ["damp"], areas=AREAS)[0].missing_because


def test_only_the_newest_edition_decides() -> None:
    rows = pd.concat([observed_until([1] * 6, 2015, edition=2022), observed_until([1] * 6, 2024, edition=2024)])
    assert not chosen(rows, ["damp"])[0].missing_because


def test_the_basis_id_depends_on_slots_and_the_indicators_that_fill_them() -> None:
    one = [Slot("damp", "damp", ""), Slot("ill", "ill", "")]
    assert basis_id(one) == basis_id([*reversed(one), Slot("late", "late", "Too old.")])
    assert basis_id(one) != basis_id(one[:1])
    assert basis_id(one) != basis_id([one[0], Slot("ill", "ill_2011", "")])


def catalogue_of(reasons: dict[str, str]) -> pd.DataFrame:
    """Rows of the product ``indicator``, given why each is not in the basis; an empty reason means that it is."""
    rows = [(name, COMPONENT_OF[name], not reason, reason or None) for name, reason in reasons.items()]
    return pd.DataFrame(rows, columns=["indicator_id", "component_id", "in_basis", "not_in_basis_because"])


def test_a_component_without_indicators_in_the_basis_is_left_out() -> None:
    assert left_out(catalogue_of({"damp": "", "crowded": "Too old.", "ill": ""})) == {}
    apart = left_out(catalogue_of({"damp": "No figures.", "crowded": "Too old.", "ill": ""}))
    assert apart == {"housing": {"damp": "No figures.", "crowded": "Too old."}}
    assert in_words(apart["housing"]) == "damp: No figures. crowded: Too old."


def test_a_dimension_may_lack_as_many_components_as_each_profile_allows() -> None:
    three = framework(("housing", "health", "safety"))
    require_dimensions({}, three)
    require_dimensions({"health": {"ill": "Too old."}}, three)
    lacking = {"health": {"ill": "Too old."}, "safety": {"crime": "No figures."}}
    with pytest.raises(SpiError) as raised:
        require_dimensions(lacking, three)
    assert str(raised.value) == (
        "no index can be published: of the 3 components of needs 1 have a slot in the basis, and profile spi needs 50% "
        "(available in framework.yaml). health: ill: Too old. safety: crime: No figures. Add figures for them, or take "
        "the components out of framework.yaml."
    )
    strict = three.profiles["equal"].model_copy(update={"available": {"dimension": 0.7, "index": 0.1}})
    with pytest.raises(SpiError, match="profile equal needs 70%"):
        require_dimensions({"health": {"ill": "Too old."}}, three.model_copy(
            update={"profiles": three.profiles | {"equal": strict}}))  # fmt: skip


def test_a_dimension_needs_a_component_even_if_no_profile_requires_one() -> None:
    lenient = framework()
    profiles = {name: one.model_copy(update={"available": None}) for name, one in lenient.profiles.items()}
    lenient = lenient.model_copy(update={"profiles": profiles})
    require_dimensions({"health": {"ill": "Too old."}}, lenient)
    with pytest.raises(SpiError, match="0 have a slot"):
        require_dimensions({"health": {"ill": "Too old."}, "housing": {"damp": "Too old."}}, lenient)


def edition_rows(rows: pd.DataFrame, weights: dict[str, float], areas: Areas = AREAS) -> pd.DataFrame:
    kept = [Slot(name, name, "") for name in weights]
    by_profile = {"spi": pd.Series(weights), "equal": pd.Series(weights)}
    return edition_table(rows, by_profile, kept, framework(), areas, TODAY, pd.Series({2024: dt.date(2024, 4, 30)}))


def figures(status: dict[int, str], name: str = "damp") -> pd.DataFrame:
    """One indicator in some editions; the status decides the year of its value."""
    parts = []
    for edition, word in status.items():
        rows = observed({name: [1] * 6}, edition, word)
        year = {"observed": edition, "carried": edition - 1, "held": edition + 1}[word]
        parts.append(rows.assign(period_end=dt.date(year, 12, 31)))
    return pd.concat(parts, ignore_index=True)


def test_an_edition_reports_measured_carried_and_held_weight() -> None:
    rows = pd.concat([figures({2023: "held", 2024: "observed"}), figures({2023: "carried", 2024: "carried"}, "ill")])
    table = edition_rows(rows, {"damp": 0.25, "ill": 0.75})
    shares = ["edition", "slots", "measured_weight", "carried_weight", "held_weight"]
    assert table.loc[table["profile"] == "spi", shares].to_numpy().tolist() == [
        [2023, 2, 0, 0.75, 0.25], [2024, 2, 0.25, 0.75, 0],
    ]  # fmt: skip
    assert set(table["as_of"]) == {TODAY}
    assert table["window_end"].dropna().tolist() == [dt.date(2024, 4, 30)] * 2, "only the newest edition has a window"


def test_movable_is_the_weight_of_indicators_with_another_period() -> None:
    # damp's values are for 2024 in both editions; ill's are for 2022 in the first and 2023 in the second.
    rows = pd.concat([figures({2023: "held", 2024: "observed"}), figures({2023: "carried", 2024: "carried"}, "ill")])
    moved = edition_rows(rows, {"damp": 0.25, "ill": 0.75}).set_index(["edition", "profile"])["movable"]
    assert pd.isna(moved[2023, "spi"])
    assert moved[2024, "spi"] == 0.75


@pytest.mark.parametrize(("held", "editions"), [(0.5, [2023, 2024]), (0.51, [2024])])
def test_an_edition_is_published_if_at_most_half_of_its_weight_is_held(held: float, editions: list[int]) -> None:
    rows = pd.concat([figures({2023: "held", 2024: "held"}), figures({2023: "observed", 2024: "observed"}, "ill")])
    table = edition_rows(rows, {"damp": held, "ill": 1 - held})
    assert sorted(set(table["edition"])) == editions, "the newest edition is always published"


def test_shares_are_means_over_the_wards_without_estimates() -> None:
    rows = figures({2024: "observed"})
    rows.loc[rows["area_code"].isin([WARDS[0], NORTH, SOUTH]), "status"] = "missing"
    assert edition_rows(rows, {"damp": 1.0})["measured_weight"].tolist() == [0.75, 0.75]


@pytest.mark.parametrize(("older", "kept"), [(2022, True), (2018, False)])
def test_without_its_newest_value_a_slot_stays_in_all_editions_or_in_none(older: int, kept: bool) -> None:
    editions = [2021, 2022, 2023, 2024]

    def of(years: list[int]) -> pd.DataFrame:
        """The editions built from values for these years; each edition has a row for every area."""
        values = pd.DataFrame(
            [
                {"area_code": area, "period_start": pd.Timestamp(year, 1, 1), "period_end": pd.Timestamp(year, 12, 31),
                 "value": 50.0, "lower": 49.0, "upper": 51.0, "allocation_error": 0.0, "error_evidence": "counts",
                 "numerator": 50.0, "denominator": 100.0, "covered": 1.0}
                for year in years
                for area in [*WARDS, NORTH]
            ]
        )  # fmt: skip
        return observations(values, indicator("damp"), source(), [], editions, relative=False)

    full, less = of([older, 2024]), of([older])
    assert not chosen(full, ["damp"])[0].missing_because
    assert bool(chosen(less, ["damp"])[0].missing_because) is not kept
    # All editions share one basis, so the slot is in all of them or in none: every edition holds a value for it.
    for rows in (full, less):
        assert set(rows["edition"]) == set(editions)
        assert not (rows["status"] == "missing").any()
