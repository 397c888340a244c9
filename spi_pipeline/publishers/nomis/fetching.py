"""Nomis: the requests.

Faults behind status 200: a response of more than 25,000 rows is cut off (``RECORD_COUNT`` gives their number), unknown
codes bring an empty body, and the "2022 wards" are Luton's former wards. So areas are requested by code, and the rows
of every page are counted. Nomis chooses the length of a page, which is larger with a key, so that a request has the
same address with and without a key.

For many areas, all areas of a type are requested, or for a census table the zip that ``bulk`` reads. ``parsing`` reads
the other responses.
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
from spi_pipeline.publishers.nomis.parsing import AGES, extent
from spi_pipeline.publishers.nomis.tables import PUBLISHER, census_table
from spi_pipeline.publishers.routes import Route

NOMIS = Host("NOMIS", "https://www.nomisweb.co.uk", empty_is_final=True)
# A URL should stay below 8 kB; a code takes ten characters with its comma.
CODES_A_REQUEST = 400
# A row has 60 to 90 bytes, and a table has one to nineteen rows per area; its zip has 1.5 to 4.1 MB.
CENSUS_ROUTE = Route(1 / CODES_A_REQUEST, area=500, pages=1, whole=3 * MEGABYTE)
# Four rows of 40 bytes for each of the 35,672 LSOAs of England and Wales.
POPULATION_ROUTE = Route(1 / CODES_A_REQUEST, area=160, pages=6, whole=35_672 * 160)
# Per month: one row for each of some 8,400 wards.
CLAIMANTS_ROUTE = Route(1 / CODES_A_REQUEST, area=40, pages=1, whole=8_400 * 40)
# The LSOAs of 2021 in NM_2014_1, as other clients request them.
LSOAS = "TYPE151"
VALUE = ("measures", "20100")


def fetch_census(source_id: str, client: Client, scope: Scope) -> Iterator[Download]:
    """Fetch all categories of a table for every area of its level, or the table's zip if these are many."""
    table = census_table(source_id, scope)
    areas = getattr(scope, table.level)
    if CENSUS_ROUTE.in_bulk(len(areas)):
        archive = Request(
            NOMIS, f"/output/census/2021/census2021-{table.bulk}.zip", media=("zip",), period="2021-03-21",
            immutable=True,
        )  # fmt: skip
        yield client.get(archive, check=partial(bulk.check, table))
        return
    selected = _select("geography_code", table.dimension, f"{table.dimension}_name")
    fixed = Request(
        NOMIS, f"/api/v01/dataset/{table.dataset}.data.csv", (("date", "latest"), VALUE, selected),
        period="2021-03-21", immutable=True, secret=_key(scope),
    )  # fmt: skip
    yield from _by_area(client, fixed, areas)


def fetch_population(client: Client, scope: Scope) -> Iterator[Download]:
    """Fetch the newest estimates of small areas."""
    fixed = Request(
        NOMIS, "/api/v01/dataset/NM_2014_1.data.csv",
        (("date", "latest"), ("gender", "0"), ("c_age", ",".join(AGES.values())), VALUE,
         _select("date_code", "geography_code", "c_age")), secret=_key(scope),
    )  # fmt: skip
    kind = LSOAS if POPULATION_ROUTE.in_bulk(len(scope.lsoas)) else ""
    for page in _by_area(client, fixed, scope.lsoas, kind):
        yield replace(page, period=_date_of(page))


def fetch_claimants(client: Client, scope: Scope) -> Iterator[Download]:
    """Fetch claimants of every ward, month by month: from the first month requested, or the newest 13 and stored ones.

    The newest month is revised with the release of the next, so all but the two newest are immutable.
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
        request = replace(_at(fixed, month), period=month, immutable=month != month_before(last, 1))
        yield from _by_area(client, request, scope.wards, kind)
    yield from newest


def _type_of_wards(client: Client, of_latest: Request, wards: Sequence[str]) -> str:
    """Return the type of area that holds all our wards; empty if none of the data set's three newest types does.

    Types differ between data sets and no public client names the type of these wards, so the data set's list of types
    is fetched.
    """
    listing = replace(of_latest, path=f"{of_latest.path.removesuffix('.data.csv')}/geography/TYPE.def.sdmx.json")
    try:
        types = client.read_json(replace(listing, params=()))
        codes = [code for one in types["structure"]["codelists"]["codelist"] for code in one["code"]]
        named = {str(code["value"]): str(code["description"]["value"]) for code in codes}
    except (PermanentFailure, KeyError, TypeError):
        return ""  # the wards are then requested by their codes, which takes longer
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
    codes: set[str] = set()
    for page in pages:
        with page.path.open("rb") as stream:
            codes |= set(text_rows(stream, page.name, PUBLISHER, {"area": "GEOGRAPHY_CODE"})["area"])
    return codes


def _key(scope: Scope) -> Pairs:
    """Return the user's key as the parameter that Nomis expects; empty without a key."""
    return (("uid", scope.keys[NOMIS.name]),) if NOMIS.name in scope.keys else ()


def _select(*columns: str) -> tuple[str, str]:
    return "select", ",".join([*columns, "obs_value", "obs_status", "record_count"])


def _at(request: Request, date: str) -> Request:
    return replace(request, params=(("date", date), *request.params))


def _by_area(client: Client, request: Request, areas: Sequence[str], kind: str = "") -> Iterator[Download]:
    """Fetch every page of a request, for a type of area or else for our areas, as many codes as fit into an address."""
    if not areas:
        raise SpiError(
            f"{PUBLISHER} needs the lookups of small areas, which are not in the store; run spi refresh --live"
        )
    starts = range(0, len(areas), CODES_A_REQUEST)
    for geography in [kind] if kind else [",".join(areas[start : start + CODES_A_REQUEST]) for start in starts]:
        query = replace(request, params=(*request.params, ("geography", geography)))
        read, count = 0, 1
        while read < count:
            page = replace(query, params=(*query.params, ("RecordOffset", str(read))))
            extents: list[tuple[int, int]] = []
            name = request.path.rsplit("/", 1)[-1]
            download = client.get(page, check=partial(_check_page, name=name, read=read, extents=extents))
            yield download
            # The check does not run again for a stored page.
            rows, count = extents[-1] if extents else extent(download.path, download.name)
            read += rows


def _check_page(path: Path, name: str, read: int, extents: list[tuple[int, int]]) -> None:
    """Check that a page holds rows, and append its extent to ``extents``, from which the next page is requested."""
    try:
        extents.append(extent(path, name))
    except SpiError as error:
        raise PermanentFailure(str(error)) from error
    rows, _ = extents[-1]
    if not rows and read:
        raise TransientFailure(f"{PUBLISHER} returned {read:,} rows of more (RECORD_COUNT) and then none")
    if not rows:
        raise PermanentFailure(f"{name} of {PUBLISHER} has no row, as for unknown codes; see its geography")


def _date_of(download: Download) -> str:
    with download.path.open("rb") as stream:
        date = text_rows(stream, download.name, PUBLISHER, {"date": "DATE_CODE"})["date"].iloc[0]
    if not isinstance(date, str) or not re.fullmatch(rf"20\d\d|{MONTH}", date):
        raise PermanentFailure(f"{download.name} of {PUBLISHER} has no valid date (DATE_CODE); download it again")
    return date
