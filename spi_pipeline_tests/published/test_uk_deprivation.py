"""The indices of multiple deprivation of the four UK nations: ranks, exponential transform, fixed weights."""

from __future__ import annotations

import pandas as pd
import pytest

from spi_pipeline.engine.aggregate.parent import aggregate
from spi_pipeline.engine.normalise.ranks import exponential_of_ranks, exponential_scores
from spi_pipeline_tests.engine.panels import normalised
from spi_pipeline_tests.published.files import published

ENGLAND = {
    "Income": 0.225, "Employment": 0.225, "Education": 0.135, "Health": 0.135, "Crime": 0.093,
    "Housing_and_Services": 0.093, "Environment": 0.093,
}  # fmt: skip
WALES = {
    "Income": 0.22, "Employment": 0.22, "Health": 0.15, "Education": 0.14, "Access": 0.10, "Housing": 0.07,
    "Crime": 0.05, "Environment": 0.05,
}  # fmt: skip
SCOTLAND = {
    "Income": 0.28, "Employment": 0.28, "Health": 0.14, "Education": 0.14, "Access": 0.09, "Crime": 0.05,
    "Housing": 0.02,
}  # fmt: skip
NORTHERN_IRELAND = {
    "Income": 0.25, "Employment": 0.25, "Health": 0.15, "Education": 0.15, "Access": 0.10, "Environment": 0.05,
    "Crime": 0.05,
}  # fmt: skip


def panel(name: str) -> pd.DataFrame:
    frame = pd.read_csv(published(f"uk_deprivation/{name}"), index_col=0)
    return pd.concat({2025: frame}, names=["edition", "area_code"])


def need_from_ranks(areas: pd.DataFrame, domains: list[str]) -> pd.DataFrame:
    ranks = areas[[f"{domain}_rank" for domain in domains]].set_axis(domains, axis=1)
    return normalised(exponential_of_ranks, ranks, pd.Series(-1, index=domains))


def index_from_ranks(areas: pd.DataFrame, weights: dict[str, float]) -> pd.Series:
    need = need_from_ranks(areas, list(weights))
    # England's published shares sum to 0.999, and its scores are the plain sum of each share times its score.
    return aggregate(need, pd.Series(weights)).score * sum(weights.values())


def test_the_english_index_is_reproduced() -> None:
    areas = panel("imd2025_england_lsoa21.csv.gz")
    score = index_from_ranks(areas, ENGLAND)
    assert len(score) == 33_755
    assert (score - areas["IMD_score"]).abs().max() < 0.001
    difference = (score.rank(ascending=False, method="min") - areas["IMD_rank"]).abs()
    assert (difference > 0).sum() == 2
    assert difference.max() == 1


@pytest.mark.parametrize(
    ("domain", "parts", "tolerance"),
    [
        ("Education", {"children_and_young_people": 0.5, "adult_skills": 0.5}, 0.0014),
        ("Housing_and_Services", {"geographical_barriers": 0.5, "wider_barriers": 0.5}, 0.0006),
        ("Environment", {"indoors": 0.7, "outdoors": 0.3}, 0.0006),
    ],
)
def test_english_domains_are_reproduced_from_their_sub_domains(
    domain: str, parts: dict[str, float], tolerance: float
) -> None:
    score = index_from_ranks(panel("imd2025_england_lsoa21_subdomains.csv.gz"), parts)
    assert (score - panel("imd2025_england_lsoa21.csv.gz")[f"{domain}_score"]).abs().max() < tolerance


def test_rounded_scores_create_ties_and_change_the_index() -> None:
    areas = panel("imd2025_england_lsoa21.csv.gz")
    domains = areas[[f"{domain}_score" for domain in ENGLAND]].set_axis(list(ENGLAND), axis=1)
    need = normalised(exponential_scores, domains, pd.Series(1, index=domains.columns))
    score = aggregate(need, pd.Series(ENGLAND)).score * 0.999
    assert 0.05 < (score - areas["IMD_score"]).abs().max() < 0.1


def test_the_welsh_domains_and_index_are_reproduced() -> None:
    areas = panel("imd2019_wales_lsoa11.csv")
    domains = need_from_ranks(areas, list(WALES))
    for domain in WALES:
        assert (domains[domain] - areas[f"{domain}_score"]).abs().max() < 1e-8, domain
    assert (index_from_ranks(areas, WALES) - areas["IMD_score"]).abs().max() < 1e-8


@pytest.mark.parametrize(
    ("name", "weights", "mean", "largest"),
    [
        ("imd2020_scotland_dz11.csv", SCOTLAND, 0.26, 7),
        ("imd2017_northern_ireland_soa01.csv", NORTHERN_IRELAND, 0.20, 5),
    ],
)
def test_published_ranks_are_reproduced_within_a_few_places(
    name: str, weights: dict[str, float], mean: float, largest: int
) -> None:
    areas = panel(name)
    difference = (index_from_ranks(areas, weights).rank(ascending=False) - areas["IMD_rank"]).abs()
    assert difference.mean() < mean
    assert difference.max() <= largest
