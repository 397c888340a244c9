"""Tests of the other publishers' dialects through a plain client."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterator

import openpyxl
import pandas as pd
import pytest
import requests
import shapely

from spi_pipeline_tests.imitations import Publishers, local_publishers
from spi_pipeline_tests.imitations.tables import required


@pytest.fixture(scope="module")
def served() -> Iterator[Publishers]:
    with local_publishers() as publishers:
        yield publishers


@pytest.fixture(scope="module")
def client() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.headers["User-Agent"] = "spi-pipeline/0.1 (tests)"
        yield session


def _rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


LUTON_WARDS = {f"E050147{n}" for n in range(35, 55)}
WARDS = "WD_MAY_2025_UK_BSC_V2/FeatureServer/0/query"
OA_WARDS = "OA21_WD24_LAD24_EW_LU_v2/FeatureServer/0/query"


def _arcgis(served: Publishers, path: str, **query: object) -> requests.Response:
    return requests.get(f"{served.endpoints['SPI_ENDPOINT_ONS_GEOGRAPHY']}/{path}", query)


def test_ward_boundaries_are_the_embedded_ones_and_on_the_national_grid_by_default(served: Publishers) -> None:
    where = {"where": "LAD25CD='E06000032'", "outFields": "*", "f": "geojson"}
    features = _arcgis(served, WARDS, **where, outSR=4326).json()["features"]
    assert {feature["properties"]["WD25CD"] for feature in features} == LUTON_WARDS
    embedded = shapely.from_wkb(required("wards").geometry[0])
    assert shapely.geometry.shape(features[0]["geometry"]).equals_exact(embedded, 1e-9)
    easting, northing = _arcgis(served, WARDS, **where).json()["features"][0]["geometry"]["coordinates"][0][0]
    assert (round(easting, -4), round(northing, -4)) == (510_000, 220_000)


def test_records_are_capped_at_any_requested_count_and_flagged(served: Publishers) -> None:
    served.site.arcgis_records = 400
    query = {"where": "LAD24CD='E06000032'", "outFields": "OA21CD,WD24CD", "orderByFields": "OA21CD"}
    first = _arcgis(served, OA_WARDS, **query, f="json", resultRecordCount=5000).json()
    second = _arcgis(served, OA_WARDS, **query, f="json", resultOffset=400).json()
    as_geojson = _arcgis(served, OA_WARDS, **query, f="geojson").json()
    boundaries = "Lower_layer_Super_Output_Areas_December_2021_Boundaries_EW_BGC_V5/FeatureServer/0/query"
    served.site.arcgis_records = 100
    at_top = _arcgis(served, boundaries, where="LSOA21NM LIKE 'Luton%'", f="geojson", returnGeometry="false").json()
    served.site.arcgis_records = 2000
    assert (len(first["features"]), first["exceededTransferLimit"]) == (400, True)
    assert (len(second["features"]), second.get("exceededTransferLimit")) == (221, None)
    assert as_geojson["properties"] == {"exceededTransferLimit": True}
    assert at_top["exceededTransferLimit"] is True
    codes = [feature["attributes"]["OA21CD"] for page in (first, second) for feature in page["features"]]
    assert codes == sorted(set(codes))


def test_a_renamed_service_and_a_wrong_field_are_errors_with_200(served: Publishers) -> None:
    renamed = _arcgis(served, "WD24_LAD24_UK_LU_v9/FeatureServer/0/query", where="1=1", f="json")
    assert renamed.status_code == 200
    assert renamed.json() == {"error": {"code": 400, "message": "Invalid URL", "details": ["Invalid URL"]}}
    assert "Invalid field" in _arcgis(served, OA_WARDS, where="LAD23CD='x'", f="json").json()["error"]["details"][0]


def test_the_2022_lookup_holds_the_former_wards(served: Publishers) -> None:
    query = {"where": "LAD22CD='E06000032'", "outFields": "*", "f": "json"}
    found = _arcgis(served, "LSOA21_WD22_LAD22_EW_LU_v3/FeatureServer/0/query", **query).json()["features"]
    assert len(found) == 125
    assert {feature["attributes"]["WD22CD"] for feature in found} == {f"E0500{n}" for n in range(2193, 2212)}


def _fingertips(served: Publishers, query: str) -> requests.Response:
    return requests.get(f"{served.endpoints['SPI_ENDPOINT_FINGERTIPS']}/{query}")


def _all_data(ids: str, rest: str = "&child_area_type_id=3&parent_area_type_id=501&parent_area_code=E06000032") -> str:
    return f"all_data/csv/by_indicator_id?indicator_ids={ids}{rest}"


def test_fingertips_repeats_england_and_parents_and_adds_deciles(served: Publishers) -> None:
    rows = _rows(_fingertips(served, _all_data("93283")).text)
    latest = [row for row in rows if row["Time period"] == "2019 - 23" and row["Sex"] == "Male"]
    plain = [row for row in latest if not row["Category"]]
    assert sum(row["Area Code"] == "E92000001" for row in plain) == 2
    assert sum(row["Area Code"] == "E06000032" for row in plain) == 2
    assert len(latest) - len(plain) == 2
    msoas = [row for row in plain if row["Area Type"] == "MSOA"]
    assert len({row["Area Code"] for row in msoas}) == len(msoas) == 22
    assert {row["Area Name"] for row in msoas} == {"Luton"}
    assert {row["Sex"] for row in rows} == {"Male", "Female"}


def test_fingertips_header_comes_in_two_lengths_and_one_column_is_named_by_the_parent(served: Publishers) -> None:
    header = list(_rows(_fingertips(served, _all_data("93107")).text)[0])
    assert (len(header), header[22], header[26]) == (
        27,
        "Compared to Unitary value or percentiles",
        "Time period range",
    )
    of_england = _all_data("93107", "&child_area_type_id=3&parent_area_type_id=15")
    served.site.fingertips_columns = 26
    shorter = list(_rows(_fingertips(served, of_england).text)[0])
    served.site.fingertips_columns = 27
    assert (len(shorter), shorter[22]) == (26, "Compared to percentiles")


def test_fingertips_suppresses_with_a_note(served: Publishers) -> None:
    rows = [row for row in _rows(_fingertips(served, _all_data("93239")).text) if row["Area Code"] == "E02003258"]
    assert {(row["Value"], row["Count"], row["Denominator"]) for row in rows} == {("", "", "")}
    assert {row["Value note"] for row in rows} == {"Value suppressed for disclosure control due to small count"}


def test_fingertips_drops_excess_ids_silently_and_refuses_unknown_ones(served: Publishers) -> None:
    ids = ["93107"] * 100 + ["93283"]
    assert {row["Indicator ID"] for row in _rows(_fingertips(served, _all_data(",".join(ids))).text)} == {"93107"}
    assert _fingertips(served, _all_data("93107", "&child_area_type_id=8&parent_area_type_id=15")).status_code == 500
    missing = _fingertips(served, "all_data/csv/by_indicator_id?child_area_type_id=3&parent_area_type_id=15")
    assert (missing.status_code, missing.text) == (400, "IndicatorIds cannot be null or empty")
    assert "text/html" in _fingertips(served, "latest_data/x").headers["Content-Type"]


@pytest.mark.parametrize(
    ("wards", "codes"), [("current", LUTON_WARDS), ("old", {f"E0500{n}" for n in range(2193, 2212)})]
)
def test_fingertips_may_offer_wards_of_either_set(served: Publishers, wards: str, codes: set[str]) -> None:
    served.site.wards = wards
    offered = _fingertips(served, "available_data?indicator_id=93283").json()
    query = _all_data("93283", "&child_area_type_id=8&parent_area_type_id=501&parent_area_code=E06000032")
    rows = _rows(_fingertips(served, query).text)
    served.site.wards = "none"
    assert 8 in {entry["AreaTypeId"] for entry in offered}
    assert {row["Area Code"] for row in rows if row["Area Type"] == "Electoral ward"} == codes


def test_fingertips_states_when_it_was_last_uploaded(served: Publishers) -> None:
    served.site.fingertips_uploaded = "2026-10-01T00:00:00"
    metadata = _fingertips(served, "indicator_metadata/by_indicator_id?indicator_ids=93283").json()
    assert metadata["93283"]["DataChange"]["LastUploadedAt"] == "2026-10-01T00:00:00"
    as_csv = _rows(_fingertips(served, "indicator_metadata/csv/by_indicator_id?indicator_ids=93283").text)
    assert (len(as_csv[0]), as_csv[0]["Data re-use"]) == (32, "Non commercial use only")


def test_default_user_agents_are_refused(served: Publishers, client: requests.Session) -> None:
    page = "/data-and-information/publications/statistical/patients-registered-at-a-gp-practice"
    address = served.endpoints["SPI_ENDPOINT_NHS_PAGES"] + page
    assert requests.get(address).status_code == 403
    assert client.get(address).status_code == 200
    content = (
        served.endpoints["SPI_ENDPOINT_GOVUK_CONTENT"] + "/government/statistics/english-indices-of-deprivation-2025"
    )
    assert (client.head(content).status_code, client.get(content).status_code) == (403, 200)


def test_patients_are_found_through_the_pages(served: Publishers, client: requests.Session) -> None:
    series = "/data-and-information/publications/statistical/patients-registered-at-a-gp-practice"
    page = client.get(served.endpoints["SPI_ENDPOINT_NHS_PAGES"] + series).text
    latest, previous = re.findall(r'<ul data-uipath="ps.series.publications-list.\w+">(.*?)</ul>', page)
    months = [re.findall(r'href="([^"]+)"', part) for part in (latest, previous)]
    links = [client.get(served.endpoints["SPI_ENDPOINT_NHS_PAGES"] + part[0]).text for part in months]
    assert client.get(served.site.base + months[0][0]).text == links[0]
    assert "lsoa" not in links[0]  # the newest month has no LSOA table
    file = re.search(r'https://files.digital.nhs.uk(/\S+lsoa\S+.zip)"', links[1])
    assert file is not None
    body = client.get(served.endpoints["SPI_ENDPOINT_NHS_FILES"] + file[1]).content
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        rows = pd.read_csv(archive.open("gp-reg-pat-prac-lsoa-all.csv"))
    at_home = rows[rows.LSOA_CODE.isin(required("lsoa_best_fit").area_code)]
    assert at_home.LSOA_CODE.nunique() == 125
    residents = required("census_residents").residents.sum()
    assert at_home.NUMBER_OF_PATIENTS.sum() == pytest.approx(1.08 * residents, rel=0.001)


@pytest.mark.parametrize(
    ("path", "group", "size"),
    [
        ("/70/A19C44/QOF_2425.zip", "GROUP_CODE", "PRACTICE_LIST_SIZE"),
        ("/93/0E0A20/qof-1819-csv.zip", "INDICATOR_GROUP_CODE", "PATIENT_LIST_SIZE"),
    ],
    ids=["2024-25", "2018-19"],
)
def test_prevalence_has_the_columns_of_its_era(
    served: Publishers, client: requests.Session, path: str, group: str, size: str
) -> None:
    body = client.get(served.endpoints["SPI_ENDPOINT_NHS_FILES"] + path).content
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        rows = pd.read_csv(archive.open(archive.namelist()[0]))
    assert {"PRACTICE_CODE", "REGISTER", "PATIENT_LIST_TYPE", group, size} == set(rows)
    assert set(rows[rows[group] == "DM"].PATIENT_LIST_TYPE) == {"17OV", "TOTAL"}


def _attachments(served: Publishers, client: requests.Session, page: str) -> list[bytes]:
    found = client.get(served.endpoints["SPI_ENDPOINT_GOVUK_CONTENT"] + page).json()["details"]["attachments"]
    published = "https://assets.publishing.service.gov.uk"
    assert all(entry["url"].startswith(published) for entry in found)
    home = served.endpoints["SPI_ENDPOINT_GOVUK_ASSETS"]
    return [client.get(entry["url"].replace(published, home)).content for entry in found]


def test_indices_of_deprivation_are_found_through_the_content_api(served: Publishers, client: requests.Session) -> None:
    file_1, file_7, file_8 = _attachments(served, client, "/government/statistics/english-indices-of-deprivation-2025")
    scores = pd.read_csv(io.BytesIO(file_7))
    assert len(scores.columns) == 56
    assert scores.columns[4] == "Index of Multiple Deprivation (IMD) Score"
    assert any(name.endswith("10% of LSOA") for name in scores.columns)
    embedded = required("deprivation_2025_subdomains").set_index("area_code").indoors
    served_ = scores.set_index("LSOA code (2021)")["Indoors Sub-domain Score"].reindex(embedded.index)
    assert served_.tolist() == embedded.tolist()
    ranks = scores["Index of Multiple Deprivation (IMD) Rank (where 1 is most deprived)"]
    assert ranks.is_unique
    assert ranks.max() <= 33_755
    assert openpyxl.load_workbook(io.BytesIO(file_1)).sheetnames == ["Notes", "IMD25"]
    crime = pd.read_excel(io.BytesIO(file_8), sheet_name="IoD2025 Crime").set_index("LSOA code (2021)")
    assert crime["Theft rate per 1,000 at risk population"]["E01015693"] == 14.2


def test_the_fuel_poverty_header_stands_between_notes(served: Publishers, client: requests.Session) -> None:
    content = served.endpoints["SPI_ENDPOINT_GOVUK_CONTENT"]
    links = client.get(content + "/government/collections/fuel-poverty-sub-regional-statistics").json()["links"]
    (book,) = _attachments(served, client, links["documents"][0]["base_path"])
    table = pd.read_excel(io.BytesIO(book), sheet_name="Table 3", header=None)
    assert table.iloc[2, 0] == "LSOA Code"
    assert table.iloc[2, 5] == "Number of households1"
    assert str(table.iloc[-1, 0]).startswith("1. ")
    assert table[0].str.startswith("E010").sum() == 128


def test_pollution_grids_have_five_lines_before_their_header_and_no_values_at_sea(served: Publishers) -> None:
    text = requests.get(served.endpoints["SPI_ENDPOINT_DEFRA_PCM"] + "/mapno22024.csv").text.splitlines()
    assert text[5] == "gridcode,x,y,no22024"
    assert sum(line.endswith("MISSING") for line in text) == 2
    assert requests.get(served.endpoints["SPI_ENDPOINT_DEFRA_PCM"] + "/mapno22031.csv").status_code == 404
    assert (
        requests.get(served.endpoints["SPI_ENDPOINT_DEFRA_PCM"] + "/mappm252021g.csv")
        .text.splitlines()[5]
        .endswith("pm252021g")
    )


def test_the_five_year_collision_file_contains_each_single_year(served: Publishers) -> None:
    base = served.endpoints["SPI_ENDPOINT_STATS19"]
    five, one = (
        pd.read_csv(io.BytesIO(requests.get(f"{base}/dft-road-casualty-statistics-collision-{which}.csv").content))
        for which in ("last-5-years", "2022")
    )
    assert five[five.collision_year == 2022].reset_index(drop=True).equals(one)
    assert set(five.collision_severity) == {1, 2, 3}
    assert ((five.longitude == -1) == (five.lsoa_of_accident_location == "-1")).all()
    assert five.collision_index.is_unique


def test_results_repeat_the_ballot_for_each_candidate_and_one_lacks_a_turnout(served: Publishers) -> None:
    query = [("election_date", "2023-05-04"), ("election_id", r"^local\.luton\..*"), ("format", "csv")]
    groups = [("field_group", "results"), ("field_group", "election")]
    base = served.endpoints["SPI_ENDPOINT_DEMOCRACY_CLUB"] + "/data/export_csv/"
    rows = _rows(requests.get(base, [*query, *groups]).text)
    ballots = {row["ballot_paper_id"]: row for row in rows}
    assert (len(rows), len(ballots), len(rows[0])) == (80, 20, 27)
    turnout = {row["gss"]: row["turnout_percentage"] for row in ballots.values()}
    embedded = required("local_elections_2023").set_index("area_code").turnout
    assert {ward: float(value) for ward, value in turnout.items() if value} == embedded.to_dict()
    assert turnout["E05014742"] == ""
    assert "votes_cast" not in _rows(requests.get(base, query).text)[0]
