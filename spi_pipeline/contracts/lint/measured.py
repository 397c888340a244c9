"""Checks on indicators and context measures: their sources, columns, units and concepts exist and may be used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from spi_pipeline.contracts.models.indicators import Level, Measured
from spi_pipeline.contracts.models.tables import Column, Source
from spi_pipeline.contracts.models.vocabulary import Vocabulary
from spi_pipeline.contracts.reading.documents import Path_, unknown

# By id; None if the file has faults.
Sources = Mapping[str, Source | None]
# The place of each fault in its entry, and its message.
Found = Iterator[tuple[Path_, str]]


def measured_faults(measured: Measured, sources: Sources, vocabulary: Vocabulary, *, context: bool = False) -> Found:
    """Faults in the references of an indicator or a context measure."""
    if measured.unit not in vocabulary.units:
        yield ("unit",), unknown(measured.unit, "unit of vocabulary.yaml", vocabulary.units)
    elif measured.measure.kind == "rate" and measured.measure.per != (per := vocabulary.units[measured.unit].per or 1):
        yield (
            ("measure", "per"),
            f"per is {measured.measure.per:g}, a rate in {measured.unit} is per {per:g}; correct one",
        )
    if measured.source not in sources:
        yield ("source",), unknown(measured.source, "source", sources)
    source = sources.get(measured.source)
    if source is not None:
        if not (context or source.properties.useful_life):
            lives = ", ".join(vocabulary.useful_lives)
            yield ("source",), f"source {source.id} does not state its useful_life; add one of {lives} to its contract"
        yield from _measure_faults(measured, source, vocabulary, context=context)
    if measured.measure.denominator:
        yield from _denominator_faults(measured, sources, vocabulary, context=context)
    if measured.measure.kind in ("total", "density") and not context:
        yield ("measure", "kind"), f"a {measured.measure.kind} is not an outcome; move it to context.yaml"
    if measured.measure.level and context:
        yield ("measure", "kind"), "an anchored measure belongs to the index; the context has no level to move"
    elif measured.measure.level:
        yield from _level_faults(measured, measured.measure.level, sources, vocabulary)


def _level_faults(measured: Measured, level: Level, sources: Sources, vocabulary: Vocabulary) -> Found:
    """Faults of an anchored measure: counts of points must move a rate of small areas, one period and the same unit."""
    moved, source = sources.get(measured.source), sources.get(level.source)
    if level.source not in sources:
        yield ("measure", "level", "source"), unknown(level.source, "source", sources)
    if moved is not None and not moved.of_points:
        yield ("source",), f"source {moved.id} holds no points; an anchored measure counts points in wards"
    if source is None:
        return
    if source.properties.period.column is not None or source.of_points:
        yield ("measure", "level", "source"), f"source {source.id} is not of areas and one period, as a level must be"
    for index, name in enumerate(level.columns):
        path: Path_ = ("measure", "level", "columns", index)
        column = source.column(name)
        if column is None:
            yield path, unknown(name, f"column of {source.id}", column_names(source))
            continue
        messages = [*figures_faults(column, source), *_economic_faults(column, source, vocabulary)]
        yield from ((path, message) for message in messages)
        if column.unit != measured.unit:
            yield path, f"column {name} of {source.id} is in {column.unit}, the indicator in {measured.unit}"


def _measure_faults(measured: Measured, source: Source, vocabulary: Vocabulary, *, context: bool) -> Found:
    measure = measured.measure
    for index, name in enumerate(measure.columns):
        path: Path_ = ("measure", "columns", index)
        column = source.column(name)
        if column is None:
            yield path, unknown(name, f"column of {source.id}", column_names(source))
            continue
        yield from ((path, message) for message in figures_faults(column, source))
        if not context:
            yield from ((path, message) for message in _economic_faults(column, source, vocabulary))
            yield from ((path, message) for message in _context_faults(column, source, vocabulary))
        yield from ((path, message) for message in _unit_faults(column, source, vocabulary, measure.kind))
    yield from ((("measure", *path), message) for path, message in where_faults(measure.where, source))
    if measure.kind == "mean" and source.properties.geography.levels == ["ward"] and measure.denominator is None:
        yield (
            ("measure",),
            f"source {source.id} is on wards already; a mean of it needs the denominator it is weighted with",
        )
    if source.properties.geography.levels == ["authority"]:
        words = f"source {source.id} is on authorities"
        if not context:
            yield ("source",), f"{words}: it says the same about every ward, so it belongs in context.yaml"
        elif measure.kind != "rate":
            yield ("measure", "kind"), f"{words}; use a rate, with the residents of a census as its denominator"
    if (measure.window is not None) != (source.properties.period.column == "month"):
        verb = "is" if source.properties.period.column == "month" else "is not"
        yield ("measure",), f"source {source.id} {verb} monthly; a monthly source needs a window, any other has none"


def where_faults(where: Mapping[str, list[str]], source: Source) -> Found:
    """Faults in a selection of rows: a column or a value that the source does not have."""
    for name, allowed in where.items():
        column = source.column(name)
        if column is None:
            yield ("where", name), unknown(name, f"column of {source.id}", column_names(source))
        elif column.values:
            for value in allowed:
                if value not in column.values:
                    yield ("where", name), unknown(value, f"value of {name} in {source.id}", column.values)


def figures_faults(column: Column, source: Source) -> Iterator[str]:
    """The fault of a column without numbers; neither numerator nor denominator may use one."""
    if column.type not in ("integer", "number"):
        yield f"column {column.name} of {source.id} holds {column.type}, not numbers"


def _economic_faults(column: Column, source: Source, vocabulary: Vocabulary) -> Iterator[str]:
    """The fault of a column that measures an economic concept; the index allows none in numerator or denominator."""
    concept = vocabulary.concepts[column.concept]
    if concept.kind == "economic":
        yield (
            f"column {column.name} of {source.id} measures {column.concept} ({concept.title}), an economic concept, "
            f"and the index holds only outcomes: if that concept is wrong, correct it in sources/{source.id}.yaml; if "
            "it is right, move the indicator to context.yaml"
        )


def _context_faults(column: Column, source: Source, vocabulary: Vocabulary) -> Iterator[str]:
    if vocabulary.concepts[column.concept].kind == "context":
        outcomes = sorted(word for word, concept in vocabulary.concepts.items() if concept.kind == "outcome")
        words = f"column {column.name} of {source.id}"
        yield f"{words} measures {column.concept}, which is context, not an outcome; allowed are {', '.join(outcomes)}"


def _unit_faults(column: Column, source: Source, vocabulary: Vocabulary, kind: str) -> Iterator[str]:
    words = f"column {column.name} of {source.id}"
    unit = vocabulary.units.get(column.unit)
    if unit and unit.positional:
        yield f"{words} is a {column.unit}; averages of ranks or deciles are refused, use the score or count behind it"
    elif unit and kind != "mean" and not unit.additive:
        yield f"{words} is in {column.unit}, which cannot be summed over areas; use a mean"


def _denominator_faults(measured: Measured, sources: Sources, vocabulary: Vocabulary, *, context: bool) -> Found:
    measure, own = measured.measure, measured.source
    denominator = measure.denominator
    assert denominator is not None
    name = denominator.source or own
    if name not in sources:
        if name != own:  # a fault of the indicator's own source is reported once, at the key source
            yield ("measure", "denominator", "source"), unknown(name, "source", sources)
        return
    if measure.kind == "share" and name != own:
        yield ("measure", "denominator"), f"both columns of a share come from {own}; use a rate to divide by {name}"
    source = sources[name]
    if source is None:
        return
    path: Path_ = ("measure", "denominator", "column")
    column = source.column(denominator.column)
    if column is None:
        yield path, unknown(denominator.column, f"column of {name}", column_names(source))
        return
    yield from ((path, message) for message in figures_faults(column, source))
    if not context:
        yield from ((path, message) for message in _economic_faults(column, source, vocabulary))
    if source.of_points:
        yield path, f"source {name} holds points; a denominator comes from areas"


def column_names(source: Source) -> list[str]:
    """The columns of a source, in order."""
    return [column.name for column in source.columns]
