"""Nomis: what is asked for.

What its dialect hides, with status 200: an answer of more than 25,000 rows is cut off (``RECORD_COUNT`` says how many
there are), unknown codes give an empty body, and its "2022 wards" are Luton's former ones. So areas are asked for by
code, and every page is counted. How long a page is, more with a key, is left to Nomis, so that the same question has
the same address with and without one.

Where many areas are wanted, a type of area is asked for with all its areas, or a census table as the zip of ``bulk``.
How answers are read is in ``answers``.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.files.months import MONTH, month_before, months_between
from spi_pipeline.publishers.files.reading import text_rows
from spi_pipeline.publishers.http.exchange import (
    MEGABYTE,
    Client,
    Download,
    Host,
    Pairs,
    PermanentFailure,
    Request,
    Scope,
    TransientFailure,
)
from spi_pipeline.publishers.nomis import bulk
from spi_pipeline.publishers.nomis.answers import AGES, extent
from spi_pipeline.publishers.nomis.tables import PUBLISHER, census_table
from spi_pipeline.publishers.routes import Route

NOMIS = Host("NOMIS", "https://www.nomisweb.co.uk", empty_is_final=True)
# A URL should stay below 8 kB; a code takes ten characters with its comma.
CODES_A_REQUEST = 400
# A row takes 60 to 90 bytes, and a table has one row to nineteen an area; its zip has 1.5 to 4.1 MB.
CENSUS_ROUTE = Route(1 / CODES_A_REQUEST, area=500, pages=1, whole=3 * MEGABYTE)
# Four rows of 40 bytes for each of the 35,672 LSOAs of England and Wales.
POPULATION_ROUTE = Route(1 / CODES_A_REQUEST, area=160, pages=6, whole=35_672 * 160)
# A month: one row for each of some 8,400 wards.
CLAIMANTS_ROUTE = Route(1 / CODES_A_REQUEST, area=40, pages=1, whole=8_400 * 40)
# The LSOAs of 2021 in NM_2014_1, as other clients ask for them.
LSOAS = "TYPE151"
VALUE = ("measures", "20100")


def fetch_census(source_id: str, client: Client, scope: Scope) -> Iterator[Download]:
    """All categories of a table for every area of its level; where these are many, the table's zip."""
    table = census_table(source_id, scope)
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
        period="2021-03-21", settled=True, secret=_key(scope),
    )  # fmt: skip
    yield from _by_area(client, fixed, areas)


def fetch_population(client: Client, scope: Scope) -> Iterator[Download]:
    """The newest estimates of small areas."""
    fixed = Request(
        NOMIS, "/api/v01/dataset/NM_2014_1.data.csv",
        (("date", "latest"), ("gender", "0"), ("c_age", ",".join(AGES.values())), VALUE,
         _select("date_code", "geography_code", "c_age")), secret=_key(scope),
    )  # fmt: skip
    kind = LSOAS if POPULATION_ROUTE.in_bulk(len(scope.lsoas)) else ""
    for page in _by_area(client, fixed, scope.lsoas, kind):
        yield replace(page, period=_date_of(page))


def fetch_claimants(client: Client, scope: Scope) -> Iterator[Download]:
    """Claimants of every ward, month by month: since when wanted, else the newest thirteen and those had before.

    The newest month is revised with the next one's release, so all but the two newest are settled.
    """
    fixed = Request(
        NOMIS, "/api/v01/dataset/NM_162_1.data.csv",
        (("gender", "0"), ("age", "0"), ("measure", "1"), VALUE, _select("date_code", "geography_code")),
        secret=_key(scope),
    )  # fmt: skip
    of_latest = _at(fixed, "latest")
    kind = _type_of_wards(client, of_latest, scope.wards) if CLAIMANTS_ROUTE.in_bulk(len(scope.wards)) else ""
    newest = [replace(page, period=_date_of(page)) for page in _by_area(client, of_latest, scope.wards, kind)]
    last = newest[0].period
    since = scope.since or min([month_before(last, 12), *(one.period for one in scope.have if one.period)])
    *earlier, _ = months_between(min([since, last, *scope.only]), last)
    for month in (month for month in earlier if month in (scope.only or earlier)):
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
        with suppress(PermanentFailure):  # a type without figures of this month
            if set(wards) <= _codes_of(_by_area(client, of_latest, wards, kind)):
                return kind
    return ""


def _codes_of(pages: Iterator[Download]) -> set[str]:
    found: set[str] = set()
    for page in pages:
        with page.path.open("rb") as stream:
            found |= set(text_rows(stream, page.name, PUBLISHER, {"area": "GEOGRAPHY_CODE"})["area"])
    return found


def _key(scope: Scope) -> Pairs:
    """The key somebody has, as Nomis wants it told."""
    return (("uid", scope.keys[NOMIS.name]),) if NOMIS.name in scope.keys else ()


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
            told: list[tuple[int, int]] = []
            name = request.path.rsplit("/", 1)[-1]
            download = client.get(page, check=partial(_check_page, name=name, read=read, told=told))
            yield download
            # A page that was had before is not checked again.
            rows, count = told[-1] if told else extent(download.path, download.name)
            read += rows


def _check_page(path: Path, name: str, read: int, told: list[tuple[int, int]]) -> None:
    """A page holds rows; how many, which is the publisher's affair, goes into ``told``: the rest is asked for next."""
    try:
        told.append(extent(path, name))
    except SpiError as error:
        raise PermanentFailure(str(error)) from error
    rows, _ = told[-1]
    if not rows and read:
        raise TransientFailure(f"{PUBLISHER} answered {read:,} rows of more (RECORD_COUNT) and then none; ask again")
    if not rows:
        raise PermanentFailure(f"{name} of {PUBLISHER} has no row, as for codes it does not know; see its geography")


def _date_of(download: Download) -> str:
    with download.path.open("rb") as stream:
        date = text_rows(stream, download.name, PUBLISHER, {"date": "DATE_CODE"})["date"].iloc[0]
    if not isinstance(date, str) or not re.fullmatch(rf"20\d\d|{MONTH}", date):
        raise PermanentFailure(f"{download.name} of {PUBLISHER} tells no date (DATE_CODE); ask again")
    return date
