"""Intervals of ward values: the right model for the right counts, by formulas worked out here and in scipy."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.contracts.models.vocabulary import Unit
from spi_pipeline.indicators.intervals import sampling_model, with_intervals
from spi_pipeline_tests.docs.conftest import contracts
from spi_pipeline_tests.scoring.town import NAN, indicator

__all__ = ["contracts"]

PERCENT, PER_1000, SCORE = Unit(title="%", minimum=0, maximum=100), Unit(title="per 1,000", minimum=0), Unit(title="")
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


def test_a_share_of_people_counted_in_two_tables_is_a_proportion_all_the_same() -> None:
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


def test_a_value_without_counts_has_no_interval() -> None:
    published = pd.DataFrame({"value": [20.0, 30.0], "numerator": NAN, "denominator": [100.0, 200.0]})
    assert with_intervals(published, indicator("mean"), SCORE)[["lower", "upper"]].isna().all(axis=None)


@pytest.mark.parametrize(("item", "unit"), [(SHARE, PERCENT), (RATE, PER_1000)])
def test_a_missing_value_has_no_interval_either(item: object, unit: Unit) -> None:
    got = with_intervals(counted((5, 50), (NAN, NAN), per=100), item, unit)  # type: ignore[arg-type]
    assert got["lower"].notna().tolist() == got["upper"].notna().tolist() == [True, False]


@settings(max_examples=60, deadline=None)
@given(st.floats(0, 9000).map(lambda x: round(x, 6)), st.floats(9000, 20_000))
def test_shared_out_counts_are_taken_as_they_are(events: float, people: float) -> None:
    """No whole number, yet an interval: around the value, and between those of the whole numbers beside it."""
    beside = [(np.floor(events), people), (events, people), (np.ceil(events), people)]
    for item, unit, per in ((SHARE, PERCENT, 100), (RATE, PER_1000, 1000)):
        got = with_intervals(counted(*beside, per=per), item, unit)
        assert (got["lower"] <= got["value"] + 1e-9).all()
        assert (got["value"] <= got["upper"] + 1e-9).all()
        # Where the exact interval gives way to Byar's the ends may shrink, by a thousandth.
        assert (got[["lower", "upper"]].diff().iloc[1:] >= -0.001 * got["upper"].max()).all(axis=None)


def test_every_indicator_of_the_repository_has_the_model_of_its_counts(contracts: Contracts) -> None:
    units = contracts.vocabulary.units
    models = {name: sampling_model(item, units[item.unit]) for name, item in contracts.indicators.items()}
    assert {models[name] for name in ("no_car", "vaccinated_50_and_over", "residents_flooded")} == {"proportion"}
    assert {models[name] for name in ("stop_and_search", "road_collisions", "electoral_registration")} == {"rate"}
    assert {name for name, model in models.items() if model == "movement"} == {
        name for name, item in contracts.indicators.items() if item.measure.level
    }
    assert {name for name, model in models.items() if model is None} == {
        name for name, item in contracts.indicators.items() if item.measure.kind == "mean"
    }
