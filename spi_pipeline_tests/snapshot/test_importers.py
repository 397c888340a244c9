"""From publishers' files to our tables: results on invented files worked out by hand, and files that are refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import shapely

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.publishers.files.areas import Areas
from spi_pipeline.publishers.files.folder import Folder
from spi_pipeline.publishers.offers import OFFERS
from spi_pipeline.snapshot.build import import_tables
from spi_pipeline_tests.imitations.fixtures import CONTENT, put, write_folder
from spi_pipeline_tests.imitations.messages import zipped
from spi_pipeline_tests.imitations.publishers.nomis.files import ACTIVITY, CAR_LSOA, CAR_OA, PERCENTAGES
from spi_pipeline_tests.imitations.publishers.parliament import ELECTIONS
from spi_pipeline_tests.imitations.publishers.police import STOP_HEADER, STREET
from spi_pipeline_tests.imitations.tables import LUTON

CAR_ZIP = "census2021_nomis/census2021-ts045.zip"


@pytest.fixture
def run(root: Path, contracts: Contracts) -> Callable[[str], pd.DataFrame]:
    """A function that runs one importer on the small folder."""

    def read(source_id: str) -> pd.DataFrame:
        importer = OFFERS[source_id].read
        assert importer is not None
        return importer(Folder(root), contracts.sources[source_id], Areas(root, contracts.geography))

    return read


Run = Callable[[str], pd.DataFrame]


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory, contracts: Contracts) -> dict[str, pa.Table]:
    """Every table of the small folder."""
    whole = write_folder(tmp_path_factory.mktemp("files"))
    return {item.source_id: item.table for item in import_tables(whole, contracts)}


def rows(table: pa.Table) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in table.to_pylist()]


def test_tables_have_the_columns_and_types_of_their_contract_and_are_ordered_by_key(
    tables: dict[str, pa.Table], contracts: Contracts
) -> None:
    assert sorted(tables) == sorted(contracts.sources)
    for name, table in tables.items():
        source = contracts.sources[name]
        assert table.column_names == [column.name for column in source.columns], name
        if source.key:
            keys = table.select(list(source.key)).to_pylist()
            assert keys == sorted(keys, key=lambda row: tuple(row.values())), name


def test_census_counts_are_by_output_area_where_known_and_by_lsoa_elsewhere(tables: dict[str, pa.Table]) -> None:
    assert rows(tables["census_car_availability"]) == [
        ("E00900001", 100, 20, 50, 20, 10),
        ("E00900002", 90, 10, 40, 30, 10),
        ("E01900003", 1200, 300, 400, 300, 200),
    ]


def test_counts_of_an_msoa_are_spread_by_the_percentages_of_its_parts_and_still_add_up_to_it(
    tables: dict[str, pa.Table],
) -> None:
    # 60 people by 10 % of 100, 30 % of 300 and none of 600.
    assert rows(tables["census_english_proficiency"]) == [
        ("E00900001", pytest.approx(100), pytest.approx(6)),
        ("E00900002", pytest.approx(300), pytest.approx(54)),
        ("E01900003", pytest.approx(600), 0),
    ]


def test_without_a_percentage_for_each_part_counts_are_spread_by_residents(root: Path, run: Run) -> None:
    put(root, PERCENTAGES_FILE, PERCENTAGES.replace("E01900003", "E01900004"))
    assert run("census_english_proficiency")["little_english"].tolist() == pytest.approx([18, 6, 36])
    put(root, PERCENTAGES_FILE, PERCENTAGES.replace("10\n", "0\n").replace("30\n", "0\n"))
    assert run("census_english_proficiency")["little_english"].tolist() == pytest.approx([18, 6, 36])


def test_an_msoa_without_counts_is_refused(root: Path, run: Run) -> None:
    name = "census2021_other/proficiency21_msoa21_town.csv"
    put(root, name, str(CONTENT[name]).replace("E02900001", "E02900002"))
    with pytest.raises(SpiError, match="has no MSOA for E00900001, E00900002, E01900003; download it again"):
        run("census_english_proficiency")


def test_percentages_of_another_tables_total_become_whole_counts_that_add_up(tables: dict[str, pa.Table]) -> None:
    names = ("area_code", "residents_16_and_over", "inactive", "in_employment", "unemployed", "economically_active")
    assert tables["census_economic_activity"].column_names == list(names)
    # 60.2, 4.8 and 35 % of 83 are 49.966, 3.984 and 29.05; three thirds of 100 are 99 people.
    assert rows(tables["census_economic_activity"]) == [
        ("E00900001", 83, 29, 50, 4, 54),
        ("E00900002", 99, 33, 33, 33, 66),
    ]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (ACTIVITY.replace("E00900002", "E00900003"), "has no E00900002; download it again, whole"),
        (ACTIVITY + "E00900009,50,10,40\n", "holds an output area twice; download it again, whole"),
        (ACTIVITY.replace("4.8", "few"), "column economic_activity_status_4a-002 holds 'few' where a number belongs"),
        (ACTIVITY.replace("4a-003", "4a-004"), r"lacks \['economic_activity_status_4a-003'\]"),
    ],
)
def test_inconsistent_percentages_are_refused(root: Path, run: Run, lines: str, expected: str) -> None:
    put(root, ACTIVITY_FILE, lines)
    with pytest.raises(SpiError, match=rf"{ACTIVITY_FILE}:? {expected}"):
        run("census_economic_activity")


def test_a_table_whose_total_is_not_named_is_refused(root: Path, run: Run) -> None:
    name = "census2021_nomis/town/census2021-ts067-oa.csv"
    put(root, name, str(CONTENT[name]).replace("Total: ", ""))
    expected = f"{name} has no column Highest level of qualification: Total; download it again"
    with pytest.raises(SpiError, match=expected):
        run("census_economic_activity")


def test_long_tables_are_pivoted(tables: dict[str, pa.Table]) -> None:
    names = ("area_code", "households", "minus_1", "minus_2_or_less", "standard", "plus_1", "plus_2_or_more")
    assert tables["census_overcrowding"].column_names == list(names)
    assert rows(tables["census_overcrowding"]) == [
        ("E00900001", 100, 8, 2, 25, 35, 30),
        ("E00900002", 90, 5, 1, 20, 30, 34),
    ]


def test_lookups_hold_only_our_areas(tables: dict[str, pa.Table]) -> None:
    assert rows(tables["output_area_lookup"]) == [
        ("E00900001", "E01900001", "E02900001", LUTON, None),
        ("E00900002", "E01900002", "E02900001", LUTON, None),
    ]
    assert rows(tables["lsoa_best_fit"]) == [
        ("E01900001", "E05014735", LUTON, "E02900001"),
        ("E01900002", "E05014749", LUTON, "E02900001"),
        ("E01900003", "E05014749", LUTON, "E02900001"),
    ]
    assert rows(tables["lsoa_2011_lookup"]) == [
        ("E01800001", "E01900001", "S"),
        ("E01800001", "E01900002", "S"),
        ("E01900003", "E01900003", "U"),
    ]
    assert rows(tables["msoa_2011_lookup"]) == [("E02900001", "E02900001", "U")]


def test_residents_aged_50_and_over_are_the_41_single_years_from_50(tables: dict[str, pa.Table]) -> None:
    assert rows(tables["population_2020"]) == [("E02900001", 910, 410)]


def test_an_area_the_flood_file_does_not_list_has_no_flooded_residents(tables: dict[str, pa.Table]) -> None:
    assert rows(tables["recorded_flooding"]) == [("E01800001", 7, 1500), ("E01900003", 0, 1700)]


def test_residents_of_flooded_areas_must_match_the_flood_file(root: Path, run: Run) -> None:
    put(root, ESTIMATES_FILE, str(CONTENT[ESTIMATES_FILE]).replace("1,500", "1,501"))
    with pytest.raises(SpiError, match="disagree on the residents of E01800001, or the latter has none"):
        run("recorded_flooding")
    put(root, ESTIMATES_FILE, str(CONTENT[ESTIMATES_FILE]).replace("E01900003", "E01900004"))
    with pytest.raises(SpiError, match="the residents of E01900003, or the latter has none"):
        run("recorded_flooding")


def test_a_year_comes_from_the_name_of_its_file_and_a_missing_count_stays_missing(tables: dict[str, pa.Table]) -> None:
    assert rows(tables["bus_service"]) == [
        ("E01900001", 2022, None),
        ("E01900001", 2023, 8.25),
        ("E01900002", 2023, 12.5),
    ]


def test_wards_are_named_only_in_their_own_authority(tables: dict[str, pa.Table]) -> None:
    assert rows(tables["local_elections_2023"]) == [
        ("E05014735", "Barnfield", 8000, 27.25),
        ("E05014749", "Saints", 9100, 31.5),
    ]


def test_only_our_postcodes_with_a_position_are_read(tables: dict[str, pa.Table]) -> None:
    assert rows(tables["postcodes"]) == [
        ("ZZ1 1AA", 500000, 220000, 10, "E05014735"),
        ("ZZ1 1AB", 500010, 220020, 10, "E05014749"),
    ]


def test_boundaries_stay_with_their_ward(tables: dict[str, pa.Table]) -> None:
    wards = tables["wards"].to_pylist()
    assert [(ward["area_code"], ward["area_name"], ward["authority_code"]) for ward in wards] == [
        ("E05014735", "Barnfield", LUTON),
        ("E05014749", "Saints", LUTON),
    ]
    assert [shapely.from_wkb(ward["geometry"]).bounds for ward in wards] == [(1, 0, 2, 1), (0, 0, 1, 1)]


def test_crimes_and_stops_are_counted_by_place(tables: dict[str, pa.Table]) -> None:
    assert rows(tables["street_crime"]) == [
        ("2024-01", "Anti-social behaviour", -0.42, 51.89, "E01900002", 2),
        ("2024-01", "Burglary", -0.41, 51.88, "E01900001", 2),
        ("2024-01", "Drugs", None, None, None, 1),
    ]
    assert rows(tables["stop_and_search"]) == [("2024-04", -0.41, 51.88, 2), ("2024-04", None, None, 1)]


def test_an_extract_is_read_if_the_national_zip_is_not_available(root: Path, run: Run) -> None:
    national = run("census_car_availability")
    (root / CAR_ZIP).unlink()
    put(root, "census2021_nomis/town/census2021-ts045-oa.csv.gz", CAR_OA)
    put(root, "census2021_nomis/town/census2021-ts045-lsoa.csv", CAR_LSOA)
    pd.testing.assert_frame_equal(run("census_car_availability"), national)


ELECTION_FILE = "elections/LEH-Candidates-2023_Ward_Level.csv.gz"
STREET_FILE = "police/bedfordshire_street/2024-01-bedfordshire-street.csv.gz"
STOP_FILE = "police/bedfordshire_stop_and_search/2024-04-bedfordshire-stop-and-search.csv.gz"
OVERCROWDING_FILE = "census2021_other/household_overcrowding21_oa21_town.csv"
PERCENTAGES_FILE = "census2021_onsvisual/oa_percent/english_proficiency_4a.csv"
ACTIVITY_FILE = "census2021_onsvisual/oa_percent/economic_activity_status_4a.csv"
FLOOD_FILE = "environment/people_flooded_lsoa11_town.csv"
ESTIMATES_FILE = "population/population20_lsoa11_syoa_town.csv"
BUS_FILE = "transport/bus_trips_per_hour_lsoa21_2023_town.csv"
POSTCODE_FILE = "geography/codepoint_open_zz.csv"
INSOLVENCY_FILE = "income/individual_insolvencies_ward_2012_2022_town.csv"
WARD_FILE = "geography/wards_2025_bgc_town.geojson"


@pytest.mark.parametrize(
    ("source_id", "file", "old", "new", "message"),
    [
        pytest.param(
            "insolvencies", INSOLVENCY_FILE, "DRO", "Trust deed",
            f"{INSOLVENCY_FILE}: insolvency_type holds 'Trust deed', none of Bankruptcy, DRO, IVA, Total; see its "
            "release notes",
            id="unknown kind",
        ),
        pytest.param(
            "local_elections_2023", ELECTION_FILE, "Saints", "Icknield",
            f"{ELECTION_FILE} names wards that Luton does not have: Icknield; compare it with geography.yaml",
            id="former ward",
        ),
        pytest.param(
            "local_elections_2023", ELECTION_FILE, "TURNOUT", "Turnout %",
            f"{ELECTION_FILE} lacks ['TURNOUT']; it has ['COUNTYNAME', 'DISTRICTNAME', 'WARDNAME', 'ELECT', "
            "'Turnout %', 'Grand Total']",
            id="renamed column",
        ),
        pytest.param(
            "local_elections_2023", ELECTION_FILE, "27.25", "n/k",
            f"{ELECTION_FILE}: column TURNOUT holds 'n/k' where a number belongs (1 such cells); download it again, or "
            "add the mark to its reader",
            id="text for a number",
        ),
        pytest.param(
            "local_elections_2023", ELECTION_FILE, "8000", "8000.5",
            f"{ELECTION_FILE}: column ELECT holds 8000.5 where a count belongs; download it again",
            id="fraction for a count",
        ),
        pytest.param(
            "recorded_flooding", FLOOD_FILE, "people_flooded", "flooded",
            f"{FLOOD_FILE} lacks ['people_flooded'], which sources/recorded_flooding.yaml names as published; "
            "it has ['lsoa_code', 'flooded', 'total_population']",
            id="renamed published column",
        ),
        pytest.param(
            "recorded_flooding", FLOOD_FILE, "E01900009,3", "E01800001,3",
            f"{FLOOD_FILE} holds E01800001 more than once; download it again",
            id="area twice",
        ),
        pytest.param(
            "bus_service", BUS_FILE, "tnds", "trips",
            f"{BUS_FILE} lacks ['tnds']; it has ['zone_id', 'trips', 'bods']",
            id="renamed count",
        ),
        pytest.param(
            "census_overcrowding", OVERCROWDING_FILE, "0 (ideal)", "0 (just right)",
            f"{OVERCROWDING_FILE} must have one row for each of the occupancy ratings ['+1 (under-occupied)', "
            "'+2 or more (under-occupied)', '-1 (overcrowded)', '-2 or less (overcrowded)', '0 (ideal)'] in each area; "
            "it has ['+1 (under-occupied)', '+2 or more (under-occupied)', '-1 (overcrowded)', "
            "'-2 or less (overcrowded)', '0 (ideal)', '0 (just right)'] and 0 repeated rows; "
            "download the whole table again",
            id="unknown category",
        ),
        pytest.param(
            "postcodes", POSTCODE_FILE, "500010", "five",
            f"{POSTCODE_FILE}: column easting holds 'five' where a number belongs (1 such cells); download it again, "
            "or "
            "add the mark to its reader",
            id="text for a coordinate",
        ),
        pytest.param(
            "postcodes", POSTCODE_FILE, "ZZ1 1AB,10,", "ZZ1 1AB,10,10,",
            f"{POSTCODE_FILE} has 11 columns where 10 belong; compare it with its release notes",
            id="one column more",
        ),
        pytest.param(
            "wards", WARD_FILE, "WD25CD", "WD26CD",
            f"{WARD_FILE} holds a feature without WD25CD or a readable geometry; download it again",
            id="boundaries of another year",
        ),
        pytest.param(
            "wards", WARD_FILE, '"Polygon"', '"Circle"',
            f"{WARD_FILE} holds a feature without WD25CD or a readable geometry; download it again",
            id="no geometry",
        ),
        pytest.param(
            "street_crime", STREET_FILE, "cc33,2024-01", "cc33,2024-02",
            f"{STREET_FILE} holds 2 months (2024-01 to 2024-02) where one belongs; download it again",
            id="two months",
        ),
        pytest.param(
            "stop_and_search", STOP_FILE, "2024-04-02T10", "2024-05-02T10",
            f"{STOP_FILE} holds 2 months (2024-04 to 2024-05) where one belongs; download it again",
            id="two months of stops",
        ),
    ],
)  # fmt: skip
def test_a_file_with_unexpected_content_is_refused(
    root: Path, run: Run, source_id: str, file: str, old: str, new: str, message: str
) -> None:
    content = CONTENT[file]
    assert isinstance(content, str)
    assert old in content
    put(root, file, content.replace(old, new, 1))
    with pytest.raises(SpiError) as caught:
        run(source_id)
    assert str(caught.value) == message


def test_a_month_filed_under_another_is_refused(root: Path, run: Run) -> None:
    put(root, STREET_FILE, STREET.replace("2024-01", "2024-02"))
    with pytest.raises(SpiError) as caught:
        run("street_crime")
    assert str(caught.value) == f"{STREET_FILE} holds 2024-02, not the month of its name; download it again"


def test_a_month_without_any_stop_is_empty_not_an_error(root: Path, run: Run) -> None:
    put(root, STOP_FILE.replace("2024-04", "2024-05"), f"{STOP_HEADER}\n")
    assert run("stop_and_search")["month"].unique().tolist() == ["2024-04"]


def test_a_boundary_file_for_elsewhere_is_refused(root: Path, run: Run) -> None:
    content = str(CONTENT[WARD_FILE]).replace("E05014749", "E05099997").replace("E05014735", "E05099998")
    put(root, WARD_FILE, content)
    with pytest.raises(
        SpiError, match=r"wards_2025_bgc_\*\.geojson holds no area of ours \(WD25CD is none of 20 codes\)"
    ):
        run("wards")


def test_a_zip_without_its_level_is_refused(root: Path, run: Run) -> None:
    put(root, CAR_ZIP, zipped({"census2021-ts045-oa.csv": CAR_OA}))
    with pytest.raises(SpiError) as caught:
        run("census_car_availability")
    assert str(caught.value) == f"{CAR_ZIP} holds no readable census2021-ts045-lsoa.csv; download it again"


def test_a_missing_age_is_refused_not_counted_as_zero(root: Path, run: Run) -> None:
    name = "population/population20_msoa11_syoa_town.csv"
    put(root, name, str(CONTENT[name]).replace(",90+", ",90 plus"))
    with pytest.raises(SpiError, match=r"lacks \['90\+'\]; it has \['msoa11_code', 'total_population', '0'"):
        run("population_2020")
    put(root, name, str(CONTENT[name]).replace("910,10,", "910,10,").replace(",10\n", ",\n"))
    older = run("population_2020")["residents_50_and_over"]
    assert np.array_equal(older.isna(), [True]), "a missing age makes the sum unknown"


def test_insolvencies_of_former_wards_are_summed_to_the_authority(tables: dict[str, pa.Table]) -> None:
    assert rows(tables["insolvencies"]) == [
        (LUTON, 2021, "bankruptcy", 5),
        (LUTON, 2021, "debt relief order", 0),
        (LUTON, 2022, "bankruptcy", 1007),
        (LUTON, 2022, "debt relief order", 7),
    ]


def test_a_blank_is_an_unpublished_price(tables: dict[str, pa.Table]) -> None:
    assert rows(tables["house_prices"]) == [("E01800001", 396500.0), ("E01900003", None)]


def test_an_election_elsewhere_gives_an_empty_table(root: Path, run: Run) -> None:
    put(root, ELECTION_FILE, ELECTIONS.replace("Bedfordshire,Luton", "Essex,Elsewhere"))
    assert run("local_elections_2023").empty
