"""ONS Open Geography: complete responses in degrees for our areas, and each way in which a response can be wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import shapely

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.http.exchange import PermanentFailure, Request, TransientFailure
from spi_pipeline.publishers.ons_geography import OFFERS
from spi_pipeline.publishers.ons_geography.layers import CENTROIDS, OUTPUT_AREA_FIT, SERVICES
from spi_pipeline.publishers.ons_geography.services import fetch_service, parse_centroids
from spi_pipeline_tests.publishers.fake import TOWN, FakeClient, as_download, fetch_and_parse, matches_contract

LOOKUP = [
    {
        "OA21CD": f"E0090000{i}",
        "LSOA21CD": f"E0190000{1 + i // 3}",
        "MSOA21CD": "E02900001",
        "LAD22CD": "E06900001",
        "FID": i,
    }
    for i in (1, 2, 3)
]


def path_of(source_id: str) -> str:
    return f"/{SERVICES[source_id].name}/FeatureServer/0/query"


def ward_features(scale: float = 1.0) -> list[dict[str, Any]]:
    return [
        {
            "type": "Feature",
            "properties": {"WD24CD": code, "WD24NM": f"Ward {code[-1]}", "LAD24CD": "E06900001", "FID": 1},
            "geometry": shapely.geometry.mapping(shapely.transform(shape, lambda at: at * scale)),
        }
        for code, shape in TOWN.polygons.items()
    ]


def paged(
    features: list[dict[str, Any]], cap: int, flag: Callable[[bool], dict[str, Any]]
) -> Callable[[Request], bytes]:
    def respond(request: Request) -> bytes:
        parameters = dict(request.params)
        first = int(parameters["resultOffset"])
        rest = features[first : first + cap]
        return json.dumps({"features": rest, **flag(first + cap < len(features))}).encode()

    return respond


def at_top(cut: bool) -> dict[str, Any]:
    return {"exceededTransferLimit": True} if cut else {}


def under_properties(cut: bool) -> dict[str, Any]:
    return {"type": "FeatureCollection", "properties": {"exceededTransferLimit": cut}}


@pytest.mark.parametrize("flag", [at_top, under_properties], ids=["at the top", "under properties"])
def test_wards_are_read_page_by_page(tmp_path: Path, flag: Any) -> None:
    client = FakeClient(tmp_path, {path_of("wards"): paged(ward_features(), 1, flag)})
    frame = fetch_and_parse(OFFERS["wards"], client, TOWN)
    assert matches_contract("wards", frame)
    assert frame["area_code"].tolist() == list(TOWN.wards)
    assert shapely.from_wkb(frame["geometry"][0]).equals(TOWN.polygons["E05900001"])
    assert [dict(request.params)["resultOffset"] for request in client.requests] == ["0", "1"]
    assert {dict(request.params)["outSR"] for request in client.requests} == {"4326"}


OUTPUT_AREA_FITS = [
    {"OA21CD": one["OA21CD"], "WD24CD": ward, "WD24NM": "A", "LAD24CD": "E06900001"}
    for one, ward in zip(LOOKUP, (TOWN.wards[1], TOWN.wards[0], TOWN.wards[1]), strict=True)
]


def test_output_areas_are_read_with_their_best_fit_ward(tmp_path: Path) -> None:
    responses = {
        path_of("output_area_lookup"): paged([{"attributes": one} for one in LOOKUP], 2, at_top),
        path_of(OUTPUT_AREA_FIT): paged([{"attributes": one} for one in OUTPUT_AREA_FITS], 2, at_top),
    }
    client = FakeClient(tmp_path, dict(responses))
    frame = fetch_and_parse(OFFERS["output_area_lookup"], client, TOWN)
    assert matches_contract("output_area_lookup", frame)
    assert frame.values.tolist()[0] == ["E00900001", "E01900001", "E02900001", "E06900001", TOWN.wards[1]]
    assert frame["ward_code"].tolist() == [one["WD24CD"] for one in OUTPUT_AREA_FITS]
    parameters = [dict(request.params)["where"] for request in client.requests]
    assert (parameters[0], parameters[-1]) == ("LSOA21CD IN ('E01900001','E01900002')", "LAD24CD='E06900001'")
    alone = as_download(tmp_path, json.dumps({"features": [{"attributes": one} for one in LOOKUP]}).encode())
    with pytest.raises(SpiError, match=r"the lookup OA21_WD24_LAD24_EW_LU_v2 .* is missing; fetch it too"):
        OFFERS["output_area_lookup"].parse([alone], TOWN)


def test_an_output_area_without_its_ward_is_refused(tmp_path: Path) -> None:
    responses = {
        path_of("output_area_lookup"): paged([{"attributes": one} for one in LOOKUP], 9, at_top),
        path_of(OUTPUT_AREA_FIT): paged([{"attributes": one} for one in OUTPUT_AREA_FITS[:2]], 9, at_top),
    }
    with pytest.raises(SpiError, match=r"OA21_WD24_LAD24_EW_LU_v2 of ONS .* lacks 1 of 3 output areas, E00900003;"):
        fetch_and_parse(OFFERS["output_area_lookup"], FakeClient(tmp_path, dict(responses)), TOWN)


FITS = [
    {"LSOA21CD": code, "LSOA21NM": f"Any Town {code[-1]}", "WD24CD": ward, "WD24NM": "A", "LAD24CD": "E06900001"}
    for code, ward in zip(TOWN.lsoas, TOWN.wards, strict=True)
]


def test_the_best_fit_takes_its_msoas_from_the_lookup_of_output_areas(tmp_path: Path) -> None:
    responses = {
        path_of("lsoa_best_fit"): paged([{"attributes": one} for one in FITS], 1, at_top),
        path_of("output_area_lookup"): paged([{"attributes": one} for one in LOOKUP], 2, at_top),
    }
    client = FakeClient(tmp_path, dict(responses))
    frame = fetch_and_parse(OFFERS["lsoa_best_fit"], client, TOWN)
    assert matches_contract("lsoa_best_fit", frame)
    assert frame.values.tolist() == [
        [code, ward, "E06900001", "E02900001"] for code, ward in zip(TOWN.lsoas, TOWN.wards, strict=True)
    ]
    parameters = [dict(request.params) for request in client.requests]
    assert (parameters[0]["where"], parameters[0]["orderByFields"]) == ("LAD24CD='E06900001'", "LSOA21CD")
    assert parameters[-1]["orderByFields"] == "OA21CD"
    alone = as_download(tmp_path, json.dumps({"features": [{"attributes": one} for one in FITS]}).encode())
    with pytest.raises(SpiError, match=r"the lookup OA_LSOA_MSOA_EW_DEC_2021_LU_v3 .* is missing; fetch it too"):
        OFFERS["lsoa_best_fit"].parse([alone], TOWN)


def test_small_areas_are_requested_a_hundred_at_a_time(tmp_path: Path) -> None:
    scope = TOWN.__class__(lsoas=tuple(f"E01{number:06d}" for number in range(250)))
    client = FakeClient(tmp_path, {path_of("lsoa_2011_lookup"): b'{"features": []}'})
    assert len(list(OFFERS["lsoa_2011_lookup"].fetch(client, scope))) == 3


def test_centroids_become_points(tmp_path: Path) -> None:
    features = [
        {"properties": {"LSOA21CD": code}, "geometry": {"type": "Point", "coordinates": [-0.42, 51.88]}}
        for code in TOWN.lsoas
    ]
    client = FakeClient(tmp_path, {path_of(CENTROIDS): json.dumps({"features": features}).encode()})
    frame = parse_centroids(list(fetch_service(CENTROIDS, client, TOWN)), TOWN)
    assert frame.values.tolist() == [[code, -0.42, 51.88] for code in TOWN.lsoas]


@pytest.mark.parametrize(
    ("error", "failure", "message"),
    [
        ({"code": 400, "message": "Cannot perform query. Invalid query parameters."}, PermanentFailure,
         "returned error 400: Cannot perform query. Invalid query parameters.; see the geoportal"),
        ({"code": 504, "message": "Your request has timed out."}, TransientFailure, "error 504: Your request has"),
    ],
    ids=["refused", "slow"],
)  # fmt: skip
def test_an_error_with_status_200_is_not_an_empty_response(
    tmp_path: Path, error: dict[str, Any], failure: type[SpiError], message: str
) -> None:
    with pytest.raises(failure) as caught:
        fetch_and_parse(
            OFFERS["wards"], FakeClient(tmp_path, {path_of("wards"): json.dumps({"error": error}).encode()}), TOWN
        )
    assert message in str(caught.value)


# The form of ``services1.arcgis.com/…/rest/services?f=json``, which lists some 3,900 services and sometimes none.
LISTED = [
    {"name": name, "type": "FeatureServer", "url": f"https://x/{name}/FeatureServer"}
    for name in (
        "WD_MAY_2026_UK_BGC",
        "WD_MAY_2026_UK_BSC",
        "Wards_December_2023_Boundaries_UK_BGC",
        "LAD_MAY_2026_UK_BGC",
    )
]


@pytest.mark.parametrize(
    ("listing", "expected"),
    [
        ({"services": LISTED}, "it lists WD_MAY_2026_UK_BGC, Wards_December_2023_Boundaries_UK_BGC, and write the one"),
        ({"services": []}, "look for a name like it in https://services1.arcgis.com/"),
        ({"error": {"code": 499}}, "look for a name like it in https://services1.arcgis.com/"),
    ],
    ids=["others there", "an empty list", "no list"],
)
@pytest.mark.parametrize(
    "response",
    [
        b'{"error": {"code": 400, "message": "Invalid URL", "details": ["Invalid URL"]}}',
        PermanentFailure("answered 404 Not Found", 404),
    ],
    ids=["error with status 200", "404"],
)
def test_a_missing_service_is_reported_with_possible_successors(
    tmp_path: Path, response: Any, listing: dict[str, Any], expected: str
) -> None:
    client = FakeClient(tmp_path, {path_of("wards"): response, "": json.dumps(listing).encode()})
    with pytest.raises(PermanentFailure) as caught:
        fetch_and_parse(OFFERS["wards"], client, TOWN)
    message = str(caught.value)
    assert message.startswith("ONS Open Geography has no service Wards_December_2024_Boundaries_UK_BGC any more; ")
    assert expected in message
    assert message.endswith("vintage of geography.yaml into spi_pipeline/publishers/ons_geography/layers.py")


@pytest.mark.parametrize("source_id", SERVICES)
def test_a_service_is_among_its_own_successors(source_id: str) -> None:
    assert re.fullmatch(SERVICES[source_id].successors, SERVICES[source_id].name)


def refused(folder: Path, body: Any, source_id: str = "wards") -> str:
    with pytest.raises(SpiError) as caught:
        OFFERS[source_id].parse(
            [as_download(folder, json.dumps(body).encode(), "https://x/query?resultOffset=0")], TOWN
        )
    return str(caught.value)


def test_a_truncated_page_without_a_next_page_is_refused(tmp_path: Path) -> None:
    message = refused(tmp_path, {"features": ward_features(), "exceededTransferLimit": True})
    assert "is cut off (exceededTransferLimit), no page follows; fetch it whole" in message


def test_former_and_missing_wards_are_refused(tmp_path: Path) -> None:
    features = ward_features()
    features[0]["properties"]["WD24CD"] = "E05800001"
    assert "holds the former ward codes E05800001 (a former ward): " in refused(tmp_path, {"features": features})
    message = refused(tmp_path, {"features": ward_features()[:1]})
    assert "lacks 1 of 2 areas, E05900002; download it again, or compare it with geography.yaml" in message


def test_coordinates_in_metres_are_refused(tmp_path: Path) -> None:
    message = refused(tmp_path, {"features": ward_features(scale=1000)})
    assert "has coordinates elsewhere (-440, 51860), as in metres if outSR is not 4326" in message


def test_a_renamed_field_is_reported(tmp_path: Path) -> None:
    rows = [{"attributes": {"OutputArea" if key == "OA21CD" else key: value for key, value in LOOKUP[0].items()}}]
    message = refused(tmp_path, {"features": rows}, "output_area_lookup")
    assert "has no field like OA21CD, it has OutputArea, LSOA21CD, MSOA21CD, LAD22CD, FID; name its " in message


def test_a_web_page_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpiError, match=r"is not a JSON response of ONS Open Geography"):
        OFFERS["wards"].parse([as_download(tmp_path, b"<html>")], TOWN)
