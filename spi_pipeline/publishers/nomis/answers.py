"""Nomis: how its answers are read; what is asked for is in ``asking``, and a census table as a zip in ``bulk``.

An answer must hold exactly the areas asked for; where a whole type of areas was, ours are taken out of it.
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
from spi_pipeline.publishers.nomis.tables import PUBLISHER, Table, census_table, check_whole, columns_of, with_beside

# By our column the published one: of every table, then of some.
FIGURES = {"value": "OBS_VALUE", "count": "RECORD_COUNT"}
AREA = {"area_code": "GEOGRAPHY_CODE"}
POPULATION_COLUMNS = {**AREA, "year": "DATE_CODE", "age": "C_AGE"}
CLAIMANTS_COLUMNS = {**AREA, "month": "DATE_CODE"}
AGES = {"residents": "200", "aged_0_15": "201", "aged_16_64": "203", "aged_65_and_over": "209"}


def parse_census(source_id: str, downloads: Sequence[Download], scope: Scope) -> pd.DataFrame:
    """One row an area, one column a category.

    Raises:
        SpiError: when the answer was cut, areas are missing or others than those asked for, or a label is not there.
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
    return with_beside(table, frame)


def _by_category(table: Table, downloads: Sequence[Download], areas: Collection[str], scope: Scope) -> pd.DataFrame:
    """One row an area and one column a category of the answers, in which each category has a row."""
    name = downloads[0].name
    told = _category(downloads[0], table)
    rows = _rows(downloads, {**AREA, **told}, areas, scope)
    if "label" not in rows:
        rows["label"] = ""
    rows["label"] = rows["label"].fillna("")
    met = rows.drop_duplicates("label").reindex(columns=["label", "code"])
    # Codes of subdivisions have been seen with an underscore before them.
    codes = pd.to_numeric(met["code"].astype("string").str.strip().str.removeprefix("_"), errors="coerce")
    found = {label: None if pd.isna(code) else int(code) for label, code in zip(met["label"], codes, strict=True)}
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


def parse_population(downloads: Sequence[Download], scope: Scope) -> pd.DataFrame:
    """Residents of each LSOA by broad age.

    Raises:
        SpiError: as for ``parse_census``.
    """
    rows = _rows(downloads, POPULATION_COLUMNS, scope.lsoas, scope)
    rows = rows.assign(year=years(rows["year"], downloads[0].name, "DATE_CODE"))
    ours = {code: column for column, code in AGES.items()}
    return _wide(rows.assign(column=rows["age"].map(ours)), ["area_code", "year"], list(AGES), downloads[0].name)


def parse_claimants(downloads: Sequence[Download], scope: Scope) -> pd.DataFrame:
    """Claimants by ward and month; null where the count is suppressed.

    Raises:
        SpiError: as for ``parse_census``.
    """
    rows = _rows(downloads, CLAIMANTS_COLUMNS, scope.wards, scope)
    return _wide(rows.assign(column="claimants"), ["area_code", "month"], ["claimants"], downloads[0].name)


def extent(path: Path, name: str) -> tuple[int, int]:
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


def _rows(
    downloads: Sequence[Download], columns: Mapping[str, str], areas: Collection[str], scope: Scope
) -> pd.DataFrame:
    """The rows of all pages with ``value``, whole and of the areas asked for."""
    wanted = {**columns, **FIGURES}
    pages: dict[tuple[tuple[str, str], ...], list[pd.DataFrame]] = {}
    for download in downloads:
        with download.path.open("rb") as stream:
            pages.setdefault(_question(download), []).append(text_rows(stream, download.name, PUBLISHER, wanted))
    answers = []
    for question, found in pages.items():
        answer = pd.concat(found, ignore_index=True).drop_duplicates()
        count = _count(answer["count"], downloads[0].name)
        if not count:
            raise SpiError(f"{downloads[0].name} of {PUBLISHER} has an answer without a row; fetch it again")
        if len(answer) != count:
            raise SpiError(
                f"{downloads[0].name} of {PUBLISHER} holds {len(answer):,} of {count:,} rows (column RECORD_COUNT), as "
                f"an answer cut off at 25,000 does; fetch it again with all its pages"
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
