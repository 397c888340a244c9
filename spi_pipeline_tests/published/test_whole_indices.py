"""Complete published indices recomputed from a framework and a long table of values."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from spi_pipeline.engine import score
from spi_pipeline_tests.published.files import published
from spi_pipeline_tests.published.test_uk_deprivation import ENGLAND

DIRECTIONS = {1: "higher_is_better", -1: "lower_is_better"}


def asem(name: str) -> pd.DataFrame:
    return pd.read_csv(published(f"coinr_asem/{name}.csv"), index_col="uCode")


def long(wide: pd.DataFrame, **columns: pd.Series) -> pd.DataFrame:
    rows = wide.rename_axis("area_code").reset_index()
    rows = rows.melt(id_vars="area_code", var_name="indicator_id", value_name="value")
    return rows.assign(**{name: rows["area_code"].map(column) for name, column in columns.items()})


def asem_framework(**keys: Any) -> dict[str, Any]:
    meta = pd.read_csv(published("coinr_asem/ASEM_iMeta.csv"))
    meta = meta[meta["Type"].isin(["Indicator", "Aggregate"])]
    elements = []
    for row in meta.itertuples():
        element: dict[str, Any] = {"id": row.iCode, "weight": row.Weight}
        if isinstance(row.Parent, str):
            element["parent"] = row.Parent
        if row.Level == 1:
            element["direction"] = DIRECTIONS[row.Direction]
        elements.append(element)
    return {"levels": ["indicator", "group", "sub_index", "index"], "normalise": "minmax", **keys, "elements": elements}


def largest_difference(framework: dict[str, Any], values: pd.DataFrame, expected: pd.DataFrame) -> float:
    scores = score(framework, values).scores.droplevel("edition")
    shared = [name for name in scores.columns if name in expected.columns]
    assert len(shared) > 50
    return float((scores[shared] - expected[shared]).abs().max().max())


def test_asem_is_reproduced_from_indicators_with_gaps_and_outliers() -> None:
    groups = pd.read_csv(published("coinr_asem/ASEM_iData.csv"), index_col="uCode")["EurAsia_group"]
    framework = asem_framework(impute="group_mean", treat=True)
    result = score(framework, long(asem("dset_Denominated"), group=groups))
    expected = asem("dset_Aggregated")
    scores = result.scores.droplevel("edition")
    assert (scores - expected[scores.columns]).abs().to_numpy().max() < 1e-9
    assert len(result.indicators.cells) == 65
    assert len(result.indicators.points) == 35
    ranks = result.ranks().droplevel("edition")["Index"]
    assert (ranks - asem("results_full")["Rank"]).abs().max() == 0


@pytest.mark.parametrize(
    ("mean", "name"),
    [("arithmetic", "agg_a_amean_1_100"), ("geometric", "agg_a_gmean_1_100"), ("harmonic", "agg_a_hmean_1_100")],
)
def test_asem_is_reproduced_with_other_means(mean: str, name: str) -> None:
    framework = asem_framework(aggregate=mean, normalise={"method": "minmax", "low": 1})
    assert largest_difference(framework, long(asem("dset_Treated")), asem(name)) < 1e-9


def test_asem_is_reproduced_with_loadings_of_either_sign() -> None:
    loadings = {"method": "pca_loadings", "allow_negative": True}
    framework = asem_framework(weights={"group": loadings, "sub_index": "equal", "index": "equal"})
    assert largest_difference(framework, long(asem("dset_Treated")), asem("agg_PCAweights_level1")) < 1e-9


def deprivation(weights: dict[str, float]) -> dict[str, Any]:
    domains = [
        {"id": f"{name}_rank", "parent": "imd", "direction": "higher_is_better", "weight": weight}
        for name, weight in weights.items()
    ]
    return {"profile": "deprivation", "normalise": "exponential_of_ranks", "elements": [{"id": "imd"}, *domains]}


def test_the_english_index_is_reproduced_through_two_exponential_transforms() -> None:
    areas = pd.read_csv(published("uk_deprivation/imd2025_england_lsoa21.csv.gz"), index_col=0)
    parts = pd.read_csv(published("uk_deprivation/imd2025_england_lsoa21_subdomains.csv.gz"), index_col=0)
    framework = deprivation(ENGLAND)
    for element in framework["elements"]:
        if element["id"] == "Education_rank":
            element |= {"id": "education"}
            del element["direction"]
    subdomains = ["children_and_young_people_rank", "adult_skills_rank"]
    framework["elements"] += [
        {"id": name, "parent": "education", "direction": "higher_is_better"} for name in subdomains
    ]
    framework["levels"] = ["indicator", "domain", "index"]
    ranks = areas.filter(regex="(Income|Employment|Health|Crime|Housing_and_Services|Environment)_rank")
    scores = score(framework, long(ranks.join(parts[subdomains]))).scores.droplevel("edition")
    assert (scores["education"] - areas["Education_score"]).abs().max() < 0.0014
    # Our engine ranks the domain's scores itself, in full precision; the publisher's ranks are exact too.
    assert (scores["imd"] - areas["IMD_score"]).abs().max() < 0.02
