"""Nomis: what is asked for, and how its answers are read.

What its dialect hides, with status 200: an answer of more than 25,000 rows is cut off (``RECORD_COUNT`` says how many
there are), unknown codes give an empty body, and its "2022 wards" are Luton's former ones. So areas are asked for by
code, every page is counted, and the answer must hold exactly the areas asked for.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.geography.codes import check_area_codes, listed
from spi_pipeline.publishers.files.months import month_before, months_between
from spi_pipeline.publishers.files.reading import header_of, numbers, text_rows, whole_numbers
from spi_pipeline.publishers.http.exchange import (
    Client,
    Download,
    Host,
    PermanentFailure,
    Request,
    Scope,
    TransientFailure,
)
from spi_pipeline.publishers.nomis.tables import CENSUS, columns_of

PUBLISHER = "Nomis"
NOMIS = Host("NOMIS", "https://www.nomisweb.co.uk", empty_is_final=True)
ROW_LIMIT = 25_000
# A URL should stay below 8 kB; a code takes ten characters with its comma.
CODES_A_REQUEST = 400
VALUE = ("measures", "20100")
# What stands in every answer beside the dimensions.
_NO_DIMENSIONS = {"DATE_NAME", "GEOGRAPHY_NAME", "MEASURES_NAME", "OBS_STATUS_NAME", "OBS_CONF_NAME"}
AGES = {"residents": "200", "aged_0_15": "201", "aged_16_64": "203", "aged_65_and_over": "209"}


def fetch_census(source_id: str, client: Client, scope: Scope) -> Iterator[Download]:
    """All categories of a table for every area of its level."""
    table = CENSUS[source_id]
    # Without a selection every column comes, and among them the dimension whose name is not documented.
    label = [table.dimension, f"{table.dimension}_name"]
    selected = (_select("geography_code", *label),) if table.dimension else ()
    fixed = Request(
        NOMIS, f"/api/v01/dataset/{table.dataset}.data.csv", (("date", "latest"), VALUE, *selected),
        period="2021-03-21", settled=True,
    )  # fmt: skip
    yield from _by_area(client, fixed, getattr(scope, table.level))


def parse_census(source_id: str, downloads: Sequence[Download], scope: Scope) -> pd.DataFrame:
    """One row an area, one column a category.

    Raises:
        SpiError: when the answer was cut, areas are missing or others than those asked for, or a label is not there.
    """
    table, name = CENSUS[source_id], downloads[0].name
    told = _category(downloads[0])
    rows = _rows(downloads, {"area_code": "GEOGRAPHY_CODE", **told}, getattr(scope, table.level), scope)
    if told:
        met = rows.drop_duplicates("label").dropna(subset=["label"])
        codes = (
            pd.to_numeric(met["code"], errors="coerce") if "code" in told else pd.Series(index=met.index, dtype=float)
        )
        found = {label: None if pd.isna(code) else int(code) for label, code in zip(met["label"], codes, strict=True)}
        rows["column"] = rows["label"].map(columns_of(table, found, name))
    else:
        rows["column"] = columns_of(table, {"": None}, name)[""]
    frame = _wide(rows.dropna(subset=["column"]), ["area_code"], list(table.labels), name)
    for column, parts in table.sums.items():
        frame[column] = frame[list(parts)].sum(axis=1, skipna=False)
        frame = frame.drop(columns=list(parts))
    return frame


def _category(download: Download) -> dict[str, str]:
    """The columns that hold an answer's categories, ``label`` and perhaps ``code``; none where it has no dimension."""
    with download.path.open("rb") as stream:
        header = [column.strip().upper() for column in header_of(stream, download.name, PUBLISHER)]
    named = [column for column in header if column.endswith("_NAME") and column not in _NO_DIMENSIONS]
    codes = [column.removesuffix("_NAME") for column in named[:1] if column.removesuffix("_NAME") in header]
    return dict(zip(("label", "code"), [*named[:1], *codes], strict=False))


def fetch_population(client: Client, scope: Scope) -> Iterator[Download]:
    """The newest estimates of small areas."""
    fixed = Request(
        NOMIS, "/api/v01/dataset/NM_2014_1.data.csv",
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
    """Claimants of every ward, month by month: since when wanted, else the newest thirteen and those had before.

    The newest month is revised with the next one's release, so all but the two newest are settled.
    """
    fixed = Request(
        NOMIS, "/api/v01/dataset/NM_162_1.data.csv",
        (("gender", "0"), ("age", "0"), ("measure", "1"), VALUE, _select("date_code", "geography_code")),
    )  # fmt: skip
    newest = [replace(page, period=_date_of(page)) for page in _by_area(client, _at(fixed, "latest"), scope.wards)]
    last = newest[0].period
    since = scope.since or min([month_before(last, 12), *(one.period for one in scope.have if one.period)])
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
    return "select", ",".join([*columns, "obs_value", "obs_status", "record_count"])


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
    pages: dict[tuple[object, ...], list[pd.DataFrame]] = {}
    for download in downloads:
        with download.path.open("rb") as stream:
            pages.setdefault(_question(download), []).append(text_rows(stream, download.name, PUBLISHER, wanted))
    answers = []
    for found in pages.values():
        answer = pd.concat(found, ignore_index=True).drop_duplicates()
        count = _count(answer["count"], downloads[0].name)
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
