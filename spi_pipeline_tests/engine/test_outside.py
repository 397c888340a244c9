"""Areas outside the index, which are scored without affecting the others, and wholes made up of areas."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from spi_pipeline.engine import score
from spi_pipeline.engine.calculate.score import Scores
from spi_pipeline.engine.framework.faults import FrameworkError
from spi_pipeline.engine.uncertainty.simulate import simulate
from spi_pipeline_tests.engine.frameworks import NAN, element, indicator, rows, two_components

COLUMNS = {
    "crowding": [2.0, 9, 16, 23, 30, -90],
    "heat": [44.0, 40, 22, 18, 9, 500],
    "crime": [1.0, 6, NAN, 12, 19, 400],
}
METHODS: list[dict[str, Any]] = [
    {"profile": "spi"},
    {"profile": "deprivation"},
    {"normalise": "minmax", "impute": "mean", "treat": True},
    {"normalise": "z", "impute": "neighbours"},
    {"normalise": "base_year_z", "impute": "median"},
    {"normalise": "rank", "missing": "group_mean"},
    {"normalise": "percentile_rank", "aggregate": "copeland"},
    {"normalise": "borda", "aggregate": "outranking", "missing": "blank"},
    {"normalise": "maximum"},
    {"normalise": {"method": "reference", "area_code": "A01"}},
]


def scored(columns: dict[str, list[float]], **keys: Any) -> Scores:
    return score(two_components(**keys), rows(columns, [2024]))


@pytest.mark.parametrize("keys", METHODS)
def test_an_area_outside_does_not_affect_the_others(keys: dict[str, Any]) -> None:
    alone = scored({name: column[:-1] for name, column in COLUMNS.items()}, **keys)
    with_outside = scored(COLUMNS, **keys, outside=["A05"])
    pd.testing.assert_frame_equal(with_outside.scores.iloc[:-1], alone.scores)
    pd.testing.assert_frame_equal(with_outside.ranks().iloc[:-1], alone.ranks())
    assert with_outside.ranks().iloc[-1].isna().all()
    drawn, without = simulate(with_outside, 20).intervals, simulate(alone, 20).intervals
    kept = drawn[drawn["area_code"] != "A05"].reset_index(drop=True)
    names = ["rank_low", "rank_high", "lowest"]
    pd.testing.assert_frame_equal(kept[names], without[names])


def test_the_score_of_an_area_outside_by_hand() -> None:
    columns = {"crowding": [0.0, 10, 20, 5], "heat": [50.0, 25, 0, 10], "crime": [0.0, 10, 20, 30]}
    result = scored(columns, normalise="minmax", outside=["A03"]).scores.iloc[-1]
    # A value worse than all the others scores below 0: the scale comes from the others and does not stretch.
    assert result[["crowding", "heat", "crime"]].tolist() == pytest.approx([75, 20, -50])
    ranked = scored(columns, normalise="rank", outside=["A03"]).scores.iloc[-1]
    assert ranked[["crowding", "heat", "crime"]].tolist() == [3, 2, 1]


def test_a_whole_is_scored_from_its_population_weighted_values() -> None:
    values = rows({"crowding": [0.0, 30], "heat": [10.0, 40], "crime": [5.0, 20]})
    values["population"] = values["area_code"].map({"A00": 3000, "A01": 1000})
    values["numerator"], values["denominator"] = 5.0, 50.0
    result = score(two_components(wholes="all"), values)
    whole = result.scores.xs("all", level="area_code").iloc[0]
    assert whole["crowding"] == pytest.approx(100 * (1 - 7.5 / 30))
    assert whole["heat"] == pytest.approx(100 * 17.5 / 50)
    assert whole["crime"] == pytest.approx(100 * (1 - 8.75 / 20))
    assert result.ranks().xs("all", level="area_code").isna().all(axis=None)
    assert result.task.values.numerator is not None
    assert result.task.values.numerator.xs("all", level="area_code").eq(10).all(axis=None)


def test_each_group_has_a_whole() -> None:
    values = rows({"crowding": [0.0, 30, 10], "heat": [10.0, 40, 20], "crime": [5.0, 20, 3]})
    values["population"] = 1.0
    values["group"] = values["area_code"].map({"A00": "north", "A01": "north", "A02": "south"})
    scores = score(two_components(wholes="group"), values).scores.droplevel("edition")
    assert list(scores.index) == ["A00", "A01", "A02", "north", "south"]
    assert scores.loc["south", "index"] == scores.loc["A02", "index"]
    assert scores.loc["north", "crowding"] == pytest.approx(50)


@pytest.mark.parametrize(
    ("keys", "columns", "words"),
    [
        ({"outside": ["Z"]}, {}, "there is no area 'Z' in the values"),
        ({"outside": "Z"}, {}, "outside is 'Z': list the codes"),
        ({"outside": ["A00", "A01"]}, {}, "every area is outside"),
        ({"wholes": "all"}, {}, "wholes need the column 'population'"),
        ({"wholes": "group"}, {"population": 1.0}, "wholes need the column 'group'"),
        ({"wholes": "some"}, {}, "wholes is 'some': use all or group"),
        ({"wholes": "group"}, {"population": 1.0, "group": "A00"}, "a whole and an area are both named A00"),
    ],
)
def test_faulty_outside_and_wholes_are_refused(keys: dict[str, Any], columns: dict[str, Any], words: str) -> None:
    values = rows({"crowding": [0.0, 30], "heat": [10.0, 40], "crime": [5.0, 20]}).assign(**columns)
    with pytest.raises(FrameworkError, match=words):
        score(two_components(**keys), values)


def test_a_profile_applies_to_levels_by_their_names() -> None:
    framework = {
        "profile": "california",
        "levels": ["component", "dimension", "index"],
        "elements": [
            element("i"),
            element("d", "i"),
            *(indicator(name, "d", worst=0, best=100) for name in ("a", "b")),
        ],
    }
    values = rows({"a": [4.0, 50, 90], "b": [9.0, 60, 40]})
    assert score(framework, values).scores["d"].iloc[0] == pytest.approx(6)
    # Under other names, the lowest aggregated level is the component: an arithmetic mean weighted by principal
    # components.
    other = {**framework, "levels": ["measure", "theme", "whole"]}
    assert score(other, values).scores["d"].iloc[0] > 6.2
