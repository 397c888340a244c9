"""Nomis: tables of Census 2021, population of small areas, claimant counts.

What its dialect hides, with status 200: an answer of more than 25,000 rows is cut off (``RECORD_COUNT`` says how many
there are), unknown codes give an empty body, and its "2022 wards" are Luton's former ones. So areas are asked for by
code, every page is counted, and the answer must hold exactly the areas asked for. Categories are told by their labels:
ids and codes that circulate have been wrong.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.geography.codes import check_area_codes, listed
from spi_pipeline.sources.exchange import Client, Download, Fetcher, PermanentFailure, Request, Scope, TransientFailure
from spi_pipeline.sources.months import month_before, months_between
from spi_pipeline.sources.reading import text_rows, whole_numbers

PUBLISHER = "Nomis"
ROW_LIMIT = 25_000
# A URL should stay below 8 kB; a code takes twelve characters once its comma is escaped.
CODES_A_REQUEST = 400
VALUE = ("measures", "20100")
TOTAL = "Total"


@dataclass(frozen=True)
class Table:
    """One table of Census 2021.

    Attributes:
        dataset: Nomis's id of it.
        dimension: its one dimension; empty where it has none.
        labels: by our column the label of its category, as far as it follows the last ``": "``.
        level: the areas it is read for.
    """

    dataset: str
    dimension: str
    labels: Mapping[str, str]
    level: str = "output_areas"


CENSUS: dict[str, Table] = {
    "census_residents": Table(
        "NM_2021_1", "c2021_restype_3",
        {"residents": TOTAL, "in_households": "Lives in a household",
         "in_communal_establishments": "Lives in a communal establishment"},
    ),
    "census_households": Table("NM_2059_1", "", {"households": ""}),
    "census_age": Table(
        "NM_2020_1", "c2021_age_19",
        {"residents": TOTAL, "aged_0_4": "Aged 4 years and under",
         **{f"aged_{age}_{age + 4}": f"Aged {age} to {age + 4} years" for age in range(5, 85, 5)},
         "aged_85_and_over": "Aged 85 years and over"},
        "lsoas",
    ),
    "census_english_proficiency": Table(
        "NM_2048_1", "c2021_engprf_6",
        {"residents_3_and_over": TOTAL, "cannot_speak_well": "Cannot speak English well",
         "cannot_speak": "Cannot speak English", "speaks_very_well": "Can speak English very well",
         "speaks_well": "Can speak English well",
         "main_language_english": "Main language is English (English or Welsh in Wales)"},
        "msoas",
    ),
    "census_general_health": Table(
        "NM_2055_1", "c2021_health_6",
        {"residents": TOTAL, "bad": "Bad health", "very_bad": "Very bad health", "fair": "Fair health",
         "good": "Good health", "very_good": "Very good health"},
    ),
    "census_disability": Table(
        "NM_2056_1", "c2021_disability_5",
        {"residents": TOTAL, "limited_a_lot": "Day-to-day activities limited a lot",
         "limited_a_little": "Day-to-day activities limited a little"},
    ),
    "census_unpaid_care": Table(
        "NM_2057_1", "c2021_carer_7",
        {"residents_5_and_over": TOTAL, "hours_20_to_34": "Provides 20 to 34 hours unpaid care a week",
         "hours_35_to_49": "Provides 35 to 49 hours unpaid care a week",
         "hours_50_or_more": "Provides 50 or more hours unpaid care a week"},
        "msoas",
    ),
    "census_accommodation_type": Table(
        "NM_2062_1", "c2021_acctype_9",
        {"households": TOTAL, "converted_or_shared_house": "Part of a converted or shared house, including bedsits",
         "detached": "Detached", "semi_detached": "Semi-detached", "terraced": "Terraced",
         "purpose_built_flat": "In a purpose-built block of flats or tenement",
         "other_converted_building":
             "Part of another converted building, for example, former school, church or warehouse",
         "commercial_building": "In a commercial building, for example, in an office building, hotel or over a shop",
         "caravan": "A caravan or other mobile or temporary structure"},
    ),
    "census_car_availability": Table(
        "NM_2063_1", "c2021_cars_5",
        {"households": TOTAL, "none": "No cars or vans in household", "one": "1 car or van in household",
         "two": "2 cars or vans in household", "three_or_more": "3 or more cars or vans in household"},
    ),
    "census_central_heating": Table(
        "NM_2064_1", "c2021_heating_13", {"households": TOTAL, "none": "No central heating"}
    ),
    "census_overcrowding": Table(
        "NM_2070_1", "c2021_occrat_bedrooms_6",
        {"households": TOTAL, "minus_1": "-1", "minus_2_or_less": "-2 or less", "standard": "0", "plus_1": "+1",
         "plus_2_or_more": "+2 or more"},
    ),
    "census_tenure": Table(
        "NM_2072_1", "c2021_tenure_9",
        {"households": TOTAL, "owned": "Owned", "social_rented": "Social rented", "private_rented": "Private rented"},
    ),
    "census_qualifications": Table(
        "NM_2084_1", "c2021_hiqual_8",
        {"residents_16_and_over": TOTAL, "none": "No qualifications",
         "level_1": "Level 1 and entry level qualifications", "level_2": "Level 2 qualifications",
         "apprenticeship": "Apprenticeship", "level_3": "Level 3 qualifications",
         "level_4_and_above": "Level 4 qualifications and above", "other": "Other qualifications"},
    ),
}  # fmt: skip
AGES = {"residents": "200", "aged_0_15": "201", "aged_16_64": "203", "aged_65_and_over": "209"}


def fetch_census(table: Table, client: Client, scope: Scope) -> Iterator[Download]:
    """All categories of a table for every area of its level."""
    label = [f"{table.dimension}_name"] if table.dimension else []
    fixed = Request(
        "NOMIS", f"/api/v01/dataset/{table.dataset}.data.csv",
        (("date", "latest"), VALUE, _select("geography_code", *label)), period="2021-03-21", settled=True,
    )  # fmt: skip
    yield from _by_area(client, fixed, getattr(scope, table.level))


def parse_census(table: Table, downloads: Sequence[Download], scope: Scope) -> pd.DataFrame:
    """One row an area, one column a category.

    Raises:
        SpiError: when the answer was cut, areas are missing or others than those asked for, or a label is not there.
    """
    columns = {"area_code": "GEOGRAPHY_CODE"}
    if table.dimension:
        columns["label"] = f"{table.dimension}_name"
    rows = _rows(downloads, columns, getattr(scope, table.level), scope)
    name = downloads[0].name
    if not table.dimension:
        rows["label"] = ""
    rows["column"] = rows["label"].map(_columns_by_label(list(rows["label"].unique()), table.labels, name))
    return _wide(rows.dropna(subset=["column"]), ["area_code"], list(table.labels), name)


def fetch_population(client: Client, scope: Scope) -> Iterator[Download]:
    """The newest estimates of small areas."""
    fixed = Request(
        "NOMIS", "/api/v01/dataset/NM_2014_1.data.csv",
        (("date", "latest"), ("gender", "0"), ("c_age", ",".join(AGES.values())), VALUE,
         _select("date_code", "geography_code", "c_age")),
    )  # fmt: skip
    for page in _by_area(client, fixed, scope.lsoas):
        yield replace(page, period=_date_of(page))


def parse_population(downloads: Sequence[Download], scope: Scope) -> pd.DataFrame:
    """Residents of each LSOA by broad age.

    Raises:
        SpiError: as for ``parse_census``.
    """
    columns = {"area_code": "GEOGRAPHY_CODE", "year": "DATE_CODE", "age": "C_AGE"}
    rows = _rows(downloads, columns, scope.lsoas, scope)
    rows = rows.assign(year=rows["year"].astype("int64"))
    ours = {code: column for column, code in AGES.items()}
    return _wide(rows.assign(column=rows["age"].map(ours)), ["area_code", "year"], list(AGES), downloads[0].name)


def fetch_claimants(client: Client, scope: Scope) -> Iterator[Download]:
    """Claimants of every ward, month by month: since when wanted, else the newest thirteen.

    The newest month is revised with the next one's release, so all but the two newest are settled.
    """
    fixed = Request(
        "NOMIS", "/api/v01/dataset/NM_162_1.data.csv",
        (("gender", "0"), ("age", "0"), ("measure", "1"), VALUE, _select("date_code", "geography_code")),
    )  # fmt: skip
    newest = [replace(page, period=_date_of(page)) for page in _by_area(client, _at(fixed, "latest"), scope.wards)]
    last = newest[0].period
    since = scope.since or month_before(last, 12)
    *earlier, _ = months_between(min(since, last), last)
    for month in earlier:
        settled = replace(_at(fixed, month), period=month, settled=month != month_before(last, 1))
        yield from _by_area(client, settled, scope.wards)
    yield from newest


def parse_claimants(downloads: Sequence[Download], scope: Scope) -> pd.DataFrame:
    """Claimants by ward and month; null where the count is suppressed.

    Raises:
        SpiError: as for ``parse_census``.
    """
    rows = _rows(downloads, {"area_code": "GEOGRAPHY_CODE", "month": "DATE_CODE"}, scope.wards, scope)
    return _wide(rows.assign(column="claimants"), ["area_code", "month"], ["claimants"], downloads[0].name)


def _select(*columns: str) -> tuple[str, str]:
    return "select", ",".join([*columns, "obs_value", "obs_status", "record_offset", "record_count"])


def _at(request: Request, date: str) -> Request:
    return replace(request, params=(("date", date), *request.params))


def _by_area(client: Client, request: Request, areas: Sequence[str]) -> Iterator[Download]:
    """Every page of a request, for all areas: as many codes at a time as an address holds."""
    if not areas:
        raise SpiError(f"no area is known for which to ask {PUBLISHER}; fetch the lookups of small areas first")
    for start in range(0, len(areas), CODES_A_REQUEST):
        codes = areas[start : start + CODES_A_REQUEST]
        asked = replace(request, params=(*request.params, ("geography", ",".join(codes))))
        read, count = 0, 1
        while read < count:
            page = replace(asked, params=(*asked.params, ("RecordLimit", str(ROW_LIMIT)), ("RecordOffset", str(read))))
            download = client.get(page, check=partial(_check_page, name=f"{request.path} of {PUBLISHER}", read=read))
            yield download
            rows, count = _extent(download.path, download.name)
            read += rows


def _check_page(path: Path, name: str, read: int) -> None:
    """A page holds rows, and as many as may be expected."""
    try:
        rows, count = _extent(path, name)
    except SpiError as error:
        raise PermanentFailure(str(error)) from error
    if not rows:
        raise PermanentFailure(f"{name} answered no row, as it does for codes it does not know; see its geography")
    if rows < min(ROW_LIMIT, count - read):
        raise TransientFailure(f"{name} answered {rows:,} of {count - read:,} rows (RECORD_COUNT); ask again")


def _extent(path: Path, name: str) -> tuple[int, int]:
    """How many rows a page has, and how many the whole answer (``RECORD_COUNT``)."""
    with path.open("rb") as stream:
        counts = text_rows(stream, name, PUBLISHER, {"count": "RECORD_COUNT"})["count"]
    return len(counts), int(counts.iloc[0]) if len(counts) else 0


def _date_of(download: Download) -> str:
    with download.path.open("rb") as stream:
        return str(text_rows(stream, download.name, PUBLISHER, {"date": "DATE_CODE"})["date"].iloc[0])


def _rows(
    downloads: Sequence[Download], columns: Mapping[str, str], areas: Collection[str], scope: Scope
) -> pd.DataFrame:
    """The rows of all pages with ``value``, whole and of the areas asked for."""
    wanted = {**columns, "value": "OBS_VALUE", "count": "RECORD_COUNT"}
    pages: dict[tuple[object, ...], list[pd.DataFrame]] = {}
    for download in downloads:
        with download.path.open("rb") as stream:
            pages.setdefault(_question(download), []).append(text_rows(stream, download.name, PUBLISHER, wanted))
    answers = []
    for found in pages.values():
        answer = pd.concat(found, ignore_index=True).drop_duplicates()
        count = int(answer["count"].iloc[0]) if len(answer) else 0
        if len(answer) != count:
            raise SpiError(
                f"{downloads[0].name} of {PUBLISHER} holds {len(answer):,} of {count:,} rows (column RECORD_COUNT), as "
                f"an answer cut off at {ROW_LIMIT:,} does; fetch it again with all its pages"
            )
        answers.append(answer)
    rows = pd.concat(answers, ignore_index=True)
    former = dict.fromkeys(scope.former_wards, "a former ward")
    check_area_codes(rows["area_code"].unique(), areas, former, f"{downloads[0].name} of {PUBLISHER}")
    absent = sorted(set(areas) - set(rows["area_code"]))
    if absent:
        raise SpiError(
            f"{downloads[0].name} of {PUBLISHER} lacks {len(absent)} of {len(areas)} areas, {listed(absent)}; "
            "fetch it again, or compare its geography with ours"
        )
    return whole_numbers(rows, ["value"], downloads[0].name)


def _question(download: Download) -> tuple[object, ...]:
    """What a page is part of the answer to; files without an address are pages of one question."""
    asked = parse_qsl(urlsplit(download.url).query)
    return tuple(pair for pair in asked if pair[0].lower() != "recordoffset")


def _columns_by_label(found: Sequence[str], labels: Mapping[str, str], name: str) -> dict[str, str]:
    """Our column of each published label that we want."""
    last = {label: str(label).replace("−", "-").rsplit(": ", 1)[-1].casefold() for label in found}
    columns = {}
    for column, wanted in labels.items():
        if wanted == TOTAL:
            match = [label for label in found if str(label).startswith(TOTAL)]
        else:
            match = [label for label, end in last.items() if end == wanted.casefold()]
        if len(match) != 1:
            raise SpiError(
                f"{name} of {PUBLISHER} has {len(match)} categories {wanted!r}, it has {listed([*map(str, found)])}; "
                "compare the table's id and labels with spi_pipeline/sources/nomis.py"
            )
        columns[match[0]] = column
    return columns


def _wide(rows: pd.DataFrame, key: list[str], columns: list[str], name: str) -> pd.DataFrame:
    """One row a key, every column there for each."""
    repeated = rows[rows.duplicated([*key, "column"])]
    if len(repeated):
        said = ", ".join(map(str, repeated.iloc[0][key]))
        raise SpiError(f"{name} of {PUBLISHER} holds {said} twice, with different figures; fetch it again")
    wide = rows.pivot(index=key, columns="column", values="value").rename_axis(columns=None).reset_index()
    met = rows.groupby(key).size()
    if (met != len(columns)).any():
        short = met[met != len(columns)]
        raise SpiError(
            f"{name} of {PUBLISHER} lacks categories of {len(short)} areas ({short.index[0]}); fetch it again"
        )
    return wide[[*key, *columns]]


FETCHERS = {
    **{
        source_id: Fetcher(parse=partial(parse_census, table), fetch=partial(fetch_census, table))
        for source_id, table in CENSUS.items()
    },
    "population": Fetcher(parse=parse_population, fetch=fetch_population),
    "claimant_count": Fetcher(parse=parse_claimants, fetch=fetch_claimants),
}
