"""Nomis (sources.md, section 1): responses to queries. ``bulk`` has the bulk zips."""

from __future__ import annotations

import itertools
import math
import re
from dataclasses import dataclass
from typing import Any

import pandas as pd

from spi_pipeline_tests.imitations.messages import Request, Response, Served, csv_text, json_response, not_found
from spi_pipeline_tests.imitations.publishers.nomis import bulk
from spi_pipeline_tests.imitations.publishers.nomis.cubes import NAMED, Cube, cube
from spi_pipeline_tests.imitations.publishers.nomis.files import FILES as FILES
from spi_pipeline_tests.imitations.publishers.nomis.query import Place, codes, dates, members, places

_API = "/api/v01/dataset/"
_FORMS = r"(NM_\d+_\d+)(/[\w/]+)?\.(data\.csv|data\.json|overview\.json|def\.sdmx\.json)"
_KEYED_ROWS = 100_000  # documents say 100,000 and 1,000,000; the smaller is the stricter test
_LONGEST_ADDRESS = 8192
_RESERVED = {"geography", "date", "time", "select", "recordlimit", "recordoffset", "excludemissingvalues"} | {
    "uid",
    "search",
    "queryid",
}
_NO_DATA = {"error": "No data was found for this query."}
_SIX = ("", "_NAME", "_CODE", "_TYPE", "_TYPECODE", "_SORTORDER")


@dataclass(frozen=True)
class _Query:
    """A parsed query, in the order of its rows."""

    dataset: str
    table: Cube
    places: list[Place]
    dates: list[str]
    codes: dict[str, list[int]]

    @property
    def size(self) -> int:
        return len(self.places) * len(self.dates) * math.prod(map(len, self.codes.values()))

    def cells(self, offset: int, limit: int) -> Any:
        """(place, date, codes by dimension, value) of at most `limit` rows, starting at `offset`."""
        every = itertools.product(self.dates, self.places, itertools.product(*self.codes.values()))
        for date, place, chosen in itertools.islice(every, offset, offset + limit):
            named = dict(zip(self.codes, chosen, strict=True))
            yield place, date, named, self.table.value(place.code, date, named)


def respond(request: Request) -> Response:
    """Bulk zips, data as CSV or JSON, overviews and lists of codes."""
    if request.path.startswith("/output/census/2021/"):
        return bulk.respond(request)
    found = re.fullmatch(_FORMS, request.path.removeprefix(_API))
    if not request.path.startswith(_API) or not found:
        return not_found(request)
    if request.method == "GET" and request.length > _LONGEST_ADDRESS:
        return Response(414, b"URI Too Long\n")
    dataset, inner, form = found.groups()
    table = cube(dataset)
    if table and form == "overview.json":
        updated = {"firstreleased": "2022-11-29", "lastupdated": "2023-03-28"}
        return json_response({"overview": {"id": dataset, "name": table.title, **updated}})
    if table and form == "def.sdmx.json":
        return _codelist(table, inner or "", request.query.get("search", "*"))
    rows = _json if form == "data.json" else _csv
    return rows(request, dataset, table)


def _understood(query: dict[str, str], dataset: str, table: Cube | None) -> _Query | None:
    """The parsed query, or None if it names a data set, dimension, area, date or code that does not exist."""
    if table is None or set(query) - _RESERVED - set(table.dimensions):
        return None
    chosen = {name: codes(labels, query.get(name)) for name, labels in table.dimensions.items()}
    when = dates(table, query.get("date", query.get("time", "latest")))
    understood = _Query(dataset, table, places(table, query.get("geography", "")), when, chosen)
    return understood if understood.size else None


def _page(request: Request, query: dict[str, str]) -> tuple[int, int]:
    """Offset and number of rows: those requested, up to the limit."""
    most = _KEYED_ROWS if query.get("uid") else request.site.nomis_rows
    return int(query.get("recordoffset", 0)), min(int(query.get("recordlimit", most)), most)


def _csv(request: Request, dataset: str, table: Cube | None) -> Response:
    """Rows as CSV, silently cut at the limit; an empty body if there are none."""
    query = {key.lower(): value for key, value in request.query.items()}
    understood = _understood(query, dataset, table)
    offset, limit = _page(request, query)
    rows = _csv_rows(understood, offset, limit) if understood else []
    if query.get("excludemissingvalues", "").lower() == "true":
        rows = [row for row in rows if row["OBS_VALUE"] != ""]
    known = rows[0] if rows else {}
    columns = [name for name in query.get("select", ",".join(known)).upper().split(",") if name in known]
    if not columns:
        return Response(200, b"", "text/csv")
    text = csv_text(columns, ([row[name] for name in columns] for row in rows), quoted=True, end="\r\n")
    # A missing figure is an empty cell, not an empty text in quotes.
    return Response(200, re.sub(r'(?<=,)""(?=[,\r])', "", text).encode(), "text/csv")


def _csv_rows(query: _Query, offset: int, limit: int) -> list[dict[str, Any]]:
    """Rows with all columns. Each date, area and code has six columns, built once and not for every row."""
    table = query.table
    types = {level: kind.removeprefix("TYPE") for kind, level in table.types.items()}
    blocks: dict[Any, dict[str, Any]] = {}
    for order, date in enumerate(query.dates):
        label = pd.Period(date, "M").strftime("%B %Y") if "-" in date else date
        blocks[date] = _six("DATE", date if "-" in date else int(date), label, date, "date", "0", order)
    for order, place in enumerate(query.places):
        kind = types.get(place.level, "0")
        blocks[place] = _six("GEOGRAPHY", place.number, place.name, place.code, place.level, kind, order)
    for name, labels in table.dimensions.items():
        for order, (code, label) in enumerate(labels.items()):
            # A client of NM_2048_1 saw subdivisions as "_4" in this column and totals as "0" (2026).
            shown = f"_{code}" if name.startswith("c2021_") and 0 < code < 1000 else code
            block = _six(name.upper(), code, label, shown, name, "1000", order)
            blocks[name, code] = block if name != "measures" else {"MEASURES": code, "MEASURES_NAME": label}
    rows = []
    for number, (place, date, named, value) in enumerate(query.cells(offset, limit), offset):
        row = {**blocks[date], **blocks[place]}
        for dimension in named.items():
            row |= blocks[dimension]
        row["OBS_VALUE"] = "" if value is None else value
        row |= _missing() if value is None else {"OBS_STATUS": "A", "OBS_STATUS_NAME": "Normal Value"}
        row |= {
            "OBS_CONF": "F",
            "OBS_CONF_NAME": "Free (free for publication)",
            "URN": f"Nm-{query.dataset[3:]}d{number}",
        }
        rows.append({**row, "RECORD_OFFSET": number, "RECORD_COUNT": query.size})
    return rows


def _six(name: str, *values: Any) -> dict[str, Any]:
    return dict(zip((f"{name}{end}" for end in _SIX), values, strict=True))


def _missing() -> dict[str, str]:
    return {"OBS_STATUS": "Q", "OBS_STATUS_NAME": "These figures are missing, for instance because they are suppressed"}


def _json(request: Request, dataset: str, table: Cube | None) -> Response:
    """Rows as JSON; an error with status 200 if there are none."""
    query = {key.lower(): value for key, value in request.query.items()}
    understood = _understood(query, dataset, table)
    if understood is None or table is None:
        return json_response(_NO_DATA)
    cells = understood.cells(*_page(request, query))
    return json_response({"obs": [_json_row(dataset, table, number, *cell) for number, cell in enumerate(cells)]})


def _json_row(
    dataset: str, table: Cube, number: int, place: Place, date: str, named: dict[str, int], value: float | None
) -> dict[str, Any]:
    # Some figures are texts: clients have seen both.
    figure = str(value) if value is not None and number % 7 == 6 else value
    status = ("Q", _missing()["OBS_STATUS_NAME"]) if value is None else ("A", "Normal Value")
    return {
        "dataset": {"value": dataset, "description": table.title},
        "geography": {"value": place.code, "description": place.name, "geogcode": place.code},
        **{key: {"value": code, "description": table.dimensions[key][code]} for key, code in named.items()},
        "time": {"value": date if "-" in date else int(date), "description": date},
        "obs_value": {"value": figure, "description": f"Value for {place.name} (geography) for {date}"},
        "obs_status": dict(zip(("value", "description"), status, strict=True)),
        "obs_conf": {"value": "F", "description": "Free (free for publication)"},
        "obs_round": {"value": 1, "description": "Rounded to 1"},
        "urn": f"Nm-{dataset[3:]}d{number}",
    }


def _codelist(table: Cube, inner: str, search: str) -> Response:
    """The area types of a data set, or the areas of one type, as SDMX in JSON."""
    kind = inner.rpartition("/")[2]
    pattern = re.compile(re.escape(search).replace(r"\*", ".*"), re.IGNORECASE)
    if kind.startswith("TYPE") and kind != "TYPE":
        found = [(p.number, p.name, p.code) for p in members(table, kind) if pattern.fullmatch(p.name)]
    else:
        found = [(name, NAMED.get(level, level), "") for name, level in table.types.items()]
    listed = [
        {"value": value, "description": {"value": name}, "annotations": {"annotation": [_note("GeogCode", code)]}}
        for value, name, code in found
    ]
    return json_response({"structure": {"codelists": {"codelist": [{"id": "CL_GEOGRAPHY", "code": listed}]}}})


def _note(title: str, text: str) -> dict[str, str]:
    return {"annotationtitle": title, "annotationtext": text}


SERVED = {
    "nomis": Served(respond, "claimant_count", column="OBS_VALUE", figures=("OBS_VALUE", "obs_value")),
}
