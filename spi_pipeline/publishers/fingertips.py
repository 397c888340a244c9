"""OHID Fingertips: the Local Health indicators of small areas.

Faults and peculiarities behind status 200:

* For more than 100 ids, the response covers the first 100.
* Every file holds England and the parent area, England often twice.
* Breakdowns by category stand among the areas.
* A count too small to be published is an empty cell with a note.

Wards were withdrawn in 2025 and may come back on any vintage. They are used if all indicators are offered for them and
their codes are those in force; otherwise MSOAs are used.
"""

import datetime as dt
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.files.reading import begins, json_of, numbers, text_rows
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
from spi_pipeline.publishers.http.peeking import Peek, Piece
from spi_pipeline.publishers.offer import Offer
from spi_pipeline.publishers.probing import shapes
from spi_pipeline.publishers.probing.probe import Probe, Shape, first_request_of, has_columns, newest_first
from spi_pipeline.rules.wording import listing

PUBLISHER = "Fingertips"
FINGERTIPS = Host("FINGERTIPS", "https://fingertips.phe.org.uk/api")
MAX_IDS = 100
MSOA, WARD, AUTHORITY = 3, 8, 501
# By our column, the indicator's id and the sex whose rows are read.
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
# The publisher's page reports that low birth weight was updated for MSOAs in 2025. Its id comes from a client of 2022,
# and no list of indicators by MSOA has named it since. So it is requested only if it is offered, and its name checked.
UNCONFIRMED = {"93092": "birthweight"}
IDS = tuple(sorted({number for number, _ in INDICATORS.values()}))
COLUMNS = {
    "id": "Indicator ID", "name": "Indicator Name", "area_code": "Area Code", "sex": "Sex",
    "category": "Category Type", "period": "Time period", "value": "Value",
    "lower": "Lower CI 95.0 limit", "upper": "Upper CI 95.0 limit", "note": "Value note",
    "sortable": "Time period Sortable",
}  # fmt: skip
# The keys of copyright and use in ``Descriptive``, as its database names them, and the words that restrict use.
ABOUT_USE = ("copyright", "reuse", "datareuse")
RESTRICTIVE = re.compile(
    r"non[\s-]?commercial|permission|restrict|not (?:be )?(?:re-?)?(?:us|publish|distribut)ed", re.I
)
# Columns whose confidence limits the index uses.
LIMITED = ("life_expectancy", "emergency_admissions", "year_6_obesity")


def fetch(client: Client, scope: Scope, ids: Sequence[int] = IDS) -> Iterator[Download]:
    """Fetch the upload dates of the indicators, then their figures in our authorities, ``MAX_IDS`` ids a request.

    Raises:
        PermanentFailure: when none of the indicators is offered for MSOAs, or a response lacks one that is.
    """
    # The types are looked up by indicator first, since a request for an unknown area type may bring a 500.
    if WARD in {one.get("AreaTypeId") for one in _available(client, "indicator_id", ids[-1])}:
        wards = _offered(client, WARD, ids)
        figures = list(_figures(client, scope, ids, WARD)) if len(wards) == len(ids) else []
        if figures and all(_of_wards_in_force(download, scope) for download in figures):
            yield from _dated(list(_metadata(client, ids)), figures)
            return
    offered = _offered(client, MSOA, ids)
    if not offered:
        raise PermanentFailure(
            f"{PUBLISHER} offers none of {listing([*map(str, ids)])} for MSOAs; look up what its API lists "
            "under available_data"
        )
    yield from _dated(list(_metadata(client, offered)), _figures(client, scope, offered, MSOA))


def parse(downloads: Sequence[Download], scope: Scope) -> pd.DataFrame:
    """Read the newest period of each indicator by area, in the row of its year of release; null if suppressed.

    Raises:
        SpiError: when a column is missing, two rows disagree on a figure, or no area is ours.
    """
    released: dict[str, int] = {}
    tables = []
    for download in downloads:
        if begins(download.path) in (b"{", b"["):
            released |= {number: moment.year for number, moment in _uploaded(download).items()}
        else:
            tables.append(_rows(download, scope))
    rows = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=[*COLUMNS])
    if rows.empty:
        raise SpiError(f"no download of {PUBLISHER} holds a ward or MSOA of ours; fetch it with parent_area_code")
    codes = set(rows["area_code"])
    absent = sorted({*(scope.wards if codes & set(scope.wards) else scope.msoas)} - codes)
    if absent:
        raise SpiError(f"{PUBLISHER} has no row for {len(absent)} areas of ours, {listing(absent)}; download it again")
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
    # Life expectancy is published by sex. The errors of the sexes are independent, so half-widths add in quadrature.
    women, men = "life_expectancy_female", "life_expectancy_male"
    wide = value.rename_axis(columns=None)
    wide.insert(0, "life_expectancy", (value[women] + value[men]) / 2)
    below, above = value - lower, upper - value
    lower["life_expectancy"] = wide["life_expectancy"] - np.hypot(below[women], below[men]) / 2
    upper["life_expectancy"] = wide["life_expectancy"] + np.hypot(above[women], above[men]) / 2
    for column in LIMITED:
        wide[f"{column}_lower"], wide[f"{column}_upper"] = lower[column], upper[column]
    return wide.reset_index()


def restricted(downloads: Sequence[Download]) -> dict[str, str]:
    """Return, by our column, the words of its metadata that restrict its use.

    Raises:
        SpiError: when a file does not hold metadata.
    """
    restrictions: dict[str, str] = {}
    for download in downloads:
        if begins(download.path) in (b"{", b"["):
            for number, indicator in _read_metadata(download.path, download.name).items():
                texts = indicator.get("Descriptive")
                for key, text in (texts if isinstance(texts, dict) else {}).items():
                    if re.sub(r"[^a-z]", "", key.lower()) in ABOUT_USE and RESTRICTIVE.search(str(text)):
                        restrictions |= dict.fromkeys(_columns_of(number), " ".join(str(text).split()))
    return restrictions


def _columns_of(number: str) -> list[str]:
    """Return our columns that are made from an indicator."""
    own = [column for column, (indicator, _) in INDICATORS.items() if str(indicator) == number]
    limited = [name for name in LIMITED if any(column.startswith(name) for column in own)]
    return list(dict.fromkeys([*own, *limited, *(f"{name}_{end}" for name in limited for end in ("lower", "upper"))]))


def last_upload(client: Client, scope: Scope) -> str:
    """Return when each of our indicators was last uploaded, as JSON.

    Raises:
        PermanentFailure: when the response does not contain it.
    """
    metadata = client.read_json(_metadata_request(IDS))
    try:
        uploads = {number: indicator["DataChange"]["LastUploadedAt"] for number, indicator in sorted(metadata.items())}
    except (AttributeError, KeyError, TypeError) as error:
        raise PermanentFailure(f"{PUBLISHER} does not say when an indicator was uploaded; see its API") from error
    if not uploads:
        raise PermanentFailure(f"{PUBLISHER} returns no metadata of any of our indicators; see its API")
    return json.dumps(uploads)


def _available(client: Client, by: str, number: int) -> list[dict[str, int]]:
    available = client.read_json(Request(FINGERTIPS, "/available_data", ((by, str(number)),), media=("json",)))
    if not isinstance(available, list) or not all(isinstance(one, dict) for one in available):
        raise PermanentFailure(f"available_data of {PUBLISHER} does not list indicators any more; see its API")
    return available


def _offered(client: Client, area_type: int, ids: Sequence[int]) -> list[int]:
    available = _available(client, "area_type_id", area_type)
    offered = {one.get("IndicatorId") for one in available if one.get("AreaTypeId", area_type) == area_type}
    return [number for number in ids if number in offered]


def _metadata_request(ids: Sequence[int]) -> Request:
    params = (("indicator_ids", ",".join(map(str, ids))),)
    return Request(FINGERTIPS, "/indicator_metadata/by_indicator_id", params, media=("json",))


def _metadata(client: Client, ids: Sequence[int]) -> Iterator[Download]:
    for start in range(0, len(ids), MAX_IDS):
        some = ids[start : start + MAX_IDS]
        yield client.get(_metadata_request(some), partial(_check_metadata, ids=some))


def _figures(client: Client, scope: Scope, ids: Sequence[int], area_type: int) -> Iterator[Download]:
    for authority in scope.authorities:
        for start in range(0, len(ids), MAX_IDS):
            some = ids[start : start + MAX_IDS]
            params = (
                ("indicator_ids", ",".join(map(str, some))),
                ("child_area_type_id", str(area_type)),
                ("parent_area_type_id", str(AUTHORITY)),
                ("parent_area_code", authority),
            )
            request = Request(FINGERTIPS, "/all_data/csv/by_indicator_id", params)
            yield client.get(request, partial(_check_figures, ids=some))


def _dated(metadata: Sequence[Download], figures: Iterable[Download]) -> Iterator[Download]:
    """Yield metadata and figures, the figures dated with the newest upload."""
    newest = max(moment for download in metadata for moment in _uploaded(download).values())
    yield from metadata
    yield from (replace(download, published_at=newest.isoformat()) for download in figures)


def _check_metadata(path: Path, ids: Sequence[int]) -> None:
    """Check that there are metadata of every indicator requested."""
    try:
        metadata = _read_metadata(path, "indicator_metadata")
    except TransientFailure:
        raise
    except SpiError as error:
        raise PermanentFailure(str(error)) from error
    if absent := sorted(set(map(str, ids)) - metadata.keys()):
        raise PermanentFailure(
            f"{PUBLISHER} no longer describes {listing(absent)}, which may have been withdrawn; look up what its API "
            "lists under available_data, then mend IDS in publishers/fingertips.py"
        )


def _check_figures(path: Path, ids: Sequence[int]) -> None:
    """Check that there are rows of every indicator requested."""
    try:
        with path.open("rb") as stream:
            rows = text_rows(stream, "all_data", PUBLISHER, COLUMNS)
    except SpiError as error:
        raise PermanentFailure(str(error)) from error
    absent = sorted(set(map(str, ids)) - set(rows["id"]))
    if absent:
        raise PermanentFailure(
            f"{PUBLISHER} returned {len(ids) - len(absent)} of {len(ids)} indicators and nothing for "
            f"{listing(absent)}, as it does beyond {MAX_IDS} ids or if one is withdrawn; look up what its API "
            "lists under available_data"
        )


def _of_wards_in_force(download: Download, scope: Scope) -> bool:
    """Whether the wards of a response are ours; wards of 2021 may come under the same area type."""
    with download.path.open("rb") as stream:
        codes = set(text_rows(stream, download.name, PUBLISHER, COLUMNS)["area_code"])
    wards = {code for code in codes if str(code)[1:3] == "05"}
    return bool(wards) and wards <= set(scope.wards)


def _uploaded(download: Download) -> dict[str, dt.datetime]:
    """Return when each indicator was uploaded."""
    try:
        uploads = {
            number: indicator["DataChange"]["LastUploadedAt"]
            for number, indicator in _read_metadata(download.path, download.name).items()
        }
        moments = {number: dt.datetime.fromisoformat(moment) for number, moment in uploads.items()}
        return {
            number: moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC) for number, moment in moments.items()
        }
    except (KeyError, TypeError, ValueError) as error:
        fault = "does not say when an indicator was uploaded (DataChange.LastUploadedAt)"
        raise SpiError(f"{download.name} of {PUBLISHER} {fault}; see its API") from error


def _read_metadata(path: Path, name: str) -> Mapping[str, Mapping[str, Any]]:
    """Read the metadata of each indicator."""
    metadata = json_of(path, name, PUBLISHER)
    if not isinstance(metadata, dict) or not metadata or not all(isinstance(one, dict) for one in metadata.values()):
        raise SpiError(f"{name} of {PUBLISHER} holds no metadata of indicators; see its API")
    return metadata


def _rows(download: Download, scope: Scope) -> pd.DataFrame:
    """Read the rows of our areas, without England, the parent area and breakdowns by category."""
    ours = {*scope.msoas, *scope.wards}
    with download.path.open("rb") as stream:
        rows = text_rows(stream, download.name, PUBLISHER, COLUMNS)
    former = sorted(set(rows["area_code"]) & set(scope.former_wards))
    if former:
        raise SpiError(
            f"{download.name} of {PUBLISHER} holds the former wards {listing(former)}; use MSOAs until it has the "
            "wards in force"
        )
    for number, name in UNCONFIRMED.items():
        named = rows.loc[rows["id"] == number, "name"].fillna("").drop_duplicates()
        for other in named[~named.str.lower().str.replace(r"[\s-]", "", regex=True).str.contains(name)]:
            raise SpiError(
                f"{download.name} of {PUBLISHER} calls indicator {number} {other!r}, where a name with {name!r} "
                "belongs; look its id up and write it into INDICATORS in spi_pipeline/publishers/fingertips.py"
            )
    rows = rows[rows["area_code"].isin(ours) & rows["category"].isna()]
    figures = {name: numbers(rows[name], download.name, COLUMNS[name]) for name in ("value", "lower", "upper")}
    return rows.assign(**figures, file=download.name)


def _newest(rows: pd.DataFrame, column: str, year: int | None) -> pd.DataFrame:
    """Return the newest period of one indicator, with each area once."""
    if rows.empty:
        return pd.DataFrame(columns=["area_code", "year", "column", "value", "lower", "upper"])
    rows = rows[rows["sortable"] == rows["sortable"].max()].drop_duplicates(["area_code", "period", "value", "note"])
    twice = rows[rows.duplicated("area_code")]
    if len(twice):
        first = twice.iloc[0]
        raise SpiError(
            f"{first['file']} of {PUBLISHER} holds indicator {first['id']}, {first['sex']}, for {first['area_code']} "
            f"twice in {first['period']}, with different figures; download it again"
        )
    if year is None:
        raise SpiError(
            f"no download of {PUBLISHER} dates the upload of indicator {rows.iloc[0]['id']}; download it again"
        )
    return rows[["area_code", "value", "lower", "upper"]].assign(year=year, column=column)


def _offered_shape(peek: Peek) -> Shape:
    """Describe which of our indicators are in the list of an area type."""
    available = shapes.json_of(peek.body, PUBLISHER)
    offered = (
        {one.get("IndicatorId") for one in available if isinstance(one, dict)} if isinstance(available, list) else {}
    )
    labels = {str(number): number for number in IDS if number in offered}
    return Shape(columns=shapes.keys_of(available), rows=len(available), labels=labels)


def _metadata_shape(peek: Peek) -> Shape:
    """Describe which of our indicators have metadata, the name of each, and when the newest were uploaded."""
    metadata = shapes.json_of(peek.body, PUBLISHER)
    indicators = (
        {key: one for key, one in metadata.items() if isinstance(one, dict)} if isinstance(metadata, dict) else {}
    )
    stamps = newest_first(str((one.get("DataChange") or {}).get("LastUploadedAt", "")) for one in indicators.values())
    return Shape(
        columns=shapes.keys_of([*indicators.values()]),
        rows=len(indicators),
        labels={key: int(key) for key in indicators if key.isdigit()},
        periods=stamps[:3],
        facts={key: str((one.get("Descriptive") or {}).get("Name", "")) for key, one in indicators.items()},
    )


def _has_all(shape: Shape) -> None:
    absent = [str(number) for number in IDS if str(number) not in shape.labels]
    if absent:
        raise SpiError(
            f"{PUBLISHER} lists {len(IDS) - len(absent)} of our {len(IDS)} indicators and not {listing(absent)}; look "
            "for what took their place, and write its id into spi_pipeline/publishers/fingertips.py"
        )


PROBES = (
    Probe(
        "fingertips/available_data", first_request_of(lambda client, _: _offered(client, MSOA, IDS)), _offered_shape,
        (_has_all,), piece=Piece(MEGABYTE),
    ),
    Probe(
        "fingertips/indicator_metadata", first_request_of(last_upload), _metadata_shape,
        (has_columns({"uploaded": "DataChange.LastUploadedAt"}, "indicator_metadata", PUBLISHER),),
        piece=Piece(MEGABYTE),
    ),
    Probe(
        "fingertips/all_data", first_request_of(lambda client, scope: _figures(client, scope, IDS[-1:], MSOA)),
        partial(shapes.table, publisher=PUBLISHER), (has_columns(COLUMNS, "all_data", PUBLISHER),),
    ),
)  # fmt: skip
HOSTS = (FINGERTIPS,)
OFFERS = {"local_health": Offer(fetch, parse, last_upload, restricted=restricted, probes=PROBES)}
