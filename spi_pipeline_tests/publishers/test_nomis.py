"""Nomis: complete responses for the areas requested, and each way in which a response can be wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.http.exchange import PermanentFailure, Request, TransientFailure
from spi_pipeline.publishers.nomis import OFFERS
from spi_pipeline.publishers.nomis.fetching import CODES_A_REQUEST
from spi_pipeline.publishers.nomis.parsing import extent
from spi_pipeline.publishers.nomis.tables import CENSUS
from spi_pipeline_tests.publishers.fake import TOWN, FakeClient, as_download, body_of, fetch_and_parse, matches_contract

HEALTH = "/api/v01/dataset/NM_2055_1.data.csv"
LABELS = [
    "Total: All usual residents",
    "Very good health",
    "Good health",
    "Fair health",
    "Bad health",
    "Very bad health",
]
CELLS = ["DATE_CODE", "GEOGRAPHY_CODE", "C2021_HEALTH_6_NAME", "OBS_VALUE", "OBS_STATUS"]


def census_rows(areas: list[str], labels: list[str] = LABELS) -> pd.DataFrame:
    """Area i has 100 i + j people in category j."""
    rows = [
        ("2021", area, label, 100 * i + j, "A") for i, area in enumerate(areas, 1) for j, label in enumerate(labels)
    ]
    return pd.DataFrame(rows, columns=CELLS)


def paged_response(rows: pd.DataFrame, cap: int = 25_000) -> Callable[[Request], bytes]:
    """Rows of the areas requested, or of all areas for a type of area, at most ``cap`` at a time."""

    def respond(request: Request) -> bytes:
        parameters = dict(request.params)
        found = rows[
            rows["GEOGRAPHY_CODE"].isin(parameters["geography"].split(",")) | parameters["geography"].startswith("TYPE")
        ]
        first = int(parameters["RecordOffset"])
        page = found.iloc[first : first + cap]
        page = page.assign(RECORD_OFFSET=range(first, first + len(page)), RECORD_COUNT=len(found))
        return body_of(page) if len(page) else b""

    return respond


def client(folder: Path, rows: pd.DataFrame) -> FakeClient:
    return FakeClient(folder, {HEALTH: paged_response(rows)})


def test_a_table_becomes_one_row_per_area(tmp_path: Path) -> None:
    frame = fetch_and_parse(
        OFFERS["census_general_health"], client(tmp_path, census_rows(list(TOWN.output_areas))), TOWN
    )
    assert matches_contract("census_general_health", frame)
    assert frame.iloc[1].tolist() == ["E00900002", 200, 204, 205, 203, 202, 201]


def test_areas_are_split_between_requests_of_limited_length(tmp_path: Path) -> None:
    areas = tuple(f"E00{number:06d}" for number in range(CODES_A_REQUEST + 1))
    fake_client = client(tmp_path, census_rows(list(areas)))
    frame = fetch_and_parse(OFFERS["census_general_health"], fake_client, replace(TOWN, output_areas=areas))
    assert frame["area_code"].tolist() == list(areas)
    assert len(fake_client.requests) == 2
    assert all(request.immutable for request in fake_client.requests)


def test_a_response_over_the_limit_is_read_page_by_page(tmp_path: Path) -> None:
    fake_client = FakeClient(tmp_path, {HEALTH: paged_response(census_rows(list(TOWN.output_areas)), cap=5)})
    frame = fetch_and_parse(OFFERS["census_general_health"], fake_client, TOWN)
    assert [dict(request.params)["RecordOffset"] for request in fake_client.requests] == ["0", "5", "10", "15"]
    assert frame["residents"].tolist() == [100, 200, 300]


def test_pages_follow_the_length_that_nomis_returns(tmp_path: Path) -> None:
    short = FakeClient(tmp_path, {HEALTH: paged_response(census_rows(list(TOWN.output_areas)), cap=7)})
    assert fetch_and_parse(OFFERS["census_general_health"], short, TOWN)["residents"].tolist() == [100, 200, 300]
    assert [dict(request.params)["RecordOffset"] for request in short.requests] == ["0", "7", "14"]


def test_a_missing_page_is_requested_again(tmp_path: Path) -> None:
    whole = census_rows(list(TOWN.output_areas)).assign(RECORD_COUNT=18)

    def first_page_only(request: Request) -> bytes:
        return body_of(whole.iloc[:7] if dict(request.params)["RecordOffset"] == "0" else whole.iloc[:0])

    with pytest.raises(TransientFailure, match=r"returned 7 rows of more \(RECORD_COUNT\) and then none"):
        fetch_and_parse(OFFERS["census_general_health"], FakeClient(tmp_path, {HEALTH: first_page_only}), TOWN)


@pytest.mark.parametrize(("count", "expected"), [("18.0", ""), ("many", "column RECORD_COUNT holds 'many'")])
def test_the_number_of_rows_is_read_in_any_notation(tmp_path: Path, count: str, expected: str) -> None:
    rows = census_rows(list(TOWN.output_areas)).assign(RECORD_COUNT=count)
    fake_client = FakeClient(tmp_path, {HEALTH: body_of(rows)})
    if expected:
        with pytest.raises(PermanentFailure, match=expected):
            fetch_and_parse(OFFERS["census_general_health"], fake_client, TOWN)
    else:
        assert len(fetch_and_parse(OFFERS["census_general_health"], fake_client, TOWN)) == 3


def test_a_response_cut_off_at_the_limit_is_refused(tmp_path: Path) -> None:
    rows = census_rows(list(TOWN.output_areas)).assign(RECORD_OFFSET=0, RECORD_COUNT=74_200)
    with pytest.raises(SpiError) as caught:
        OFFERS["census_general_health"].parse([as_download(tmp_path, body_of(rows), "NM_2055_1.data.csv")], TOWN)
    assert str(caught.value) == (
        "NM_2055_1.data.csv of Nomis holds 18 of 74,200 rows (column RECORD_COUNT), as a response cut off at 25,000 "
        "does; download it again with all its pages"
    )


def refused(folder: Path, rows: pd.DataFrame, source_id: str = "census_general_health") -> str:
    counted = rows.assign(RECORD_OFFSET=0, RECORD_COUNT=len(rows))
    with pytest.raises(SpiError) as caught:
        OFFERS[source_id].parse([as_download(folder, body_of(counted), "answer.csv")], TOWN)
    return str(caught.value)


def test_unknown_codes_are_not_zero(tmp_path: Path) -> None:
    nothing = body_of(census_rows([]).assign(RECORD_OFFSET=0, RECORD_COUNT=0))
    with pytest.raises(PermanentFailure, match=r"has no row, as for unknown codes"):
        fetch_and_parse(
            OFFERS["census_general_health"],
            FakeClient(tmp_path, {HEALTH: nothing}),
            TOWN,
        )
    message = refused(tmp_path, census_rows(list(TOWN.output_areas[:2])))
    assert message.startswith("answer.csv of Nomis lacks 1 of 3 areas, E00900003; download it again")


def test_wards_of_2022_instead_of_current_ones_are_refused(tmp_path: Path) -> None:
    rows = pd.DataFrame([("2026-08", code, 10, "A") for code in ("E05900001", "E05800001")])
    message = refused(
        tmp_path, rows.set_axis(["DATE_CODE", "GEOGRAPHY_CODE", "OBS_VALUE", "OBS_STATUS"], axis=1), "claimant_count"
    )
    assert message.startswith("answer.csv of Nomis holds the former ward codes E05800001 (a former ward): ")


def test_another_table_under_the_same_id_is_recognised_by_its_labels(tmp_path: Path) -> None:
    labels = [*LABELS[:4], "Dreadful health", LABELS[5]]
    message = refused(tmp_path, census_rows(list(TOWN.output_areas), labels))
    assert message.startswith("answer.csv of Nomis has 0 categories 'Bad health', it has Total: All usual residents, ")
    assert "compare the table's id and labels with spi_pipeline/publishers/nomis/tables.py" in message


WORDED = {
    "census_general_health": {
        "General health: Total: All usual residents; measures: Value": 0, "Very good": 1, "Good": 2, "Fair": 3,
        "Bad": 4, "Very bad": 5,
    },
    "census_overcrowding": {
        "All households": 0, "Occupancy rating of bedrooms: +2 or more": 1, "+1 (under-occupied)": 2, "0 (ideal)": 3,
        "Occupancy rating (bedrooms) of −1": 4, "Occupancy rating (bedrooms) of −2 or less": 5,
    },
    "census_qualifications": {
        "Total": 0, "None, no qualifications": 1, "Level 1 and entry level qualifications": 2,
        "Level 2 qualifications": 3, "Apprenticeship": 4, "Level 3 qualifications": 5, "Level 4+": 6,
        "Other qualifications": 7,
    },
    "census_household_composition": {
        "Household composition: Total; measures: Value": 0, "One person household": 1001,
        "One person household: Other": 2, "Single family household": 1002, "Other household types": 1007,
        "Other household types: With dependent children": 13,
    },
    "census_sex": {"All persons": 0, "Female": 1, "Male": 2},
}  # fmt: skip


@pytest.mark.parametrize("source_id", WORDED)
def test_a_reworded_label_is_recognised_by_its_documented_code(source_id: str, tmp_path: Path) -> None:
    table, codes = CENSUS[source_id], WORDED[source_id]
    rows = census_rows(list(TOWN.output_areas), list(codes)).rename(
        columns={"C2021_HEALTH_6_NAME": f"{table.dimension}_NAME".upper()}
    )
    rows[table.dimension.upper()] = rows[f"{table.dimension}_NAME".upper()].map(codes)
    shuffled = rows.sample(frac=1, random_state=1)[sorted(rows)]
    path = f"/api/v01/dataset/{table.dataset}.data.csv"
    frame = fetch_and_parse(OFFERS[source_id], FakeClient(tmp_path, {path: paged_response(shuffled)}), TOWN)
    by_code = {code: 100 + place for place, code in enumerate(codes.values())}
    for column, code in table.codes.items():
        assert frame[column].tolist() == [by_code[code] + 100 * area for area in range(3)]


ACTIVE, STUDENT = "Economically active (excluding full-time students)", "Economically active and a full-time student"
# As Nomis words them in its zip files, with and without a blank after a colon; the zip files give no codes.
ACTIVITY = [
    "Economic activity status: Total: All usual residents aged 16 years and over", ACTIVE, f"{ACTIVE}:In employment",
    f"{ACTIVE}:In employment:Employee", f"{ACTIVE}: Unemployed", STUDENT, f"{STUDENT}:In employment",
    f"{STUDENT}: In employment: Employee: Part-time", f"{STUDENT}: Unemployed", "Economically inactive",
    "Economically inactive: Student",
]  # fmt: skip


def test_categories_with_the_same_ending_are_distinguished_by_their_beginning(tmp_path: Path) -> None:
    rows = census_rows(list(TOWN.output_areas), ACTIVITY)
    rows = rows.rename(columns={"C2021_HEALTH_6_NAME": "C2021_EASTAT_20_NAME"})
    fake_client = FakeClient(tmp_path, {"/api/v01/dataset/NM_2083_1.data.csv": paged_response(rows)})
    frame = fetch_and_parse(OFFERS["census_economic_activity"], fake_client, TOWN)
    # The labels at 2 and 6 are added up, and those at 4 and 8; then both sums.
    assert frame.iloc[0].to_dict() == {
        "area_code": TOWN.output_areas[0], "residents_16_and_over": 100, "inactive": 109, "in_employment": 102 + 106,
        "unemployed": 104 + 108, "economically_active": 102 + 106 + 104 + 108,
    }  # fmt: skip


def test_empty_homes_are_not_households(tmp_path: Path) -> None:
    labels = ["Total: All household spaces", "0 people in household", "1 person in household",
              *(f"{size} people in household" for size in range(2, 8)), "8 or more people in household"]  # fmt: skip
    rows = census_rows(list(TOWN.output_areas), labels).rename(columns={"C2021_HEALTH_6_NAME": "C2021_HHSIZE_10_NAME"})
    fake_client = FakeClient(tmp_path, {"/api/v01/dataset/NM_2037_1.data.csv": paged_response(rows)})
    (first, *_) = fetch_and_parse(OFFERS["census_household_size"], fake_client, TOWN).values.tolist()
    assert first == [TOWN.output_areas[0], 102, 103, 104, 105 + 106 + 107 + 108 + 109, sum(range(102, 110))]


def test_born_abroad_is_the_total_less_born_in_the_uk(tmp_path: Path) -> None:
    rows = census_rows(list(TOWN.output_areas), ["Total", "Europe: United Kingdom", "Europe", "Africa"])
    rows = rows.rename(columns={"C2021_HEALTH_6_NAME": "C2021_COB_12_NAME"}).assign(OBS_VALUE=[90, 60, 70, 20] * 3)
    fake_client = FakeClient(tmp_path, {"/api/v01/dataset/NM_2024_1.data.csv": paged_response(rows)})
    assert fetch_and_parse(OFFERS["census_country_of_birth"], fake_client, TOWN).iloc[0].tolist()[1:] == [90, 60, 30]


def test_a_code_of_another_table_does_not_match(tmp_path: Path) -> None:
    codes = {"Total: All usual residents": 0, "Armed forces base": 1, "Holiday home": 2, "Other": 3}
    rows = census_rows(list(TOWN.output_areas), list(codes))
    rows = rows.rename(columns={"C2021_HEALTH_6_NAME": "C2021_CARS_5_NAME"})
    rows = rows.assign(C2021_CARS_5=rows["C2021_CARS_5_NAME"].map(codes))
    assert "has 0 categories" in refused(tmp_path, rows, "census_car_availability")


def households(label: str, code: object = 0, **others: object) -> pd.DataFrame:
    """TS041, whose only category clients name by its code and never by its label."""
    rows = census_rows(list(TOWN.output_areas), [label]).rename(columns={"C2021_HEALTH_6_NAME": "C2021_HH_1_NAME"})
    return rows.assign(C2021_HH_1=code, **others)


@pytest.mark.parametrize("label", ["Number of households", "Total: All households", "Households", ""])
def test_a_single_category_is_recognised_by_its_code_under_any_label(tmp_path: Path, label: str) -> None:
    fake_client = FakeClient(tmp_path, {"/api/v01/dataset/NM_2059_1.data.csv": paged_response(households(label))})
    frame = fetch_and_parse(OFFERS["census_households"], fake_client, TOWN)
    assert frame.values.tolist() == [[area, 100 * number] for number, area in enumerate(TOWN.output_areas, 1)]
    assert "c2021_hh_1,c2021_hh_1_name" in dict(fake_client.requests[0].params)["select"]


def test_another_code_or_several_categories_are_refused(tmp_path: Path) -> None:
    expected = (
        "answer.csv of Nomis has 0 categories of code 0 where one belongs, it has 1 Number of households; compare "
    )
    assert refused(tmp_path, households("Number of households", 1), "census_households").startswith(expected)
    both = pd.concat([households("All"), households("Other", 0)])
    assert "has 2 categories of code 0" in refused(tmp_path, both, "census_households")


def test_codes_of_subdivisions_may_have_an_underscore(tmp_path: Path) -> None:
    """As a client of 2026 received them (NM_2048_1, column C2021_ENGPRF_6_CODE)."""
    labels = ["All aged 3 and over", "Speaks it not well", "Speaks it not at all"]
    rows = census_rows(list(TOWN.output_areas), labels).rename(columns={"C2021_HEALTH_6_NAME": "C2021_ENGPRF_6_NAME"})
    rows["C2021_ENGPRF_6"] = ["0", "_4", "_5"] * 3
    path = f"/api/v01/dataset/{CENSUS['census_english_proficiency'].dataset}.data.csv"
    message = refused(tmp_path, rows, "census_english_proficiency")
    assert "has 0 categories 'Cannot speak English'" in message, "the label must still match the meaning"
    rows["C2021_ENGPRF_6_NAME"] = ["Total: All", "Cannot speak it well", "Cannot speak English at all"] * 3
    frame = fetch_and_parse(
        OFFERS["census_english_proficiency"], FakeClient(tmp_path, {path: paged_response(rows)}), TOWN
    )
    assert frame.iloc[0].tolist() == [TOWN.output_areas[0], 100, 101 + 102]


def test_a_renamed_column_is_refused(tmp_path: Path) -> None:
    message = refused(tmp_path, census_rows(list(TOWN.output_areas)).rename(columns={"OBS_VALUE": "VALUE"}))
    assert message.startswith("answer.csv lacks the columns OBS_VALUE of Nomis, it has DATE_CODE, GEOGRAPHY_CODE, ")


def test_a_web_page_is_refused(tmp_path: Path) -> None:
    page = FakeClient(tmp_path, {HEALTH: b"<!DOCTYPE html>\n<html></html>\n"})
    with pytest.raises(PermanentFailure, match=r"lacks the columns RECORD_COUNT of Nomis, it has <!DOCTYPE html>"):
        fetch_and_parse(OFFERS["census_general_health"], page, TOWN)


def test_a_suppressed_figure_is_missing_and_a_word_is_refused(tmp_path: Path) -> None:
    rows = census_rows(list(TOWN.output_areas)).astype({"OBS_VALUE": object})
    rows.loc[4, ["OBS_VALUE", "OBS_STATUS"]] = ["", "Q"]
    counted = rows.assign(RECORD_OFFSET=0, RECORD_COUNT=len(rows))
    frame = OFFERS["census_general_health"].parse([as_download(tmp_path, body_of(counted))], TOWN)
    assert frame["bad"].isna().tolist() == [True, False, False]
    rows.loc[4, "OBS_VALUE"] = "c"
    assert "column value holds 'c' where a number belongs (1 such cells)" in refused(tmp_path, rows)


def test_a_figure_given_twice_with_different_values_is_refused(tmp_path: Path) -> None:
    rows = census_rows(list(TOWN.output_areas))
    message = refused(tmp_path, pd.concat([rows, rows.iloc[[4]].assign(OBS_VALUE=999)]))
    assert message == "answer.csv of Nomis holds E00900001 twice, with different figures; download it again"


def test_population_is_for_the_newest_year(tmp_path: Path) -> None:
    rows = [
        ("2024", area, age, value, "A")
        for area in TOWN.lsoas
        for age, value in (("200", 9), ("201", 2), ("203", 6), ("209", 1))
    ]
    cells = ["DATE_CODE", "GEOGRAPHY_CODE", "C_AGE", "OBS_VALUE", "OBS_STATUS"]
    fake_client = FakeClient(
        tmp_path, {"/api/v01/dataset/NM_2014_1.data.csv": paged_response(pd.DataFrame(rows, columns=cells))}
    )
    frame = fetch_and_parse(OFFERS["population"], fake_client, TOWN)
    assert matches_contract("population", frame)
    assert frame.values.tolist() == [[area, 2024, 9, 2, 6, 1] for area in TOWN.lsoas]
    assert [download.period for download in OFFERS["population"].fetch(fake_client, TOWN)] == ["2024"]


def test_claimants_are_requested_month_by_month(tmp_path: Path) -> None:
    def month(request: Request) -> bytes:
        date = dict(request.params)["date"]
        rows = [("2026-08" if date == "latest" else date, ward, 5, "A") for ward in TOWN.wards]
        frame = pd.DataFrame(rows, columns=["DATE_CODE", "GEOGRAPHY_CODE", "OBS_VALUE", "OBS_STATUS"])
        return body_of(frame.assign(RECORD_OFFSET=0, RECORD_COUNT=len(frame)))

    fake_client = FakeClient(tmp_path, {"/api/v01/dataset/NM_162_1.data.csv": month})
    frame = fetch_and_parse(OFFERS["claimant_count"], fake_client, replace(TOWN, since="2026-05"))
    assert matches_contract("claimant_count", frame)
    assert sorted(set(frame["month"])) == ["2026-05", "2026-06", "2026-07", "2026-08"]
    immutable = {dict(request.params)["date"]: request.immutable for request in fake_client.requests}
    assert immutable == {"latest": False, "2026-05": True, "2026-06": True, "2026-07": False}


@pytest.mark.parametrize("source_id", sorted(CENSUS))
def test_every_census_table_fills_its_contract(source_id: str, tmp_path: Path) -> None:
    table = CENSUS[source_id]
    areas = list(getattr(TOWN, table.level))
    labels = [f"Group: {label}" if label != "Total" else "Total: All" for label in table.labels.values()]
    rows = census_rows(areas, labels).rename(columns={"C2021_HEALTH_6_NAME": f"{table.dimension}_NAME".upper()})
    path = f"/api/v01/dataset/{table.dataset}.data.csv"
    frame = fetch_and_parse(OFFERS[source_id], FakeClient(tmp_path, {path: paged_response(rows)}), TOWN)
    figures = dict(zip(table.labels, range(100, 100 + len(labels)), strict=True))
    for column, parts in table.sums.items():
        figures[column] = sum(figures.pop(part) for part in parts)
    for column, parts in table.derived.items():
        figures[column] = sum(-figures[part[1:]] if part.startswith("-") else figures[part] for part in parts)
    assert frame.iloc[0].to_dict() == {"area_code": areas[0], **figures}
    assert matches_contract(source_id, frame)


@pytest.mark.parametrize("date", ["", "soon"])
@pytest.mark.parametrize("source", ["population", "claimant_count"])
def test_a_page_without_a_valid_date_is_refused(tmp_path: Path, source: str, date: str) -> None:
    areas = TOWN.lsoas if source == "population" else TOWN.wards
    rows = pd.DataFrame({"DATE_CODE": date, "GEOGRAPHY_CODE": areas, "C_AGE": "200", "OBS_VALUE": 1, "OBS_STATUS": "A"})
    every = dict.fromkeys(("NM_2014_1", "NM_162_1"), paged_response(rows))
    fake_client = FakeClient(tmp_path, {f"/api/v01/dataset/{name}.data.csv": one for name, one in every.items()})
    with pytest.raises(PermanentFailure, match=r"of Nomis has no valid date \(DATE_CODE\); download it again"):
        fetch_and_parse(OFFERS[source], fake_client, TOWN)


def test_a_page_is_read_once_for_its_number_of_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[str] = []

    def counting(path: Path, name: str) -> tuple[int, int]:
        counted.append(name)
        return extent(path, name)

    monkeypatch.setattr("spi_pipeline.publishers.nomis.fetching.extent", counting)
    fetch = OFFERS["census_general_health"].fetch
    assert fetch
    list(fetch(client(tmp_path, census_rows(list(TOWN.output_areas))), TOWN))
    assert len(counted) == 1
