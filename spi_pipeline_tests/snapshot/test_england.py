"""The embedded tables of all England are complete, valid and small; their rows for Luton equal Luton's own tables."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import pandas as pd
import pytest

from spi_pipeline.contracts.loader import load_sources
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.contracts.models.geography import OF_ENGLAND, SMALL_AREAS, Authority, Geography, Ward
from spi_pipeline.contracts.models.places import with_known_areas
from spi_pipeline.publishers.files.england import VINTAGE, England
from spi_pipeline.rules.evaluation import evaluate
from spi_pipeline.snapshot.build import NATIONAL, import_england
from spi_pipeline.snapshot.embedded import damaged, read_embedded, snapshot_as_of, snapshot_tables
from spi_pipeline_tests.snapshot.conftest import ENGLAND, PUBLISHED, TABLES

LUTON = "E06000032"
# Luton's own tables are by output area. The census perturbs the cells of each level separately, so sums differ.
BY_OUTPUT_AREA = (
    "census_car_availability", "census_central_heating", "census_disability", "census_general_health",
    "census_household_deprivation", "census_households", "census_overcrowding", "census_qualifications",
    "census_residents", "census_tenure",
)  # fmt: skip
# Luton's counts are spread over output areas by the areas' own percentages, England's over LSOAs by residents.
SPREAD = "census_english_proficiency"
# England's table has these years alone; other years are available only as an extract for Luton.
MORE_YEARS = {"population_estimates": {2020}, "fuel_poverty_lilee": {2022}, "fuel_poverty_lilee_2011": {2020}}


def table(source_id: str) -> pd.DataFrame:
    return read_embedded(ENGLAND, source_id).table.to_pandas()


def town_table(source_id: str) -> pd.DataFrame:
    return read_embedded(TABLES, source_id).table.to_pandas()


def luton() -> set[str]:
    """The codes of Luton, its wards and its small areas according to the national lookups."""
    fit = table("lsoa_best_fit")
    fit = fit[fit["authority_code"] == LUTON]
    older = table("lsoa_2011_lookup")
    larger = table("msoa_2011_lookup")
    return {
        LUTON, *fit["area_code"], *fit["ward_code"], *fit["msoa_code"],
        *older.loc[older["lsoa_2021_code"].isin(set(fit["area_code"])), "lsoa_2011_code"],
        *larger.loc[larger["msoa_2021_code"].isin(set(fit["msoa_code"])), "msoa_2011_code"],
    }  # fmt: skip


def cut(source_id: str) -> pd.DataFrame:
    """The rows of a national table that are about Luton."""
    frame = table(source_id)
    return frame[frame.iloc[:, 0].isin(luton())].reset_index(drop=True)


def test_every_national_source_has_a_table() -> None:
    assert snapshot_tables(ENGLAND) == sorted({*NATIONAL, "reference", *OF_ENGLAND.values()})
    assert damaged(ENGLAND) == []
    assert snapshot_as_of(ENGLAND) == snapshot_as_of(TABLES)


def test_the_tables_take_less_than_15_mb() -> None:
    assert sum(file.stat().st_size for file in ENGLAND.iterdir()) < 15_000_000


def test_every_ward_authority_and_small_area_appears_once() -> None:
    fit, wards, authorities = table("lsoa_best_fit"), table("wards"), table("authority_lookup")
    assert len(authorities) == 296
    assert len(wards) == 6_784
    assert len(fit) == 33_755
    assert set(fit["ward_code"]) == set(wards["area_code"])
    assert set(fit["authority_code"]) == set(wards["authority_code"]) == set(authorities["area_code"])
    assert not wards.duplicated(["authority_code", "area_name"]).any()
    assert wards["geometry"].isna().all()
    assert fit["msoa_code"].nunique() == 6_856
    older, larger, parents = table("lsoa_2011_lookup"), table("msoa_2011_lookup"), table("lsoa_2011_msoa")
    assert set(older["lsoa_2021_code"]) == set(fit["area_code"])
    assert set(older["lsoa_2011_code"]) == set(parents["lsoa_2011_code"])
    assert len(parents) == 32_844
    assert set(larger["msoa_2021_code"]) == set(fit["msoa_code"])
    assert set(larger["msoa_2011_code"]) == set(parents["msoa_2011_code"])
    assert parents["msoa_2011_code"].nunique() == 6_791


def test_an_msoa_that_kept_its_code_is_unchanged() -> None:
    larger = table("msoa_2011_lookup")
    assert set(larger.loc[larger["msoa_2011_code"] == larger["msoa_2021_code"], "change"]) == {"U"}
    assert larger["change"].value_counts().to_dict() == {"U": 6_677, "S": 159, "M": 34, "X": 6}
    unchanged = larger[larger["change"] == "U"]
    assert (unchanged["msoa_2011_code"] == unchanged["msoa_2021_code"]).all()


# How many lower-tier and unitary authorities each of the 39 territorial forces polices, since April 2023.
FORCES = {
    "avon-and-somerset": 5, "bedfordshire": 3, "cambridgeshire": 6, "cheshire": 4, "city-of-london": 1, "cleveland": 4,
    "cumbria": 2, "derbyshire": 9, "devon-and-cornwall": 12, "dorset": 2, "durham": 2, "essex": 14,
    "gloucestershire": 6, "greater-manchester": 10, "hampshire": 14, "hertfordshire": 10, "humberside": 4, "kent": 13,
    "lancashire": 14, "leicestershire": 9, "lincolnshire": 7, "merseyside": 5, "metropolitan": 32, "norfolk": 7,
    "north-yorkshire": 2, "northamptonshire": 2, "northumbria": 6, "nottinghamshire": 8, "south-yorkshire": 4,
    "staffordshire": 9, "suffolk": 5, "surrey": 11, "sussex": 13, "thames-valley": 13, "warwickshire": 5,
    "west-mercia": 9, "west-midlands": 7, "west-yorkshire": 5, "wiltshire": 2,
}  # fmt: skip
REGIONS = {
    "North East": 12, "North West": 35, "Yorkshire and The Humber": 15, "East Midlands": 35, "West Midlands": 30,
    "East of England": 45, "London": 33, "South East": 64, "South West": 27,
}  # fmt: skip


def test_every_authority_has_its_region_and_police_force(every_contract: Contracts) -> None:
    found = table("authority_lookup")
    assert found["police_force"].value_counts().to_dict() == FORCES
    assert found["region"].value_counts().to_dict() == REGIONS
    forces = found.set_index("area_name")["police_force"]
    assert forces[["City of London", "Isles of Scilly", "Gateshead", "Rutland", "Halton", "Solihull"]].to_list() == [
        "city-of-london", "devon-and-cornwall", "northumbria", "leicestershire", "cheshire", "west-midlands",
    ]  # fmt: skip
    assert (found.groupby("police_force")["region"].nunique() == 1).all(), "no force polices two regions"
    stated = {item.code: item.police_force for item in every_contract.geography.authorities}
    assert found.set_index("area_code")["police_force"][list(stated)].to_dict() == stated


def test_elections_are_by_ward_as_it_voted() -> None:
    votes, (results,) = table("local_elections_2023"), read_embedded(ENGLAND, "local_elections_2023").inputs
    wards = table("wards").set_index("area_code")
    assert len(votes) == 4_518
    assert votes["area_code"].isin(wards.index).all()
    assert votes["area_code"].max() < "E05015581"
    assert votes["area_code"].map(wards["authority_code"]).nunique() == 212
    assert results.remark is not None
    assert results.remark.startswith("Left out: 266 wards of 18 authorities, most of whose wards are newer (Basildon, ")
    assert "12 wards that the ONS has none of the name of (Blackawton & Stoke Fleming in South Hams, " in results.remark


@pytest.fixture(scope="module")
def geography() -> Geography:
    """The places that the tables describe."""
    authorities, wards = table("authority_lookup"), table("wards")
    return Geography(
        vintage=VINTAGE,
        authorities=[
            Authority(code=row.area_code, name=row.area_name, police_force=row.police_force, placed_by="best_fit")
            for row in authorities.itertuples()
        ],
        wards=[
            Ward(code=row.area_code, name=row.area_name, authority=row.authority_code) for row in wards.itertuples()
        ],
    )


def test_contracts_hold_for_all_england(every_contract: Contracts, geography: Geography) -> None:
    sources = load_sources(every_contract.root, geography)
    lookups = {name: table(name) for name, _ in SMALL_AREAS.values() if name in NATIONAL}

    def column_of(source_id: str, column: str) -> list[str | None]:
        return lookups[source_id][column].to_list() if source_id in lookups else []

    broken = {}
    for name in sorted(NATIONAL):
        rules = with_known_areas(sources[name].rules, lambda level: geography.known(level, column_of))
        results = evaluate(read_embedded(ENGLAND, name).table, rules, table_name=name)
        assert any(result.outcome == "passed" and result.rule.kind == "key" for result in results), name
        broken |= {(name, result.rule.id): result.rule.kind for result in results if result.blocks}
    # The bounds of values and of completeness are set for one council, not for England.
    assert {key: kind for key, kind in broken.items() if kind not in ("between", "coverage")} == {}


@pytest.mark.parametrize("name", sorted(NATIONAL - {*BY_OUTPUT_AREA, SPREAD}))
def test_a_national_table_cut_to_luton_equals_the_table_of_luton(name: str) -> None:
    expected = town_table(name)
    if name in MORE_YEARS:
        expected = expected[expected["year"].isin(MORE_YEARS[name])].reset_index(drop=True)
    found, expected = (frame.drop(columns="geometry", errors="ignore") for frame in (cut(name), expected))
    assert len(found) > 0
    pd.testing.assert_frame_equal(found, expected, check_exact=True)


@pytest.mark.parametrize("name", BY_OUTPUT_AREA)
def test_lsoa_counts_equal_the_sum_of_output_areas_except_perturbed_cells(name: str) -> None:
    lookup = town_table("output_area_lookup").set_index("area_code")["lsoa_code"]
    summed = town_table(name).set_index("area_code").groupby(lookup).sum()
    found = cut(name).set_index("area_code")
    difference = (found - summed.reindex(found.index)).abs()
    assert difference.notna().all(axis=None)
    assert difference.max(axis=None) <= 12
    assert difference.mean(axis=None) <= 2


def test_little_english_by_msoa_is_the_same_spread_either_way() -> None:
    fit = table("lsoa_best_fit").set_index("area_code")["msoa_code"]
    areas = town_table("output_area_lookup").set_index("area_code")["msoa_code"]
    found = cut(SPREAD).set_index("area_code").groupby(fit).sum()
    expected = town_table(SPREAD).set_index("area_code").groupby(areas).sum()
    pd.testing.assert_frame_equal(found, expected, check_names=False, rtol=1e-9)


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="the folder of publishers' files is not next to this checkout")
def test_publishers_files_give_the_embedded_tables(every_contract: Contracts) -> None:
    # One table for each way of reading; all tables would take a minute.
    names = ("authority_lookup", "census_ethnic_group", "census_households", "house_prices", "local_elections_2023",
             "loneliness", "msoa_2011_lookup", "wards")  # fmt: skip
    some = replace(every_contract, sources={name: every_contract.sources[name] for name in names})
    # The last table, the reference, also depends on other tables; ``test_reference`` computes it.
    for built in islice(import_england(England(PUBLISHED), some), len(names)):
        embedded = read_embedded(ENGLAND, built.source_id)
        assert built.inputs == embedded.inputs
        assert built.table.equals(embedded.table.replace_schema_metadata(None))
