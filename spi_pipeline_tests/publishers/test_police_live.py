"""data.police.uk live: archives and API together, each way in which it fails without saying so."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import shapely

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.geography.points import place_points
from spi_pipeline.publishers.http.exchange import PermanentFailure, Request, TransientFailure
from spi_pipeline.publishers.police import OFFERS
from spi_pipeline.publishers.police.answers import CATEGORIES
from spi_pipeline.publishers.police.asking import last_updated
from spi_pipeline_tests.imitations.messages import zipped
from spi_pipeline_tests.publishers.fake import TOWN, FakeClient, holds, kept, through
from spi_pipeline_tests.publishers.test_police import incident, stop, stops, street

CRIMES, STOPS = OFFERS["street_crime"], OFFERS["stop_and_search"]
STREET = "/api/crimes-street/all-crime"
INSIDE, BESIDE = (-0.42, 51.88), (-0.38, 51.88)


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


def asked_month(request: Request) -> str:
    return dict(request.data or request.params)["date"]


def publisher(folder: Path, months: list[str], archives: dict[str, dict[str, bytes]], **crimes: Any) -> FakeClient:
    """Months offered by the API, archives by name, and what the API answers for a month (``_2024_01=[...]``)."""

    def street_crimes(request: Request) -> bytes:
        return json.dumps(crimes.get("_" + asked_month(request).replace("-", "_"), [])).encode()

    offered = [{"date": month, "stop-and-search": ["anyshire"]} for month in sorted(months, reverse=True)]
    files = {f"/data/archive/{end}.zip": zipped(members) for end, members in archives.items()}
    answers: dict[str, Any] = {
        "/api/crimes-street-dates": json.dumps(offered).encode(), STREET: street_crimes,
        "/api/crimes-no-location": b"[]", "/api/crime-last-updated": b'{"date": "2024-03-18"}', **files,
    }  # fmt: skip
    return FakeClient(folder, answers)


def member(month: str, *rows: dict[str, object], force: str = "anyshire") -> dict[str, bytes]:
    return {f"{month}/{month}-{force}-street.csv": street(list(rows))}


def test_archives_give_the_years_and_the_api_the_months_since(tmp_path: Path) -> None:
    archive = member("2023-11", incident("a", "Drugs", INSIDE, "2023-11")) | member(
        "2023-12", incident("b", "Drugs", INSIDE, "2023-12")
    )
    archive |= member("2023-12", incident("c", "Drugs", INSIDE, "2023-12"), force="elsewhere")
    client = publisher(
        tmp_path,
        ["2023-11", "2023-12", "2024-01"],
        {"2023-12": archive},
        _2024_01=[crime(1, "2024-01"), crime(2, "2024-01")],
    )
    frame = through(CRIMES, client, TOWN)
    assert holds("street_crime", frame)
    assert frame.groupby("month")["crimes"].sum().to_dict() == {"2023-11": 1, "2023-12": 1, "2024-01": 2}
    assert frame.loc[frame["month"] == "2024-01", "crime_type"].tolist() == ["Burglary"]
    assert [asked_month(request) for request in client.asked if request.path == STREET] == ["2024-01"]


def test_only_the_newest_months_are_asked_for_again(tmp_path: Path) -> None:
    months = [f"2024-{month:02d}" for month in range(1, 7)]
    client = publisher(tmp_path, months, {}, **{f"_{month.replace('-', '_')}": [crime(1, month)] for month in months})
    list(CRIMES.fetch(client, TOWN))
    settled = {asked_month(request): request.settled for request in client.asked if request.path == STREET}
    assert settled == {month: month < "2024-04" for month in months}


def test_backfill_asks_archives_and_not_the_api_for_months_outside_its_window(tmp_path: Path) -> None:
    archives = {
        end: member(f"{end[:4]}-06", incident("a", "Drugs", INSIDE, f"{end[:4]}-06")) for end in ("2020-12", "2023-12")
    }
    client = publisher(tmp_path, ["2024-01"], archives, _2024_01=[crime(1, "2024-01")])
    frame = through(CRIMES, client, replace(TOWN, since="2019-05"))
    assert sorted(frame["month"]) == ["2020-06", "2023-06", "2024-01"]
    assert [path for path in client.paths() if "archive" in path] == [
        "/data/archive/2020-12.zip",
        "/data/archive/2023-12.zip",
    ]
    assert {asked_month(request) for request in client.asked if request.path == STREET} == {"2024-01"}


def test_months_that_would_be_answered_with_500_are_not_asked_for(tmp_path: Path) -> None:
    client = publisher(
        tmp_path, ["2024-01", "2024-02"], {}, _2024_01=[crime(1, "2024-01")], _2024_02=[crime(2, "2024-02")]
    )
    inside = client.answers[STREET]
    assert callable(inside)

    def only_in_the_window(request: Request) -> bytes | Exception:
        outside = asked_month(request) not in ("2024-01", "2024-02")
        return TransientFailure("answered 500", 500) if outside else inside(request)

    client.answers[STREET] = only_in_the_window
    assert sorted(through(CRIMES, client, replace(TOWN, since="2023-09"))["month"]) == ["2024-01", "2024-02"]


def test_where_no_archive_is_offered_the_api_is_asked_and_what_was_kept_is_used(tmp_path: Path) -> None:
    client = publisher(
        tmp_path, ["2023-12", "2024-01"], {}, _2023_12=[crime(1, "2023-12")], _2024_01=[crime(2, "2024-01")]
    )
    old = kept(tmp_path, json.dumps([crime(3, "2023-11")]).encode(), f"https://data.police.uk{STREET}", "2023-11")
    frame = through(CRIMES, client, replace(TOWN, since="2023-10", have=(old,)))
    assert sorted(frame["month"]) == ["2023-11", "2023-12", "2024-01"]  # October is not known, and not zero


def test_a_force_month_that_is_not_in_the_archive_is_missing_and_not_zero(tmp_path: Path) -> None:
    archive = member("2023-10", incident("a", "Drugs", INSIDE, "2023-10")) | member("2023-11", force="elsewhere")
    archive |= member("2023-12", incident("b", "Drugs", INSIDE, "2023-12"))
    frame = through(CRIMES, publisher(tmp_path, ["2023-12"], {"2023-12": archive}), replace(TOWN, since="2023-10"))
    assert sorted(set(frame["month"])) == ["2023-10", "2023-12"]


def test_a_later_archive_revises_the_months_of_an_earlier_one(tmp_path: Path) -> None:
    first = kept(tmp_path, zipped(member("2023-12", incident("a", "Drugs", INSIDE, "2023-12"))))
    rows = [incident(name, "Drugs", INSIDE, "2023-12") for name in "abc"]
    later = kept(tmp_path, zipped(member("2023-12", *rows)))
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
    client.answers[STREET] = at_most_thirty
    assert through(CRIMES, client, TOWN)["crimes"].sum() == 80
    assert len(outlines) >= 7  # the whole, two halves of forty, and theirs
    client.answers[STREET] = PermanentFailure("503", 503)
    with pytest.raises(
        PermanentFailure, match=r"503, too many crimes, for 2024-01 even on a small area; ask again later$"
    ):
        through(CRIMES, client, TOWN)


def test_the_outline_holds_every_ward_and_is_not_much_larger(tmp_path: Path) -> None:
    client = publisher(tmp_path, ["2024-01"], {}, _2024_01=[crime(1, "2024-01")])
    list(CRIMES.fetch(client, TOWN))
    [form] = [dict(request.data or ()) for request in client.asked if request.path == STREET]
    corners = [tuple(map(float, pair.split(","))) for pair in form["poly"].split(":")]
    outline, wards = shapely.Polygon([(x, y) for y, x in corners]), shapely.union_all(list(TOWN.polygons.values()))
    assert outline.contains(wards)
    assert outline.area < 1.1 * wards.area


def test_a_month_that_falls_silent_keeps_what_it_had(tmp_path: Path) -> None:
    had = kept(tmp_path, json.dumps([crime(1, "2024-01")]).encode(), f"https://data.police.uk{STREET}", "2024-01")
    client = publisher(tmp_path, ["2024-01"], {}, _2024_01=[])
    assert through(CRIMES, client, replace(TOWN, have=(had,)))["crimes"].tolist() == [1]
    with pytest.raises(SpiError, match=r"no download of data.police.uk holds a month of anyshire"):
        through(CRIMES, client, TOWN)  # never had any: missing, which is told where nothing is left


def test_a_month_without_a_crime_in_town_is_missing_though_the_force_has_some_without_a_place(tmp_path: Path) -> None:
    client = publisher(tmp_path, ["2024-01", "2024-02"], {}, _2024_01=[crime(1, "2024-01")], _2024_02=[])
    client.answers["/api/crimes-no-location"] = lambda request: json.dumps(
        [crime(9, asked_month(request), None)]
    ).encode()
    assert set(through(CRIMES, client, TOWN)["month"]) == {"2024-01"}


def test_what_was_had_stays_when_the_window_moves_on(tmp_path: Path) -> None:
    gone = kept(tmp_path, json.dumps([crime(3, "2023-12")]).encode(), f"https://data.police.uk{STREET}?m=1", "2023-12")
    rows = member("2020-05", incident("a", "Drugs", INSIDE, "2020-05"))
    archive = kept(tmp_path, zipped(rows), "https://data.police.uk/x/2022-12.zip", "2020-01/2022-12")
    client = publisher(tmp_path, ["2024-02"], {}, _2024_02=[crime(1, "2024-02")])
    scope = replace(TOWN, have=(archive, gone))
    assert sorted(through(CRIMES, client, scope)["month"]) == ["2020-05", "2023-12", "2024-02"]
    assert sorted(through(CRIMES, client, replace(scope, since="2023-12"))["month"]) == ["2023-12", "2024-02"]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ([crime(1, "2024-01", (51.88, -0.42))], "answered a crime of 2024-01 at -0.42, 51.88 (latitude, longitude) "
         "when asked for 2024-01 inside our wards; ask again, and see its docs if it goes on"),
        ([crime(1, "2023-12")], "answered a crime of 2023-12 at 51.88, -0.42 (latitude, longitude) when asked"),
        ({"error": "down"}, "answered no list of crimes for 2024-01, but \"{'error': 'down'}\"; see its docs"),
        ([crime(1, "2024-01", location={"latitude": "north"})], "holds {'latitude': 'north'} where a place belongs"),
    ],
    ids=["coordinates elsewhere", "another month", "an error told with 200", "no coordinates"],
)  # fmt: skip
def test_an_answer_to_another_question_is_refused(tmp_path: Path, answer: Any, message: str) -> None:
    with pytest.raises(SpiError) as caught:
        through(CRIMES, publisher(tmp_path, ["2024-01"], {}, _2024_01=answer), TOWN)
    assert message in str(caught.value)


def test_duplicates_of_the_railway_police_and_of_two_answers_count_once(tmp_path: Path) -> None:
    rows = [crime(1, "2024-01"), crime(1, "2024-01"), crime(2, "2024-01"), crime(3, "2024-01", location_type="BTP")]
    assert through(CRIMES, publisher(tmp_path, ["2024-01"], {}, _2024_01=rows), TOWN)["crimes"].tolist() == [2]


def test_a_crime_without_a_place_is_counted_and_not_placed(tmp_path: Path) -> None:
    client = publisher(tmp_path, ["2024-01"], {}, _2024_01=[crime(1, "2024-01")])
    client.answers["/api/crimes-no-location"] = json.dumps([crime(2, "2024-01", None)] * 1).encode()
    frame = through(CRIMES, client, TOWN)
    assert frame.loc[frame["longitude"].isna(), "crimes"].tolist() == [1]
    assert frame["crimes"].sum() == 2


def test_an_unknown_category_is_told(tmp_path: Path) -> None:
    client = publisher(tmp_path, ["2024-01"], {}, _2024_01=[crime(1, "2024-01", category="piracy")])
    with pytest.raises(SpiError, match=r"incident 1 cannot be read .*the category 'piracy' is not known"):
        through(CRIMES, client, TOWN)
    assert len(CATEGORIES) == 14
    nameless = {key: value for key, value in crime(1, "2024-01").items() if key != "category"}
    with pytest.raises(SpiError, match=r"incident 1 cannot be read \(it has no 'category'\); compare it with"):
        through(CRIMES, publisher(tmp_path, ["2024-01"], {}, _2024_01=[nameless]), TOWN)


def test_small_areas_of_both_vintages_are_taken_and_the_point_decides(tmp_path: Path) -> None:
    rows = [
        incident("a", "Drugs", INSIDE, "2023-12"),
        incident("b", "Drugs", BESIDE, "2023-12") | {"LSOA code": "E01800001"},
    ]
    frame = CRIMES.parse([kept(tmp_path, zipped(member("2023-12", *rows)))], TOWN)
    assert set(frame["lsoa_code"]) == {"E01900001", "E01800001"}
    import pandas as pd

    wards = pd.DataFrame(
        {"area_code": list(TOWN.polygons), "geometry": [shapely.to_wkb(one) for one in TOWN.polygons.values()]}
    )
    placed = place_points(frame["longitude"], frame["latitude"], wards)
    assert dict(zip(frame["lsoa_code"], placed, strict=True)) == {"E01900001": "E05900001", "E01800001": "E05900002"}


def test_a_member_of_another_month_than_its_name_is_refused(tmp_path: Path) -> None:
    archive = {"2023-12/2023-12-anyshire-street.csv": street([incident("a", "Drugs", INSIDE, "2023-11")])}
    with pytest.raises(SpiError, match=r"anyshire-street.csv holds 2023-11, not the month of its name; fetch it again"):
        CRIMES.parse([kept(tmp_path, zipped(archive))], TOWN)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda body: body[:-40], "is not a whole zip file of data.police.uk"),
        (lambda body: body.replace(b"2023-12/2023-12-", b"../3-12/2023-12-"), "holds the path ../3-12/2023-12-anysh"),
    ],
    ids=["cut short", "climbing out"],
)  # fmt: skip
def test_a_broken_archive_is_refused(tmp_path: Path, damage: Any, message: str) -> None:
    whole = zipped(member("2023-12", incident("a", "Drugs", INSIDE, "2023-12")))
    with pytest.raises(SpiError) as caught:
        CRIMES.parse([kept(tmp_path, damage(whole))], TOWN)
    assert message in str(caught.value)


def test_an_archive_that_explodes_is_refused(tmp_path: Path) -> None:
    bomb = zipped({"2023-12/2023-12-anyshire-street.csv": b"0" * 40_000_000})
    with pytest.raises(SpiError, match=r"to 40,000,000 bytes, which no table of data.police.uk does; fetch it again$"):
        CRIMES.parse([kept(tmp_path, bomb)], TOWN)


def test_stops_come_with_and_without_a_place_each_once(tmp_path: Path) -> None:
    at = {"datetime": "2024-01-15T12:00:00+00:00", "gender": "Male"}
    placed, without = at | {"location": crime(1, "2024-01")["location"]}, at | {"location": None}
    client = publisher(tmp_path, ["2024-01"], {})
    client.answers["/api/stops-force"] = json.dumps([placed, placed, without]).encode()
    client.answers["/api/stops-no-location"] = json.dumps([without]).encode()
    frame = through(STOPS, client, TOWN)
    assert holds("stop_and_search", frame)
    assert {(row.longitude if not math.isnan(row.longitude) else None): row.stops for row in frame.itertuples()} == {
        -0.42: 2,
        None: 1,
    }


def test_stops_are_asked_for_only_where_the_force_is_listed(tmp_path: Path) -> None:
    client = publisher(tmp_path, ["2024-01"], {})
    client.answers["/api/crimes-street-dates"] = b'[{"date": "2024-01", "stop-and-search": ["elsewhere"]}]'
    assert list(STOPS.fetch(client, TOWN)) == []
    assert client.paths() == ["/api/crimes-street-dates", "/api/crime-last-updated"]


def test_stops_older_than_the_window_come_from_archives(tmp_path: Path) -> None:
    archive = {"2022-06/2022-06-anyshire-stop-and-search.csv": stops([stop("2022-06-10T12:00:00+00:00")])}
    client = publisher(tmp_path, ["2024-01"], {"2023-12": archive})
    client.answers |= {"/api/stops-force": b"[]", "/api/stops-no-location": b"[]"}
    frame = through(STOPS, client, replace(TOWN, since="2022-01"))
    assert frame[["month", "stops"]].values.tolist() == [["2022-06", 1]]


def test_the_newest_months_were_published_when_the_publisher_says(tmp_path: Path) -> None:
    months = ["2023-11", "2023-12", "2024-01", "2024-02"]
    client = publisher(tmp_path, months, {}, **{f"_{month.replace('-', '_')}": [crime(1, month)] for month in months})
    days = {one.period: one.published_at for one in CRIMES.fetch(client, TOWN)}
    assert days == {"2023-11": None, **dict.fromkeys(months[1:], "2024-03-18T00:00:00+00:00")}


def test_the_publisher_says_when_it_changed(tmp_path: Path) -> None:
    assert last_updated(publisher(tmp_path, [], {}), TOWN) == "2024-03-18"
