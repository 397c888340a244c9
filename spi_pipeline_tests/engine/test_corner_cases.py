"""Constant indicators, areas without values, single areas and equal areas behave as the documentation says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spi_pipeline.engine import score
from spi_pipeline.engine.aggregate.parent import MEANS
from spi_pipeline.engine.calculate.score import Scores
from spi_pipeline.engine.errors import EngineError
from spi_pipeline.engine.framework.methods import METHODS
from spi_pipeline_tests.engine.frameworks import NAN, element, indicator, rows

# The score of a constant indicator in every area, by normalisation method. Of the others, minmax, maximum and
# reference refuse it, and the rest give every area the same score.
CONSTANT: dict[str, float] = {
    "goalposts": 50, "scaled": 5, "z": 0, "base_year_z": 100, "rank": 1, "percentile_rank": 0, "borda": 0,
    "normal": 0, "target": 0, "fraction": 100, "none": 5,
}  # fmt: skip
NEEDED = {"reference": {"area_code": "A01"}}


def framework(normalise: Any, aggregate: Any = "arithmetic", **keys: Any) -> dict[str, Any]:
    leaves = [indicator(name, "index", worst=0, best=10, target=10) for name in "ab"]
    return {"normalise": normalise, "aggregate": aggregate, "floor": 1, **keys, "elements": [element("index"), *leaves]}


def scored(method: str, a: list[float], b: list[float], **keys: Any) -> Scores:
    return score(framework({"method": method, **NEEDED.get(method, {})}, **keys), rows({"a": a, "b": b}))


@pytest.mark.parametrize("method", METHODS["normalise"])
def test_a_constant_indicator_is_refused_or_scores_the_same_everywhere(method: str) -> None:
    if method in ("minmax", "maximum", "reference"):
        with pytest.raises(EngineError, match=r"\ba\b"):
            scored(method, [5.0, 5, 5], [1.0, 2, 3])
    elif method in CONSTANT:
        assert scored(method, [5.0, 5, 5], [1.0, 2, 3]).scores["a"].tolist() == [CONSTANT[method]] * 3
    else:
        assert scored(method, [2.0, 2, 2], [1.0, 2, 3]).scores["a"].nunique() == 1


@pytest.mark.parametrize("impute", [method for method in METHODS["impute"] if not method.startswith("group")])
@pytest.mark.parametrize("mean", MEANS)
def test_an_area_without_values_has_neither_score_nor_rank(impute: str, mean: str) -> None:
    aggregate = {"method": "generalised", "order": 2} if mean == "generalised" else mean
    columns = {name: [1.0, 2, NAN, 3.5, 4] for name in "ab"}
    table = rows({**columns, "b": [1.0, 3, NAN, 2, NAN]}).assign(edition=2020)
    result = score(framework("goalposts", aggregate, impute=impute), table)
    assert result.scores.iloc[2].isna().all()
    assert result.ranks().iloc[2].isna().all()
    assert result.scores["index"].drop((2020, "A02")).notna().all()
    assert result.coverage["index"].iloc[2] == 0


@pytest.mark.parametrize("method", METHODS["normalise"])
def test_a_single_area_is_ranked_first_or_has_no_percentile(method: str) -> None:
    if method in ("minmax", "maximum", "reference"):
        return  # these methods refuse a single area as they refuse a constant indicator
    value = 1.0 if method == "exponential_of_ranks" else 5.0
    result = scored(method, [value], [value], weights="pca", impute="regression")
    if method == "percentile_rank":
        assert result.scores["a"].isna().all()
    else:
        assert result.ranks()["index"].tolist() == [1]
        assert "index is weighted equally" in result.notes[0]


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.floats(0.5, 9.5).map(lambda value: round(value, 3)), min_size=6, max_size=6),
    st.sampled_from([name for name in METHODS["normalise"] if name != "exponential_of_ranks"]),
    st.sampled_from([name for name in MEANS if name != "generalised"]),
)
def test_equal_inputs_tie(values: list[float], method: str, mean: str) -> None:
    a, b = [9.9, 0.1, 5.0, *values[:3], 3.3, 3.3], [0.2, 9.8, 5.0, *values[3:], 4.4, 4.4]
    if mean in ("inverted_geometric", "mazziotta_pareto") and method in (
        "z",
        "normal",
        "base_year_z",
        "scaled",
        "none",
    ):
        return
    try:
        result = scored(method, a, b, aggregate=mean)
    except EngineError:  # the reference area has the worst value of all
        assert method == "reference"
        return
    one, other = (result.scores.iloc[place] for place in (-2, -1))
    np.testing.assert_allclose(one, other, rtol=0, atol=1e-9)
    ranks = result.ranks()
    assert ranks.iloc[-2].equals(ranks.iloc[-1].rename(ranks.index[-2]))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["regression", "neighbours", "mean"]), st.sampled_from(["pca", "equal"]))
def test_the_order_of_rows_and_columns_changes_nothing(seed: int, impute: str, weights: str) -> None:
    random = np.random.default_rng(seed)
    common = random.normal(size=(30, 1))
    panel = 50 + 8 * (common + random.normal(size=(30, 4)))
    panel[random.random(panel.shape) < 0.1] = NAN
    columns = dict(zip("abcd", panel.T.tolist(), strict=True))
    leaves = [indicator(name, "one" if name in "abc" else "two", worst=0, best=100) for name in "abcd"]
    stated = {"impute": impute, "weights": weights, "treat": True}
    elements = [element("index"), element("one", "index"), element("two", "index"), *leaves]
    table = rows(columns)
    result = score({**stated, "elements": elements}, table)
    mixed = [elements[place] for place in random.permutation(len(elements))]
    shuffled = table.sample(frac=1, random_state=seed)[random.permutation(table.columns)]
    other = score({**stated, "elements": mixed}, shuffled)
    pd.testing.assert_frame_equal(other.scores[result.scores.columns], result.scores, rtol=0, atol=1e-9)
    pd.testing.assert_frame_equal(other.ranks()[result.scores.columns], result.ranks())
