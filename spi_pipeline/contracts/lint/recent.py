"""Checks on ``recent.yaml``: its sources are monthly and of points, and their columns can be counted."""

from __future__ import annotations

from spi_pipeline.contracts.errors import Fault
from spi_pipeline.contracts.lint.measured import Found, Sources, column_names, figures_faults, where_faults
from spi_pipeline.contracts.models.recent import Monthly, Recent
from spi_pipeline.contracts.models.tables import Source
from spi_pipeline.contracts.reading.documents import Document, unknown


def check_recent(document: Document, recent: Recent, taken: set[str], sources: Sources, faults: list[Fault]) -> None:
    """Ids are unique over all indicators and measures; sources are monthly points; columns and values exist."""
    known = set(taken)
    for index, item in enumerate(recent.measures):
        if item.id in known:
            message = f"the id {item.id!r} is already used; ids are unique over all indicators and measures"
            faults.append(document.fault(("measures", index, "id"), message))
        known.add(item.id)
        if item.source not in sources:
            message = f"measure {item.id}: {unknown(item.source, 'source', sources)}"
            faults.append(document.fault(("measures", index, "source"), message))
        elif source := sources[item.source]:
            for path, message in _monthly_faults(item, source):
                faults.append(document.fault(("measures", index, *path), f"measure {item.id}: {message}"))


def _monthly_faults(item: Monthly, source: Source) -> Found:
    if source.properties.period.column != "month":
        yield ("source",), f"source {source.id} is not monthly; take an indicator or a measure of context.yaml instead"
        return
    if source.properties.geography.levels != ["point"]:
        yield ("source",), f"source {source.id} holds no points; counts of areas are not allocated to wards by month"
        return
    for place, name in enumerate(item.columns):
        column, path = source.column(name), ("columns", place)
        if column is None:
            yield path, unknown(name, f"column of {source.id}", column_names(source))
            continue
        yield from ((path, message) for message in figures_faults(column, source))
        if not column.required:
            yield (
                path,
                f"column {name} of {source.id} may be null, and a missing count is not zero; use a required column",
            )
    yield from where_faults(item.where, source)
