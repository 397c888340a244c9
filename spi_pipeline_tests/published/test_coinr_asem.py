"""The engine gives the results of an independent implementation: COINr's ASEM example, 51 countries, 49 indicators."""

from __future__ import annotations

import pandas as pd
import pytest

from spi_pipeline.engine.aggregate.parent import Mean, aggregate
from spi_pipeline.engine.errors import NegativeLoadingError
from spi_pipeline.engine.normalise.linear import goalpost_scores
from spi_pipeline.engine.rank import ranks
from spi_pipeline.engine.weights.correlation import pooled_correlation
from spi_pipeline.engine.weights.principal import principal_component_weights
from spi_pipeline_tests.published.files import published

# Groups in which COINr keeps loadings of both signs; our engine refuses to weight by them.
MIXED_LOADINGS = {"Instit", "Environ", "SusEcFin"}


def table(name: str) -> pd.DataFrame:
    return pd.read_csv(published(f"coinr_asem/{name}.csv"), index_col="uCode")


@pytest.fixture(scope="module")
def meta() -> pd.DataFrame:
    frame = pd.read_csv(published("coinr_asem/ASEM_iMeta.csv"), index_col="iCode")
    return frame[frame["Type"].isin(["Indicator", "Aggregate"])]


@pytest.fixture(scope="module")
def groups(meta: pd.DataFrame) -> dict[str, list[str]]:
    indicators = meta[meta["Level"] == 1]
    return {str(parent): list(children.index) for parent, children in indicators.groupby("Parent")}


@pytest.mark.parametrize(
    ("mean", "name"),
    [("arithmetic", "agg_a_amean_1_100"), ("geometric", "agg_a_gmean_1_100"), ("harmonic", "agg_a_hmean_1_100")],
)
def test_means_agree_at_all_levels(meta: pd.DataFrame, mean: Mean, name: str) -> None:
    scores, expected = table("norm_minmax_1_100"), table(name)
    weights = pd.read_csv(published("coinr_asem/weights_Original.csv"), index_col="iCode")["Weight"].astype(float)
    for parent in meta[meta["Level"] > 1].sort_values("Level").index:
        children = meta.index[meta["Parent"] == parent]
        scores[parent] = aggregate(scores[children], weights[children], mean).score
        assert (scores[parent] - expected[parent]).abs().max() < 1e-10, parent
    assert {"Conn", "Sust", "Index"} <= set(scores)


def test_scores_with_an_availability_threshold_agree(groups: dict[str, list[str]]) -> None:
    scores, expected = table("norm_minmax_1_100"), table("agg_a_amean_thr50_1_100")
    for parent, children in groups.items():
        computed = aggregate(scores[children], pd.Series(1.0, index=children), available=0.5).score
        pd.testing.assert_series_equal(computed, expected[parent], check_names=False, rtol=0, atol=1e-10)


def test_goalposts_at_the_extremes_equal_the_min_max_normalisation(meta: pd.DataFrame) -> None:
    treated, expected = table("dset_Treated"), table("norm_n_minmax")
    higher_is_better = meta.loc[treated.columns, "Direction"] > 0
    low, high = treated.min(), treated.max()
    panel = pd.concat({2018: treated}, names=["edition", "area_code"])
    scored = goalpost_scores(panel, low.where(higher_is_better, high), high.where(higher_is_better, low))
    assert (scored.droplevel("edition") - expected).abs().to_numpy().max() < 1e-10


def test_principal_component_weights_agree_where_loadings_have_one_sign(groups: dict[str, list[str]]) -> None:
    scores = table("norm_n_minmax")
    loadings = pd.read_csv(published("coinr_asem/weights_PCA_level1.csv"), index_col="iCode")["Weight"]
    refused = set()
    for parent, children in groups.items():
        pooled = pooled_correlation(scores[children])
        try:
            weights = principal_component_weights(pooled.correlation, pooled.sd)
        except NegativeLoadingError:
            refused.add(parent)
            continue
        # COINr weights by the loadings alone and ignores the spread of the scores.
        unscaled = weights * pooled.sd / (weights * pooled.sd).sum()
        assert (unscaled - loadings[children] / loadings[children].sum()).abs().max() < 1e-10, parent
    assert refused == MIXED_LOADINGS


def test_ranks_of_the_treated_indicators_agree_except_for_ties() -> None:
    normalised, expected = table("norm_n_minmax"), table("norm_n_rank")
    ranked = normalised.apply(lambda scores: ranks(scores, by=None, first="lowest"))
    different = (ranked.astype(float) - expected).abs()
    # COINr separates ties that differ only by floating-point rounding, in three cells.
    assert (different > 0).to_numpy().sum() <= 3
    assert different.to_numpy().max() <= 1
