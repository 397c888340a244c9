"""OHID Fingertips (sources.md, section 5): data and metadata of Local Health, as CSV and JSON."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from spi_pipeline_tests.imitations.messages import (
    Request,
    Response,
    Served,
    csv_text,
    html_response,
    json_response,
    not_found,
)
from spi_pipeline_tests.imitations.tables import LUTON, areas, noise, required

_PROFILE, _GROUPS = "143", ("1938133180", "1938133183", "1938133184", "1938133185")
_TYPES = {3: "MSOA", 8: "Electoral ward", 15: "England", 401: "Unitary", 402: "Unitary", 501: "Unitary", 502: "Unitary"}
SUPPRESSED = "Value suppressed for disclosure control due to small count"
HEADER = (
    "Indicator ID,Indicator Name,Parent Code,Parent Name,Area Code,Area Name,Area Type,Sex,Age,Category Type,Category,"
    "Time period,Value,Lower CI 95.0 limit,Upper CI 95.0 limit,Lower CI 99.8 limit,Upper CI 99.8 limit,Count,"
    "Denominator,Value note,Recent Trend,Compared to England value or percentiles,Compared to percentiles,"
    "Time period Sortable,New data,Compared to goal,Time period range"
)
_METADATA = (
    "Indicator ID,Indicator,Indicator full name,Definition,Rationale,Policy,Data source,Indicator production,"
    "Indicator source,Methodology,Standard population/values,Confidence interval details,Source of numerator,"
    "Definition of numerator,Source of denominator,Definition of denominator,Disclosure control,Caveats,Copyright,"
    "Data re-use,Links,Indicator number,Notes,Frequency,Rounding,Indicator Content,Specific rationale,Unit,Value type,"
    "Year type,Polarity,Date updated"
)


@cache
def _indicators() -> dict[str, dict[str, str]]:
    """Indicators by id: name, sexes, age, periods, range, mean, spread, slope on illness, unit, polarity, reuse."""
    with Path(__file__).with_name("indicators.csv").open(encoding="utf-8", newline="") as lines:
        return {row["id"]: row for row in csv.DictReader(lines)}


def respond(request: Request) -> Response:
    """The documented part of the API; requests that the documents warn against get a 500 and a web page."""
    path, query, site = request.path.strip("/"), request.query, request.site
    offered = [3, 15, 401, 501, *([8] if site.wards != "none" else [])]
    if path.startswith("all_data/csv/by_"):
        return _data(request, path.rpartition("by_")[2], offered)
    if path.startswith(("latest_data/", "trend_data/")):
        return html_response("<h1>Your browser is not supported</h1>", 500)
    if path == "available_data":
        wanted = [i for i in _indicators() if query.get("indicator_id") in (None, i)]
        kept = [t for t in offered if query.get("area_type_id") in (None, str(t))]
        return json_response([{"IndicatorId": int(i), "AreaTypeId": t} for i in wanted for t in kept])
    if path == "area_types":
        return json_response([{"Id": t, "Name": _TYPES[t], "Short": _TYPES[t]} for t in offered])
    if path == "value_notes":
        notes = {101: SUPPRESSED, 500: "Aggregated from all known lower geography values", 506: "Aggregated"}
        return json_response([{"Id": key, "Text": text} for key, text in notes.items()])
    if path == "areas/by_parent_area_code":
        listed = areas().members("msoa")
        listed = listed[listed.ltla == query.get("parent_area_code")]
        return json_response([{"Code": code, "Name": name, "AreaTypeId": 3} for code, name in listed.name.items()])
    if path.startswith("indicator_metadata/"):
        return _metadata(request, path)
    return not_found(request)


def _metadata(request: Request, path: str) -> Response:
    wanted = [i for i in request.query.get("indicator_ids", "").split(",") if i in _indicators()]
    if path.endswith("csv/all") or "group_id" in request.query or "profile_id" in request.query:
        wanted = list(_indicators())
    if "/csv/" in path:
        return Response(200, csv_text(_METADATA.split(","), map(_metadata_row, wanted)).encode(), "text/csv")
    return json_response({i: _metadata_json(i, request.site.fingertips_uploaded) for i in wanted})


def _metadata_row(indicator: str) -> list[str]:
    about = _indicators()[indicator]
    known = {"Indicator ID": indicator, "Indicator": about["name"], "Definition": about["name"], "Unit": about["unit"]}
    known |= {"Data re-use": about["reuse"], "Value type": about["type"], "Polarity": about["polarity"]}
    known |= {"Disclosure control": "Counts below five are suppressed", "Year type": "Financial or calendar"}
    return [known.get(name, "") for name in _METADATA.split(",")]


def _metadata_json(indicator: str, uploaded: str) -> dict[str, Any]:
    about = _indicators()[indicator]
    return {
        "IID": int(indicator),
        # Keys follow the columns of its database, such as 18_Copyright and 19_Reuse; the key of 6_DataSource is known.
        "Descriptive": {"Name": about["name"], "Definition": about["name"], "Reuse": about["reuse"]},
        "DataChange": {"LastUploadedAt": uploaded, "LastUploadedBy": None},
        "ValueType": {"Name": about["type"]},
        "Unit": {"Label": about["unit"]},
        "YearType": {"Name": "Calendar"},
    }


def _data(request: Request, by: str, offered: list[int]) -> Response:
    query, site = request.query, request.site
    key = {"indicator_id": "indicator_ids", "group_id": "group_id", "profile_id": "profile_id"}.get(by, "")
    words = {key: by.replace("_", " ").title().replace(" ", "") + "s", "child_area_type_id": "ChildAreaTypeId"}
    words["parent_area_type_id"] = "ParentAreaTypeId"
    if missing := [word for name, word in words.items() if not query.get(name)]:
        text = ", ".join(f"{word} cannot be null or empty" for word in missing)
        return Response(400, text.encode(), "text/plain")
    first = query[key].split(",")[: site.fingertips_ids]
    wanted = list(dict.fromkeys(first)) if by == "indicator_id" else list(_indicators())
    if by != "indicator_id" and query[key] not in (_PROFILE, *_GROUPS):
        wanted = []
    child, parent = int(query["child_area_type_id"]), int(query["parent_area_type_id"])
    if child not in offered or child == 15 or parent not in offered or not all(i in _indicators() for i in wanted):
        return Response(500, b"System.NullReferenceException: Object reference not set to an instance of an object.")
    header = HEADER.split(",")[: site.fingertips_columns]
    if parent != 15:
        header[22] = "Compared to Unitary value or percentiles"
    code = query.get("parent_area_code")
    rows = (row[: len(header)] for i in wanted for row in _rows(i, child, parent, code, site.wards))
    return Response(200, csv_text(header, rows, end="\r\n").encode(), "text/csv")


def _rows(indicator: str, child: int, parent: int, code: str | None, wards: str) -> Iterator[list[Any]]:
    """England, parents and children by sex and period; England and parents appear twice, England also by decile."""
    about = _indicators()[indicator]
    england, luton = ("E92000001", "England"), (LUTON, "Luton")
    for period in about["periods"].split("|"):
        for sex in about["sexes"].split("|"):
            cell = (indicator, sex, period)
            yield _row(cell, ("", ""), england, "England")
            if parent != 15:
                yield _row(cell, england, england, "England")
                for above in (("", ""), england):
                    yield _row(cell, above, luton, _TYPES[parent])
            for decile in (1, 10):
                group = ("District & UA deprivation deciles in England (IMD2019, 4/21 geography)", f"decile {decile}")
                yield _row(cell, ("", ""), england, "England", group)
            for area, ltla in _children(child, wards):
                of = england if parent == 15 else (ltla, areas().table.name[ltla])
                if code in (None, *of[:1]):
                    # MSOAs have the name of their authority.
                    yield _row(cell, of, (area, areas().table.name[ltla if child == 3 else area]), _TYPES[child])


def _children(child: int, wards: str) -> list[tuple[str, str]]:
    if child not in (3, 8):
        return []
    found = areas().members("msoa" if child == 3 else "old_ward" if wards == "old" else "ward")
    return list(found.ltla.items())


def _row(
    cell: tuple[str, str, str], parent: tuple[str, str], area: tuple[str, str], kind: str, group: Any = ("", "")
) -> list[Any]:
    indicator, sex, period = cell
    about = _indicators()[indicator]
    figures: list[Any] = ["", "", "", "", "", "", "", SUPPRESSED]
    if not (indicator == "93239" and area[0] == "E02003258"):
        value = _value(about, area[0] + group[1], sex, period)
        count = "" if about["type"] == "Life expectancy" else round(value * 3)
        denominator = "" if count == "" else 300
        figures = [value, round(value * 0.95, 4), round(value * 1.05, 4), "", "", count, denominator, ""]
    compared = ["Cannot be calculated", "Similar", "Not compared"]
    names = [about["name"], *parent, *area, kind, sex, about["age"], *group, period]
    return [indicator, *names, *figures, *compared, f"{period[:4]}0000", "", "", about["range"]]


def _value(about: dict[str, str], area: str, sex: str, period: str) -> float:
    """The mean plus a shift for illness in the area plus noise; women live longer."""
    own = noise("fingertips", about["id"], area, sex, period) - 0.5
    shift = float(about["slope"]) * _illness().get(area[:9], 0.0) + own + (1.5 if sex == "Female" else 0.0)
    return round(float(about["mean"]) + float(about["spread"]) * shift, 4)


@cache
def _illness() -> dict[str, float]:
    """Standard score of acute illness in each MSOA."""
    table = required("deprivation_2025")[["area_code", "acute_morbidity"]]
    parent = areas().output_areas.drop_duplicates("lsoa").set_index("lsoa").msoa
    mean = table.acute_morbidity.groupby(table.area_code.map(parent)).mean()
    return dict(((mean - mean.mean()) / np.std(mean)).round(3))


SERVED = {
    "fingertips": Served(respond, "local_health", "/all_data/*", "Value", ("Value",)),
}
