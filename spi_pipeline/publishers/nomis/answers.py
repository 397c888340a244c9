"""Nomis: what is asked for, and how its answers are read.

What its dialect hides, with status 200: an answer of more than 25,000 rows is cut off (``RECORD_COUNT`` says how many
there are), unknown codes give an empty body, and its "2022 wards" are Luton's former ones. So areas are asked for by
code, every page is counted, and the answer must hold exactly the areas asked for. How long a page is, more with a key,
is left to Nomis, so that the same question has the same address with and without one.

Where many areas are wanted, a type of area is asked for with all its areas, or a census table as the zip of ``bulk``;
what is not ours in it is left out.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.geography.codes import check_area_codes
from spi_pipeline.publishers.files.months import month_before, months_between
from spi_pipeline.publishers.files.reading import begins, header_of, numbers, text_rows, whole_numbers
from spi_pipeline.publishers.http.exchange import (
    MEGABYTE,
    Client,
    Download,
    Host,
    PermanentFailure,
    Request,
    Scope,
    TransientFailure,
)
from spi_pipeline.publishers.nomis import bulk
from spi_pipeline.publishers.nomis.tables import CENSUS, PUBLISHER, Table, check_whole, columns_of
from spi_pipeline.publishers.routes import Route

NOMIS = Host("NOMIS", "https://www.nomisweb.co.uk", empty_is_final=True)
ROW_LIMIT = 25_000
# A URL should stay below 8 kB; a code takes ten characters with its comma.
CODES_A_REQUEST = 400
# A row takes 60 to 90 bytes, and a table has one row to nineteen an area; its zip has 1.5 to 4.1 MB.
CENSUS_ROUTE = Route(CODES_A_REQUEST, area=500, pages=1, whole=3 * MEGABYTE)
# Four rows of 40 bytes for each of the 35,672 LSOAs of England and Wales.
POPULATION_ROUTE = Route(CODES_A_REQUEST, area=160, pages=6, whole=35_672 * 160)
# A month: one row for each of some 8,400 wards.
CLAIMANTS_ROUTE = Route(CODES_A_REQUEST, area=40, pages=1, whole=8_400 * 40)
# The LSOAs of 2021 in NM_2014_1, as other clients ask for them.
LSOAS = "TYPE151"
VALUE = ("measures", "20100")
AGES = {"residents": "200", "aged_0_15": "201", "aged_16_64": "203", "aged_65_and_over": "209"}


def fetch_census(source_id: str, client: Client, scope: Scope) -> Iterator[Download]:
    """All categories of a table for every area of its level; where these are many, the table's zip."""
    table = CENSUS[source_id]
    areas = getattr(scope, table.level)
    if CENSUS_ROUTE.in_bulk(len(areas)):
        archive = Request(
            NOMIS, f"/output/census/2021/census2021-{table.bulk}.zip", media=("zip",), period="2021-03-21", settled=True
        )  # fmt: skip
        yield client.get(archive, check=partial(bulk.check, table))
        return
    selected = _select("geography_code", table.dimension, f"{table.dimension}_name")
    fixed = Request(
        NOMIS, f"/api/v01/dataset/{table.dataset}.data.csv", (("date", "latest"), VALUE, selected),
        period="2021-03-21", settled=True,
    )  # fmt: skip
    yield from _by_area(client, fixed, areas)


def parse_census(source_id: str, downloads: Sequence[Download], scope: Scope) -> pd.DataFrame:
    """One row an area, one column a category.

    Raises:
        SpiError: when the answer was cut, areas are missing or others than those asked for, or a label is not there.
    """
    table, areas = CENSUS[source_id], getattr(scope, CENSUS[source_id].level)
    if begins(downloads[0].path) == b"P":
        frame = bulk.read(table, downloads[0], areas)
    else:
        frame = _by_category(table, downloads, areas, scope)
    for column, parts in table.sums.items():
        frame[column] = frame[list(parts)].sum(axis=1, skipna=False)
        frame = frame.drop(columns=list(parts))
    return frame


def _by_category(table: Table, downloads: Sequence[Download], areas: Collection[str], scope: Scope) -> pd.DataFrame:
    """One row an area and one column a category of the answers, in which each category has a row."""
    name = downloads[0].name
    told = _category(downloads[0], table)
    rows = _rows(downloads, {"area_code": "GEOGRAPHY_CODE", **told}, areas, scope)
    if "label" not in rows:
        rows["label"] = ""
    rows["label"] = rows["label"].fillna("")
    # Codes of subdivisions have been seen with an underscore before them.
    codes = pd.to_numeric(rows["code"].str.strip().str.removeprefix("_"), errors="coerce") if "code" in rows else None
    found = {
        label: None if codes is None or pd.isna(codes[at]) else int(codes[at])
        for at, label in rows.drop_duplicates("label")["label"].items()
    }
    rows["column"] = rows["label"].map(columns_of(table, found, name))
    return _wide(rows.dropna(subset=["column"]), ["area_code"], list(table.labels), name)


def _category(download: Download, table: Table) -> dict[str, str]:
    """The columns that hold an answer's categories, ``label`` and perhaps ``code``.

    Neither where the table has one category and its dimension was not asked for.
    """
    with download.path.open("rb") as stream:
        header = [column.strip().upper() for column in header_of(stream, download.name, PUBLISHER)]
    label, code = f"{table.dimension}_NAME".upper(), table.dimension.upper()
    wanted = {"label": label} if label in header or len(table.labels) > 1 else {}
    return wanted | ({"code": code} if code in header else {})


def fetch_population(client: Client, scope: Scope) -> Iterator[Download]:
    """The newest estimates of small areas."""
    fixed = Request(
        NOMIS, "/api/v01/dataset/NM_2014_1.data.csv",
        (("date", "latest"), ("gender", "0"), ("c_age", ",".join(AGES.values())), VALUE,
         _select("date_code", "geography_code", "c_age")),
    )  # fmt: skip
    kind = LSOAS if POPULATION_ROUTE.in_bulk(len(scope.lsoas)) else ""
    for page in _by_area(client, fixed, scope.lsoas, kind):
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
    """Claimants of every ward, month by month: since when wanted, else the newest thirteen and those had before.

    The newest month is revised with the next one's release, so all but the two newest are settled.
    """
    fixed = Request(
        NOMIS, "/api/v01/dataset/NM_162_1.data.csv",
        (("gender", "0"), ("age", "0"), ("measure", "1"), VALUE, _select("date_code", "geography_code")),
    )  # fmt: skip
    of_latest = _at(fixed, "latest")
    kind = _type_of_wards(client, of_latest, scope.wards) if CLAIMANTS_ROUTE.in_bulk(len(scope.wards)) else ""
    newest = [replace(page, period=_date_of(page)) for page in _by_area(client, of_latest, scope.wards, kind)]
    last = newest[0].period
    since = scope.since or min([month_before(last, 12), *(one.period for one in scope.have if one.period)])
    *earlier, _ = months_between(min(since, last), last)
    for month in earlier:
        settled = replace(_at(fixed, month), period=month, settled=month != month_before(last, 1))
        yield from _by_area(client, settled, scope.wards, kind)
    yield from newest


def _type_of_wards(client: Client, of_latest: Request, wards: Sequence[str]) -> str:
    """The type of area that holds all our wards; empty where none of the data set's three newest does.

    Types differ between data sets and no client names the one of these wards, so the data set is asked which it has.
    """
    listing = replace(of_latest, path=f"{of_latest.path.removesuffix('.data.csv')}/geography/TYPE.def.sdmx.json")
    try:
        answer = client.read_json(replace(listing, params=()))
        codes = [code for one in answer["structure"]["codelists"]["codelist"] for code in one["code"]]
        named = {str(code["value"]): str(code["description"]["value"]) for code in codes}
    except (PermanentFailure, KeyError, TypeError):
        return ""  # the wards are asked for by their codes, which takes longer
    newest = sorted(
        (kind for kind, name in named.items() if "ward" in name.lower()),
        key=lambda kind: max(re.findall(r"20\d\d", named[kind]), default=""),
        reverse=True,
    )
    for kind in newest[:3]:
        if set(wards) <= _codes_of(_by_area(client, of_latest, wards, kind)):
            return kind
    return ""


def _codes_of(pages: Iterator[Download]) -> set[str]:
    found: set[str] = set()
    for page in pages:
        with page.path.open("rb") as stream:
            found |= set(text_rows(stream, page.name, PUBLISHER, {"area": "GEOGRAPHY_CODE"})["area"])
    return found


def parse_claimants(downloads: Sequence[Download], scope: Scope) -> pd.DataFrame:
    """Claimants by ward and month; null where the count is suppressed.

    Raises:
        SpiError: as for ``parse_census``.
    """
    rows = _rows(downloads, {"area_code": "GEOGRAPHY_CODE", "month": "DATE_CODE"}, scope.wards, scope)
    return _wide(rows.assign(column="claimants"), ["area_code", "month"], ["claimants"], downloads[0].name)


def _select(*columns: str) -> tuple[str, str]:
    return "select", ",".join([*columns, "obs_value", "obs_status", "record_count"])


def _at(request: Request, date: str) -> Request:
    return replace(request, params=(("date", date), *request.params))


def _by_area(client: Client, request: Request, areas: Sequence[str], kind: str = "") -> Iterator[Download]:
    """Every page of a request, for a type of area, else for our areas: as many codes at a time as an address holds."""
    if not areas:
        raise SpiError(f"no area is known for which to ask {PUBLISHER}; fetch the lookups of small areas first")
    starts = range(0, len(areas), CODES_A_REQUEST)
    for geography in [kind] if kind else [",".join(areas[start : start + CODES_A_REQUEST]) for start in starts]:
        asked = replace(request, params=(*request.params, ("geography", geography)))
        read, count = 0, 1
        while read < count:
            page = replace(asked, params=(*asked.params, ("RecordOffset", str(read))))
            download = client.get(page, check=partial(_check_page, name=request.path.rsplit("/", 1)[-1], read=read))
            yield download
            rows, count = _extent(download.path, download.name)
            read += rows


def _check_page(path: Path, name: str, read: int) -> None:
    """A page holds rows. How many is the publisher's affair: those that are left are asked for next."""
    try:
        rows, _ = _extent(path, name)
    except SpiError as error:
        raise PermanentFailure(str(error)) from error
    if not rows and read:
        raise TransientFailure(f"{PUBLISHER} answered {read:,} rows of more (RECORD_COUNT) and then none; ask again")
    if not rows:
        raise PermanentFailure(f"{name} of {PUBLISHER} has no row, as for codes it does not know; see its geography")


def _extent(path: Path, name: str) -> tuple[int, int]:
    """How many rows a page has, and how many the whole answer (``RECORD_COUNT``)."""
    with path.open("rb") as stream:
        counts = text_rows(stream, name, PUBLISHER, {"count": "RECORD_COUNT"})["count"]
    return len(counts), _count(counts, name)


def _count(counts: pd.Series, name: str) -> int:
    """What ``RECORD_COUNT`` says, which came as 25 and as 25.0."""
    told = set(numbers(counts, name, "RECORD_COUNT").dropna())
    if len(told) > 1 or (len(counts) and not told):
        raise SpiError(f"{name} of {PUBLISHER} does not tell its number of rows (RECORD_COUNT); ask again")
    return int(told.pop()) if told else 0


def _date_of(download: Download) -> str:
    with download.path.open("rb") as stream:
        return str(text_rows(stream, download.name, PUBLISHER, {"date": "DATE_CODE"})["date"].iloc[0])


def _rows(
    downloads: Sequence[Download], columns: Mapping[str, str], areas: Collection[str], scope: Scope
) -> pd.DataFrame:
    """The rows of all pages with ``value``, whole and of the areas asked for."""
    wanted = {**columns, "value": "OBS_VALUE", "count": "RECORD_COUNT"}
    pages: dict[tuple[tuple[str, str], ...], list[pd.DataFrame]] = {}
    for download in downloads:
        with download.path.open("rb") as stream:
            pages.setdefault(_question(download), []).append(text_rows(stream, download.name, PUBLISHER, wanted))
    answers = []
    for question, found in pages.items():
        answer = pd.concat(found, ignore_index=True).drop_duplicates()
        count = _count(answer["count"], downloads[0].name)
        if len(answer) != count:
            raise SpiError(
                f"{downloads[0].name} of {PUBLISHER} holds {len(answer):,} of {count:,} rows (column RECORD_COUNT), as "
                f"an answer cut off at {ROW_LIMIT:,} does; fetch it again with all its pages"
            )
        whole = any(pair[0] == "geography" and pair[1].startswith("TYPE") for pair in question)
        answers.append(answer[answer["area_code"].isin(areas)] if whole else answer)
    rows = pd.concat(answers, ignore_index=True)
    former = dict.fromkeys(scope.former_wards, "a former ward")
    check_area_codes(rows["area_code"].unique(), areas, former, f"{downloads[0].name} of {PUBLISHER}")
    check_whole(rows["area_code"], areas, downloads[0].name)
    return whole_numbers(rows, ["value"], downloads[0].name)


def _question(download: Download) -> tuple[tuple[str, str], ...]:
    """What a page is part of the answer to; files without an address are pages of one question."""
    asked = parse_qsl(urlsplit(download.url).query)
    return tuple(pair for pair in asked if pair[0] != "RecordOffset")


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
