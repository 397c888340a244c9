"""The areas most similar to each area, compared with the plain method of sorting all distances."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spi_pipeline.engine.peers import most_alike


def plain_way(figures: pd.DataFrame, count: int) -> dict[str, list[str]]:
    known = figures.dropna().sort_index()
    known = known.loc[:, known.std() > 0]
    standard = (known - known.mean()) / known.std()
    found = {}
    for code, own in standard.iterrows():
        distance = np.sqrt(((standard.drop(code) - own) ** 2).mean(axis=1)).round(9)
        found[str(code)] = list(distance.reset_index().sort_values([0, "index"])["index"][:count])
    return found


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 40), st.integers(1, 4), st.integers(0, 10_000))
def test_the_nearest_are_those_of_the_plain_way(areas: int, count: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    figures = pd.DataFrame(random.normal(size=(areas, 3)), index=[f"E{n:03}" for n in range(areas)])
    figures[3] = 1.0  # the same everywhere, so it distinguishes nothing
    found = most_alike(figures, count)
    assert found.groupby("area_code")["other_code"].apply(list).to_dict() == plain_way(figures, count)


def test_an_area_that_lacks_a_figure_is_like_nobody_and_a_distance_is_in_standard_deviations() -> None:
    figures = pd.DataFrame({"a": [0.0, 2.0, 4.0, np.nan], "b": [1.0, 3.0, 5.0, 1.0]}, index=list("PQRS"))
    found = most_alike(figures, 5).set_index(["area_code", "place"])
    assert set(found.index.get_level_values(0)) == set("PQR")
    assert found.loc[("P", 1), "other_code"] == "Q"
    assert found.loc[("P", 1), "distance"] == pytest.approx(1)
    assert found.loc[("P", 2), "distance"] == pytest.approx(2)
    assert most_alike(figures.iloc[:1]).empty
