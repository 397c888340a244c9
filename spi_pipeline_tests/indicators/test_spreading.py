"""The allocation error: by hand on a small town, and against census figures that are known by output area."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.geography.allocate import allocate_counts
from spi_pipeline.indicators.estimates import contrast_ratio
from spi_pipeline.indicators.spreading import CONTRAST, spreading_error
from spi_pipeline.outputs.errors import CENSUS, census_figures
from spi_pipeline.run.plan import build_plan
from spi_pipeline.settings import Settings
from spi_pipeline.snapshot.embedded import read_embedded
from spi_pipeline.steps.inputs import Inputs
from spi_pipeline.steps.step import compute
from spi_pipeline_tests.docs.conftest import contracts
from spi_pipeline_tests.docs.documents import REPOSITORY, assert_table, markdown_table

__all__ = ["contracts"]

N1, N2, S1 = WARDS = ["E05000001", "E05000002", "E05000003"]
NORTH, SOUTH = "E06000001", "E06000002"
AUTHORITY_OF = {N1: NORTH, N2: NORTH, S1: SOUTH}
A, B, C = "E01000001", "E01000002", "E01000003"


def weights(*parts: tuple[str, str, float]) -> pd.DataFrame:
    return pd.DataFrame(parts, columns=["small_area_code", "area_code", "weight"])


def figures(*cells: tuple[str, float, float]) -> pd.DataFrame:
    return pd.DataFrame(cells, columns=["area_code", "count", "base"])


def error(found: pd.DataFrame, shares: pd.DataFrame, counted: bool = False) -> dict[str, float]:
    got = spreading_error(found, shares, AUTHORITY_OF, counted=counted)
    return dict(zip([*WARDS, NORTH, SOUTH], got, strict=True))


def test_the_error_by_hand() -> None:
    # Rates .1 and .4 on bases of 100 and 50: mean .2, variance (100 · .01 + 50 · .04) / 150 = .02.
    found = figures((A, 10, 100), (B, 20, 50))
    got = error(found, weights((A, N1, 1.0), (B, N1, 0.2), (B, N2, 0.8)))
    one = 50 * 0.2 * 0.8 * np.sqrt(CONTRAST["lsoa"] * 0.02)
    assert got == pytest.approx({N1: one, N2: one, S1: 0, NORTH: 0, SOUTH: 0})


def test_an_area_shared_by_two_authorities_adds_error_to_both_and_one_partly_outside_to_one() -> None:
    found = figures((A, 10, 100), (B, 20, 50), (C, 5, 50))
    got = error(found, weights((A, N1, 0.5), (A, S1, 0.5), (B, N2, 0.5), (B, "outside", 0.5), (C, S1, 1.0)))
    assert got[N1] == got[S1] == got[SOUTH] == pytest.approx(2 * got[N2])
    assert got[NORTH] == pytest.approx(np.hypot(got[N1], got[N2])), "areas err independently"


def test_areas_that_are_whole_or_alike_add_no_error() -> None:
    found = figures((A, 10, 100), (B, 20, 50))
    assert set(error(found, weights((A, N1, 1.0), (B, S1, 1.0))).values()) == {0.0}
    alike = figures((A, 10, 100), (B, 5, 50))
    assert max(error(alike, weights((A, N1, 0.5), (A, N2, 0.5), (B, S1, 1.0))).values()) == pytest.approx(0)


def test_a_count_cannot_be_misplaced_beyond_its_size() -> None:
    found, shares = figures((A, 0, 100), (B, 90, 100), (C, 1, 100)), weights(
        (A, N1, 0.5), (A, N2, 0.5), (B, S1, 1.0), (C, N1, 0.1), (C, N2, 0.9)
    )  # fmt: skip
    # C has a count of one, and N1 receives a tenth of it: truly 0 or 1, with a variance of .1 · .9.
    assert error(found, shares, counted=True)[N1] == pytest.approx(0.3)
    assert error(found, shares)[N1] > 5


def test_a_single_split_area_leaves_its_error_unknown() -> None:
    got = error(figures((A, 10, 100), (B, np.nan, 50)), weights((A, N1, 0.5), (A, N2, 0.5), (B, S1, 1.0)))
    assert np.isnan([got[N1], got[N2]]).all()
    assert got[SOUTH] == got[S1] == 0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(1, 500)), min_size=3, max_size=3), st.floats(0.01, 0.99))
def test_the_error_scales_with_the_unit_and_does_not_exceed_the_count_at_stake(
    cells: list[tuple[float, float]], share: float
) -> None:
    found = figures(*((area, rate * base, base) for area, (rate, base) in zip((A, B, C), cells, strict=True)))
    shares = weights((A, N1, share), (A, N2, 1 - share), (B, N1, 1.0), (C, S1, 1.0))
    got = error(found, shares)
    assert got[N1] == pytest.approx(got[N2]), "the excess of one ward is the shortfall of the other"
    tenfold = error(found.assign(count=10 * found["count"]), shares)
    assert tenfold[N1] == pytest.approx(10 * got[N1])
    # Rates between 0 and 1 have a standard deviation of at most 1/2.
    assert got[N1] <= cells[0][1] * share * (1 - share) * np.sqrt(CONTRAST["lsoa"]) / 2 + 1e-9


LEVELS = {"msoa": "MSOAs", "lsoa": "LSOAs"}
# CONTRAST was estimated without tenure.
TABLES = {**CENSUS, "census_tenure": "households"}


def embedded(name: str) -> pd.DataFrame:
    return read_embedded(Settings().snapshot, name).table.to_pandas()


@pytest.fixture(scope="module")
def allocation(contracts: Contracts) -> pd.DataFrame:
    step = next(step for step in build_plan(contracts) if step.kind == "allocation")
    tables = {name: read_embedded(Settings().snapshot, name).table for name in step.inputs}
    return compute(step, contracts, Inputs(tables, dict.fromkeys(step.inputs, "embedded"), {}))[
        "allocation"
    ].to_pandas()


@pytest.fixture(scope="module")
def covered(contracts: Contracts, allocation: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """By level and census figure, the share of wards whose interval covers the truth from their output areas.

    The figures are added up to the larger areas and spread over the wards as in a run. The intervals of ``stated`` use
    ``CONTRAST``; those of ``left_out`` use the ratio estimated without the table under test.
    """
    authority_of = {ward.code: ward.authority for ward in contracts.geography.wards}
    lookup, every = embedded("output_area_lookup").set_index("area_code"), census_figures(TABLES, embedded)
    by_oa = allocation[allocation["geography"] == "oa21"]
    found = {}
    for level in LEVELS:
        by_level, parent = allocation[allocation["geography"] == f"{level}21"], lookup[f"{level}_code"]
        without = {
            table: contrast_ratio({name: rows for name, rows in every.items() if table not in name}, by_oa, parent)
            for table in TABLES
        }
        rows = {}
        for name, figure in every.items():
            above = figure.groupby(figure["area_code"].map(parent).rename("area_code"))[["count", "base"]].sum()
            above = above.reset_index()
            truth, spread = allocate_counts(figure, by_oa).wards, allocate_counts(above, by_level).wards
            error = spreading_error(above, by_level, authority_of, counted=True)[: len(spread)] / spread["base"]
            missed = (spread["count"] / spread["base"] - truth["count"] / truth["base"]).abs()
            own = np.sqrt(without[name.partition(".")[0]] / CONTRAST[level])
            within = {"stated": missed <= 1.96 * error + 1e-12, "left_out": missed <= 1.96 * own * error + 1e-12}
            rows[name] = {key: flags.mean() for key, flags in within.items()}
        found[level] = pd.DataFrame.from_dict(rows, orient="index")
    return found


@pytest.mark.parametrize("level", LEVELS)
def test_intervals_cover_the_values_from_output_areas(level: str, covered: dict[str, pd.DataFrame]) -> None:
    shares = covered[level]
    print(f"\n{level}: {len(shares)} figures", shares.mean().round(3).to_dict(), f"\n{shares.round(2).to_string()}")
    assert 0.80 <= shares["stated"].mean() <= 0.97
    assert 0.80 <= shares["left_out"].mean() <= 0.97
    tables = shares.groupby(shares.index.str.partition(".").get_level_values(0)).mean()
    assert set(tables.index) == set(TABLES)
    assert (tables["left_out"] > 0.75).all(), "no table is far off"


def test_the_document_states_the_coverage(covered: dict[str, pd.DataFrame]) -> None:
    header = ["Spread from", "Census figures", "Covered", "Covered, without the table judged"]
    rows = [[title, len(covered[level]), *(f"{share:.1%}" for share in covered[level].mean())]
            for level, title in LEVELS.items()]  # fmt: skip
    assert_table(REPOSITORY / "docs" / "methodology.md", "spread", markdown_table(header, rows, numbers=header[1:]))
