"""Scatter of repeated counts: worked out by hand, on random counts, and on counts that scatter by a known factor."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from spi_pipeline.indicators.dispersion import Repeats, pearson

N1, N2, S1 = "E05000001", "E05000002", "E05000003"
AUTHORITY_OF = {N1: "E06000001", N2: "E06000001", S1: "E06000002"}


def test_pearsons_statistic_is_that_of_a_contingency_table() -> None:
    counts = np.array([[4.0, 9.0, 2.0], [6.0, 3.0, 8.0]])
    known = stats.chi2_contingency(counts)
    assert pearson(counts) == (pytest.approx(known.statistic), known.dof)


def test_wards_and_months_without_a_count_add_nothing() -> None:
    counts = np.array([[4.0, 9.0, 0.0], [6.0, 3.0, 0.0], [0.0, 0.0, 0.0]])
    assert pearson(counts) == pearson(counts[:2, :2])
    assert pearson(np.zeros((2, 3))) == (0.0, 0)


@pytest.mark.parametrize("factor", [1, 3])
def test_a_known_factor_of_scatter_is_recovered(factor: int) -> None:
    """The counts have a variance of ``factor`` times their mean; wards and months differ in theirs."""
    generator = np.random.default_rng(7)
    expected = np.outer(generator.uniform(5, 60, 40), generator.uniform(0.5, 1.5, 36))
    scatter, freedom = pearson(factor * generator.poisson(expected / factor).astype(float))
    # χ² / n has a standard error of about √(2 / n), here one twenty-sixth.
    assert scatter / freedom == pytest.approx(factor, rel=4 * np.sqrt(2 / freedom))


def points(*cells: tuple[str | None, str, int]) -> pd.DataFrame:
    return pd.DataFrame(cells, columns=["ward_code", "month", "crimes"])


def test_windows_and_authorities_are_added_up_and_points_in_no_ward_left_out() -> None:
    first = points((N1, "2024-01", 4), (N1, "2024-01", 5), (N1, "2024-02", 2), (N2, "2024-01", 3), (N2, "2024-02", 8))
    repeats = Repeats()
    repeats.add(first, ["crimes"], AUTHORITY_OF)
    repeats.add(pd.concat([first, points((None, "2024-01", 900), (S1, "2024-01", 70))]), ["crimes"], AUTHORITY_OF)
    scatter, freedom = pearson(np.array([[9.0, 2.0], [3.0, 8.0]]))
    assert (repeats.scatter, repeats.freedom) == (pytest.approx(2 * scatter), 2 * freedom)
    assert repeats.dispersion == pytest.approx(scatter / freedom)


def test_the_dispersion_is_never_below_that_of_chance() -> None:
    even = Repeats()
    even.add(
        points(*((ward, month, 5) for ward in (N1, N2) for month in ("2024-01", "2024-02"))), ["crimes"], AUTHORITY_OF
    )
    assert even.scatter == 0
    assert even.dispersion == Repeats().dispersion == 1
