"""data.police.uk live: archives and API together, and each way in which they fail silently."""

from __future__ import annotations

import hashlib
import io
import json
import math
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import shapely

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.geography.points import place_points
from spi_pipeline.publishers.http.exchange import Download, PermanentFailure, Request, TransientFailure
from spi_pipeline.publishers.police import OFFERS
from spi_pipeline.publishers.police.fetching import FORCES, newest_month
from spi_pipeline.publishers.police.parsing import CATEGORIES, keep_forces
from spi_pipeline.publishers.police.parsing import STREET as STREET_KIND
from spi_pipeline_tests.imitations.messages import zipped
from spi_pipeline_tests.publishers.fake import TOWN, FakeClient, as_download, fetch_and_parse, matches_contract
from spi_pipeline_tests.publishers.test_police import incident, stop, stops, street

CRIMES, STOPS = OFFERS["street_crime"], OFFERS["stop_and_search"]
STREET = "/api/crimes-street/all-crime"
INSIDE, NEXT_WARD = (-0.42, 51.88), (-0.38, 51.88)


def crime(number: int, month: str, point: tuple[float, float] | None = INSIDE, **changed: Any) -> dict[str, Any]:
    place = point and {
        "latitude": str(point[1]),
        "longitude": str(point[0]),
        "street": {"id": 1, "name": "On or near A"},
    }
    return {
        "category": "burglary", "location_type": "Force", "location": place, "context": "", "outcome_status": None,
        "persistent_id": "", "id": number, "location_subtype": "", "month": month, **changed,
    }  # fmt: skip


def requested_month(request: Request) -> str:
    return dict(request.data or request.params)["date"]


def publisher(folder: Path, months: list[str], archives: dict[str, dict[str, bytes]], **crimes: Any) -> FakeClient:
    """Months offered by the API, archives by name, and the API's response for a month (``_2024_01=[...]``)."""

    def street_crimes(request: Request) -> bytes:
        return json.dumps(crimes.get("_" + requested_month(request).replace("-", "_"), [])).encode()

    offered = [{"date": month, "stop-and-search": ["anyshire"]} for month in sorted(months, reverse=True)]
    files = {f"/data/archive/{end}.zip": zipped(members) for end, members in archives.items()}
    sums = {path[14:21]: hashlib.md5(body, usedforsecurity=False).hexdigest() for path, body in files.items()}
    responses: dict[str, Any] = {
        "/api/crimes-street-dates": json.dumps(offered).encode(), STREET: street_crimes,
        "/api/crimes-no-location": b"[]", "/api/crime-last-updated": b'{"date": "2024-03-01"}',
        "/data/archive/": page_of_archives(sums), **files,
    }  # fmt: skip
    return FakeClient(folder, responses)


def page_of_archives(sums: dict[str, str]) -> bytes:
    """The archives as the publisher's page of 2026 lists them, after the copy committed in BlackThrive/streetlamp."""
    listed = "".join(
        f"""<div class="download">
        <i class="icon-file"></i> <span><a href="/data/archive/{end}.zip">Some Month</a> (1.6 GB)</span>
        <p class="contained-range">
            Contains data from Aug 2023 to Jul 2026
        </p>
        <p class="md5sum">{md5}</p>
        </div>"""
        for end, md5 in sums.items()
    )
    latest = '<p>the latest from <a href="/data/archive/latest.zip">data.police.uk/data/archive/latest.zip</a></p>'
    return f"<!DOCTYPE html><html><body>{latest}{listed}</body></html>".encode()


def member(month: str, *rows: dict[str, object], force: str = "anyshire") -> dict[str, bytes]:
    return {f"{month}/{month}-{force}-street.csv": street(list(rows))}


def test_archives_supply_earlier_years_and_the_api_later_months(tmp_path: Path) -> None:
    archive = member("2023-11", incident("a", "Drugs", INSIDE, "2023-11")) | member(
        "2023-12", incident("b", "Drugs", INSIDE, "2023-12")
    )
    archive |= member("2023-12", incident("c", "Drugs", INSIDE, "2023-12"), force="elsewhere")
    client = publisher(
        tmp_path,
        ["2023-12", "2024-01"],
        {"2024-01": archive},
        _2023_12=[crime(number, "2023-12") for number in range(3)],
        _2024_01=[crime(1, "2024-01"), crime(2, "2024-01")],
    )
    frame = fetch_and_parse(CRIMES, client, replace(TOWN, since="2023-11"))
    assert matches_contract("street_crime", frame)
    # The API is revised and an archive is not, so months that both hold come from the API.
    assert frame.groupby("month")["crimes"].sum().to_dict() == {"2023-11": 1, "2023-12": 3, "2024-01": 2}
    assert frame.loc[frame["month"] == "2024-01", "crime_type"].tolist() == ["Burglary"]
    assert [requested_month(request) for request in client.requests if request.path == STREET] == ["2023-12", "2024-01"]


def test_no_archive_is_requested_unless_earlier_months_are_wanted(tmp_path: Path) -> None:
    client = publisher(tmp_path, ["2024-01"], {"2024-01": {}}, _2024_01=[crime(1, "2024-01")])
    list(CRIMES.fetch(client, TOWN))
    assert [path for path in client.paths() if "archive" in path] == []


def test_only_the_newest_months_are_requested_again(tmp_path: Path) -> None:
    months = [f"2024-{month:02d}" for month in range(1, 7)]
    client = publisher(tmp_path, months, {}, **{f"_{month.replace('-', '_')}": [crime(1, month)] for month in months})
    list(CRIMES.fetch(client, TOWN))
    immutable = {requested_month(request): request.immutable for request in client.requests if request.path == STREET}
    assert immutable == {month: month < "2024-04" for month in months}


def test_backfill_requests_months_outside_the_window_from_archives_not_the_api(tmp_path: Path) -> None:
    archives = {
        end: member(month, incident("a", "Drugs", INSIDE, month))
        for end, month in (("2022-04", "2020-06"), ("2024-01", "2023-06"))
    }
    client = publisher(tmp_path, ["2024-01"], archives, _2024_01=[crime(1, "2024-01")])
    frame = fetch_and_parse(CRIMES, client, replace(TOWN, since="2019-05"))
    assert sorted(frame["month"]) == ["2020-06", "2023-06", "2024-01"]
    # Each holds 36 months: the latest that still holds May 2019, and the latest with the months that it lacks.
    assert [path for path in client.paths() if path.endswith(".zip")] == [
        "/data/archive/2022-04.zip",
        "/data/archive/2024-01.zip",
    ]
    assert [request.path for request in client.announced] == [path for path in client.paths() if path.endswith(".zip")]
    assert {requested_month(request) for request in client.requests if request.path == STREET} == {"2024-01"}


def test_months_that_would_return_500_are_not_requested(tmp_path: Path) -> None:
    client = publisher(
        tmp_path, ["2024-01", "2024-02"], {}, _2024_01=[crime(1, "2024-01")], _2024_02=[crime(2, "2024-02")]
    )
    inside = client.responses[STREET]
    assert callable(inside)

    def only_in_the_window(request: Request) -> bytes | Exception:
        outside = requested_month(request) not in ("2024-01", "2024-02")
        return TransientFailure("answered 500", 500) if outside else inside(request)

    client.responses[STREET] = only_in_the_window
    assert sorted(fetch_and_parse(CRIMES, client, replace(TOWN, since="2023-09"))["month"]) == ["2024-01", "2024-02"]


def test_without_an_archive_the_api_and_stored_months_are_used(tmp_path: Path) -> None:
    client = publisher(
        tmp_path, ["2023-12", "2024-01"], {}, _2023_12=[crime(1, "2023-12")], _2024_01=[crime(2, "2024-01")]
    )
    old = as_download(
        tmp_path, json.dumps([crime(3, "2023-11")]).encode(), f"https://data.police.uk{STREET}", "2023-11"
    )
    frame = fetch_and_parse(CRIMES, client, replace(TOWN, since="2023-10", have=(old,)))
    assert sorted(frame["month"]) == ["2023-11", "2023-12", "2024-01"]  # October is unknown, not zero


def test_a_force_month_absent_from_the_archive_is_missing_and_not_zero(tmp_path: Path) -> None:
    archive = member("2023-10", incident("a", "Drugs", INSIDE, "2023-10")) | member("2023-11", force="elsewhere")
    archive |= member("2023-12", incident("b", "Drugs", INSIDE, "2023-12"))
    client = publisher(tmp_path, ["2024-01"], {"2024-01": archive}, _2024_01=[crime(1, "2024-01")])
    frame = fetch_and_parse(CRIMES, client, replace(TOWN, since="2023-10"))
    assert sorted(set(frame["month"])) == ["2023-10", "2023-12", "2024-01"]


def test_a_later_archive_revises_the_months_of_an_earlier_one(tmp_path: Path) -> None:
    first = as_download(tmp_path, zipped(member("2023-12", incident("a", "Drugs", INSIDE, "2023-12"))))
    rows = [incident(name, "Drugs", INSIDE, "2023-12") for name in "abc"]
    later = as_download(tmp_path, zipped(member("2023-12", *rows)))
    assert CRIMES.parse([first, later], TOWN)["crimes"].tolist() == [3]
    assert CRIMES.parse([later, first], TOWN)["crimes"].tolist() == [1]


def test_too_many_crimes_split_the_outline_and_each_counts_once(tmp_path: Path) -> None:
    every = [crime(number, "2024-01", (-0.44 + 0.001 * number, 51.88)) for number in range(80)]
    outlines: list[shapely.Polygon] = []

    def at_most_thirty(request: Request) -> bytes | Exception:
        corners = [tuple(map(float, pair.split(","))) for pair in dict(request.data or ())["poly"].split(":")]
        outlines.append(shapely.Polygon([(x, y) for y, x in corners]))
        found = [
            one for one in every if outlines[-1].intersects(shapely.Point(float(one["location"]["longitude"]), 51.88))
        ]
        assert request.final == (503,)
        return PermanentFailure("503", 503) if len(found) > 30 else json.dumps(found).encode()

    client = publisher(tmp_path, ["2024-01"], {})
    client.responses[STREET] = at_most_thirty
    assert fetch_and_parse(CRIMES, client, TOWN)["crimes"].sum() == 80
    assert len(outlines) >= 7  # the whole, two halves of forty, and their halves
    client.responses[STREET] = PermanentFailure("503", 503)
    with pytest.raises(
        PermanentFailure, match=r"503, too many crimes, for 2024-01 even for a small area; try again later$"
    ):
        fetch_and_parse(CRIMES, client, TOWN)


def test_the_outline_holds_every_ward_and_is_not_much_larger(tmp_path: Path) -> None:
    client = publisher(tmp_path, ["2024-01"], {}, _2024_01=[crime(1, "2024-01")])
    list(CRIMES.fetch(client, TOWN))
    [form] = [dict(request.data or ()) for request in client.requests if request.path == STREET]
    corners = [tuple(map(float, pair.split(","))) for pair in form["poly"].split(":")]
    outline, wards = shapely.Polygon([(x, y) for y, x in corners]), shapely.union_all(list(TOWN.polygons.values()))
    assert outline.contains(wards)
    assert outline.area < 1.1 * wards.area


def test_a_ward_without_a_boundary_is_refused(tmp_path: Path) -> None:
    client = publisher(tmp_path, ["2024-01"], {}, _2024_01=[crime(1, "2024-01")])
    first, *_ = TOWN.polygons.items()
    with pytest.raises(PermanentFailure, match=r"and E05900002 have none yet; run spi refresh --live again when wards"):
        fetch_and_parse(CRIMES, client, replace(TOWN, polygons=dict([first])))
    assert STREET not in client.paths()


def test_a_month_that_falls_silent_retains_its_figures(tmp_path: Path) -> None:
    stored = as_download(
        tmp_path, json.dumps([crime(1, "2024-01")]).encode(), f"https://data.police.uk{STREET}", "2024-01"
    )
    client = publisher(tmp_path, ["2024-01"], {}, _2024_01=[])
    assert fetch_and_parse(CRIMES, client, replace(TOWN, have=(stored,)))["crimes"].tolist() == [1]
    with pytest.raises(SpiError, match=r"no download of data.police.uk holds a month of anyshire"):
        fetch_and_parse(CRIMES, client, TOWN)  # never had crimes: the month is missing, an error if none is left


def test_a_month_without_a_crime_in_town_is_missing_though_the_force_has_some_without_a_place(tmp_path: Path) -> None:
    client = publisher(tmp_path, ["2024-01", "2024-02"], {}, _2024_01=[crime(1, "2024-01")], _2024_02=[])
    client.responses["/api/crimes-no-location"] = lambda request: json.dumps(
        [crime(9, requested_month(request), None)]
    ).encode()
    assert set(fetch_and_parse(CRIMES, client, TOWN)["month"]) == {"2024-01"}


def test_stored_months_stay_when_the_window_moves_on(tmp_path: Path) -> None:
    gone = as_download(
        tmp_path, json.dumps([crime(3, "2023-12")]).encode(), f"https://data.police.uk{STREET}?m=1", "2023-12"
    )
    rows = member("2020-05", incident("a", "Drugs", INSIDE, "2020-05"))
    archive = as_download(tmp_path, zipped(rows), "https://data.police.uk/x/2022-12.zip", "2020-01/2022-12")
    client = publisher(tmp_path, ["2024-02"], {}, _2024_02=[crime(1, "2024-02")])
    scope = replace(TOWN, have=(archive, gone))
    assert sorted(fetch_and_parse(CRIMES, client, scope)["month"]) == ["2020-05", "2023-12", "2024-02"]
    assert sorted(fetch_and_parse(CRIMES, client, replace(scope, since="2023-12"))["month"]) == ["2023-12", "2024-02"]


@pytest.mark.parametrize(
    ("response", "message"),
    [
        ([crime(1, "2024-01", (51.88, -0.42))], "returned a crime of 2024-01 at -0.42, 51.88 (latitude, longitude) "
         "for a request for 2024-01 inside our wards; try again, and see its docs if it goes on"),
        ([crime(1, "2023-12")], "returned a crime of 2023-12 at 51.88, -0.42 (latitude, longitude) for a request"),
        ({"error": "down"}, "returned no list of crimes for 2024-01, but \"{'error': 'down'}\"; see its docs"),
        ([crime(1, "2024-01", location={"latitude": "north"})], "holds {'latitude': 'north'} where a place belongs"),
    ],
    ids=["coordinates elsewhere", "another month", "an error with status 200", "no coordinates"],
)  # fmt: skip
def test_a_response_to_another_request_is_refused(tmp_path: Path, response: Any, message: str) -> None:
    with pytest.raises(SpiError) as caught:
        fetch_and_parse(CRIMES, publisher(tmp_path, ["2024-01"], {}, _2024_01=response), TOWN)
    assert message in str(caught.value)


def test_railway_police_duplicates_and_repeated_incidents_count_once(tmp_path: Path) -> None:
    rows = [crime(1, "2024-01"), crime(1, "2024-01"), crime(2, "2024-01"), crime(3, "2024-01", location_type="BTP")]
    assert fetch_and_parse(CRIMES, publisher(tmp_path, ["2024-01"], {}, _2024_01=rows), TOWN)["crimes"].tolist() == [2]


def test_a_crime_without_a_place_is_counted_and_not_placed(tmp_path: Path) -> None:
    client = publisher(tmp_path, ["2024-01"], {}, _2024_01=[crime(1, "2024-01")])
    client.responses["/api/crimes-no-location"] = json.dumps([crime(2, "2024-01", None)] * 1).encode()
    frame = fetch_and_parse(CRIMES, client, TOWN)
    assert frame.loc[frame["longitude"].isna(), "crimes"].tolist() == [1]
    assert frame["crimes"].sum() == 2


def test_an_unknown_category_is_refused(tmp_path: Path) -> None:
    client = publisher(tmp_path, ["2024-01"], {}, _2024_01=[crime(1, "2024-01", category="piracy")])
    with pytest.raises(SpiError, match=r"incident 1 cannot be read .*the category 'piracy' is not known"):
        fetch_and_parse(CRIMES, client, TOWN)
    assert len(CATEGORIES) == 14
    nameless = {key: value for key, value in crime(1, "2024-01").items() if key != "category"}
    with pytest.raises(SpiError, match=r"incident 1 cannot be read \(it has no 'category'\); compare it with"):
        fetch_and_parse(CRIMES, publisher(tmp_path, ["2024-01"], {}, _2024_01=[nameless]), TOWN)


def test_small_areas_of_both_vintages_are_accepted_and_the_point_decides(tmp_path: Path) -> None:
    rows = [
        incident("a", "Drugs", INSIDE, "2023-12"),
        incident("b", "Drugs", NEXT_WARD, "2023-12") | {"LSOA code": "E01800001"},
    ]
    frame = CRIMES.parse([as_download(tmp_path, zipped(member("2023-12", *rows)))], TOWN)
    assert set(frame["lsoa_code"]) == {"E01900001", "E01800001"}
    import pandas as pd

    wards = pd.DataFrame(
        {"area_code": list(TOWN.polygons), "geometry": [shapely.to_wkb(one) for one in TOWN.polygons.values()]}
    )
    placed = place_points(frame["longitude"], frame["latitude"], wards)
    assert dict(zip(frame["lsoa_code"], placed, strict=True)) == {"E01900001": "E05900001", "E01800001": "E05900002"}


def test_a_member_that_holds_another_month_than_its_name_is_refused(tmp_path: Path) -> None:
    archive = {"2023-12/2023-12-anyshire-street.csv": street([incident("a", "Drugs", INSIDE, "2023-11")])}
    with pytest.raises(
        SpiError, match=r"anyshire-street.csv holds 2023-11, not the month of its name; download it again"
    ):
        CRIMES.parse([as_download(tmp_path, zipped(archive))], TOWN)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda body: body[:-40], "is not a whole zip file of data.police.uk"),
        (lambda body: body.replace(b"2023-12/2023-12-", b"../3-12/2023-12-"), "holds '../3-12/2023-12-anysh"),
    ],
    ids=["cut short", "climbing out"],
)  # fmt: skip
def test_a_broken_archive_is_refused(tmp_path: Path, damage: Any, message: str) -> None:
    whole = zipped(member("2023-12", incident("a", "Drugs", INSIDE, "2023-12")))
    with pytest.raises(SpiError) as caught:
        CRIMES.parse([as_download(tmp_path, damage(whole))], TOWN)
    assert message in str(caught.value)


def test_an_archive_that_explodes_is_refused(tmp_path: Path) -> None:
    bomb = zipped({"2023-12/2023-12-anyshire-street.csv": b"0" * 101_000_000})
    expected = r"unpack to 101,000,000 bytes, like one made to fill a disk; fetch it from data\.police\.uk$"
    with pytest.raises(SpiError, match=expected):
        CRIMES.parse([as_download(tmp_path, bomb)], TOWN)


def test_stops_with_and_without_a_place_count_once_each(tmp_path: Path) -> None:
    at = {"datetime": "2024-01-15T12:00:00+00:00", "gender": "Male"}
    placed, without = at | {"location": crime(1, "2024-01")["location"]}, at | {"location": None}
    client = publisher(tmp_path, ["2024-01"], {})
    client.responses["/api/stops-force"] = json.dumps([placed, placed, without]).encode()
    client.responses["/api/stops-no-location"] = json.dumps([without]).encode()
    frame = fetch_and_parse(STOPS, client, TOWN)
    assert matches_contract("stop_and_search", frame)
    assert {(row.longitude if not math.isnan(row.longitude) else None): row.stops for row in frame.itertuples()} == {
        -0.42: 2,
        None: 1,
    }


def test_stops_are_requested_only_if_the_force_is_listed(tmp_path: Path) -> None:
    client = publisher(tmp_path, ["2024-01"], {})
    client.responses["/api/crimes-street-dates"] = b'[{"date": "2024-01", "stop-and-search": ["elsewhere"]}]'
    assert list(STOPS.fetch(client, TOWN)) == []
    assert client.paths() == ["/api/crimes-street-dates"]


def test_stops_older_than_the_window_come_from_archives(tmp_path: Path) -> None:
    archive = {"2022-06/2022-06-anyshire-stop-and-search.csv": stops([stop("2022-06-10T12:00:00+00:00")])}
    client = publisher(tmp_path, ["2024-01"], {"2024-01": archive})
    client.responses |= {"/api/stops-force": b"[]", "/api/stops-no-location": b"[]"}
    frame = fetch_and_parse(STOPS, client, replace(TOWN, since="2022-01"))
    assert frame[["month", "stops"]].values.tolist() == [["2022-06", 1]]


def test_last_updated_gives_the_newest_month_and_dates_no_table(tmp_path: Path) -> None:
    """The publisher said 2026-07-01 on 16 September 2026: that is a month, not a day of publication."""
    client = publisher(tmp_path, ["2024-02", "2024-03"], {}, _2024_02=[crime(1, "2024-02")])
    assert newest_month(client, TOWN) == "2024-03"
    client.requests.clear()
    client.responses |= {"/api/stops-force": b"[]", "/api/stops-no-location": b"[]"}
    found = [*CRIMES.fetch(client, TOWN), *STOPS.fetch(client, TOWN)]
    assert found
    assert {one.published_at for one in found} == {None}
    assert "/api/crime-last-updated" not in client.paths()
    for other in (b'{"date": "soon"}', b'{"date": null}', b"[]"):
        client.responses["/api/crime-last-updated"] = other
        with pytest.raises(PermanentFailure, match="names no month any more; see its docs"):
            newest_month(client, TOWN)


def test_stored_archives_are_not_requested_again(tmp_path: Path) -> None:
    rows = member("2021-06", incident("a", "Drugs", INSIDE, "2021-06"))
    client = publisher(tmp_path, ["2024-01"], {"2024-01": rows}, _2024_01=[crime(1, "2024-01")])
    scope = replace(TOWN, since="2021-02")
    stored = [one for one in CRIMES.fetch(client, scope) if "/" in one.period]
    assert [one.period for one in stored] == ["2021-02/2024-01"]
    later = publisher(tmp_path, ["2024-02"], {}, _2024_02=[crime(2, "2024-02")])
    january = as_download(
        tmp_path, json.dumps([crime(1, "2024-01")]).encode(), f"https://data.police.uk{STREET}", "2024-01"
    )
    frame = fetch_and_parse(CRIMES, later, replace(scope, have=(*stored, january)))
    assert sorted(frame["month"]) == ["2021-06", "2024-01", "2024-02"]
    assert [path for path in later.paths() if "archive" in path] == []
    # The stored part of the archive does not hold another force.
    other = publisher(tmp_path, ["2024-02"], {}, _2024_02=[crime(2, "2024-02")])
    list(CRIMES.fetch(other, replace(scope, have=(*stored, january), forces=("anyshire", "elsewhere"))))
    assert [path for path in other.paths() if path.endswith(".zip")] == ["/data/archive/2024-01.zip"]


@pytest.mark.parametrize("setting", ["drop", "keep"])
def test_only_files_of_our_forces_are_stored_or_else_the_whole_archive(tmp_path: Path, setting: Any) -> None:
    ours = member("2023-11", incident("a", "Drugs", INSIDE, "2023-11"))
    others = member("2023-11", force="elsewhere") | {
        "2023-11/2023-11-anyshire-outcomes.csv": b"Crime ID\n",
        "2023-11/2023-11-anyshire-stop-and-search.csv": stops([stop("2023-11-10T12:00:00+00:00")]),
    }
    client = publisher(tmp_path, ["2024-01"], {"2024-01": others | ours}, _2024_01=[crime(1, "2024-01")])
    scope = replace(TOWN, since="2023-11", archives=setting)
    downloads = list(CRIMES.fetch(client, scope))
    archive = downloads[0]
    with zipfile.ZipFile(archive.path) as file:
        assert set(file.namelist()) == (set(ours) if setting == "drop" else {*ours, *others})
        assert file.read(*ours) == next(iter(ours.values()))
        whole = client.responses["/data/archive/2024-01.zip"]
        assert isinstance(whole, bytes)
        (md5,) = [request.md5 for request in client.requests if request.path.endswith(".zip")]
        expected = f"Taken from an archive of {len(whole):,} bytes, MD5 {md5}: anyshire"
        assert file.comment.decode() == (expected if setting == "drop" else "")
    assert len(md5) == 32
    assert archive.url.endswith("/2024-01.zip#anyshire" if setting == "drop" else "/2024-01.zip")
    assert archive.name == "2024-01.zip"
    assert CRIMES.parse(downloads, scope)["month"].tolist() == ["2023-11", "2024-01"]


def test_an_archive_with_a_damaged_file_of_ours_is_requested_again(tmp_path: Path) -> None:
    # Stored without compression, so that a letter can be changed.
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as file:
        file.writestr("2023-11/2023-11-anyshire-street.csv", b"Crime ID,Month\n")
    client = publisher(tmp_path, ["2024-01"], {"2024-01": {}})
    client.responses["/data/archive/2024-01.zip"] = whole.getvalue().replace(b"ID,Month", b"ID,Mouth")
    with pytest.raises(
        TransientFailure, match=r"2023-11-anyshire-street.csv in the archive is damaged or encrypted \(Bad CRC-32"
    ):
        list(CRIMES.fetch(client, replace(TOWN, since="2023-11")))


@pytest.mark.parametrize(
    ("page", "md5"),
    [
        (page_of_archives({"2024-01": "0" * 31 + "A", "2023-12": "1" * 32}), "0" * 31 + "A"),
        (page_of_archives({"2024-01": "0" * 32 + "-207", "2023-12": "1" * 32}), ""),
        (page_of_archives({"2023-12": "1" * 32}), ""),
        (b'<a href="https://data.police.uk/data/archive/2024-01.zip">January</a>\n\n' + b"2" * 32 + b"\n", "2" * 32),
        (PermanentFailure("404", 404), ""),
    ],
    ids=["MD5 stated", "tag of a body sent in parts", "no MD5", "other markup", "no page"],
)
def test_an_archive_must_match_its_published_md5(tmp_path: Path, page: Any, md5: str) -> None:
    client = publisher(tmp_path, ["2024-01"], {"2024-01": {}}, _2024_01=[crime(1, "2024-01")])
    client.responses["/data/archive/"] = page
    list(CRIMES.fetch(client, replace(TOWN, since="2023-11")))
    assert [request.md5 for request in client.requests if request.path.endswith(".zip")] == [md5]


def test_a_listed_archive_that_is_missing_is_not_a_month_without_crimes(tmp_path: Path) -> None:
    client = publisher(tmp_path, ["2024-01"], {"2024-01": {}}, _2024_01=[crime(1, "2024-01")])
    del client.responses["/data/archive/2024-01.zip"]
    with pytest.raises(PermanentFailure, match="404"):
        list(CRIMES.fetch(client, replace(TOWN, since="2023-11")))
    client.responses["/data/archive/"] = page_of_archives({})
    assert [one.period for one in CRIMES.fetch(client, replace(TOWN, since="2023-11"))] == ["2024-01", "2024-01"]


def test_many_forces_are_read_from_the_newest_archive_and_the_fewest_before_it(tmp_path: Path) -> None:
    forces = ("anyshire", *(f"shire-{number}" for number in range(FORCES.threshold - 1)))
    months = ["2020-03", "2021-02", "2024-01"]
    archives = {"2023-01": months[:2], "2024-01": months[1:]}
    held = {
        end: {
            name: body
            for month in inside
            for name, body in member(month, incident("a", "Drugs", INSIDE, month)).items()
        }
        for end, inside in archives.items()
    }
    client = publisher(tmp_path, ["2023-12", "2024-01"], held)
    scope = replace(TOWN, since="2020-02", forces=forces)
    assert sorted(fetch_and_parse(CRIMES, client, scope)["month"]) == months
    assert client.paths() == [
        "/api/crimes-street-dates",
        "/data/archive/",
        *(f"/data/archive/{end}.zip" for end in held),
    ]
    late = publisher(tmp_path, ["2024-01", "2024-02"], held)
    with pytest.raises(PermanentFailure, match=r"offers 2024-02 but no archive of it yet; try again tomorrow"):
        list(CRIMES.fetch(late, scope))


def test_months_with_other_kinds_of_crime_are_skipped(tmp_path: Path) -> None:
    """Until April 2013 public disorder and weapons were one kind of crime, which the contract does not know."""
    old = member("2013-04", incident("a", "Public disorder and weapons", INSIDE, "2013-04"))
    new = member("2013-05", incident("b", "Public order", INSIDE, "2013-05"))
    client = publisher(tmp_path, ["2014-01"], {"2014-01": old | new}, _2014_01=[crime(1, "2014-01")])
    frame = fetch_and_parse(CRIMES, client, replace(TOWN, since="2011-01"))
    assert sorted(frame["month"]) == ["2013-05", "2014-01"]
    assert [path for path in client.paths() if path.endswith(".zip")] == ["/data/archive/2014-01.zip"]


@pytest.mark.parametrize("place", [{"latitude": None, "longitude": None}, {"latitude": "0", "longitude": "0.000000"}])
def test_zero_coordinates_are_not_a_place(tmp_path: Path, place: dict[str, Any]) -> None:
    client = publisher(tmp_path, ["2024-01"], {}, _2024_01=[crime(1, "2024-01")])
    client.responses["/api/crimes-no-location"] = json.dumps([crime(2, "2024-01", location=place)]).encode()
    assert fetch_and_parse(CRIMES, client, TOWN)["longitude"].isna().tolist() == [False, True]
    rows = [incident("a", "Drugs", (0, 0), "2023-12"), incident("b", "Drugs", (0, 51.4), "2023-12")]
    frame = CRIMES.parse([as_download(tmp_path, zipped(member("2023-12", *rows)))], TOWN)
    assert sorted(frame[["longitude", "latitude"]].fillna(-1).values.tolist()) == [[-1, -1], [0, 51.4]]


def single_file(folder: Path, name: str, month: str, *ids: str) -> Download:
    """A file of one month as uploaded by hand."""
    return as_download(folder, street([incident(one, "Drugs", INSIDE, month) for one in ids]), name)


@pytest.mark.parametrize("name", ["2024-01-anyshire-street.csv", "january.csv"])
def test_the_last_file_counts_for_a_month_in_an_archive_and_a_single_file(tmp_path: Path, name: str) -> None:
    archive = as_download(tmp_path, zipped(member("2024-01", incident("a", "Drugs", INSIDE))), "2024-01.zip")
    single = single_file(tmp_path, name, "2024-01", "a", "b")
    assert CRIMES.parse([archive, single], TOWN)["crimes"].sum() == 2
    assert CRIMES.parse([single, archive], TOWN)["crimes"].sum() == 1


def test_files_of_two_forces_both_count_and_a_name_without_a_force_is_refused(tmp_path: Path) -> None:
    two = replace(TOWN, forces=("anyshire", "elsewhere"))
    files = [single_file(tmp_path, f"2024-01-{force}-street.csv", "2024-01", force) for force in two.forces]
    assert CRIMES.parse(files, two)["crimes"].sum() == 2
    with pytest.raises(SpiError, match=r"the name of january.csv lacks its police force; rename it as in an archive"):
        CRIMES.parse([single_file(tmp_path, "january.csv", "2024-01", "a")], two)


def test_a_single_file_of_an_earlier_month_than_wanted_is_skipped(tmp_path: Path) -> None:
    early, first, second = (
        single_file(tmp_path, f"{month}-anyshire-street.csv", month, "a") for month in ("2013-04", "2013-05", "2024-01")
    )
    # The kinds of crime were different until April 2013.
    assert set(CRIMES.parse([early, first, second], TOWN)["month"]) == {"2013-05", "2024-01"}
    assert set(CRIMES.parse([first, second], replace(TOWN, since="2023-12"))["month"]) == {"2024-01"}


def test_a_single_file_that_holds_another_month_than_its_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpiError, match=r"2024-01-anyshire-street.csv holds 2024-02, not the month of its name"):
        CRIMES.parse([single_file(tmp_path, "2024-01-anyshire-street.csv", "2024-02", "a")], TOWN)


def test_a_full_disk_is_reported_when_an_archive_is_reduced(tmp_path: Path) -> None:
    body, rows = tmp_path / "archive.zip", [incident(str(number), "Drugs", INSIDE) for number in range(2000)]
    body.write_bytes(zipped(member("2024-01", *rows)))
    (tmp_path / "archive.zip.ours").symlink_to("/dev/full")
    with pytest.raises(
        SpiError, match=r"cannot be written \(No space left on device\): free some disk space"
    ) as caught:
        keep_forces(body, kind=STREET_KIND, forces=TOWN.forces, md5="")
    assert not isinstance(caught.value, TransientFailure)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["archive.zip"]


@pytest.mark.parametrize("fault", ["encrypted", "packed in a way nobody knows"])
def test_an_archive_with_an_unreadable_file_of_ours_is_requested_again(tmp_path: Path, fault: str) -> None:
    packed = zipped(member("2024-01", incident("a", "Drugs", INSIDE)))
    for signature, flags, method in ((b"PK\x03\x04", 6, 8), (b"PK\x01\x02", 8, 10)):
        at = packed.index(signature)
        place, value = (at + flags, b"\x01") if fault == "encrypted" else (at + method, b"\x63")
        packed = packed[:place] + value + packed[place + 1 :]
    (tmp_path / "archive.zip").write_bytes(packed)
    with pytest.raises(TransientFailure, match=r"2024-01-anyshire-street.csv in the archive is damaged or encrypted"):
        keep_forces(tmp_path / "archive.zip", kind=STREET_KIND, forces=TOWN.forces, md5="")
