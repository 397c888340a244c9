"""Nomis: the probes that its tables can still be read."""

from functools import partial

from spi_pipeline.contracts.errors import SpiError
from spi_pipeline.publishers.http.peeking import Peek
from spi_pipeline.publishers.nomis import fetching, parsing
from spi_pipeline.publishers.nomis.parsing import AGES
from spi_pipeline.publishers.nomis.tables import CENSUS, PUBLISHER, columns_of
from spi_pipeline.publishers.probing.probe import Expect, Probe, Shape, first_request_of, has_columns, newest_first
from spi_pipeline.publishers.probing.shapes import table_of
from spi_pipeline.rules.wording import listing


def _shape(peek: Peek) -> Shape:
    """Describe a page by its columns, its newest dates, and the categories of its first dimension with names."""
    header, rows = table_of(peek, PUBLISHER)
    known = {column.upper(): column for column in header}
    named = next(
        (name for name in known if name.endswith("_NAME") and known.keys() >= {name.removesuffix("_NAME")}), ""
    )
    labels = {row.get(known[named]) or "": _code(row, known[named.removesuffix("_NAME")]) for row in rows if named}
    dates = newest_first(row.get(known.get("DATE_CODE", ""), "") for row in rows)
    count = rows[0].get(known.get("RECORD_COUNT", ""), "").split(".")[0] if rows else ""
    total = int(count) if count.isdigit() else None
    return Shape(columns=tuple(header), rows=len(rows), total=total, labels=labels, periods=dates[:3])


def _code(row: dict[str, str], column: str) -> int | None:
    code = (row.get(column) or "").strip().removeprefix("_")
    return int(code) if code.isdigit() and len(code) < 10 else None


def _is_whole(shape: Shape) -> bool:
    """Whether the first page is the whole response; otherwise its rows need not hold all categories."""
    return shape.rows == shape.total


def _has(columns: dict[str, str], name: str) -> Expect:
    return has_columns(columns | parsing.FIGURES, name, PUBLISHER)


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
        first_request_of(partial(fetching.fetch_census, source_id)),
        _shape,
        (_has({**parsing.AREA, **dimension}, table.dataset), _has_categories(source_id)),
    )


def _has_ages(shape: Shape) -> None:
    if _is_whole(shape) and shape.rows != len(AGES):
        raise SpiError(
            f"NM_2014_1 of {PUBLISHER} returns {shape.rows} rows for an area, not the {len(AGES)} of "
            f"{listing(list(AGES))}; compare its codes of c_age with spi_pipeline/publishers/nomis/parsing.py"
        )


CENSUS_PROBES = {source_id: _census(source_id) for source_id in CENSUS}
POPULATION = Probe(
    "nomis/NM_2014_1", first_request_of(fetching.fetch_population), _shape,
    (_has(parsing.POPULATION_COLUMNS, "NM_2014_1"), _has_ages),
)  # fmt: skip
CLAIMANTS = Probe(
    "nomis/NM_162_1", first_request_of(fetching.fetch_claimants), _shape, (_has(parsing.CLAIMANTS_COLUMNS, "NM_162_1"),)
)
