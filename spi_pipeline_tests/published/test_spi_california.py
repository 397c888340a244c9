"""The Social Progress Index of California's counties, 2019: geometric means above the component."""

from __future__ import annotations

import pandas as pd
import pytest

from spi_pipeline.engine.aggregate.parent import aggregate
from spi_pipeline.engine.normalise.linear import goalpost_scores
from spi_pipeline.engine.weights.given import equal_weights
from spi_pipeline_tests.published.files import california_sheet

COUNTIES = 56
# Weights recovered by least squares to four decimals, which shifts scores by about a hundredth of a point.
COMPONENT_WEIGHTS = {
    "Personal Safety": {"PropertyClr_rate": 0.4186, "HomicideClr_rate": 0.2719, "ForRapeClr_rate": 0.3094},
    "Access to Basic Knowledge": {
        "pct_preschoolenroll": 0.2553, "pct_met_and_above_r": 0.2733, "pct_met_and_above_m": 0.2050,
        "pct_lessthan9th": 0.0884, "pct_hsincomplete": 0.1781,
    },
    "Environmental Quality": {
        "ozone": 0.2181, "pm25": 0.1981, "traffic": 0.1725, "CarbonFootprint": 0.2396, "wildfire.vulnerability": 0.1717,
    },
    "Personal Rights": {
        "RegistrationRate": 0.2658, "TurnoutEligible": 0.2620, "complaint.rate": 0.2400, "pct_homeownership": 0.2320,
    },
    "Personal Freedom and Choice": {
        "teen_birth_rate": 0.2915, "pct_exercise_access": 0.2177, "pct_childcaredesert": 0.2028,
        "pct_disconnected_youth": 0.2909,
    },
    "Inclusiveness": {
        "res_iso_wnw": 0.2061, "res_seg_wnw": 0.1920, "hatecrimerate": 0.1330, "bullying.rate": 0.1735,
        "pct_female": 0.1320, "linguistic_isolation": 0.1633,
    },
    "Access to Advanced Education": {
        "pct_enrolled": 0.1606, "pct_associates": 0.3207, "pct_bachelors": 0.2571, "pct_graduate": 0.2616,
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def sheet() -> pd.DataFrame:
    return california_sheet()


@pytest.fixture(scope="module")
def scores(sheet: pd.DataFrame) -> pd.DataFrame:
    """Index, three dimensions and twelve components in full precision, by county."""
    block = sheet.iloc[:, :17].dropna(how="all").T.reset_index(drop=True).T
    table = block.iloc[1:].set_axis(block.iloc[0], axis=1).set_index("County")
    return table.dropna(how="all").astype(float)


@pytest.fixture(scope="module")
def inputs(sheet: pd.DataFrame) -> pd.DataFrame:
    """The cleaned indicators by county, all higher is better, plus the rows utopia and dystopia."""
    start = int((sheet.iloc[0] == "NAME").to_numpy().argmax())
    block = sheet.iloc[:, start:]
    return block.iloc[1:].set_axis(block.iloc[0], axis=1).set_index("NAME").astype(float)


@pytest.mark.parametrize("dimension", ["Basic Human Needs", "Foundations of Wellbeing", "Opportunity"])
def test_dimension_is_the_geometric_mean_of_its_components(scores: pd.DataFrame, dimension: str) -> None:
    dimensions = list(scores.columns[1:4])
    first = 4 + 4 * dimensions.index(dimension)
    ids = list(scores.columns[first : first + 4])
    computed = aggregate(scores[ids], equal_weights(ids), "geometric").score
    assert len(computed) == COUNTIES
    assert (computed - scores[dimension]).abs().max() < 1e-12


def test_index_is_the_geometric_mean_of_its_dimensions(scores: pd.DataFrame) -> None:
    ids = list(scores.columns[1:4])
    computed = aggregate(scores[ids], equal_weights(ids), "geometric").score
    assert (computed - scores["Social Progress Index"]).abs().max() < 1e-12


@pytest.mark.parametrize("component", COMPONENT_WEIGHTS)
def test_component_is_the_weighted_mean_of_scores_between_dystopia_and_utopia(
    scores: pd.DataFrame, inputs: pd.DataFrame, component: str
) -> None:
    weights = pd.Series(COMPONENT_WEIGHTS[component])
    counties = inputs.loc[scores.index, weights.index]
    panel = pd.concat({2019: counties}, names=["edition", "area_code"])
    scored = goalpost_scores(panel, worst=inputs.loc["dystopia"], best=inputs.loc["utopia"])
    # The rounded weights do not sum to 1 (in one case to 1.0029), and the published scores are the plain weighted sum.
    computed = aggregate(scored, weights).score.droplevel("edition") * weights.sum()
    assert (computed - scores[component]).abs().max() < 0.02
