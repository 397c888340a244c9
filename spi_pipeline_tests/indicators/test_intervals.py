"""Intervals of ward values: the right model for each kind of count, checked against formulas here and in scipy.

Values without counts have the error that their indicator states.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.contracts.models.indicators import Indicator, Measure, MeasurementError
from spi_pipeline.contracts.models.vocabulary import Unit
from spi_pipeline.indicators.intervals import sampling_model, with_intervals
from spi_pipeline_tests.docs.conftest import contracts
from spi_pipeline_tests.scoring.town import NAN, indicator

__all__ = ["contracts"]

PERCENT, PER_1000 = Unit(title="%", minimum=0, maximum=100, per=100), Unit(title="per 1,000", minimum=0, per=1000)
SCORE = Unit(title="")
SHARE = indicator("share", kind="share", columns=["x"], denominator={"column": "n"})
RATE = indicator("rate", kind="rate", columns=["x"], denominator={"source": "census", "column": "n"}, per=1000)
OF_TWO_TABLES = indicator("vaccinated", kind="rate", columns=["x"], denominator={"source": "b", "column": "n"}, per=100)


def counted(*pairs: tuple[float, float], per: float) -> pd.DataFrame:
    numerator, denominator = np.array(pairs, dtype=float).T
    return pd.DataFrame({"value": per * numerator / denominator, "numerator": numerator, "denominator": denominator})


def test_a_share_has_wilsons_interval_in_percent() -> None:
    got = with_intervals(counted((81, 263), (0, 20), (10, 10), per=100), SHARE, PERCENT)
    # Newcombe (1998), table I.
    assert got.loc[0, ["lower", "upper"]].tolist() == pytest.approx([25.53, 36.62], abs=0.005)
    assert got["lower"].tolist()[1] == 0
    assert got["upper"].tolist()[2] == pytest.approx(100)


def test_a_share_of_people_counted_in_two_tables_is_still_a_proportion() -> None:
    pairs = (81, 263), (4500, 5000)
    alike = with_intervals(counted(*pairs, per=100), OF_TWO_TABLES, PERCENT)
    pd.testing.assert_frame_equal(alike, with_intervals(counted(*pairs, per=100), SHARE, PERCENT))


def test_many_events_have_byars_interval_and_few_the_exact_one() -> None:
    got = with_intervals(counted((400, 10_000), (9, 3000), (0, 3000), per=1000), RATE, PER_1000)
    byar = [400 * (1 - 1 / 3600 - 1.959964 / 60) ** 3, 401 * (1 - 1 / 3609 + 1.959964 / 3 / np.sqrt(401)) ** 3]
    assert got.loc[0, ["lower", "upper"]].tolist() == pytest.approx(np.array(byar) / 10, rel=1e-6)
    low, high = got.loc[1, ["lower", "upper"]] * 3
    assert stats.poisson.sf(8, low) == pytest.approx(0.025)
    assert stats.poisson.cdf(9, high) == pytest.approx(0.025)
    assert got.loc[2, ["lower", "upper"]].tolist() == pytest.approx([0, -np.log(0.025) / 3])


def stating(**error: Any) -> Indicator:
    """An indicator whose measure is a mean, with this error."""
    return indicator("mean").model_copy(update={"error": MeasurementError(**error)})


def published(*values: float, denominator: float = NAN) -> pd.DataFrame:
    return pd.DataFrame({"value": values, "numerator": NAN, "denominator": denominator})


ASSUMED = {"evidence": "assumed", "reason": "Invented."}


def test_a_value_without_counts_has_the_error_its_indicator_states() -> None:
    got = with_intervals(published(20, -30), stating(sd=5, **ASSUMED), SCORE)
    half = stats.norm.ppf(0.975) * 5
    assert got["lower"].tolist() == pytest.approx([20 - half, -30 - half])
    assert got["upper"].tolist() == pytest.approx([20 + half, -30 + half])
    relative = with_intervals(published(20, -30), stating(relative_sd=0.1, **ASSUMED), SCORE)
    assert (relative["upper"] - relative["value"]).tolist() == pytest.approx([half * 0.4, half * 0.6])
    assert set(got["error_evidence"]) == {"assumed"}


def test_an_interval_ends_where_its_unit_does() -> None:
    got = with_intervals(published(2, 99, 50), stating(sd=5, **ASSUMED), PERCENT)
    assert got["lower"].tolist()[0] == 0
    assert got["upper"].tolist()[1] == 100
    assert (got["upper"] - got["lower"]).tolist()[2] == pytest.approx(2 * 1.959964 * 5)


@given(st.floats(-50, 150), st.floats(0.01, 100))
def test_an_interval_holds_its_value_even_where_that_is_beyond_the_unit(value: float, sd: float) -> None:
    got = with_intervals(published(value), stating(sd=sd, **ASSUMED), PERCENT).iloc[0]
    assert got["lower"] <= got["value"] <= got["upper"]


def test_a_mean_that_is_a_share_of_its_denominator_has_the_interval_of_its_counts() -> None:
    turnout = stating(evidence="counts").model_copy(
        update={"measure": Measure(kind="mean", columns=["x"], denominator={"column": "n"})}
    )
    got = with_intervals(published(100 * 81 / 263, denominator=263), turnout, PERCENT)
    assert got.loc[0, ["lower", "upper"]].tolist() == pytest.approx([25.53, 36.62], abs=0.005)


def test_published_limits_are_taken_as_they_are() -> None:
    limits = pd.DataFrame({"lower": [18.0, NAN], "upper": [23.0, NAN]})
    got = with_intervals(
        published(20, NAN), stating(evidence="published", lower="low", upper="high"), SCORE, limits=limits
    )
    pd.testing.assert_frame_equal(got[["lower", "upper"]], limits)
    assert got["error_evidence"].tolist()[0] == "published"


def test_counts_that_scatter_more_than_chance_have_a_wider_interval() -> None:
    cells = counted((4000, 10_000), per=1000)
    chance, scattered = (with_intervals(cells, RATE, PER_1000, dispersion).iloc[0] for dispersion in (1.0, 2.25))
    width = [row["upper"] - row["lower"] for row in (chance, scattered)]
    assert width[1] / width[0] == pytest.approx(1.5, rel=0.005), "the square root of the dispersion"
    assert scattered["value"] == chance["value"]


@pytest.mark.parametrize(("item", "unit"), [(SHARE, PERCENT), (RATE, PER_1000)])
def test_a_missing_value_has_no_interval(item: object, unit: Unit) -> None:
    got = with_intervals(counted((5, 50), (NAN, NAN), per=100), item, unit)  # type: ignore[arg-type]
    for column in ("lower", "upper", "error_evidence"):
        assert got[column].notna().tolist() == [True, False]


@settings(max_examples=60, deadline=None)
@given(st.floats(0, 9000).map(lambda x: round(x, 6)), st.floats(9000, 20_000))
def test_fractional_counts_are_not_rounded(events: float, people: float) -> None:
    """A fractional count has an interval around its value, between the intervals of its neighbouring whole numbers."""
    neighbours = [(np.floor(events), people), (events, people), (np.ceil(events), people)]
    for item, unit, per in ((SHARE, PERCENT, 100), (RATE, PER_1000, 1000)):
        got = with_intervals(counted(*neighbours, per=per), item, unit)
        assert (got["lower"] <= got["value"] + 1e-9).all()
        assert (got["value"] <= got["upper"] + 1e-9).all()
        # Where Byar's interval takes over from the exact one, the ends may shrink by a thousandth.
        assert (got[["lower", "upper"]].diff().iloc[1:] >= -0.001 * got["upper"].max()).all(axis=None)


def test_every_indicator_of_the_repository_has_the_error_of_its_kind(contracts: Contracts) -> None:
    units, every = contracts.vocabulary.units, contracts.indicators
    models = {name: sampling_model(item, units[item.unit]) for name, item in every.items()}
    assert {models[name] for name in ("no_central_heating", "vaccinated_50_and_over", "residents_flooded")} == {
        "proportion"
    }
    assert {models[name] for name in ("stop_and_search", "road_collisions", "electoral_registration")} == {"rate"}
    assert every["no_central_heating"].error_evidence == every["turnout"].error_evidence == "counts"
    assert every["burglary"].error_evidence == "dispersion"
    monthly = {name for name, item in every.items() if item.measure.window}
    assert monthly == {
        name for name, item in every.items() if item.error is None and item.error_evidence == "dispersion"
    }
