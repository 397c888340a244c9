"""Nomis: what is asked to see whether its tables are still as they are read."""

from functools import partial

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.geography.codes import listed
from spi_pipeline.publishers.http.peeking import Peek
from spi_pipeline.publishers.nomis import answers, asking
from spi_pipeline.publishers.nomis.answers import AGES
from spi_pipeline.publishers.nomis.tables import CENSUS, PUBLISHER, columns_of
from spi_pipeline.publishers.probing.probe import Expect, Probe, Shape, asks_first, has_columns
from spi_pipeline.publishers.probing.shapes import table_of


def _shape(peek: Peek) -> Shape:
    """The columns, the newest dates, the categories of the first dimension that is named."""
    header, rows = table_of(peek, PUBLISHER)
    known = {column.upper(): column for column in header}
    named = next(
        (name for name in known if name.endswith("_NAME") and known.keys() >= {name.removesuffix("_NAME")}), ""
    )
    labels = {row.get(known[named]) or "": _code(row, known[named.removesuffix("_NAME")]) for row in rows if named}
    dates = sorted({row.get(known.get("DATE_CODE", ""), "") for row in rows} - {""}, reverse=True)
    count = rows[0].get(known.get("RECORD_COUNT", ""), "").split(".")[0] if rows else ""
    total = int(count) if count.isdigit() else None
    return Shape(columns=tuple(header), rows=len(rows), total=total, labels=labels, periods=tuple(dates[:3]))


def _code(row: dict[str, str], column: str) -> int | None:
    code = (row.get(column) or "").strip().removeprefix("_")
    return int(code) if code.isdigit() and len(code) < 10 else None


def _is_whole(shape: Shape) -> bool:
    """Whether the first page is all there is; of others nothing can be said that their rows should hold."""
    return shape.rows == shape.total


def _has(columns: dict[str, str], name: str) -> Expect:
    return has_columns(columns | answers.FIGURES, name, PUBLISHER)


def _has_categories(source_id: str) -> Expect:
    table = CENSUS[source_id]

    def expect(shape: Shape) -> None:
        if _is_whole(shape):
            columns_of(table, shape.labels or {"": None}, table.dataset)

    return expect


def _census(source_id: str) -> Probe:
    table = CENSUS[source_id]
    dimension = {"code": table.dimension, **({"label": f"{table.dimension}_name"} if len(table.labels) > 1 else {})}
    return Probe(
        f"nomis/{table.dataset}",
        asks_first(partial(asking.fetch_census, source_id)),
        _shape,
        (_has({**answers.AREA, **dimension}, table.dataset), _has_categories(source_id)),
    )


def _has_ages(shape: Shape) -> None:
    if _is_whole(shape) and shape.rows != len(AGES):
        raise SpiError(
            f"NM_2014_1 of {PUBLISHER} answers {shape.rows} rows of an area where {listed(list(AGES))} are "
            f"{len(AGES)}; compare its codes of c_age with spi_pipeline/publishers/nomis/answers.py"
        )


CENSUS_PROBES = {source_id: _census(source_id) for source_id in CENSUS}
POPULATION = Probe(
    "nomis/NM_2014_1", asks_first(asking.fetch_population), _shape,
    (_has(answers.POPULATION_COLUMNS, "NM_2014_1"), _has_ages),
)  # fmt: skip
CLAIMANTS = Probe(
    "nomis/NM_162_1", asks_first(asking.fetch_claimants), _shape, (_has(answers.CLAIMANTS_COLUMNS, "NM_162_1"),)
)
