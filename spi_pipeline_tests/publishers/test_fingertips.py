"""Fingertips: the newest figures for our small areas, and each way in which a response can be wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.fingertips import IDS, INDICATORS, OFFERS, fetch, last_upload
from spi_pipeline.publishers.http.exchange import PermanentFailure, Request
from spi_pipeline_tests.imitations.publishers.fingertips import HEADER, SUPPRESSED
from spi_pipeline_tests.publishers.fake import TOWN, FakeClient, as_download, body_of, fetch_and_parse, matches_contract

HEALTH = OFFERS["local_health"]
NAMES = {93092: "Low birth weight of live babies, five year pooled"}
DATA, ABOUT = "/all_data/csv/by_indicator_id", "/indicator_metadata/by_indicator_id"


def row(number: int, area: str, value: object = 7.5, sex: str = "Persons", **changed: object) -> dict[str, object]:
    cells = {
        "Indicator ID": number, "Indicator Name": NAMES.get(number, "A name"), "Area Code": area,
        "Area Type": "MSOA", "Area Name": "Anytown", "Sex": sex,
        "Time period": "2019 - 23", "Time period Sortable": "20190000", "Value": value, "Time period range": "5y",
    }  # fmt: skip
    return dict.fromkeys(HEADER.split(",")) | cells | changed


def rows(areas: list[str], ids: list[int] | tuple[int, ...] = IDS) -> list[dict[str, object]]:
    """England twice and the parent once, alongside the areas, as in every file."""
    every = ["E92000001", "E92000001", *TOWN.authorities, *areas]
    return [row(number, area, sex=sex) for number in ids for sex in ("Persons", "Male", "Female") for area in every]


def table(found: list[dict[str, object]]) -> bytes:
    return body_of(pd.DataFrame(found, columns=HEADER.split(",")))


def metadata(year: str = "2025", ids: Sequence[int] = IDS, **uses: str) -> bytes:
    """The upload date of each indicator, and the terms of reuse of some (``n93283=…``)."""
    uploads = {
        number: {
            "DataChange": {"LastUploadedAt": f"{year}-08-05T09:00:00"},
            "Descriptive": {"Name": "A name", "Reuse": uses.get(f"n{number}", "")},
        }
        for number in ids
    }
    return json.dumps(uploads).encode()


def publisher(folder: Path, data: Any, wards: tuple[int, ...] = (), msoas: tuple[int, ...] = IDS) -> FakeClient:
    def offered(request: Request) -> bytes:
        parameters = dict(request.params)
        pairs = [(number, area_type) for area_type, found in ((8, wards), (3, msoas)) for number in found]
        chosen = [
            {"IndicatorId": number, "AreaTypeId": area_type} for number, area_type in pairs
            if str(number) == parameters.get("indicator_id") or str(area_type) == parameters.get("area_type_id")
        ]  # fmt: skip
        return json.dumps(chosen).encode()

    return FakeClient(folder, {"/available_data": offered, ABOUT: metadata(), DATA: data})


def by_type(**responses: bytes) -> Callable[[Request], bytes]:
    return lambda request: responses["type_" + dict(request.params)["child_area_type_id"]]


def test_figures_of_msoas_carry_the_year_of_their_release(tmp_path: Path) -> None:
    client = publisher(tmp_path, table(rows(list(TOWN.msoas))))
    frame = fetch_and_parse(HEALTH, client, TOWN)
    assert matches_contract("local_health", frame)
    assert frame[["area_code", "year"]].values.tolist() == [["E02900001", 2025]]
    assert set(frame[list(INDICATORS)].iloc[0]) == {7.5}
    figures = list(HEALTH.fetch(client, TOWN))[-1]
    assert figures.published_at == "2025-08-05T09:00:00+00:00"
    parameters = next(dict(request.params) for request in client.requests if request.path == DATA)
    assert (parameters["child_area_type_id"], parameters["parent_area_code"]) == ("3", "E06900001")


def test_current_wards_are_used_if_all_indicators_are_offered_for_them(tmp_path: Path) -> None:
    client = publisher(tmp_path, by_type(type_8=table(rows(list(TOWN.wards)))), wards=IDS)
    assert fetch_and_parse(HEALTH, client, TOWN)["area_code"].tolist() == list(TOWN.wards)


@pytest.mark.parametrize("wards", [["E05800001"], ["E05900001", "E05800001"], []], ids=["former", "mixed", "none"])
def test_wards_of_another_vintage_are_not_used(tmp_path: Path, wards: list[str]) -> None:
    client = publisher(tmp_path, by_type(type_8=table(rows(wards)), type_3=table(rows(list(TOWN.msoas)))), wards=IDS)
    assert fetch_and_parse(HEALTH, client, TOWN)["area_code"].tolist() == list(TOWN.msoas)
    some_only = publisher(tmp_path, by_type(type_3=table(rows(list(TOWN.msoas)))), wards=IDS[:1])
    assert fetch_and_parse(HEALTH, some_only, TOWN)["area_code"].tolist() == list(TOWN.msoas)


def refused(folder: Path, found: list[dict[str, object]]) -> str:
    downloads = [as_download(folder, metadata(), "about.json"), as_download(folder, table(found), "all_data.csv")]
    with pytest.raises(SpiError) as caught:
        HEALTH.parse(downloads, TOWN)
    return str(caught.value)


def parsed(folder: Path, found: list[dict[str, object]]) -> pd.DataFrame:
    return HEALTH.parse([as_download(folder, metadata()), as_download(folder, table(found))], TOWN)


def test_former_wards_in_a_file_are_refused(tmp_path: Path) -> None:
    message = refused(tmp_path, [row(93252, "E05800001")])
    assert message == (
        "all_data.csv of Fingertips holds the former wards E05800001; use MSOAs until it has the wards in force"
    )


def test_repeated_rows_of_england_and_the_parent_do_not_count(tmp_path: Path) -> None:
    msoa = TOWN.msoas[0]
    found = [row(93252, area, 1) for area in ("E92000001", "E92000001", "E06900001")]
    again = row(93252, msoa, 7.5, **{"Parent Code": "E06900001"})
    assert parsed(tmp_path, [*found, row(93252, msoa, 7.5), row(93252, msoa, 7.5), again])[
        "deaths_under_75"
    ].tolist() == [7.5]


def test_category_rows_do_not_count(tmp_path: Path) -> None:
    decile = {"Category Type": "LSOA deprivation deciles", "Category": "Most deprived"}
    found = [row(93252, TOWN.msoas[0], 99, **decile), row(93252, TOWN.msoas[0], 7.5)]
    assert parsed(tmp_path, found)["deaths_under_75"].tolist() == [7.5]


def test_an_area_without_a_row_is_not_treated_as_suppressed(tmp_path: Path) -> None:
    wider = replace(TOWN, msoas=(*TOWN.msoas, "E02900002"))
    downloads = [as_download(tmp_path, metadata()), as_download(tmp_path, table([row(93252, TOWN.msoas[0])]))]
    with pytest.raises(SpiError, match=r"has no row for 1 areas of ours, E02900002; download it again"):
        HEALTH.parse(downloads, wider)


def test_rows_that_disagree_are_refused(tmp_path: Path) -> None:
    message = refused(tmp_path, [row(93252, TOWN.msoas[0], 7.5), row(93252, TOWN.msoas[0], 8.5)])
    assert "holds indicator 93252, Persons, for E02900001 twice in 2019 - 23, with different figures" in message


def test_only_the_newest_period_is_read(tmp_path: Path) -> None:
    old = row(93252, TOWN.msoas[0], 9, **{"Time period": "2016 - 20", "Time period Sortable": "20160000"})
    assert parsed(tmp_path, [row(93252, TOWN.msoas[0]), old])["deaths_under_75"].tolist() == [7.5]


def test_a_suppressed_value_is_missing_and_not_zero(tmp_path: Path) -> None:
    found = [row(93239, TOWN.msoas[0], None, **{"Value note": SUPPRESSED}), row(93252, TOWN.msoas[0])]
    frame = parsed(tmp_path, found)
    assert frame["self_harm_admissions"].isna().tolist() == [True]
    assert frame["deaths_under_75"].tolist() == [7.5]


def test_more_than_a_hundred_ids_are_requested_in_parts(tmp_path: Path) -> None:
    ids = list(range(1, 151))

    def first_hundred(request: Request) -> bytes:
        numbers = [int(number) for number in dict(request.params)["indicator_ids"].split(",")]
        return table(rows(list(TOWN.msoas), numbers[:100]))

    client = publisher(tmp_path, first_hundred, msoas=tuple(ids))
    client.responses[ABOUT] = metadata(ids=ids)
    assert len([d for d in fetch(client, TOWN, ids) if "all_data" in d.url]) == 2


def test_a_response_that_lacks_a_requested_indicator_is_refused(tmp_path: Path) -> None:
    client = publisher(tmp_path, table(rows(list(TOWN.msoas), IDS[:-1])))
    with pytest.raises(PermanentFailure) as caught:
        fetch_and_parse(HEALTH, client, TOWN)
    assert str(caught.value).startswith(
        "Fingertips returned 7 of 8 indicators and nothing for 93283, as it does beyond "
    )


def test_a_withdrawn_indicator_is_missing(tmp_path: Path) -> None:
    left = tuple(number for number in IDS if number != 93092)
    frame = fetch_and_parse(HEALTH, publisher(tmp_path, table(rows(list(TOWN.msoas), left)), msoas=left), TOWN)
    assert frame["low_birth_weight"].isna().all()
    with pytest.raises(
        PermanentFailure, match=r"offers none of 93092, .* for MSOAs; look up what its API lists under available_data$"
    ):
        fetch_and_parse(HEALTH, publisher(tmp_path, b"", msoas=()), TOWN)


def test_headers_of_26_and_27_columns_are_read_and_a_renamed_one_is_refused(tmp_path: Path) -> None:
    frame = pd.DataFrame([row(93252, TOWN.msoas[0])], columns=HEADER.split(","))
    older = as_download(tmp_path, body_of(frame.drop(columns="Time period range")))
    assert HEALTH.parse([as_download(tmp_path, metadata()), older], TOWN)["deaths_under_75"].tolist() == [7.5]
    renamed = as_download(tmp_path, body_of(frame.rename(columns={"Value note": "Note"})), "all_data.csv")
    with pytest.raises(
        SpiError, match=r"^all_data\.csv lacks the columns Value note of Fingertips, it has Indicator ID, "
    ):
        HEALTH.parse([as_download(tmp_path, metadata()), renamed], TOWN)


@pytest.mark.parametrize(
    "body", [b"<!DOCTYPE html>\n<title>Browser not supported</title>", b"IndicatorIds cannot be null"]
)
def test_a_page_or_a_message_is_refused(tmp_path: Path, body: bytes) -> None:
    with pytest.raises(PermanentFailure, match=r"^all_data lacks the columns Indicator ID, Indicator Name, "):
        fetch_and_parse(HEALTH, publisher(tmp_path, body), TOWN)


@pytest.mark.parametrize("restriction", ["Non commercial use only", "For non-commercial use", "Ask ONS for permission"])
def test_columns_restricted_by_metadata_are_listed(tmp_path: Path, restriction: str) -> None:
    assert HEALTH.restricted
    about = as_download(
        tmp_path, metadata(n93283=f" {restriction}\n", n93107=restriction, n93252="Open Government Licence")
    )
    life = [f"life_expectancy{end}" for end in ("_female", "_male", "", "_lower", "_upper")]
    year_6 = [f"year_6_obesity{end}" for end in ("", "_lower", "_upper")]
    assert HEALTH.restricted([about]) == dict.fromkeys([*life, *year_6], restriction)
    with pytest.raises(SpiError, match=r"holds no metadata of indicators; see its API"):
        HEALTH.restricted([as_download(tmp_path, b'{"93283": []}')])


def test_an_id_in_no_list_must_have_the_expected_name(tmp_path: Path) -> None:
    other = row(93092, TOWN.msoas[0], **{"Indicator Name": "Smoking at delivery"})
    message = refused(tmp_path, [row(93252, TOWN.msoas[0]), other])
    expected = (
        "all_data.csv of Fingertips calls indicator 93092 'Smoking at delivery', where a name with 'birthweight' "
    )
    assert message.startswith(expected)


def test_the_upload_date_shows_a_change(tmp_path: Path) -> None:
    uploads = last_upload(publisher(tmp_path, b""), TOWN)
    assert json.loads(uploads)["93283"] == "2025-08-05T09:00:00"
    silent = replace(TOWN, msoas=("E02000000",))
    with pytest.raises(SpiError, match=r"holds a ward or MSOA of ours"):
        HEALTH.parse(
            [as_download(tmp_path, metadata()), as_download(tmp_path, table([row(93252, TOWN.msoas[0])]))], silent
        )


@pytest.mark.parametrize(
    ("about", "expected"),
    [
        (b"{}", "indicator_metadata of Fingertips holds no metadata of indicators; see its API"),
        (
            metadata().replace(b'"93107"', b'"107"'),
            r"no longer describes 93107, which may have been withdrawn; look up",
        ),
        (b"[]", "indicator_metadata of Fingertips holds no metadata of indicators; see its API"),
    ],
    ids=["empty", "one missing", "a list"],
)
def test_metadata_that_lack_a_requested_indicator_are_refused(tmp_path: Path, about: bytes, expected: str) -> None:
    client = publisher(tmp_path, table(rows(list(TOWN.msoas))))
    client.responses[ABOUT] = about
    with pytest.raises(PermanentFailure, match=expected):
        fetch_and_parse(HEALTH, client, TOWN)


def test_empty_metadata_are_refused_even_if_stored_earlier(tmp_path: Path) -> None:
    client = publisher(tmp_path, table(rows(list(TOWN.msoas))))
    client.responses[ABOUT] = b"{}"
    with pytest.raises(
        PermanentFailure, match=r"^Fingertips returns no metadata of any of our indicators; see its API"
    ):
        last_upload(client, TOWN)
    get = client.get
    # A stored response is not checked again.
    client.get = lambda request, check=None: get(request)  # type: ignore[method-assign]
    with pytest.raises(SpiError, match=r"of Fingertips holds no metadata of indicators; see its API$"):
        list(fetch(client, TOWN))
