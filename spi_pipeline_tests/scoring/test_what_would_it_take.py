"""What it would take, worked out by hand: a town of six wards whose index is one component of two indicators."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from spi_pipeline.engine.intervals import Z95
from spi_pipeline.run.activity import contracts_in_force
from spi_pipeline.scoring.analysis.what_would_it_take import (
    COLUMNS,
    COUNTS,
    PROPORTION,
    Counted,
    counted,
    what_would_it_take,
)
from spi_pipeline.scoring.areas import Areas
from spi_pipeline.scoring.tree import Tree
from spi_pipeline_tests.graph.snapshot import SETTINGS
from spi_pipeline_tests.scoring.town import NAN, NORTH, catalogue, framework, indicator, trees

WARDS = [f"E0500000{number}" for number in range(1, 7)]
TOWN = Areas(pd.Series(dict.fromkeys(WARDS, NORTH)))
AREAS = [*WARDS, NORTH]
HOMES = Counted("households", 100.0, bounded=True, higher=True)
CRIMES = Counted("incidents", None, bounded=False, higher=False)
# Warm homes among the 200 of each ward and the 1,200 of the town. The median ward has 60 warm homes in 100.
WARM = [20, 100, 120, 120, 160, 180, 700]
CRIME = [40.0, 10.0, 20.0, 30.0, 20.0, 30.0, 25.0]
EVENTS = [80, 20, 40, 60, 40, 60, 300]


def figures(**changed: Any) -> pd.DataFrame:
    """Rows of ``indicator_value``: ``warm`` as a percentage of homes, ``crime`` as a rate of events."""
    homes = [200.0] * 6 + [1200.0]
    value = [100 * warm / home for warm, home in zip(WARM, homes, strict=True)]
    warm = {"indicator_id": "warm", "value": value, "numerator": [float(warm) for warm in WARM]} | changed
    crime = {"indicator_id": "crime", "value": CRIME, "numerator": [float(number) for number in EVENTS]}
    rows = pd.concat([pd.DataFrame({"area_code": AREAS, "denominator": homes, **each}) for each in (warm, crime)])
    rows = rows.assign(edition=2024, lower=rows["value"] - 3, upper=rows["value"] + 6, allocation_error=0.0)
    days = {"period_start": dt.date(2024, 1, 1), "period_end": dt.date(2024, 12, 31)}
    return rows.assign(status="observed", **days).reset_index(drop=True)


def tree_of(**stated: Any) -> tuple[Tree, Any]:
    frame = framework(("housing",))
    items = {"housing": [indicator("warm"), indicator("crime", worst=100, best=0)]}
    return trees(frame, catalogue(**items))["equal"], frame.uncertainty.model_copy(update=stated)


def england(**median: float) -> pd.DataFrame:
    return pd.DataFrame(
        [(name, "p50", value) for name, value in median.items()], columns=["indicator_id", "statistic", "value"]
    )


def computed(
    rows: pd.DataFrame | None = None, reference: pd.DataFrame | None = None, how: dict[str, Counted] | None = None,
    **stated: Any,
) -> pd.DataFrame:  # fmt: skip
    tree, wanted = tree_of(**stated)
    known = {"warm": HOMES, "crime": CRIMES} if how is None else how
    table = what_would_it_take(
        tree, figures() if rows is None else rows, known, england() if reference is None else reference, TOWN, wanted
    )
    return table.set_index(["indicator_id", "target", "area_code"], drop=False).sort_index()


def test_the_homes_needed_to_reach_the_median_ward() -> None:
    table = computed()
    assert list(table.columns) == [name for name in COLUMNS if name != "profile"]
    assert len(table) == 12, "the town is not compared with itself"
    first = table.loc[("warm", "authority_median", WARDS[0])]
    # This ward has 20 warm homes in 200, the median ward 60 in 100.
    assert (first["counted"], first["value"], first["target_value"], first["value_then"]) == (20, 10, 60, 60)
    assert first[["unit", "way", "rests_on", "status"]].tolist() == ["households", "more", COUNTS, "observed"]
    assert first["needed"] == pytest.approx(100)
    # The share of warm homes lies between 7 and 16 %.
    assert (first["needed_low"], first["needed_high"]) == (pytest.approx(88), pytest.approx(106))
    highest = table.loc[("warm", "authority_median", WARDS[5])]
    assert highest["needed"] == pytest.approx(-60), "the ward is this many homes ahead"


def test_crimes_change_in_proportion_to_the_published_rate() -> None:
    first = computed().loc[("crime", "authority_median", WARDS[0])]
    # 80 crimes make a rate of 40, and the target of 25 is five eighths of that.
    assert (first["way"], first["rests_on"], first["counted"]) == ("fewer", PROPORTION, 80)
    assert first["needed"] == pytest.approx(30)
    # The rate lies between 37 and 46.
    assert (first["needed_low"], first["needed_high"]) == (pytest.approx(24), pytest.approx(42))
    assert computed().loc[("crime", "authority_median", WARDS[1]), "needed"] == pytest.approx(-30)
    alone = computed(how={"crime": CRIMES})
    assert alone["needed"].tolist() == computed().loc["crime", "needed"].tolist()


def test_scores_and_ranks_then_come_from_changing_that_figure_alone() -> None:
    table = computed().loc[("warm", "authority_median")]
    now = [(10 + 60) / 2, (50 + 90) / 2, (60 + 80) / 2, (60 + 70) / 2, (80 + 80) / 2, (90 + 70) / 2]
    assert table["index_score"].tolist() == pytest.approx(now)
    assert table["rank"].tolist() == [6, 3, 3, 5, 1, 1]
    assert (table["score"].iloc[0], table["score_then"].iloc[0]) == pytest.approx((10, 60))
    # With 60 % warm homes and 60 points for crime, the ward scores 60 points and is still last.
    assert (table["index_score_then"].iloc[0], table["rank_then"].iloc[0]) == (pytest.approx(60), 6)
    # The second ward gains five points and is third without a tie; the best loses 15 and falls to fourth.
    assert (table["index_score_then"].iloc[1], table["rank_then"].iloc[1]) == (pytest.approx(75), 3)
    assert (table["index_score_then"].iloc[5], table["rank_then"].iloc[5]) == (pytest.approx(65), 4)


def test_allocation_error_widens_the_interval_as_an_independent_error() -> None:
    rows = figures().assign(allocation_error=4 / Z95)
    first = computed(rows).loc[("warm", "authority_median", WARDS[0])]
    assert (first["needed_low"], first["needed_high"]) == (
        pytest.approx(2 * (50 - (36 + 16) ** 0.5)),
        pytest.approx(2 * (50 + 5)),
    )
    wide = computed(rows.assign(lower=rows["value"] - 30)).loc[("warm", "authority_median", WARDS[0])]
    assert wide["needed_high"] == pytest.approx(120), "there cannot be fewer than no warm homes"


def test_a_target_beyond_what_can_be_counted_is_cut_and_marked() -> None:
    table = computed(reference=england(warm=120.0, crime=10.0)).loc[("warm", "england_median")]
    first = table.loc[WARDS[0]]
    assert (first["cut"], first["target_value"], first["value_then"]) == (True, 120, 100)
    assert first["needed"] == pytest.approx(180), "all of its 200 homes"
    other = Counted("incidents", 100.0, bounded=False, higher=True)
    unbounded = computed(reference=england(warm=120.0), how={"warm": other}).loc[("warm", "england_median", WARDS[0])]
    assert (unbounded["cut"], unbounded["value_then"]) == (False, 120), "other things may outnumber homes"
    assert unbounded["needed"] == pytest.approx(220)


def test_the_town_is_compared_with_england_and_has_no_rank() -> None:
    table = computed(reference=england(warm=50.0)).loc[("warm", "england_median")]
    assert len(table) == 7
    town = table.loc[NORTH]
    assert town["needed"] == pytest.approx(-100)
    assert town[["rank", "rank_low", "rank_high", "rank_then", "rank_then_low", "rank_then_high"]].isna().all()
    assert town["index_score_then"] == pytest.approx(town["index_score"] - 25 / 6)


def test_missing_and_suppressed_cells_have_no_row() -> None:
    for status in ("missing", "suppressed"):
        rows = figures()
        first = (rows["indicator_id"] == "warm") & (rows["area_code"] == WARDS[0])
        rows.loc[first, ["value", "numerator", "denominator", "lower", "upper"]] = NAN
        rows.loc[first, "status"] = status
        table = computed(rows)
        assert WARDS[0] not in table.loc[("warm", "authority_median")].index
        assert WARDS[0] in table.loc[("crime", "authority_median")].index
    old = computed(figures().assign(status="carried")).loc[("warm", "authority_median", WARDS[0])]
    assert (old["status"], old["needed"]) == ("carried", pytest.approx(100)), (
        "an older count is used and marked as such"
    )


def test_a_rate_without_counted_events_has_no_row() -> None:
    rows = figures()
    rows.loc[(rows["indicator_id"] == "crime") & (rows["area_code"] == WARDS[1]), "numerator"] = 0.0
    assert WARDS[1] not in computed(rows).loc[("crime", "authority_median")].index
    rows = figures()
    no_homes = (rows["indicator_id"] == "warm") & (rows["area_code"] == WARDS[0])
    rows.loc[no_homes, ["value", "numerator", "lower"]] = 0.0
    assert computed(rows).loc[("warm", "authority_median", WARDS[0]), "needed"] == pytest.approx(120), (
        "a share of zero homes has a row"
    )


def test_a_share_published_without_its_count_still_has_a_row() -> None:
    first = computed(figures(numerator=NAN)).loc[("warm", "authority_median", WARDS[0])]
    assert (first["counted"], first["needed"]) == (pytest.approx(20), pytest.approx(100))


def test_a_capped_value_has_no_row() -> None:
    tree, wanted = tree_of()
    capped = tuple(
        {**element, "at_least": 55.0} if element["id"] == "warm" else element for element in tree.elements
    )  # fmt: skip
    table = what_would_it_take(replace(tree, elements=capped), figures(), {"warm": HOMES}, england(), TOWN, wanted)
    assert set(table["area_code"]) == set(WARDS[2:]), "two wards are below the cap"


def test_without_variation_the_likely_rank_is_the_rank() -> None:
    table = computed(sources=["imputation"])
    for end in ("low", "high"):
        assert (table[f"rank_{end}"] == table["rank"]).all()
        assert (table[f"rank_then_{end}"] == table["rank_then"]).all()
    drawn = computed()
    assert (drawn["rank_high"] > drawn["rank_low"]).any()


def test_without_counted_indicators_the_table_is_empty_with_all_columns() -> None:
    table = computed(how={})
    assert table.empty
    assert list(table.columns) == [name for name in COLUMNS if name != "profile"]


def test_counted_indicators_follow_from_the_contracts() -> None:
    known = counted(contracts_in_force(SETTINGS))
    assert known["overcrowded_homes"] == Counted("households", 100.0, bounded=True, higher=False)
    assert known["turnout"] == Counted("people", 100.0, bounded=True, higher=True), "turnout is a mean that is a share"
    assert known["stop_and_search"] == Counted("incidents", 1000.0, bounded=False, higher=False)
    assert known["violent_crime"] == Counted("incidents", None, bounded=False, higher=False)
    assert "patients_per_gp" not in known
    assert "nitrogen_dioxide" not in known
