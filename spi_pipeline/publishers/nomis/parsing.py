"""Nomis: parses the responses to the requests of ``fetching``; ``bulk`` reads a census table from a zip.

A response must hold exactly the areas requested; from a response for a whole type of area, only our areas are taken.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.geography.codes import check_area_codes
from spi_pipeline.publishers.files.reading import begins, header_of, numbers, text_rows, whole_numbers, years
from spi_pipeline.publishers.http.exchange import Download, Scope
from spi_pipeline.publishers.nomis import bulk
from spi_pipeline.publishers.nomis.tables import PUBLISHER, Table, census_table, check_whole, columns_of, with_derived

# By our column, the published one: of every table, then of some.
FIGURES = {"value": "OBS_VALUE", "count": "RECORD_COUNT"}
AREA = {"area_code": "GEOGRAPHY_CODE"}
POPULATION_COLUMNS = {**AREA, "year": "DATE_CODE", "age": "C_AGE"}
CLAIMANTS_COLUMNS = {**AREA, "month": "DATE_CODE"}
AGES = {"residents": "200", "aged_0_15": "201", "aged_16_64": "203", "aged_65_and_over": "209"}


def parse_census(source_id: str, downloads: Sequence[Download], scope: Scope) -> pd.DataFrame:
    """Return one row per area and one column per category.

    Raises:
        SpiError: when the response is cut off, areas are missing or were not requested, or a label is missing.
    """
    table = census_table(source_id, scope)
    areas = getattr(scope, table.level)
    if begins(downloads[0].path) == b"P":
        frame = bulk.read(table, downloads[0], areas)
    else:
        frame = _by_category(table, downloads, areas, scope)
    for column, parts in table.sums.items():
        frame[column] = frame[list(parts)].sum(axis=1, skipna=False)
        frame = frame.drop(columns=list(parts))
    return with_derived(table, frame)


def _by_category(table: Table, downloads: Sequence[Download], areas: Collection[str], scope: Scope) -> pd.DataFrame:
    """Return one row per area and one column per category, from responses with one row per category."""
    name = downloads[0].name
    category = _category(downloads[0], table)
    rows = _rows(downloads, {**AREA, **category}, areas, scope)
    if "label" not in rows:
        rows["label"] = ""
    rows["label"] = rows["label"].fillna("")
    categories = rows.drop_duplicates("label").reindex(columns=["label", "code"])
    # Codes of subdivisions may begin with an underscore.
    codes = pd.to_numeric(categories["code"].astype("string").str.strip().str.removeprefix("_"), errors="coerce")
    code_of = {
        label: None if pd.isna(code) else int(code) for label, code in zip(categories["label"], codes, strict=True)
    }
    rows["column"] = rows["label"].map(columns_of(table, code_of, name))
    return _wide(rows.dropna(subset=["column"]), ["area_code"], list(table.labels), name)


def _category(download: Download, table: Table) -> dict[str, str]:
    """Return the columns that hold the categories of a response, ``label`` and perhaps ``code``.

    There is neither if the table has one category and its dimension was not requested.
    """
    with download.path.open("rb") as stream:
        header = [column.strip().upper() for column in header_of(stream, download.name, PUBLISHER)]
    label, code = f"{table.dimension}_NAME".upper(), table.dimension.upper()
    wanted = {"label": label} if label in header or len(table.labels) > 1 else {}
    return wanted | ({"code": code} if code in header else {})


def parse_population(downloads: Sequence[Download], scope: Scope) -> pd.DataFrame:
    """Return residents of each LSOA by broad age.

    Raises:
        SpiError: as for ``parse_census``.
    """
    rows = _rows(downloads, POPULATION_COLUMNS, scope.lsoas, scope)
    rows = rows.assign(year=years(rows["year"], downloads[0].name, "DATE_CODE"))
    ours = {code: column for column, code in AGES.items()}
    return _wide(rows.assign(column=rows["age"].map(ours)), ["area_code", "year"], list(AGES), downloads[0].name)


def parse_claimants(downloads: Sequence[Download], scope: Scope) -> pd.DataFrame:
    """Return claimants by ward and month; null if the count is suppressed.

    Raises:
        SpiError: as for ``parse_census``.
    """
    rows = _rows(downloads, CLAIMANTS_COLUMNS, scope.wards, scope)
    return _wide(rows.assign(column="claimants"), ["area_code", "month"], ["claimants"], downloads[0].name)


def extent(path: Path, name: str) -> tuple[int, int]:
    """Return the number of rows of a page, and of the whole response (``RECORD_COUNT``)."""
    with path.open("rb") as stream:
        counts = text_rows(stream, name, PUBLISHER, {"count": "RECORD_COUNT"})["count"]
    return len(counts), _count(counts, name)


def _count(counts: pd.Series, name: str) -> int:
    """Return the value of ``RECORD_COUNT``, which may be written as 25 or as 25.0."""
    values = set(numbers(counts, name, "RECORD_COUNT").dropna())
    if len(values) > 1 or (len(counts) and not values):
        raise SpiError(f"{name} of {PUBLISHER} has no one number of rows (RECORD_COUNT); download it again")
    return int(values.pop()) if values else 0


def _rows(
    downloads: Sequence[Download], columns: Mapping[str, str], areas: Collection[str], scope: Scope
) -> pd.DataFrame:
    """Return the rows of all pages with ``value``, complete and of the areas requested."""
    wanted = {**columns, **FIGURES}
    pages: dict[tuple[tuple[str, str], ...], list[pd.DataFrame]] = {}
    for download in downloads:
        with download.path.open("rb") as stream:
            pages.setdefault(_query(download), []).append(text_rows(stream, download.name, PUBLISHER, wanted))
    frames = []
    for query, parts in pages.items():
        frame = pd.concat(parts, ignore_index=True).drop_duplicates()
        count = _count(frame["count"], downloads[0].name)
        if not count:
            raise SpiError(f"{downloads[0].name} of {PUBLISHER} has a response without a row; download it again")
        if len(frame) != count:
            raise SpiError(
                f"{downloads[0].name} of {PUBLISHER} holds {len(frame):,} of {count:,} rows (column RECORD_COUNT), as "
                f"a response cut off at 25,000 does; download it again with all its pages"
            )
        whole = any(pair[0] == "geography" and pair[1].startswith("TYPE") for pair in query)
        frames.append(frame[frame["area_code"].isin(areas)] if whole else frame)
    rows = pd.concat(frames, ignore_index=True)
    former = dict.fromkeys(scope.former_wards, "a former ward")
    check_area_codes(rows["area_code"].unique(), areas, former, f"{downloads[0].name} of {PUBLISHER}")
    check_whole(rows["area_code"], areas, downloads[0].name)
    return whole_numbers(rows, ["value"], downloads[0].name)


def _query(download: Download) -> tuple[tuple[str, str], ...]:
    """Return the query that a page belongs to; files without an address count as pages of one query."""
    params = parse_qsl(urlsplit(download.url).query)
    return tuple(pair for pair in params if pair[0] != "RecordOffset")


def _wide(rows: pd.DataFrame, key: list[str], columns: list[str], name: str) -> pd.DataFrame:
    """Return one row per key, with every column filled."""
    repeated = rows[rows.duplicated([*key, "column"])]
    if len(repeated):
        first = ", ".join(map(str, repeated.iloc[0][key]))
        raise SpiError(f"{name} of {PUBLISHER} holds {first} twice, with different figures; download it again")
    wide = rows.pivot(index=key, columns="column", values="value").rename_axis(columns=None).reset_index()
    sizes = rows.groupby(key).size()
    if (sizes != len(columns)).any():
        short = sizes[sizes != len(columns)]
        raise SpiError(
            f"{name} of {PUBLISHER} lacks categories of {len(short)} areas ({short.index[0]}); download it again"
        )
    return wide[[*key, *columns]]
