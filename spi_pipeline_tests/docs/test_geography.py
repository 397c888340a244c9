"""The figures in docs/geography.md, recomputed from the embedded snapshot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.geography.allocate import allocate_counts
from spi_pipeline.geography.allocation import METHODS, SLIVER
from spi_pipeline.geography.points import place_points
from spi_pipeline.indicators.spreading import MISPLACED
from spi_pipeline.run.plan import build_plan
from spi_pipeline.settings import Settings
from spi_pipeline.snapshot.embedded import read_embedded
from spi_pipeline.steps.inputs import Inputs
from spi_pipeline.steps.places import wards
from spi_pipeline.steps.step import compute
from spi_pipeline_tests.docs.documents import REPOSITORY, assert_table, markdown_table, text
from spi_pipeline_tests.geography.both_ways import of_level, placed_each_way

DOCUMENT = REPOSITORY / "docs" / "geography.md"
GEOGRAPHIES = ("oa21", "lsoa21", "lsoa11", "msoa21", "msoa11")
CENTRAL = "E05014739"
LAST_YEAR = "2023-05", "2024-04"


def embedded(*names: str) -> Inputs:
    """Step inputs with the embedded tables instead of those of a store."""
    tables = {name: read_embedded(Settings().snapshot, name).table for name in names}
    return Inputs(tables, dict.fromkeys(names, "embedded"), {})


def frame_of(name: str) -> pd.DataFrame:
    return embedded(name).frame(name)


@dataclass(frozen=True)
class Town:
    """The data behind the tables, with wards identified by code."""

    weights: pd.DataFrame
    wards: pd.DataFrame

    def placed(self, counts: pd.DataFrame, geography: str) -> pd.Series:
        """Counts (``area_code`` and one column) added up by ward with the pipeline's weights."""
        weights = self.weights[self.weights["geography"] == geography]
        return allocate_counts(counts, weights).wards[counts.columns[1]]


@pytest.fixture(scope="module")
def town(contracts: Contracts) -> Town:
    step = next(step for step in build_plan(contracts) if step.kind == "allocation")
    weights = compute(step, contracts, embedded(*step.inputs))["allocation"].to_pandas()
    frame = pd.DataFrame(
        {
            "ward": frame_of("wards").set_index("area_code")["area_name"],
            "electorate": frame_of("local_elections_2023").set_index("area_code")["electorate"].astype("float64"),
        }
    ).sort_index()
    town_data = Town(weights, frame)
    adults = frame_of("census_qualifications")[["area_code", "residents_16_and_over"]]
    residents = frame_of("census_residents")[["area_code", "residents"]]
    lsoa = frame_of("output_area_lookup").set_index("area_code")["lsoa_code"]
    best_fit = frame_of("lsoa_best_fit").set_index("area_code")["ward_code"]
    adults_by_lsoa = adults.groupby(adults["area_code"].map(lsoa))[["residents_16_and_over"]].sum().reset_index()
    frame["residents"] = town_data.placed(residents, "oa21")
    frame["by_oa"] = town_data.placed(adults, "oa21")
    frame["by_lsoa"] = town_data.placed(adults_by_lsoa, "lsoa21")
    for column, counts in (("by_best_fit", adults), ("residents_by_best_fit", residents)):
        wards = counts["area_code"].map(lsoa).map(best_fit)
        frame[column] = counts.set_index(wards)[counts.columns[1]].groupby(level=0).sum()
    return town_data


def whole(value: Any) -> str:
    return "–" if pd.isna(value) else f"{value:,.0f}"


def test_wards_and_electorates(town: Town) -> None:
    shown = {
        "residents": "Residents",
        "by_oa": "16+",
        "by_lsoa": "16+ by LSOA",
        "by_best_fit": "16+ by best fit",
        "electorate": "Electorate 2023",
        "ratio": "Electors per 100 aged 16+",
    }
    figures = town.wards.assign(ratio=100 * town.wards["electorate"] / town.wards["by_oa"])
    rows = [[row["ward"], *(whole(row[name]) for name in shown)] for row in figures.to_dict("records")]
    # With one ward's electorate missing, the town has none.
    total = figures[["residents", "by_oa", "by_lsoa", "by_best_fit"]].sum().reindex(list(shown))
    rows.append(["Luton", *(whole(total[name]) for name in shown)])
    assert_table(DOCUMENT, "wards", markdown_table(["Ward", *shown.values()], rows, numbers=list(shown.values())))


def test_correlations_with_the_electorates(town: Town) -> None:
    header = ["How residents aged 16+ were placed", "Correlation with the electorate"]
    ways = {"by_oa": "output areas, as the pipeline does", "by_lsoa": "LSOAs", "by_best_fit": "official best fit"}
    rows = [[title, f"{town.wards[way].corr(town.wards['electorate']):.3f}"] for way, title in ways.items()]
    assert town.wards["electorate"].count() == 19
    assert town.wards["by_oa"].corr(town.wards["electorate"]) >= 0.93
    too_small = {way: set(town.wards.loc[town.wards[way] < town.wards["electorate"], "ward"]) for way in ways}
    assert too_small == {"by_oa": set(), "by_lsoa": set(), "by_best_fit": {"Barnfield", "Central", "Poets"}}
    assert_table(DOCUMENT, "correlations", markdown_table(header, rows, numbers=header[1:]))


def test_small_areas(town: Town) -> None:
    header = ["Small areas", "Areas", "In one ward", "In several", "Residents in the latter"]
    rows: list[list[object]] = []
    for geography in GEOGRAPHIES:
        weights = town.weights[town.weights["geography"] == geography]
        areas = weights.groupby("small_area_code").agg(wards=("area_code", "size"), residents=("residents", "first"))
        split = areas["wards"] > 1
        share = areas.loc[split, "residents"].sum() / areas["residents"].sum()
        rows.append([f"`{geography}`", len(areas), int((~split).sum()), int(split.sum()), f"{share:.0%}"])
    assert_table(DOCUMENT, "small areas", markdown_table(header, rows, numbers=header[1:]))


def test_methods_for_output_areas(town: Town) -> None:
    header = ["Method", "Output areas", "Residents"]
    areas = town.weights[town.weights["geography"] == "oa21"].drop_duplicates("small_area_code")
    methods = areas.groupby("method")["residents"].agg(["size", "sum"]).sort_values("size", ascending=False)
    rows = [[f"`{method}`", int(row["size"]), int(row["sum"])] for method, row in methods.iterrows()]
    assert_table(DOCUMENT, "methods", markdown_table(header, rows, numbers=header[1:]))


def test_output_areas_of_central(town: Town) -> None:
    weights = town.weights[(town.weights["geography"] == "oa21") & (town.weights["area_code"] == CENTRAL)]
    inside, shared = weights[weights["weight"] == 1], weights[weights["weight"] < 1]
    header = ["Central", "Output areas", "Residents"]
    rows: list[list[object]] = [
        ["wholly inside", len(inside), whole(inside["residents"].sum())],
        ["shared with other wards, Central's part", len(shared), whole((shared["weight"] * shared["residents"]).sum())],
        ["the same, all their residents", len(shared), whole(shared["residents"].sum())],
        ["by best fit", "–", whole(town.wards.loc[CENTRAL, "residents_by_best_fit"])],
    ]
    assert_table(DOCUMENT, "central", markdown_table(header, rows, numbers=header[1:]))


def test_placement_of_luton_by_each_method(contracts: Contracts) -> None:
    each_way = placed_each_way(contracts)
    ways = {"postcodes": "output areas, by their postcodes", "output_areas": "output areas, each whole",
            "best_fit": "LSOAs, each whole"}  # fmt: skip
    scored = {
        way: of_level(weights, "oa")
        .assign(held=lambda rows: rows["weight"] * rows["residents"])
        .pivot(index="small_area_code", columns="area_code", values="held")
        .fillna(0.0)
        for way, weights in each_way.items()
    }
    true = scored["postcodes"]
    header = ["Placed", "Residents in another ward", "Populations off by, on average", "At most", "In"]
    rows: list[list[object]] = []
    names = frame_of("wards").set_index("area_code")["area_name"]
    for way, title in ways.items():
        differing = (scored[way].sum() / true.sum() - 1).abs()
        elsewhere = 1 - np.minimum(scored[way], true).sum().sum() / true.sum().sum()
        most = names[differing.idxmax()] if differing.max() > 0 else "–"
        rows.append([title, f"{elsewhere:.1%}", f"{differing.mean():.1%}", f"{differing.max():.0%}", most])
    assert_table(DOCUMENT, "both ways", markdown_table(header, rows, numbers=header[1:4]))


def test_the_error_of_placing_whole_areas() -> None:
    header = ["Figures of", "c, output areas placed whole", "c, LSOAs placed whole"]
    titles = {"oa": "output areas", "lsoa": "LSOAs", "msoa": "MSOAs", "size": "sizes"}
    rows = [
        [title, *(MISPLACED[way][level] for way in ("output_areas", "best_fit"))] for level, title in titles.items()
    ]
    assert_table(DOCUMENT, "misplaced", markdown_table(header, rows, numbers=header[1:]))


def test_incidents_without_a_place(town: Town, contracts: Contracts) -> None:
    header = ["May 2023 to April 2024", "Bedfordshire Police", "Without a place", "Share", "Placed in Luton's wards"]
    rows: list[list[object]] = []
    boundaries = wards(embedded("wards"), contracts)
    for source, column, title in (("street_crime", "crimes", "Crimes"), ("stop_and_search", "stops", "Stops")):
        frame = frame_of(source)
        frame = frame[frame["month"].between(*LAST_YEAR)]
        assert frame["month"].nunique() == 12
        ward = place_points(frame["longitude"], frame["latitude"], boundaries)
        all_of_them, lost = int(frame[column].sum()), int(frame.loc[frame["longitude"].isna(), column].sum())
        placed = int(frame.loc[pd.Series(ward, index=frame.index).notna(), column].sum())
        rows.append([title, all_of_them, lost, f"{lost / all_of_them:.0%}", placed])
    assert_table(DOCUMENT, "without a place", markdown_table(header, rows, numbers=header[1:]))


def test_the_limits_in_the_text_match_the_code(contracts: Contracts) -> None:
    limits = text(DOCUMENT)
    assert f"under {SLIVER:.0%} of its surface".replace("%", " %") in limits
    assert f"{contracts.framework.publication.covered:.0%}".replace("%", " %") in limits
    assert [method for method in METHODS if f"`{method}`" not in limits] == []
