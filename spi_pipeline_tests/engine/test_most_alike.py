"""The areas most similar to each area, compared with the plain method of sorting all distances."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spi_pipeline.engine.peers import most_alike


def sorted_distances(figures: pd.DataFrame, count: int) -> dict[str, list[str]]:
    complete = figures.dropna().sort_index()
    complete = complete.loc[:, complete.std() > 0]
    standard = (complete - complete.mean()) / complete.std()
    result = {}
    for code, own in standard.iterrows():
        distance = np.sqrt(((standard.drop(code) - own) ** 2).mean(axis=1)).round(9)
        result[str(code)] = list(distance.reset_index().sort_values([0, "index"])["index"][:count])
    return result


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 40), st.integers(1, 4), st.integers(0, 10_000))
def test_the_nearest_areas_are_those_with_the_smallest_distances(areas: int, count: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    figures = pd.DataFrame(random.normal(size=(areas, 3)), index=[f"E{n:03}" for n in range(areas)])
    figures[3] = 1.0  # the same everywhere, so it distinguishes nothing
    result = most_alike(figures, count)
    assert result.groupby("area_code")["other_code"].apply(list).to_dict() == sorted_distances(figures, count)


def test_areas_without_a_figure_have_no_match_and_distances_are_standardised() -> None:
    figures = pd.DataFrame({"a": [0.0, 2.0, 4.0, np.nan], "b": [1.0, 3.0, 5.0, 1.0]}, index=list("PQRS"))
    result = most_alike(figures, 5).set_index(["area_code", "place"])
    assert set(result.index.get_level_values(0)) == set("PQR")
    assert result.loc[("P", 1), "other_code"] == "Q"
    assert result.loc[("P", 1), "distance"] == pytest.approx(1)
    assert result.loc[("P", 2), "distance"] == pytest.approx(2)
    assert most_alike(figures.iloc[:1]).empty
