"""OHID Fingertips: the Local Health indicators of small areas.

What its dialect hides, with status 200: of more than 100 ids the first 100 are answered; England and the parent stand
in every file, England often twice; breakdowns by category stand among the areas; small counts are empty cells with a
note.
Wards were withdrawn in 2025 and may come back on any vintage: they are used where all indicators are offered for them
and their codes are those in force, and MSOAs otherwise.
"""

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.geography.codes import listed
from spi_pipeline.publishers.files.reading import begins, json_of, numbers, text_rows
from spi_pipeline.publishers.http.exchange import Client, Download, Host, PermanentFailure, Request, Scope
from spi_pipeline.publishers.offer import Offer

PUBLISHER = "Fingertips"
FINGERTIPS = Host("FINGERTIPS", "https://fingertips.phe.org.uk/api")
MAX_IDS = 100
MSOA, WARD, AUTHORITY = 3, 8, 501
# By our column the indicator's id and the sex whose rows are read.
INDICATORS = {
    "life_expectancy_female": (93283, "Female"),
    "life_expectancy_male": (93283, "Male"),
    "deaths_under_75": (93252, "Persons"),
    "emergency_admissions": (93227, "Persons"),
    "self_harm_admissions": (93239, "Persons"),
    "alcohol_admissions": (93240, "Persons"),
    "reception_obesity": (93105, "Persons"),
    "year_6_obesity": (93107, "Persons"),
    "low_birth_weight": (93092, "Persons"),
}
IDS = tuple(sorted({number for number, _ in INDICATORS.values()}))
COLUMNS = {
    "id": "Indicator ID", "area_code": "Area Code", "sex": "Sex", "category": "Category Type", "period": "Time period",
    "value": "Value", "lower": "Lower CI 95.0 limit", "upper": "Upper CI 95.0 limit", "note": "Value note",
    "sortable": "Time period Sortable",
}  # fmt: skip
# Columns whose limits the index asks for.
LIMITED = ("life_expectancy", "emergency_admissions", "year_6_obesity")


def fetch(client: Client, scope: Scope, ids: Sequence[int] = IDS) -> Iterator[Download]:
    """When each indicator was uploaded, then the figures of our authorities, at most 100 indicators at a time."""
    # By indicator first: asked for an area type that it does not know, it may answer 500.
    if WARD in {one.get("AreaTypeId") for one in _available(client, "indicator_id", ids[-1])}:
        wards = _offered(client, WARD, ids)
        answers = list(_answers(client, scope, ids, WARD)) if len(wards) == len(ids) else []
        if answers and all(_of_wards_in_force(download, scope) for download in answers):
            yield from _dated(list(_metadata(client, ids)), answers)
            return
    offered = _offered(client, MSOA, ids)
    if not offered:
        raise PermanentFailure(f"{PUBLISHER} offers none of {listed([*map(str, ids)])} for MSOAs; see available_data")
    yield from _dated(list(_metadata(client, offered)), _answers(client, scope, offered, MSOA))


def parse(downloads: Sequence[Download], scope: Scope) -> pd.DataFrame:
    """The newest period of each indicator by area, in the row of the year it was released in; null where suppressed.

    Raises:
        SpiError: when a column is gone, two rows disagree on a figure, or no area is ours.
    """
    released: dict[str, int] = {}
    tables = []
    for download in downloads:
        if begins(download.path) == b"{":
            released |= {number: moment.year for number, moment in _uploaded(download).items()}
        else:
            tables.append(_rows(download, scope))
    rows = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=[*COLUMNS])
    if rows.empty:
        raise SpiError(f"no download of {PUBLISHER} holds a ward or MSOA of ours; fetch it with parent_area_code")
    found = set(rows["area_code"])
    absent = sorted({*(scope.wards if found & set(scope.wards) else scope.msoas)} - found)
    if absent:
        raise SpiError(f"{PUBLISHER} has no row for {len(absent)} areas of ours, {listed(absent)}; fetch it again")
    frames = [
        _newest(rows[(rows["id"] == str(number)) & (rows["sex"] == sex)], column, released.get(str(number)))
        for column, (number, sex) in INDICATORS.items()
    ]
    long = pd.concat(frames, ignore_index=True)
    value, lower, upper = (
        long.pivot(index=["area_code", "year"], columns="column", values=figure)
        .reindex(columns=list(INDICATORS))
        .astype("float64")
        for figure in ("value", "lower", "upper")
    )
    # Published for each sex alone; the sexes err independently, so the halves of their limits add as squares.
    women, men = "life_expectancy_female", "life_expectancy_male"
    wide = value.rename_axis(columns=None)
    wide.insert(0, "life_expectancy", (value[women] + value[men]) / 2)
    below, above = value - lower, upper - value
    lower["life_expectancy"] = wide["life_expectancy"] - np.hypot(below[women], below[men]) / 2
    upper["life_expectancy"] = wide["life_expectancy"] + np.hypot(above[women], above[men]) / 2
    for column in LIMITED:
        wide[f"{column}_lower"], wide[f"{column}_upper"] = lower[column], upper[column]
    return wide.reset_index()


def last_upload(client: Client, scope: Scope) -> str:
    """When each indicator was last uploaded."""
    answer = client.read_json(_metadata_request(IDS))
    try:
        told = {number: about["DataChange"]["LastUploadedAt"] for number, about in sorted(answer.items())}
    except (AttributeError, KeyError, TypeError) as error:
        raise PermanentFailure(f"{PUBLISHER} does not say when an indicator was uploaded; see its API") from error
    return json.dumps(told)


def _available(client: Client, by: str, number: int) -> list[dict[str, int]]:
    answer = client.read_json(Request(FINGERTIPS, "/available_data", ((by, str(number)),), media=("json",)))
    if not isinstance(answer, list) or not all(isinstance(one, dict) for one in answer):
        raise PermanentFailure(f"available_data of {PUBLISHER} does not list indicators any more; see its API")
    return answer


def _offered(client: Client, area_type: int, ids: Sequence[int]) -> list[int]:
    answer = _available(client, "area_type_id", area_type)
    found = {one.get("IndicatorId") for one in answer if one.get("AreaTypeId", area_type) == area_type}
    return [number for number in ids if number in found]


def _metadata_request(ids: Sequence[int]) -> Request:
    params = (("indicator_ids", ",".join(map(str, ids))),)
    return Request(FINGERTIPS, "/indicator_metadata/by_indicator_id", params, media=("json",))


def _metadata(client: Client, ids: Sequence[int]) -> Iterator[Download]:
    for start in range(0, len(ids), MAX_IDS):
        yield client.get(_metadata_request(ids[start : start + MAX_IDS]))


def _answers(client: Client, scope: Scope, ids: Sequence[int], area_type: int) -> Iterator[Download]:
    for authority in scope.authorities:
        for start in range(0, len(ids), MAX_IDS):
            some = ids[start : start + MAX_IDS]
            params = (
                ("indicator_ids", ",".join(map(str, some))),
                ("child_area_type_id", str(area_type)),
                ("parent_area_type_id", str(AUTHORITY)),
                ("parent_area_code", authority),
            )
            asked = Request(FINGERTIPS, "/all_data/csv/by_indicator_id", params)
            yield client.get(asked, partial(_check_answer, ids=some))


def _dated(metadata: Sequence[Download], answers: Iterable[Download]) -> Iterator[Download]:
    """Metadata and figures, these with the day of the newest upload."""
    newest = max(moment for about in metadata for moment in _uploaded(about).values())
    yield from metadata
    yield from (replace(answer, published_at=newest.isoformat()) for answer in answers)


def _check_answer(path: Path, ids: Sequence[int]) -> None:
    """Rows of every indicator asked for."""
    try:
        with path.open("rb") as stream:
            rows = text_rows(stream, "all_data", PUBLISHER, COLUMNS)
    except SpiError as error:
        raise PermanentFailure(str(error)) from error
    absent = sorted(set(map(str, ids)) - set(rows["id"]))
    if absent:
        raise PermanentFailure(
            f"{PUBLISHER} answered {len(ids) - len(absent)} of {len(ids)} indicators and nothing for {listed(absent)}, "
            f"as it does beyond {MAX_IDS} ids or where one is withdrawn; see available_data"
        )


def _of_wards_in_force(download: Download, scope: Scope) -> bool:
    """Whether the wards of an answer are ours; those of 2021 may come under the same type."""
    with download.path.open("rb") as stream:
        codes = set(text_rows(stream, download.name, PUBLISHER, COLUMNS)["area_code"])
    wards = {code for code in codes if str(code)[1:3] == "05"}
    return bool(wards) and wards <= set(scope.wards)


def _uploaded(download: Download) -> dict[str, dt.datetime]:
    """When each indicator was uploaded."""
    answer = json_of(download.path, download.name, PUBLISHER)
    try:
        told = {number: about["DataChange"]["LastUploadedAt"] for number, about in answer.items()}
        moments = {number: dt.datetime.fromisoformat(moment) for number, moment in told.items()}
        return {
            number: moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC) for number, moment in moments.items()
        }
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        said = f"{download.name} of {PUBLISHER} does not say when an indicator was uploaded (DataChange.LastUploadedAt)"
        raise SpiError(f"{said}; see its API") from error


def _rows(download: Download, scope: Scope) -> pd.DataFrame:
    """The rows of our areas: no England, no parent, no breakdown by category."""
    ours = {*scope.msoas, *scope.wards}
    with download.path.open("rb") as stream:
        rows = text_rows(stream, download.name, PUBLISHER, COLUMNS)
    former = sorted(set(rows["area_code"]) & set(scope.former_wards))
    if former:
        raise SpiError(
            f"{download.name} of {PUBLISHER} holds the former wards {listed(former)}; ask for MSOAs until it has the "
            "wards in force"
        )
    rows = rows[rows["area_code"].isin(ours) & rows["category"].isna()]
    figures = {name: numbers(rows[name], download.name, COLUMNS[name]) for name in ("value", "lower", "upper")}
    return rows.assign(**figures, file=download.name)


def _newest(rows: pd.DataFrame, column: str, year: int | None) -> pd.DataFrame:
    """The newest period of one indicator, each area once."""
    if rows.empty:
        return pd.DataFrame(columns=["area_code", "year", "column", "value", "lower", "upper"])
    rows = rows[rows["sortable"] == rows["sortable"].max()].drop_duplicates(["area_code", "period", "value", "note"])
    twice = rows[rows.duplicated("area_code")]
    if len(twice):
        first = twice.iloc[0]
        raise SpiError(
            f"{first['file']} of {PUBLISHER} holds indicator {first['id']}, {first['sex']}, for {first['area_code']} "
            f"twice in {first['period']}, with different figures; fetch it again"
        )
    if year is None:
        raise SpiError(
            f"no download of {PUBLISHER} says when indicator {rows.iloc[0]['id']} was uploaded; fetch it again"
        )
    return rows[["area_code", "value", "lower", "upper"]].assign(year=year, column=column)


HOSTS = (FINGERTIPS,)
OFFERS = {"local_health": Offer(fetch, parse, last_upload)}
