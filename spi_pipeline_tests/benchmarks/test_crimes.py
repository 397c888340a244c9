"""The benchmark's crimes in three councils: the steps' totals equal plain sums over the rows."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest

from spi_pipeline.contracts.loader import load_contracts
from spi_pipeline.run.plan import build_plan
from spi_pipeline.steps.step import Step
from spi_pipeline_tests.benchmarks.crimes import CRIMES, MONTHS, with_crimes
from spi_pipeline_tests.benchmarks.england import counted, cut, england_in
from spi_pipeline_tests.integration.sandboxes import CONTRACTS, Sandbox

MADE = ("indicator_value.burglary", "recent", "completeness")


def needed(steps: list[Step]) -> list[Step]:
    """The steps needed for ``MADE``, in order."""
    wanted, found = set(MADE), []
    for step in reversed(steps):
        if wanted.intersection(step.outputs):
            wanted |= set(step.inputs)
            found.append(step)
    return found[::-1]


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    folder = tmp_path_factory.mktemp("crimes")
    england = with_crimes(cut(100, folder / "cut"), folder / "england", load_contracts(CONTRACTS).sources[CRIMES])
    assert counted(england) > 20_000
    sandbox = england_in(folder / "whole", england)
    runner = sandbox.runner
    for step in needed(build_plan(sandbox.contracts)):
        [*outcomes] = runner.run([step], "england", dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
        assert {each.state for each in outcomes} == {"written"}, outcomes[0].message
    return sandbox


@pytest.fixture(scope="module")
def rows(three: Sandbox) -> pd.DataFrame:
    """Every row of crimes, with the ward of its small area."""
    ward = three.store.read("lsoa_best_fit").to_pandas().set_index("area_code")["ward_code"]
    found = three.store.read(CRIMES).to_pandas()
    return found.assign(ward=found["lsoa_code"].map(ward))


def test_they_are_of_these_small_areas_and_of_every_month(three: Sandbox, rows: pd.DataFrame) -> None:
    areas = set(three.store.read("lsoa_best_fit")["area_code"].to_pylist())
    assert len(areas) > 150
    assert set(rows["lsoa_code"].dropna()) <= areas
    assert set(rows.loc[rows["ward"].notna(), "month"]) == set(MONTHS)
    assert 0 < rows.loc[rows["longitude"].isna(), "crimes"].sum() < 0.1 * rows["crimes"].sum()


def test_a_ward_counts_what_its_rows_do(three: Sandbox, rows: pd.DataFrame) -> None:
    values = three.store.read("indicator_value.burglary").to_pandas().dropna(subset=["value"])
    newest = values[values["edition"] == values["edition"].max()].set_index("area_code")["numerator"]
    year = rows[(rows["crime_type"] == "Burglary") & rows["month"].isin(MONTHS[-12:])]
    assert len(newest) > 20
    wanted = year.groupby("ward")["crimes"].sum()
    of_wards = newest[newest.index.str.startswith("E05")]
    assert of_wards.to_dict() == wanted.reindex(of_wards.index, fill_value=0).to_dict()


def test_a_month_counts_what_its_rows_do(three: Sandbox, rows: pd.DataFrame) -> None:
    months = three.store.read("recent").to_pandas()
    burglary = rows[rows["crime_type"] == "Burglary"].groupby(["ward", "month"])["crimes"].sum()
    told = months[months["measure_id"] == "burglary"].set_index(["area_code", "month"])["count"]
    assert told[told > 0].to_dict() == burglary.to_dict()
    whole = three.store.read("completeness").to_pandas().query("source_id == @CRIMES").set_index("month")
    assert whole["incidents"].to_dict() == rows[rows["ward"].notna()].groupby("month")["crimes"].sum().to_dict()
    lost = rows[rows["ward"].isna()].groupby("month")["crimes"].sum()
    assert whole["without_place"].to_dict() == lost.reindex(whole.index, fill_value=0).to_dict()
