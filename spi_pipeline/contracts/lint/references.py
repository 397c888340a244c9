"""What one contract file alone cannot know: references between files, and the rule on economic concepts.

A reference into a file that has faults of its own is not judged: those faults come first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from spi_pipeline.contracts.errors import Fault
from spi_pipeline.contracts.models.framework import Framework
from spi_pipeline.contracts.models.geography import Geography, plain
from spi_pipeline.contracts.models.indicators import Economy, IndicatorFile, Level, Measured
from spi_pipeline.contracts.models.sanity import Sanity
from spi_pipeline.contracts.models.tables import Column, Source
from spi_pipeline.contracts.models.vocabulary import Vocabulary
from spi_pipeline.contracts.reading.documents import Document, Path_, unknown

# By the name of the file; None where it has faults of its own.
Files = Mapping[str, tuple[Document, IndicatorFile] | None]
Sources = Mapping[str, Source | None]
Found = Iterator[tuple[Path_, str]]

_LEVELS = ("component", "dimension", "index")


def check_geography(document: Document, geography: Geography, faults: list[Fault]) -> None:
    """Codes and names are unique, every ward's authority is listed, no former ward is listed as current."""
    faults.extend(document.fault(path, message) for path, message in _geography_faults(geography))


def _geography_faults(geography: Geography) -> Found:
    authorities: set[str] = set()
    for index, authority in enumerate(geography.authorities):
        if authority.code in authorities:
            yield ("authorities", index), f"authority {authority.code} is listed twice; keep one of them"
        authorities.add(authority.code)
        if authority.code not in {ward.authority for ward in geography.wards}:
            yield ("authorities", index), f"authority {authority.code} has no ward; list its wards"
    codes: set[str] = set()
    names: set[tuple[str, str]] = set()
    for index, ward in enumerate(geography.wards):
        if ward.code in codes:
            yield ("wards", index, "code"), f"ward {ward.code} is listed twice; keep one of them"
        elif (ward.authority, plain(ward.name)) in names:
            yield (
                ("wards", index, "name"),
                f"a second ward of {ward.authority} is named {ward.name!r}; names must differ",
            )
        codes.add(ward.code)
        names.add((ward.authority, plain(ward.name)))
        if ward.authority not in authorities:
            said = unknown(ward.authority, "code of a listed authority", authorities)
            yield ("wards", index, "authority"), f"ward {ward.code}: {said}"
        if ward.code in geography.former_wards:
            said = f"ward {ward.code} is listed under former_wards too; it is in force or it is former"
            yield ("wards", index, "code"), said


def check_authorities(document: Document, geography: Geography, sources: Sources, faults: list[Fault]) -> None:
    """What an authority is said to be without exists; incidents can be placed in every authority that has them."""
    for index, authority in enumerate(geography.authorities):
        for number, item in enumerate(authority.without):
            for place, name in enumerate(item.sources):
                if name not in sources:
                    path: Path_ = ("authorities", index, "without", number, "sources", place)
                    said = f"authority {authority.code}: {unknown(name, 'source', sources)}"
                    faults.append(document.fault(path, said))
        if authority.placed_by == "best_fit":
            for source in filter(None, sources.values()):
                points = "point" in source.properties.geography.levels and not source.column("lsoa_code")
                if points and not authority.lacks(source.id):
                    message = (
                        f"authority {authority.code} is placed by best_fit, but source {source.id} holds points "
                        f"without LSOAs; list {source.id} under without, or supply ward boundaries and use postcodes"
                    )
                    faults.append(document.fault(("authorities", index, "placed_by"), message))


def check_framework(document: Document, framework: Framework, files: Files, faults: list[Fault]) -> None:
    """Ids are unique over all levels, components and indicator files match, profiles name a mean for every level."""
    taken = {framework.id: f"{document.file}:{document.line(('id',))}"}

    def take(where: Document, path: Path_, name: str) -> None:
        if name in taken:
            faults.append(
                where.fault(path, f"the id {name!r} is taken already, by {taken[name]}; ids are unique over all")
            )
        taken.setdefault(name, f"{where.file}:{where.line(path)}")

    for d, dimension in enumerate(framework.dimensions):
        take(document, ("dimensions", d, "id"), dimension.id)
        for c, component in enumerate(dimension.components):
            path: Path_ = ("dimensions", d, "components", c, "id")
            take(document, path, component.id)
            if component.id not in files:
                message = f"component {component.id} has no indicators; add indicators/{component.id}.yaml"
                faults.append(document.fault(path, message))
    for name, profile in framework.profiles.items():
        for level in _LEVELS:
            if level not in profile.means:
                message = f"profile {name} states no mean for {level}; it needs one for each of {', '.join(_LEVELS)}"
                faults.append(document.fault(("profiles", name, "means"), message))
    for own, file in filter(None, files.values()):
        if file.component not in framework.components:
            said = unknown(file.component, "component of framework.yaml", framework.components)
            faults.append(own.fault(("component",), said))
        for index, indicator in enumerate(file.indicators):
            take(own, ("indicators", index, "id"), indicator.id)


def check_indicators(files: Files, sources: Sources, vocabulary: Vocabulary, faults: list[Fault]) -> None:
    """Every indicator's source, columns, unit, concept and predecessor exist and may be used as they are."""
    for stem, loaded in files.items():
        if loaded is None:
            continue
        document, file = loaded
        if file.component != stem:
            message = f"component {file.component!r} must be the file's own name, {stem!r}"
            faults.append(document.fault(("component",), message))
        for index, indicator in enumerate(file.indicators):
            found = [*_measured_faults(indicator, sources, vocabulary), *_predecessor_faults(file, index)]
            for path, message in found:
                faults.append(document.fault(("indicators", index, *path), f"indicator {indicator.id}: {message}"))


def check_economy(
    document: Document, economy: Economy, taken: set[str], sources: Sources, vocabulary: Vocabulary, faults: list[Fault]
) -> None:
    """As for indicators, but that a context measure may be of any concept, economic ones above all."""
    measures = [item.id for item in economy.measures]
    if economy.peers.measure not in measures:
        said = unknown(economy.peers.measure, "measure of this file", measures)
        faults.append(document.fault(("peers", "measure"), said))
    for index, measured in enumerate(economy.measures):
        if measured.id in taken:
            message = f"the id {measured.id!r} is taken already; ids are unique over all indicators and measures"
            faults.append(document.fault(("measures", index, "id"), message))
        taken.add(measured.id)
        for path, message in _measured_faults(measured, sources, vocabulary, context=True):
            faults.append(document.fault(("measures", index, *path), f"measure {measured.id}: {message}"))


def check_sanity(
    document: Document, sanity: Sanity, economy: Economy, framework: Framework, faults: list[Fault]
) -> None:
    """The profile and the measures compared with exist. Findings of other councils' wards may be explained too."""
    if sanity.profile not in framework.profiles:
        faults.append(document.fault(("profile",), unknown(sanity.profile, "profile", framework.profiles)))
    measures = [item.id for item in economy.measures]
    for index, item in enumerate(sanity.compare):
        if item.measure not in measures:
            said = unknown(item.measure, "measure of economy.yaml", measures)
            faults.append(document.fault(("compare", index, "measure"), said))


def _predecessor_faults(file: IndicatorFile, index: int) -> Found:
    name, above = file.indicators[index].predecessor, file.indicators[:index]
    if name is None:
        return
    # Standing above rules out circles, and one successor each makes a line of them: newest with a value first.
    if name not in [other.id for other in above]:
        said = unknown(name, "indicator above this one in its file", [other.id for other in above])
        yield ("predecessor",), said
    for other in above:
        if other.predecessor == name:
            yield (
                ("predecessor",),
                f"{other.id} names {name!r} as its predecessor already; one indicator has one successor",
            )


def _measured_faults(measured: Measured, sources: Sources, vocabulary: Vocabulary, *, context: bool = False) -> Found:
    """Faults of what an indicator, or a measure of the economic context, refers to."""
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
        yield from _measure_faults(measured, source, vocabulary, context=context)
    if measured.measure.denominator:
        yield from _denominator_faults(measured, sources, vocabulary, context=context)
    if measured.measure.level and context:
        yield ("measure", "kind"), "an anchored measure belongs to the index; the economic context has no level to move"
    elif measured.measure.level:
        yield from _level_faults(measured, measured.measure.level, sources, vocabulary)


def _level_faults(measured: Measured, level: Level, sources: Sources, vocabulary: Vocabulary) -> Found:
    """Counts of points move a rate by small areas, of one period and in the indicator's own unit."""
    moved, source = sources.get(measured.source), sources.get(level.source)
    if level.source not in sources:
        yield ("measure", "level", "source"), unknown(level.source, "source", sources)
    if moved is not None and "point" not in moved.properties.geography.levels:
        yield ("source",), f"source {moved.id} holds no points; an anchored measure counts points in wards"
    if source is None:
        return
    if source.properties.period.column is not None or "point" in source.properties.geography.levels:
        yield ("measure", "level", "source"), f"source {source.id} is not of areas and one period, as a level must be"
    for index, name in enumerate(level.columns):
        path: Path_ = ("measure", "level", "columns", index)
        column = source.column(name)
        if column is None:
            yield path, unknown(name, f"column of {source.id}", _names(source))
            continue
        judged = (_figures_faults(column, source), _economic_faults(column, source, vocabulary))
        yield from ((path, said) for found in judged for said in found)
        if column.unit != measured.unit:
            yield path, f"column {name} of {source.id} is in {column.unit}, the indicator in {measured.unit}"


def _measure_faults(measured: Measured, source: Source, vocabulary: Vocabulary, *, context: bool) -> Found:
    measure = measured.measure
    for index, name in enumerate(measure.columns):
        path: Path_ = ("measure", "columns", index)
        column = source.column(name)
        if column is None:
            yield path, unknown(name, f"column of {source.id}", _names(source))
            continue
        yield from ((path, said) for said in _figures_faults(column, source))
        if not context:
            yield from ((path, said) for said in _economic_faults(column, source, vocabulary))
            yield from ((path, said) for said in _context_faults(column, source, vocabulary))
        yield from ((path, said) for said in _unit_faults(column, source, vocabulary, measure.kind))
    for name, allowed in measure.where.items():
        path = ("measure", "where", name)
        column = source.column(name)
        if column is None:
            yield path, unknown(name, f"column of {source.id}", _names(source))
        elif column.values:
            for value in allowed:
                if value not in column.values:
                    yield path, unknown(value, f"value of {name} in {source.id}", column.values)
    if measure.kind == "mean" and source.properties.geography.levels == ["ward"] and measure.denominator is None:
        yield (
            ("measure",),
            f"source {source.id} is on wards already; a mean of it needs the denominator it is weighted with",
        )
    if source.properties.geography.levels == ["authority"]:
        said = f"source {source.id} is on authorities"
        if not context:
            yield ("source",), f"{said}: it says the same of every ward, so it may stand in economy.yaml alone"
        elif measure.kind != "rate":
            yield ("measure", "kind"), f"{said}; of those a rate is formed, by the residents of a census"
    if (measure.window is not None) != (source.properties.period.column == "month"):
        verb = "is" if source.properties.period.column == "month" else "is not"
        yield ("measure",), f"source {source.id} {verb} monthly; a monthly source needs a window, any other has none"


def _figures_faults(column: Column, source: Source) -> Iterator[str]:
    """What no column of a measure may be, above or below the line."""
    if column.type not in ("integer", "number"):
        yield f"column {column.name} of {source.id} holds {column.type}, not numbers"


def _economic_faults(column: Column, source: Source, vocabulary: Vocabulary) -> Iterator[str]:
    """The rule of the index: no economic concept, above or below the line."""
    concept = vocabulary.concepts[column.concept]
    if concept.kind == "economic":
        yield (
            f"column {column.name} of {source.id} measures {column.concept} ({concept.title}), an economic concept; "
            "the index holds outcomes only, so it may stand in economy.yaml"
        )


def _context_faults(column: Column, source: Source, vocabulary: Vocabulary) -> Iterator[str]:
    if vocabulary.concepts[column.concept].kind == "context":
        outcomes = sorted(word for word, concept in vocabulary.concepts.items() if concept.kind == "outcome")
        said = f"column {column.name} of {source.id}"
        yield f"{said} measures {column.concept}, which is context and no outcome; allowed are {', '.join(outcomes)}"


def _unit_faults(column: Column, source: Source, vocabulary: Vocabulary, kind: str) -> Iterator[str]:
    said = f"column {column.name} of {source.id}"
    unit = vocabulary.units.get(column.unit)
    if unit and unit.positional:
        yield f"{said} is a {column.unit}; averages of ranks or deciles are refused, use the score or count behind it"
    elif unit and kind != "mean" and not unit.additive:
        yield f"{said} is in {column.unit}, which cannot be summed over areas; use a mean"


def _denominator_faults(measured: Measured, sources: Sources, vocabulary: Vocabulary, *, context: bool) -> Found:
    measure, own = measured.measure, measured.source
    denominator = measure.denominator
    assert denominator is not None
    name = denominator.source or own
    if name not in sources:
        if name != own:  # the indicator's own source is told once, where it is named
            yield ("measure", "denominator", "source"), unknown(name, "source", sources)
        return
    if measure.kind == "share" and name != own:
        yield ("measure", "denominator"), f"a share is formed within {own} alone; use a rate to divide by {name}"
    source = sources[name]
    if source is None:
        return
    path: Path_ = ("measure", "denominator", "column")
    column = source.column(denominator.column)
    if column is None:
        yield path, unknown(denominator.column, f"column of {name}", _names(source))
        return
    yield from ((path, said) for said in _figures_faults(column, source))
    if not context:
        yield from ((path, said) for said in _economic_faults(column, source, vocabulary))
    if "point" in source.properties.geography.levels:
        yield path, f"source {name} holds points; a denominator comes from areas"


def _names(source: Source) -> list[str]:
    return [column.name for column in source.columns]
