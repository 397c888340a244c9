"""The second imitation's data about an invented town, and its responses.

They are written from the documents alone, section by section of sources.md. Each figure follows from its codes, so that
a test can compute the expected value.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import shapely

from spi_pipeline_tests.imitations.second.server import Manner, Query, Reply
from spi_pipeline_tests.publishers.fake import TOWN

EMPTY = Reply(b"", "text/plain")
MISSING = Reply(b"Not Found\n", "text/plain", 404)
# Nomis: data set -> its dimension, and each category's label in its own files and in other words.
TABLES: dict[str, tuple[str, dict[int, tuple[str, str]]]] = {
    "NM_2021_1": ("C2021_RESTYPE_3", {
        0: ("Total", "Residence type: Total; measures: Value"), 1: ("Lives in a household",) * 2,
        2: ("Lives in a communal establishment",) * 2,
    }),
    "NM_2059_1": ("C2021_HH_1", {0: ("Number of households", "Total households")}),
    "NM_2020_1": ("C2021_AGE_19", {
        0: ("Total", "All usual residents"), 1: ("Aged 4 years and under", "Aged 0 to 4 years"),
        **{code: (f"Aged {5 * code - 5} to {5 * code - 1} years",) * 2 for code in range(2, 18)},
        18: ("Aged 85 years and over", "Aged 85 and over"),
    }),
    "NM_2055_1": ("C2021_HEALTH_6", {
        0: ("Total: All usual residents", "General health: Total: All usual residents"),
        **{code: (f"{word} health", f"General health: {word}")
           for code, word in enumerate(("Very good", "Good", "Fair", "Bad", "Very bad"), 1)},
    }),
    "NM_2063_1": ("C2021_CARS_5", {
        0: ("Total: All households", "All households"), 1: ("No cars or vans in household", "No cars or vans"),
        2: ("1 car or van in household", "1 car or van"), 3: ("2 cars or vans in household", "2 cars or vans"),
        4: ("3 or more cars or vans in household", "3 or more cars or vans"),
    }),
    "NM_2070_1": ("C2021_OCCRAT_BEDROOMS_6", {
        0: ("Total: All households", "Occupancy rating of bedrooms: Total"), 1: ("+2 or more", "Rating: +2 or more"),
        2: ("+1", "Rating: +1"), 3: ("0", "Rating: 0"), 4: ("-1", "Rating: −1"),
        5: ("-2 or less", "Rating of −2 or less"),
    }),
    "NM_2084_1": ("C2021_HIQUAL_8", {
        0: ("Total", "Total: All usual residents aged 16 years and over"),
        1: ("No qualifications", "None: no qualifications"),
        2: ("Level 1 and entry level qualifications",) * 2, 3: ("Level 2 qualifications",) * 2,
        4: ("Apprenticeship",) * 2, 5: ("Level 3 qualifications",) * 2,
        6: ("Level 4 qualifications and above", "Level 4 qualifications or above"), 7: ("Other qualifications",) * 2,
    }),
}  # fmt: skip
MONTHS = ("2026-06", "2026-07", "2026-08")
_HEALTH_HEADER = (
    "Indicator ID,Indicator Name,Parent Code,Parent Name,Area Code,Area Name,Area Type,Sex,Age,Category Type,Category,"
    "Time period,Value,Lower CI 95.0 limit,Upper CI 95.0 limit,Lower CI 99.8 limit,Upper CI 99.8 limit,Count,"
    "Denominator,Value note,Recent Trend,Compared to England value or percentiles,Compared to Any value or percentiles,"
    "Time period Sortable,New data,Compared to goal"
)
FINGERTIPS = {93092: 7.1, 93105: 9.9, 93107: 24.5, 93227: 110.0, 93239: 95.5, 93240: 101.5, 93252: 120.0, 93283: 80.0}


def value(area: str, code: int) -> int:
    """The census figure for an area and a category."""
    return 1000 * int(area[-1]) + code


def table(manner: Manner, header: Sequence[str], rows: Iterable[Sequence[Any]], above: Sequence[str] = ()) -> Reply:
    """CSV as this manner writes it."""
    out = io.StringIO()
    quoting = csv.QUOTE_ALL if manner.quoted else csv.QUOTE_MINIMAL
    csv.writer(out, quoting=quoting, lineterminator=manner.end).writerows([header, *rows])
    text = "".join(f"{line}{manner.end}" for line in above) + out.getvalue()
    return Reply(text.encode("utf-8-sig" if manner.bom else "utf-8"))


def json_reply(content: Any, status: int = 200) -> Reply:
    return Reply(json.dumps(content).encode(), "application/json; charset=utf-8", status)


def nomis(manner: Manner, path: str, query: Query) -> Reply:
    """Section 1: the server sets the page length, RECORD_COUNT is the total, and an unknown query gets no body."""
    found = re.fullmatch(r"/api/v01/dataset/(NM_\d+_1)\.data\.csv", path)
    parameters = {key.lower(): text for key, text in query.items()}
    areas = parameters.get("geography", "").split(",")
    if found is None or parameters.get("measures") != "20100":
        return EMPTY
    if found[1] == "NM_2014_1":
        cells = [{"DATE_CODE": "2024", "GEOGRAPHY_CODE": area, "C_AGE": age, "OBS_VALUE": value(area, int(age))}
                 for area in areas if area in TOWN.lsoas for age in parameters["c_age"].split(",")]  # fmt: skip
    elif found[1] == "NM_162_1":
        month = MONTHS[-1] if parameters["date"] == "latest" else parameters["date"]
        cells = [{"DATE_CODE": month, "GEOGRAPHY_CODE": area, "OBS_VALUE": "" if area == TOWN.wards[1] else 35,
                  "OBS_STATUS": "Q" if area == TOWN.wards[1] else "A"}
                 for area in areas if area in TOWN.wards]  # fmt: skip
    elif found[1] in TABLES:
        cells = _census(manner, found[1], areas)
    else:
        return EMPTY
    start = int(parameters.get("recordoffset", 0))
    page = cells[start : start + min(manner.page, int(parameters.get("recordlimit", 25_000)))]
    count = f"{len(cells)}.0" if manner.worded else len(cells)
    for number, cell in enumerate(page, start):
        cell |= {"OBS_STATUS": cell.get("OBS_STATUS", "A"), "RECORD_OFFSET": number, "RECORD_COUNT": count}
    if not page:
        return EMPTY
    columns = parameters["select"].upper().split(",") if "select" in parameters else list(page[0])
    return table(manner, columns, ([cell[name] for name in columns if name in cell] for cell in page))


def _census(manner: Manner, dataset: str, areas: Sequence[str]) -> list[dict[str, Any]]:
    dimension, labels = TABLES[dataset]
    known = {*TOWN.output_areas, *TOWN.lsoas, *TOWN.msoas}
    cells = []
    for code in sorted(labels, reverse=manner.worded):  # rows are not necessarily in order of code
        for area in [area for area in areas if area in known]:
            cell = {"DATE_NAME": "2021", "GEOGRAPHY_NAME": "Any Town", "GEOGRAPHY_CODE": area, "MEASURES_NAME": "value"}
            cell |= {dimension: code, f"{dimension}_NAME": labels[code][manner.worded], f"{dimension}_CODE": code}
            cells.append(cell | {"OBS_VALUE": value(area, code), "OBS_CONF": "F"})
    return cells


def ons(manner: Manner, path: str, query: Query) -> Reply:
    """Section 2: one page at a time, the flag where each format has it, errors with status 200."""
    found = re.fullmatch(r"/(\w+)/FeatureServer/0/query", path)
    layers = {
        "Wards_December_2024_Boundaries_UK_BGC": [
            ({"WD24CD": code, "WD24NM": f"Ward {code[-1]}", "LAD24CD": "E06900001"}, shape)
            for code, shape in TOWN.polygons.items()
        ]
        + [({"WD24CD": "E05999999", "WD24NM": "Elsewhere", "LAD24CD": "E06999999"}, shapely.box(0, 52, 1, 53))],
        "LSOA21_WD24_LAD24_EW_LU": [
            ({"LSOA21CD": lsoa, "WD24CD": ward, "LAD24CD": "E06900001"}, None)
            for lsoa, ward in zip(TOWN.lsoas, TOWN.wards, strict=True)
        ],
        "OA_LSOA_MSOA_EW_DEC_2021_LU_v3": [
            ({"OA21CD": oa, "LSOA21CD": TOWN.lsoas[n // 2], "MSOA21CD": TOWN.msoas[0], "LAD22CD": "E06900001"}, None)
            for n, oa in enumerate(TOWN.output_areas)
        ],
        "OA21_WD24_LAD24_EW_LU_v2": [
            ({"OA21CD": oa, "WD24CD": TOWN.wards[n // 2], "LAD24CD": "E06900001"}, None)
            for n, oa in enumerate(TOWN.output_areas)
        ],
        "LSOA_PopCentroids_EW_2021_V4": [
            ({"LSOA21CD": lsoa}, shapely.Point(-0.42 + 0.04 * n, 51.88)) for n, lsoa in enumerate(TOWN.lsoas)
        ],
    }
    if found is None or found[1] not in layers:
        return json_reply({"error": {"code": 400, "message": "Invalid URL", "details": ["Invalid URL"]}})
    wanted = re.fullmatch(r"(\w+)\s*(?:=\s*|IN\s*\()(.*?)\)?", query["where"])
    assert wanted is not None
    codes = re.findall(r"'([^']*)'", wanted[2])
    rows = [row for row in layers[found[1]] if row[0][wanted[1]] in codes]
    start = int(query.get("resultOffset", 0))
    page = rows[start : start + min(manner.page, int(query.get("resultRecordCount", 2000)))]
    more = start + len(page) < len(rows)
    flag = {"exceededTransferLimit": True} if more else {}
    if query["f"] == "json":
        return json_reply({"objectIdFieldName": "ObjectId", "fields": [], **flag,
                     "features": [{"attributes": fields} for fields, _ in page]})  # fmt: skip
    scale = 1 if query.get("outSR") == "4326" else 100_000
    features = [
        {"type": "Feature", "properties": fields,
         "geometry": shapely.geometry.mapping(shapely.transform(shape, lambda at: at * scale))}
        for fields, shape in page
    ]  # fmt: skip
    at = {"properties": flag} if flag and manner.worded else flag
    return json_reply({"type": "FeatureCollection", "features": features, **at})


def police(manner: Manner, path: str, query: Query) -> Reply:
    """Section 4: months newest first, 500 for other months, 503 for too many crimes, coordinates as texts or numbers.

    Every month has an archive. The page of archives shows its MD5, in one of the forms that other clients read.
    """
    month = query.get("date", MONTHS[-1])
    if path == "/api/crimes-street-dates":
        return json_reply([{"date": one, "stop-and-search": ["anyshire"]} for one in reversed(MONTHS)])
    if path == "/api/crime-last-updated":
        return json_reply({"date": f"{MONTHS[-1]}-01"})
    if path == "/data/archive/":
        return _page_of_archives(manner)
    if found := re.fullmatch(r"(?:/data)?/archive/(20\d\d-\d\d)\.zip", path):
        return Reply(archive(manner), "application/zip") if found[1] <= MONTHS[-1] else MISSING
    if month not in MONTHS:
        return Reply(b"Internal Server Error", "text/plain", 500)
    if path == "/api/crimes-street/all-crime":
        corners = [tuple(map(float, pair.split(","))) for pair in query["poly"].split(":")]
        inside = shapely.Polygon([(x, y) for y, x in corners])
        found = [one for one in _crimes(manner, month) if inside.covers(_at(one))]
        return Reply(b"", "text/plain", 503) if len(found) > 3 else json_reply(found)
    if path == "/api/crimes-no-location":
        return json_reply([_crime(manner, 90, month, None)] if query["force"] == "anyshire" else [])
    if path in ("/api/stops-force", "/api/stops-no-location"):
        placed = [{"datetime": f"{month}-10T10:00:00+00:00", "location": _place(manner, (-0.42, 51.88))}] * 2
        return json_reply(placed if path.endswith("force") else [placed[0] | {"location": None}])
    return MISSING


def _page_of_archives(manner: Manner) -> Reply:
    sum_ = hashlib.md5(archive(manner), usedforsecurity=False).hexdigest()
    md5 = f'<p class="md5sum">{sum_}</p>' if manner.quoted else f"\n\n{sum_}\n\n"
    listed = (f'<a href="/data/archive/{month}.zip">{month}</a> (1.6 GB){md5}' for month in reversed(MONTHS))
    return Reply(f"<html><body>{''.join(listed)}</body></html>".encode(), "text/html; charset=utf-8")


def _crimes(manner: Manner, month: str) -> list[dict[str, Any]]:
    at = [(-0.42, 51.88), (-0.42, 51.88), (-0.43, 51.87), (-0.38, 51.88), (-0.37, 51.89)]
    return [_crime(manner, number, month, point) for number, point in enumerate(at)]


def _crime(manner: Manner, number: int, month: str, point: tuple[float, float] | None) -> dict[str, Any]:
    return {
        "category": "burglary" if number % 2 else "anti-social-behaviour",
        "location_type": "Force" if point or manner.texts else None, "location": point and _place(manner, point),
        "context": "", "outcome_status": None, "persistent_id": "", "id": number + 100 * int(month[-2:]),
        "location_subtype": "", "month": month,
    }  # fmt: skip


def _place(manner: Manner, point: tuple[float, float]) -> dict[str, Any]:
    x, y = (str(one) if manner.texts else one for one in point)
    return {"latitude": y, "street": {"id": 1, "name": "On or near A Road"}, "longitude": x}


def _at(crime: Mapping[str, Any]) -> shapely.Point:
    return shapely.Point(float(crime["location"]["longitude"]), float(crime["location"]["latitude"]))


def archive(manner: Manner) -> bytes:
    """October and December 2025 but not November, with folders, another force and another kind of file."""
    street = ("Crime ID", "Month", "Reported by", "Falls within", "Longitude", "Latitude", "Location", "LSOA code",
              "LSOA name", "Crime type", "Last outcome category", "Context")  # fmt: skip
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for month in ("2025-10", "2025-12"):
            file.writestr(zipfile.ZipInfo(f"{month}/"), b"")
            rows = [(f"{month}a", month, "F", "F", -0.42, 51.88, "On or near A, B", TOWN.lsoas[0], "Any", "Drugs", "",
                     ""),
                    ("", month, "F", "F", "", "", "No Location", "", "", "Anti-social behaviour", "", "")]  # fmt: skip
            for force, kind in (("elsewhere", "street"), ("anyshire", "outcomes"), ("anyshire", "street")):
                named = zipfile.ZipInfo(f"{month}/{month}-{force}-{kind}.csv")
                file.writestr(named, table(manner, street, rows).body, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def fingertips(manner: Manner, path: str, query: Query) -> Reply:
    """Section 5: England and the parent in every file, 500 for an unavailable area type, 26 or 27 columns."""
    if path == "/available_data":
        if query.get("area_type_id") == "8":
            return Reply(b"Object reference not set to an instance of an object", "text/plain", 500)
        ids = [int(query["indicator_id"])] if "indicator_id" in query else list(FINGERTIPS)
        return json_reply([{"IndicatorId": number, "AreaTypeId": kind} for number in ids for kind in (3, 15, 501)])
    if path == "/indicator_metadata/by_indicator_id":
        ids = query["indicator_ids"].split(",")
        uses = {"93283": "Non commercial use only, see the ONS"}
        about = {"DataChange": {"LastUploadedAt": "2025-08-05T09:00:00"}}
        return json_reply({number: about | {"Descriptive": {"Reuse": uses.get(number, "")}} for number in ids})
    if path != "/all_data/csv/by_indicator_id" or query["child_area_type_id"] != "3":
        return Reply(b"<html>browser not supported</html>", "text/html", 500)
    header = _HEALTH_HEADER.split(",")
    header += [] if manner.name == "old" else ["Time period range"]
    rows = [row[: len(header)] for number in map(int, query["indicator_ids"].split(",")) for row in _health(number)]
    reply = table(manner, header, rows)
    reply.kind = "application/octet-stream"
    reply.headers = {"Content-Disposition": "attachment; filename=indicators.csv"}
    return reply


def _health(number: int) -> Iterable[list[Any]]:
    for sex in ("Male", "Female") if number == 93283 else ("Persons",):
        figure = FINGERTIPS[number] + 2 * (sex == "Female")
        for area, kind in (
            ("E92000001", "England"),
            ("E92000001", "England"),
            ("E06900001", "LA"),
            ("E02900001", "MSOA"),
        ):
            for period, start, worth in (("2014 - 18", 2014, 1.0), ("2019 - 23", 2019, figure)):
                shown = worth if area == "E02900001" else 999
                name = "Low birth-weight, of live babies" if number == 93092 else "A name, with a comma"
                yield [number, name, "", "", area, "Any Town", kind, sex, "All ages", "", "", period,
                       shown, "", "", "", "", 10, 20, "", "", "", "", f"{start}0000", "", "", "5y"]  # fmt: skip
            yield [number, name, "", "", area, "Any Town", kind, sex, "All ages", "Deciles", "Most deprived",
                   "2019 - 23", 1, *[""] * 10, "20190000", "", "", "5y"]  # fmt: skip
