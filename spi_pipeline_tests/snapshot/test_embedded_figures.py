"""The embedded figures are complete, of known origin, small, and about places rather than people."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from spi_pipeline.contracts.arrow import ARROW_TYPES
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.contracts.models.geography import GOES_WITH, OF_ENGLAND, STANDING
from spi_pipeline.snapshot.build import import_tables
from spi_pipeline.snapshot.embedded import (
    embedded_file,
    read_embedded,
    snapshot_as_of,
    snapshot_tables,
)
from spi_pipeline_tests.imitations.publishers.police import STOP_HEADER, STREET_HEADER
from spi_pipeline_tests.snapshot.conftest import ENGLAND, PUBLISHED, TABLES

NAMES = snapshot_tables(TABLES)
# The tables of Luton and those of all England.
ALL_TABLES = [pytest.param(folder, name, id=f"{folder.name}-{name}") for folder in (TABLES, ENGLAND)
         for name in snapshot_tables(folder)]  # fmt: skip

PERSONAL_COLUMNS = re.compile(
    r"crime_id|(^|_)(id|gender|sex|ethnic\w*|religion|age_range|birth|surname|forename|outcome|legislation|officer|"
    r"object_of_search|self_defined)(_|$)"
)
OWN_IDS = {"indicator_id", "other_id"}


def origin(folder: Path, source_id: str) -> dict[str, Any]:
    metadata = pq.read_schema(embedded_file(folder, source_id)).metadata
    return dict(json.loads(metadata[b"spi_provenance"]))


def test_every_source_has_one_table_and_every_table_a_source(every_contract: Contracts) -> None:
    assert snapshot_tables(TABLES) == NAMES
    fetched_only = every_contract.sources.keys() - set(NAMES)
    of_england = {"reference", *OF_ENGLAND.values()}
    assert {every_contract.sources[name].properties.mode for name in fetched_only - of_england} == {"live"}
    assert of_england <= set(snapshot_tables(ENGLAND)), "these tables cover England"


def test_the_tables_take_less_than_6_mb() -> None:
    assert sum(file.stat().st_size for file in TABLES.iterdir()) < 6_000_000


@pytest.mark.parametrize(("folder", "name"), ALL_TABLES)
def test_a_table_matches_its_contract(folder: Path, name: str, every_contract: Contracts) -> None:
    source, table = every_contract.sources[name], read_embedded(folder, name).table
    assert {field.name: field.type for field in table.schema} == {
        column.name: ARROW_TYPES[column.type] for column in source.columns
    }
    assert table.num_rows > 0
    for column in source.columns:
        if column.required:
            assert table.column(column.name).null_count == 0, column.name
    if source.key:
        assert table.select(list(source.key)).group_by(list(source.key)).aggregate([]).num_rows == table.num_rows


@pytest.mark.parametrize(("folder", "name"), ALL_TABLES)
def test_the_origin_of_a_table_is_complete(folder: Path, name: str, every_contract: Contracts) -> None:
    found, source = origin(folder, name), every_contract.sources[name]
    stated = (
        "publisher",
        "dataset",
        "url",
        "period",
        "geography_vintage",
        "licence",
        "attribution",
        "contract_version",
    )
    assert [key for key in stated if not found[key]] == []
    assert found["publisher"] == source.properties.publisher
    assert found["dataset"] == source.properties.dataset
    assert found["attribution"] == source.properties.attribution
    assert found["licence"] == source.properties.licence
    assert found["licence"] in every_contract.vocabulary.licences
    assert found["geography_vintage"] == source.properties.geography.vintage
    assert found["inputs"]
    for item in found["inputs"]:
        assert re.fullmatch(r"[0-9a-f]{64}", item["sha256"])
        assert item["bytes"] > 0
        assert re.fullmatch(r"\d{4}(-\d{2}){0,2}", item["period"])
        assert item["period"] <= snapshot_as_of(TABLES).isoformat()
        assert not Path(item["file"]).is_absolute()


@pytest.mark.parametrize(("folder", "name"), ALL_TABLES)
def test_no_table_holds_anything_about_a_person(folder: Path, name: str) -> None:
    table = read_embedded(folder, name).table
    # In these tables ``id`` and ``measure_id`` name elements of the framework and measures, not people.
    ours = OWN_IDS | ({"id", "measure_id"} if name in (STANDING, GOES_WITH) else set())
    assert [column for column in set(table.column_names) - ours if PERSONAL_COLUMNS.search(column)] == []
    for column in table.column_names:
        if pa.types.is_string(table.schema.field(column).type):
            values = table.column(column).drop_null()
            assert not pc.any(pc.match_substring_regex(values, r"^[0-9a-f]{40,64}$")).as_py(), "a crime's identifier"
            assert not pc.any(pc.match_substring_regex(values, r"^(Male|Female|\d\d-\d\d|over 34|under 10)$")).as_py()


def test_the_pattern_for_people_matches_columns_of_the_publishers() -> None:
    names = (*STREET_HEADER.split(",")[:1], *STOP_HEADER.split(",")[6:13])
    published = [name.lower().replace(" ", "_").replace("-", "_") for name in names]
    assert published[:4] == ["crime_id", "gender", "age_range", "self_defined_ethnicity"]
    assert [column for column in published if not PERSONAL_COLUMNS.search(column)] == []


def test_wards_are_the_20_in_force(every_contract: Contracts) -> None:
    wards = read_embedded(TABLES, "wards").table.to_pylist()
    expected = [(ward.code, ward.name, ward.authority) for ward in every_contract.geography.wards]
    assert len(wards) == 20
    assert [(ward["area_code"], ward["area_name"], ward["authority_code"]) for ward in wards] == sorted(expected)


def test_lookups_and_boundaries_of_the_town_agree() -> None:
    areas = {
        name: read_embedded(TABLES, name).table for name in ("output_area_lookup", "lsoa_best_fit", "lsoa_boundaries")
    }
    lsoas = set(areas["lsoa_best_fit"].column("area_code").to_pylist())
    assert len(lsoas) == 125
    assert set(areas["output_area_lookup"].column("lsoa_code").to_pylist()) == lsoas
    assert set(areas["lsoa_boundaries"].column("area_code").to_pylist()) == lsoas
    for name in ("census_car_availability", "census_overcrowding", "census_general_health"):
        counted = set(read_embedded(TABLES, name).table.column("area_code").to_pylist())
        assert counted == set(areas["output_area_lookup"].column("area_code").to_pylist()), name


# Pairs of tables that count the same people or homes, the first from percentages, and the largest difference between
# them in any output area.
REPEATED_FIGURES = [
    ("census_economic_activity", "in_employment", "census_occupation", "residents_in_employment", 9),
    ("census_economic_activity", "residents_16_and_over", "census_qualifications", "residents_16_and_over", 1),
    ("census_household_composition", "one_person", "census_household_size", "one_person", 4),
    ("census_household_composition", "households", "census_households", "households", 1),
    ("census_household_size", "households", "census_households", "households", 2),
]


@pytest.mark.parametrize(("name", "column", "other", "other_column", "tolerance"), REPEATED_FIGURES)
def test_counts_from_percentages_agree_with_another_table(
    name: str, column: str, other: str, other_column: str, tolerance: int
) -> None:
    ours, theirs = (read_embedded(TABLES, one).table.to_pandas().set_index("area_code") for one in (name, other))
    difference = ours[column] - theirs[other_column]
    assert difference.notna().all()
    assert difference.abs().max() == tolerance, "as the limitations in the contract say"
    assert abs(difference.sum()) <= 0.0015 * theirs[other_column].sum()


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="the folder of publishers' files is not next to this checkout")
def test_household_sizes_equal_those_published_by_msoa() -> None:
    published = pd.read_csv(PUBLISHED / "census2021_other" / "household_size_msoa_luton.csv")
    sizes = published.pivot(
        index="Middle layer Super Output Areas Code", columns="Household size (5 categories) Code", values="Observation"
    )
    assert (sizes[0] == 0).all(), "a household has at least one resident"
    names = dict(enumerate(("one_person", "two_people", "three_people", "four_or_more"), 1))
    lookup = read_embedded(TABLES, "output_area_lookup").table.to_pandas().set_index("area_code")["msoa_code"]
    ours = read_embedded(TABLES, "census_household_size").table.to_pandas().set_index("area_code")
    difference = ours.groupby(lookup).sum()[list(names.values())] - sizes.rename(columns=names)[list(names.values())]
    assert difference.shape == (22, 4)
    assert difference.abs().max().max() == 11, "as the limitations in the contract say"


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="the folder of publishers' files is not next to this checkout")
@pytest.mark.parametrize(
    "name",
    [
        "wards",
        "bus_service",
        "covid_vaccination",
        "stop_and_search",
        "fuel_poverty_lihc",
        "census_age",
        "loneliness",
        "census_sex",
        "census_ethnic_group",
        "census_household_size",
        "census_occupation",
    ],
)
def test_publishers_files_give_the_embedded_figures(name: str, every_contract: Contracts) -> None:
    one = replace(every_contract, sources={name: every_contract.sources[name]})
    (built,) = import_tables(PUBLISHED, one)
    embedded = read_embedded(TABLES, name)
    assert built.inputs == embedded.inputs
    assert built.table.equals(embedded.table.replace_schema_metadata(None))
