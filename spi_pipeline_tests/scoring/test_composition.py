"""Correlations of scores with the composition of wards, and residuals from the line through the other wards."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from spi_pipeline.contracts.models.indicators import Composition
from spi_pipeline.scoring.analysis.composition import COMPOSITION_COLUMNS, RESIDUAL_COLUMNS, compositions, residuals
from spi_pipeline_tests.scoring.town import NAN, NORTH
from spi_pipeline_tests.scoring.whole import EIGHT_AND_TWO, WARDS, town_tables

COMPOSITION = Composition(given="income", measures=["income", "age"], without=[WARDS[1], "E05999999"])
INCOMES = [30, 31, 33, 36, 40, 45, 51, NAN, 29, 50]
AGES = [12, 9, 14, 11, 18, 15, 20, 22, 10, 13]
REFERENCE = pd.DataFrame(
    [
        ("burglary", "rank_correlation", "income", -0.4, 6784),
        ("burglary", "rank_correlation", "age", 0.5, 6784),
        ("burglary", "partial_rank_correlation", "age", 0.3, 6784),
        ("burglary", "rank_correlation", "not asked", 0.9, 6784),
        ("burglary", "p50", "", 3.0, 6784),
    ],
    columns=["indicator_id", "statistic", "other_id", "value", "n"],
)


def context() -> pd.DataFrame:
    """Ages, and incomes of two years, of which the newer counts."""
    rows = [(measure, ward, dt.date(year, 3, 31), factor * value)
            for measure, year, factor, figures in (("income", 2020, 1, INCOMES), ("income", 2018, -1, INCOMES),
                                                   ("age", 2021, 1, AGES))
            for ward, value in zip([*WARDS, NORTH], [*figures, 30.5], strict=True)]  # fmt: skip
    return pd.DataFrame(rows, columns=["measure_id", "area_code", "period_end", "value"])


SCORES = town_tables()["element_score"]


def rows_of(element: str, profile: str = "equal") -> pd.DataFrame:
    return SCORES[
        (SCORES["edition"] == SCORES["edition"].max()) & (SCORES["profile"] == profile) & (SCORES["id"] == element)
    ].set_index("area_code")["score"]


def test_scores_are_correlated_over_the_wards_with_all_figures() -> None:
    table = compositions(SCORES, context(), REFERENCE, COMPOSITION, EIGHT_AND_TWO)
    assert list(table.columns) == COMPOSITION_COLUMNS
    assert set(table["level"]) == {"component", "dimension", "index", "indicator"}
    own = table[(table["authority_code"] == NORTH) & (table["profile"] == "equal") & (table["left_out"] == "")]
    element = next(name for name in own["id"] if own.loc[own["id"] == name, "n"].eq(7).all())
    scores = rows_of(element)
    row = own[(own["id"] == element) & (own["measure_id"] == "age")].iloc[0]
    ages, incomes = dict(zip(WARDS, AGES, strict=False)), dict(zip(WARDS, INCOMES, strict=False))
    known = [ward for ward in WARDS[:8] if not np.isnan(incomes[ward])]
    expected = stats.spearmanr([scores[ward] for ward in known], [ages[ward] for ward in known]).statistic
    assert row["correlation"] == pytest.approx(expected)
    assert row["lower"] <= row["correlation"] <= row["upper"]
    assert own.loc[own["measure_id"] == "income", "partial"].isna().all()


def test_correlations_are_repeated_without_the_wards_left_out() -> None:
    table = compositions(SCORES, context(), REFERENCE, COMPOSITION, EIGHT_AND_TWO)
    assert set(table.loc[table["authority_code"] == NORTH, "left_out"]) == {"", WARDS[1]}, (
        "only its own wards are left out"
    )
    south = set(table["authority_code"]) - {NORTH, "E92000001"}
    assert set(table.loc[table["authority_code"].isin(south), "left_out"]) == {""}
    both = table[(table["authority_code"] == NORTH) & (table["measure_id"] == "age")]
    counts = both.pivot_table(index=["profile", "id"], columns="left_out", values="n")
    assert (counts[""] - counts[WARDS[1]]).isin([0, 1]).all()
    assert (counts[""] > counts[WARDS[1]]).any()


def test_figures_for_england_are_those_of_the_reference() -> None:
    table = compositions(SCORES, context(), REFERENCE, COMPOSITION, EIGHT_AND_TWO)
    england = table[table["authority_code"] == "E92000001"].set_index("measure_id")
    assert set(england.index) == {"income", "age"}
    assert england.loc["age", ["level", "id", "n"]].tolist() == ["indicator", "burglary", 6784]
    assert england.loc["age", ["correlation", "partial"]].tolist() == [0.5, 0.3]
    assert england.loc["age", "upper"] - england.loc["age", "lower"] < 0.05
    assert np.isnan(england.loc["income", "partial"])


def test_a_measure_without_figures_gives_no_rows() -> None:
    other = Composition(given="income", measures=["wealth"])
    table = compositions(SCORES, context(), REFERENCE, other, EIGHT_AND_TWO)
    assert table.empty
    assert list(table.columns) == COMPOSITION_COLUMNS


def test_a_residual_is_the_distance_from_the_line_through_the_other_wards() -> None:
    table = residuals(SCORES, context(), COMPOSITION, EIGHT_AND_TWO)
    assert list(table.columns) == RESIDUAL_COLUMNS
    assert WARDS[7] not in set(table["area_code"]), "its income is not known"
    assert "indicator" not in set(table["level"])
    own = table[(table["profile"] == "equal") & table["area_code"].isin(WARDS[:8])]
    element = next(name for name, part in own.groupby("id") if len(part) == 7)
    part = own[own["id"] == element].set_index("area_code")
    others = part.drop(index=WARDS[0])
    line = stats.linregress(others["measured"], others["score"])
    expected = line.intercept + line.slope * part.loc[WARDS[0], "measured"]
    assert part.loc[WARDS[0], "residual"] == pytest.approx(part.loc[WARDS[0], "score"] - expected)
    verdicts_by_side = {
        name: set(rows["verdict"]) for name, rows in part.groupby([part["lower"] > 0, part["upper"] < 0])
    }
    words = {(True, False): "more than suggested", (False, True): "less than suggested", (False, False): "as suggested"}
    assert all(verdicts == {words[name]} for name, verdicts in verdicts_by_side.items())
    assert (part["n"] == 7).all()


def test_two_wards_have_no_line() -> None:
    table = residuals(SCORES, context(), COMPOSITION, EIGHT_AND_TWO)
    south = table[table["area_code"].isin(WARDS[8:])]
    assert len(south)
    assert south[["expected", "residual", "lower", "upper", "verdict"]].isna().all().all()
