"""The benchmark's crimes in three councils: the steps' totals equal plain sums over the rows."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest

from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline.run.plan import build_plan
from spi_pipeline.steps.step import Step
from spi_pipeline_tests.benchmarks.crimes import CRIMES, MONTHS, with_crimes
from spi_pipeline_tests.benchmarks.england import count_crimes, cut, england_in
from spi_pipeline_tests.integration.sandboxes import CONTRACTS, Sandbox

TABLES = ("indicator_value.burglary", "recent", "completeness")


def needed(steps: list[Step]) -> list[Step]:
    """The steps needed for ``TABLES``, in order."""
    tables, needed_steps = set(TABLES), []
    for step in reversed(steps):
        if tables.intersection(step.outputs):
            tables |= set(step.inputs)
            needed_steps.append(step)
    return needed_steps[::-1]


@pytest.fixture(scope="module")
def three_councils(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    folder = tmp_path_factory.mktemp("crimes")
    england = with_crimes(cut(100, folder / "cut"), folder / "england", load_contracts(CONTRACTS).sources[CRIMES])
    assert count_crimes(england) > 20_000
    sandbox = england_in(folder / "whole", england)
    runner = sandbox.runner
    for step in needed(build_plan(sandbox.contracts)):
        [*outcomes] = runner.run([step], "england", dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
        assert {each.state for each in outcomes} == {"written"}, outcomes[0].message
    return sandbox


@pytest.fixture(scope="module")
def rows(three_councils: Sandbox) -> pd.DataFrame:
    """Every row of crimes, with the ward of its small area."""
    ward = three_councils.store.read("lsoa_best_fit").to_pandas().set_index("area_code")["ward_code"]
    crimes = three_councils.store.read(CRIMES).to_pandas()
    return crimes.assign(ward=crimes["lsoa_code"].map(ward))


def test_crimes_cover_every_month_and_only_known_small_areas(three_councils: Sandbox, rows: pd.DataFrame) -> None:
    areas = set(three_councils.store.read("lsoa_best_fit")["area_code"].to_pylist())
    assert len(areas) > 150
    assert set(rows["lsoa_code"].dropna()) <= areas
    assert set(rows.loc[rows["ward"].notna(), "month"]) == set(MONTHS)
    assert 0 < rows.loc[rows["longitude"].isna(), "crimes"].sum() < 0.1 * rows["crimes"].sum()


def test_ward_counts_equal_the_sums_of_their_rows(three_councils: Sandbox, rows: pd.DataFrame) -> None:
    values = three_councils.store.read("indicator_value.burglary").to_pandas().dropna(subset=["value"])
    newest = values[values["edition"] == values["edition"].max()].set_index("area_code")["numerator"]
    year = rows[(rows["crime_type"] == "Burglary") & rows["month"].isin(MONTHS[-12:])]
    assert len(newest) > 20
    expected = year.groupby("ward")["crimes"].sum()
    of_wards = newest[newest.index.str.startswith("E05")]
    assert of_wards.to_dict() == expected.reindex(of_wards.index, fill_value=0).to_dict()


def test_monthly_counts_equal_the_sums_of_their_rows(three_councils: Sandbox, rows: pd.DataFrame) -> None:
    months = three_councils.store.read("recent").to_pandas()
    burglary = rows[rows["crime_type"] == "Burglary"].groupby(["ward", "month"])["crimes"].sum()
    counts = months[months["measure_id"] == "burglary"].set_index(["area_code", "month"])["count"]
    assert counts[counts > 0].to_dict() == burglary.to_dict()
    completeness = (
        three_councils.store.read("completeness").to_pandas().query("source_id == @CRIMES").set_index("month")
    )
    assert completeness["incidents"].to_dict() == rows[rows["ward"].notna()].groupby("month")["crimes"].sum().to_dict()
    without_ward = rows[rows["ward"].isna()].groupby("month")["crimes"].sum()
    assert completeness["without_place"].to_dict() == without_ward.reindex(completeness.index, fill_value=0).to_dict()
