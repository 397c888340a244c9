"""Checks on references between contract files, and the rule on economic concepts.

A reference into a file that has faults is not judged: those faults must be mended first.
"""

from collections.abc import Mapping
from typing import Any

from spi_pipeline.contracts.errors import Fault
from spi_pipeline.contracts.lint.measured import Found, Sources, column_names, measured_faults
from spi_pipeline.contracts.models.framework import Framework
from spi_pipeline.contracts.models.geography import Geography, plain
from spi_pipeline.contracts.models.indicators import Context, Earlier, Indicator, IndicatorFile, Measured
from spi_pipeline.contracts.models.published_findings import PublishedFindings
from spi_pipeline.contracts.models.sanity import Sanity
from spi_pipeline.contracts.models.tables import Source
from spi_pipeline.contracts.models.vocabulary import Vocabulary
from spi_pipeline.contracts.reading.documents import Document, Path_, unknown
from spi_pipeline.engine.framework.entries import check_entries
from spi_pipeline.engine.framework.faults import Faults as EngineFaults
from spi_pipeline.engine.framework.recipe import read_recipe
from spi_pipeline.engine.framework.structure import INDICATOR_KEYS, read_structure

# By the name of the file; None if it has faults.
Files = Mapping[str, tuple[Document, IndicatorFile] | None]

# Keys of an indicator's methods: without those that it declares elsewhere, and those that the pipeline sets for it.
_OF_INDICATOR = sorted({*INDICATOR_KEYS, "weight", "decimals"} - {"direction", "worst", "best", "divide_by"})
_LEVELS = ("indicator", "component", "dimension", "index")


def check_geography(document: Document, geography: Geography, faults: list[Fault]) -> None:
    """Check that codes and names are unique, the authority of each ward is listed, and no ward in force is former."""
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
        elif (ward.council or ward.authority, plain(ward.name)) in names:
            yield (
                ("wards", index, "name"),
                f"a second ward of {ward.authority} is named {ward.name!r}; names must differ",
            )
        codes.add(ward.code)
        names.add((ward.council or ward.authority, plain(ward.name)))
        if ward.authority not in authorities:
            message = unknown(ward.authority, "code of a listed authority", authorities)
            yield ("wards", index, "authority"), f"ward {ward.code}: {message}"
        if ward.code in geography.former_wards:
            message = f"ward {ward.code} is listed under former_wards too; it is in force or it is former"
            yield ("wards", index, "code"), message


def check_authorities(document: Document, geography: Geography, sources: Sources, faults: list[Fault]) -> None:
    """Check that sources under ``without`` exist, and that points can be placed in every authority that has them."""
    for index, authority in enumerate(geography.authorities):
        for number, item in enumerate(authority.without):
            for place, name in enumerate(item.sources):
                if name not in sources:
                    path: Path_ = ("authorities", index, "without", number, "sources", place)
                    message = f"authority {authority.code}: {unknown(name, 'source', sources)}"
                    faults.append(document.fault(path, message))
        if authority.placed_by == "best_fit":
            for source in filter(None, sources.values()):
                points = source.of_points and not source.column("lsoa_code")
                if points and not authority.lacks(source.id):
                    message = (
                        f"authority {authority.code} is placed by best_fit, but source {source.id} holds points "
                        f"without LSOAs; list {source.id} under without, or supply ward boundaries and use postcodes"
                    )
                    faults.append(document.fault(("authorities", index, "placed_by"), message))


def check_framework(document: Document, framework: Framework, files: Files, faults: list[Fault]) -> None:
    """Check that ids are unique over all levels, components match indicator files, and the engine accepts profiles."""
    taken = {framework.id: f"{document.file}:{document.line(('id',))}"}

    def take(where: Document, path: Path_, name: str) -> None:
        if name in taken:
            faults.append(
                where.fault(path, f"the id {name!r} is already used at {taken[name]}; every id must be unique")
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
        for keys, message in _method_faults(profile.methods):
            faults.append(document.fault(("profiles", name, *keys), f"profile {name}: {message}"))
    for own, file in filter(None, files.values()):
        if file.component not in framework.components:
            message = unknown(file.component, "component of framework.yaml", framework.components)
            faults.append(own.fault(("component",), message))
        for index, indicator in enumerate(file.indicators):
            take(own, ("indicators", index, "id"), indicator.id)


def _method_faults(methods: Mapping[str, Any]) -> Found:
    """The engine's faults in a profile's methods, found with a sample index of one element at each level."""
    parents = (None, *reversed(_LEVELS[1:]))
    sample = [
        {"id": level, "level": level} | ({"parent": parent} if parent else {})
        for parent, level in zip(parents, reversed(_LEVELS), strict=True)
    ]
    sample[-1] |= {"direction": "higher_is_better", "worst": 0, "best": 100}
    framework, faults = {**methods, "levels": list(_LEVELS), "elements": sample}, EngineFaults()
    read_recipe(framework, read_structure(framework, faults), None, faults)
    for fault in faults.faults:
        yield fault.place[1:], fault.message


def _own_method_faults(methods: Mapping[str, Any]) -> Found:
    """The engine's faults in the methods that an indicator declares."""
    for key in methods:
        if key not in _OF_INDICATOR:
            yield ("methods", key), unknown(key, "key of an indicator's methods", _OF_INDICATOR)
    faults = EngineFaults()
    check_entries({"elements": [methods]}, None, faults)
    for fault in faults.faults:
        yield ("methods", *fault.place[3:]), fault.message


def check_indicators(files: Files, sources: Sources, vocabulary: Vocabulary, faults: list[Fault]) -> None:
    """Check that each indicator's source, columns, unit, concept and predecessor exist and may be used that way."""
    known = {indicator.id for _, file in filter(None, files.values()) for indicator in file.indicators}
    for stem, loaded in files.items():
        if loaded is None:
            continue
        document, file = loaded
        if file.component != stem:
            message = f"component {file.component!r} must be the file's own name, {stem!r}"
            faults.append(document.fault(("component",), message))
        for index, indicator in enumerate(file.indicators):
            messages = [
                *measured_faults(indicator, sources, vocabulary),
                *_predecessor_faults(file, index),
                *_own_method_faults(indicator.methods),
                *_error_faults(indicator, known, sources.get(indicator.source)),
                *_restriction_faults(indicator, sources.get(indicator.source)),
            ]
            for path, message in messages:
                faults.append(document.fault(("indicators", index, *path), f"indicator {indicator.id}: {message}"))


def _restriction_faults(indicator: Indicator, source: Source | None) -> Found:
    """Columns that a publisher restricts beyond its licence may be read only for a declared reason."""
    for restriction in source.properties.restrictions if source else ():
        read = [column for column in indicator.measure.columns if column in restriction.columns]
        if source and read and not restriction.reason:
            yield (
                ("measure", "columns"),
                f"source {source.id} restricts {', '.join(read)}: {restriction.says!r}; give a reason for using it "
                f"under restrictions in {source.file}, or read another column",
            )


def check_context(
    document: Document,
    context: Context,
    indicators: Mapping[str, Indicator],
    sources: Sources,
    vocabulary: Vocabulary,
    faults: list[Fault],
) -> None:
    """Check context measures like indicators, except that they may be of any concept, economic ones included."""
    measures = [item.id for item in context.measures]
    composition = context.composition
    named: list[tuple[Path_, str]] = [
        (("peers", "measure"), context.peers.measure),
        (("composition", "given"), composition.given),
        *((("composition", "measures", index), name) for index, name in enumerate(composition.measures)),
        *((("alike", "measures", index), name) for index, name in enumerate(context.alike.measures)),
    ]
    for place, name in named:
        if name not in measures:
            faults.append(document.fault(place, unknown(name, "measure of this file", measures)))
    known: dict[str, Measured] = dict(indicators)
    for index, measured in enumerate(context.measures):
        if measured.id in known:
            message = f"the id {measured.id!r} is already used; ids are unique over all indicators and measures"
            faults.append(document.fault(("measures", index, "id"), message))
        known[measured.id] = measured
        messages = [
            *measured_faults(measured, sources, vocabulary, context=True),
            *_error_faults(measured, set(indicators), sources.get(measured.source)),
        ]
        for path, message in messages:
            faults.append(document.fault(("measures", index, *path), f"measure {measured.id}: {message}"))


def check_decade(
    document: Document,
    context: Context,
    indicators: Mapping[str, Indicator],
    sources: Sources,
    vocabulary: Vocabulary,
    faults: list[Fault],
) -> None:
    """Check that each comparison of two censuses is of an existing measure or indicator, and appears once."""
    known: dict[str, Measured] = {**indicators, **{item.id: item for item in context.measures}}
    seen: set[str] = set()
    for index, earlier in enumerate(context.decade):
        if earlier.measure in seen:
            message = f"{earlier.measure} appears twice; keep one"
            faults.append(document.fault(("decade", index, "measure"), message))
        seen.add(earlier.measure)
        for path, message in _earlier_faults(earlier, known, sources, vocabulary):
            faults.append(document.fault(("decade", index, *path), f"decade of {earlier.measure}: {message}"))


def _earlier_faults(earlier: Earlier, known: Mapping[str, Measured], sources: Sources, vocabulary: Vocabulary) -> Found:
    """Two censuses are compared, each of one day; both figures are divided by a column, or neither is."""
    if earlier.measure not in known:
        yield ("measure",), unknown(earlier.measure, "indicator, or measure of this file", known)
        return
    now = known[earlier.measure]
    divided = now.measure.denominator is not None
    if divided != (earlier.denominator is not None):
        if divided:
            message = f"{earlier.measure} has a denominator, so its earlier figures need one too; correct denominator"
        else:
            message = (
                f"{earlier.measure} has no denominator, so its earlier figures must have none; correct denominator"
            )
        yield ("denominator",), message
        return
    for path, message in measured_faults(earlier.of(now), sources, vocabulary, context=True):
        yield path[1:] if path[0] == "measure" else path, message
    for name in (now.source, earlier.source):
        source = sources.get(name)
        if source is not None and source.properties.period.column is not None:
            yield ("source",), f"source {name} has several periods; each census of a decade must have one"


def check_sanity(
    document: Document, sanity: Sanity, context: Context, framework: Framework, faults: list[Fault]
) -> None:
    """Check that the profile and the measures compared exist; other councils' findings may be explained too."""
    if sanity.profile not in framework.profiles:
        faults.append(document.fault(("profile",), unknown(sanity.profile, "profile", framework.profiles)))
    measures = [item.id for item in context.measures]
    for index, item in enumerate(sanity.compare):
        if item.measure not in measures:
            message = unknown(item.measure, "measure of context.yaml", measures)
            faults.append(document.fault(("compare", index, "measure"), message))


def check_published(
    document: Document,
    published: PublishedFindings,
    geography: Geography,
    framework: Framework,
    files: Files,
    faults: list[Fault],
) -> None:
    """Check that ids are unique, elements exist, and wards lie in the authority; other councils' entries may stay."""
    elements = {framework.id, *(dimension.id for dimension in framework.dimensions), *framework.components}
    elements |= {item.id for _, file in filter(None, files.values()) for item in file.indicators}
    taken: set[str] = set()
    for index, finding in enumerate(published.findings):
        path: Path_ = ("findings", index)
        if finding.id in taken:
            faults.append(document.fault((*path, "id"), f"the id {finding.id!r} is already used; choose another"))
        taken.add(finding.id)
        wards = [ward.code for ward in geography.wards if ward.authority == finding.authority]
        for number, claim in enumerate(finding.claims):
            where: Path_ = (*path, "claims", number)
            if claim.element not in elements and None not in files.values():
                message = unknown(claim.element, "score of the index", elements)
                faults.append(document.fault((*where, "element"), f"finding {finding.id}: {message}"))
            for place, ward in enumerate(claim.wards):
                if wards and ward not in wards:
                    message = unknown(ward, f"ward of {finding.authority}", wards)
                    faults.append(document.fault((*where, "wards", place), f"finding {finding.id}: {message}"))
                if ward in claim.wards[:place]:
                    message = f"finding {finding.id}: ward {ward} is named twice; keep one"
                    faults.append(document.fault((*where, "wards", place), message))


def _predecessor_faults(file: IndicatorFile, index: int) -> Found:
    name, above = file.indicators[index].predecessor, file.indicators[:index]
    if name is None:
        return
    # A predecessor stands above, so there are no circles, and has one successor, so they form a line: the newest
    # with a value comes first.
    if name not in [other.id for other in above]:
        yield ("predecessor",), unknown(name, "indicator above this one in its file", [other.id for other in above])
    for other in above:
        if other.predecessor == name:
            yield (
                ("predecessor",),
                f"{other.id} names {name!r} as its predecessor already; one indicator has one successor",
            )


def _error_faults(measured: Measured, known: set[str], source: Source | None) -> Found:
    error = measured.error
    if error is None:
        return
    others = known - {measured.id}
    if error.other is not None and error.other not in others:
        yield ("error", "other"), unknown(error.other, "indicator that could be a second measure", others)
    for end in ("lower", "upper"):
        name = getattr(error, end)
        if source is not None and name is not None and source.column(name) is None:
            yield ("error", end), unknown(name, f"column of {source.id}", column_names(source))
