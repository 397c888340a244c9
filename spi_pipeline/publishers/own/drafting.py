"""Drafts a contract, an indicator and a fixture for a table that has none, for a person to finish.

The draft contains everything that the table shows. Anything that only a person can know is a blank, and a contract with
a blank is refused.
"""

import json
import re
from dataclasses import replace
from itertools import count
from math import ceil, floor, log10

import pandas as pd

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.contracts.models.contracts import Contracts
from spi_pipeline.contracts.models.tables import POINTS, Placed, level_of
from spi_pipeline.contracts.reading.documents import BLANK, unknown
from spi_pipeline.geography.shapes import Shapes
from spi_pipeline.publishers.own.inspecting import DraftOptions, Inspection
from spi_pipeline.publishers.own.placing import Places

# Figures over at most this many days are a flow; a longer period may mean anything.
_FLOW_DAYS = 800


def draft(inspection: Inspection, options: DraftOptions, contracts: Contracts, known: Places) -> dict[str, str]:
    """Return the files of a draft, by path below the contracts folder; the component's file has the indicator added.

    Raises:
        SpiError: for a word that the contracts do not define, or a name that is taken.
    """
    _check(options, contracts)
    before = (contracts.root / f"indicators/{options.component}.yaml").read_text(encoding="utf-8")
    return {
        f"sources/{options.name}.yaml": _contract(inspection, options, contracts),
        f"indicators/{options.component}.yaml": f"{before.rstrip()}\n{_indicator(inspection, options)}",
        f"fixtures/{options.name}.csv": _fixture(inspection, options, known),
    }


def _check(options: DraftOptions, contracts: Contracts) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", options.name):
        raise SpiError(
            f"{options.name!r} cannot be the name of a table; choose lower-case letters with --name, such as asb_calls"
        )
    taken = {*contracts.sources, *contracts.products, *contracts.titles, *contracts.context}
    if options.name in taken:
        raise SpiError(f"the name {options.name} is taken already; choose another with --name")
    outcomes = [word for word, concept in contracts.vocabulary.concepts.items() if concept.kind == "outcome"]
    for word, kind, words in (
        (options.component, "component", contracts.framework.components),
        (options.licence, "licence of vocabulary.yaml", contracts.vocabulary.licences),
        (options.concept, "concept that may enter the index", outcomes),
    ):
        if word and word not in words:
            raise SpiError(unknown(word, kind, words))


def _blank(question: str) -> str:
    return json.dumps(f"{BLANK}: {question}", ensure_ascii=False)


def _given(value: str, question: str) -> str:
    return json.dumps(value, ensure_ascii=False) if value else _blank(question)


def _title(options: DraftOptions) -> str:
    return options.name.replace("_", " ").capitalize()


def _columns(inspection: Inspection, options: DraftOptions) -> tuple[str, str]:
    """Return our names of the column of figures and of the column of the whole; empty if there is no such column."""
    names, numbered = [], count(2)
    for name in (inspection.figure or "counted", options.of):
        ours = re.sub(r"[^a-z0-9]+", "_", name.casefold()).strip("_")
        ours = ours if re.match(r"[a-z]", ours) and ours not in ("area_code", "year") else f"figure_{ours}".strip("_")
        names.append((ours if ours not in names else f"{ours}_{next(numbered)}") if name else "")
    return names[0], names[1]


def _round(value: float, *, up: bool) -> float:
    """Round to one significant digit."""
    if value <= 0:
        return 0.0
    scale = 10.0 ** floor(log10(value))
    return float(f"{(ceil if up else floor)(value / scale) * scale:g}")


def _contract(inspection: Inspection, options: DraftOptions, contracts: Contracts) -> str:
    licence = contracts.vocabulary.licences.get(options.licence)
    town = " and ".join(authority.name for authority in contracts.geography.authorities)
    table, level = inspection.table, level_of(inspection.table.kind)
    figure, whole = _columns(inspection, options)
    places = json.dumps(table.place_names(), ensure_ascii=False)
    file = {"sheet": table.sheet if options.sheet else "", "date": inspection.date}
    details = "".join(f", {key}: {json.dumps(value, ensure_ascii=False)}" for key, value in file.items() if value)
    minimum = options.minimum_count
    smallest = minimum if minimum is not None else _blank("the smallest count that may be shown")
    start, end = inspection.period or ("", "")
    period = (
        "{basis: reference, column: year}"
        if inspection.year
        else f"{{basis: reference, start: {_given(start, 'the first day, YYYY-MM-DD')}, "
        f"end: {_given(end, 'the last day, YYYY-MM-DD')}}}"
    )
    lives = f"one of {', '.join(contracts.vocabulary.useful_lives)}"
    days = (pd.Timestamp(end) - pd.Timestamp(start)).days if inspection.period else _FLOW_DAYS + 1
    attribution = f"Contains figures of the council of {town} licensed under the {licence.title}" if licence else ""
    head = f"""\
apiVersion: v3.1.0
kind: DataContract
id: {options.name}
name: {_title(options)}
version: 1.0.0
status: draft
team: {{name: {_given(options.owner, "the team that answers for it, in small letters")}}}
support:
  - {{channel: {_given(options.owner, "where a reader asks")}}}
description:
  purpose: {_blank("what is counted, by whom, and when it is written down")}
  limitations: {_blank("what a reader must know before trusting it")}
slaProperties:
  - {{property: frequency, value: irregular}}
customProperties:
  - {{property: publisher, value: {json.dumps(f"The council of {town}", ensure_ascii=False)}}}
  - {{property: group, value: own}}
  - {{property: dataset, value: {_title(options)}}}
  - {{property: url, value: {_blank("a page that tells of the figures, https://…")}}}
  - {{property: licence, value: {_given(options.licence, f"one of {', '.join(contracts.vocabulary.licences)}")}}}
  - {{property: attribution, value: {_given(attribution, "the sentence a reader is owed")}}}
  - {{property: mode, value: own}}
  - {{property: minimum_count, value: {smallest}}}
  - {{property: useful_life, value: {"flow" if days <= _FLOW_DAYS else _blank(lives)}}}
  - {{property: no_total, value: The council's own figures; nobody else publishes their total.}}
  - property: own
    value: {{placed_by: {table.kind}, columns: {places}{details},
            expires: {_given(options.expires, "the last day they are of use, YYYY-MM-DD")}}}
  - property: geography
    value: {{levels: [{level}], vintage: {inspection.vintage}}}
  - property: period
    value: {period}
schema:
  - name: {options.name}
    logicalType: object
    physicalType: table
    properties:
      - {{name: area_code, logicalType: string, primaryKey: true, primaryKeyPosition: 1,
         description: Code of the {"LSOA" if level == "lsoa" else "ward"},
         customProperties: [{{property: concept, value: place}}]}}
"""
    year = f"""\
      - {{name: year, logicalType: integer, primaryKey: true, primaryKeyPosition: 2,
         description: Calendar year,
         customProperties: [{{property: concept, value: time}}, {{property: unit, value: calendar_year}},
                            {{property: published_name, value: {json.dumps(inspection.year, ensure_ascii=False)}}}]}}
"""
    columns = [_column(inspection, options, figure, inspection.figure, contracts)]
    if options.of:
        of_whole = replace(inspection, is_count=True, percent=False, values=())
        columns.append(_column(of_whole, options, whole, options.of, contracts))
    by_year = ", by: [year]" * bool(inspection.year)
    rules = f"""\
    quality:
      - {{id: most_areas, type: custom, engine: spi, severity: error,
         implementation: {{rule: coverage, columns: [area_code], min_share: 0.95{by_year}}}}}
      - {{id: {figure}_varies, type: custom, engine: spi, severity: warning,
         implementation: {{rule: not_constant, columns: [{figure}]}}}}
"""
    return "".join([head, year if inspection.year else "", *columns, rules])


def _column(inspection: Inspection, options: DraftOptions, name: str, published: str, contracts: Contracts) -> str:
    known = pd.Series(inspection.values, dtype="float64").dropna().abs()
    additive = [word for word, unit in contracts.vocabulary.units.items() if unit.additive]
    unit = "incidents" if not published else "percent" if inspection.percent else ""
    words = additive if inspection.is_count else list(contracts.vocabulary.units)
    sizes = [_round(known.mean() / 10, up=False), _round(known.mean() * 10, up=True)] if len(known) else []
    most = f"{_round(known.max() * 10, up=True):g}" if sizes else ""
    bounds = f"\n         logicalTypeOptions: {{minimum: 0, maximum: {most}}}," if sizes else ""
    if inspection.percent:
        bounds, sizes = "", [sizes[0], min(sizes[1], 100.0)]
    custom = {
        "concept": _given(options.concept, "what it is about, a concept of vocabulary.yaml that is an outcome"),
        "unit": _given(unit, f"one of {', '.join(words)}"),
        "mean_magnitude": f"[{sizes[0]:g}, {sizes[1]:g}]" if sizes and sizes[1] > sizes[0] else "",
        "published_name": json.dumps(published, ensure_ascii=False) if published else "",
    }
    properties = f",\n{' ' * 28}".join(
        f"{{property: {name}, value: {value}}}" for name, value in custom.items() if value
    )
    return f"""\
      - {{name: {name}, logicalType: {"integer" if inspection.is_count else "number"},
         description: {custom["published_name"] or "Rows of the file in this area"},{bounds}
         customProperties: [{properties}]}}
"""


def _indicator(inspection: Inspection, options: DraftOptions) -> str:
    figure, whole = _columns(inspection, options)
    columns = f"columns: [{figure}]"
    error = ""
    if inspection.is_count and not options.of:
        unit, title = "per_1000_residents", f"{_title(options)} (per 1,000 residents)"
        measure = f"{{kind: rate, {columns}, denominator: {{source: census_residents, column: residents}}, per: 1000}}"
    elif inspection.is_count:
        unit, title = "percent", f"{_title(options)} (%)"
        measure = f"{{kind: share, {columns}, denominator: {{column: {whole}}}}}"
    else:
        unit, title = (
            "percent" if inspection.percent else _blank("as in the source"),
            f"{_title(options)}{' (%)' * inspection.percent}",
        )
        over = f", denominator: {{column: {whole}}}" if whole else ""
        measure = f"{{kind: mean, {columns}{over}}}"
        sized = f"{{evidence: assumed, sd: {_blank('how far a figure may be off')}, reason: {_blank('why')}}}"
        error = f"    error: {'{evidence: counts}' if whole and inspection.percent else sized}\n"
    return f"""\
  - id: {options.name}
    title: {json.dumps(title, ensure_ascii=False)}
    description: {_blank("what the figure says, in plain words")}
    unit: {unit}
    direction: {_blank("higher_is_better or lower_is_better")}
    source: {options.name}
    measure: {measure}
    goalposts: {{worst: {_blank("the value that scores 0")}, best: {_blank("the value that scores 100")},
                source: cap, reason: {_blank("why these two")}}}
    plausible: {{minimum: 0, maximum: {_blank("a ward above it would be an error")}}}
{error}    limits: {_blank("what a reader must know before trusting it")}
"""


def _fixture(inspection: Inspection, options: DraftOptions, known: Places) -> str:
    """Return invented rows in the form of the file: each of our areas, with figures of the usual size."""
    table = inspection.table
    values = pd.Series(inspection.values, dtype="float64").dropna()
    usual = values.mean() if len(values) else 1.0
    least = options.minimum_count or 1
    invented = {
        name: text
        for name, text in (
            (inspection.figure, (f"{usual:.0f}" if inspection.is_count else f"{usual:.1f}") + "%" * inspection.percent),
            (options.of, f"{10 * (usual + least):.0f}" if inspection.is_count else "1000"),
            (inspection.date, (inspection.period or ("",))[0]),
            (inspection.year, "2025"),
        )
        if name
    }
    header = [name for name in table.names if name in (*table.place_names(), *invented)]
    lines = [",".join(map(_quoted, header))]
    for index, place in enumerate(_every_place(table.kind, inspection.vintage, known)):
        row = invented | dict(zip(table.place_names(), place, strict=True))
        if inspection.figure and inspection.is_count:
            row[inspection.figure] = f"{max(usual, least) + index % 3:.0f}"
        # A tenth of the usual number stays within the contract's ``mean_magnitude``.
        times = 1 if inspection.figure else max(least, ceil(usual / 10) + 1) + index % 3
        lines += [",".join(_quoted(row[name]) for name in header)] * times
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return f'"{text}"' if re.search(r"[,;\"]", text) else text


def _every_place(kind: Placed, vintage: int, known: Places) -> list[tuple[str, ...]]:
    """Return each of our areas as a file would give it: by code, by name, by a postcode or by a point in it."""
    if kind == "lsoa":
        return [(code,) for code in sorted(known.lsoas[vintage])]
    if kind == "postcode":
        return [(code,) for code in known.postcodes.drop_duplicates("ward_code")["postcode"]]
    if kind in POINTS:
        shapes = Shapes.from_frame(known.wards)
        digits = 5 if kind == "wgs84" else 0
        shapes = shapes if kind == "wgs84" else shapes.on_national_grid()
        inside = [polygon.representative_point() for polygon in shapes.polygons]
        return [(f"{point.x:.{digits}f}", f"{point.y:.{digits}f}") for point in inside]
    wards = known.geography.wards
    return [(ward.code if kind == "ward_code" else ward.name,) for ward in wards]
