"""Fingertips of the Office for Health Improvement and Disparities."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from spi_pipeline_tests.imitations.witness import town
from spi_pipeline_tests.imitations.witness.evidence import Evidence
from spi_pipeline_tests.imitations.witness.response import HTML, Request, Response, as_json, not_found

MSOA, WARD, ENGLAND_TYPE = 3, 8, 15
AUTHORITIES = (401, 402, 501, 502)
ENGLAND = ("E92000001", "England")
MOST_INDICATORS = 100
SUPPRESSED = "Value suppressed for disclosure control due to small count"
# An MSOA elsewhere, so that a request for all of England returns more than the town.
ELSEWHERE = ("E02000001", "City of London")


@dataclass(frozen=True)
class Indicator:
    """An indicator; `middle` and `spread` give plausible figures."""

    name: str
    age: str
    period: str
    years: int
    unit: str
    middle: float
    spread: float
    sexes: tuple[str, ...] = ("Persons",)
    msoa: bool = True
    uploaded: str = "2025-08-05T09:41:27.383"


ADMISSIONS = "2016/17 - 20/21"
SEXES = ("Male", "Female")
INDICATORS: Mapping[int, Indicator] = {
    93092: Indicator(
        "Low birth weight of live babies, five year pooled", "All ages", "2016 - 20", 5, "%", 9, 2, msoa=False
    ),
    93105: Indicator(
        "Reception prevalence of obesity, 3 years data combined", "4-5 yrs", "2021/22 - 23/24", 3, "%", 11, 3
    ),
    93107: Indicator(
        "Year 6 prevalence of obesity, 3 years data combined", "10-11 yrs", "2021/22 - 23/24", 3, "%", 27, 5
    ),
    93227: Indicator(
        "Emergency hospital admissions for all causes, all ages", "All ages", ADMISSIONS, 5, "SAR", 104, 18
    ),
    93239: Indicator(
        "Emergency hospital admissions for intentional self harm", "All ages", ADMISSIONS, 5, "SAR", 92, 25
    ),
    93240: Indicator(
        "Emergency hospital admissions for conditions due to alcohol, narrow", "All ages", ADMISSIONS, 5, "SAR", 107, 22
    ),
    93252: Indicator("Deaths from all causes, under 75 years", "<75 yrs", "2019 - 23", 5, "SMR", 112, 25),
    93283: Indicator(
        "Life expectancy at birth, (upper age band 90 and over)", "All ages", "2019 - 23", 5, "Years", 79, 3, SEXES
    ),
}

HEADER = (
    "Indicator ID,Indicator Name,Parent Code,Parent Name,Area Code,Area Name,Area Type,Sex,Age,Category Type,Category,"
    "Time period,Value,Lower CI 95.0 limit,Upper CI 95.0 limit,Lower CI 99.8 limit,Upper CI 99.8 limit,Count,"
    "Denominator,Value note,Recent Trend,Compared to England value or percentiles,{compared},Time period Sortable,"
    "New data,Compared to goal,Time period range"
)


def respond(request: Request) -> Response:
    ways = {
        "/available_data": _available,
        "/indicator_metadata/by_indicator_id": _metadata,
        "/all_data/csv/by_indicator_id": _data,
    }
    return ways[request.path](request) if request.path in ways else not_found()


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",") if part.strip().isdigit()]


def _available(request: Request) -> Response:
    wanted, kind = _numbers(request.parameter("indicator_id")), _numbers(request.parameter("area_type_id"))
    pairs = []
    for number, indicator in INDICATORS.items():
        kinds = (*((MSOA,) if indicator.msoa else ()), *AUTHORITIES)
        if not wanted or number in wanted:
            pairs += [{"IndicatorId": number, "AreaTypeId": one} for one in kinds if not kind or one in kind]
    return as_json(pairs, "application/json; charset=utf-8")


def _metadata(request: Request) -> Response:
    metadata = {
        str(number): {
            "IID": number,
            "Descriptive": {
                "Name": INDICATORS[number].name,
                "NameLong": INDICATORS[number].name,
                "DataSource": "Office for Health Improvement and Disparities",
                "Definition": INDICATORS[number].name,
                **({"Reuse": "For non-commercial use only"} if number == 93283 else {}),
            },
            "ValueType": {"Id": 1, "Name": INDICATORS[number].unit},
            "Unit": {"Id": 1, "Label": INDICATORS[number].unit, "Value": 1.0},
            "YearType": {"Id": 1, "Name": "Calendar"},
            "DataChange": {"LastUploadedAt": INDICATORS[number].uploaded, "LastDeletedAt": None},
            "LatestChangeTimestampOverride": None,
        }
        for number in _numbers(request.parameter("indicator_ids"))[:MOST_INDICATORS]
        if number in INDICATORS
    }
    return as_json(metadata, "application/json; charset=utf-8")


def _data(request: Request) -> Response:
    numbers = _numbers(request.parameter("indicator_ids"))[:MOST_INDICATORS]
    child, parent = request.parameter("child_area_type_id"), request.parameter("parent_area_type_id")
    missing = [
        f"{name} cannot be null or empty"
        for name, given in (("IndicatorIds", numbers), ("ChildAreaTypeId", child), ("ParentAreaTypeId", parent))
        if not given
    ]
    if missing:
        return Response(", ".join(missing).encode(), "text/plain; charset=utf-8", 400)
    if int(child) != MSOA or any(number not in INDICATORS or not INDICATORS[number].msoa for number in numbers):
        return Response(b"<html><body><h1>Server Error</h1></body></html>", HTML, 500)
    england = int(parent) == ENGLAND_TYPE
    text = io.StringIO()
    text.write(
        HEADER.format(compared="Compared to percentiles" if england else "Compared to UTLAs value or percentiles")
    )
    text.write("\n")
    writer = csv.writer(text, lineterminator="\n")
    for number in numbers:
        writer.writerows(_rows(number, request.parameter("parent_area_code", ENGLAND[0]), england=england))
    return Response(text.getvalue().encode(), "text/csv")


def _rows(number: int, parent: str, *, england: bool) -> Iterator[list[Any]]:
    """England with and without a parent, one category, the parent and its areas."""
    indicator = INDICATORS[number]
    nowhere = ("", "")
    authority = (town.CODE, town.NAME)
    for sex in indicator.sexes:
        yield _row(number, nowhere, ENGLAND, "England", sex, 0.0)
        yield _row(number, ENGLAND, ENGLAND, "England", sex, 0.0)
        yield _row(number, nowhere, ENGLAND, "England", sex, 0.1, ("Deprivation deciles", "Most deprived decile"))
        if not england:
            yield _row(number, ENGLAND, authority, "UA", sex, 0.2)
        for place, code in enumerate(town.msoas()):
            shift = (place * 7 % 22) / 11 - 1
            above = ENGLAND if england else authority
            # MSOAs have the name of their authority; a client saw this.
            yield _row(number, above, (code, town.NAME), "MSOA", sex, shift, hidden=number == 93239 and place == 5)
        if england and parent == ENGLAND[0]:
            yield _row(number, ENGLAND, ELSEWHERE, "MSOA", sex, 0.5)


def _row(
    number: int,
    parent: tuple[str, str],
    area: tuple[str, str],
    kind: str,
    sex: str,
    shift: float,
    category: tuple[str, str] = ("", ""),
    *,
    hidden: bool = False,
) -> list[Any]:
    indicator = INDICATORS[number]
    value = indicator.middle + indicator.spread * shift + (3.712 if sex == "Female" else 0)
    count = 40 + round(abs(value) * 7) % 400
    limits = [value, value * 0.93, value * 1.07]
    figures = ["", "", ""] if hidden else [f"{one:.10f}".rstrip("0") for one in limits]
    return [
        number,
        indicator.name,
        *parent,
        *area,
        kind,
        sex,
        indicator.age,
        *category,
        indicator.period,
        *figures,
        "",
        "",
        "" if hidden else count,
        "" if hidden else count * 9,
        SUPPRESSED if hidden else "",
        "Cannot be calculated" if kind != "MSOA" else "",
        "Not compared" if hidden or kind == "England" else "Similar",
        "Not compared",
        f"{indicator.period[:4]}0000",
        "",
        "",
        f"{indicator.years}y",
    ]


SERVER = "ukhsa-collaboration/fingertips-open"
CSV = "/all_data/csv/by_indicator_id"
EVIDENCE = (
    Evidence("/available_data", "A list of IndicatorId and AreaTypeId", f"{SERVER} (GroupingData)"),
    Evidence(
        "/available_data",
        "93092 is not offered by MSOA, and no indicator by ward",
        "lists of the profile Local Health of 2025 and 2026, its page on the update of August 2025; a developer's "
        "note of 2026-09-27 says wards of 2024 are offered",
    ),
    Evidence(
        "/indicator_metadata/by_indicator_id",
        "Keyed by id; Unit, ValueType, YearType, Descriptive; DataChange.LastUploadedAt without a zone",
        f"{SERVER} (IndicatorMetadata, DataChange), a client that ran in October 2026",
    ),
    Evidence("/indicator_metadata/by_indicator_id", "What says that re-use is not for commerce (here Reuse)"),
    Evidence(
        CSV,
        "27 columns; the 23rd is named for the type of the parent",
        f"dhsc-govuk/fingertips_py tests; a public log of 27 column names; {SERVER} "
        "`CsvBuilderIndicatorDataHeaderWriter.cs`",
    ),
    Evidence(CSV, "England twice, without and with a parent", "ropensci/fingertipsR README (first rows of an answer)"),
    Evidence(CSV, "Rows of categories stand among the others", "traffordDataLab scripts that leave them out"),
    Evidence(
        CSV,
        "A suppressed figure is empty, with a note",
        "dhsc-govuk/fingertips_py tests (note 101); a connector's tests of 2026",
    ),
    Evidence(CSV, "Periods `2016/17 - 20/21`, `2019 - 23`; sortable `20160000`", "clients of 2022 to 2026"),
    Evidence(CSV, "Life expectancy for men and women, none for persons", "traffordDataLab/ward_data"),
    Evidence(CSV, "The name of an MSOA is its authority's", "an answer copied into a client of 2026"),
    Evidence(CSV, "The first hundred ids alone", f"{SERVER} `DataManagerBase.cs`"),
    Evidence(CSV, "400 with a joined message", f"{SERVER} `DataControllerTest.cs`"),
    Evidence(CSV, "500 for what is not offered", "ropensci/fingertipsR issue 99"),
    Evidence(CSV, "Content-Type text/csv", "a client of 2026; application/octet-stream in the server of 2020"),
    Evidence(CSV, "Line ends"),
    Evidence(CSV, "ETag or Last-Modified (none is sent here)"),
)
