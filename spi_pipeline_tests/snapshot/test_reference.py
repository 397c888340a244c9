"""The reference recomputed by another route: DuckDB on the publishers' national files."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import replace

import duckdb
import pandas as pd
import pytest

from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.snapshot.embedded import read_embedded, snapshot_tables
from spi_pipeline.snapshot.reference import reference, sources_of
from spi_pipeline_tests.snapshot.conftest import ENGLAND, PUBLISHED

CENSUS = PUBLISHED / "census2021_nomis"
LOOKUP = PUBLISHED / "geography" / "lookup_lsoa21_ward24_ltla24.csv.gz"
needs_files = pytest.mark.skipif(not LOOKUP.is_file(), reason="the publishers' files are not next to this checkout")


def census(table: str) -> pd.DataFrame:
    with zipfile.ZipFile(CENSUS / f"census2021-{table}.zip") as archive:
        return pd.read_csv(archive.open(f"census2021-{table}-lsoa.csv"))


@pytest.fixture(scope="module")
def wards() -> Iterator[duckdb.DuckDBPyConnection]:
    """A database with the table ``ward``: every ward of England with a few indicators."""
    with duckdb.connect() as connection:
        heat, people, skills = census("ts046"), census("ts001"), census("ts067")
        for name, frame in {"heat": heat, "people": people, "skills": skills, "homes": census("ts041")}.items():
            connection.register(name, frame.set_axis([f"c{n}" for n in range(frame.shape[1])], axis=1))
        # The census tables' columns by position: 2 is the code, 3 the overall total.
        qualifications = list(skills.columns)
        none, top = (next(n for n, c in enumerate(qualifications) if text in c) for text in ("No quali", "Level 4"))
        cold = next(n for n, c in enumerate(heat.columns) if "No central heating" in c)
        connection.execute(
            f"""
            CREATE TABLE ward AS
            SELECT ward24_code AS ward,
                   100.0 * sum(heat.c{cold}) / sum(heat.c3) AS no_central_heating,
                   100.0 * sum(skills.c{none}) / sum(skills.c3) AS no_qualifications,
                   100.0 * sum(skills.c{top}) / sum(skills.c3) AS level_4_qualifications,
                   sum(imd.connectivity_score * people.c3) / sum(people.c3) AS connectivity,
                   sum(sub.children_and_young_people_score * people.c3) / sum(people.c3) AS school_attainment,
                   sum(sub.indoors_score * homes.c3) / sum(homes.c3) AS indoor_environment
            FROM read_csv('{LOOKUP}') lookup
            JOIN heat ON heat.c2 = lsoa21_code
            JOIN homes ON homes.c2 = lsoa21_code
            JOIN people ON people.c2 = lsoa21_code
            JOIN skills ON skills.c2 = lsoa21_code
            JOIN '{PUBLISHED}/imd/imd2025_england_lsoa21_indicators_national.parquet' imd USING (lsoa21_code)
            JOIN '{PUBLISHED}/imd/imd2025_england_lsoa21_subdomains_national.parquet' sub USING (lsoa21_code)
            GROUP BY ALL
            """
        )
        yield connection


@needs_files
@pytest.mark.parametrize(
    "name", ["no_central_heating", "no_qualifications", "level_4_qualifications", "connectivity", "indoor_environment"]
)
def test_quantiles_mean_and_deviation_of_the_wards_of_england(name: str, wards: duckdb.DuckDBPyConnection) -> None:
    rows = read_embedded(ENGLAND, "reference").table.to_pandas()
    kept = rows[(rows["indicator_id"] == name) & (rows["statistic"] != "correlation")].set_index("statistic")
    shares = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99]
    quantiles, mean, sd, count = wards.execute(
        f"SELECT quantile_cont({name}, {shares}), avg({name}), stddev_samp({name}), count({name}) FROM ward"
    ).fetchall()[0]
    names = [f"p{round(100 * share):02}" for share in shares]
    assert kept.loc[[*names, "mean", "sd"], "value"].to_list() == pytest.approx([*quantiles, mean, sd], rel=1e-9)
    assert set(kept["n"]) == {count}


@needs_files
def test_a_pair_of_indicators_correlates_as_the_reference_states(wards: duckdb.DuckDBPyConnection) -> None:
    # Both indicators come from tables that are complete for every ward, so no row is dropped.
    rows = read_embedded(ENGLAND, "reference").table.to_pandas()
    one, other = "no_qualifications", "school_attainment"
    own = rows["indicator_id"].eq(one) & rows["other_id"].eq(other)
    ((found,),) = wards.execute(f"SELECT corr({one}, {other}) FROM ward").fetchall()
    assert rows.loc[own, "value"].to_list() == pytest.approx([found], rel=1e-9)


def test_the_reference_is_computed_from_the_embedded_tables_of_england(every_contract: Contracts) -> None:
    tables = {name: read_embedded(ENGLAND, name) for name in snapshot_tables(ENGLAND) if name != "reference"}
    embedded = read_embedded(ENGLAND, "reference")
    kept = embedded.table.to_pandas()
    used = sources_of(kept, every_contract)
    assert used >= {"deprivation_2025", "population_estimates", "lsoa_2011_msoa"}
    assert used.isdisjoint({"street_crime", "local_elections_2023", "house_prices"})
    assert {item.file for item in embedded.inputs} == {item.file for name in used for item in tables[name].inputs}
    # One component, on LSOAs of both vintages and MSOAs of 2011; all components would take too long.
    names = {item.id: item for item in every_contract.indicators_of("environmental_quality")}
    some = replace(every_contract, indicators=names)
    found = reference({name: one.table.to_pandas() for name, one in tables.items()}, some)
    kept = kept[kept["indicator_id"].isin(names)]
    key = ["indicator_id", "statistic", "other_id"]
    kept, found = (frame.set_index(key).sort_index() for frame in (kept, found))
    assert kept.index.equals(found.index)
    assert kept["n"].to_list() == found["n"].to_list()
    assert found["value"].to_list() == pytest.approx(kept["value"].to_list(), rel=1e-9)


def test_the_matrices_are_complete_and_symmetric() -> None:
    rows = read_embedded(ENGLAND, "reference").table.to_pandas()
    pairs = rows[rows["statistic"] == "correlation"].set_index(["indicator_id", "other_id"])["value"]
    assert pairs.between(-1, 1).all()
    turned = pairs.rename_axis(["other_id", "indicator_id"]).reorder_levels(["indicator_id", "other_id"])
    pd.testing.assert_series_equal(pairs.sort_index(), turned.sort_index(), check_names=False)
    assert (rows.loc[rows["statistic"] == "p01", "n"] >= 0.9 * 6784).all()
